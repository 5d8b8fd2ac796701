/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a guest can do wrong with its rings, and what it costs: its packet, a count,
 * and the port when it goes on. Never a buffer of somebody else's, and never one that
 * is lost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/unit/shm-wrong.h"

/* --- descriptors ------------------------------------------------------------------------ */

/* One bad descriptor between two good ones: the good ones go through. */
static void
refused(struct netvm_desc bad, enum packet_drop why, bool violation)
{
	for (unsigned int round = 0; round < 2; round++) {
		uint64_t before = wrong_drops(why), violations;
		struct netvm_desc d[3] = {wrong_packet(0), bad, wrong_packet(0)};

		wrong_hop = round == 1;
		if (bad.buffer == UINT32_MAX - 1)
			d[1].buffer = wrong_packet(0).buffer;
		violations = shm_port_violations(wrong_rig.guest[0].port);
		wrong_send(0, d, 3);
		assert_int_equal(wrong_take(), 2);
		assert_int_equal(wrong_drops(why), before + 1);
		assert_int_equal(
			shm_port_violations(wrong_rig.guest[0].port), violations + violation);
		rig_check(&wrong_rig, (const uint8_t *const *)wrong_held);
	}
}

#define OWN (UINT32_MAX - 1) /* one of the guest's own buffers */

static void
test_descriptors(void **state)
{
	uint32_t theirs = wrong_packet(1).buffer, free;

	wrong_held[1][theirs] = 1;
	refused((struct netvm_desc){.buffer = theirs, .length = 60}, DROP_NOT_OWNED, true);
	refused((struct netvm_desc){.buffer = theirs, .action = NETVM_ACTION_DROP}, DROP_NOT_OWNED,
		true);
	assert_true(shm_pool_alloc(wrong_rig.pool, &free, 1));
	shm_pool_free(wrong_rig.pool, &free, 1);
	refused((struct netvm_desc){.buffer = free, .length = 60}, DROP_NOT_OWNED, true);
	refused((struct netvm_desc){.buffer = wrong_rig.pool->buffers, .length = 60},
		DROP_NOT_OWNED, true);
	refused((struct netvm_desc){.buffer = UINT32_MAX, .length = 60}, DROP_NOT_OWNED, true);
	refused((struct netvm_desc){.buffer = OWN, .offset = 500, .length = 60},
		DROP_BAD_DESCRIPTOR, true);
	refused((struct netvm_desc){.buffer = OWN, .offset = UINT16_MAX, .length = UINT16_MAX},
		DROP_BAD_DESCRIPTOR, true);
	refused((struct netvm_desc){.buffer = OWN, .length = 60, .action = 4}, DROP_BAD_DESCRIPTOR,
		true);
	refused((struct netvm_desc){.buffer = OWN, .length = 13}, DROP_RUNT, false);
	atomic_store(&wrong_rig.guest[0].port->max_frame, 200);
	refused((struct netvm_desc){.buffer = OWN, .length = 201}, DROP_OVERSIZE, false);
}

static void
test_twice(void **state)
{
	for (unsigned int round = 0; round < 2; round++) {
		struct netvm_desc d = wrong_packet(0), list[] = {d, d, d};

		wrong_hop = round == 1;
		wrong_send(0, list, 3);
		assert_int_equal(wrong_take(), 1);
		assert_int_equal(wrong_drops(DROP_NOT_OWNED), 2 * (round + 1));
		rig_check(&wrong_rig, (const uint8_t *const *)wrong_held);
	}
}

/* In both pairs at once. */
static void
test_two_pairs(void **state)
{
	struct shm_port *p = wrong_rig.guest[0].port;
	struct netvm_desc d = wrong_packet(0);

	assert_true(guest_tx(&wrong_rig.guest[0], 0, &d, 1));
	assert_true(guest_tx(&wrong_rig.guest[0], 1, &d, 1));
	shm_port_rx(p, 0, &wrong_burst);
	assert_int_equal(wrong_burst.count, 1);
	shm_port_rx_complete(p, 0, &wrong_burst);
	shm_port_rx(p, 1, &wrong_burst);
	assert_int_equal(wrong_burst.count, 0);
	shm_port_rx_complete(p, 1, &wrong_burst);
	assert_int_equal(wrong_drops(DROP_NOT_OWNED), 1);
}

static void
test_given_back(void **state)
{
	struct netvm_desc d = {.action = NETVM_ACTION_DROP};

	for (unsigned int round = 0; round < 2; round++) {
		wrong_hop = round == 1;
		d.buffer = wrong_packet(0).buffer;
		d.offset = d.length = UINT16_MAX; /* mean nothing here */
		wrong_send(0, &d, 1);
		assert_int_equal(wrong_take(), 0);
	}
	assert_int_equal(shm_port_violations(wrong_rig.guest[0].port), 0);
}

/* --- packets in pieces --------------------------------------------------------------------- */

static void
test_torn(void **state)
{
	struct netvm_desc d[2];

	/* The end is missing. */
	d[0] = wrong_packet(0);
	d[0].flags = NETVM_DESC_F_MORE;
	wrong_send(0, d, 1);
	assert_int_equal(wrong_take(), 0);
	assert_int_equal(wrong_drops(DROP_BAD_DESCRIPTOR), 1);
	rig_check(&wrong_rig, (const uint8_t *const *)wrong_held);
	/* A piece is somebody else's. */
	d[0] = wrong_packet(0);
	d[0].flags = NETVM_DESC_F_MORE;
	d[1] = wrong_packet(1);
	wrong_held[1][d[1].buffer] = 1;
	wrong_send(0, d, 2);
	assert_int_equal(wrong_take(), 0);
	assert_int_equal(wrong_drops(DROP_NOT_OWNED), 1);
	rig_check(&wrong_rig, (const uint8_t *const *)wrong_held);
	/* An offload entry alone, and one whose packet does not know of it. */
	memset(d, 0, sizeof(d));
	d[0].flags = NETVM_DESC_F_OFFLOAD;
	wrong_send(0, d, 1);
	assert_int_equal(wrong_take(), 0);
	assert_int_equal(wrong_drops(DROP_BAD_DESCRIPTOR), 2);
	d[1] = wrong_packet(0);
	wrong_send(0, d, 2);
	(void)wrong_take();
	assert_int_equal(wrong_drops(DROP_BAD_DESCRIPTOR), 3);
	rig_check(&wrong_rig, (const uint8_t *const *)wrong_held);
}

