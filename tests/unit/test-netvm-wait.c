/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libnetvm under load: sleep without a lost wake-up, resets and new generations in
 * the middle of traffic, two threads on one pair. Sanitizers see what is shared.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "guest-pmd/netvm.h"
#include "tests/unit/fake-host.h"

#define ROUNDS 3000
#define PAIRS  3

static struct netvm_port *
open_port(struct fake_host *h)
{
	struct netvm_port *port = netvm_open(h->transport, NULL);

	if (!port)
		fail_msg("%s", netvm_error());
	return port;
}

static void
end(struct fake_host *h, struct netvm_port *port)
{
	netvm_close(port);
	for (int i = 0; i < 10000 && fake_host_owned(h); i++)
		usleep(1000);
	assert_int_equal(fake_host_owned(h), 0);
	assert_int_equal(h->free_count, h->config.buffers);
	assert_int_equal(h->violations, 0);
	fake_host_free(h);
}

/* --- no wake-up is lost ------------------------------------------------------------- */

struct sleeper {
	struct netvm_port *port;
	uint16_t pair;
	uint32_t came; /* atomic */
	bool failed;
};

/* Sleeps without a limit before each packet: a lost wake-up hangs the test. */
static void *
sleep_and_take(void *arg)
{
	struct sleeper *s = arg;
	struct netvm_packet p;

	while (s->came < ROUNDS && !s->failed) {
		if (netvm_wait(s->port, s->pair, -1) < 0)
			s->failed = true;
		if (netvm_rx(s->port, s->pair, &p, 1) != 1)
			continue;
		netvm_free(s->port, s->pair, &p, 1);
		__atomic_store_n(&s->came, s->came + 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

static void
run_sleepers(uint16_t vectors)
{
	struct fake_host_config c = {.pairs = PAIRS, .vectors = vectors, .mode = FAKE_HOST_SINK};
	struct fake_host *h = fake_host_new(&c);
	struct netvm_port *port = open_port(h);
	struct sleeper s[PAIRS];
	pthread_t threads[PAIRS];
	struct netvm_stats st;

	for (uint16_t i = 0; i < PAIRS; i++) {
		s[i] = (struct sleeper){.port = port, .pair = i};
		pthread_create(&threads[i], NULL, sleep_and_take, &s[i]);
	}
	for (uint32_t n = 0; n < ROUNDS; n++) {
		for (uint16_t i = 0; i < PAIRS; i++)
			while (!fake_host_send(h, i, "wake up", 7))
				usleep(100);
		/* Sometimes they all sleep again, sometimes they are just about to. */
		for (uint16_t i = 0; n % 3 && i < PAIRS; i++)
			while (__atomic_load_n(&s[i].came, __ATOMIC_ACQUIRE) <= n)
				usleep(n % 50);
	}
	for (uint16_t i = 0; i < PAIRS; i++) {
		pthread_join(threads[i], NULL);
		assert_false(s[i].failed);
		assert_int_equal(s[i].came, ROUNDS);
	}
	netvm_get_stats(port, NETVM_ALL_PAIRS, &st);
	assert_int_equal(st.rx_packets, PAIRS * ROUNDS);
	assert_true(st.waits > 0);
	assert_true(h->bells > 0);
	end(h, port);
}

static void
test_sleepers(void **state)
{
	run_sleepers(PAIRS);
}

static void
test_sleepers_share_a_doorbell(void **state)
{
	run_sleepers(1);
}

/* What came before the wish to be woken is found without a sleep. */
static void
test_arm(void **state)
{
	struct fake_host *h = fake_host_new(&(struct fake_host_config){.mode = FAKE_HOST_SINK});
	struct netvm_port *port = open_port(h);
	struct netvm_packet p;
	struct netvm_stats st;

	assert_int_equal(netvm_arm(port, 0), 0);
	assert_true(fake_host_send(h, 0, "packet", 6));
	netvm_disarm(port, 0);
	assert_int_equal(netvm_arm(port, 0), 1);
	netvm_disarm(port, 0);
	assert_int_equal(netvm_wait(port, 0, -1), 1);
	netvm_get_stats(port, 0, &st);
	assert_int_equal(st.waits, 0);
	assert_int_equal(netvm_rx(port, 0, &p, 1), 1);
	netvm_free(port, 0, &p, 1);
	end(h, port);
}

/* The library's own doorbell of the host: rung when the host waits, and only then. */
static void
test_rings_host(void **state)
{
	struct fake_host *h = fake_host_new(&(struct fake_host_config){.mode = FAKE_HOST_SINK});
	struct netvm_port *port = open_port(h);
	struct netvm_ring *tx = fake_host_ring(h, 0, NETVM_TX);
	struct netvm_packet p;
	uint64_t rung;

	usleep(50000); /* those of the opening */
	rung = __atomic_load_n(&h->rung, __ATOMIC_ACQUIRE);
	assert_int_equal(netvm_alloc(port, 0, &p, 1), 1);
	p.length = p.total = 60;
	assert_int_equal(netvm_tx(port, 0, &p, 1), 1);
	assert_true(fake_host_until(h, &h->taken, 1));
	assert_int_equal(__atomic_load_n(&h->rung, __ATOMIC_ACQUIRE), rung);
	__atomic_store_n(&tx->wait, 1, __ATOMIC_SEQ_CST);
	assert_int_equal(netvm_alloc(port, 0, &p, 1), 1);
	p.length = p.total = 60;
	assert_int_equal(netvm_tx(port, 0, &p, 1), 1);
	assert_true(fake_host_until(h, &h->rung, rung + 1));
	end(h, port);
}

/* --- resets under load ----------------------------------------------------------------- */

/* Forwards on one thread and reopens when it must; the packets that it had are void. */
static void
test_reset_under_load(void **state)
{
	struct fake_host_config c = {.mode = FAKE_HOST_ECHO};
	struct fake_host *h = fake_host_new(&c);
	struct netvm_port *port = open_port(h);
	struct netvm_packet p[32];
	struct netvm_stats st;
	unsigned int resets = 0, came = 0;
	int got, sent;

	for (unsigned int i = 0; resets < 30; i++) {
		got = netvm_rx(port, 0, p, 32);
		came += got > 0 ? got : 0;
		if (got == 0)
			got = netvm_alloc(port, 0, p, 1 + i % 32);
		for (int j = 0; j < got; j++)
			p[j].length = p[j].total = 60;
		sent = got > 0 ? netvm_tx(port, 0, p, got) : got;
		if (sent < 0) {
			assert_int_equal(sent, -ENOTCONN);
			assert_int_equal(netvm_reopen(port), 0);
			resets++;
			continue;
		}
		netvm_free(port, 0, p + sent, got - sent);
		if (came > 500) {
			fake_host_ask_reset(h);
			came = 0;
		}
		if (i % 300 == 10)
			fake_host_restart(h);
	}
	netvm_get_stats(port, 0, &st);
	assert_int_equal(st.reopened, 30);
	assert_true(st.rx_packets > 0);
	end(h, port);
}

/* --- the two directions on two threads ---------------------------------------------------- */

struct direction {
	struct netvm_port *port;
	int stop; /* atomic */
	uint64_t came;
};

/* The receiving thread hands buffers to the other through a ring of one. */
struct handoff {
	struct direction d;
	struct netvm_packet p;
	int full; /* atomic */
};

static void *
receive(void *arg)
{
	struct handoff *x = arg;
	struct netvm_packet p;

	while (!__atomic_load_n(&x->d.stop, __ATOMIC_ACQUIRE)) {
		if (netvm_wait(x->d.port, 0, 5) <= 0 || netvm_rx(x->d.port, 0, &p, 1) != 1)
			continue;
		while (__atomic_load_n(&x->full, __ATOMIC_ACQUIRE))
			;
		x->p = p;
		__atomic_store_n(&x->full, 1, __ATOMIC_RELEASE);
		x->d.came++;
	}
	return NULL;
}

static void
test_two_directions(void **state)
{
	struct fake_host *h = fake_host_new(&(struct fake_host_config){.mode = FAKE_HOST_ECHO});
	struct netvm_port *port = open_port(h);
	struct handoff x = {.d = {.port = port}};
	struct netvm_packet p;
	uint64_t freed = 0;
	pthread_t thread;

	pthread_create(&thread, NULL, receive, &x);
	for (uint64_t sent = 0; freed < 2000;) {
		if (sent - freed < 16 && netvm_alloc(port, 0, &p, 1) == 1) {
			p.length = p.total = 60;
			while (netvm_tx(port, 0, &p, 1) != 1)
				;
			sent++;
		}
		if (__atomic_load_n(&x.full, __ATOMIC_ACQUIRE)) {
			netvm_free(port, 0, &x.p, 1);
			__atomic_store_n(&x.full, 0, __ATOMIC_RELEASE);
			freed++;
		}
	}
	__atomic_store_n(&x.d.stop, 1, __ATOMIC_RELEASE);
	__atomic_store_n(&x.full, 0, __ATOMIC_RELEASE);
	while (pthread_tryjoin_np(thread, NULL))
		__atomic_store_n(&x.full, 0, __ATOMIC_RELEASE);
	assert_true(x.d.came >= 2000);
	end(h, port);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sleepers),
		cmocka_unit_test(test_sleepers_share_a_doorbell),
		cmocka_unit_test(test_arm),
		cmocka_unit_test(test_rings_host),
		cmocka_unit_test(test_reset_under_load),
		cmocka_unit_test(test_two_directions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
