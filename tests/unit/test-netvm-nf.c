/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * netvm_nf_run() against a fake host: verdicts, both kinds of callback, threads,
 * messages, ticks, signals, resets, a deleted port. Each case runs in a process of
 * its own.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/fake-host.h"
#include "tests/unit/nf-process.h"

/* What the NF's process counts, shared with the test. */
struct seen {
	uint64_t setups, early, packets, bursts, ticks, lost, teardowns, messages, reports, polls,
		kept;
	uint64_t from, length;
	char text[64];
};

static struct seen *seen;

static void
count(uint64_t *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELEASE);
}

/* --- an NF ---------------------------------------------------------------------------- */

static int
nf_setup(struct netvm_nf *nf, uint16_t thread, void *arg, void **thread_arg)
{
	if (thread == 0)
		usleep(100000); /* the others have to wait for it */
	count(&seen->setups);
	*thread_arg = calloc(1, sizeof(struct netvm_packet));
	return thread == netvm_nf_thread(nf) && arg == seen ? 0 : -EINVAL;
}

/* The first byte says what becomes of it. */
static enum netvm_verdict
nf_packet(struct netvm_nf *nf, struct netvm_packet *p, void *thread_arg)
{
	struct netvm_packet *kept = thread_arg;

	count(&seen->packets);
	switch (p->data[0]) {
	case 'd':
		return NETVM_DROP;
	case 'p':
		p->destination = 33;
		return NETVM_TO_PORT;
	case 's':
		p->destination = 44;
		return NETVM_TO_SERVICE;
	case 'k':
		*kept = *p;
		count(&seen->kept);
		return NETVM_KEEP;
	case 'q':
		netvm_nf_stop(nf, 0);
		return NETVM_DROP;
	case 'x':
		netvm_nf_stop(nf, 1);
		return NETVM_DROP;
	case 'm':
		netvm_nf_message(nf, 7, "to myself", 9);
		return NETVM_DROP;
	default:
		return NETVM_NEXT;
	}
}

static void
nf_burst(struct netvm_nf *nf, struct netvm_packet *pkts, uint16_t n, void *thread_arg)
{
	count(&seen->bursts);
	for (uint16_t i = 0; i < n; i++)
		pkts[i].verdict = nf_packet(nf, &pkts[i], thread_arg);
}

static void
nf_tick(struct netvm_nf *nf, void *thread_arg)
{
	struct netvm_packet *kept = thread_arg;
	struct netvm_info info;

	netvm_get_info(netvm_nf_port(nf), &info);
	if (__atomic_load_n(&seen->setups, __ATOMIC_ACQUIRE) < info.pairs)
		count(&seen->early);
	count(&seen->ticks);
	if (kept->data) {
		kept->verdict = NETVM_NEXT;
		netvm_nf_send(nf, kept, 1);
		kept->data = NULL;
	}
}

static void
nf_message(struct netvm_nf *nf, uint16_t from, const void *data, size_t n, void *thread_arg)
{
	seen->from = from;
	seen->length = n;
	memcpy(seen->text, data, n < sizeof(seen->text) ? n : sizeof(seen->text));
	if (netvm_nf_thread(nf) == 0)
		count(&seen->messages);
}

static void
nf_lost(struct netvm_nf *nf, void *thread_arg)
{
	((struct netvm_packet *)thread_arg)->data = NULL;
	count(&seen->lost);
}

static void
nf_report(struct netvm_nf *nf, FILE *out, void *arg)
{
	fputs("a line of its own\n", out);
	count(&seen->reports);
}

static void
nf_teardown(struct netvm_nf *nf, uint16_t thread, void *thread_arg)
{
	free(thread_arg);
	count(&seen->teardowns);
}

static const struct netvm_nf_ops by_packet = {.name = "test-nf",
	.setup = nf_setup,
	.packet = nf_packet,
	.tick = nf_tick,
	.message = nf_message,
	.lost = nf_lost,
	.report = nf_report,
	.teardown = nf_teardown};

