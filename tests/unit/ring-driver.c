/* SPDX-License-Identifier: BSD-3-Clause */
/* The guest driver of the ring tests: posting and reaping; see ring-guest.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/ring-guest.h"

/* Length, ID and flags are written and read as one word, as the device does:
 * ThreadSanitizer knows of an order only between accesses to one address. */
typedef uint64_t __attribute__((may_alias)) slot_word;

/* The chain's descriptors follow each other in slots; the first one's word is
 * written last. Returns how many slots that took. */
static uint16_t
post_packed(struct ring_guest *g, uint16_t head)
{
	const vring_place first = g->avail_idx;
	slot_word first_word = 0;
	uint16_t n = 0, i = head;

	for (;;) {
		vring_place at = g->avail_idx;
		struct vring_packed_desc *s = &g->slot[at & VRING_PLACE_SLOT];
		struct vring_desc d = g->desc[i];
		uint16_t flags = d.flags | (at & VRING_PLACE_WRAP ? 0x80 : 0x8000);
		uint16_t id = d.flags & VRING_DESC_F_NEXT ? 0xdead : head;
		slot_word word = (uint64_t)flags << 48 | (uint64_t)id << 32 | d.len;

		s->addr = d.addr;
		if (n++ == 0)
			first_word = word;
		else
			*(slot_word *)&s->len = word;
		g->avail_idx = vring_place_add(at, 1, g->size);
		if (!(d.flags & VRING_DESC_F_NEXT))
			break;
		i = d.next;
		assert_true(i < g->size && n < g->size);
	}
	__atomic_store_n(
		(slot_word *)&g->slot[first & VRING_PLACE_SLOT].len, first_word, __ATOMIC_RELEASE);
	return n;
}

bool
rg_kicks(struct ring_guest *g, uint16_t n)
{
	uint16_t before, slots = 0;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (uint32_t i = 0; i < n; i++)
		slots = (uint16_t)(slots + g->posted[(g->nposted - 1 - i) % VRING_SIZE_MAX].ndesc);
	before = (uint16_t)(g->avail_idx - slots);
	if (!g->packed && g->vq->event_idx)
		return vring_need_event(__atomic_load_n((uint16_t *)(void *)&g->used->ring[g->size],
						__ATOMIC_RELAXED),
			g->avail_idx, before);
	if (!g->packed)
		return !(__atomic_load_n(&g->used->flags, __ATOMIC_RELAXED) &
			 VRING_USED_F_NO_NOTIFY);
	switch (__atomic_load_n(&g->device_event->flags, __ATOMIC_RELAXED)) {
	case VRING_PACKED_EVENT_FLAG_DISABLE:
		return false;
	case VRING_PACKED_EVENT_FLAG_ENABLE:
		return true;
	default: {
		/* 2.8.21.2's own words: the driver's place passed the one that was asked for. */
		uint16_t event = __atomic_load_n(&g->device_event->off_wrap, __ATOMIC_RELAXED);
		uint32_t behind = vring_place_distance(event, g->avail_idx, g->size);

		return behind >= 1 && behind <= slots;
	}
	}
}

void
rg_arm(struct ring_guest *g, bool on)
{
	if (!g->packed) {
		if (on)
			__atomic_store_n(&g->avail->ring[g->size], g->used_seen, __ATOMIC_RELAXED);
		__atomic_store_n(
			&g->avail->flags, on ? 0 : VRING_AVAIL_F_NO_INTERRUPT, __ATOMIC_RELAXED);
	} else {
		uint32_t word = VRING_PACKED_EVENT_FLAG_DISABLE << 16;

		if (on)
			word = g->vq->event_idx ? VRING_PACKED_EVENT_FLAG_DESC << 16 | g->used_seen
						: VRING_PACKED_EVENT_FLAG_ENABLE << 16;
		__atomic_store_n((uint32_t *)(void *)g->driver_event, word, __ATOMIC_RELAXED);
	}
	if (on)
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void
rg_post(struct ring_guest *g, uint16_t head)
{
	uint16_t n = 1;

	if (g->packed) {
		n = post_packed(g, head);
	} else {
		g->avail->ring[g->avail_idx % g->size] = head;
		g->avail_idx++;
		__atomic_store_n(&g->avail->idx, g->avail_idx, __ATOMIC_RELEASE);
	}
	g->posted[g->nposted++ % VRING_SIZE_MAX] = (struct vring_chain){.id = head, .ndesc = n};
}

/* A used element at the driver's position. */
static bool
used_element(struct ring_guest *g, uint32_t *id, uint32_t *len)
{
	const struct vring_packed_desc *d = &g->slot[g->used_seen & VRING_PLACE_SLOT];

	if (g->packed) {
		uint16_t want = g->used_seen & VRING_PLACE_WRAP ? 0x8080 : 0;
		slot_word word = __atomic_load_n((const slot_word *)&d->len, __ATOMIC_ACQUIRE);
		uint16_t flags = (uint16_t)(word >> 48);

		if ((flags & 0x8080) != want)
			return false;
		*id = (uint16_t)(word >> 32);
		*len = (uint32_t)word;
		assert_int_equal(flags & ~0x8080, *len != 0 ? VRING_DESC_F_WRITE : 0);
		return true;
	}
	if (__atomic_load_n(&g->used->idx, __ATOMIC_ACQUIRE) == g->used_seen)
		return false;
	*id = g->used->ring[g->used_seen % g->size].id;
	*len = g->used->ring[g->used_seen % g->size].len;
	return true;
}

bool
rg_reap(struct ring_guest *g, uint32_t *head, uint32_t *len)
{
	struct vring_chain first = g->posted[g->nreaped % VRING_SIZE_MAX];

	if (!g->batch && !used_element(g, &g->batch_id, &g->batch_len))
		return false;
	assert_int_not_equal(g->nreaped, g->nposted);
	g->nreaped++;
	/* Only IN_ORDER lets an element stand for those before it. */
	g->batch = g->in_order && g->batch_id != first.id;
	*head = g->batch ? first.id : g->batch_id;
	*len = g->batch ? 0 : g->batch_len;
	g->used_seen = g->packed ? vring_place_add(g->used_seen, first.ndesc, g->size)
				 : (uint16_t)(g->used_seen + 1);
	return true;
}

void
rg_expect(struct ring_guest *g, uint16_t head, uint32_t len)
{
	uint32_t h = 0, l = 0;

	assert_true(rg_reap(g, &h, &l));
	assert_int_equal(h, head);
	assert_int_equal(l, len);
}

void
rg_expect_none(struct ring_guest *g)
{
	uint32_t id, len;

	assert_false(g->batch);
	assert_false(used_element(g, &id, &len));
}
