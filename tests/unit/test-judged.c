/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Headers judged are headers sent. A guest's transmit ring is a port's receive
 * side, and its memory is rewritten at the two moments that matter: after a
 * frame was taken and before it is judged, and after it was judged and before
 * it is copied into the receiver's ring. What the receiver gets must have the
 * header that was judged, for every layout of descriptors, direct and indirect,
 * in split and packed rings. The rest of the frame is the guest's to spoil: it
 * shows that the rewriting came in time.
 */
#include <linux/virtio_config.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "src/datapath/network.h"
#include "src/packet/guard.h"
#include "tests/unit/fake-port.h"
#include "tests/unit/ring-guest.h"

#define FEATURES (1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_RING_F_INDIRECT_DESC)
#define HDR      12
#define FRAME    300
#define PIECES   64

static const uint8_t ours[6] = {2, 0, 0, 0, 0, 0xa}, theirs[6] = {2, 0, 0, 0, 0, 0xb},
		     spoofed[6] = {2, 0, 0, 0, 0, 0xbb};
static const uint8_t our_ip[4] = {10, 0, 0, 1}, spoofed_ip[4] = {10, 0, 0, 66};

/* Lengths of a chain's pieces behind the virtio_net_hdr, 0 ends; what is left of
 * the frame is a last one. first: the virtio_net_hdr shares the first piece. */
static const struct shape {
	bool first;
	uint32_t len[PIECES];
} shapes[] = {
	{true, {0}},
	{false, {0}},
	{true, {6, 6, 2, 0}},
	{false, {6, 6, 2, 12, 4, 0}},
	{false, {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
			1, 1, 1, 1, 1, 1, 0}},
	{false, {26, 0}},
	{true, {127, 0}},
	{false, {128, 0}},
};

static struct guest {
	struct ring_guest tx, rx;
	struct rg_chain chain;
	/* What the memory becomes, at both moments; NULL: it stays. */
	const uint8_t *after_take, *after_judgement;
	/* Another chain that the first one's descriptors then point to, if any. */
	const struct rg_chain *after_move;
	bool keep; /* memory that was allocated stays */
} guest;

static void
rewrite(const uint8_t *frame)
{
	uint8_t bytes[HDR + FRAME] = {0};

	if (frame == NULL)
		return;
	memcpy(bytes + HDR, frame, FRAME);
	rg_chain_write(&guest.tx, &guest.chain, bytes, sizeof(bytes));
}

/* --- ports over the rings ---------------------------------------------------- */

static void
ring_rx(struct dp_port *p, uint16_t queue, struct packet_burst *b)
{
	vring_dequeue(guest.tx.vq, b, PACKET_BURST);
	rewrite(guest.after_take);
	if (guest.after_move != NULL) {
		memcpy(guest.chain.addr, guest.after_move->addr, sizeof(guest.chain.addr));
		rg_chain_store(&guest.tx, &guest.chain);
	}
}

static void
ring_complete(struct dp_port *p, uint16_t queue, struct packet_burst *b)
{
	vring_complete(guest.tx.vq);
}

static uint16_t
ring_tx(struct dp_port *p, uint16_t worker, struct packet *const *pkts, uint16_t n)
{
	rewrite(guest.after_judgement);
	return vring_enqueue(guest.rx.vq, pkts, n);
}

static struct dp_network *net;
static struct dp_port *source, *sink;

static struct dp_port *
ring_port(const char *name, const struct dp_port_ops *ops, const struct dp_port_settings *s)
{
	struct dp_port_config cfg = {.type = DP_PORT_VHOST, .queues = 1, .settings = *s};
	struct dp_error err = {""};
	struct dp_port *p = NULL;

	memcpy(cfg.name, name, strlen(name));
	assert_int_equal(port_add(&cfg, ops, &p, &err), 0);
	return p;
}

static int
setup(void **state)
{
	static struct dp_port_ops source_ops, sink_ops;
	struct dp_port_settings s;

	fake_world_start();
	net = fake_network_add("net", 0);
	source_ops = sink_ops = fake_ops;
	source_ops.rx = ring_rx;
	source_ops.rx_complete = ring_complete;
	sink_ops.tx = ring_tx;
	s = fake_settings(net);
	sink = ring_port("sink", &sink_ops, &s);
	s.guard.nmac = s.guard.nip = 1;
	memcpy(s.guard.mac[0], ours, 6);
	s.guard.ip[0] = (struct guard_ip){.family = 4, .prefix = 32};
	memcpy(s.guard.ip[0].addr, our_ip, 4);
	source = ring_port("source", &source_ops, &s);
	rg_init(&guest.tx, 256, FEATURES | rg_event, 0, rg_ops);
	rg_init(&guest.rx, 256, FEATURES | rg_event, 0, rg_ops);
	return 0;
}

static int
teardown(void **state)
{
	struct dp_error err;

	dp_port_del(source);
	dp_port_del(sink);
	assert_int_equal(dp_network_del(net, &err), 0);
	fake_world_stop();
	rg_free(&guest.tx);
	rg_free(&guest.rx);
	return 0;
}

/* --- frames ------------------------------------------------------------------ */

enum bend { GOOD, BAD_MAC, BAD_IP, BAD_TYPE, BAD_TAG, BAD_DESTINATION, BENDS };

/* An IPv4 frame that may pass, or one that is bent so that it may not. The
 * payload differs from bend to bend. */
