/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where rings, quota and pool end; that every buffer is counted whatever was done; and
 * who is woken.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/unit/shm-two.h"

/* --- limits ------------------------------------------------------------------------------------
 */

static unsigned int
send_many(unsigned int n)
{
	static uint8_t frame[64];
	struct packet p = {.hdr = frame, .hdr_len = 60, .len = 60};
	unsigned int sent = 0;

	while (sent < n && send(&p) == 1)
		sent++;
	return sent;
}

static void
test_full(void **state)
{
	struct netvm_desc d;
	bool other;

	assert_int_equal(send_many(100), 64);
	d = guest_packet(&rig.guest[0], fresh(), 100);
	assert_true(guest_tx(&rig.guest[0], 0, &d, 1));
	assert_int_equal(shm_port_hop(rig.guest[0].port, 0, rig.guest[1].port, 64, &other), 1);
	assert_int_equal(drops(1, DROP_RING_FULL), 1);
}

static void
test_quota(void **state)
{
	struct netvm_desc d;
	bool other;

	/* FILL leaves a quarter for packets. */
	assert_int_equal(shm_port_owned(rig.guest[0].port), 30);
	assert_int_equal(send_many(64), 64);
	assert_int_equal(drops(1, DROP_QUOTA), 24);
	assert_int_equal(shm_port_owned(rig.guest[1].port), 40);
	d = guest_packet(&rig.guest[0], fresh(), 100);
	assert_true(guest_tx(&rig.guest[0], 0, &d, 1));
	assert_int_equal(shm_port_hop(rig.guest[0].port, 0, rig.guest[1].port, 64, &other), 1);
	assert_int_equal(drops(1, DROP_QUOTA), 25);
	/* It gives one back and gets one. */
	assert_int_equal(guest_rx(&rig.guest[1], 0, &d, 1), 1);
	d.action = NETVM_ACTION_DROP;
	assert_true(guest_tx(&rig.guest[1], 0, &d, 1));
	assert_int_equal(shm_port_hop(rig.guest[1].port, 0, rig.guest[0].port, 64, &other), 1);
	assert_int_equal(send_many(2), 2);
	assert_int_equal(drops(1, DROP_QUOTA), 26);
}

static void
test_pool_empty(void **state)
{
	while (send_many(32) != 0) {
		struct netvm_desc d;

		while (guest_rx(&rig.guest[1], 0, &d, 1) == 1)
			held[1][d.buffer] = 1;
		if (drops(1, DROP_NO_BUFFER) != 0)
			break;
	}
	assert_true(drops(1, DROP_NO_BUFFER) != 0);
	/* FILL does without. */
	shm_fill(rig.guest[1].port, 0, 1);
	/* All come back at once. */
	shm_port_unpublish(rig.guest[1].port);
	assert_true(shm_port_reclaim(rig.guest[1].port) >= rig.pool->buffers - 64);
	shm_port_rings_reset(rig.guest[1].port);
	rig_guest_reset(&rig.guest[1]);
	memset(held[1], 0, rig.pool->buffers);
}

/* --- long runs ---------------------------------------------------------------------------------
 */

/* Any guest, any pair, any way. */
static void
step(void)
{
	struct packet *list[PACKET_BURST];
	bool other;
	unsigned int i = (unsigned int)rand() % 2, q = (unsigned int)rand() % 2;
	struct guest *g = &rig.guest[i], *o = &rig.guest[!i];
	struct netvm_desc d;
	uint32_t buffer;

	switch (rand() % 5) {
	case 0:
		shm_port_hop(g->port, (uint16_t)q, o->port, 64, &other);
		break;
	case 1:
		shm_port_rx(g->port, (uint16_t)q, &burst);
		for (unsigned int k = 0; k < burst.count; k++)
			list[k] = &burst.pkt[k];
		(void)shm_port_tx(o->port, (uint16_t)q, list,
			(uint16_t)((unsigned int)rand() % (burst.count + 1u)));
		shm_port_rx_complete(g->port, (uint16_t)q, &burst);
		break;
	case 2:
		while (guest_rx(g, q, &d, 1) == 1) {
			d.flags &= NETVM_DESC_F_MORE;
			d.action = rand() % 4 == 0;
			if (!guest_tx(g, (d.flags & NETVM_DESC_F_MORE) ? q : !q, &d, 1))
				held[i][d.buffer] = 1;
		}
		break;
	case 3:
		if (guest_fill(g, q, &buffer, 1) == 1) {
			d = guest_packet(g, buffer, 100);
			if (!guest_tx(g, q, &d, 1))
				held[i][buffer] = 1;
		}
		break;
	default:
		buffer = (unsigned int)rand() % rig.pool->buffers;
		d = guest_packet(g, buffer, 60);
		if (held[i][buffer] && guest_tx(g, q, &d, 1))
			held[i][buffer] = 0;
	}
}

/* Indices near 2^32, several pairs, every way of moving at random, counted each time. */
static void
test_random(void **state)
{
	srand(3);
	for (unsigned int i = 0; i < 2; i++) {
		struct shm_port *p = rig.guest[i].port;

		shm_port_unpublish(p);
		shm_port_reclaim(p);
		shm_port_rings_reset(p);
		for (unsigned int q = 0; q < 2; q++)
			for (unsigned int k = 0; k < SHM_RING_KINDS; k++) {
				struct shm_ring *r = &p->pair[q].ring[k];
				uint32_t at = UINT32_MAX - 100;

				r->journal->mark.at = r->seen = at;
				r->shared->produced = r->shared->consumed = at;
				rig.guest[i].pair[q].at[k] = at;
			}
		shm_port_publish(p, 0, i == 0 ? NETVM_GUEST_SEGS : 0);
	}
	for (unsigned int round = 0; round < 20000; round++) {
		step();
		if (round % 64 == 0)
			rig_check(&rig, (const uint8_t *const *)held);
	}
	assert_int_equal(shm_port_violations(rig.guest[0].port), 0);
	assert_int_equal(shm_port_violations(rig.guest[1].port), 0);
	assert_true(rig.guest[0].port->pair[0].ring[NETVM_TX].journal->mark.at < 1000000);
	assert_true(rig.guest[0].port->pair[0].rx_packets > 1000);
}

