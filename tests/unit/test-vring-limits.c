/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets from the guest: indirect tables that are wrong, lengths that are not
 * allowed, offload requests, and bursts that mix good and bad.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <linux/virtio_config.h>
#include <cmocka.h>

#include "tests/unit/ring-guest.h"

#define VERSION_1 (1ull << VIRTIO_F_VERSION_1)
#define INDIRECT  (1ull << VIRTIO_RING_F_INDIRECT_DESC)
#define HDR       12

static struct packet_burst burst;
static struct rg_chain chain;

static void
expect_drop_of(struct ring_guest *g, uint16_t head, enum packet_drop why)
{
	uint64_t before = g->vq->drop[why];

	rg_post(g, head);
	vring_dequeue(g->vq, &burst, PACKET_BURST);
	assert_int_equal(burst.count, 0);
	assert_int_equal(g->vq->drop[why], before + 1);
	vring_complete(g->vq);
	rg_expect(g, head, 0);
	rg_expect_none(g);
}

static void
expect_good(struct ring_guest *g, uint16_t head, uint32_t len)
{
	rg_post(g, head);
	vring_dequeue(g->vq, &burst, PACKET_BURST);
	assert_int_equal(burst.count, 1);
	assert_int_equal(burst.pkt[0].len, len);
	vring_complete(g->vq);
	rg_expect(g, head, 0);
}

static void
bad_tables_are_refused(void **state)
{
	static const struct {
		uint64_t addr;
		uint32_t len;
		uint16_t flags;
	} bad[] = {
		{RG_TABLE, 0, 0},
		{RG_TABLE, 15, 0},
		{RG_TABLE, 33, 0},
		{RG_TABLE, UINT32_MAX, 0},
		{RG_TABLE, 16, 0}, /* shorter than the chain in it */
		{RG_TABLE, 32, VRING_DESC_F_NEXT},
		{RG_TABLE - 16, 32, 0},
		{RG_TABLE + RG_TABLE_SIZE - 8, 32, 0},
		{0, 32, 0},
		{UINT64_MAX - 8, 32, 0},
	};
	struct vring_desc *t;
	struct ring_guest g;

	rg_init(&g, 16, VERSION_1 | INDIRECT | rg_event, 0, rg_ops);
	rg_chain(&g, &chain, false, true, (uint32_t[]){HDR, 60}, 2);
	t = (struct vring_desc *)(void *)g.table;
	for (uint32_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		rg_desc(&g, 0, bad[i].addr, bad[i].len, bad[i].flags | VRING_DESC_F_INDIRECT, 0);
		expect_drop_of(&g, 0, DROP_BAD_DESCRIPTOR);
	}
	/* A longer table than its chain is fine, and its WRITE flag is ignored. */
	rg_desc(&g, 0, RG_TABLE, 1600, VRING_DESC_F_INDIRECT | VRING_DESC_F_WRITE, 0);
	expect_good(&g, 0, 60);
	/* A table in a table; loops in a table; links out of it. */
	t[1].flags |= VRING_DESC_F_INDIRECT;
	expect_drop_of(&g, 0, DROP_BAD_DESCRIPTOR);
	t[1].flags = VRING_DESC_F_NEXT;
	t[1].next = 0;
	expect_drop_of(&g, 0, DROP_BAD_DESCRIPTOR);
	t[1].len = 0;
	t[1].next = 1;
	expect_drop_of(&g, 0, DROP_BAD_DESCRIPTOR);
	t[1].len = 60;
	t[1].next = 100;
	expect_drop_of(&g, 0, DROP_BAD_DESCRIPTOR);
	rg_free(&g);
	/* None at all when it was not negotiated. */
	rg_init(&g, 16, VERSION_1 | rg_event, 0, rg_ops);
	rg_chain(&g, &chain, false, true, (uint32_t[]){HDR, 60}, 2);
	expect_drop_of(&g, 0, DROP_BAD_DESCRIPTOR);
	rg_free(&g);
}

static void
table_may_follow_direct_pieces(void **state)
{
	struct ring_guest g;

	rg_init(&g, 16, VERSION_1 | INDIRECT | rg_event, 0, rg_ops);
	rg_chain(&g, &chain, false, true, (uint32_t[]){30, 70}, 2);
	rg_desc(&g, 5, RG_DATA + 1000, HDR, VRING_DESC_F_NEXT, 0);
	expect_good(&g, 5, 100);
	rg_free(&g);
}

