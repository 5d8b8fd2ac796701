/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The DPDK driver's life: stop and start, settings that change, resets, a port that
 * goes away, interrupts, and what becomes of packets that a program holds meanwhile.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cmocka.h>

#include <rte_dev.h>
#include <rte_interrupts.h>

#include "tests/unit/pmd-rig.h"

static struct pmd_rig rig;
static struct pmd_host_packet out;

static void
send_one(uint16_t queue, uint32_t number)
{
	uint8_t bytes[100];

	pmd_rig_frame(bytes, sizeof(bytes), number);
	assert_true(pmd_host_send(&rig.host, queue, bytes, sizeof(bytes), 1, 0, 0));
}

static struct rte_mbuf *
receive_one(uint16_t queue)
{
	struct rte_mbuf *m;

	assert_int_equal(pmd_rig_receive(&rig, queue, &m, 1), 1);
	return m;
}

/* Polls, as a program does, until the port was opened so many times. */
static void
poll_until_opened(unsigned int openings)
{
	struct rte_mbuf *m;
	struct rte_eth_link link;
	unsigned int i;

	for (i = 0; i < 5000; i++) {
		if (rte_eth_rx_burst(rig.port, 0, &m, 1))
			rte_pktmbuf_free(m);
		rte_eth_link_get_nowait(rig.port, &link);
		if (pmd_host_openings(&rig.host) >= openings && link.link_status)
			return;
		usleep(1000);
	}
	fail_msg("the port was opened %u times, not %u", pmd_host_openings(&rig.host), openings);
}

static void
test_what_the_device_is(void **state)
{
	struct rte_eth_dev_info info;
	struct rte_ether_addr mac, other = {{2, 0, 0, 0, 0, 9}};
	struct rte_eth_link link;
	struct rte_eth_xstat_name names[64];
	uint16_t mtu;
	int n;

	pmd_rig_up(&rig, NULL, NULL);
	assert_int_equal(rte_eth_dev_info_get(rig.port, &info), 0);
	assert_string_equal(info.driver_name, "net_netvm");
	assert_int_equal(info.max_rx_queues, 2);
	assert_int_equal(info.max_mtu, 9000);
	assert_int_equal(rte_eth_macaddr_get(rig.port, &mac), 0);
	assert_memory_equal(mac.addr_bytes, "\x02\x00\x00\x00\x00\x07", 6);
	pmd_rig_start(&rig, 1, 1, NULL);
	assert_int_equal(rte_eth_link_get_nowait(rig.port, &link), 0);
	assert_int_equal(link.link_status, RTE_ETH_LINK_UP);
	assert_int_equal(rte_eth_dev_get_mtu(rig.port, &mtu), 0);
	assert_int_equal(mtu, 1500);
	assert_int_equal(rte_eth_dev_set_mtu(rig.port, 9000), 0);
	assert_true(rte_eth_dev_set_mtu(rig.port, 9001) < 0);
	assert_int_equal(rte_eth_dev_default_mac_addr_set(rig.port, &other), 0);
	rte_eth_macaddr_get(rig.port, &mac);
	assert_memory_equal(&mac, &other, 6);
	assert_int_equal(rte_eth_promiscuous_get(rig.port), 1);
	n = rte_eth_xstats_get_names(rig.port, names, 64);
	assert_true(n > 13 && n <= 64);
	rte_eth_dev_stop(rig.port);
	rte_eth_link_get_nowait(rig.port, &link);
	assert_int_equal(link.link_status, RTE_ETH_LINK_DOWN);
	pmd_rig_down(&rig);
}

