/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A daemon that is killed and started again, with guests that do not notice but by a
 * pause. The guests are here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/shm/client.h"
#include "tests/unit/shm-daemon.h"
#include "tests/unit/shm-host.h"

/* --- guests ------------------------------------------------------------------------- */

static void
attach(struct client *c, const char *name)
{
	if (!client_attach(c, daemon_shm, name, 20) || !client_open(c, 20))
		fail_msg("%s", c->error);
}

static bool
send_one(struct client *c, uint8_t mark)
{
	struct netvm_desc d = {.offset = 128, .length = 100};

	if (client_tx_room(c, 0) == 0 || client_fill(c, 0, &d.buffer, 1) == 0)
		return false;
	memset(client_buffer(c, d.buffer) + 128, mark, 100);
	assert_int_equal(client_tx(c, 0, &d, 1), 1);
	client_signal(c, 0);
	return true;
}

/* The first byte, or -1. */
static int
receive_one(struct client *c)
{
	struct netvm_desc d;
	int mark;

	if (client_tx_room(c, 0) == 0 || client_rx(c, 0, &d, 1) == 0)
		return -1;
	mark = client_buffer(c, d.buffer)[d.offset];
	d.action = NETVM_ACTION_DROP;
	assert_int_equal(client_tx(c, 0, &d, 1), 1);
	client_signal(c, 0);
	return mark;
}

static void
exchange(struct client *a, struct client *b, unsigned int n)
{
	int64_t limit = host_ms() + 120000;

	while (receive_one(b) >= 0)
		;
	for (unsigned int i = 0; i < n; i++) {
		int got;

		while (!send_one(a, (uint8_t)i)) {
			client_signal(a, 0);
			assert_true(host_ms() < limit);
			sched_yield();
		}
		while ((got = receive_one(b)) < 0) {
			if (host_ms() > limit)
				fail_msg("frame %u did not arrive", i);
			sched_yield();
		}
		assert_int_equal(got, (uint8_t)i);
	}
}

static bool
rang(struct client *c)
{
	struct pollfd p = {.fd = c->own_bell[0], .events = POLLIN};
	uint64_t n;

	return poll(&p, 1, 20000) == 1 && read(c->own_bell[0], &n, sizeof(n)) == sizeof(n);
}

static void
forget_rings(struct client *c)
{
	struct pollfd p = {.fd = c->own_bell[0], .events = POLLIN};
	uint64_t n;

	if (poll(&p, 1, 0) == 1)
		(void)!read(c->own_bell[0], &n, sizeof(n));
}

static void
test_goes_on(void **state)
{
	struct client a, b;
	uint32_t generation;

	assert_string_equal(daemon_start(""), "00");
	attach(&a, "p0");
	attach(&b, "p1");
	exchange(&a, &b, 300);
	for (unsigned int i = 0; i < 4; i++) {
		generation = a.dev->host_generation;
		daemon_die();
		assert_false(client_gone(&a));
		/* A full ring and an empty one is all that it sees. */
		while (send_one(&a, 1))
			;
		while (receive_one(&b) >= 0)
			;
		forget_rings(&b);
		assert_string_equal(daemon_start(""), "11");
		assert_int_equal(a.dev->host_generation, generation + 1);
		/* Who sleeps is woken. */
		assert_true(rang(&b));
		assert_false(client_gone(&a));
		assert_false(client_lost(&a));
		/* What waited in the ring comes first. */
		usleep(50000);
		exchange(&b, &a, 100);
		exchange(&a, &b, 100);
	}
	/* And it is watched again. */
	client_close(&a, true);
	attach(&a, "p0");
	exchange(&a, &b, 20);
	client_close(&a, true);
	client_close(&b, false);
	daemon_end();
}

static _Atomic bool stop;
static struct client pair_a, pair_b;

static void *
traffic(void *unused)
{
	while (!atomic_load(&stop)) {
		(void)send_one(&pair_a, 1);
		(void)receive_one(&pair_b);
		(void)send_one(&pair_b, 2);
		(void)receive_one(&pair_a);
		sched_yield();
	}
	return NULL;
}

static void
test_under_traffic(void **state)
{
	pthread_t thread;

	daemon_start("");
	attach(&pair_a, "p0");
	attach(&pair_b, "p1");
	atomic_store(&stop, false);
	assert_int_equal(pthread_create(&thread, NULL, traffic, NULL), 0);
	for (unsigned int i = 0; i < 10; i++) {
		usleep(10000 + i * 3777);
		daemon_die();
		assert_string_equal(daemon_start(""), "11");
	}
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
	usleep(50000);
	while (receive_one(&pair_a) >= 0)
		;
	exchange(&pair_a, &pair_b, 300);
	exchange(&pair_b, &pair_a, 300);
	assert_false(client_lost(&pair_a));
	daemon_count_all(&pair_a, &pair_b);
	client_close(&pair_a, true);
	client_close(&pair_b, true);
	daemon_end();
}

/* Those who came and went before leave nothing behind that is in the way, and take
 * nothing with them that the last one needs. */
