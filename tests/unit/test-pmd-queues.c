/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The DPDK driver's queues: frees on other threads, pairs that are shared, offload
 * requests, and a mempool that runs empty.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <rte_ip.h>
#include <rte_tcp.h>

#include "tests/unit/pmd-rig.h"

static struct pmd_rig rig;
static struct pmd_host_packet out;

struct freer {
	pthread_t thread;
	struct rte_mbuf *mbufs[64];
	uint32_t n; /* atomic: filled, 0: take */
	bool stop;
};

static void *
free_all(void *freer)
{
	struct freer *f = freer;

	while (!__atomic_load_n(&f->stop, __ATOMIC_ACQUIRE)) {
		uint32_t n = __atomic_load_n(&f->n, __ATOMIC_ACQUIRE);

		if (n) {
			rte_pktmbuf_free_bulk(f->mbufs, n);
			__atomic_store_n(&f->n, 0, __ATOMIC_RELEASE);
		}
	}
	return NULL;
}

static void
test_frees_on_other_threads(void **state)
{
	static struct freer freers[2];
	struct rte_mbuf *m[32];
	uint32_t round, i, got = 0, freed = 0;
	struct freer *f;
	uint16_t n;

	pmd_rig_up(&rig, NULL, NULL);
	pmd_rig_start(&rig, 1, 1, NULL);
	memset(freers, 0, sizeof(freers));
	for (i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&freers[i].thread, NULL, free_all, &freers[i]), 0);
	for (round = 0; round < 2000; round++) {
		pmd_rig_send(&rig, 0, round, 16, 64);
		n = pmd_rig_receive(&rig, 0, m, 16);
		assert_int_equal(n, 16);
		got += n;
		/* To whichever is idle; some are sent instead, at the same time. */
		f = &freers[round % 2];
		if (!__atomic_load_n(&f->n, __ATOMIC_ACQUIRE)) {
			memcpy(f->mbufs, m, sizeof(*m) * n);
			__atomic_store_n(&f->n, n, __ATOMIC_RELEASE);
			freed += n;
		} else {
			assert_int_equal(rte_eth_tx_burst(rig.port, 0, m, n), n);
		}
		pmd_host_swallow(&rig.host);
	}
	for (i = 0; i < 2; i++) {
		while (__atomic_load_n(&freers[i].n, __ATOMIC_ACQUIRE))
			;
		__atomic_store_n(&freers[i].stop, true, __ATOMIC_RELEASE);
		pthread_join(freers[i].thread, NULL);
	}
	rte_eth_rx_burst(rig.port, 0, m, 32);
	pmd_host_swallow(&rig.host);
	assert_int_equal(rig.host.freed, freed);
	assert_int_equal(pmd_rig_xstat(&rig, "rx_attached_buffers"), got);
	assert_int_equal(pmd_host_owned(&rig.host), 0);
	rte_eth_dev_stop(rig.port);
	pmd_rig_down(&rig);
}

static void
test_offloads_go_out(void **state)
{
	struct rte_eth_conf conf = {
		.txmode.offloads = RTE_ETH_TX_OFFLOAD_TCP_TSO | RTE_ETH_TX_OFFLOAD_TCP_CKSUM |
				   RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_MULTI_SEGS};
	struct rte_mbuf *m;
	struct rte_ipv4_hdr *ip;
	const struct rte_tcp_hdr *tcp;
	uint32_t sum;

	pmd_rig_up(&rig, NULL, NULL);
	pmd_rig_start(&rig, 1, 1, &conf);
	m = pmd_rig_foreign(&rig, 1, 4054, 3);
	ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, 14);
	*ip = (struct rte_ipv4_hdr){.version_ihl = 0x45,
		.total_length = RTE_BE16(4040),
		.time_to_live = 64,
		.next_proto_id = IPPROTO_TCP,
		.src_addr = RTE_BE32(0x0a000001),
		.dst_addr = RTE_BE32(0x0a000002)};
	m->l2_len = 14;
	m->l3_len = 20;
	m->l4_len = 20;
	m->tso_segsz = 1000;
	m->ol_flags |= RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM;
	assert_int_equal(rte_eth_tx_prepare(rig.port, 0, &m, 1), 1);
	assert_int_equal(rte_eth_tx_burst(rig.port, 0, &m, 1), 1);
	assert_true(pmd_host_receive(&rig.host, 0, &out));
	assert_true(out.offload);
	assert_int_equal(out.request.csum, 1);
	assert_int_equal(out.request.csum_start, 34);
	assert_int_equal(out.request.csum_offset, 16);
	assert_int_equal(out.request.gso_size, 1000);
	assert_int_equal(out.request.gso_type, 1);
	assert_int_equal(out.request.hdr_len, 54);
	ip = (struct rte_ipv4_hdr *)(out.bytes + 14);
	tcp = (const struct rte_tcp_hdr *)(ip + 1);
	assert_int_equal(rte_raw_cksum(ip, 20), 0xffff);
	/* Addresses, protocol and length; as a stock guest leaves it. */
	sum = 0x0a00 + 1 + 0x0a00 + 2 + IPPROTO_TCP + 4020;
	assert_int_equal(rte_be_to_cpu_16(tcp->cksum), sum);
	rte_eth_dev_stop(rig.port);
	pmd_rig_down(&rig);
}

