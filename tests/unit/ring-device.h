/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device of a few lines on the frontend's rings, written from the
 * specification alone, for the tests of tests/frontend. It checks what it takes.
 */
#ifndef NETVM_RING_DEVICE_H
#define NETVM_RING_DEVICE_H

#include "tests/frontend/frontend.h"

/* Where the device reads and where it writes. */
struct ring_device {
	struct fe_ring *r;
	uint16_t avail, used;
	bool avail_wrap, used_wrap;
};

/* A buffer that the device took. */
struct ring_taken {
	uint16_t id, ndesc;
	uint32_t bytes;
};

/* At the beginning of a ring that was laid out. */
void ring_device_begin(struct ring_device *d, struct fe_ring *r);
/* The next buffer that is available; false: there is none. */
bool ring_device_take(struct ring_device *d, struct ring_taken *t);
/* One used entry, which moves the place by so many buffers (split) or slots of the
 * ring (packed). */
void ring_device_give(
	struct ring_device *d, uint16_t id, uint32_t len, uint16_t buffers, uint16_t ndesc);

#endif
