/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where a packed ring stands, in memory that outlives the daemon (a mapped file,
 * see vhost-position.c), so that after a kill -9 at any instant the ring can be
 * resumed. A split ring needs none of it: its used->idx says where it is.
 *
 * Theory of operation. A packed ring has no index: giving a buffer back
 * overwrites its descriptor (VIRTIO 1.2, 2.8), so what was read from it cannot
 * be read again, and nothing in the ring says how many slots a chain took. The
 * position here is therefore the truth, and moves in three steps:
 *
 *	1. entry[0 .. count) are written: what is about to be given back
 *	2. count is set; from here on the give-back can only be finished
 *	3. the ring is written, the descriptor at `at` last: the driver takes used
 *	   buffers in order, so it sees none before that
 *	4. `at` moves on and count becomes 0, in one store
 *
 * Whoever finds count == 0 resumes at `at`: chains that were taken and not
 * given back are taken again (a packet may be sent twice). Whoever finds
 * count != 0 looks at the descriptor at `at`. Is it still available, the driver
 * has not passed it: the entries are written to the ring (again). Is it not, all
 * of them were written; the driver goes on while we are dead and may have posted
 * new buffers in these slots, so the ring must not be written again. Then `at`
 * moves on. Either way no buffer is lost and none is out of order. A process
 * that dies leaves its stores in program order, so the compiler has to be kept in
 * order and nothing more.
 *
 * Threads: one worker at a time, as for the ring.
 */
#ifndef NETVM_VRING_POSITION_H
#define NETVM_VRING_POSITION_H

#include <assert.h>
#include <stdint.h>

#define VRING_POSITION_ENTRIES 64 /* buffers that are given back at once, at most */

/* A place in a packed ring as vhost-user's SET_VRING_BASE has it: slot in bits
 * 0..14, wrap counter in bit 15. */
typedef uint16_t vring_place;

struct vring_position_entry {
	uint32_t len;   /* bytes written into the buffer */
	uint16_t id;    /* buffer ID */
	uint16_t ndesc; /* slots that the chain took */
};

struct vring_position {
	union {
		struct {
			vring_place at; /* the next slot to give back (after a crash: to take) */
			uint16_t count; /* entries being given back from `at` on; 0: none */
		};
		uint32_t at_count; /* both, for the store of step 4 */
	};
	uint32_t reserved;
	struct vring_position_entry entry[VRING_POSITION_ENTRIES];
};
static_assert(sizeof(struct vring_position) == 8 + 8 * VRING_POSITION_ENTRIES,
	"the layout is kept in a file");

/* Step 2. Release keeps the compiler from moving the entries behind it, and the
 * fence the ring's stores before it; who reads comes after the end of this process. */
static inline void
vring_position_begin(struct vring_position *p, uint16_t count)
{
	__atomic_store_n(&p->count, count, __ATOMIC_RELEASE);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* Step 4. Release: after the ring was written. */
static inline void
vring_position_end(struct vring_position *p, vring_place at)
{
	/* Little-endian: count, the upper half, becomes 0. */
	__atomic_store_n(&p->at_count, at, __ATOMIC_RELEASE);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

#endif
