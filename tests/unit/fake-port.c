/* SPDX-License-Identifier: BSD-3-Clause */
/* See fake-port.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "src/datapath/network.h"
#include "src/datapath/rcu.h"
#include "tests/unit/fake-port.h"

static int mbuf_token; /* stands for any mbuf; nobody looks inside */

struct fake *
fake_of(struct dp_port *p)
{
	return p->dev;
}

static int
fake_open(struct dp_port *p, const struct dp_port_config *cfg, struct dp_error *err)
{
	struct fake *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->ready = true;
	f->room = UINT16_MAX;
	f->caps = (struct dp_tx_caps){true, true, true};
	p->dev = f;
	p->rx_queues = cfg->queues;
	return 0;
}

static void
frames_free(struct fake_frame *frames, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		free(frames[i].data);
}

static void
fake_close(struct dp_port *p)
{
	struct fake *f = p->dev;

	assert_int_equal(f->pending, 0);
	frames_free(f->in, f->in_count);
	frames_free(f->out, f->out_count);
	free(f);
}

static int
fake_apply(struct dp_port *p, const struct dp_port_settings *s, struct dp_error *err)
{
	return 0;
}

static void
fake_status(struct dp_port *p, struct dp_port_status *st)
{
	st->state = fake_of(p)->ready ? DP_PORT_UP : DP_PORT_WAITING;
}

static void
fake_counters(struct dp_port *p, struct dp_port_counters *c)
{
	c->queues = 1;
	c->queue[0].tx_packets = fake_of(p)->out_count;
}

/* A view as a guest's ring makes it: private header, the rest where it lies,
 * in two pieces. */
static void
view_of(struct packet_burst *b, unsigned int i, struct fake_frame *frame)
{
	uint32_t hdr = frame->len < PACKET_HEADER_MAX ? frame->len : PACKET_HEADER_MAX;
	struct packet *p = &b->pkt[i];

	*p = (struct packet){.hdr = packet_burst_header(b, i),
		.hdr_len = (uint16_t)hdr,
		.len = frame->len,
		.offload = frame->offload,
		.mbuf = frame->mbuf ? &mbuf_token : NULL};
	memcpy(p->hdr, frame->data, hdr);
	if (frame->len == hdr)
		return;
	p->rest = frame->data + hdr;
	p->rest_len = (frame->len - hdr + 1) / 2;
	if (p->rest_len == frame->len - hdr)
		return;
	p->more = &b->seg[b->nseg];
	p->nmore = 1;
	b->seg[b->nseg].data = p->rest + p->rest_len;
	b->seg[b->nseg++].len = frame->len - hdr - p->rest_len;
}

static void
fake_rx(struct dp_port *p, uint16_t queue, struct packet_burst *b)
{
	struct fake *f = p->dev;

	assert_int_equal(f->pending, 0);
	while (queue == 0 && f->in_next < f->in_count && b->count < PACKET_BURST) {
		view_of(b, b->count, &f->in[f->in_next]);
		b->count++;
		f->in_next++;
	}
	f->pending = b->count;
}

static void
fake_rx_complete(struct dp_port *p, uint16_t queue, struct packet_burst *b)
{
	struct fake *f = p->dev;

	if (queue != 0)
		return;
	assert_int_equal(f->pending, b->count);
	for (unsigned int i = 0; i < b->count; i++)
		f->mbufs_back += b->pkt[i].mbuf != NULL;
	f->pending = 0;
}

static bool
fake_tx_ready(struct dp_port *p)
{
	return fake_of(p)->ready;
}

static struct dp_tx_caps
fake_tx_caps(struct dp_port *p)
{
	return fake_of(p)->caps;
}

static void
check_offload(const struct fake *f, const struct packet *p)
{
	if (p->offload.gso_type == PACKET_GSO_TCPV4)
		assert_true(f->caps.tso4);
	if (p->offload.gso_type == PACKET_GSO_TCPV6)
		assert_true(f->caps.tso6);
	if (p->offload.flags & PACKET_F_NEEDS_CSUM)
		assert_true(f->caps.csum);
}

static uint16_t
fake_tx(struct dp_port *p, uint16_t worker, struct packet *const *pkts, uint16_t n)
{
	struct fake *f = p->dev;
	uint16_t taken = 0;

	assert_true(f->ready);
	assert_true(n > 0 && n <= PACKET_BURST);
	f->tx_calls++;
	for (; taken < n && f->room > 0; taken++, f->room--) {
		struct packet *pkt = pkts[taken];
		struct fake_frame *out = &f->out[f->out_count++];

		assert_true(f->out_count <= FAKE_FRAMES);
		check_offload(f, pkt);
		*out = (struct fake_frame){.len = pkt->len, .offload = pkt->offload};
		out->data = malloc(pkt->len);
		assert_non_null(out->data);
		packet_copy_out(pkt, 0, out->data, pkt->len);
		if (f->keeps_mbufs && pkt->mbuf != NULL) {
			out->mbuf = true;
			pkt->mbuf = NULL;
		}
	}
	return taken;
}

static int
fake_rx_fd(struct dp_port *p, uint16_t queue)
{
	return DP_FD_LATER;
}

