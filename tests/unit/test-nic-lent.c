/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Guest memory that a NIC sends in place, with everything real but the wire, which
 * is in nic-wire.c.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/nic-wire.h"

#ifdef __SANITIZE_THREAD__
/* As in test-worker.c; a descriptor's number that one thread looks at while EAL's
 * opens it; and mbufs, which go from nic_tx() to the wire and back through rings in
 * DPDK's libraries, where ThreadSanitizer does not see the order. Loans and
 * rings without them are in test-vring-hold.c. */
const char *__tsan_default_suppressions(void);
const char *
__tsan_default_suppressions(void)
{
	return "race:__rte_rcu_qsbr_check_selective\nrace:__rte_rcu_qsbr_check_all\n"
	       "race:rte_rcu_qsbr_check\nrace:pipe_inode\nrace:nic_tx\n"
	       "race:wire_run\n";
}
#endif

#define CAP 64 /* a quarter of the frontend's 256 slots */

/* --- tests ------------------------------------------------------------------------------ */

static void
device_that_keeps_buffers_gets_copies(void **state)
{
	struct dp_port_status st;

	dp_port_status(wire_nic, &st);
	assert_string_equal(st.no_zero_copy, "the driver keeps what it sent until it sends more");
}

static void
payload_stays_where_it_is(void **state)
{
	uint64_t before = wire_zero_copy();
	uint8_t *buffer = fe_tx_ring(&wire_fe, 0)->buffer;
	uint8_t got[WIRE_LARGE], want[WIRE_LARGE];

	wire_send(60, 0);
	wire_send(WIRE_LARGE, 1);
	wire_keep(2);
	assert_false(wire_borrowed(wire_held[0]));
	assert_true(wire_borrowed(wire_held[1]));
	wire_check(wire_held[0], 60, 0);
	wire_check(wire_held[1], WIRE_LARGE, 1);
	/* The wire_guest rewrites all of its memory: what was judged is not affected. */
	memset(buffer, 0xee, 2 * 2048);
	wire_check(wire_held[0], 60, 0);
	wire_fill(want, WIRE_LARGE, 1);
	memset(want + PACKET_HEADER_MAX, 0xee, WIRE_LARGE - PACKET_HEADER_MAX);
	assert_memory_equal(rte_pktmbuf_read(wire_held[1], 0, WIRE_LARGE, got), want, WIRE_LARGE);
	assert_int_equal(wire_zero_copy() - before, 1);
	wire_reap_until(1);
	rte_pktmbuf_free(wire_held[1]);
	wire_nheld = 1;
	wire_reap_until(1);
}

static uint32_t
visit(const struct vhost_stretch *s, unsigned int n, uint32_t reach, void *arg)
{
	const uint8_t *buffer = fe_tx_ring(&wire_fe, 0)->buffer;

	assert_int_equal(n, 1);
	assert_int_equal(s[0].len % s[0].page, 0);
	/* The same bytes as the frontend's, at another address. */
	assert_ptr_not_equal(s[0].at, wire_fe.mem.base);
	assert_memory_equal((uint8_t *)s[0].at + (buffer - wire_fe.mem.base), buffer, 2048);
	*(uint32_t *)arg = reach;
	return 7;
}

/* A device that reads by itself borrows only from memory that it was told of. */
static void
memory_has_to_be_reached(void **state)
{
	struct nic *nic = wire_nic->dev;
	uint32_t reach = 1;

	nic->dma = 7;
	wire_send(WIRE_LARGE, 0);
	wire_keep(1);
	wire_reap_until(1);
	vhost_memory_walk(visit, &reach);
	assert_int_equal(reach, 0);
	wire_send(WIRE_LARGE, 1);
	wire_keep(1);
	nic->dma = 8;
	wire_send(WIRE_LARGE, 2);
	wire_keep(1);
	nic->dma = 0;
	vhost_memory_walk(visit, &reach);
	assert_int_equal(reach, 7);
	assert_false(wire_borrowed(wire_held[0]));
	assert_true(wire_borrowed(wire_held[1]));
	assert_false(wire_borrowed(wire_held[2]));
}

