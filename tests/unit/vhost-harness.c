/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/vhost-harness.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void
harness_wait_queues(unsigned int n, uint16_t queues)
{
	int64_t end = harness_ms() + 5000;

	while (harness_status(n).queues != queues) {
		assert_true(harness_ms() < end);
		usleep(1000);
	}
}

void
harness_open(struct fe *fe, unsigned int n, const struct fe_config *want)
{
	struct fe_config cfg = want ? *want : (struct fe_config){0};

	cfg.socket = harness.socket[n];
	if (fe_open(fe, &cfg) != 0)
		fail_msg("port %u: %s", n, fe->err);
	assert_true(harness_wait(n, VHOST_UP));
}

static void
fill_frame(uint8_t *frame, uint32_t len, unsigned int seed)
{
	memset(frame, 0x02, 12);
	for (uint32_t k = 12; k < len; k++)
		frame[k] = (uint8_t)(k * 7 + seed);
	frame[12] = 0x88; /* local experimental EtherType */
	frame[13] = 0xb5;
}

/* For a failure's message. */
static const char *
port_states(void)
{
	static char text[HARNESS_PORTS * 200];
	size_t n = 0;

	for (unsigned int i = 0; i < HARNESS_PORTS; i++) {
		struct vhost_port_status st = harness_status(i);

		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%u state %d \"%s\"",
			i == 0 ? "" : ", ", i, (int)st.state, st.error);
	}
	return text;
}

void
harness_exchange(struct fe *a, struct fe *b, unsigned int pair, unsigned int n)
{
	struct fe_ring *tx = fe_tx_ring(a, pair), *rx = fe_rx_ring(b, pair);
	struct virtio_net_hdr_mrg_rxbuf hdr;
	uint8_t sent[1514], got[2048];
	int64_t end = harness_ms() + 10000;

	for (unsigned int i = 0; i < n; i++) {
		uint32_t len = 60 + i * 13 % 1400;
		uint64_t loops = harness_loops();
		int ret = 0;

		fill_frame(sent, len, i);
		while (!fe_transmit(tx, NULL, sent, len)) {
			assert_true(fe_reap(tx) >= 0);
			assert_true(harness_ms() < end);
		}
		fe_kick(tx);
		while ((ret = fe_receive(rx, &hdr, got, sizeof(got))) == 0) {
			/* Time alone proves nothing on a machine that stood still. */
			if (harness_ms() > end && harness_loops() - loops > 1000)
				fail_msg("frame %u of %u did not arrive; ports: %s", i, n,
					port_states());
			sched_yield();
		}
		assert_int_equal(ret, (int)len);
		assert_memory_equal(sent, got, len);
		assert_true(fe_reap(tx) >= 0);
	}
	assert_int_equal(tx->out_of_order, 0);
}

void
harness_wait_fds(unsigned int n)
{
	int64_t end = harness_ms() + 5000;

	while (harness_fds() != n) {
		if (harness_ms() > end)
			fail_msg("%u descriptors are open, %u were expected", harness_fds(), n);
		usleep(1000);
	}
}

static struct fe neighbour[2];

int
harness_neighbours(void **state)
{
	if (harness_ports(state) != 0)
		return -1;
	harness_open(&neighbour[0], 2, NULL);
	harness_open(&neighbour[1], 3, NULL);
	return 0;
}

int
harness_neighbours_drop(void **state)
{
	fe_close(&neighbour[0]);
	fe_close(&neighbour[1]);
	return harness_drop(state);
}

void
harness_neighbours_are_well(void)
{
	uint64_t features;

	for (unsigned int i = 0; i < 5; i++) {
		int64_t start = harness_ms();

		assert_int_equal(fe_get_u64(&neighbour[0], FE_GET_FEATURES, &features), 0);
		/* A peer may cost the library's thread 50 ms, which test_half_message
		 * proves; the rest is for a busy machine. */
		assert_true(harness_ms() - start <= 2000);
	}
	harness_exchange(&neighbour[0], &neighbour[1], 0, 20);
	harness_exchange(&neighbour[1], &neighbour[0], 0, 20);
	assert_int_equal(harness_status(2).state, VHOST_UP);
}

void
harness_port_recovers(void)
{
	struct fe a, b;

	struct fe_config cfg = {.socket = harness.socket[0]};
	int64_t end = harness_ms() + 20000;

	/* On a busy machine a test may collect strikes that it did not mean to. */
	while (fe_open(&a, &cfg) != 0) {
		fe_close(&a);
		if (harness_ms() > end)
			fail_msg("port 0 takes no peer: %s", a.err);
	}
	assert_true(harness_wait(0, VHOST_UP));
	harness_open(&b, 1, NULL);
	assert_string_equal(harness_status(0).error, "");
	harness_exchange(&a, &b, 0, 20);
	harness_exchange(&b, &a, 0, 20);
	fe_close(&a);
	fe_close(&b);
}
