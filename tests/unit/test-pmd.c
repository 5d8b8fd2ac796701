/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The DPDK driver's packets: what comes in, what goes out, with and without a copy,
 * and that every buffer and every mbuf comes back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/pmd-rig.h"

static struct pmd_rig rig;
static struct pmd_host_packet out;

static uint8_t *
bytes_of(const struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod(m, uint8_t *);
}

static void
test_receives_what_was_sent(void **state)
{
	struct rte_mbuf *m[100];
	struct rte_eth_stats stats;
	uint16_t i;

	pmd_rig_up(&rig, NULL, NULL);
	pmd_rig_start(&rig, 1, 1, NULL);
	pmd_rig_send(&rig, 0, 0, 100, 300);
	assert_int_equal(pmd_rig_receive(&rig, 0, m, 100), 100);
	for (i = 0; i < 100; i++) {
		rte_mbuf_sanity_check(m[i], 1);
		assert_int_equal(m[i]->pkt_len, 300);
		assert_int_equal(m[i]->data_len, 300);
		assert_int_equal(m[i]->nb_segs, 1);
		assert_int_equal(m[i]->port, rig.port);
		assert_ptr_equal(m[i]->pool, rig.pool);
		assert_int_equal(rte_pktmbuf_headroom(m[i]), 128);
		assert_true(m[i]->ol_flags & RTE_MBUF_F_RX_RSS_HASH);
		assert_int_equal(m[i]->hash.rss, i);
		assert_true(pmd_rig_is_frame(bytes_of(m[i]), 300, i));
	}
	assert_int_equal(pmd_host_owned(&rig.host), 100);
	rte_eth_stats_get(rig.port, &stats);
	assert_int_equal(stats.ipackets, 100);
	assert_int_equal(stats.ibytes, 30000);
	assert_int_equal(stats.q_ipackets[0], 100);
	rte_pktmbuf_free_bulk(m, 100);
	/* Polling gives them back, also where nobody transmits. */
	assert_int_equal(rte_eth_rx_burst(rig.port, 0, m, 32), 0);
	assert_int_equal(pmd_host_swallow(&rig.host), 0);
	assert_int_equal(rig.host.freed, 100);
	assert_int_equal(pmd_host_owned(&rig.host), 0);
	rte_eth_dev_stop(rig.port);
	pmd_rig_down(&rig);
}

static void
test_passes_buffers_on(void **state)
{
	struct rte_mbuf *m[64];
	uint32_t buffer[64], first = 0;
	uint16_t i;

	pmd_rig_up(&rig, NULL, NULL);
	pmd_rig_start(&rig, 1, 1, NULL);
	pmd_rig_send(&rig, 0, 0, 64, 200);
	assert_int_equal(pmd_rig_receive(&rig, 0, m, 64), 64);
	for (i = 0; i < 64; i++) {
		buffer[i] = ((uint8_t *)m[i]->buf_addr - (uint8_t *)m[0]->buf_addr) / 2048;
		/* Writing, growing to the front and cutting at the end stay in the buffer. */
		assert_non_null(rte_pktmbuf_prepend(m[i], 4));
		memset(bytes_of(m[i]), 0xee, 4);
		assert_int_equal(rte_pktmbuf_trim(m[i], 50), 0);
	}
	assert_int_equal(rte_eth_tx_burst(rig.port, 0, m, 64), 64);
	for (i = 0; i < 64; i++) {
		assert_true(pmd_host_receive(&rig.host, 0, &out));
		assert_int_equal(out.length, 154);
		first = i ? first : out.buffer;
		assert_int_equal(out.buffer - first, buffer[i]);
		assert_int_equal(out.mark, i);
		assert_true(out.hash);
		assert_memory_equal(out.bytes, "\xee\xee\xee\xee", 4);
		assert_true(pmd_rig_is_frame(out.bytes + 4, 150, i));
	}
	assert_int_equal(pmd_rig_xstat(&rig, "tx_zero_copy_packets"), 64);
	assert_int_equal(pmd_rig_xstat(&rig, "tx_copied_packets"), 0);
	assert_int_equal(pmd_host_owned(&rig.host), 0);
	rte_eth_dev_stop(rig.port);
	pmd_rig_down(&rig);
}

