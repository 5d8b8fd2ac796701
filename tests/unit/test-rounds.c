/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which queues a worker looks at: a silent one must not cost a busy worker
 * much, an idle worker must see everything, and nobody is forgotten.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/fake-port.h"

#define LONG 1000 /* rounds after which a silent queue is surely known as such */

static struct dp_port_ops ops;
static struct dp_port *port[3];
static unsigned int looks[3]; /* times that a port's queue was looked at */
static bool talks[3];         /* it has a frame whenever it is looked at */

static unsigned int
number(const struct dp_port *p)
{
	return (unsigned int)(p->name[0] - 'a');
}

static void
rx(struct dp_port *p, uint16_t queue, struct packet_burst *b)
{
	unsigned int i = number(p);

	looks[i]++;
	if (!talks[i])
		return;
	memset(packet_burst_header(b, 0), 0, 60);
	b->pkt[0] = (struct packet){.hdr = packet_burst_header(b, 0), .hdr_len = 60, .len = 60};
	b->count = 1;
}

static void
rx_complete(struct dp_port *p, uint16_t queue, struct packet_burst *b)
{
}

static int
setup(void **state)
{
	struct dp_error err = {""};

	fake_world_start();
	ops = fake_ops;
	ops.rx = rx;
	ops.rx_complete = rx_complete;
	for (unsigned int i = 0; i < 3; i++) {
		struct dp_port_config cfg = {
			.name = {(char)('a' + i)}, .queues = 1, .settings = fake_settings(NULL)};

		assert_int_equal(port_add(&cfg, &ops, &port[i], &err), 0);
		talks[i] = false;
		looks[i] = 0;
	}
	return 0;
}

static int
teardown(void **state)
{
	for (unsigned int i = 0; i < 3; i++)
		dp_port_del(port[i]);
	fake_world_stop();
	return 0;
}

/* So many rounds at one and the same time. */
static void
rounds(unsigned int n)
{
	memset(looks, 0, sizeof(looks));
	while (n-- > 0)
		worker_poll(dp_worker[0]);
}

static void
later(uint64_t us)
{
	worker_clock(dp_worker[0], dp_worker[0]->now + dp_clock_hz / 1000000 * us);
}

static void
test_silent_ones_cost_little(void **state)
{
	talks[0] = true;
	rounds(LONG);
	rounds(100);
	assert_int_equal(looks[0], 100);
	assert_int_equal(looks[1], 0);
	assert_int_equal(looks[2], 0);
	/* A second is more than any pause. */
	later(1000000);
	rounds(100);
	assert_int_equal(looks[0], 100);
	assert_int_equal(looks[1], 1);
	assert_int_equal(looks[2], 1);
}

static void
test_an_idle_worker_sees_all(void **state)
{
	talks[0] = true;
	rounds(LONG);
	talks[0] = false;
	rounds(1);
	assert_int_equal(looks[1], 1);
	assert_int_equal(looks[2], 1);
	/* It may sleep only when everything was found empty. */
	rounds(LONG);
	for (unsigned int i = 0; i < 3; i++)
		assert_true(looks[i] >= LONG);
	talks[2] = true;
	assert_int_equal(worker_poll(dp_worker[0]), 1);
}

static void
test_who_talks_is_busy(void **state)
{
	talks[0] = true;
	rounds(LONG);
	talks[2] = true;
	later(1000000);
	rounds(1);
	assert_int_equal(looks[2], 1);
	rounds(100);
	assert_int_equal(looks[0], 100);
	assert_int_equal(looks[1], 0);
	assert_int_equal(looks[2], 100);
	/* Silent again, and every other one too. */
	talks[0] = false;
	rounds(LONG);
	assert_in_range(looks[0], 1, LONG / 2);
	talks[2] = false;
	talks[1] = true;
	rounds(LONG);
	rounds(10);
	assert_int_equal(looks[0], 0);
	assert_int_equal(looks[1], 10);
	assert_int_equal(looks[2], 0);
}

/* A new list of queues starts with all of them busy. */
static void
test_ports_come_and_go(void **state)
{
	struct dp_port_config cfg = {.name = "c", .queues = 1, .settings = fake_settings(NULL)};
	struct dp_error err = {""};

	talks[0] = true;
	rounds(LONG);
	dp_port_del(port[2]);
	rounds(10);
	assert_int_equal(looks[1], 10);
	assert_int_equal(looks[2], 0);
	assert_int_equal(port_add(&cfg, &ops, &port[2], &err), 0);
	rounds(10);
	assert_int_equal(looks[0], 10);
	assert_int_equal(looks[2], 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_silent_ones_cost_little, setup, teardown),
		cmocka_unit_test_setup_teardown(test_an_idle_worker_sees_all, setup, teardown),
		cmocka_unit_test_setup_teardown(test_who_talks_is_busy, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ports_come_and_go, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
