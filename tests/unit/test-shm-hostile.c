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

#include "tests/unit/shm-rig.h"

static struct rig rig;
static struct packet_burst burst;
static uint8_t *held[RIG_PORTS];

static int
setup_rings(unsigned int entries)
{
	const struct rig_config cfg = {.ports = 3,
		.pairs = 2,
		.entries = entries,
		.buffers = 1024,
		.buffer_size = 512,
		.features = NETVM_GUEST_SEGS | NETVM_GUEST_CSUM};

	rig_open(&rig, &cfg);
	for (unsigned int i = 0; i < rig.ports; i++) {
		held[i] = calloc(1, rig.pool->buffers);
		for (unsigned int q = 0; q < 2; q++)
			shm_fill(rig.guest[i].port, (uint16_t)q, 1);
	}
	rig_faults = 0;
	return 0;
}

static int
setup(void **state)
{
	return setup_rings(64);
}

static int
setup_128(void **state)
{
	return setup_rings(128);
}

static int
teardown(void **state)
{
	rig_check(&rig, (const uint8_t *const *)held);
	rig_close(&rig);
	for (unsigned int i = 0; i < 3; i++)
		free(held[i]);
	return 0;
}

/* A packet of guest i in a buffer that it has just got. */
static struct netvm_desc
packet(unsigned int i)
{
	uint32_t buffer;

	assert_int_equal(guest_fill(&rig.guest[i], 0, &buffer, 1), 1);
	return guest_packet(&rig.guest[i], buffer, 100);
}

static void
send(unsigned int i, const struct netvm_desc *d, unsigned int n)
{
	assert_true(guest_tx(&rig.guest[i], 0, d, n));
}

/* Takes what guest 0 sent: once as views, once by the straight way. How many packets
 * there were. */
static bool hop;

static unsigned int
take(void)
{
	struct shm_port *p = rig.guest[0].port;
	unsigned int n = 0;
	bool other;

	if (hop) {
		uint64_t before = rig.guest[1].port->pair[0].tx_packets;

		while (shm_port_hop(p, 0, rig.guest[1].port, 64, &other) != 0)
			;
		n = (unsigned int)(rig.guest[1].port->pair[0].tx_packets - before);
		if (!other)
			return n;
	}
	shm_port_rx(p, 0, &burst);
	n += burst.count;
	shm_port_rx_complete(p, 0, &burst);
	return n;
}

static uint64_t
drops(enum packet_drop why)
{
	uint64_t drop[DROP_REASONS];

	shm_port_drops(rig.guest[0].port, drop);
	return drop[why];
}

/* --- descriptors ------------------------------------------------------------------------ */

/* One bad descriptor between two good ones: the good ones go through. */
static void
refused(struct netvm_desc bad, enum packet_drop why, bool violation)
{
	for (unsigned int round = 0; round < 2; round++) {
		uint64_t before = drops(why), violations;
		struct netvm_desc d[3] = {packet(0), bad, packet(0)};

		hop = round == 1;
		if (bad.buffer == UINT32_MAX - 1)
			d[1].buffer = packet(0).buffer;
		violations = shm_port_violations(rig.guest[0].port);
		send(0, d, 3);
		assert_int_equal(take(), 2);
		assert_int_equal(drops(why), before + 1);
		assert_int_equal(shm_port_violations(rig.guest[0].port), violations + violation);
		rig_check(&rig, (const uint8_t *const *)held);
	}
}

#define OWN (UINT32_MAX - 1) /* one of the guest's own buffers */

static void
test_descriptors(void **state)
{
	uint32_t theirs = packet(1).buffer, free;

	held[1][theirs] = 1;
	refused((struct netvm_desc){.buffer = theirs, .length = 60}, DROP_NOT_OWNED, true);
	refused((struct netvm_desc){.buffer = theirs, .action = NETVM_ACTION_DROP}, DROP_NOT_OWNED,
		true);
	assert_true(shm_pool_alloc(rig.pool, &free, 1));
	shm_pool_free(rig.pool, &free, 1);
	refused((struct netvm_desc){.buffer = free, .length = 60}, DROP_NOT_OWNED, true);
	refused((struct netvm_desc){.buffer = rig.pool->buffers, .length = 60}, DROP_NOT_OWNED,
		true);
	refused((struct netvm_desc){.buffer = UINT32_MAX, .length = 60}, DROP_NOT_OWNED, true);
	refused((struct netvm_desc){.buffer = OWN, .offset = 500, .length = 60},
		DROP_BAD_DESCRIPTOR, true);
	refused((struct netvm_desc){.buffer = OWN, .offset = UINT16_MAX, .length = UINT16_MAX},
		DROP_BAD_DESCRIPTOR, true);
	refused((struct netvm_desc){.buffer = OWN, .length = 60, .action = 4}, DROP_BAD_DESCRIPTOR,
		true);
	refused((struct netvm_desc){.buffer = OWN, .length = 13}, DROP_RUNT, false);
	atomic_store(&rig.guest[0].port->max_frame, 200);
	refused((struct netvm_desc){.buffer = OWN, .length = 201}, DROP_OVERSIZE, false);
}

