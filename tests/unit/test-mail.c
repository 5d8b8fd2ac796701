/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages of guests to netvmd, from a worker to the control thread: what is one,
 * and how many of a port are taken. The shm ports are in memory (fake-shm.c).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "src/datapath/group.h"
#include "src/datapath/mail.h"
#include "tests/unit/fake-shm.h"
#include "tests/unit/three-ports.h"

#define HEAD NETVM_MESSAGE_HEAD
#define MAX  (HEAD + NETVM_MESSAGE_MAX)

static struct dp_error err;
static struct dp_group *group;
static struct dp_port *S, *T;

/* The frame that S sends, in pieces. */
static uint8_t frame[MAX + 64];
static struct packet view;
static struct packet_seg seg[2];

static struct dp_port *
add_shm(const char *name)
{
	struct dp_port_config cfg = {.type = DP_PORT_SHM,
		.queues = 1,
		.trust = group,
		.rx_entries = 64,
		.tx_entries = 64,
		.fill_entries = 64,
		.settings = fake_settings(net)};
	struct dp_port *p = NULL;

	snprintf(cfg.name, sizeof(cfg.name), "%s", name);
	assert_int_equal(dp_port_add(&cfg, &p, &err), 0);
	return p;
}

static int
setup(void **state)
{
	struct dp_config cfg = {.run_dir = "/nowhere"};
	struct dp_group_config group_cfg = {.name = "red", .numa = -1};

	group_init(&cfg);
	three_setup(state);
	assert_int_equal(dp_group_add(&group_cfg, &group, &err), 0);
	S = add_shm("s");
	T = add_shm("t");
	return 0;
}

static int
teardown(void **state)
{
	dp_port_del(S);
	dp_port_del(T);
	assert_int_equal(dp_group_del(group, &err), 0);
	group_stop();
	return three_teardown(state);
}

/* A message with n bytes of data, which says that it has `said`. */
static void
message(uint16_t n, uint16_t said)
{
	static const uint8_t head[] = {
		2, 'N', 'V', 'M', 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x88, 0xb5, 'N', 'V', 'M', 'S'};
	uint32_t len = HEAD + n;

	memcpy(frame, head, sizeof(head));
	frame[18] = (uint8_t)(said >> 8);
	frame[19] = (uint8_t)said;
	for (uint32_t i = 0; i < n; i++)
		frame[HEAD + i] = (uint8_t)(i * 7 + n);
	view = (struct packet){.hdr = frame, .len = len};
	view.hdr_len = (uint16_t)(len < PACKET_HEADER_MAX ? len : PACKET_HEADER_MAX);
	if (len > view.hdr_len) {
		view.rest = frame + view.hdr_len;
		view.rest_len = len - view.hdr_len;
	}
	fake_shm_port("s")->as = &view;
}

static void
send_it(uint16_t times)
{
	fake_shm_send("s", times, PACKET_TO_PORT, NETVM_PORT_MANAGER);
	fake_run();
}

static void
arrived(uint16_t n)
{
	struct dp_message m;

	assert_true(dp_port_message(S, &m));
	assert_int_equal(m.length, n);
	assert_memory_equal(m.data, frame + HEAD, n);
	assert_false(dp_port_message(S, &m));
}

static void
test_arrives(void **state)
{
	static const uint16_t sizes[] = {0, 1, 4, 107, 108, 109, 110, 500, NETVM_MESSAGE_MAX};

	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		message(sizes[i], sizes[i]);
		send_it(1);
		arrived(sizes[i]);
	}
	/* In three pieces; what is behind the data is no matter. */
	message(400, 300);
	view.rest_len = 50;
	seg[0] = (struct packet_seg){view.rest + 50, 100};
	seg[1] = (struct packet_seg){view.rest + 150, view.len - view.hdr_len - 150};
	view.more = seg;
	view.nmore = 2;
	send_it(1);
	arrived(300);
	assert_int_equal(fake_drops_all(S), 0);
	assert_false(dp_port_message(T, &(struct dp_message){0}));
	assert_false(dp_port_message(A, &(struct dp_message){0}));
	assert_int_equal(got(A) + got(B) + got(C), 0);
}

static void
test_malformed(void **state)
{
	struct dp_message m;
	unsigned int n = 0;

	/* More than there is, more than may be, no whole head. */
	message(100, 101);
	send_it(1);
	message(100, UINT16_MAX);
	send_it(1);
	message(NETVM_MESSAGE_MAX + 1, NETVM_MESSAGE_MAX + 1);
	send_it(1);
	message(0, 0);
	view.len = view.hdr_len = HEAD - 1;
	send_it(1);
	view.len = view.hdr_len = PACKET_LEN_MIN;
	send_it(1);
	n = 5;
	assert_int_equal(fake_drops(S, DROP_MESSAGE), n);
	/* Every byte that says what it is. */
	for (unsigned int i = 12; i < 18; i++) {
		message(100, 100);
		frame[i] ^= 1;
		send_it(1);
		assert_int_equal(fake_drops(S, DROP_MESSAGE), ++n);
	}
	assert_false(dp_port_message(S, &m));
	assert_int_equal(fake_drops_all(S), n);
	/* A frame that is addressed to nobody else is no message, whatever it looks like. */
	message(100, 100);
	fake_shm_send("s", 1, PACKET_TO_PORT, T->index);
	fake_run();
	assert_false(dp_port_message(S, &m));
	assert_int_equal(fake_shm_port("t")->sent, 1);
}

/* Not as a rate: the machine may be slow. No more than fit wait, and those of other
 * ports are taken. */
static void
test_too_many(void **state)
{
	struct dp_message m;
	unsigned int n = 0;

	message(10, 10);
	send_it(1000);
	assert_int_equal(fake_drops(S, DROP_MESSAGE), 1000 - NETVM_TELL_BURST);
	/* Nor when the rate would let some more pass. */
	usleep(200000);
	send_it(5);
	assert_int_equal(fake_drops(S, DROP_MESSAGE), 1005 - NETVM_TELL_BURST);
	fake_shm_port("t")->as = &view;
	fake_shm_send("t", 1, PACKET_TO_PORT, NETVM_PORT_MANAGER);
	fake_run();
	assert_true(dp_port_message(T, &m));
	while (dp_port_message(S, &m))
		n++;
	assert_int_equal(n, NETVM_TELL_BURST);
}

/* What was taken makes room at once, but the rate holds: ten thousand come in far less
 * than a minute. */
static void
test_rate(void **state)
{
	struct dp_message m;
	unsigned int n = 0;

	message(10, 10);
	for (unsigned int i = 0; i < 10000; i++) {
		send_it(1);
		n += dp_port_message(S, &m);
	}
	assert_in_range(n, NETVM_TELL_BURST, 60 * NETVM_TELL_RATE);
	assert_int_equal(fake_drops(S, DROP_MESSAGE), 10000 - n);
}

/* A message counts as any frame of the port, but its rules are not asked: neither its
 * cross-connect, nor its network, nor its guard. */
static void
test_rules(void **state)
{
	struct dp_port_settings s = *S->settings;

	s.network = NULL;
	s.cross = true;
	s.forward = T;
	s.guard.nmac = 1;
	assert_int_equal(dp_port_set(S, &s, &err), 0);
	message(10, 10);
	send_it(1);
	arrived(10);
	s.enabled = false;
	assert_int_equal(dp_port_set(S, &s, &err), 0);
	send_it(1);
	assert_int_equal(fake_drops(S, DROP_NOT_READY), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_arrives, setup, teardown),
		cmocka_unit_test_setup_teardown(test_malformed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_many, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rules, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