static void
test_packets_outlive_a_stop(void **state)
{
	struct rte_mbuf *held;

	pmd_rig_up(&rig, NULL, NULL);
	pmd_rig_start(&rig, 1, 1, NULL);
	send_one(0, 1);
	held = receive_one(0);
	rte_eth_dev_stop(rig.port);
	/* What comes meanwhile is not for the next start. */
	send_one(0, 2);
	assert_int_equal(rte_eth_dev_start(rig.port), 0);
	assert_true(pmd_rig_is_frame(rte_pktmbuf_mtod(held, uint8_t *), 100, 1));
	send_one(0, 3);
	assert_int_equal(rte_eth_tx_burst(rig.port, 0, &held, 1), 1);
	assert_true(pmd_host_receive(&rig.host, 0, &out));
	assert_true(pmd_rig_is_frame(out.bytes, 100, 1));
	held = receive_one(0);
	assert_true(pmd_rig_is_frame(rte_pktmbuf_mtod(held, uint8_t *), 100, 3));
	rte_pktmbuf_free(held);
	assert_int_equal(pmd_rig_xstat(&rig, "tx_zero_copy_packets"), 1);
	rte_eth_dev_stop(rig.port);
	pmd_host_swallow(&rig.host);
	assert_int_equal(pmd_host_owned(&rig.host), 0);
	pmd_rig_down(&rig);
}

static void
test_other_queues_void_what_is_held(void **state)
{
	struct rte_mbuf *sent, *freed, *m;
	unsigned int openings;

	pmd_rig_up(&rig, NULL, NULL);
	pmd_rig_start(&rig, 2, 2, NULL);
	assert_int_equal(rig.host.dev->guest_pairs, 2);
	openings = pmd_host_openings(&rig.host);
	send_one(1, 1);
	sent = receive_one(1);
	send_one(1, 2);
	freed = receive_one(1);
	rte_eth_dev_stop(rig.port);
	pmd_rig_start(&rig, 1, 1, NULL);
	assert_int_equal(rig.host.dev->guest_pairs, 1);
	assert_int_equal(pmd_host_openings(&rig.host), openings + 1);
	/* The host has those buffers: neither may reach it again. */
	assert_int_equal(rte_eth_tx_burst(rig.port, 0, &sent, 1), 1);
	assert_int_equal(pmd_rig_xstat(&rig, "tx_refused_packets"), 1);
	rte_pktmbuf_free(freed);
	send_one(0, 3);
	m = receive_one(0);
	assert_int_equal(rte_eth_tx_burst(rig.port, 0, &m, 1), 1);
	assert_int_equal(pmd_host_swallow(&rig.host), 1);
	assert_int_equal(rig.host.freed, 0);
	assert_int_equal(pmd_host_owned(&rig.host), 0);
	rte_eth_dev_stop(rig.port);
	pmd_rig_down(&rig);
}

static void
test_closed_and_opened_again(void **state)
{
	struct rte_mbuf *held[3], *m;
	unsigned int i;

	pmd_rig_up(&rig, NULL, NULL);
	for (i = 0; i < 3; i++) {
		pmd_rig_start(&rig, 1, 1, NULL);
		send_one(0, i);
		send_one(0, i + 100);
		held[i] = receive_one(0);
		m = receive_one(0);
		assert_int_equal(rte_eth_tx_burst(rig.port, 0, &m, 1), 1);
		pmd_rig_unplug(&rig);
		pmd_rig_plug(&rig, NULL);
	}
	/* Long after their device. */
	rte_pktmbuf_free_bulk(held, 3);
	pmd_rig_down(&rig);
}

