/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets to the guest: mergeable receive buffers (VIRTIO 1.2, 5.1.6.3). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <linux/virtio_config.h>
#include <cmocka.h>

#include "tests/unit/ring-guest.h"

#define FEATURES                                                                                   \
	(1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_NET_F_MRG_RXBUF |                             \
		1ull << VIRTIO_RING_F_INDIRECT_DESC)
#define HDR 12

static struct rg_chain chain[1100];
static uint8_t frame[PACKET_LEN_MAX], got[2 * PACKET_LEN_MAX];

/* Half of the frame lies where a guest's would, the start is private. */
static struct packet
view(uint32_t len)
{
	struct packet p = {.len = len, .hdr = frame};

	rg_fill(frame, len, len);
	p.hdr_len = (uint16_t)(len < PACKET_HEADER_MAX ? len : PACKET_HEADER_MAX);
	if (len > p.hdr_len) {
		p.rest = frame + p.hdr_len;
		p.rest_len = len - p.hdr_len;
	}
	return p;
}

static uint16_t
put_one(struct ring_guest *g, struct packet p)
{
	struct packet *pkts[] = {&p};

	return vring_enqueue(g->vq, pkts, 1);
}

/* Reaps one packet that begins in chain[at]; returns the next chain. */
static uint32_t
reap_packet(struct ring_guest *g, uint32_t at, uint32_t len, uint32_t buffer)
{
	uint32_t left = HDR + len, n = 0, total = 0;
	uint8_t zero[10] = {0};

	while (left != 0) {
		uint32_t k = left < buffer ? left : buffer;

		rg_expect(g, chain[at + n].head, k);
		rg_chain_read(g, &chain[at + n], got + total, k);
		total += k;
		left -= k;
		n++;
	}
	assert_memory_equal(got, zero, 10);
	assert_int_equal(got[10] | got[11] << 8, n);
	rg_fill(frame, len, len);
	assert_memory_equal(got + HDR, frame, len);
	return at + n;
}

static void
every_buffer_size(void **state)
{
	static const uint32_t buffers[] = {HDR, 13, 26, 64, 100, 140, 1500, 2048, 4096, 32768};
	static const uint32_t lens[] = {
		14, 60, 64, 128, 129, 500, 1514, 9018, 65550, PACKET_LEN_MAX};
	struct ring_guest g;

	for (uint32_t b = 0; b < 10; b++) {
		for (uint32_t l = 0; l < 10; l++) {
			uint32_t n = (HDR + lens[l] + buffers[b] - 1) / buffers[b];

			if (n > (rg_ring & RG_PACKED ? VRING_POSITION_ENTRIES : VRING_CHAIN_MAX))
				continue;
			rg_init(&g, 1024, FEATURES | rg_event, 65000, rg_ops);
			for (uint32_t i = 0; i < n; i++) {
				rg_chain(&g, &chain[i], true, i % 7 == 6, &buffers[b], 1);
				if (i + 1 == n) /* not before the last is there */
					assert_int_equal(put_one(&g, view(lens[l])), 0);
				rg_expect_none(&g);
				rg_post(&g, chain[i].head);
			}
			assert_int_equal(put_one(&g, view(lens[l])), 1);
			assert_int_equal(reap_packet(&g, 0, lens[l], buffers[b]), n);
			rg_expect_none(&g);
			assert_int_equal(g.vq->packets, 1);
			rg_free(&g);
		}
	}
}

static void
bursts_of_mixed_sizes(void **state)
{
	static const uint32_t lens[] = {60, 1514, 60, 5000, 14, 99, 100, 101, 9018, 64, 3000};
	struct packet p[PACKET_BURST], *pkts[PACKET_BURST];
	static uint8_t copy[PACKET_BURST][9018];
	struct ring_guest g;
	uint32_t at = 0;

	rg_init(&g, 1024, FEATURES | rg_event, 65500, rg_ops);
	for (uint32_t i = 0; i < 900; i++) {
		uint32_t len = 512;

		rg_chain(&g, &chain[i], true, false, &len, 1);
		rg_post(&g, chain[i].head);
	}
	for (uint32_t i = 0; i < PACKET_BURST; i++) {
		p[i] = view(lens[i % 11]);
		memcpy(copy[i], frame, p[i].len);
		p[i].hdr = copy[i];
		p[i].rest = p[i].rest_len != 0 ? copy[i] + p[i].hdr_len : NULL;
		pkts[i] = &p[i];
	}
	assert_int_equal(vring_enqueue(g.vq, pkts, PACKET_BURST), PACKET_BURST);
	for (uint32_t i = 0; i < PACKET_BURST; i++)
		at = reap_packet(&g, at, lens[i % 11], 512);
	rg_expect_none(&g);
	rg_free(&g);
}

