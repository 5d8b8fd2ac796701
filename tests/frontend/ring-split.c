/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A split virtqueue from the driver's side (VIRTIO 1.2, 2.7). See ring-format.h.
 *
 * Slot s owns ring descriptors s * segs ... s * segs + segs - 1, or, when
 * indirect, descriptor s and a table of segs entries. With IN_ORDER descriptors
 * are taken in ring order instead (2.7.13.1), and a used entry may stand for all
 * buffers up to its own (2.7.9): it lies where the first of them would.
 */
#include <string.h>

#include "tests/frontend/ring-format.h"

/* With EVENT_IDX the last entries of avail and used are the other side's
 * "tell me when you pass this". */
static uint16_t *
used_event(struct fe_ring *r)
{
	return &r->avail->ring[r->size];
}

static uint16_t *
avail_event(struct fe_ring *r)
{
	return (uint16_t *)&r->used->ring[r->size];
}

static bool
layout(struct fe_ring *r, struct fe_memory *m)
{
	uint64_t n = r->size;

	r->desc = fe_memory_alloc(m, n * sizeof(*r->desc), FE_ALIGN_DESC);
	r->avail = fe_memory_alloc(m, 6 + 2 * n, FE_ALIGN_PART);
	r->used = fe_memory_alloc(m, 6 + 8 * n, FE_ALIGN_PART);
	return r->desc != NULL && r->avail != NULL && r->used != NULL;
}

static void
reset(struct fe_ring *r)
{
	memset(r->desc, 0, (size_t)r->size * sizeof(*r->desc));
	memset(r->avail, 0, 6 + 2 * (size_t)r->size);
	memset(r->used, 0, 6 + 8 * (size_t)r->size);
	r->base = 0;
	if (!r->event_idx)
		r->avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
	else
		*used_event(r) = (uint16_t)-1;
}

void
fe_post(struct fe_ring *r, uint16_t head)
{
	r->avail->ring[r->avail_idx & (r->size - 1)] = head;
	r->avail_idx++;
	__atomic_store_n(&r->avail->idx, r->avail_idx, __ATOMIC_RELEASE);
}

static void
chain(const struct fe_ring *r, struct vring_desc *table, uint16_t first, uint16_t mask,
	const struct fe_part *part, uint16_t n)
{
	uint16_t flags = r->receive ? VRING_DESC_F_WRITE : 0;

	for (uint16_t i = 0; i < n; i++) {
		bool last = i + 1 == n;

		table[(first + i) & mask] = (struct vring_desc){.addr = part[i].gpa,
			.len = part[i].len,
			.flags = flags | (last ? 0 : VRING_DESC_F_NEXT),
			.next = last ? 0 : (first + i + 1) & mask};
	}
}

static void
post(struct fe_ring *r, uint16_t slot, const struct fe_part *part, uint16_t n)
{
	uint16_t mask = r->size - 1, head;

	if (r->in_order)
		head = r->desc_next;
	else
		head = r->indirect ? slot : slot * r->segs;
	if (r->indirect) {
		struct vring_desc *t = (struct vring_desc *)r->table + (size_t)slot * r->segs;

		chain(r, t, 0, UINT16_MAX, part, n);
		r->desc[head] = (struct vring_desc){.addr = fe_memory_gpa(r->mem, t),
			.len = n * (uint32_t)sizeof(*t),
			.flags = VRING_DESC_F_INDIRECT};
	} else {
		chain(r, r->desc, head, mask, part, n);
	}
	r->desc_next = (head + (r->indirect ? 1 : n)) & mask;
	r->slot[slot].head = head;
	fe_post(r, head);
}

/* The slot whose chain begins at `head`. Those in order are looked for where
 * they were posted last: the ring's head says enough. */
static int
slot_of(const struct fe_ring *r, uint32_t head)
{
	uint16_t per = r->indirect ? 1 : r->segs;

	if (r->in_order) {
		for (uint64_t n = r->ndone; n < r->nposted; n++)
			if (r->slot[r->order[n % r->slots]].head == head)
				return r->order[n % r->slots];
		return -1;
	}
	return head % per == 0 && head / per < r->slots ? (int)(head / per) : -1;
}

static int
peek(struct fe_ring *r, uint16_t *slot, uint32_t *len)
{
	const struct vring_used_elem *e = &r->used->ring[r->last_used & (r->size - 1)];
	uint16_t ready = __atomic_load_n(&r->used->idx, __ATOMIC_ACQUIRE) - r->last_used;
	int s;

	if (ready == 0)
		return 0;
	s = slot_of(r, e->id);
	if (s < 0)
		return -1;
	/* A batch's entry lies within what the index has published. */
	if (r->in_order && r->slot[s].n - r->ndone >= ready)
		return -1;
	*slot = (uint16_t)s;
	*len = e->len;
	return 1;
}

static void
pass(struct fe_ring *r, uint16_t slot)
{
	(void)slot;
	r->last_used++;
}

static bool
kick_wanted(struct fe_ring *r)
{
	uint16_t old = r->kicked;

	r->kicked = r->avail_idx;
	if (!r->event_idx)
		return !(__atomic_load_n(&r->used->flags, __ATOMIC_RELAXED) &
			 VRING_USED_F_NO_NOTIFY);
	return vring_need_event(
		__atomic_load_n(avail_event(r), __ATOMIC_RELAXED), r->avail_idx, old);
}

static void
interrupts(struct fe_ring *r, bool on)
{
	if (r->event_idx)
		__atomic_store_n(used_event(r), on ? r->last_used : (uint16_t)(r->last_used - 1),
			__ATOMIC_RELAXED);
	else
		__atomic_store_n(
			&r->avail->flags, on ? 0 : VRING_AVAIL_F_NO_INTERRUPT, __ATOMIC_RELAXED);
}

const struct fe_ring_format fe_ring_split = {
	layout, reset, post, peek, pass, kick_wanted, interrupts};
