/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets to the guest: buffers of any shape, the header that describes them,
 * rings that run out, and buffers that are wrong.
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
#define MERGEABLE (1ull << VIRTIO_NET_F_MRG_RXBUF)
#define CSUM      (1ull << VIRTIO_NET_F_GUEST_CSUM)

static struct rg_chain chain[64];
static uint8_t frame[PACKET_LEN_MAX], got[2 * PACKET_LEN_MAX];
static struct packet_seg seg[64];

/* A view of `len` bytes in a private header, a rest and n more pieces. */
static struct packet
view(uint32_t len, uint32_t n)
{
	struct packet p = {.len = len, .hdr = frame};
	uint32_t at, left;

	rg_fill(frame, len, len);
	p.hdr_len = (uint16_t)(len < PACKET_HEADER_MAX ? len : PACKET_HEADER_MAX);
	at = p.hdr_len;
	left = len - at;
	if (left == 0)
		return p;
	p.rest = frame + at;
	p.rest_len = n != 0 ? left / 2 : left;
	p.rest_len += p.rest_len == 0;
	at += p.rest_len;
	for (uint32_t i = 0; i < n && at < len; i++) {
		uint32_t k = i + 1 == n ? len - at : (len - at + 1) / 2;

		seg[i] = (struct packet_seg){.data = frame + at, .len = k};
		at += k;
		p.nmore++;
	}
	p.more = p.nmore != 0 ? seg : NULL;
	return p;
}

static uint16_t
put_one(struct ring_guest *g, const struct packet *p)
{
	struct packet copy = *p, *pkts[] = {&copy};

	return vring_enqueue(g->vq, pkts, 1);
}

/* The frame in got[hdr..] is p's, and the header says n buffers and no offload. */
static void
check_frame(const struct ring_guest *g, const struct packet *p, uint16_t n)
{
	uint8_t zero[10] = {0};

	assert_memory_equal(got, zero, 10);
	if (g->vq->hdr_size == 12)
		assert_int_equal(got[10] | got[11] << 8, n);
	assert_memory_equal(got + g->vq->hdr_size, frame, p->len);
}

/* A chain of these pieces takes a frame of len bytes, not a byte more. */
static void
through(struct ring_guest *g, const uint32_t *piece, uint32_t n, bool indirect, uint32_t len)
{
	uint32_t total = 0, used = g->vq->hdr_size + len;
	struct packet p = view(len, len % 4);

	for (uint32_t i = 0; i < n; i++)
		total += piece[i];
	rg_reset(g);
	rg_chain(g, &chain[0], true, indirect, piece, n);
	memset(got, 0xa5, total);
	rg_chain_write(g, &chain[0], got, total);
	rg_post(g, chain[0].head);
	assert_int_equal(put_one(g, &p), 1);
	rg_expect(g, chain[0].head, used);
	rg_expect_none(g);
	rg_chain_read(g, &chain[0], got, total);
	check_frame(g, &p, 1);
	for (uint32_t i = used; i < total; i++)
		assert_int_equal(got[i], 0xa5);
}

static void
every_layout_of_short_frames(void **state)
{
	static const uint64_t features[] = {
		0, VERSION_1 | INDIRECT, VERSION_1 | MERGEABLE | INDIRECT};

	for (uint32_t f = 0; f < 3; f++) {
		struct ring_guest g;

		rg_init(&g, 16, features[f] | rg_event, 65500, rg_ops);
		for (uint32_t len = PACKET_LEN_MIN; len <= 300; len++) {
			uint32_t hdr = g.vq->hdr_size, all = hdr + len;
			uint32_t layout[][4] = {
				{all},
				{all + 1},
				{2048},
				{hdr, len},
				{hdr, len + 100},
				{1, hdr - 1, len},
				{hdr, 0, len - 1, 9},
				{hdr - 1, 14, len - 13, 0},
			};

			for (uint32_t i = 0; i < 8; i++) {
				uint32_t n = i < 3 ? 1 : i < 5 ? 2 : i < 6 ? 3 : 4;

				through(&g, layout[i], n, false, len);
				if (g.vq->indirect)
					through(&g, layout[i], n, true, len);
			}
		}
		rg_free(&g);
	}
}