static void
test_copies_foreign_mbufs(void **state)
{
	static const struct {
		uint32_t size;
		uint16_t pieces;
	} shapes[] = {{60, 1}, {1514, 1}, {1514, 3}, {1920, 1}, {1921, 2}, {3840, 2}, {3841, 3},
		{9018, 5}, {64000, 40}};
	struct rte_mbuf *m;
	unsigned int i;

	pmd_rig_up(&rig, NULL, NULL);
	pmd_rig_start(&rig, 1, 1, NULL);
	for (i = 0; i < RTE_DIM(shapes); i++) {
		m = pmd_rig_foreign(&rig, i, shapes[i].size, shapes[i].pieces);
		assert_int_equal(rte_eth_tx_burst(rig.port, 0, &m, 1), 1);
		assert_true(pmd_host_receive(&rig.host, 0, &out));
		assert_int_equal(out.length, shapes[i].size);
		assert_int_equal(out.pieces, (shapes[i].size + 1919) / 1920);
		assert_true(pmd_rig_is_frame(out.bytes, out.length, i));
	}
	assert_int_equal(pmd_rig_xstat(&rig, "tx_copied_packets"), RTE_DIM(shapes));
	rte_eth_dev_stop(rig.port);
	pmd_rig_down(&rig);
}

/* What came from one port and is sent by another is copied; mbufs and buffers go back to
 * where each came from, but those that somebody else still holds. */
static void
test_from_port_to_port(void **state)
{
	static struct pmd_rig other = {.number = 1};
	struct rte_mbuf *m[64], *clone;
	uint16_t i;

	pmd_rig_up(&rig, NULL, NULL);
	pmd_rig_up(&other, NULL, NULL);
	pmd_rig_start(&rig, 2, 1, NULL);
	pmd_rig_start(&other, 1, 1, NULL);
	pmd_rig_send(&rig, 0, 0, 32, 64);
	pmd_rig_send(&rig, 1, 32, 32, 1000);
	assert_int_equal(pmd_rig_receive(&rig, 0, m, 32), 32);
	assert_int_equal(pmd_rig_receive(&rig, 1, m + 32, 32), 32);
	clone = rte_pktmbuf_clone(m[40], other.pool);
	assert_non_null(clone);
	/* The two pairs' packets by turns. */
	for (i = 1; i < 32; i += 2)
		RTE_SWAP(m[i], m[i + 32]);
	assert_int_equal(rte_eth_tx_burst(other.port, 0, m, 64), 64);
	for (i = 0; i < 64; i++) {
		uint32_t number = i % 2 == 0 ? i : i ^ 32;

		assert_true(pmd_host_receive(&other.host, 0, &out));
		assert_int_equal(out.mark, number);
		assert_true(out.hash);
		assert_int_equal(out.length, number < 32 ? 64 : 1000);
		assert_true(pmd_rig_is_frame(out.bytes, out.length, number));
	}
	assert_int_equal(pmd_rig_xstat(&other, "tx_copied_packets"), 64);
	for (i = 0; i < 2; i++)
		assert_int_equal(rte_eth_rx_burst(rig.port, i, m, 32), 0);
	assert_int_equal(pmd_host_swallow(&rig.host), 0);
	assert_int_equal(rig.host.freed, 63);
	assert_true(pmd_rig_is_frame(bytes_of(clone), 1000, 40));
	rte_pktmbuf_free(clone);
	for (i = 0; i < 2; i++)
		assert_int_equal(rte_eth_rx_burst(rig.port, i, m, 32), 0);
	assert_int_equal(pmd_host_swallow(&rig.host), 0);
	assert_int_equal(rig.host.freed, 64);
	rte_eth_dev_stop(rig.port);
	rte_eth_dev_stop(other.port);
	pmd_rig_down(&other);
	pmd_rig_down(&rig);
}

static void
test_a_full_ring_leaves_the_rest(void **state)
{
	struct rte_mbuf *m[300];
	unsigned int owned;
	uint16_t i, n, sent;

	pmd_rig_up(&rig, NULL, NULL);
	pmd_rig_start(&rig, 1, 1, NULL);
	for (i = 0; i < 300; i++)
		m[i] = pmd_rig_foreign(&rig, i, 100, 1);
	sent = rte_eth_tx_burst(rig.port, 0, m, 300);
	/* 128 buffers were in FILL, and the rest came to nothing. */
	assert_true(sent > 0 && sent < 300);
	/* FILL is filled by and by. */
	for (n = sent; n < 300; n += sent) {
		pmd_host_swallow(&rig.host);
		sent = rte_eth_tx_burst(rig.port, 0, m + n, 300 - n);
		if (!sent)
			usleep(1000);
	}
	pmd_host_swallow(&rig.host);
	assert_int_equal(pmd_rig_xstat(&rig, "tx_copied_packets"), 300);
	owned = pmd_host_owned(&rig.host);
	rte_eth_dev_stop(rig.port);
	/* What it had in store is free or in the library's cache. */
	pmd_host_swallow(&rig.host);
	assert_true(pmd_host_owned(&rig.host) <= owned);
	pmd_rig_down(&rig);
}

