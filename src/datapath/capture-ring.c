/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A ring of records of different lengths; see capture-ring.h.
 *
 * Theory of operation. head and tail count bytes since the ring was opened and
 * never wrap. A record begins at its position modulo the size and lies there in
 * one piece: the memory goes on behind the end of the ring for the length of
 * the longest record. Bytes there stand for those at the ring's start, which
 * nobody uses meanwhile, as the positions count them as taken. Behind that
 * lies one more record, the scratch, for frames that find no room.
 *
 * Neighbour: capture.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/datapath/capture-ring.h"

/* Positions keep the alignment of a record's first member. */
static uint64_t
record_size(uint32_t n)
{
	return (sizeof(struct capture_record) + n + 7) & ~UINT64_C(7);
}

int
capture_ring_open(struct capture_ring *r, uint64_t size, uint32_t frame_max)
{
	uint64_t longest = record_size(frame_max), all;

	memset(r, 0, sizeof(*r));
	r->size = 64;
	while (r->size < size || r->size < longest)
		r->size *= 2;
	r->frame_max = frame_max;
	all = r->size + 2 * longest;
	r->bytes = malloc(all);
	if (r->bytes == NULL)
		return -ENOMEM;
	/* Workers shall not be the first to touch these pages. */
	memset(r->bytes, 0xff, all);
	return 0;
}

void
capture_ring_close(struct capture_ring *r)
{
	free(r->bytes);
	r->bytes = NULL;
}

struct capture_record *
capture_ring_room(struct capture_ring *r, uint32_t n, bool *full)
{
	/* Acquire pairs with the release in capture_ring_pop(): the consumer has
	 * read what we are about to overwrite. */
	uint64_t used = r->head - __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE);
	uint64_t at = r->head & (r->size - 1);

	*full = r->size - used < record_size(n);
	if (*full)
		at = r->size + record_size(r->frame_max);
	return (struct capture_record *)(void *)(r->bytes + at);
}

void
capture_ring_commit(struct capture_ring *r, const struct capture_record *rec)
{
	/* Release pairs with the acquire in capture_ring_peek(). */
	__atomic_store_n(&r->head, r->head + record_size(rec->captured), __ATOMIC_RELEASE);
}

const struct capture_record *
capture_ring_peek(const struct capture_ring *r)
{
	/* Acquire pairs with the release in capture_ring_commit(). */
	if (__atomic_load_n(&r->head, __ATOMIC_ACQUIRE) == r->tail)
		return NULL;
	return (const struct capture_record *)(const void *)(r->bytes + (r->tail & (r->size - 1)));
}

void
capture_ring_pop(struct capture_ring *r)
{
	const struct capture_record *rec = capture_ring_peek(r);

	/* Release pairs with the acquire in capture_ring_room(). */
	__atomic_store_n(&r->tail, r->tail + record_size(rec->captured), __ATOMIC_RELEASE);
}