/* A packet that came in pieces, its headers in more than one of them. */
static void
test_offloads_of_scattered_headers(void **state)
{
	struct rte_eth_conf conf = {.rxmode.offloads = RTE_ETH_RX_OFFLOAD_SCATTER,
		.txmode.offloads = RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_IPV4_CKSUM |
				   RTE_ETH_TX_OFFLOAD_MULTI_SEGS};
	static const uint8_t frame[90] = {[12] = 8, [14] = 0x45, [17] = 76, [22] = 64, [23] = 6};
	struct rte_mbuf *m;

	pmd_rig_up(&rig, NULL, NULL);
	pmd_rig_start(&rig, 1, 1, &conf);
	assert_true(pmd_host_send(&rig.host, 0, frame, sizeof(frame), 5, 0, 0));
	assert_int_equal(pmd_rig_receive(&rig, 0, &m, 1), 1);
	assert_int_equal(m->nb_segs, 5);
	m->l2_len = 14;
	m->l3_len = 20;
	m->ol_flags |= RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM;
	assert_int_equal(rte_eth_tx_burst(rig.port, 0, &m, 1), 1);
	assert_true(pmd_host_receive(&rig.host, 0, &out));
	assert_true(out.offload);
	assert_int_equal(out.request.csum, 1);
	assert_int_equal(out.request.csum_start, 34);
	assert_int_equal(out.length, 90);
	assert_int_equal(rte_raw_cksum(out.bytes + 14, 20), 0xffff);
	rte_eth_dev_stop(rig.port);
	pmd_rig_down(&rig);
}

static void
test_more_transmit_queues_than_pairs(void **state)
{
	struct rte_mbuf *m[5];
	struct rte_eth_stats stats;
	uint16_t i;

	pmd_rig_up(&rig, NULL, NULL);
	pmd_rig_start(&rig, 1, 5, NULL);
	assert_int_equal(rig.host.dev->guest_pairs, 1);
	pmd_rig_send(&rig, 0, 0, 5, 64);
	assert_int_equal(pmd_rig_receive(&rig, 0, m, 5), 5);
	for (i = 0; i < 5; i++)
		assert_int_equal(rte_eth_tx_burst(rig.port, i, &m[i], 1), 1);
	assert_int_equal(pmd_host_swallow(&rig.host), 5);
	rte_eth_stats_get(rig.port, &stats);
	assert_int_equal(stats.opackets, 5);
	assert_int_equal(stats.q_opackets[4], 1);
	rte_eth_stats_reset(rig.port);
	rte_eth_stats_get(rig.port, &stats);
	assert_int_equal(stats.opackets, 0);
	/* Queues of a new configuration begin at 0, and those that are gone stay there. */
	rte_eth_dev_stop(rig.port);
	pmd_rig_start(&rig, 1, 2, NULL);
	rte_eth_stats_get(rig.port, &stats);
	for (i = 0; i < 5; i++)
		assert_int_equal(stats.q_opackets[i] + stats.q_obytes[i], 0);
	rte_eth_dev_stop(rig.port);
	pmd_rig_down(&rig);
}

static void
test_pairs_are_queues(void **state)
{
	struct rte_mbuf *m[2];

	pmd_rig_up(&rig, NULL, NULL);
	pmd_rig_start(&rig, 2, 2, NULL);
	pmd_rig_send(&rig, 0, 10, 1, 64);
	pmd_rig_send(&rig, 1, 11, 1, 64);
	assert_int_equal(pmd_rig_receive(&rig, 1, &m[1], 1), 1);
	assert_true(pmd_rig_is_frame(rte_pktmbuf_mtod(m[1], uint8_t *), 64, 11));
	assert_int_equal(pmd_rig_receive(&rig, 0, &m[0], 1), 1);
	/* A buffer that came from one pair may go by another. */
	assert_int_equal(rte_eth_tx_burst(rig.port, 1, m, 2), 2);
	assert_false(pmd_host_receive(&rig.host, 0, &out));
	assert_true(pmd_host_receive(&rig.host, 1, &out));
	assert_true(pmd_host_receive(&rig.host, 1, &out));
	assert_int_equal(pmd_rig_xstat(&rig, "tx_zero_copy_packets"), 2);
	rte_eth_dev_stop(rig.port);
	pmd_rig_down(&rig);
}

static void
test_an_empty_mempool_loses_nothing(void **state)
{
	static struct rte_mbuf *all[RIG_MBUFS];
	struct rte_mbuf *m[8];
	struct rte_eth_stats stats;

	pmd_rig_up(&rig, NULL, NULL);
	pmd_rig_start(&rig, 1, 1, NULL);
	assert_int_equal(rte_pktmbuf_alloc_bulk(rig.pool, all, RIG_MBUFS), 0);
	pmd_rig_send(&rig, 0, 0, 8, 64);
	assert_int_equal(rte_eth_rx_burst(rig.port, 0, m, 8), 0);
	rte_eth_stats_get(rig.port, &stats);
	assert_true(stats.rx_nombuf > 0);
	rte_pktmbuf_free_bulk(all, RIG_MBUFS);
	assert_int_equal(pmd_rig_receive(&rig, 0, m, 8), 8);
	rte_pktmbuf_free_bulk(m, 8);
	rte_eth_dev_stop(rig.port);
	pmd_rig_down(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frees_on_other_threads),
		cmocka_unit_test(test_offloads_go_out),
		cmocka_unit_test(test_offloads_of_scattered_headers),
		cmocka_unit_test(test_more_transmit_queues_than_pairs),
		cmocka_unit_test(test_pairs_are_queues),
		cmocka_unit_test(test_an_empty_mempool_loses_nothing),
	};

	return cmocka_run_group_tests(tests, pmd_rig_eal, pmd_rig_eal_end);
}