/* An unaligned table that spans no region is as good as an aligned one. */
static void
table_need_not_be_aligned(void **state)
{
	struct ring_guest g;

	rg_init(&g, 16, VERSION_1 | INDIRECT | rg_event, 0, rg_ops);
	rg_chain(&g, &chain, false, true, (uint32_t[]){HDR, 70}, 2);
	memmove(g.table + 3, g.table, 32);
	g.desc[0].addr += 3;
	expect_good(&g, 0, 70);
	rg_free(&g);
}

static void
lengths_are_limited(void **state)
{
	struct ring_guest g;

	rg_init(&g, 16, VERSION_1 | rg_event, 0, rg_ops);
	g.vq->max_frame = 1518;
	for (uint32_t split = 0; split < 3; split++) {
#define CHAIN(frame)                                                                               \
	do {                                                                                       \
		uint32_t first = split == 0 ? HDR + (frame) : HDR + 2 - split;                     \
                                                                                                   \
		rg_reset(&g);                                                                      \
		rg_chain(&g, &chain, false, false, (uint32_t[]){first, HDR + (frame)-first},       \
			split == 0 ? 1 : 2);                                                       \
	} while (0)
		CHAIN(1);
		expect_drop_of(&g, 0, DROP_RUNT);
		CHAIN(13);
		expect_drop_of(&g, 0, DROP_RUNT);
		CHAIN(14);
		expect_good(&g, 0, 14);
		CHAIN(1518);
		expect_good(&g, 0, 1518);
		CHAIN(1519);
		expect_drop_of(&g, 0, DROP_OVERSIZE);
		CHAIN(PACKET_LEN_MAX + 1);
		expect_drop_of(&g, 0, DROP_OVERSIZE);
		/* A GSO type lifts the MTU, not the last limit. */
		*rg_ptr(&g, chain.addr[0] + 1) = PACKET_GSO_TCPV4;
		expect_drop_of(&g, 0, DROP_OVERSIZE);
		*rg_ptr(&g, chain.addr[0] + 1) = 0;
	}
	for (uint32_t len = 0; len <= HDR; len++) {
		rg_desc(&g, 0, RG_DATA, len, 0, 0);
		expect_drop_of(&g, 0, len < HDR ? DROP_BAD_DESCRIPTOR : DROP_RUNT);
	}
	rg_free(&g);
}

/* Ethernet, IPv4, TCP: enough for packet_offload_set(). */
static void
tcp_frame(uint8_t *f, uint32_t len)
{
	rg_fill(f, len, len);
	f[12] = 0x08;
	f[13] = 0x00;
	memset(f + 14, 0, 40);
	f[14] = 0x45;
	f[16] = (uint8_t)((len - 14) >> 8);
	f[17] = (uint8_t)(len - 14);
	f[22] = 64;
	f[23] = 6;
	f[46] = 0x50;
}

static void
send_with_header(struct ring_guest *g, const struct virtio_net_hdr *h, uint32_t len, int split)
{
	uint8_t frame[4000];
	uint32_t hdr = g->vq->hdr_size;

	tcp_frame(frame, len);
	rg_reset(g);
	if (split == 0)
		rg_chain(g, &chain, false, false, (uint32_t[]){hdr + len}, 1);
	else if (split == 1)
		rg_chain(g, &chain, false, false, (uint32_t[]){hdr, len}, 2);
	else
		rg_chain(g, &chain, false, false, (uint32_t[]){9, hdr - 9 + 20, len - 20}, 3);
	memmove(frame + hdr, frame, len);
	memset(frame, 0, hdr);
	memcpy(frame, h, sizeof(*h));
	rg_chain_write(g, &chain, frame, hdr + len);
}