static void
test_twice(void **state)
{
	for (unsigned int round = 0; round < 2; round++) {
		struct netvm_desc d = packet(0), list[] = {d, d, d};

		hop = round == 1;
		send(0, list, 3);
		assert_int_equal(take(), 1);
		assert_int_equal(drops(DROP_NOT_OWNED), 2 * (round + 1));
		rig_check(&rig, (const uint8_t *const *)held);
	}
}

/* In both pairs at once. */
static void
test_two_pairs(void **state)
{
	struct shm_port *p = rig.guest[0].port;
	struct netvm_desc d = packet(0);

	assert_true(guest_tx(&rig.guest[0], 0, &d, 1));
	assert_true(guest_tx(&rig.guest[0], 1, &d, 1));
	shm_port_rx(p, 0, &burst);
	assert_int_equal(burst.count, 1);
	shm_port_rx_complete(p, 0, &burst);
	shm_port_rx(p, 1, &burst);
	assert_int_equal(burst.count, 0);
	shm_port_rx_complete(p, 1, &burst);
	assert_int_equal(drops(DROP_NOT_OWNED), 1);
}

static void
test_given_back(void **state)
{
	struct netvm_desc d = {.action = NETVM_ACTION_DROP};

	for (unsigned int round = 0; round < 2; round++) {
		hop = round == 1;
		d.buffer = packet(0).buffer;
		d.offset = d.length = UINT16_MAX; /* mean nothing here */
		send(0, &d, 1);
		assert_int_equal(take(), 0);
	}
	assert_int_equal(shm_port_violations(rig.guest[0].port), 0);
}

/* --- packets in pieces --------------------------------------------------------------------- */

static void
test_torn(void **state)
{
	struct netvm_desc d[2];

	/* The end is missing. */
	d[0] = packet(0);
	d[0].flags = NETVM_DESC_F_MORE;
	send(0, d, 1);
	assert_int_equal(take(), 0);
	assert_int_equal(drops(DROP_BAD_DESCRIPTOR), 1);
	rig_check(&rig, (const uint8_t *const *)held);
	/* A piece is somebody else's. */
	d[0] = packet(0);
	d[0].flags = NETVM_DESC_F_MORE;
	d[1] = packet(1);
	held[1][d[1].buffer] = 1;
	send(0, d, 2);
	assert_int_equal(take(), 0);
	assert_int_equal(drops(DROP_NOT_OWNED), 1);
	rig_check(&rig, (const uint8_t *const *)held);
	/* An offload entry alone, and one whose packet does not know of it. */
	memset(d, 0, sizeof(d));
	d[0].flags = NETVM_DESC_F_OFFLOAD;
	send(0, d, 1);
	assert_int_equal(take(), 0);
	assert_int_equal(drops(DROP_BAD_DESCRIPTOR), 2);
	d[1] = packet(0);
	send(0, d, 2);
	(void)take();
	assert_int_equal(drops(DROP_BAD_DESCRIPTOR), 3);
	rig_check(&rig, (const uint8_t *const *)held);
}

/* A ring of 64 entries that is full of one packet. */
static void
test_too_many_pieces(void **state)
{
	struct netvm_desc d[64];
	uint32_t buffer[64];

	assert_int_equal(guest_fill(&rig.guest[0], 0, buffer, 64), 64);
	for (unsigned int i = 0; i < 64; i++) {
		d[i] = guest_packet(&rig.guest[0], buffer[i], 100);
		d[i].flags = NETVM_DESC_F_MORE;
	}
	send(0, d, 64);
	assert_int_equal(take(), 0);
	assert_int_equal(drops(DROP_BAD_DESCRIPTOR), 1);
}

/* Ring and burst end with a request that no packet follows. */
static void
test_request_last(void **state)
{
	struct netvm_desc d[128];
	uint32_t buffer[127];

	memset(d, 0, sizeof(d));
	assert_int_equal(guest_fill(&rig.guest[0], 0, buffer, 127), 127);
	for (unsigned int i = 0; i < 127; i++) {
		d[i] = guest_packet(&rig.guest[0], buffer[i], 100);
		d[i].action = NETVM_ACTION_DROP;
		d[i].flags = i % 2 == 0 && i < 126 ? NETVM_DESC_F_MORE : 0;
	}
	d[127].flags = NETVM_DESC_F_OFFLOAD;
	send(0, d, 128);
	assert_int_equal(take(), 0);
	assert_int_equal(drops(DROP_BAD_DESCRIPTOR), 1);
	assert_int_equal(shm_port_violations(rig.guest[0].port), 1);
}

/* Which of the guest's buffers is the last of its page, and the next page somebody's, so
 * that nobody is given a buffer there. */