/* A ring of 64 entries that is full of one packet. */
static void
test_too_many_pieces(void **state)
{
	struct netvm_desc d[64];
	uint32_t buffer[64];

	assert_int_equal(guest_fill(&wrong_rig.guest[0], 0, buffer, 64), 64);
	for (unsigned int i = 0; i < 64; i++) {
		d[i] = guest_packet(&wrong_rig.guest[0], buffer[i], 100);
		d[i].flags = NETVM_DESC_F_MORE;
	}
	wrong_send(0, d, 64);
	assert_int_equal(wrong_take(), 0);
	assert_int_equal(wrong_drops(DROP_BAD_DESCRIPTOR), 1);
}

/* Ring and burst end with a request that no packet follows. */
static void
test_request_last(void **state)
{
	struct netvm_desc d[128];
	uint32_t buffer[127];

	memset(d, 0, sizeof(d));
	assert_int_equal(guest_fill(&wrong_rig.guest[0], 0, buffer, 127), 127);
	for (unsigned int i = 0; i < 127; i++) {
		d[i] = guest_packet(&wrong_rig.guest[0], buffer[i], 100);
		d[i].action = NETVM_ACTION_DROP;
		d[i].flags = i % 2 == 0 && i < 126 ? NETVM_DESC_F_MORE : 0;
	}
	d[127].flags = NETVM_DESC_F_OFFLOAD;
	wrong_send(0, d, 128);
	assert_int_equal(wrong_take(), 0);
	assert_int_equal(wrong_drops(DROP_BAD_DESCRIPTOR), 1);
	assert_int_equal(shm_port_violations(wrong_rig.guest[0].port), 1);
}

/* Which of the guest's buffers is the last of its page, and the next page somebody's, so
 * that nobody is given a buffer there. */
static unsigned int
last_of_page(const uint32_t *buffer, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		unsigned int next = 1;

		while (next <= 8 && shm_owner(wrong_rig.pool, buffer[i] + next) != SHM_HOST)
			next++;
		if (buffer[i] % 8 == 7 && next > 8)
			return i;
	}
	fail();
	return 0;
}

/* A piece that is shorter than what is looked at, where memory ends. */
static void
test_end_of_memory(void **state)
{
	uint32_t buffer[64];
	struct netvm_desc d[2];
	struct packet *p = &wrong_burst.pkt[0];
	uint8_t *after;
	unsigned int i, other = 0;

	assert_int_equal(guest_fill(&wrong_rig.guest[0], 0, buffer, 64), 64);
	for (i = 0; i < 64; i++)
		wrong_held[0][buffer[i]] = 1;
	i = last_of_page(buffer, 64);
	while (other == i || buffer[other] / 8 == buffer[i] / 8 + 1)
		other++;
	d[0] = guest_packet(&wrong_rig.guest[0], buffer[i], 1);
	d[0].offset = 511;
	d[0].flags = NETVM_DESC_F_MORE;
	d[1] = guest_packet(&wrong_rig.guest[0], buffer[other], 100);
	wrong_held[0][d[0].buffer] = wrong_held[0][d[1].buffer] = 0;
	after = shm_buffer(wrong_rig.pool, buffer[i] + 1);
	memcpy(shm_buffer(wrong_rig.pool, d[1].buffer) + d[1].offset, after, 100);
	wrong_send(0, d, 2);
	assert_int_equal(mprotect(after, 4096, PROT_NONE), 0);
	shm_port_rx(wrong_rig.guest[0].port, 0, &wrong_burst);
	assert_int_equal(wrong_burst.count, 1);
	assert_int_equal(shm_port_tx(wrong_rig.guest[1].port, 0, &p, 1), 1);
	shm_port_rx_complete(wrong_rig.guest[0].port, 0, &wrong_burst);
	assert_int_equal(mprotect(after, 4096, PROT_READ | PROT_WRITE), 0);
	assert_int_equal(wrong_rig.guest[1].port->pair[0].tx_packets, 1);
}

static void
test_bad_request(void **state)
{
	struct netvm_offload o = {
		.flags = NETVM_DESC_F_OFFLOAD, .csum = 1, .csum_start = 60000, .csum_offset = 16};
	struct netvm_desc d[2];

	memcpy(&d[0], &o, sizeof(o));
	d[1] = wrong_packet(0);
	d[1].flags = NETVM_DESC_F_OFFLOAD;
	wrong_send(0, d, 2);
	assert_int_equal(wrong_take(), 0);
	assert_int_equal(wrong_drops(DROP_BAD_OFFLOAD), 1);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, wrong_setup, wrong_teardown)
	const struct CMUnitTest tests[] = {
		T(test_descriptors),
		T(test_twice),
		T(test_two_pairs),
		T(test_given_back),
		T(test_torn),
		T(test_too_many_pieces),
		cmocka_unit_test_setup_teardown(test_request_last, wrong_setup_128, wrong_teardown),
		T(test_end_of_memory),
		T(test_bad_request),
	};

	rig_eal();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
