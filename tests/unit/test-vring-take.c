/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets from the guest: every layout that a driver may use, and every way
 * in which a chain can be wrong.
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
static uint8_t sent[PACKET_LEN_MAX + 64], got[PACKET_LEN_MAX];

/* Posts one chain with these pieces, the virtio_net_hdr included. */
static void
post(struct ring_guest *g, const uint32_t *len, uint32_t n, bool indirect)
{
	uint32_t total = 0, hdr = g->vq->hdr_size;

	rg_chain(g, &chain, false, indirect, len, n);
	for (uint32_t i = 0; i < n; i++)
		total += len[i];
	memset(sent, 0, hdr);
	rg_fill(sent + hdr, total - hdr, total);
	rg_chain_write(g, &chain, sent, total);
	rg_post(g, chain.head);
}

/* The only chain posted comes out whole and is given back. */
static void
expect_frame(struct ring_guest *g, uint32_t len)
{
	const struct packet *p = &burst.pkt[0];

	vring_dequeue(g->vq, &burst, PACKET_BURST);
	assert_int_equal(burst.count, 1);
	assert_int_equal(p->len, len);
	assert_int_equal(p->hdr_len, len < PACKET_HEADER_MAX ? len : PACKET_HEADER_MAX);
	assert_ptr_equal(p->hdr, packet_burst_header(&burst, 0));
	assert_int_equal(p->rest_len == 0, p->rest == NULL);
	assert_int_equal(p->nmore == 0, p->more == NULL);
	assert_null(p->mbuf);
	assert_int_equal(p->offload.flags, 0);
	assert_int_equal(p->offload.gso_type, 0);
	rg_flatten(p, got);
	assert_memory_equal(got, sent + g->vq->hdr_size, len);
	vring_complete(g->vq);
	rg_expect(g, chain.head, 0);
	rg_expect_none(g);
	for (int i = 0; i < DROP_REASONS; i++)
		assert_int_equal(g->vq->drop[i], 0);
}

/* The only chain posted is counted under this reason and given back. */
static void
expect_drop(struct ring_guest *g, enum packet_drop why)
{
	uint64_t before = g->vq->drop[why], packets = g->vq->packets, sum = 0, sum_after = 0;

	for (int i = 0; i < DROP_REASONS; i++)
		sum += g->vq->drop[i];
	rg_post(g, chain.head);
	vring_dequeue(g->vq, &burst, PACKET_BURST);
	for (int i = 0; i < DROP_REASONS; i++)
		sum_after += g->vq->drop[i];
	assert_int_equal(burst.count, 0);
	assert_int_equal(g->vq->drop[why], before + 1);
	assert_int_equal(sum_after, sum + 1);
	assert_int_equal(g->vq->packets, packets);
	vring_complete(g->vq);
	rg_expect(g, chain.head, 0);
	rg_expect_none(g);
}

static void
header_is_private(void **state)
{
	static const uint32_t shape[3][2] = {{HDR + 500, 0}, {HDR, 500}, {HDR + 20, 480}};
	struct ring_guest g;

	rg_init(&g, 16, VERSION_1 | rg_event, 0, rg_ops);
	for (uint32_t s = 0; s < 3; s++) {
		rg_reset(&g);
		post(&g, shape[s], s == 0 ? 1 : 2, false);
		vring_dequeue(g.vq, &burst, PACKET_BURST);
		rg_fill(got, HDR + 500, 99);
		rg_chain_write(&g, &chain, got, HDR + 500);
		assert_memory_equal(burst.pkt[0].hdr, sent + HDR, PACKET_HEADER_MAX);
		rg_flatten(&burst.pkt[0], sent);
		assert_memory_equal(sent + 128, got + HDR + 128, 500 - 128);
		vring_complete(g.vq);
	}
	rg_free(&g);
}

static void
every_layout_of_short_frames(void **state)
{
	static const uint64_t features[] = {0, VERSION_1 | INDIRECT};

	for (uint32_t f = 0; f < 2; f++) {
		for (uint32_t frame = PACKET_LEN_MIN; frame <= 300; frame++) {
			struct ring_guest g;
			uint32_t hdr;

			rg_init(&g, 16, features[f] | rg_event, 0, rg_ops);
			hdr = g.vq->hdr_size;
			for (uint32_t indirect = 0; indirect <= f; indirect++) {
				uint32_t layout[][4] = {
					{hdr + frame},
					{hdr, frame},
					{hdr + 14, frame - 14},
					{1, hdr - 1, frame},
					{hdr - 1, 2, frame - 1},
					{hdr, 0, frame - 1, 1},
					{0, hdr, frame, 0},
					{hdr, frame / 2, 0, frame - frame / 2},
				};

				for (uint32_t i = 0; i < 8; i++) {
					rg_reset(&g);
					post(&g, layout[i],
						i == 0  ? 1
						: i < 3 ? 2
						: i < 5 ? 3
							: 4,
						indirect != 0);
					expect_frame(&g, frame);
				}
			}
			rg_free(&g);
		}
	}
}

