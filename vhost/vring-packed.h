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
#define SLOT_WRITE ((uint64_t)VRING_DESC_F_WRITE << 48) /* in a word */

typedef uint64_t __attribute__((may_alias)) vring_word;

/* Which of the buffers that are given back have something in them. */
enum vring_wrote { WROTE_NONE, WROTE_SOME, WROTE_ALL };

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

/* An entry of a position in one word: it is read back as one soon after, and the
 * processor forwards only what was stored as wide. */
static inline void
vring_entry_set(struct vring_position_entry *e, struct vring_chain c, uint32_t len)
{
	*(vring_word *)e = (uint64_t)c.ndesc << 48 | (uint64_t)c.id << 32 | len;
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
	const uint64_t id_and_len = UINT64_C(0xffffffffffff);
	const uint64_t both = (uint64_t)(SLOT_AVAIL | SLOT_USED) << 48;
	uint64_t turn = at & VRING_PLACE_WRAP ? both : 0, first = 0;
	uint32_t s = at & VRING_PLACE_SLOT;

	for (uint32_t i = 0; i < n; i++) {
		/* Length and ID are where a slot has them; above is how many slots. */
		uint64_t entry = *(const vring_word *)&e[i];
		/* 2.8.3: WRITE says that the length means something. */
		uint64_t flags = (uint32_t)entry != 0 ? turn | SLOT_WRITE : turn;
		uint64_t used = (entry & id_and_len) | flags;

		if (i == 0)
			first = used;
		else
			*(volatile vring_word *)&slot[s].len = used;
		s += (uint32_t)(entry >> 48);
		if (likely(s < size))
			continue;
		s -= size;
		turn ^= both;
		if (s != 0)
			*(volatile uint16_t *)&slot[0].flags = (uint16_t)(turn >> 48);
	}
	/* Release: the other slots and what is in the buffers are there before the
	 * first slot's flags (pairs with the driver's barrier of 2.8.22). */
	__atomic_store_n((vring_word *)&slot[at & VRING_PLACE_SLOT].len, first, __ATOMIC_RELEASE);
	return (vring_place)(s | (turn != 0 ? VRING_PLACE_WRAP : 0));
}

/*
 * The same for buffers of one slot each that do not go over the end of the ring,
 * all of them written to or none: what it nearly always is. (A burst of 32 is
 * given back in 102 instead of 142 cycles; a split ring takes 104.)
 */
static inline vring_place
vring_packed_write_plain(struct vring_packed_desc *slot, uint32_t size, vring_place at,
	const struct vring_position_entry *e, uint32_t n, bool wrote)
{
	const uint64_t turn = at & VRING_PLACE_WRAP ? SLOT_AVAIL | SLOT_USED : 0;
	/* From an entry's number of slots, which is 1, to flags. */
	const uint64_t turned = ((turn | (wrote ? VRING_DESC_F_WRITE : 0)) ^ 1) << 48;
	const vring_word *entry = (const vring_word *)e;

	slot += at & VRING_PLACE_SLOT;
	for (uint32_t i = 1; i < n; i++)
		*(vring_word *)&slot[i].len = entry[i] ^ turned;
	/* Release: as above. */
	__atomic_store_n((vring_word *)&slot[0].len, entry[0] ^ turned, __ATOMIC_RELEASE);
	return vring_place_add(at, n, size);
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

/* Gives the first n entries of the ring's position back to the guest. They take
 * so many slots. */
static inline void
vring_packed_publish(struct vring_queue *vq, uint32_t n, uint32_t slots, enum vring_wrote wrote)
{
	struct vring_position *pos = vq->position;
	vring_place at = vq->used_idx, end;

	if (n == 0)
		return;
	vring_position_set(pos, at, (uint16_t)n);
	if (likely(slots == n && (at & VRING_PLACE_SLOT) + n <= vq->size && wrote != WROTE_SOME))
		end = vring_packed_write_plain(
			vq->slot, vq->size, at, pos->entry, n, wrote == WROTE_ALL);
	else
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
		vring_entry_set(&vq->position->entry[put->used++], c, len);
	else
		vring_used_write(vq, put->used++, c.id, len);
	put->buffers++;
}

#endif
