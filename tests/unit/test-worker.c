/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Workers on threads of their own: no frame waits for ever because a wake-up
 * got lost, whatever the control thread does meanwhile; sleep costs no CPU
 * time; a port that was deleted is not touched again.
 * Latencies are printed only: the machine may be busy.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "src/datapath/network.h"
#include "src/datapath/rcu.h"
#include "src/datapath/sleep.h"
#include "src/datapath/table.h"
#include "tests/unit/line-port.h"

#define ROUNDS     3000
#define IDLE_US    30
#define TIMEOUT_NS INT64_C(10000000000)
#define WORKERS    2
#define RUNNERS    2

#ifdef __SANITIZE_THREAD__
/* DPDK reads and writes the last acknowledged token, a hint that spares a look
 * at the workers, without atomics; harmless where a 64-bit load is one access. */
const char *__tsan_default_suppressions(void);
const char *
__tsan_default_suppressions(void)
{
	return "race:__rte_rcu_qsbr_check_selective\nrace:__rte_rcu_qsbr_check_all\n"
	       "race:rte_rcu_qsbr_check\n";
}
#endif

static struct dp_network *net;
static struct dp_port *line[2];
static pthread_t thread[WORKERS];

/* The linker puts it before vhost_signal(). */
static __thread unsigned int signals;
void __real_vhost_signal(void);
void __wrap_vhost_signal(void);

void
__wrap_vhost_signal(void)
{
	signals++;
	__real_vhost_signal();
}

/* --- the world ----------------------------------------------------------------- */

static struct dp_port *
line_add(const char *name, uint16_t queues)
{
	struct dp_port_config cfg = {
		.queues = queues, .settings = {.network = net, .mtu = 1500, .enabled = true}};
	struct dp_error err = {""};
	struct dp_port *p = NULL;

	snprintf(cfg.name, sizeof(cfg.name), "%s", name);
	assert_int_equal(port_add(&cfg, &line_ops, &p, &err), 0);
	return p;
}

static void *
run(void *arg)
{
	worker_run(arg);
	return NULL;
}

static int
setup(void **state)
{
	struct dp_network_config cfg = {.name = "net", .ageing_s = 1000000};
	struct dp_error err;

	dp_clock_init(0);
	dp_idle_cycles = dp_clock_hz / 1000000 * IDLE_US;
	assert_int_equal(dp_rcu_start(WORKERS), 0);
	for (uint16_t i = 0; i < WORKERS; i++) {
		dp_worker[i] = worker_new(i, i);
		assert_non_null(dp_worker[i]);
	}
	dp_nworkers = WORKERS;
	for (uint16_t i = 0; i < WORKERS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, run, dp_worker[i]), 0);
	assert_int_equal(dp_network_add(&cfg, &net, &err), 0);
	return 0;
}

static int
teardown(void **state)
{
	struct dp_error err;

	assert_int_equal(dp_network_del(net, &err), 0);
	worker_stop_all();
	for (uint16_t i = 0; i < WORKERS; i++) {
		pthread_join(thread[i], NULL);
		assert_int_equal(dp_worker[i]->state, DP_WORKER_STOPPED);
		worker_free(dp_worker[i]);
	}
	dp_nworkers = 0;
	dp_rcu_stop();
	return 0;
}

static int64_t
now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* Sends one frame from `from`, and waits until `to` got it; -1: never. */
static int64_t
round_trip(struct dp_port *from, struct dp_port *to)
{
	struct line *l = to->dev;
	uint32_t before = __atomic_load_n(&l->sent, __ATOMIC_ACQUIRE);
	int64_t start = now_ns(CLOCK_MONOTONIC);

	line_produce(from->dev);
	for (;;) {
		int64_t ns = now_ns(CLOCK_MONOTONIC) - start;

		if (__atomic_load_n(&l->sent, __ATOMIC_ACQUIRE) != before)
			return ns;
		if (ns > TIMEOUT_NS)
			return -1;
		if (ns > 20000)
			usleep(10);
	}
}

/* Pauses about as long as a worker spins, so that frames meet it in every
 * state on its way to sleep. */
static void
pause_a_little(unsigned int *seed)
{
	int64_t until = now_ns(CLOCK_MONOTONIC) + rand_r(seed) % (3 * IDLE_US * 1000);

	while (now_ns(CLOCK_MONOTONIC) < until)
		;
}

static void
rounds(const char *what, int n, void (*between)(int round))
{
	unsigned int seed = 1;
	int64_t sum = 0, worst = 0;

	for (int i = 0; i < n; i++) {
		int64_t ns = round_trip(line[0], line[1]);

		assert_true(ns >= 0);
		sum += ns;
		worst = ns > worst ? ns : worst;
		if (between != NULL)
			between(i);
		pause_a_little(&seed);
	}
	print_message("%s: %d frames, %.1f us on average, %.1f us at worst, sleeps %llu + %llu\n",
		what, n, (double)sum / n / 1e3, (double)worst / 1e3,
		(unsigned long long)__atomic_load_n(
			&dp_worker[0]->counters.sleeps, __ATOMIC_RELAXED),
		(unsigned long long)__atomic_load_n(
			&dp_worker[1]->counters.sleeps, __ATOMIC_RELAXED));
}

