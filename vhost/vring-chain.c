/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The buffers that a guest has made available, one after the other, and the walk
 * over the descriptor chain of one (VIRTIO 1.2, 2.7.5): the one place that
 * follows a guest's links. vring-packed.c has the same for packed rings.
 * Workers only; used by vring-take.c and vring-put.c.
 *
 * Bounds. A direct chain can have no more descriptors than the ring (a longer
 * one is a loop); an indirect one no more than its table, and no chain more
 * than VRING_CHAIN_MAX. So a walk ends whatever the guest wrote.
 */
#include "vhost/vring-chain.h"

#include <errno.h>

#include "vhost/vring-packed.h"

struct vring_scan
vring_scan_start(struct vring_queue *vq)
{
	return (struct vring_scan){
		.next = vq->last_avail,
		.left = vq->packed ? vring_packed_room(vq) : vring_avail_count(vq),
	};
}

bool
vring_scan_next(struct vring_queue *vq, struct vring_scan *s, struct vring_head *h)
{
	if (vq->packed)
		return vring_packed_next(vq, s, h);
	if (s->left == 0)
		return false;
	h->at = vring_avail_head(vq, s->next++);
	h->chain = (struct vring_chain){.id = h->at, .ndesc = 1};
	s->left--;
	return true;
}

int
vring_walk_add(struct vring_queue *vq, struct vring_desc d, struct vring_walk *w)
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
		rc = vring_walk_add(vq, d, w);
		if (rc != 0)
			return rc < 0 ? rc : 0;
		if (!(d.flags & VRING_DESC_F_NEXT))
			return 0;
		i = d.next;
	}
}

int
vring_walk_chain(struct vring_queue *vq, const struct vring_head *h, struct vring_walk *w)
{
	uint32_t left = vq->size;
	uint16_t i = h->at;

	if (vq->packed)
		return vring_walk_packed(vq, h, w);
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
		rc = vring_walk_add(vq, d, w);
		if (rc != 0)
			return rc < 0 ? rc : 0;
		if (!(d.flags & VRING_DESC_F_NEXT))
			return 0;
		i = d.next;
	}
}