static void
lent_up_to_the_cap(void **state)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < 200; i++)
		wire_send(WIRE_LARGE, i);
	wire_keep(200);
	for (unsigned int i = 0; i < 200; i++) {
		wire_check(wire_held[i], WIRE_LARGE, i);
		n += wire_borrowed(wire_held[i]);
	}
	assert_int_equal(n, CAP);
	assert_true(wire_borrowed(wire_held[0]));
	assert_int_equal(fe_reap(fe_tx_ring(&wire_fe, 0)), 0);
	/* The wrong way round: the last one that is freed releases all. */
	for (unsigned int i = 200; i-- > 1;)
		rte_pktmbuf_free(wire_held[i]);
	wire_nheld = 1;
	assert_int_equal(fe_reap(fe_tx_ring(&wire_fe, 0)), 0);
	rte_pktmbuf_free(wire_held[0]);
	wire_nheld = 0;
	wire_reap_until(200);
}

/* The wire_guest's driver stops its rings: it gets all back within a bounded time, and
 * what the NIC still holds can be read, also after the memory was given up. */
static void
stop_with_loans_out(void **state)
{
	uint16_t base = 0;
	int64_t begin;

	for (unsigned int i = 0; i < 40; i++)
		wire_send(WIRE_LARGE, i);
	wire_keep(40);
	begin = wire_ms();
	assert_int_equal(fe_ring_stop(&wire_fe, 1, &base), 0);
	assert_true(wire_ms() - begin >= 90);
	assert_true(wire_ms() - begin < 5000);
	assert_int_equal(base, 40);
	wire_reap_until(40);
	for (unsigned int i = 0; i < 40; i++)
		wire_check(wire_held[i], WIRE_LARGE, i);
	memset(fe_tx_ring(&wire_fe, 0)->buffer, 0xdd, 2048);
	fe_close(&wire_fe);
	wire_fe.fd = -1;
	dp_port_del(wire_guest);
	wire_guest = NULL;
	for (unsigned int i = 1; i < 40; i++)
		wire_check(wire_held[i], WIRE_LARGE, i);
}

static void
memory_table_changes_with_loans_out(void **state)
{
	int64_t begin;

	for (unsigned int i = 0; i < 40; i++)
		wire_send(WIRE_LARGE, i);
	wire_keep(40);
	begin = wire_ms();
	assert_int_equal(fe_set_mem_table(&wire_fe), 0);
	assert_true(wire_ms() - begin < 5000);
	wire_reap_until(40);
	/* Traffic goes on, by copy for a while; the old mapping is still there. */
	for (unsigned int i = 40; i < 80; i++)
		wire_send(WIRE_LARGE, i);
	wire_keep(40);
	wire_reap_until(40);
	for (unsigned int i = 0; i < 80; i++) {
		wire_check(wire_held[i], WIRE_LARGE, i);
		assert_int_equal(wire_borrowed(wire_held[i]), i < 40);
	}
}

/* Loans that come back while the ring is being stopped end the wait. */
static void *
free_soon(void *arg)
{
	usleep(30000);
	for (unsigned int i = wire_nheld; i-- > 0;)
		rte_pktmbuf_free(wire_held[i]);
	return NULL;
}

static void
stop_waits_for_loans(void **state)
{
	uint16_t base = 0;
	pthread_t t;

	for (unsigned int i = 0; i < 10; i++)
		wire_send(WIRE_LARGE, i);
	wire_keep(10);
	assert_int_equal(pthread_create(&t, NULL, free_soon, NULL), 0);
	assert_int_equal(fe_ring_stop(&wire_fe, 1, &base), 0);
	pthread_join(t, NULL);
	wire_nheld = 0;
	assert_int_equal(base, 10);
	wire_reap_until(10);
}

/* A device that reads by itself is restarted when its time is over. */
static void
revoked_from_a_lazy_device(void **state)
{
	struct nic *nic = wire_nic->dev;
	struct dp_port_status st;
	uint16_t base;

	nic_lent_close(wire_nic);
	nic_free_pool(nic->shells);
	nic->lazy = true;
	nic_lent_allow(wire_nic);
	wire_send(WIRE_LARGE, 0);
	wire_keep(1);
	assert_true(wire_borrowed(wire_held[0]));
	assert_int_equal(fe_ring_stop(&wire_fe, 1, &base), 0);
	dp_port_status(wire_nic, &st);
	assert_non_null(st.no_zero_copy);
	assert_string_equal(st.no_zero_copy, "the device kept what it borrowed for too long");
	assert_true(nic->started);
}