static void
lines_add(const char *first)
{
	line[0] = line_add(first, 3);
	line[1] = line_add("sink", 1);
}

static void
lines_del(void)
{
	dp_port_del(line[0]);
	dp_port_del(line[1]);
}

static void
test_no_lost_wakeup(void **state)
{
	lines_add("line");
	rounds("kicks", ROUNDS, NULL);
	assert_true(__atomic_load_n(&dp_worker[0]->counters.sleeps, __ATOMIC_RELAXED) > 0);
	lines_del();
}

static void
test_timer(void **state)
{
	lines_add("timer");
	rounds("timer", ROUNDS / 20, NULL);
	lines_del();
}

/* The ring starts anew with another eventfd, as at a guest's reset: nobody has
 * asked the new one for kicks. */
static void
change_kick(int round)
{
	struct line *l = line[0]->dev;
	int old = l->kick_fd, fd = eventfd(0, EFD_CLOEXEC);

	__atomic_store_n(&l->kick_fd, fd, __ATOMIC_RELAXED);
	__atomic_store_n(&l->kick_wanted, 0, __ATOMIC_SEQ_CST);
	dp_port_kick_changed(line[0], 0, old, fd);
	close(old);
}

static void
test_kick_changes(void **state)
{
	lines_add("line");
	rounds("new eventfd each time", ROUNDS / 4, change_kick);
	lines_del();
}

static void
change_ports(int round)
{
	static struct dp_port *extra;
	struct dp_port_settings s = *line[1]->settings;
	struct dp_error err;

	if (extra == NULL) {
		extra = line_add("extra", 2);
	} else {
		line_produce(extra->dev);
		dp_port_del(extra);
		extra = NULL;
	}
	s.mtu = (uint16_t)(1000 + round % 500);
	assert_int_equal(dp_port_set(line[1], &s, &err), 0);
}

static void
test_port_changes(void **state)
{
	lines_add("line");
	rounds("ports come and go", ROUNDS / 4 * 2, change_ports);
	lines_del();
}

/* A thread for each: the control thread's calls and other waits for grace
 * periods at the same time. */
static void *
synchronizer(void *arg)
{
	for (int i = 0; i < 2000; i++)
		dp_rcu_synchronize();
	return NULL;
}

static void
test_synchronize(void **state)
{
	pthread_t t[RUNNERS];

	lines_add("line");
	for (int i = 0; i < RUNNERS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, synchronizer, NULL), 0);
	rounds("grace periods", ROUNDS / 10, change_ports);
	for (int i = 0; i < RUNNERS; i++)
		pthread_join(t[i], NULL);
	lines_del();
}

static uint32_t learned_second;

static void
note_second(fdb_key key, uint16_t port, uint32_t age_s, void *arg)
{
	learned_second = 1000000 - age_s;
}

static uint64_t
counter(const uint64_t *c)
{
	return __atomic_load_n(c, __ATOMIC_RELAXED);
}

/* Who was asleep has its time booked as idle, also when the first look after
 * it finds work, and judges that work by a clock that went on. */
static void
test_idle(void **state)
{
	struct worker_counters *c = &dp_worker[0]->counters;
	uint64_t busy, idle;
	uint32_t second;
	int64_t cpu;

	lines_add("line");
	usleep(20000);
	cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID);
	busy = counter(&c->busy_cycles);
	idle = counter(&c->idle_cycles);
	usleep(1100000);
	cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	print_message("idle: %.2f %% of a CPU\n", (double)cpu / 11e6);
	for (int i = 0; i < WORKERS; i++)
		assert_int_equal(__atomic_load_n(&dp_worker[i]->state, __ATOMIC_RELAXED),
			DP_WORKER_SLEEPING);
	second = dp_clock_seconds(dp_clock_tsc());
	assert_true(round_trip(line[0], line[1]) >= 0);
	usleep(20000);
	assert_true(counter(&c->busy_cycles) - busy < counter(&c->idle_cycles) - idle);
	learned_second = 0;
	fdb_walk(&net->fdb, 1000000, note_second, NULL);
	assert_true(learned_second >= second);
	lines_del();
}

/* A descriptor that epoll does not take: the timer serves instead. */
static void
test_strange_fd(void **state)
{
	char name[] = "/tmp/netvm-test-XXXXXX";
	int fd = mkstemp(name), old;

	assert_true(fd >= 0);
	unlink(name);
	lines_add("line");
	old = ((struct line *)line[0]->dev)->kick_fd;
	((struct line *)line[0]->dev)->kick_fd = fd;
	dp_port_kick_changed(line[0], 0, old, fd);
	close(old);
	rounds("a file for an eventfd", 50, NULL);
	lines_del();
}

/* Guests' interrupts are asked for once per round, whether or not the ports of
 * this worker moved anything: nobody else does it. */
static void
test_signals(void **state)
{
	struct worker *w = worker_new(WORKERS, 0);

	assert_non_null(w);
	for (unsigned int i = 1; i <= 3; i++) {
		worker_poll(w);
		assert_int_equal(signals, i);
	}
	worker_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_lost_wakeup),
		cmocka_unit_test(test_timer),
		cmocka_unit_test(test_kick_changes),
		cmocka_unit_test(test_port_changes),
		cmocka_unit_test(test_synchronize),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_strange_fd),
		cmocka_unit_test(test_signals),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
