/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The first pass of the hot loops over a packed ring: the slots in a row that are
 * available, four to a cache line. Included by vring-loops.h. Workers only.
 */
#ifndef NETVM_VRING_LOOPS_PACKED_H
#define NETVM_VRING_LOOPS_PACKED_H

#include "vhost/vring-frame.h"

#define SLOTS_PER_LINE 4
#define SLOT_TURN      (SLOT_AVAIL | SLOT_USED)

/* The flags of a slot that is available and whose other flags are these. */
static inline uint16_t
slot_flags(vring_place at, uint16_t flags)
{
	return (uint16_t)((at & VRING_PLACE_WRAP ? SLOT_AVAIL : SLOT_USED) | flags);
}

/* The lines of the slots of a burst from `at` on, all at once, and for writing: used
 * slots will be written there. */
static inline void
slots_prefetch(const struct vring_queue *vq, vring_place at, uint16_t n)
{
	for (uint16_t i = 0; i < n; i = (uint16_t)(i + SLOTS_PER_LINE))
		__builtin_prefetch(
			&vq->slot[vring_place_add(at, i, vq->size) & VRING_PLACE_SLOT], 1);
}

/* The frame of a chain whose first slot says no more than the header. */
static inline struct seen
look_at_two(const struct vring_queue *vq, vring_place at, struct vring_chain *c, uint32_t *hint)
{
	const struct vring_packed_desc *hdr = &vq->slot[at & VRING_PLACE_SLOT];
	const struct vring_packed_desc *frame =
		&vq->slot[vring_place_add(at, 1, vq->size) & VRING_PLACE_SLOT];
	uint64_t word = vring_slot_word(frame);

	if ((vring_word_flags(word) & ~SLOT_TURN) != 0 || (uint32_t)word < PACKET_LEN_MIN)
		return (struct seen){0};
	*c = (struct vring_chain){.id = vring_word_id(word), .ndesc = 2};
	return seen_two(vq, read_once_64(hdr), read_once_64(frame), (uint32_t)word, hint);
}

/* The next chains, up to max: in vq->pending, seen[] and at[], which has the
 * place behind the last one, too. Returns how many. */
static inline uint16_t
look_packed(struct vring_queue *vq, struct seen *seen, vring_place *at, uint16_t max)
{
	struct vring_scan s = {.next = vq->last_avail, .left = vring_packed_room(vq)};
	uint32_t hint = vq->mem_hint;
	uint16_t n;

	if (vring_slot_is_avail(vring_slot_word(&vq->slot[s.next & VRING_PLACE_SLOT]), s.next))
		slots_prefetch(vq, s.next, s.left < max ? s.left : max);
	for (n = 0; n < max && s.left != 0; n++) {
		const struct vring_packed_desc *slot = &vq->slot[s.next & VRING_PLACE_SLOT];
		uint64_t word = vring_slot_word(slot);
		uint16_t flags = vring_word_flags(word);
		uint32_t len = (uint32_t)word;
		struct vring_chain *c = &vq->pending[n];
		struct vring_head h;

		*c = (struct vring_chain){.id = vring_word_id(word), .ndesc = 1};
		at[n] = s.next;
		seen[n].frame = NULL;
		if (likely(flags == slot_flags(s.next, 0) &&
			    len >= (uint32_t)vq->hdr_size + PACKET_LEN_MIN))
			seen[n] = seen_one(vq, read_once_64(slot), len, &hint);
		else if (flags == slot_flags(s.next, VRING_DESC_F_NEXT) && len == vq->hdr_size &&
			 s.left > 1)
			seen[n] = look_at_two(vq, s.next, c, &hint);
		if (likely(seen[n].frame != NULL)) {
			seen_prefetch(&seen[n]);
			s.next = vring_place_add(s.next, c->ndesc, vq->size);
			s.left = (uint16_t)(s.left - c->ndesc);
			continue;
		}
		if (!vring_packed_next(vq, &s, &h))
			break;
		*c = h.chain;
	}
	at[n] = s.next;
	vq->mem_hint = hint;
	return n;
}

/* The next buffers, up to n, into room[]; what is behind one that is not easy is
 * not looked at. Returns how many. */
static inline uint16_t
look_ahead_packed(
	struct vring_queue *vq, const struct vring_scan *avail, struct room *room, uint16_t n)
{
	vring_place at = avail->next;
	uint32_t hint = vq->mem_hint;
	uint16_t i;

	if (n > avail->left)
		n = avail->left;
	slots_prefetch(vq, at, n);
	for (i = 0; i < n; i++) {
		const struct vring_packed_desc *slot = &vq->slot[at & VRING_PLACE_SLOT];
		uint64_t word = vring_slot_word(slot);

		if (unlikely(vring_word_flags(word) != slot_flags(at, VRING_DESC_F_WRITE))) {
			if (vring_slot_is_avail(word, at))
				room[i++].to = NULL;
			break;
		}
		room[i].len = (uint32_t)word;
		room[i].chain = (struct vring_chain){.id = vring_word_id(word), .ndesc = 1};
		room[i].to = guest_mem_ptr(vq->mem, read_once_64(slot), room[i].len, &hint);
		room_prefetch(&room[i]);
		at = vring_place_add(at, 1, vq->size);
	}
	vq->mem_hint = hint;
	return i;
}

#endif
