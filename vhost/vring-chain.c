/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The walk over a descriptor chain (VIRTIO 1.2, 2.7.5): the one place that
 * follows a guest's links. Workers only; used by vring-take.c and vring-put.c.
 *
 * Bounds. A direct chain can have no more descriptors than the ring (a longer
 * one is a loop); an indirect one no more than its table, and no chain more
 * than VRING_CHAIN_MAX. So a walk ends whatever the guest wrote.
 */
#include "vhost/vring-chain.h"

#include <errno.h>

#include "vhost/vring-inline.h"

/* Adds what one descriptor describes. 1: enough, 0: go on, negative: refused. */
static int
add_buffer(struct vring_queue *vq, struct vring_desc d, struct vring_walk *w)
{
	if (!!(d.flags & VRING_DESC_F_WRITE) != w->write)
		return -EINVAL;
	/* Once round, except for a buffer that spans memory regions. */
	while (d.len != 0) {
		uint32_t n = d.len;
		uint8_t *p = guest_mem_ptr(vq->mem, d.addr, n, &vq->mem_hint);

		if (p == NULL)
			p = guest_mem_chunk(vq->mem, d.addr, &n);
		if (p == NULL)
			return -EINVAL;
		if (w->nseg == w->max)
			return -ENOSPC;
		w->seg[w->nseg++] = (struct packet_seg){.data = p, .len = n};
		w->bytes += n;
		d.addr += n;
		d.len -= n;
	}
	return w->bytes >= w->need;
}

/* An indirect table is the last of its chain (2.7.5.3.1) and holds no table. */
static int
walk_table(struct vring_queue *vq, struct vring_desc table, struct vring_walk *w)
{
	uint32_t entries = table.len / sizeof(struct vring_desc);
	uint32_t i = 0;

	if (!vq->indirect || (table.flags & VRING_DESC_F_NEXT) || entries == 0 ||
		table.len % sizeof(struct vring_desc) != 0)
		return -EINVAL;
	for (;;) {
		struct vring_desc d;
		const uint8_t *p;
		int rc;

		if (i >= entries || w->budget == 0)
			return -EINVAL;
		w->budget--;
		p = guest_mem_ptr(vq->mem, table.addr + i * sizeof(d), sizeof(d), &vq->mem_hint);
		if (p == NULL)
			return -EINVAL;
		d = vring_desc_read(p);
		if (d.flags & VRING_DESC_F_INDIRECT)
			return -EINVAL;
		rc = add_buffer(vq, d, w);
		if (rc != 0)
			return rc < 0 ? rc : 0;
		if (!(d.flags & VRING_DESC_F_NEXT))
			return 0;
		i = d.next;
	}
}

int
vring_walk_chain(struct vring_queue *vq, uint16_t head, struct vring_walk *w)
{
	uint32_t left = vq->size;
	uint16_t i = head;

	for (;;) {
		struct vring_desc d;
		int rc;

		if (i >= vq->size || left == 0 || w->budget == 0)
			return -EINVAL;
		left--;
		d = vring_desc_read(&vq->desc[i]);
		if (d.flags & VRING_DESC_F_INDIRECT)
			return walk_table(vq, d, w);
		w->budget--;
		rc = add_buffer(vq, d, w);
		if (rc != 0)
			return rc < 0 ? rc : 0;
		if (!(d.flags & VRING_DESC_F_NEXT))
			return 0;
		i = d.next;
	}
}
