/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The records of a capture on their way from one worker to the control thread:
 * a ring of bytes with one producer and one consumer. A record takes as many
 * bytes as its frame needs, so a ring holds many small frames or a few of
 * 64 KiB, and nothing is allocated once it is open.
 *
 * Threads: the worker that a ring belongs to calls room, commit and writes the
 * counters; the control thread calls the rest.
 */
#ifndef NETVM_CAPTURE_RING_H
#define NETVM_CAPTURE_RING_H

#include <stdbool.h>
#include <stdint.h>

struct capture_record {
	uint64_t ns;       /* since 1970 */
	uint32_t len;      /* of the frame */
	uint32_t captured; /* bytes of it in data */
	bool in;           /* received from the port's peer; else sent to it */
	uint8_t data[];
};

struct capture_ring {
	uint8_t *bytes;
	uint64_t size;                              /* power of two */
	uint32_t frame_max;                         /* most bytes of data that room is asked for */
	uint64_t head __attribute__((aligned(64))); /* end of the newest record; producer */
	/* Frames that passed, that the filter chose, and that were chosen but found
	 * no room. Relaxed; producer. */
	uint64_t received, chosen, lost;
	uint64_t tail __attribute__((aligned(64))); /* begin of the oldest record; consumer */
};

/* Returns 0 or -ENOMEM. size is rounded up to a power of two. */
int capture_ring_open(struct capture_ring *r, uint64_t size, uint32_t frame_max);
void capture_ring_close(struct capture_ring *r);

/*
 * Room for a record with n bytes of data (n <= frame_max), to be filled and
 * then committed or forgotten. With *full set there is none: the record is
 * private scratch memory, and must not be committed.
 */
struct capture_record *capture_ring_room(struct capture_ring *r, uint32_t n, bool *full);
/* Makes the record of the last capture_ring_room() visible; rec->captured may
 * be less than what was asked for. */
void capture_ring_commit(struct capture_ring *r, const struct capture_record *rec);

/* The oldest record, or NULL. It stays valid until capture_ring_pop(). */
const struct capture_record *capture_ring_peek(const struct capture_ring *r);
void capture_ring_pop(struct capture_ring *r);

#endif