static void
test_after_many(void **state)
{
	struct client a, b;

	assert_string_equal(daemon_start(""), "00");
	for (unsigned int i = 0; i < 100; i++) {
		attach(&a, "p0");
		attach(&b, "p1");
		if (i % 10 == 0)
			exchange(&a, &b, 5);
		client_close(&a, i % 2 == 0);
		client_close(&b, i % 3 == 0);
	}
	attach(&a, "p0");
	attach(&b, "p1");
	for (unsigned int i = 0; i < 3; i++) {
		exchange(&a, &b, 20);
		daemon_die();
		assert_string_equal(daemon_start(""), "11");
		assert_false(client_gone(&a));
		assert_false(client_lost(&a));
		assert_false(client_lost(&b));
		/* One that was there over the restart is followed by another. */
		exchange(&a, &b, 20);
		client_close(&a, i % 2 == 0);
		attach(&a, "p0");
	}
	client_close(&a, true);
	client_close(&b, true);
	daemon_end();
}

/* Guests that die while nobody is there to see it. */
static void
test_guest_gone(void **state)
{
	struct client a, b;

	daemon_start("");
	attach(&a, "p0");
	attach(&b, "p1");
	exchange(&a, &b, 20);
	daemon_die();
	client_close(&a, true);
	assert_string_equal(daemon_start(""), "01");
	attach(&a, "p0");
	exchange(&a, &b, 20);
	client_close(&a, true);
	client_close(&b, true);
	daemon_end();
}

/* Between the first steps and the last. */
static void
test_half_open(void **state)
{
	struct client a, b;

	daemon_start("");
	assert_true(client_attach(&a, daemon_shm, "p0", 20));
	attach(&b, "p1");
	daemon_die();
	__atomic_store_n(&b.dev->guest_request, b.dev->guest_request + 1, __ATOMIC_RELEASE);
	daemon_start("");
	assert_true(client_open(&a, 20));
	assert_true(client_open(&b, 20));
	assert_false(client_lost(&a));
	assert_false(client_lost(&b));
	exchange(&a, &b, 20);
	/* One that closed. */
	__atomic_store_n(&a.dev->guest_state, NETVM_GUEST_CLOSED, __ATOMIC_RELEASE);
	daemon_die();
	daemon_start("");
	assert_true(client_open(&a, 20));
	exchange(&a, &b, 20);
	client_close(&a, true);
	client_close(&b, true);
	daemon_end();
}

static void
test_other_rings(void **state)
{
	struct client a, b;

	daemon_start("");
	attach(&a, "p0");
	attach(&b, "p1");
	exchange(&a, &b, 20);
	daemon_die();
	assert_string_equal(daemon_start("rings"), "00");
	/* Still connected, and asked to open again. */
	assert_false(client_gone(&a));
	assert_true(client_lost(&a));
	a.seen = *a.dev;
	b.seen = *b.dev;
	assert_int_equal(a.seen.rx_entries, 128);
	assert_true(client_open(&a, 20));
	assert_true(client_open(&b, 20));
	assert_false(client_lost(&a));
	exchange(&a, &b, 300);
	client_close(&a, true);
	client_close(&b, true);
	daemon_end();
}

static void
test_other_device(void **state)
{
	static const char *const variant[] = {"vectors", "pool"};
	struct client a;

	for (unsigned int i = 0; i < 2; i++) {
		daemon_start("");
		attach(&a, "p0");
		daemon_die();
		assert_string_equal(daemon_start(variant[i]), "00");
		/* It has nothing that it could use. */
		assert_true(client_gone(&a));
		client_close(&a, true);
		attach(&a, "p0");
		client_close(&a, true);
		daemon_end();
	}
}

/* Lies about what was: nobody but the liar is concerned. */
static void
test_liar(void **state)
{
	struct client a, b;

	daemon_start("");
	attach(&a, "p0");
	attach(&b, "p1");
	exchange(&a, &b, 20);
	daemon_die();
	memset(a.rings + 4096, 0xa5, a.rings_size - 4096);
	a.dev->magic = 1;
	a.dev->host_generation = UINT32_MAX;
	a.dev->guest_pairs = 99;
	a.dev->guest_features = UINT32_MAX;
	assert_string_equal(daemon_start(""), "11");
	exchange(&b, &b, 0);
	assert_false(client_lost(&b));
	/* It finds a page that it can open with. */
	for (int64_t limit = host_ms() + 120000; a.dev->magic != NETVM_DEVICE_MAGIC; usleep(1000))
		assert_true(host_ms() < limit);
	assert_true(client_open(&a, 20));
	exchange(&a, &b, 20);
	client_close(&a, true);
	client_close(&b, true);
	daemon_end();
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_goes_on, daemon_tear_down),
		cmocka_unit_test_teardown(test_under_traffic, daemon_tear_down),
		cmocka_unit_test_teardown(test_after_many, daemon_tear_down),
		cmocka_unit_test_teardown(test_guest_gone, daemon_tear_down),
		cmocka_unit_test_teardown(test_half_open, daemon_tear_down),
		cmocka_unit_test_teardown(test_other_rings, daemon_tear_down),
		cmocka_unit_test_teardown(test_other_device, daemon_tear_down),
		cmocka_unit_test_teardown(test_liar, daemon_tear_down),
	};
	int failed;

	if (argc > 2)
		return daemon_main(argv[1], argv[2]);
	unsetenv("NOTIFY_SOCKET");
	setenv("NETVM_KEEPER", NETVM_BUILT_KEEPER, 1);
	if (!daemon_begin())
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	return daemon_over() ? failed : 1;
}