static void
frames_and_chains_up_to_the_longest(void **state)
{
	static uint32_t piece[VRING_CHAIN_MAX];
	static const uint32_t lens[] = {1514, 9018, 32768, 65550, PACKET_LEN_MAX};
	struct ring_guest g;

	rg_init(&g, 2048, VERSION_1 | INDIRECT | rg_event, 0, rg_ops);
	for (uint32_t i = 0; i < 5; i++) {
		uint32_t len = lens[i];

		through(&g, (uint32_t[]){12 + len}, 1, false, len);
		for (uint32_t n = 1; n <= VRING_CHAIN_MAX; n = n * 5 / 3 + 1) {
			for (uint32_t k = 0; k < n; k++)
				piece[k] = (12 + len + n - 1) / n;
			through(&g, piece, n, false, len);
			through(&g, piece, n, true, len);
		}
		for (uint32_t k = 0; k < VRING_CHAIN_MAX; k++)
			piece[k] = (12 + len + VRING_CHAIN_MAX - 1) / VRING_CHAIN_MAX;
		through(&g, piece, VRING_CHAIN_MAX, true, len);
	}
	rg_free(&g);
}

static void
buffers_span_regions(void **state)
{
	for (uint32_t before = 1; before < 212; before++) {
		uint32_t len = before % 2 ? 212 : 400;
		struct packet p = view(200, 1);
		struct ring_guest g;

		rg_init(&g, 16, VERSION_1 | rg_event, 0, rg_ops);
		rg_chain(&g, &chain[0], true, false, &len, 1);
		chain[0].addr[0] = RG_SEAM - before;
		rg_chain_store(&g, &chain[0]);
		rg_post(&g, 0);
		assert_int_equal(put_one(&g, &p), 1);
		rg_expect(&g, 0, 212);
		rg_chain_read(&g, &chain[0], got, 212);
		check_frame(&g, &p, 1);
		rg_free(&g);
	}
}

