/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the two ring formats do differently, for ring.c; see frontend.h. Not for
 * users of the frontend.
 *
 * Atomics: whatever makes buffers available (avail->idx; a packed descriptor's
 * flags) is stored with release order after what it covers and pairs with the
 * backend's acquire load; what says that they were used is loaded with acquire
 * order and pairs with the backend's release store. Full fences stand between
 * either and the suppression field that the other side checks after it.
 */
#ifndef NETVM_RING_FORMAT_H
#define NETVM_RING_FORMAT_H

#include "tests/frontend/frontend.h"

#define FE_ALIGN_DESC 16
/* The driver's and the device's part of a ring do not share a cache line, as
 * in a guest's kernel. */
#define FE_ALIGN_PART 64

/* A piece of a buffer: one descriptor. */
struct fe_part {
	uint64_t gpa;
	uint32_t len;
};

struct fe_ring_format {
	/* Carves the ring out of guest memory; false: it is used up. */
	bool (*layout)(struct fe_ring *r, struct fe_memory *m);
	void (*reset)(struct fe_ring *r);
	/* Makes a slot of n parts available. */
	void (*post)(struct fe_ring *r, uint16_t slot, const struct fe_part *part, uint16_t n);
	/* The next used entry: 1, 0 when there is none, -1 when it names no slot
	 * that the backend has. */
	int (*peek)(struct fe_ring *r, uint16_t *slot, uint32_t *len);
	/* Moves the position over a used slot, whether it had an entry or not. */
	void (*pass)(struct fe_ring *r, uint16_t slot);
	bool (*kick_wanted)(struct fe_ring *r);
	/* Says whether an interrupt is wanted; ring.c has the fence. */
	void (*interrupts)(struct fe_ring *r, bool on);
};

extern const struct fe_ring_format fe_ring_split, fe_ring_packed;

#endif