static unsigned int
last_of_page(const uint32_t *buffer, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		unsigned int next = 1;

		while (next <= 8 && shm_owner(rig.pool, buffer[i] + next) != SHM_HOST)
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
	struct packet *p = &burst.pkt[0];
	uint8_t *after;
	unsigned int i, other = 0;

	assert_int_equal(guest_fill(&rig.guest[0], 0, buffer, 64), 64);
	for (i = 0; i < 64; i++)
		held[0][buffer[i]] = 1;
	i = last_of_page(buffer, 64);
	while (other == i || buffer[other] / 8 == buffer[i] / 8 + 1)
		other++;
	d[0] = guest_packet(&rig.guest[0], buffer[i], 1);
	d[0].offset = 511;
	d[0].flags = NETVM_DESC_F_MORE;
	d[1] = guest_packet(&rig.guest[0], buffer[other], 100);
	held[0][d[0].buffer] = held[0][d[1].buffer] = 0;
	after = shm_buffer(rig.pool, buffer[i] + 1);
	memcpy(shm_buffer(rig.pool, d[1].buffer) + d[1].offset, after, 100);
	send(0, d, 2);
	assert_int_equal(mprotect(after, 4096, PROT_NONE), 0);
	shm_port_rx(rig.guest[0].port, 0, &burst);
	assert_int_equal(burst.count, 1);
	assert_int_equal(shm_port_tx(rig.guest[1].port, 0, &p, 1), 1);
	shm_port_rx_complete(rig.guest[0].port, 0, &burst);
	assert_int_equal(mprotect(after, 4096, PROT_READ | PROT_WRITE), 0);
	assert_int_equal(rig.guest[1].port->pair[0].tx_packets, 1);
}

static void
test_bad_request(void **state)
{
	struct netvm_offload o = {
		.flags = NETVM_DESC_F_OFFLOAD, .csum = 1, .csum_start = 60000, .csum_offset = 16};
	struct netvm_desc d[2];

	memcpy(&d[0], &o, sizeof(o));
	d[1] = packet(0);
	d[1].flags = NETVM_DESC_F_OFFLOAD;
	send(0, d, 2);
	assert_int_equal(take(), 0);
	assert_int_equal(drops(DROP_BAD_OFFLOAD), 1);
}

/* --- indices ----------------------------------------------------------------------------- */

static void
faulty(struct netvm_ring *r, bool producer, void (*touch)(void))
{
	uint32_t *index = producer ? &r->produced : &r->consumed, was = *index;

	*index = was + 1000;
	touch();
	*index = was;
	assert_int_equal(rig_faults, 1);
	assert_false(atomic_load(&rig.guest[0].port->live));
	assert_int_equal(rig.guest[0].port->fault, SHM_FAULT_INDEX);
	/* Nothing more happens, and it is told once. */
	touch();
	assert_int_equal(rig_faults, 1);
}

static void
touch_rx(void)
{
	hop = false;
	assert_int_equal(take(), 0);
}

static void
touch_hop(void)
{
	hop = true;
	assert_int_equal(take(), 0);
}

static void
touch_tx(void)
{
	static uint8_t frame[64];
	struct packet p = {.hdr = frame, .hdr_len = 60, .len = 60}, *list[65];

	for (unsigned int i = 0; i < 65; i++)
		list[i] = &p;
	assert_int_not_equal(shm_port_tx(rig.guest[0].port, 0, list, 65), 65);
}

static void
test_index_tx(void **state)
{
	faulty(rig.guest[0].pair[0].ring[NETVM_TX], true, touch_rx);
}

static void
test_index_tx_hop(void **state)
{
	faulty(rig.guest[0].pair[0].ring[NETVM_TX], true, touch_hop);
}

static void
test_index_rx(void **state)
{
	faulty(rig.guest[0].pair[0].ring[NETVM_RX], false, touch_tx);
}

static void
test_index_fill(void **state)
{
	faulty(rig.guest[0].pair[0].ring[NETVM_FILL], false, touch_rx);
}

static void
test_quarantine(void **state)
{
	struct shm_port *p = rig.guest[0].port;
	struct netvm_desc d = {.buffer = UINT32_MAX, .length = 60};

	for (unsigned int i = 0; i < SHM_VIOLATIONS; i++) {
		assert_int_equal(rig_faults, 0);
		send(0, &d, 1);
		(void)take();
	}
	assert_int_equal(rig_faults, 1);
	assert_int_equal(p->fault, SHM_FAULT_VIOLATIONS);
	assert_int_equal(shm_port_tx_queues(p), 0);
	/* What the server does then, and the guest when it opens the port again. */
	shm_port_unpublish(p);
	assert_true(shm_port_reclaim(p) > 0);
	shm_port_rings_reset(p);
	rig_guest_reset(&rig.guest[0]);
	assert_int_equal(shm_port_owned(p), 0);
	shm_port_publish(p, 0, 0);
	shm_fill(p, 0, 1);
	d = packet(0);
	send(0, &d, 1);
	assert_int_equal(take(), 1);
	assert_int_equal(shm_port_violations(p), 0);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_descriptors),
		T(test_twice),
		T(test_two_pairs),
		T(test_given_back),
		T(test_torn),
		T(test_too_many_pieces),
		cmocka_unit_test_setup_teardown(test_request_last, setup_128, teardown),
		T(test_end_of_memory),
		T(test_bad_request),
		T(test_index_tx),
		T(test_index_tx_hop),
		T(test_index_rx),
		T(test_index_fill),
		T(test_quarantine),
	};

	rig_eal();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