static bool
fake_rx_arm(struct dp_port *p, uint16_t queue)
{
	return false;
}

static void
fake_rx_disarm(struct dp_port *p, uint16_t queue)
{
}

const struct dp_port_ops fake_ops = {
	.name = "fake",
	.full = DROP_RING_FULL,
	.open = fake_open,
	.close = fake_close,
	.apply = fake_apply,
	.status = fake_status,
	.counters = fake_counters,
	.rx = fake_rx,
	.rx_complete = fake_rx_complete,
	.tx_ready = fake_tx_ready,
	.tx_caps = fake_tx_caps,
	.tx = fake_tx,
	.rx_fd = fake_rx_fd,
	.rx_arm = fake_rx_arm,
	.rx_disarm = fake_rx_disarm,
};

/* --- the world around ------------------------------------------------------ */

void
fake_world_start(void)
{
	dp_clock_init(UINT64_C(1000000000));
	assert_int_equal(dp_rcu_start(1), 0);
	dp_worker[0] = worker_new(0, 0);
	assert_non_null(dp_worker[0]);
	dp_nworkers = 1;
}

void
fake_world_stop(void)
{
	worker_free(dp_worker[0]);
	dp_nworkers = 0;
	dp_rcu_stop();
}

struct dp_port_settings
fake_settings(struct dp_network *net)
{
	return (struct dp_port_settings){.network = net, .mtu = 1500, .enabled = true};
}

struct dp_port *
fake_port_add_with(const char *name, const struct dp_port_settings *s)
{
	struct dp_port_config cfg = {.type = DP_PORT_VHOST, .queues = 1, .settings = *s};
	struct dp_error err = {""};
	struct dp_port *p = NULL;

	snprintf(cfg.name, sizeof(cfg.name), "%s", name);
	assert_int_equal(port_add(&cfg, &fake_ops, &p, &err), 0);
	return p;
}

struct dp_port *
fake_port_add(const char *name, struct dp_network *net)
{
	struct dp_port_settings s = fake_settings(net);

	return fake_port_add_with(name, &s);
}

struct dp_network *
fake_network_add(const char *name, uint32_t storm_pps)
{
	struct dp_network_config cfg = {.ageing_s = 300, .max_macs = 64, .storm_pps = storm_pps};
	struct dp_network *net = NULL;
	struct dp_error err = {""};

	snprintf(cfg.name, sizeof(cfg.name), "%s", name);
	assert_int_equal(dp_network_add(&cfg, &net, &err), 0);
	return net;
}

static struct fake_frame *
queue_bytes(struct dp_port *p, const uint8_t *header, uint32_t header_len, uint32_t len)
{
	struct fake *f = p->dev;
	struct fake_frame *frame = &f->in[f->in_count++];

	assert_true(f->in_count <= FAKE_FRAMES && len <= FAKE_FRAME_MAX);
	*frame = (struct fake_frame){.len = len};
	/* Exactly as long as the frame: a byte too many is a sanitizer's find. */
	frame->data = malloc(len);
	assert_non_null(frame->data);
	for (uint32_t i = 0; i < len; i++)
		frame->data[i] = i < header_len ? header[i] : (uint8_t)i;
	return frame;
}

struct fake_frame *
fake_queue(struct dp_port *p, const uint8_t *dst, const uint8_t *src, uint16_t ether_type,
	uint32_t len)
{
	uint8_t h[14];

	memcpy(h, dst, 6);
	memcpy(h + 6, src, 6);
	h[12] = (uint8_t)(ether_type >> 8);
	h[13] = (uint8_t)ether_type;
	return queue_bytes(p, h, sizeof(h), len);
}

struct fake_frame *
fake_queue_tagged(struct dp_port *p, const uint8_t *dst, const uint8_t *src, uint16_t tci,
	uint16_t ether_type, uint32_t len)
{
	uint8_t h[18] = {[12] = 0x81, [13] = 0x00};

	memcpy(h, dst, 6);
	memcpy(h + 6, src, 6);
	h[14] = (uint8_t)(tci >> 8);
	h[15] = (uint8_t)tci;
	h[16] = (uint8_t)(ether_type >> 8);
	h[17] = (uint8_t)ether_type;
	return queue_bytes(p, h, sizeof(h), len);
}

void
fake_run(void)
{
	struct worker *w = dp_worker[0];

	do {
		worker_clock(w, dp_clock_tsc());
	} while (worker_poll(w) != 0);
}

void
fake_clear(struct dp_port *p)
{
	struct fake *f = p->dev;

	frames_free(f->in, f->in_count);
	frames_free(f->out, f->out_count);
	f->in_count = f->in_next = f->out_count = f->tx_calls = f->mbufs_back = 0;
}

uint64_t
fake_drops(struct dp_port *p, enum packet_drop reason)
{
	struct dp_port_counters c;

	dp_port_counters(p, &c);
	return c.drop[reason];
}

uint64_t
fake_drops_all(struct dp_port *p)
{
	struct dp_port_counters c;
	uint64_t sum = 0;

	dp_port_counters(p, &c);
	for (unsigned int r = 0; r < DROP_REASONS; r++)
		sum += c.drop[r];
	return sum;
}