static void
every_chain_length(void **state)
{
	static uint32_t len[VRING_CHAIN_MAX];
	struct ring_guest g;

	rg_init(&g, 2048, VERSION_1 | INDIRECT | rg_event, 0, rg_ops);
	for (uint32_t n = 1; n <= VRING_CHAIN_MAX; n += n < 40 ? 1 : 41) {
		for (uint32_t i = 0; i < n; i++)
			len[i] = i == 0 ? HDR + 20 : 1 + i % 64;
		for (int indirect = 0; indirect < 2; indirect++) {
			uint32_t total = 0;

			for (uint32_t i = 0; i < n; i++)
				total += len[i];
			rg_reset(&g);
			post(&g, len, n, indirect != 0);
			expect_frame(&g, total - HDR);
		}
	}
	rg_free(&g);
}

static void
longest_chain_fits_and_longer_is_refused(void **state)
{
	static uint32_t len[VRING_CHAIN_MAX + 1];
	struct ring_guest g;

	for (uint32_t i = 0; i <= VRING_CHAIN_MAX; i++)
		len[i] = 40;
	rg_init(&g, 2048, VERSION_1 | INDIRECT | rg_event, 0, rg_ops);
	for (int indirect = 0; indirect < 2; indirect++) {
		rg_reset(&g);
		post(&g, len, VRING_CHAIN_MAX, indirect != 0);
		expect_frame(&g, 40 * VRING_CHAIN_MAX - HDR);
	}
	for (int indirect = 0; indirect < 2; indirect++) {
		rg_reset(&g);
		rg_chain(&g, &chain, false, indirect != 0, len, VRING_CHAIN_MAX + 1);
		expect_drop(&g, DROP_BAD_DESCRIPTOR);
	}
	/* Also when most of them hold nothing. */
	for (int indirect = 0; indirect < 2; indirect++) {
		memset(&len[1], 0, sizeof(len) - sizeof(len[0]));
		rg_reset(&g);
		rg_chain(&g, &chain, false, indirect != 0, len, VRING_CHAIN_MAX + 1);
		expect_drop(&g, DROP_BAD_DESCRIPTOR);
	}
	rg_free(&g);
}

static void
frames_up_to_the_longest(void **state)
{
	static const uint32_t frames[] = {
		14, 15, 60, 127, 128, 129, 1514, 4095, 9018, 65535, 65550, PACKET_LEN_MAX};
	struct ring_guest g;

	rg_init(&g, 64, VERSION_1 | INDIRECT | rg_event, 0, rg_ops);
	for (uint32_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		uint32_t n = 0, len[20];

		rg_reset(&g);
		post(&g, (uint32_t[]){HDR + frames[i]}, 1, false);
		expect_frame(&g, frames[i]);
		for (uint32_t left = HDR + frames[i]; left != 0; left -= len[n++])
			len[n] = left < 4096 ? left : 4096;
		rg_reset(&g);
		post(&g, len, n, false);
		expect_frame(&g, frames[i]);
		rg_reset(&g);
		post(&g, len, n, true);
		expect_frame(&g, frames[i]);
	}
	rg_free(&g);
}

static void
buffers_span_regions(void **state)
{
	struct ring_guest g;

	rg_init(&g, 16, VERSION_1 | INDIRECT | rg_event, 0, rg_ops);
	/* The seam falls before, on and behind every part of header and frame. */
	for (uint32_t before = 1; before < HDR + 200; before++) {
		uint32_t len = HDR + 200;

		rg_reset(&g);
		rg_chain(&g, &chain, false, before & 1, &len, 1);
		chain.addr[0] = RG_SEAM - before;
		rg_chain_store(&g, &chain);
		memset(sent, 0, HDR);
		rg_fill(sent + HDR, 200, before);
		rg_chain_write(&g, &chain, sent, len);
		rg_post(&g, chain.head);
		expect_frame(&g, 200);
	}
	/* The second region has an end, too. */
	chain.addr[0] = RG_DATA + 2 * RG_HALF - 100;
	rg_chain_store(&g, &chain);
	expect_drop(&g, DROP_BAD_DESCRIPTOR);
	rg_free(&g);
}