static void
header_tells_the_offload(void **state)
{
	struct packet p = view(1000, 0);
	struct virtio_net_hdr_mrg_rxbuf h;

	p.offload = (struct packet_offload){.flags = PACKET_F_NEEDS_CSUM,
		.gso_type = PACKET_GSO_TCPV6,
		.hdr_len = 74,
		.gso_size = 0x1234,
		.csum_start = 54,
		.csum_offset = 16};
	for (int i = 0; i < 8; i++) {
		/* Version, one descriptor or two, and what the guest takes. */
		uint64_t f = (i & 1 ? VERSION_1 : 0) | (i & 4 ? CSUM : 0);
		struct ring_guest g;

		rg_init(&g, 16, f | rg_event, 0, rg_ops);
		memset(&h, 0, sizeof(h));
		rg_chain(&g, &chain[0], true, false, (uint32_t[]){i & 2 ? 30 : 2000, 2000},
			i & 2 ? 2 : 1);
		rg_post(&g, 0);
		assert_int_equal(put_one(&g, &p), 1);
		rg_chain_read(&g, &chain[0], &h, g.vq->hdr_size);
		assert_int_equal(h.hdr.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
		assert_int_equal(h.hdr.gso_type, VIRTIO_NET_HDR_GSO_TCPV6);
		assert_int_equal(h.hdr.hdr_len, 74);
		assert_int_equal(h.hdr.gso_size, 0x1234);
		assert_int_equal(h.hdr.csum_start, 54);
		assert_int_equal(h.hdr.csum_offset, 16);
		assert_int_equal(h.num_buffers, i & 1);
		/* Without GUEST_CSUM the driver must not be told of checksums. */
		rg_post(&g, 0);
		p.offload.flags = PACKET_F_DATA_VALID;
		p.offload.gso_type = 0;
		assert_int_equal(put_one(&g, &p), 1);
		rg_chain_read(&g, &chain[0], &h, g.vq->hdr_size);
		assert_int_equal(h.hdr.flags, i & 4 ? VIRTIO_NET_HDR_F_DATA_VALID : 0);
		assert_int_equal(h.hdr.gso_size | h.hdr.csum_start | h.hdr.csum_offset, 0);
		p.offload.flags = PACKET_F_NEEDS_CSUM;
		p.offload.gso_type = PACKET_GSO_TCPV6;
		rg_free(&g);
	}
}

static void
stops_at_an_empty_ring(void **state)
{
	struct ring_guest g;
	struct packet p = view(60, 0), *pkts[100];

	for (int i = 0; i < 100; i++)
		pkts[i] = &p;
	rg_init(&g, 128, VERSION_1 | rg_event, 65500, rg_ops);
	assert_int_equal(vring_enqueue(g.vq, pkts, 100), 0);
	rg_expect_none(&g);
	for (int i = 0; i < 70; i++)
		rg_post_buffer(&g, &chain[0], 100);
	assert_int_equal(vring_enqueue(g.vq, pkts, 0), 0);
	assert_int_equal(vring_enqueue(g.vq, pkts, 100), 70);
	for (uint16_t i = 0; i < 70; i++)
		rg_expect(&g, i, 72);
	rg_expect_none(&g);
	assert_int_equal(g.vq->packets, 70);
	assert_int_equal(g.vq->bytes, 70 * 60);
	rg_free(&g);
}

static void
small_buffers_lose_the_packet_only(void **state)
{
	struct ring_guest g;
	struct packet big = view(1000, 1), small = view(88, 0);
	struct packet *pkts[] = {&big, &small, &big, &small};

	rg_init(&g, 16, VERSION_1 | rg_event, 0, rg_ops);
	rg_post_buffer(&g, &chain[0], 100);
	rg_post_buffer(&g, &chain[1], 100);
	assert_int_equal(vring_enqueue(g.vq, pkts, 4), 4);
	rg_expect(&g, 0, 100);
	rg_expect(&g, 1, 100);
	rg_expect_none(&g);
	assert_int_equal(g.vq->drop[DROP_SMALL_BUFFER], 2);
	assert_int_equal(g.vq->packets, 2);
	rg_chain_read(&g, &chain[1], got, 100);
	check_frame(&g, &small, 1);
	rg_free(&g);
}

static void
bad_buffers_are_given_back(void **state)
{
	struct ring_guest g;
	struct packet p = view(60, 0);

	rg_init(&g, 128, VERSION_1 | rg_event, 0, rg_ops);
	for (uint16_t i = 0; i < 7; i++)
		rg_chain(&g, &chain[i], true, false, (uint32_t[]){100}, 1);
	g.desc[0].flags = 0;                    /* read-only */
	g.desc[1].addr = RG_DATA + 2 * RG_HALF; /* outside */
	if (!g.packed) {
		g.desc[2].flags |= VRING_DESC_F_NEXT; /* loops, and too short */
		g.desc[2].next = 2;
	}
	g.desc[2].len = 0;
	g.desc[3].len = 25; /* never holds any frame */
	g.desc[4].len = 0;
	g.desc[5].flags |= VRING_DESC_F_INDIRECT; /* not negotiated */
	for (uint16_t i = 0; i < 7; i++)
		rg_post(&g, i == 4 && !g.packed ? 128 : i); /* no such descriptor */
	assert_int_equal(put_one(&g, &p), 1);
	for (uint16_t i = 0; i < 6; i++)
		rg_expect(&g, i == 4 && !g.packed ? 128 : i, 0);
	rg_expect(&g, 6, 72);
	rg_expect_none(&g);
	assert_int_equal(g.vq->drop[DROP_BAD_DESCRIPTOR], 6);
	/* The work that a guest can make us do in one call is bounded. */
	rg_reset(&g);
	for (uint16_t i = 0; i < 100; i++) {
		rg_chain(&g, &chain[0], true, false, (uint32_t[]){100}, 1);
		g.desc[i].flags = 0;
		rg_post(&g, i);
	}
	assert_int_equal(put_one(&g, &p), 0);
	for (uint16_t i = 0; i < PACKET_BURST; i++)
		rg_expect(&g, i, 0);
	rg_expect_none(&g);
	rg_free(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_layout_of_short_frames),
		cmocka_unit_test(frames_and_chains_up_to_the_longest),
		cmocka_unit_test(buffers_span_regions),
		cmocka_unit_test(header_tells_the_offload),
		cmocka_unit_test(stops_at_an_empty_ring),
		cmocka_unit_test(small_buffers_lose_the_packet_only),
		cmocka_unit_test(bad_buffers_are_given_back),
	};
	return rg_run_rings("put", tests, sizeof(tests) / sizeof(tests[0]));
}
