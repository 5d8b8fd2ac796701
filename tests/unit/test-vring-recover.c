/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A packed ring whose daemon dies at any step of giving buffers back, and how
 * a ring that a driver started anew is told from one in use. Random traffic of
 * chains and plain buffers in rings of odd sizes; the seed is fixed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/ring-guest.h"

#define FEATURES  (1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_NET_F_MRG_RXBUF)
#define SLOTS_MAX 40

static struct packet_burst burst;
static struct vring_position pos;
static uint64_t seed;

static uint32_t
rnd(uint32_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % below;
}

/* A ring that keeps its place in pos. */
static void
start(struct ring_guest *g, uint32_t size)
{
	struct vring_config cfg;

	rg_init(g, size, FEATURES | rg_event, 0, rg_ops);
	/* A driver clears a new ring. */
	memset(g->slot, 0, size * sizeof(*g->slot));
	cfg = rg_config(g, VRING_PLACE_START);
	cfg.position = &pos;
	assert_int_equal(vring_setup(g->vq, &cfg), 0);
	g->vq->ops = rg_ops;
}

static uint32_t
slots_free(const struct ring_guest *g)
{
	return g->size - vring_place_distance(g->used_seen, g->avail_idx, g->size);
}

/* Posts chains as long as there is room for them, or until chance says stop. */
static void
post_some(struct ring_guest *g, bool write, bool all)
{
	while (slots_free(g) != 0 && (all || rnd(12) != 0)) {
		uint32_t n = 1 + (rnd(3) == 0 ? rnd(4) : 0);
		uint16_t head = g->avail_idx & VRING_PLACE_SLOT;

		n = n > slots_free(g) ? slots_free(g) : n;
		rg_reset(g);
		for (uint32_t i = 0; i < n; i++) {
			uint32_t at = (head + i) % g->size;

			g->desc[at] = (struct vring_desc){.addr = rg_alloc(g, 100),
				.len = 100,
				.flags = (write ? VRING_DESC_F_WRITE : 0) |
					 (i + 1 < n ? VRING_DESC_F_NEXT : 0),
				.next = (uint16_t)((at + 1) % g->size)};
		}
		rg_post(g, head);
	}
}

/* Takes or fills some of them. Returns what was given back at once. */
static uint16_t
use_some(struct ring_guest *g, bool write)
{
	static uint8_t frame[1000];
	struct packet p[PACKET_BURST], *pkts[PACKET_BURST];
	uint16_t n = (uint16_t)(1 + rnd(PACKET_BURST));

	if (!write) {
		vring_dequeue(g->vq, &burst, n);
		n = g->vq->npending;
		vring_complete(g->vq);
		return n != 0 && g->in_order ? 1 : n;
	}
	for (uint16_t i = 0; i < n; i++) {
		p[i] = (struct packet){.hdr = frame, .len = 60 + rnd(600)};
		p[i].hdr_len =
			PACKET_HEADER_MAX < p[i].len ? PACKET_HEADER_MAX : (uint16_t)p[i].len;
		p[i].rest_len = p[i].len - p[i].hdr_len;
		p[i].rest = p[i].rest_len != 0 ? frame : NULL;
		pkts[i] = &p[i];
	}
	vring_enqueue(g->vq, pkts, n);
	/* Rings here are smaller than the position: one publication. */
	n = 0;
	for (vring_place at = g->used_seen; at != g->vq->used_idx; n++)
		at = vring_place_add(at, pos.entry[n].ndesc, g->size);
	return n;
}

/* Dies with the slots as `before`, but for some of those that are written
 * before the first; comes back. */
static void
crash(struct ring_guest *g, const struct vring_packed_desc *before, vring_place at, uint16_t n)
{
	struct vring_packed_desc after[SLOTS_MAX];
	const vring_place end = g->vq->used_idx;
	size_t bytes = g->size * sizeof(*before);

	memcpy(after, g->slot, bytes);
	for (int step = 0; step < 4; step++) {
		memcpy(g->slot, before, bytes);
		for (uint32_t i = 0; i < g->size; i++)
			if (i != (at & VRING_PLACE_SLOT) && step != 0 && (step == 1 || rnd(2)))
				g->slot[i] = after[i];
		pos.at = at;
		pos.count = n;
		assert_true(vring_position_recover(&pos, g->slot, g->size));
		assert_memory_equal(g->slot, after, bytes);
		assert_int_equal(pos.at, end);
		assert_int_equal(pos.count, 0);
	}
	/* All was written, and the guest may have filled the first slot again. */
	for (int step = 0; step < 2; step++) {
		struct vring_packed_desc want[SLOTS_MAX];

		if (step == 1)
			g->slot[at & VRING_PLACE_SLOT].flags =
				at & VRING_PLACE_WRAP ? 0x8000 : 0x80;
		memcpy(want, g->slot, bytes);
		pos.at = at;
		pos.count = n;
		assert_true(vring_position_recover(&pos, g->slot, g->size));
		assert_memory_equal(g->slot, want, bytes);
		assert_int_equal(pos.at, end);
		assert_int_equal(pos.count, 0);
	}
	/* Before any of it. */
	memcpy(g->slot, before, bytes);
	pos.at = at;
	pos.count = 0;
	assert_true(vring_position_recover(&pos, g->slot, g->size));
	assert_memory_equal(g->slot, before, bytes);
	assert_int_equal(pos.at, at);
	memcpy(g->slot, after, bytes);
	pos.at = end;
}