static void
make_frame(uint8_t *f, enum bend bend)
{
	static const uint8_t reserved[6] = {1, 0x80, 0xc2, 0, 0, 0};

	memset(f, 0x10 + (int)bend, FRAME);
	memcpy(f, bend == BAD_DESTINATION ? reserved : theirs, 6);
	memcpy(f + 6, bend == BAD_MAC ? spoofed : ours, 6);
	f[12] = bend == BAD_TYPE ? 0x88 : bend == BAD_TAG ? 0x81 : 0x08;
	f[13] = 0;
	f[14] = 0x45;
	f[15] = 0;
	f[16] = (FRAME - 14) >> 8;
	f[17] = (FRAME - 14) & 0xff;
	memset(f + 18, 0, 5);
	f[23] = 17;
	memcpy(f + 26, bend == BAD_IP ? spoofed_ip : our_ip, 4);
}

static void
post(const struct shape *shape, bool indirect, const uint8_t *frame)
{
	uint8_t bytes[HDR + FRAME] = {0};
	uint32_t len[PIECES + 2], n = 0, left = FRAME;

	len[n++] = HDR;
	for (const uint32_t *l = shape->len; *l != 0; l++) {
		if (shape->first && n == 1 && l == shape->len)
			len[0] += *l;
		else
			len[n++] = *l;
		left -= *l;
	}
	if (shape->first && n == 1 && shape->len[0] == 0)
		len[0] += left;
	else
		len[n++] = left;
	rg_chain(&guest.tx, &guest.chain, false, indirect, len, n);
	memcpy(bytes + HDR, frame, FRAME);
	rg_chain_write(&guest.tx, &guest.chain, bytes, sizeof(bytes));
	rg_post(&guest.tx, guest.chain.head);
}

/* Sends one frame with the memory rewritten as guest says; returns whether
 * something came, then in got. */
static bool
pass(const struct shape *shape, bool indirect, const uint8_t *frame, uint8_t *got)
{
	static struct rg_chain buffer;
	uint8_t bytes[HDR + FRAME];
	uint32_t head, len;
	bool came;

	if (!guest.keep)
		rg_reset(&guest.tx);
	rg_reset(&guest.rx);
	rg_post_buffer(&guest.rx, &buffer, HDR + FRAME);
	post(shape, indirect, frame);
	worker_clock(dp_worker[0], dp_clock_tsc());
	worker_poll(dp_worker[0]);
	rg_expect(&guest.tx, guest.chain.head, 0);
	rg_expect_none(&guest.tx);
	came = rg_reap(&guest.rx, &head, &len);
	if (!came) {
		/* The buffer is still posted: one that may pass takes it back. */
		const struct guest saved = guest;

		guest.after_take = guest.after_judgement = NULL;
		make_frame(bytes, GOOD);
		post(shape, indirect, bytes);
		worker_poll(dp_worker[0]);
		rg_expect(&guest.tx, guest.chain.head, 0);
		rg_expect(&guest.rx, buffer.head, HDR + FRAME);
		guest.after_take = saved.after_take;
		guest.after_judgement = saved.after_judgement;
		return false;
	}
	assert_int_equal(len, HDR + FRAME);
	rg_chain_read(&guest.rx, &buffer, bytes, len);
	memcpy(got, bytes + HDR, FRAME);
	return true;
}

/* The frame turns into what the guard would refuse, at either moment. */
static void
good_stays_good(void **state)
{
	uint8_t good[FRAME], bad[FRAME], got[FRAME];

	make_frame(good, GOOD);
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		for (int bend = BAD_MAC; bend < BENDS; bend++)
			for (int how = 0; how < 4; how++) {
				make_frame(bad, bend);
				guest.after_take = how & 1 ? bad : NULL;
				guest.after_judgement = how & 1 ? NULL : bad;
				assert_true(pass(&shapes[i], how & 2, good, got));
				assert_memory_equal(got, good, PACKET_HEADER_MAX);
				assert_memory_equal(got + PACKET_HEADER_MAX,
					bad + PACKET_HEADER_MAX, FRAME - PACKET_HEADER_MAX);
			}
}

/* A forbidden frame that turns into a good one is refused all the same. */
static void
bad_stays_bad(void **state)
{
	uint8_t good[FRAME], bad[FRAME], got[FRAME];

	make_frame(good, GOOD);
	guest.after_take = good;
	guest.after_judgement = NULL;
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		for (int bend = BAD_MAC; bend < BENDS; bend++) {
			make_frame(bad, bend);
			assert_false(pass(&shapes[i], false, bad, got));
			assert_false(pass(&shapes[i], true, bad, got));
		}
}

/* Descriptors that point elsewhere once they were read do so too late. (A packed
 * ring's own slots are not rewritten here, its indirect tables are.) */
static void
descriptors_are_read_once(void **state)
{
	static struct rg_chain other;
	uint8_t good[FRAME], bytes[HDR + FRAME] = {0}, got[FRAME];

	make_frame(good, GOOD);
	make_frame(bytes + HDR, BAD_MAC);
	guest.after_take = guest.after_judgement = NULL;
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		for (int indirect = 0; indirect < 2; indirect++) {
			/* A chain of the same pieces that is never posted. */
			guest.after_move = NULL;
			assert_true(pass(&shapes[i], indirect, good, got));
			other = guest.chain;
			for (uint32_t k = 0; k < other.n; k++)
				other.addr[k] = rg_alloc(&guest.tx, other.len[k]);
			rg_chain_write(&guest.tx, &other, bytes, sizeof(bytes));
			guest.after_move = &other;
			guest.keep = true;
			assert_true(pass(&shapes[i], indirect, good, got));
			guest.keep = false;
			assert_memory_equal(got, good, FRAME);
		}
	guest.after_move = NULL;
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(good_stays_good),
		T(bad_stays_bad),
		T(descriptors_are_read_once),
	};

	return rg_run_rings("judged", tests, sizeof(tests) / sizeof(tests[0]));
}