static void
test_a_reset_is_the_drivers_business(void **state)
{
	struct rte_mbuf *sent, *freed, *m;
	unsigned int openings;
	uint64_t resets;

	pmd_rig_up(&rig, NULL, NULL);
	pmd_rig_start(&rig, 1, 1, NULL);
	openings = pmd_host_openings(&rig.host);
	resets = pmd_rig_xstat(&rig, "port_resets");
	send_one(0, 1);
	sent = receive_one(0);
	send_one(0, 2);
	freed = receive_one(0);
	fake_host_ask_reset(rig.host.fake);
	poll_until_opened(openings + 1);
	assert_int_equal(rte_eth_tx_burst(rig.port, 0, &sent, 1), 1);
	rte_pktmbuf_free(freed);
	send_one(0, 3);
	m = receive_one(0);
	assert_true(pmd_rig_is_frame(rte_pktmbuf_mtod(m, uint8_t *), 100, 3));
	assert_int_equal(rte_eth_tx_burst(rig.port, 0, &m, 1), 1);
	assert_int_equal(pmd_host_swallow(&rig.host), 1);
	assert_int_equal(pmd_rig_xstat(&rig, "tx_refused_packets"), 1);
	assert_int_equal(pmd_rig_xstat(&rig, "port_resets"), resets + 1);
	/* A host that does not answer is asked until it does; bursts come back meanwhile. */
	__atomic_store_n(&rig.host.fake->deaf, true, __ATOMIC_RELAXED);
	fake_host_ask_reset(rig.host.fake);
	for (unsigned int i = 0; i < 400; i++) {
		assert_int_equal(rte_eth_rx_burst(rig.port, 0, &m, 1), 0);
		usleep(1000);
	}
	__atomic_store_n(&rig.host.fake->deaf, false, __ATOMIC_RELAXED);
	poll_until_opened(openings + 2);
	send_one(0, 4);
	rte_pktmbuf_free(receive_one(0));
	rte_eth_dev_stop(rig.port);
	pmd_rig_down(&rig);
}

static unsigned int lsc_events, rmv_events;

static int
on_event(uint16_t port, enum rte_eth_event_type type, void *arg, void *ret)
{
	__atomic_add_fetch(
		type == RTE_ETH_EVENT_INTR_LSC ? &lsc_events : &rmv_events, 1, __ATOMIC_RELEASE);
	return 0;
}

static void
await(const unsigned int *events, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < 5000 && __atomic_load_n(events, __ATOMIC_ACQUIRE) < n; i++)
		usleep(1000);
	assert_true(__atomic_load_n(events, __ATOMIC_ACQUIRE) >= n);
}

static void
test_the_link_and_the_end_of_a_port(void **state)
{
	struct rte_eth_conf conf = {.intr_conf.lsc = 1, .intr_conf.rmv = 1};
	struct rte_eth_link link;
	struct rte_mbuf *m;

	lsc_events = rmv_events = 0;
	pmd_rig_up(&rig, NULL, NULL);
	rte_eth_dev_callback_register(rig.port, RTE_ETH_EVENT_INTR_LSC, on_event, NULL);
	rte_eth_dev_callback_register(rig.port, RTE_ETH_EVENT_INTR_RMV, on_event, NULL);
	pmd_rig_start(&rig, 1, 1, &conf);
	rte_eth_link_get_nowait(rig.port, &link);
	assert_int_equal(link.link_status, RTE_ETH_LINK_UP);
	pmd_host_link(&rig.host, false);
	await(&lsc_events, 1);
	rte_eth_link_get_nowait(rig.port, &link);
	assert_int_equal(link.link_status, RTE_ETH_LINK_DOWN);
	pmd_host_link(&rig.host, true);
	await(&lsc_events, 2);
	assert_int_equal(rte_eth_dev_is_removed(rig.port), 0);
	fake_host_delete(rig.host.fake);
	await(&rmv_events, 1);
	assert_int_equal(rte_eth_dev_is_removed(rig.port), 1);
	assert_int_equal(rte_eth_rx_burst(rig.port, 0, &m, 1), 0);
	rte_eth_dev_stop(rig.port);
	/* What ethdev makes of any error of a removed device. */
	assert_int_equal(rte_eth_dev_start(rig.port), -EIO);
	pmd_rig_down(&rig);
}