static const struct netvm_nf_ops by_burst = {.name = "test-nf",
	.setup = nf_setup,
	.burst = nf_burst,
	.tick = nf_tick,
	.lost = nf_lost,
	.teardown = nf_teardown};

static const struct netvm_nf_ops *const all_ops[] = {&by_packet, &by_burst, NULL};
enum { BY_PACKET, BY_BURST };

/* --- with the fake host ---------------------------------------------------------------- */

static struct nf_process
start_alone(unsigned int which, const char *words)
{
	memset(seen, 0, sizeof(*seen));
	return nf_process_start(which, words);
}

static struct nf_process
start(struct fake_host *h, unsigned int which, const char *options)
{
	char words[256];

	snprintf(words, sizeof(words), "--transport %s --tick 20 %s", h->transport, options);
	return start_alone(which, words);
}

static void
end(struct fake_host *h)
{
	for (int i = 0; i < 10000 && fake_host_owned(h); i++)
		usleep(1000);
	assert_int_equal(fake_host_owned(h), 0);
	assert_int_equal(h->violations, 0);
	fake_host_free(h);
}

static void
send_to(struct fake_host *h, uint16_t pair, const char *text)
{
	while (!fake_host_send(h, pair, text, strlen(text)))
		usleep(1000);
}

static void
take_one(struct fake_host *h, struct netvm_desc *d)
{
	for (int i = 0; i < 10000; i++) {
		if (fake_host_take(h, 0, d, 1))
			return;
		usleep(1000);
	}
	fail_msg("nothing came");
}

static bool
until(const uint64_t *counter, uint64_t n)
{
	return fake_host_until(NULL, counter, n);
}

/* --- tests ------------------------------------------------------------------------------- */

static void
run_verdicts(unsigned int which, const char *options)
{
	struct fake_host *h = fake_host_new(NULL);
	struct nf_process p = start(h, which, options);
	struct netvm_desc d;

	assert_true(fake_host_until(h, &h->resets, 1));
	assert_true(until(&seen->setups, 1));
	send_to(h, 0, "next");
	take_one(h, &d);
	assert_int_equal(d.action, NETVM_ACTION_NEXT);
	assert_int_equal(d.length, 4);
	send_to(h, 0, "port");
	take_one(h, &d);
	assert_int_equal(d.action, NETVM_ACTION_TO_PORT);
	assert_int_equal(d.destination, 33);
	send_to(h, 0, "service");
	take_one(h, &d);
	assert_int_equal(d.action, NETVM_ACTION_TO_SERVICE);
	assert_int_equal(d.destination, 44);
	send_to(h, 0, "drop");
	take_one(h, &d);
	assert_int_equal(d.action, NETVM_ACTION_DROP);
	send_to(h, 0, "keep");
	take_one(h, &d); /* the tick sends it */
	assert_int_equal(d.length, 4);
	assert_int_equal(seen->kept, 1);
	send_to(h, 0, "quit");
	assert_int_equal(nf_process_finish(&p), 0);
	assert_int_equal(seen->packets, 6);
	assert_int_equal(seen->teardowns, 1);
	assert_true(seen->ticks > 0);
	assert_non_null(strstr(p.text, "test-nf on fake0 (port 7, group fakes)"));
	end(h);
}

static void
test_verdicts(void **state)
{
	run_verdicts(BY_PACKET, "");
	run_verdicts(BY_PACKET, "--wait poll");
	run_verdicts(BY_BURST, "--wait shared");
}

/* Traffic on all pairs, each with a thread; then a signal. */
static void
test_threads(void **state)
{
	struct fake_host_config c = {.pairs = 3, .mode = FAKE_HOST_SINK};
	struct fake_host *h = fake_host_new(&c);
	struct nf_process p = start(h, BY_BURST, "--threads 3 --wait shared --cpu 0,1");

	assert_true(until(&seen->setups, 3));
	for (int i = 0; i < 3000; i++)
		send_to(h, i % 3, "next");
	assert_true(fake_host_until(h, &h->taken, 3000));
	assert_true(until(&seen->packets, 3000));
	kill(p.id, SIGTERM);
	assert_int_equal(nf_process_finish(&p), 0);
	assert_int_equal(seen->teardowns, 3);
	assert_int_equal(seen->early, 0);
	assert_non_null(strstr(p.text, "all   "));
	end(h);
}

