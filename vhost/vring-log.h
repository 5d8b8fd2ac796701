/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The dirty log of a live migration (vhost-user, "Migration"): every page of
 * the guest's memory that we write to is noted, after the write. The order
 * matters: the other side clears a note and then copies the page, so a note
 * made before the write could be cleared with the old bytes still there.
 *
 * A ring that starts notes all of its own memory that we write: a predecessor that
 * was killed may have stopped between a write and its note.
 *
 * A ring that has a log takes its slow path for every packet to the guest, so
 * that the hot loops know nothing of it. Workers only; the rings of a device
 * are left while its log appears, moves or goes.
 */
#ifndef NETVM_VRING_LOG_H
#define NETVM_VRING_LOG_H

#include <stddef.h>

#include "vhost/vring.h"

struct vring_log {
	/* [gpa, gpa + len) of the guest's physical memory has been written. */
	void (*written)(void *arg, uint64_t gpa, uint64_t len);
	void *arg;
	/* Where the part of the ring that we write lies: the used ring of a split
	 * ring, the descriptor ring of a packed one. (A packed ring's event
	 * structure lies elsewhere: vring_log_buffer() notes writes to it.) */
	uint64_t ring_gpa;
};

/* Bytes [p, p + len), inside one region of vq->mem, have been written. Does
 * nothing without a log. */
void vring_log_buffer(const struct vring_queue *vq, const void *p, uint64_t len);

/* Bytes [offset, offset + len) of the part of the ring that we write were. */
static inline void
vring_log_ring(const struct vring_queue *vq, uint64_t offset, uint64_t len)
{
	if (__builtin_expect(vq->log != NULL, 0))
		vq->log->written(vq->log->arg, vq->log->ring_gpa + offset, len);
}

/* Split ring, log not NULL: the used entries [before, vq->used_idx) and the index were. */
void vring_log_used(const struct vring_queue *vq, uint16_t before);

#endif