static void
test_clones_are_copied(void **state)
{
	struct rte_mbuf *m, *clone;

	pmd_rig_up(&rig, NULL, NULL);
	pmd_rig_start(&rig, 1, 1, NULL);
	pmd_rig_send(&rig, 0, 5, 1, 500);
	assert_int_equal(pmd_rig_receive(&rig, 0, &m, 1), 1);
	clone = rte_pktmbuf_clone(m, rig.pool);
	assert_non_null(clone);
	assert_int_equal(rte_eth_tx_burst(rig.port, 0, &clone, 1), 1);
	assert_int_equal(pmd_rig_xstat(&rig, "tx_copied_packets"), 1);
	assert_true(pmd_rig_is_frame(bytes_of(m), 500, 5));
	/* Now it is the only one. */
	assert_int_equal(rte_eth_tx_burst(rig.port, 0, &m, 1), 1);
	assert_int_equal(pmd_rig_xstat(&rig, "tx_zero_copy_packets"), 1);
	assert_true(pmd_host_receive(&rig.host, 0, &out));
	assert_true(pmd_rig_is_frame(out.bytes, 500, 5));
	assert_true(pmd_host_receive(&rig.host, 0, &out));
	assert_true(pmd_rig_is_frame(out.bytes, 500, 5));
	rte_eth_dev_stop(rig.port);
	pmd_rig_down(&rig);
}

static void
test_pieces_both_ways(void **state)
{
	struct rte_eth_conf conf = {.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS,
		.rxmode.offloads = RTE_ETH_RX_OFFLOAD_SCATTER | RTE_ETH_RX_OFFLOAD_RSS_HASH,
		.txmode.offloads = RTE_ETH_TX_OFFLOAD_MULTI_SEGS};
	static uint8_t bytes[8000];
	struct rte_mbuf *m, *tail;

	pmd_rig_up(&rig, NULL, NULL);
	pmd_rig_start(&rig, 1, 1, &conf);
	assert_int_equal(rig.host.dev->guest_features, NETVM_GUEST_SEGS | NETVM_GUEST_HASH);
	pmd_rig_frame(bytes, sizeof(bytes), 9);
	assert_true(pmd_host_send(&rig.host, 0, bytes, sizeof(bytes), 5, 0, 0));
	assert_int_equal(pmd_rig_receive(&rig, 0, &m, 1), 1);
	rte_mbuf_sanity_check(m, 1);
	assert_int_equal(m->nb_segs, 5);
	assert_int_equal(m->pkt_len, 8000);
	assert_int_equal(m->data_len, 1600);
	assert_true(pmd_rig_is_frame(bytes_of(m), 1600, 9));
	assert_int_equal(rte_eth_tx_burst(rig.port, 0, &m, 1), 1);
	assert_true(pmd_host_receive(&rig.host, 0, &out));
	assert_int_equal(out.pieces, 5);
	assert_int_equal(out.length, 8000);
	assert_false(out.hash);
	assert_true(pmd_rig_is_frame(out.bytes, 8000, 9));
	assert_int_equal(pmd_rig_xstat(&rig, "tx_zero_copy_packets"), 1);
	/* A chain with a foreign piece is copied, all of it. */
	assert_true(pmd_host_send(&rig.host, 0, bytes, 3000, 2, 0, 0));
	assert_int_equal(pmd_rig_receive(&rig, 0, &m, 1), 1);
	tail = pmd_rig_foreign(&rig, 1, 100, 1);
	assert_int_equal(rte_pktmbuf_chain(m, tail), 0);
	assert_int_equal(rte_eth_tx_burst(rig.port, 0, &m, 1), 1);
	assert_true(pmd_host_receive(&rig.host, 0, &out));
	assert_int_equal(out.length, 3100);
	assert_int_equal(out.pieces, 2);
	assert_int_equal(pmd_rig_xstat(&rig, "tx_copied_packets"), 1);
	rte_eth_dev_stop(rig.port);
	pmd_rig_down(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_receives_what_was_sent),
		cmocka_unit_test(test_passes_buffers_on),
		cmocka_unit_test(test_copies_foreign_mbufs),
		cmocka_unit_test(test_from_port_to_port),
		cmocka_unit_test(test_a_full_ring_leaves_the_rest),
		cmocka_unit_test(test_clones_are_copied),
		cmocka_unit_test(test_pieces_both_ways),
	};

	return cmocka_run_group_tests(tests, pmd_rig_eal, pmd_rig_eal_end);
}
