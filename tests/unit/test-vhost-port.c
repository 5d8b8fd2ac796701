/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vhost ports with well-behaved peers over real sockets: what is offered, the
 * life of rings, positions. Connections are in test-vhost-socket.c, peers that
 * misbehave in test-vhost-hostile.c.
 */
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/unit/vhost-harness.h"

#define BIT(n) (UINT64_C(1) << (n))

static void
test_offer(void **state)
{
	const unsigned int never[] = {6, 9, 10, 13, 14, 21, 33};
	const unsigned int always[] = {
		0, 1, 3, 7, 8, 11, 12, 15, 17, 22, 26, 28, 29, 30, 32, 34, 35};
	struct fe_config cfg = {.socket = harness.socket[0]};
	struct fe fe;

	assert_int_equal(fe_connect(&fe, &cfg), 0);
	assert_int_equal(fe_negotiate(&fe), 0);
	for (unsigned int i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		assert_int_equal(fe.offered & BIT(never[i]), 0);
	for (unsigned int i = 0; i < sizeof(always) / sizeof(always[0]); i++)
		assert_int_not_equal(fe.offered & BIT(always[i]), 0);
	/* MQ, LOG_SHMFD, RARP, REPLY_ACK, MTU, STATUS; not PAGEFAULT and the rest */
	assert_int_equal(fe.protocol_offered, BIT(0) | BIT(1) | BIT(2) | BIT(3) | BIT(4) | BIT(16));
	assert_int_equal(fe.queue_num, 2);
	fe_close(&fe);
	assert_string_equal(vhost_feature_name(15), "mrg_rxbuf");
	assert_null(vhost_feature_name(40));
	assert_null(vhost_feature_name(64));
}

static void
test_exchange(void **state)
{
	struct fe_config cfg = {.pairs = 2, .mtu = 1400};
	struct queue_counters c;
	struct vhost_port_status st;
	struct fe a, b;

	assert_int_equal(harness_status(0).state, VHOST_WAITING);
	harness_open(&a, 0, &cfg);
	harness_open(&b, 1, &cfg);
	harness_wait_queues(0, 2);
	st = harness_status(0);
	assert_true(st.connected);
	assert_int_equal(st.guest_mtu, 1400);
	assert_int_equal(st.features, a.features);
	assert_int_equal(st.ring_size[1][1], 256);
	harness_exchange(&a, &b, 0, 700);
	harness_exchange(&b, &a, 0, 700);
	harness_exchange(&a, &b, 1, 300);
	vhost_port_counters(harness.port[0], 0, &c);
	assert_int_equal(c.rx_packets, 700);
	assert_int_equal(c.tx_packets, 700);
	vhost_port_counters(harness.port[1], 1, &c);
	assert_int_equal(c.tx_packets, 300);
	assert_true(vhost_port_tx_caps(harness.port[0]).tso6);
	fe_close(&a);
	assert_true(harness_wait(0, VHOST_WAITING));
	assert_int_equal(vhost_port_tx_queues(harness.port[0]), 0);
	fe_close(&b);
}

/* What a guest reboot does; the base that comes back is the ring's. */
static void
test_stop_and_start(void **state)
{
	struct fe a, b;

	harness_open(&a, 0, NULL);
	harness_open(&b, 1, NULL);
	for (unsigned int round = 0; round < 3; round++) {
		uint16_t base[2];

		harness_exchange(&a, &b, 0, 300);
		for (unsigned int i = 0; i < 2; i++) {
			assert_int_equal(fe_ring_stop(&a, i, &base[i]), 0);
			/* In-order completion: nothing is in flight. */
			assert_int_equal(base[i], a.ring[i].used->idx);
		}
		assert_int_equal(base[1], a.ring[1].avail_idx);
		assert_true(harness_wait(0, VHOST_WAITING));
		for (unsigned int i = 0; i < 2; i++)
			fe_ring_reset(&a.ring[i]);
		fe_fill(fe_rx_ring(&a, 0));
		assert_int_equal(fe_start(&a), 0);
		assert_true(harness_wait(0, VHOST_UP));
	}
	harness_exchange(&b, &a, 0, 300);
	fe_close(&a);
	fe_close(&b);
}

/* Stops ring 3 only: rings 0 and 1 go on from where they were. */
static void
test_stop_one_ring(void **state)
{
	struct fe_config cfg = {.pairs = 2};
	uint16_t base;
	struct fe a, b;

	harness_open(&a, 0, &cfg);
	harness_open(&b, 1, &cfg);
	harness_exchange(&a, &b, 0, 100);
	harness_exchange(&a, &b, 1, 50);
	assert_int_equal(fe_ring_stop(&a, 3, &base), 0);
	assert_int_equal(base, 50);
	harness_wait_queues(0, 1);
	harness_exchange(&a, &b, 0, 400);
	harness_exchange(&b, &a, 0, 400);
	assert_int_equal(fe_ring_stop(&a, 1, &base), 0);
	assert_int_equal(base, 500);
	fe_close(&a);
	fe_close(&b);
}

/* ethtool -L, and a guest that never uses its second pair. */
static void
test_enable(void **state)
{
	struct fe_config cfg = {.pairs = 2};
	struct fe a, b;

	harness_open(&a, 0, &cfg);
	harness_open(&b, 1, NULL);
	harness_wait_queues(0, 2);
	for (unsigned int i = 0; i < 20; i++) {
		assert_int_equal(fe_ring_enable(&a, 2, i % 2), 0);
		assert_int_equal(fe_ring_enable(&a, 3, i % 2), 0);
		harness_wait_queues(0, 1 + i % 2);
		assert_int_equal(vhost_port_tx_queues(harness.port[0]), 1 + i % 2);
		harness_exchange(&a, &b, 0, 20);
	}
	assert_int_equal(fe_ring_enable(&a, 1, false), 0);
	assert_int_equal(fe_ring_enable(&a, 1, true), 0);
	harness_exchange(&a, &b, 0, 20);
	harness_exchange(&b, &a, 0, 20);
	fe_close(&a);
	fe_close(&b);
}

/* New eventfds, addresses and memory under a running ring. */
static void
test_live_changes(void **state)
{
	unsigned int kicks;
	struct fe a, b;

	harness_open(&a, 0, NULL);
	harness_open(&b, 1, NULL);
	kicks = harness_kicks();
	for (unsigned int i = 0; i < 10; i++) {
		struct fe_ring *r = &a.ring[i % 2];

		harness_exchange(&a, &b, 0, 30);
		harness_exchange(&b, &a, 0, 30);
		close(r->call);
		r->call = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		assert_int_equal(fe_set_vring_fd(&a, FE_SET_VRING_CALL, i % 2, r->call), 0);
		assert_int_equal(harness_status(0).state, VHOST_UP);
		close(r->kick);
		r->kick = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		assert_int_equal(fe_set_vring_fd(&a, FE_SET_VRING_KICK, i % 2, r->kick), 0);
		assert_int_equal(fe_set_vring_addr(&a, 0), 0);
		assert_int_equal(fe_set_vring_addr(&a, 1), 0);
		assert_int_equal(fe_set_mem_table(&a), 0);
		assert_int_equal(fe_set_u64(&a, FE_SET_FEATURES, a.features), 0);
		assert_int_equal(harness_status(0).state, VHOST_UP);
	}
	assert_true(harness_kicks() > kicks);
	assert_true(vhost_port_kick_fd(harness.port[0], 0) >= 0);
	/* Without a kick descriptor the ring is looked at now and then. */
	assert_int_equal(fe_set_vring_fd(&a, FE_SET_VRING_KICK, 1, -1), 0);
	harness_wait_queues(0, 1);
	assert_int_equal(vhost_port_kick_fd(harness.port[0], 0), VHOST_KICK_TIMER);
	harness_exchange(&a, &b, 0, 30);
	/* What the last exchange left has been completed. */
	harness_take_over();
	assert_false(vhost_port_rx_arm(harness.port[0], 0));
	harness_give_back();
	assert_int_equal(fe_ring_enable(&a, 1, false), 0);
	harness_wait_queues(0, 0);
	assert_int_equal(vhost_port_kick_fd(harness.port[0], 0), VHOST_KICK_NONE);
	fe_close(&a);
	fe_close(&b);
}

/* The worker interrupts through our duplicate, whatever the library closed. */
static void
test_interrupt(void **state)
{
	struct virtio_net_hdr_mrg_rxbuf hdr;
	uint8_t frame[60] = {2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 0x88, 0xb5}, got[64];
	struct fe a, b;

	harness_open(&a, 0, NULL);
	harness_open(&b, 1, NULL);
	for (unsigned int i = 0; i < 50; i++) {
		assert_true(fe_transmit(fe_tx_ring(&a, 0), NULL, frame, sizeof(frame)));
		fe_kick(fe_tx_ring(&a, 0));
		assert_true(fe_wait(fe_rx_ring(&b, 0), 2000));
		assert_int_equal(fe_receive(fe_rx_ring(&b, 0), &hdr, got, sizeof(got)), 60);
		fe_reap(fe_tx_ring(&a, 0));
	}
	fe_close(&a);
	fe_close(&b);
}

/* Nobody waits for receive buffers, so the guest is never asked to kick for
 * them. (The harness's worker asks for kicks on transmit rings now and then.) */
static void
test_no_kicks(void **state)
{
	for (int event_idx = 0; event_idx < 2; event_idx++) {
		struct fe_config cfg = {
			.features = FE_FEATURES_DEFAULT &
				    ~(event_idx ? 0 : FE_BIT(VIRTIO_RING_F_EVENT_IDX))};
		unsigned int kicks;
		struct fe a, b;

		harness_open(&a, 0, &cfg);
		harness_open(&b, 1, &cfg);
		/* What is posted before the ring starts may kick; one exchange later
		 * it runs. */
		harness_exchange(&a, &b, 0, 1);
		fe_kick(fe_rx_ring(&b, 0));
		kicks = fe_rx_ring(&b, 0)->kicks;
		for (unsigned int i = 0; i < 5; i++) {
			harness_exchange(&a, &b, 0, 10);
			fe_kick(fe_rx_ring(&b, 0));
		}
		assert_int_equal(fe_rx_ring(&b, 0)->kicks, kicks);
		fe_close(&a);
		fe_close(&b);
	}
}

static void
test_rarp(void **state)
{
	struct virtio_net_hdr_mrg_rxbuf hdr;
	const uint8_t mac[8] = {0x52, 0x54, 0, 1, 2, 3, 0, 0};
	uint64_t payload;
	uint8_t got[128];
	int64_t end = harness_ms() + 2000;
	unsigned int kicks;
	int ret;
	struct fe a, b;

	harness_open(&a, 0, NULL);
	harness_open(&b, 1, NULL);
	memcpy(&payload, mac, 8);
	kicks = harness_kicks();
	assert_int_equal(fe_set_u64(&a, FE_SEND_RARP, payload), 0);
	while ((ret = fe_receive(fe_rx_ring(&b, 0), &hdr, got, sizeof(got))) == 0)
		assert_true(harness_ms() < end);
	assert_int_equal(ret, 60);
	assert_memory_equal(got, "\xff\xff\xff\xff\xff\xff\x52\x54\x00\x01\x02\x03\x80\x35", 14);
	assert_memory_equal(got + 22, mac, 6);
	/* A worker that sleeps has to be woken for it; the one here never does. */
	while (harness_kicks() == kicks)
		assert_true(harness_ms() < end);
	fe_close(&a);
	fe_close(&b);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, harness_ports, harness_drop)
	const struct CMUnitTest tests[] = {
		T(test_offer),
		T(test_exchange),
		T(test_stop_and_start),
		T(test_stop_one_ring),
		T(test_enable),
		T(test_live_changes),
		T(test_interrupt),
		T(test_no_kicks),
		T(test_rarp),
	};
	int failed;

	if (!harness_start("test-vhost-port"))
		return 77;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	harness_stop();
	return failed != 0;
}