static void
bad_addresses_are_refused(void **state)
{
	static const uint64_t addr[] = {0, 1, RG_DATA - 1, RG_DATA + 2 * RG_HALF - 111,
		RG_DATA + 2 * RG_HALF, UINT64_MAX, UINT64_MAX - 111, 1ull << 63};
	static const uint32_t shape[3][2] = {{112, 0}, {HDR, 100}, {HDR + 14, 86}};
	struct ring_guest g;

	rg_init(&g, 16, VERSION_1 | INDIRECT | rg_event, 0, rg_ops);
	for (uint32_t a = 0; a < 8; a++) {
		for (uint32_t s = 0; s < 6; s++) {
			uint32_t n = s % 3 == 0 ? 1 : 2;

			for (uint32_t piece = 0; piece < n; piece++) {
				rg_reset(&g);
				rg_chain(&g, &chain, false, s >= 3, shape[s % 3], n);
				chain.addr[piece] = addr[a];
				/* Only some of these are wrong by so few bytes. */
				if (a == 3)
					chain.len[piece] = 112;
				rg_chain_store(&g, &chain);
				expect_drop(&g, DROP_BAD_DESCRIPTOR);
			}
		}
	}
	rg_reset(&g);
	rg_chain(&g, &chain, false, false, (uint32_t[]){UINT32_MAX - HDR}, 0);
	rg_desc(&g, 0, RG_DATA, UINT32_MAX, 0, 0);
	expect_drop(&g, DROP_BAD_DESCRIPTOR);
	rg_free(&g);
}

static void
bad_links_are_refused(void **state)
{
	struct ring_guest g;

	rg_init(&g, 16, VERSION_1 | INDIRECT | rg_event, 0, rg_ops);
	chain.head = 3;
	/* To itself, to and fro, out of the ring, and a head out of the ring. */
	rg_desc(&g, 3, RG_DATA, 100, VRING_DESC_F_NEXT, 3);
	expect_drop(&g, DROP_BAD_DESCRIPTOR);
	rg_desc(&g, 3, RG_DATA, HDR, VRING_DESC_F_NEXT, 4);
	rg_desc(&g, 4, RG_DATA, 100, VRING_DESC_F_NEXT, 3);
	expect_drop(&g, DROP_BAD_DESCRIPTOR);
	rg_desc(&g, 3, RG_DATA, 0, VRING_DESC_F_NEXT, 3);
	expect_drop(&g, DROP_BAD_DESCRIPTOR);
	rg_desc(&g, 3, RG_DATA, HDR, VRING_DESC_F_NEXT, 16);
	expect_drop(&g, DROP_BAD_DESCRIPTOR);
	rg_desc(&g, 3, RG_DATA, HDR, VRING_DESC_F_NEXT, 0xffff);
	expect_drop(&g, DROP_BAD_DESCRIPTOR);
	rg_desc(&g, 0, RG_DATA, 100, 0, 0);
	for (uint32_t head = 16; head <= 65535; head = head * 2 + 1) {
		chain.head = (uint16_t)head;
		expect_drop(&g, DROP_BAD_DESCRIPTOR);
	}
	rg_free(&g);
}

static void
writable_pieces_are_refused(void **state)
{
	static const uint32_t len[] = {HDR, 50, 0, 50};
	struct ring_guest g;

	rg_init(&g, 16, VERSION_1 | INDIRECT | rg_event, 0, rg_ops);
	for (uint32_t n = 1; n <= 4; n++) {
		for (uint32_t bad = 0; bad < 2 * n; bad++) {
			struct vring_desc *d = g.desc;

			rg_reset(&g);
			rg_chain(&g, &chain, false, bad >= n, len, n);
			if (bad >= n)
				d = (struct vring_desc *)(void *)g.table;
			if (bad >= n && g.packed)
				((struct vring_packed_desc *)(void *)d)[bad % n].flags |=
					VRING_DESC_F_WRITE;
			else
				d[bad % n].flags |= VRING_DESC_F_WRITE;
			expect_drop(&g, DROP_BAD_DESCRIPTOR);
		}
	}
	rg_free(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_is_private),
		cmocka_unit_test(every_layout_of_short_frames),
		cmocka_unit_test(every_chain_length),
		cmocka_unit_test(longest_chain_fits_and_longer_is_refused),
		cmocka_unit_test(frames_up_to_the_longest),
		cmocka_unit_test(buffers_span_regions),
		cmocka_unit_test(bad_addresses_are_refused),
		cmocka_unit_test(writable_pieces_are_refused),
	};
	const struct CMUnitTest split[] = {
		cmocka_unit_test(bad_links_are_refused),
	};

	return rg_run_rings("take", tests, sizeof(tests) / sizeof(tests[0])) +
	       rg_run_variants("take links", split, sizeof(split) / sizeof(split[0]));
}