static void
offload_requests_are_read(void **state)
{
	static const uint64_t features[] = {0, VERSION_1};
	const struct virtio_net_hdr csum = {.flags = 1, .csum_start = 34, .csum_offset = 16};
	const struct virtio_net_hdr tso = {.flags = 1,
		.gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
		.hdr_len = 9999,
		.gso_size = 1460,
		.csum_start = 34,
		.csum_offset = 16};
	const struct virtio_net_hdr bad = {.flags = 1, .csum_start = 34, .csum_offset = 0x1010};
	const struct virtio_net_hdr udp = {.gso_type = VIRTIO_NET_HDR_GSO_UDP, .gso_size = 1000};
	/* Flags that a device ignores, and fields that mean nothing without one. */
	const struct virtio_net_hdr odd = {
		.flags = 0xfe, .hdr_len = 1, .gso_size = 2, .csum_start = 3, .csum_offset = 4};

	for (int i = 0; i < 6; i++) {
		const struct packet_offload *o = &burst.pkt[0].offload;
		struct ring_guest g;

		rg_init(&g, 16, features[i & 1] | rg_event, 0, rg_ops);
		g.vq->max_frame = 1518;
		send_with_header(&g, &csum, 200, i / 2);
		expect_good(&g, 0, 200);
		assert_int_equal(o->flags, PACKET_F_NEEDS_CSUM);
		assert_int_equal(o->csum_start, 34);
		assert_int_equal(o->csum_offset, 16);
		assert_int_equal(o->gso_type, PACKET_GSO_NONE);
		send_with_header(&g, &tso, 3000, i / 2);
		expect_good(&g, 0, 3000);
		assert_int_equal(o->gso_type, PACKET_GSO_TCPV4);
		assert_int_equal(o->gso_size, 1460);
		assert_int_equal(o->hdr_len, 54);
		send_with_header(&g, &odd, 200, i / 2);
		expect_good(&g, 0, 200);
		assert_int_equal(o->flags, 0);
		send_with_header(&g, &bad, 200, i / 2);
		expect_drop_of(&g, 0, DROP_BAD_OFFLOAD);
		send_with_header(&g, &udp, 1400, i / 2);
		expect_drop_of(&g, 0, DROP_BAD_OFFLOAD);
		assert_int_equal(g.vq->packets, 3);
		assert_int_equal(g.vq->bytes, 3400);
		rg_free(&g);
	}
}

static void
good_and_bad_complete_in_order(void **state)
{
	struct ring_guest g;
	uint8_t frame[200];
	uint16_t head[PACKET_BURST];

	rg_init(&g, 64, VERSION_1 | rg_event, 65520, rg_ops);
	for (uint16_t i = 0; i < PACKET_BURST; i++) {
		rg_fill(frame, sizeof(frame), i);
		if (i % 3 == 2) {
			rg_chain(&g, &chain, false, false, (uint32_t[]){HDR + 100}, 1);
			head[i] = chain.head;
			g.desc[head[i]].addr = 0;
			rg_post(&g, head[i]);
			continue;
		}
		head[i] = rg_send(&g, frame, i % 5 == 4 ? 5 : 100 + i);
	}
	vring_dequeue(g.vq, &burst, PACKET_BURST);
	for (uint16_t i = 0, at = 0; i < PACKET_BURST; i++) {
		if (i % 3 == 2 || i % 5 == 4)
			continue;
		rg_fill(frame, sizeof(frame), i);
		assert_int_equal(burst.pkt[at].len, 100 + i);
		assert_memory_equal(burst.pkt[at].hdr, frame, 100);
		at++;
		assert_true(at <= burst.count);
	}
	assert_int_equal(burst.count, 32 - 10 - 6 + 2);
	assert_int_equal(g.vq->drop[DROP_BAD_DESCRIPTOR], 10);
	assert_int_equal(g.vq->drop[DROP_RUNT], 4);
	vring_complete(g.vq);
	for (uint16_t i = 0; i < PACKET_BURST; i++)
		rg_expect(&g, head[i], 0);
	rg_expect_none(&g);
	rg_free(&g);
}

/* When the pieces of a burst run out, the rest comes with the next burst. */
static void
burst_ends_when_its_segments_do(void **state)
{
	static uint32_t len[300];
	struct ring_guest g;
	uint16_t head[8], got = 0;

	rg_init(&g, 4096, VERSION_1 | rg_event, 0, rg_ops);
	for (uint32_t i = 0; i < 300; i++)
		len[i] = 100;
	for (uint16_t i = 0; i < 8; i++) {
		rg_chain(&g, &chain, false, false, len, 300);
		head[i] = chain.head;
		rg_post(&g, chain.head);
	}
	while (got < 8) {
		vring_dequeue(g.vq, &burst, PACKET_BURST);
		assert_int_equal(burst.count, got < 6 ? 3 : 2);
		assert_true(burst.nseg <= PACKET_SEGS_MAX);
		vring_complete(g.vq);
		for (uint16_t i = 0; i < burst.count; i++) {
			assert_int_equal(burst.pkt[i].len, 30000 - HDR);
			rg_expect(&g, head[got++], 0);
		}
		rg_expect_none(&g);
	}
	rg_free(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_need_not_be_aligned),
		cmocka_unit_test(lengths_are_limited),
		cmocka_unit_test(offload_requests_are_read),
		cmocka_unit_test(good_and_bad_complete_in_order),
		cmocka_unit_test(burst_ends_when_its_segments_do),
	};
	const struct CMUnitTest split[] = {
		cmocka_unit_test(bad_tables_are_refused),
		cmocka_unit_test(table_may_follow_direct_pieces),
	};

	return rg_run_rings("limits", tests, sizeof(tests) / sizeof(tests[0])) +
	       rg_run_variants("limits split", split, sizeof(split) / sizeof(split[0]));
}