static void
traffic(uint32_t size, bool write)
{
	struct vring_packed_desc before[SLOTS_MAX];
	struct ring_guest g;
	uint32_t head, len;

	start(&g, size);
	for (int round = 0; round < 300; round++) {
		vring_place at = g.vq->used_idx;
		uint16_t n;

		post_some(&g, write, rnd(3) == 0);
		memcpy(before, g.slot, size * sizeof(before[0]));
		/* Only where starting anew is no change. */
		if (vring_packed_is_fresh(g.slot, size))
			assert_int_equal(at, VRING_PLACE_START);
		else
			assert_int_not_equal(round, 0);
		n = use_some(&g, write);
		assert_int_equal(pos.at, g.vq->used_idx);
		assert_int_equal(pos.count, 0);
		if (n != 0)
			crash(&g, before, at, n);
		if (vring_packed_is_fresh(g.slot, size))
			assert_int_equal(pos.at, VRING_PLACE_START);
		while (vring_place_distance(g.used_seen, g.vq->used_idx, size) != 0)
			assert_true(rg_reap(&g, &head, &len));
		rg_expect_none(&g);
	}
	rg_free(&g);
}

static void
nothing_is_lost_at_any_step(void **state)
{
	seed = 3;
	for (uint32_t size = 1; size <= SLOTS_MAX; size += size < 9 ? 1 : 7) {
		traffic(size, false);
		traffic(size, true);
	}
}

static void
new_rings_look_new(void **state)
{
	seed = 4;
	for (uint32_t size = 1; size <= SLOTS_MAX; size++) {
		struct ring_guest g;

		start(&g, size);
		assert_true(vring_packed_is_fresh(g.slot, size));
		/* Some drivers number the slots beforehand. */
		for (uint32_t i = 0; i < size; i++)
			g.slot[i].id = (uint16_t)i;
		assert_true(vring_packed_is_fresh(g.slot, size));
		post_some(&g, true, false);
		assert_true(vring_packed_is_fresh(g.slot, size));
		post_some(&g, true, true);
		assert_true(vring_packed_is_fresh(g.slot, size));
		rg_free(&g);
	}
}

static void
spoiled_positions_are_refused(void **state)
{
	struct vring_packed_desc slot[8] = {0}, zero[8] = {0};
	const struct vring_position good = {.at = 3, .count = 2, .entry = {{0, 1, 4}, {0, 2, 4}}};
	struct vring_position p;

#define REFUSED(size, change)                                                                      \
	do {                                                                                       \
		p = good;                                                                          \
		change;                                                                            \
		assert_false(vring_position_recover(&p, slot, size));                              \
		assert_memory_equal(slot, zero, sizeof(slot));                                     \
	} while (0)
	REFUSED(0, );
	REFUSED(7, );
	REFUSED(32769, );
	REFUSED(8, p.at = 8);
	REFUSED(8, p.at = 0xffff);
	REFUSED(8, p.count = VRING_POSITION_ENTRIES + 1);
	REFUSED(8, p.count = 3);
	REFUSED(8, p.entry[1].ndesc = 5);
	REFUSED(8, p.entry[0].ndesc = 0xffff);
	p = good;
	assert_true(vring_position_recover(&p, slot, 8));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_lost_at_any_step),
		cmocka_unit_test(new_rings_look_new),
		cmocka_unit_test(spoiled_positions_are_refused),
	};
	int failed;

	rg_ring = RG_PACKED;
	failed = rg_run_variants("recover", tests, sizeof(tests) / sizeof(tests[0]));
	rg_ring = RG_PACKED | RG_ORDER;
	return failed + rg_run_variants("recover", tests, 1);
}
