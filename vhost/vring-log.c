/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the rings note in a dirty log; see vring-log.h. Workers only, called
 * from the slow paths of vring*.c.
 */
#include "vhost/vring-log.h"

#include "vhost/vring-inline.h"

void
vring_log_buffer(const struct vring_queue *vq, const void *p, uint64_t len)
{
	uint64_t gpa;

	if (vq->log == NULL || !guest_mem_gpa(vq->mem, p, &gpa))
		return;
	vq->log->written(vq->log->arg, gpa, len);
}

void
vring_log_used(const struct vring_queue *vq, uint16_t before)
{
	const uint32_t ring = offsetof(struct vring_used, ring);
	const uint32_t entry = sizeof(struct vring_used_elem);
	uint32_t at = before & (vq->size - 1);
	uint32_t n = (uint16_t)(vq->used_idx - before);
	/* Up to the ring's end, then from its start. */
	uint32_t tail = n < vq->size - at ? n : vq->size - at;

	vring_log_ring(vq, ring + at * entry, tail * entry);
	if (n > tail)
		vring_log_ring(vq, ring, (n - tail) * entry);
	vring_log_ring(vq, 0, ring);
}