/* A guest that sleeps is woken, one that does not is left alone. */
static void
test_doorbell(void **state)
{
	struct shm_port *p = rig.guest[1].port;
	int fd = eventfd(0, EFD_NONBLOCK);
	uint64_t n = 0;

	p->bell[0] = fd;
	shm_signal();
	assert_int_equal(send_many(1), 1);
	shm_signal();
	assert_int_equal(read(fd, &n, sizeof(n)), -1);
	rig.guest[1].pair[0].ring[NETVM_RX]->wait = 1;
	assert_int_equal(send_many(2), 2);
	shm_signal();
	assert_int_equal(read(fd, &n, sizeof(n)), sizeof(n));
	assert_int_equal(n, 1);
	shm_signal();
	assert_int_equal(read(fd, &n, sizeof(n)), -1);
	p->bell[0] = -1;
	close(fd);
	/* The other way. */
	p = rig.guest[0].port;
	assert_false(shm_port_rx_arm(p, 0));
	assert_int_equal(p->pair[0].ring[NETVM_TX].shared->wait, 1);
	shm_port_rx_disarm(p, 0);
	assert_int_equal(p->pair[0].ring[NETVM_TX].shared->wait, 0);
	assert_true(guest_tx(&rig.guest[0], 0,
		&(struct netvm_desc){.buffer = fresh(), .action = NETVM_ACTION_DROP}, 1));
	assert_true(shm_port_rx_arm(p, 0));
}

/* Who goes to sleep fills FILL up, and wakes a guest that waits for that before, as its
 * thread does nothing for a while, and the port may go. */
static void
test_doorbell_fill(void **state)
{
	struct shm_port *p = rig.guest[0].port;
	int fd = eventfd(0, EFD_NONBLOCK);
	uint64_t n = 0;

	shm_signal();
	p->bell[0] = fd;
	held[0][fresh()] = 1;
	rig.guest[0].pair[0].ring[NETVM_FILL]->wait = 1;
	assert_false(shm_port_rx_arm(p, 0));
	assert_int_equal(read(fd, &n, sizeof(n)), sizeof(n));
	/* Nothing is left for later. */
	shm_signal();
	assert_int_equal(read(fd, &n, sizeof(n)), -1);
	p->bell[0] = -1;
	close(fd);
}

/* Any bytes at all, everywhere in the ring memory of port 0. */
static void
scribble(struct shm_port *p)
{
	uint64_t bytes = 4096 + 2 * (3 * sizeof(struct netvm_ring) + 64 * 36);
	struct shm_ring *tx = &p->pair[0].ring[NETVM_TX], *rx = &p->pair[0].ring[NETVM_RX];

	for (unsigned int k = 0; k < 20; k++)
		p->memory.at[(unsigned int)rand() % bytes] = (uint8_t)(rand() & 0x43);
	/* Plausible numbers get further. */
	tx->shared->produced = shm_ring_at(tx) + (unsigned int)rand() % 65;
	for (unsigned int k = 0; k < 64; k++)
		tx->desc[k].buffer = rand() % 2 ? p->pair[0].ring[NETVM_FILL].fill[k]
						: (unsigned int)rand() % 1100;
	rx->shared->consumed = shm_ring_at(rx);
}

static void
start_again(unsigned int i)
{
	struct shm_port *p = rig.guest[i].port;

	shm_port_unpublish(p);
	shm_port_reclaim(p);
	shm_port_rings_reset(p);
	rig_guest_reset(&rig.guest[i]);
	shm_port_publish(p, 0, NETVM_GUEST_SEGS);
}

static void
test_noise(void **state)
{
	struct shm_port *p = rig.guest[0].port, *other_port = rig.guest[1].port;
	struct netvm_desc d;
	bool other;

	srand(7);
	for (unsigned int round = 0; round < 20000; round++) {
		scribble(p);
		while (round % 2 != 0 && shm_port_hop(p, 0, other_port, 64, &other) != 0)
			;
		shm_port_rx(p, 0, &burst);
		for (unsigned int i = 0; i < burst.count; i++)
			(void)send(&burst.pkt[i]);
		complete();
		(void)shm_port_hop(other_port, 0, p, 64, &other);
		shm_signal();
		while (guest_rx(&rig.guest[1], 0, &d, 1) == 1)
			;
		if (round % 4 == 0) {
			start_again(0);
			start_again(1);
		}
		/* Everything would be over soon otherwise. */
		p->fault = 0;
		p->pair[0].violations = 0;
		p->live = true;
	}
	assert_true(p->pair[0].rx_packets > 400);
	start_again(0);
	start_again(1);
}

int
main(void)
{
#define T(name, with) cmocka_unit_test_setup_teardown(name, with, teardown)
	const struct CMUnitTest tests[] = {
		T(test_full, setup_plain),
		T(test_quota, setup_quota),
		T(test_pool_empty, setup_small),
		T(test_random, setup_plain),
		T(test_doorbell_fill, setup),
		T(test_doorbell, setup),
		T(test_noise, setup),
	};

	rig_eal();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