/* The same without a stop: a wire_guest must not wait for a NIC for ever. */
static void
tick_frees_a_stuck_ring(void **state)
{
	struct nic *nic = wire_nic->dev;

	nic_lent_close(wire_nic);
	nic_free_pool(nic->shells);
	nic->lazy = true;
	nic_lent_allow(wire_nic);
	wire_send(WIRE_LARGE, 0);
	wire_keep(1);
	nic_lent_tick();
	assert_true(nic->borrows);
	nic_lent_tick();
	assert_false(nic->borrows);
	/* net_ring's stop frees nothing; a real device's does. */
	rte_pktmbuf_free(wire_held[0]);
	wire_nheld = 0;
	wire_reap_until(1);
}

/* --- a wire of its own mind ------------------------------------------------------------- */

#ifdef __SANITIZE_THREAD__
#define FRAMES 2000
#else
#define FRAMES 20000
#endif

static _Atomic unsigned int arrived;
static _Atomic unsigned int wrong;

static void *
wire_run(void *arg)
{
	struct rte_mbuf *mine[50] = {NULL};
	unsigned int seed = 1, serial = 0;

	while (serial < FRAMES) {
		unsigned int at = (unsigned int)rand_r(&seed) % 50;
		uint8_t want[WIRE_LARGE], got[WIRE_LARGE];
		const void *at_m;
		struct rte_mbuf *m;
		uint32_t len;

		rte_pktmbuf_free(mine[at]);
		mine[at] = NULL;
		if (!wire_take(&m)) {
			sched_yield();
			continue;
		}
		len = 60 + serial * 37 % 1441;
		wire_fill(want, len, serial);
		at_m = rte_pktmbuf_read(m, 0, len, got);
		if (m->pkt_len != len || at_m == NULL || memcmp(at_m, want, len) != 0)
			atomic_fetch_add(&wrong, 1);
		serial++;
		atomic_store(&arrived, serial);
		mine[at] = m;
	}
	for (unsigned int i = 0; i < 50; i++)
		rte_pktmbuf_free(mine[i]);
	return NULL;
}

static void
under_traffic(void **state)
{
	struct fe_ring *tx = fe_tx_ring(&wire_fe, 0);
	int64_t end = wire_ms() + 120000;
	unsigned int sent = 0;
	uint64_t before = wire_zero_copy();
	uint8_t f[WIRE_LARGE];
	pthread_t t;

	atomic_store(&wrong, 0);
	atomic_store(&arrived, 0);
	assert_int_equal(pthread_create(&t, NULL, wire_run, NULL), 0);
	while ((sent < FRAMES || tx->nfree < tx->slots) && wire_ms() < end) {
		uint32_t len = 60 + sent * 37 % 1441;

		assert_true(fe_reap(tx) >= 0);
		wire_fill(f, len, sent);
		/* The wire's ring must not be full: what it drops is no loss of ours. */
		if (sent < FRAMES && sent - atomic_load(&arrived) < 256 &&
			fe_transmit(tx, NULL, f, len)) {
			sent++;
			fe_kick(tx);
		} else {
			sched_yield();
		}
	}
	pthread_join(t, NULL);
	assert_int_equal(sent, FRAMES);
	assert_int_equal(tx->nfree, tx->slots);
	assert_int_equal(atomic_load(&wrong), 0);
	assert_int_equal(tx->out_of_order, 0);
	assert_true(wire_zero_copy() - before > 100);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(device_that_keeps_buffers_gets_copies),
#define T(f) cmocka_unit_test_setup_teardown(f, wire_guest_start, wire_guest_stop)
		T(payload_stays_where_it_is),
		T(memory_has_to_be_reached),
		T(lent_up_to_the_cap),
		T(stop_with_loans_out),
		T(memory_table_changes_with_loans_out),
		T(stop_waits_for_loans),
		T(revoked_from_a_lazy_device),
		T(tick_frees_a_stuck_ring),
		T(under_traffic),
	};

	return cmocka_run_group_tests_name("nic-lent", tests, wire_world_start, wire_world_stop);
}
