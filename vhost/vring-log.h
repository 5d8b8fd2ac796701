/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The dirty log of a live migration (vhost-user, "Migration"): every page of
 * the guest's memory that we write to is noted, after the write. The order
 * matters: the other side clears a note and then copies the page, so a note
 * made before the write could be cleared with the old bytes still there.
 *
 * A ring that has a log takes its slow path for every packet to the guest, so
 * that the hot loops know nothing of it. Workers only; the rings of a device
 * are left while its log appears, moves or goes.
 */
#ifndef NETVM_VRING_LOG_H
#define NETVM_VRING_LOG_H

#include "vhost/vring.h"

struct vring_log {
	/* [gpa, gpa + len) of the guest's physical memory has been written. */
	void (*written)(void *arg, uint64_t gpa, uint64_t len);
	void *arg;
	/* Where the ring's device-written part lies: the used ring of a split ring
	 * (SET_VRING_ADDR's log field), the descriptor ring of a packed one. */
	bool ring;         /* whether writes to the ring are noted at all */
	uint64_t ring_gpa; /* valid when ring is set */
};

/* Bytes [p, p + len) of a buffer inside vq->mem have been written. */
void vring_log_buffer(const struct vring_queue *vq, const void *p, uint64_t len);

/* Bytes [offset, offset + len) of the ring's device-written part were. */
static inline void
vring_log_ring(const struct vring_queue *vq, uint64_t offset, uint64_t len)
{
	if (__builtin_expect(vq->log != NULL && vq->log->ring, 0))
		vq->log->written(vq->log->arg, vq->log->ring_gpa + offset, len);
}

#endif