static void
test_exit_status(void **state)
{
	struct fake_host *h = fake_host_new(NULL);
	struct nf_process p = start(h, BY_PACKET, "");

	assert_true(until(&seen->setups, 1));
	send_to(h, 0, "x");
	assert_int_equal(nf_process_finish(&p), 1);
	p = start(h, BY_PACKET, "");
	assert_true(until(&seen->setups, 1));
	kill(p.id, SIGUSR1);
	assert_true(until(&seen->reports, 1));
	kill(p.id, SIGINT);
	assert_int_equal(nf_process_finish(&p), 0);
	assert_int_equal(seen->reports, 2);
	assert_non_null(strstr(p.text, "a line of its own"));
	p = start(h, BY_PACKET, "--stats 1");
	assert_true(until(&seen->reports, 2));
	fake_host_delete(h);
	assert_int_equal(nf_process_finish(&p), 1);
	assert_non_null(strstr(p.text, "the port is gone"));
	end(h);
}

static void
test_reset(void **state)
{
	struct fake_host_config c = {.pairs = 2, .mode = FAKE_HOST_SINK};
	struct fake_host *h = fake_host_new(&c);
	struct nf_process p = start(h, BY_PACKET, "--threads 2");

	assert_true(until(&seen->setups, 2));
	for (uint64_t i = 1; i <= 5; i++) {
		send_to(h, i % 2, "next");
		fake_host_ask_reset(h);
		assert_true(until(&seen->lost, 2 * i));
	}
	/* A reset while netvmd does not answer: the NF waits, and can be ended. */
	pthread_mutex_lock(&h->lock);
	h->deaf = true;
	pthread_mutex_unlock(&h->lock);
	fake_host_ask_reset(h);
	usleep(300000);
	kill(p.id, SIGTERM);
	assert_int_equal(nf_process_finish(&p), 0);
	assert_int_equal(seen->lost, 10);
	assert_int_equal(seen->teardowns, 2);
	assert_non_null(strstr(p.text, "reopened 5 times"));
	end(h);
}

/* The host dies with its sockets and comes back with them. */
static void
test_host_comes_back(void **state)
{
	struct fake_host_config c = {.mode = FAKE_HOST_SINK};
	struct fake_host *h = fake_host_new(&c);
	struct nf_process p = start(h, BY_PACKET, "");

	assert_true(until(&seen->setups, 1));
	fake_host_hang_up(h, false);
	usleep(300000);
	assert_int_equal(seen->lost, 0);
	fake_host_hang_up(h, true);
	assert_true(until(&seen->lost, 1));
	send_to(h, 0, "next");
	assert_true(fake_host_until(h, &h->taken, 1));
	kill(p.id, SIGTERM);
	assert_int_equal(nf_process_finish(&p), 0);
	end(h);
}

/* A message is a packet that the host brings: echoed, it comes back to us. */
static void
test_message(void **state)
{
	for (uint16_t pair = 0; pair < 2; pair++) {
		struct fake_host_config c = {.pairs = 2, .mode = FAKE_HOST_ECHO};
		struct fake_host *h = fake_host_new(&c);
		struct nf_process p = start(h, BY_PACKET, "--threads 2");

		assert_true(until(&seen->setups, 2));
		send_to(h, pair, "message");
		assert_true(until(&seen->messages, 1));
		assert_int_equal(seen->from, 7);
		assert_int_equal(seen->length, 9);
		assert_memory_equal(seen->text, "to myself", 9);
		assert_int_equal(seen->packets, 1);
		kill(p.id, SIGTERM);
		assert_int_equal(nf_process_finish(&p), 0);
		end(h);
	}
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_exit_status),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_host_comes_back),
		cmocka_unit_test(test_message),
	};

	nf_process_main(argc, argv, all_ops, (void **)&seen, sizeof(*seen));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
