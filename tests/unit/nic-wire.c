/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/nic-wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_ring.h>

#include "src/datapath/table.h"

static char dir[] = "/tmp/test-nic-lent-XXXXXX";
static struct dp_network *net;
struct dp_port *wire_guest, *wire_nic;
static struct dp_port_ops ops;
static struct rte_ring *wire;
struct fe wire_fe;
struct rte_mbuf *wire_held[WIRE_HELD_MAX];
unsigned int wire_nheld;

int64_t
wire_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --- the world ------------------------------------------------------------------- */

/* net_ring receives from the ring that it sends to; here that is the wire's. */
static void
rx_nothing(struct dp_port *p, uint16_t queue, struct packet_burst *b)
{
	b->count = 0;
}

bool
wire_take(struct rte_mbuf **m)
{
	void *p;

	if (rte_ring_dequeue(wire, &p) != 0)
		return false;
	*m = p;
	return true;
}

int
wire_world_start(void **state)
{
	struct dp_config cfg = {.run_dir = dir,
		.idle_us = 50,
		.hugepages = DP_HUGE_NEVER,
		.packet_memory = 96 << 20};
	struct dp_network_config nc = {.name = "net", .ageing_s = 300, .max_macs = 64};
	struct dp_port_config pc = {.name = "wire", .type = DP_PORT_NIC, .device = "net_ring0"};
	struct dp_error err = {""};

	assert_non_null(mkdtemp(dir));
	if (dp_start(&cfg, &err) != 0 || dp_network_add(&nc, &net, &err) != 0)
		fail_msg("%s", err.text);
	ops = dp_nic_ops;
	ops.rx = rx_nothing;
	pc.settings = (struct dp_port_settings){.network = net, .mtu = 1500, .enabled = true};
	if (port_add(&pc, &ops, &wire_nic, &err) != 0)
		fail_msg("%s", err.text);
	wire = rte_ring_lookup("ETH_RXTX0_net_ring0");
	assert_non_null(wire);
	return 0;
}

int
wire_world_stop(void **state)
{
	char path[64];
	struct dp_error err;

	dp_port_del(wire_nic);
	assert_int_equal(dp_network_del(net, &err), 0);
	dp_stop();
	/* Where packed rings would keep their places. */
	snprintf(path, sizeof(path), "%s/rings/guest", dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/rings", dir);
	rmdir(path);
	assert_int_equal(rmdir(dir), 0);
	return 0;
}

/* A fresh wire_guest port, since one whose NIC was slow is not lent from for a while. */
int
wire_guest_start(void **state)
{
	struct dp_port_config pc = {.name = "guest", .type = DP_PORT_VHOST, .queues = 1};
	struct fe_config fc = {.socket = pc.socket, .tx_buffer = 2048};
	struct dp_error err = {""};
	struct dp_port_status st;
	int64_t end = wire_ms() + 10000;

	pc.owner = (uid_t)-1;
	pc.group = (gid_t)-1;
	pc.mode = 0600;
	pc.settings = (struct dp_port_settings){.network = net, .mtu = 1500, .enabled = true};
	snprintf(pc.socket, sizeof(pc.socket), "%s/guest.sock", dir);
	if (dp_port_add(&pc, &wire_guest, &err) != 0)
		fail_msg("%s", err.text);
	if (fe_open(&wire_fe, &fc) != 0)
		fail_msg("%s", wire_fe.err);
	do {
		dp_port_status(wire_guest, &st);
		assert_true(wire_ms() < end);
		usleep(1000);
	} while (st.state != DP_PORT_UP);
	((struct nic *)wire_nic->dev)->lazy = false;
	nic_lent_allow(wire_nic);
	return 0;
}

int
wire_guest_stop(void **state)
{
	struct nic *nic = wire_nic->dev;

	if (wire_fe.fd >= 0)
		fe_close(&wire_fe);
	if (wire_guest != NULL)
		dp_port_del(wire_guest);
	for (unsigned int i = 0; i < wire_nheld; i++)
		rte_pktmbuf_free(wire_held[i]);
	wire_nheld = 0;
	nic_lent_close(wire_nic);
	nic_free_pool(nic->shells);
	nic->shells = NULL;
	return 0;
}

/* --- both ends ---------------------------------------------------------------------- */

void
wire_fill(uint8_t *f, uint32_t len, unsigned int serial)
{
	static const uint8_t head[14] = {2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 1, 0x88, 0xb5};

	memcpy(f, head, sizeof(head));
	for (uint32_t i = 14; i < len; i++)
		f[i] = (uint8_t)(serial * 7 + i * 3 + (i >> 8));
	memcpy(f + 14, &serial, sizeof(serial));
}

void
wire_send(uint32_t len, unsigned int serial)
{
	struct fe_ring *tx = fe_tx_ring(&wire_fe, 0);
	int64_t end = wire_ms() + 10000;
	uint8_t f[WIRE_LARGE];

	wire_fill(f, len, serial);
	while (!fe_transmit(tx, NULL, f, len)) {
		assert_true(fe_reap(tx) >= 0);
		assert_true(wire_ms() < end);
	}
	fe_kick(tx);
}

/* Waits for n frames more on the wire and keeps them. */
void
wire_keep(unsigned int n)
{
	int64_t end = wire_ms() + 10000;
	struct rte_mbuf *m;

	while (n > 0) {
		if (!wire_take(&m)) {
			if (wire_ms() > end)
				fail_msg("%u frames did not arrive", n);
			usleep(100);
			continue;
		}
		assert_true(wire_nheld < WIRE_HELD_MAX);
		wire_held[wire_nheld++] = m;
		n--;
	}
}

bool
wire_borrowed(const struct rte_mbuf *m)
{
	return m->nb_segs > 1 && (m->next->ol_flags & RTE_MBUF_F_EXTERNAL) != 0;
}

void
wire_check(const struct rte_mbuf *m, uint32_t len, unsigned int serial)
{
	uint8_t want[WIRE_LARGE], got[WIRE_LARGE];
	const void *p;

	wire_fill(want, len, serial);
	assert_int_equal(m->pkt_len, len);
	p = rte_pktmbuf_read(m, 0, len, got);
	assert_non_null(p);
	assert_memory_equal(p, want, len);
}

void
wire_reap_until(unsigned int n)
{
	struct fe_ring *tx = fe_tx_ring(&wire_fe, 0);
	int64_t end = wire_ms() + 10000;
	unsigned int got = 0;

	while (got < n) {
		int rc = fe_reap(tx);

		assert_true(rc >= 0);
		got += (unsigned int)rc;
		if (got < n && wire_ms() > end)
			fail_msg("%u of %u buffers came back", got, n);
		usleep(100);
	}
	assert_int_equal(got, n);
	assert_int_equal(tx->out_of_order, 0);
}

uint64_t
wire_zero_copy(void)
{
	struct dp_port_counters c;

	dp_port_counters(wire_nic, &c);
	return c.nic_zero_copy;
}
