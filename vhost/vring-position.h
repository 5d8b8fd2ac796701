/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where a packed ring stands, in memory that outlives the daemon (a mapped file,
 * see vhost-position.c), so that after a kill -9 at any instant the ring can be
 * resumed. A split ring needs none of it: its used->idx says where it is.
 *
 * Theory of operation. A packed ring has no index: giving a buffer back
 * overwrites its descriptor (VIRTIO 1.2, 2.8), so what was read from it cannot
 * be read again, and nothing in the ring says how many slots a chain took. The
 * position here is therefore the truth, and moves in steps:
 *
 *	1. entry[0 .. count) are written: what is about to be given back
 *	2. count is set; from here on the give-back can only be finished
 *	3. all slots but the first are written
 *	4. the first slot is written: the guest sees all of them
 *	5. one store moves `at` on and sets count to 0
 *
 * Whoever finds count == 0 resumes at `at`: chains that were taken and not
 * given back are taken again (a packet may be sent twice). Whoever finds
 * count != 0 looks at the first slot. While it is still available, step 4 was
 * not reached, and steps 3 to 5 are done (again). When it is not, the guest
 * has seen the buffers and may have filled the slots anew, so only step 5 is
 * left. Either way no buffer is lost and none is out of order. A process that
 * dies leaves its stores in program order, so the compiler has to be kept in
 * order and nothing more.
 *
 * Threads: one worker at a time, as for the ring.
 */
#ifndef NETVM_VRING_POSITION_H
#define NETVM_VRING_POSITION_H

#include <assert.h>
#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stdint.h>

#define VRING_POSITION_ENTRIES 64 /* buffers that are given back at once, at most */

/* A place in a packed ring as vhost-user's SET_VRING_BASE has it: slot in bits
 * 0..14, wrap counter in bit 15. */
typedef uint16_t vring_place;

#define VRING_PLACE_WRAP  0x8000u
#define VRING_PLACE_SLOT  0x7fffu
#define VRING_PLACE_START VRING_PLACE_WRAP /* slot 0, wrap counter 1 (2.8.1) */

struct vring_position_entry {
	uint32_t len;   /* bytes written into the buffer */
	uint16_t id;    /* buffer ID */
	uint16_t ndesc; /* slots that the chain took */
};

struct vring_position {
	vring_place at; /* the next slot to give back (and, after a crash, to take) */
	uint16_t count; /* entries that are being given back from `at` on; 0: none */
	uint32_t reserved;
	struct vring_position_entry entry[VRING_POSITION_ENTRIES]; /* each is one word */
} __attribute__((aligned(8)));
static_assert(sizeof(struct vring_position) == 8 + 8 * VRING_POSITION_ENTRIES,
	"the layout is kept in a file");

/* n slots further on; n is at most size. */
static inline vring_place
vring_place_add(vring_place p, uint32_t n, uint32_t size)
{
	uint32_t slot = (p & VRING_PLACE_SLOT) + n, wrap = p & VRING_PLACE_WRAP;

	if (slot >= size) {
		slot -= size;
		wrap ^= VRING_PLACE_WRAP;
	}
	return (vring_place)(slot | wrap);
}

/* Slots from one place forward to another, below 2 * size. */
static inline uint32_t
vring_place_distance(vring_place from, vring_place to, uint32_t size)
{
	uint32_t d = size + (to & VRING_PLACE_SLOT) - (from & VRING_PLACE_SLOT);

	if (((from ^ to) & VRING_PLACE_WRAP) == 0)
		d += d < size ? size : (uint32_t)-size;
	return d;
}

/* Moves the position: one store, so that a crash leaves the old or the new. */
static inline void
vring_position_set(struct vring_position *pos, vring_place at, uint16_t count)
{
	typedef uint32_t __attribute__((may_alias)) word;

	/* The asm keeps the compiler's stores in order; see above for why that is enough. */
	__asm__ volatile("" ::: "memory");
	*(volatile word *)&pos->at = (uint32_t)at | (uint32_t)count << 16;
	__asm__ volatile("" ::: "memory");
}

/*
 * Finishes what a crash interrupted, so that the ring can go on at pos->at.
 * desc is the descriptor ring in the guest's memory, size slots, which no
 * worker can reach. False, and nothing changed: the position is none for a
 * ring of this size (a file that was spoiled).
 */
bool vring_position_recover(
	struct vring_position *pos, struct vring_packed_desc *desc, uint32_t size);

/*
 * True when a driver has started this ring anew and no device has touched it:
 * it then goes on at VRING_PLACE_START, whatever the position says. See
 * vring-position.c for why a ring in use cannot look like that.
 */
bool vring_packed_is_fresh(const struct vring_packed_desc *desc, uint32_t size);

#endif