static void
test_interrupts(void **state)
{
	struct rte_eth_conf conf = {.intr_conf.rxq = 1};
	struct rte_epoll_event event;
	int queue;

	pmd_rig_up(&rig, NULL, NULL);
	pmd_rig_start(&rig, 2, 2, &conf);
	for (queue = 0; queue < 2; queue++)
		assert_int_equal(rte_eth_dev_rx_intr_ctl_q(rig.port, queue, RTE_EPOLL_PER_THREAD,
					 RTE_INTR_EVENT_ADD, (void *)(uintptr_t)(queue + 1)),
			0);
	for (unsigned int round = 0; round < 20; round++) {
		queue = round & 1;
		/* A packet that comes before the sleep, or while it lasts. */
		if (round & 2)
			send_one(queue, round);
		assert_int_equal(rte_eth_dev_rx_intr_enable(rig.port, queue), 0);
		if (!(round & 2)) {
			assert_int_equal(rte_epoll_wait(RTE_EPOLL_PER_THREAD, &event, 1, 0), 0);
			send_one(queue, round);
		}
		assert_int_equal(rte_epoll_wait(RTE_EPOLL_PER_THREAD, &event, 1, 10000), 1);
		assert_int_equal((uintptr_t)event.epdata.data, queue + 1);
		assert_int_equal(rte_eth_dev_rx_intr_disable(rig.port, queue), 0);
		rte_pktmbuf_free(receive_one(queue));
		/* Nothing is rung for who is awake. */
		send_one(queue, round);
		assert_int_equal(rte_epoll_wait(RTE_EPOLL_PER_THREAD, &event, 1, 0), 0);
		rte_pktmbuf_free(receive_one(queue));
	}
	rte_eth_dev_stop(rig.port);
	pmd_rig_down(&rig);
}

static void
test_what_is_refused(void **state)
{
	static const char *const arguments[] = {"", "transport=", "transport=tcp:1.2.3.4",
		"transport=unix:/nonexistent/p,timeout=1", "colour=red", "pairs=0", "pairs=17",
		"pairs=x", "timeout=0", "transport=unix:/x/y,pool=00:05.0,timeout=1"};
	struct rte_eth_rxconf late = {.rx_deferred_start = 1};
	struct rte_mempool *pinned;
	struct rte_pktmbuf_extmem memory = {.buf_iova = RTE_BAD_IOVA, .elt_size = 2048};
	static uint8_t bytes[64 * 2048] __rte_cache_aligned;
	char text[160];
	unsigned int i;

	pmd_rig_up(&rig, NULL, NULL);
	for (i = 1; i < RTE_DIM(arguments); i++)
		assert_true(rte_eal_hotplug_add("vdev", "net_netvm1", arguments[i]) < 0);
	/* More pairs than there are. */
	pmd_rig_unplug(&rig);
	snprintf(text, sizeof(text), "transport=%s,pairs=3", rig.host.fake->transport);
	assert_true(rte_eal_hotplug_add("vdev", "net_netvm0", text) < 0);
	pmd_rig_plug(&rig, ",pairs=1");
	assert_int_equal(rte_eth_dev_configure(rig.port, 2, 1, &(struct rte_eth_conf){0}), -EINVAL);
	assert_int_equal(rte_eth_dev_configure(rig.port, 1, 1, &(struct rte_eth_conf){0}), 0);
	assert_int_equal(rte_eth_rx_queue_setup(rig.port, 0, 64, 0, &late, rig.pool), -ENOTSUP);
	memory.buf_ptr = bytes;
	memory.buf_len = sizeof(bytes);
	pinned = rte_pktmbuf_pool_create_extbuf("pinned", 63, 0, 0, 2048, 0, &memory, 1);
	assert_non_null(pinned);
	assert_int_equal(rte_eth_rx_queue_setup(rig.port, 0, 64, 0, NULL, pinned), -EINVAL);
	rte_mempool_free(pinned);
	pmd_rig_start(&rig, 1, 1, NULL);
	rte_eth_dev_stop(rig.port);
	pmd_rig_down(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_the_device_is),
		cmocka_unit_test(test_packets_outlive_a_stop),
		cmocka_unit_test(test_other_queues_void_what_is_held),
		cmocka_unit_test(test_closed_and_opened_again),
		cmocka_unit_test(test_a_reset_is_the_drivers_business),
		cmocka_unit_test(test_the_link_and_the_end_of_a_port),
		cmocka_unit_test(test_interrupts),
		cmocka_unit_test(test_what_is_refused),
	};

	return cmocka_run_group_tests(tests, pmd_rig_eal, pmd_rig_eal_end);
}
