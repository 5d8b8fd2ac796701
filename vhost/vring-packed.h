/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The slots of a packed ring (VIRTIO 1.2, 2.8): reading one, and giving
 * buffers back. Workers only. Internal to vring*.c.
 *
 * The second word of a slot holds its length, buffer ID and flags. The driver
 * writes the flags last and we read the word at once, so that a slot that is
 * available is available with its length and ID; the address is read after it.
 */
#ifndef NETVM_VRING_PACKED_H
#define NETVM_VRING_PACKED_H

#include "vhost/vring-chain.h"
#include "vhost/vring-inline.h"
#include "vhost/vring-position.h"

#define SLOT_AVAIL (1u << VRING_PACKED_DESC_F_AVAIL)
#define SLOT_USED  (1u << VRING_PACKED_DESC_F_USED)

typedef uint64_t __attribute__((may_alias)) vring_word;

static inline uint64_t
vring_slot_word(const struct vring_packed_desc *slot)
{
	/* Acquire: the address and the rest of its chain were written before the
	 * flags (pairs with the driver's barrier of 2.8.21.1). */
	return __atomic_load_n((const vring_word *)&slot->len, __ATOMIC_ACQUIRE);
}

static inline uint16_t
vring_word_flags(uint64_t word)
{
	return (uint16_t)(word >> 48);
}

static inline uint16_t
vring_word_id(uint64_t word)
{
	return (uint16_t)(word >> 32);
}

/* The driver has filled the slot for the device, for this time round (2.8.1). */
static inline bool
vring_slot_is_avail(uint64_t word, vring_place at)
{
	uint16_t want = at & VRING_PLACE_WRAP ? SLOT_AVAIL : SLOT_USED;

	return (vring_word_flags(word) & (SLOT_AVAIL | SLOT_USED)) == want;
}

static inline uint64_t
vring_used_word(const struct vring_position_entry *e, vring_place at)
{
	uint64_t flags = at & VRING_PLACE_WRAP ? SLOT_AVAIL | SLOT_USED : 0;

	/* 2.8.3: WRITE says that the length means something. */
	flags |= e->len != 0 ? VRING_DESC_F_WRITE : 0;
	return flags << 48 | (uint64_t)e->id << 32 | e->len;
}

/*
 * Writes used slots from `at` on, the first one last: the driver looks at no
 * other before it, so it sees all or none. Returns the place behind them.
 *
 * A buffer whose slots go over the end of the ring covers slot 0, which no
 * driver looks at for it. It is marked as used all the same: slot 0 then always
 * shows the device's time round, on which vring_packed_is_fresh() relies.
 */
static inline vring_place
vring_packed_write(struct vring_packed_desc *slot, uint32_t size, vring_place at,
	const struct vring_position_entry *e, uint32_t n)
{
	const vring_place first = at;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t s = at & VRING_PLACE_SLOT;

		if (i != 0)
			*(volatile vring_word *)&slot[s].len = vring_used_word(&e[i], at);
		at = vring_place_add(at, e[i].ndesc, size);
		if (unlikely(s + e[i].ndesc > size))
			*(volatile uint16_t *)&slot[0].flags =
				at & VRING_PLACE_WRAP ? SLOT_AVAIL | SLOT_USED : 0;
	}
	/* Release: the other slots and what is in the buffers are there before the
	 * first slot's flags (pairs with the driver's barrier of 2.8.22). */
	__atomic_store_n((vring_word *)&slot[first & VRING_PLACE_SLOT].len,
		vring_used_word(&e[0], first), __ATOMIC_RELEASE);
	return at;
}

/* Slots that the driver may have filled and we have not taken. What we took and
 * have not given back cannot be taken again, whatever its flags say. */
static inline uint16_t
vring_packed_room(const struct vring_queue *vq)
{
	if (unlikely(vq->fault != VRING_OK))
		return 0;
	return (uint16_t)(vq->size - vring_place_distance(vq->used_idx, vq->last_avail, vq->size));
}

/* Notes that the slots [from, to) were written; the ring has a log. */
void vring_packed_log(const struct vring_queue *vq, vring_place from, vring_place to);

/* Gives the first n entries of the ring's position back to the guest. */
static inline void
vring_packed_publish(struct vring_queue *vq, uint32_t n)
{
	struct vring_position *pos = vq->position;
	vring_place at = vq->used_idx, end;

	if (n == 0)
		return;
	vring_position_set(pos, at, (uint16_t)n);
	end = vring_packed_write(vq->slot, vq->size, at, pos->entry, n);
	vring_position_set(pos, end, 0);
	vq->used_idx = end;
	if (unlikely(vq->log != NULL))
		vring_packed_log(vq, at, end);
}

/* Notes that the buffer was used; the caller has made room in the position. */
static inline void
vring_put_note(struct vring_queue *vq, struct vring_put *put, struct vring_chain c, uint32_t len,
	bool packed)
{
	if (packed)
		vq->position->entry[put->used++] =
			(struct vring_position_entry){.len = len, .id = c.id, .ndesc = c.ndesc};
	else
		vring_used_write(vq, put->used++, c.id, len);
	put->buffers++;
}

#endif