static void
chains_merge_too(void **state)
{
	static const uint32_t piece[] = {5, 0, 40, 19};
	struct ring_guest g;

	rg_init(&g, 1024, FEATURES | rg_event, 0, rg_ops);
	for (uint32_t i = 0; i < 50; i++) {
		rg_chain(&g, &chain[i], true, i % 2 != 0, piece, 4);
		rg_post(&g, chain[i].head);
	}
	assert_int_equal(put_one(&g, view(1514)), 1);
	reap_packet(&g, 0, 1514, 64);
	rg_expect_none(&g);
	rg_free(&g);
}

static void
never_more_than_the_limit(void **state)
{
	uint32_t len = 60;
	struct ring_guest g;

	/* 1,024 buffers of 60 bytes cannot hold it, and the ring has more. */
	rg_init(&g, 2048, FEATURES | rg_event, 0, rg_ops);
	for (uint32_t i = 0; i < 1100; i++) {
		rg_chain(&g, &chain[i], true, false, &len, 1);
		rg_post(&g, chain[i].head);
	}
	assert_int_equal(put_one(&g, view(65000)), 1);
	assert_int_equal(g.vq->drop[DROP_SMALL_BUFFER], 1);
	rg_expect_none(&g);
	assert_int_equal(put_one(&g, view(1000)), 1);
	reap_packet(&g, 0, 1000, 60);
	rg_free(&g);
}

static void
bad_buffer_in_the_middle(void **state)
{
	uint32_t len = 100;
	struct ring_guest g;

	rg_init(&g, 64, FEATURES | rg_event, 65530, rg_ops);
	for (uint32_t i = 0; i < 10; i++)
		rg_chain(&g, &chain[i], true, false, &len, 1);
	g.desc[2].flags = 0;
	g.desc[3].len = HDR - 1;
	g.desc[9].flags = 0;
	for (uint16_t i = 0; i < 10; i++)
		rg_post(&g, i);
	assert_int_equal(put_one(&g, view(300)), 1);
	/* Those that were begun, the bad ones, then the whole packet. */
	for (uint16_t i = 0; i < 4; i++)
		rg_expect(&g, i, 0);
	assert_int_equal(reap_packet(&g, 4, 300, 100), 8);
	rg_expect_none(&g);
	assert_int_equal(g.vq->drop[DROP_BAD_DESCRIPTOR], 2);
	assert_int_equal(g.vq->packets, 1);
	/* Bad ones are given back also when the packet then does not fit. */
	assert_int_equal(put_one(&g, view(300)), 0);
	rg_expect(&g, 8, 0);
	rg_expect(&g, 9, 0);
	rg_expect_none(&g);
	rg_free(&g);
}

/* What is left behind is looked at again with the next packet: no chain that is
 * longer than a packet can be. */
static void
endless_chains_go_back(void **state)
{
	static uint32_t piece[VRING_CHAIN_MAX + 1];
	const uint32_t small = HDR;

	for (uint32_t before = 0; before < 3; before++) {
		struct ring_guest g;

		rg_init(&g, 2048, FEATURES | rg_event, 65500, rg_ops);
		for (uint32_t i = 0; i < before; i++) {
			rg_chain(&g, &chain[i], true, false, &small, 1);
			rg_post(&g, chain[i].head);
		}
		rg_chain(&g, &chain[before], true, false, piece, VRING_CHAIN_MAX + 1);
		rg_post(&g, chain[before].head);
		if (rg_ring & RG_PACKED || before == 0) {
			assert_int_equal(put_one(&g, view(60)), 0);
			assert_int_equal(g.vq->drop[DROP_BAD_DESCRIPTOR], 1);
			for (uint32_t i = 0; i <= before; i++)
				rg_expect(&g, chain[i].head, 0);
		} else {
			/* Split: its walk is bounded, however long it is. */
			assert_int_equal(put_one(&g, view(60)), 1);
			assert_int_equal(g.vq->drop[DROP_SMALL_BUFFER], 1);
		}
		rg_expect_none(&g);
		rg_free(&g);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(endless_chains_go_back),
		cmocka_unit_test(every_buffer_size),
		cmocka_unit_test(bursts_of_mixed_sizes),
		cmocka_unit_test(chains_merge_too),
		cmocka_unit_test(never_more_than_the_limit),
		cmocka_unit_test(bad_buffer_in_the_middle),
	};
	return rg_run_rings("merge", tests, sizeof(tests) / sizeof(tests[0]));
}
