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
 *	3. the ring is written, `at` moves on, count becomes 0
 *
 * Whoever finds count == 0 resumes at `at`: chains that were taken and not
 * given back are taken again (a packet may be sent twice). Whoever finds
 * count != 0 writes the entries to the ring (again), then moves on. Either way
 * no buffer is lost and none is out of order. A process that dies leaves its
 * stores in program order, so the compiler has to be kept in order and nothing
 * more.
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
	vring_place at; /* the next slot to give back (and, after a crash, to take) */
	uint16_t count; /* entries that are being given back from `at` on; 0: none */
	uint32_t reserved;
	struct vring_position_entry entry[VRING_POSITION_ENTRIES];
};
static_assert(sizeof(struct vring_position) == 8 + 8 * VRING_POSITION_ENTRIES,
	"the layout is kept in a file");

#endif
