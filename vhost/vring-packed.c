/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Descriptor chains of a packed ring (VIRTIO 1.2, 2.8.5 and 2.8.7). Workers
 * only; the hot loops know the simple ones for themselves.
 *
 * Bounds. A chain takes consecutive slots, and how many says where the next one
 * begins. So its end is looked for first, among the slots that the driver can
 * have filled; a chain without an end there leaves us without a place to go
 * on from, and the ring is given up. What was counted then holds: the walk does not
 * look at NEXT again, which the guest could have changed.
 */
#include "vhost/vring-packed.h"

#include <errno.h>

/* The driver's flags without those that say whose turn it is. */
static inline uint16_t
shape(uint64_t word)
{
	return vring_word_flags(word) & (uint16_t) ~(SLOT_AVAIL | SLOT_USED);
}

bool
vring_packed_next(struct vring_queue *vq, struct vring_scan *s, struct vring_head *h)
{
	vring_place at = s->next;
	uint64_t word;
	uint16_t n = 1;

	if (s->left == 0)
		return false;
	word = vring_slot_word(&vq->slot[at & VRING_PLACE_SLOT]);
	if (!vring_slot_is_avail(word, at))
		return false;
	while (shape(word) & VRING_DESC_F_NEXT) {
		if (n == s->left) {
			__atomic_store_n(&vq->fault, VRING_FAULT_CHAIN, __ATOMIC_RELAXED);
			return false;
		}
		at = vring_place_add(at, 1, vq->size);
		word = vring_slot_word(&vq->slot[at & VRING_PLACE_SLOT]);
		n++;
	}
	h->at = s->next;
	/* The last slot has the ID (2.8.6). */
	h->chain = (struct vring_chain){.id = vring_word_id(word), .ndesc = n};
	s->next = vring_place_add(at, 1, vq->size);
	s->left = (uint16_t)(s->left - n);
	return true;
}

/* A slot or an entry of a table, wherever it lies, without its ID. */
static struct vring_desc
packed_read(const void *p)
{
	uint64_t addr = read_once_64(p);
	uint64_t word = read_once_64((const uint8_t *)p + 8);

	return (struct vring_desc){.addr = addr, .len = (uint32_t)word, .flags = shape(word)};
}

/* All entries of a table belong to the chain; of their flags only WRITE means
 * anything (2.8.7). */
static int
walk_table(struct vring_queue *vq, struct vring_desc table, struct vring_walk *w)
{
	const uint32_t size = sizeof(struct vring_packed_desc);
	int rc = 0;

	if (!vq->indirect || (table.flags & VRING_DESC_F_NEXT) || table.len == 0 ||
		table.len % size != 0)
		return -EINVAL;
	for (uint32_t at = 0; at < table.len && rc == 0; at += size) {
		struct vring_desc d;
		const uint8_t *p;

		if (w->budget == 0)
			return -EINVAL;
		w->budget--;
		p = guest_mem_ptr(vq->mem, table.addr + at, size, &vq->mem_hint);
		if (p == NULL)
			return -EINVAL;
		d = packed_read(p);
		rc = vring_walk_add(vq, d, w);
	}
	return rc < 0 ? rc : 0;
}

int
vring_walk_packed(struct vring_queue *vq, const struct vring_head *h, struct vring_walk *w)
{
	vring_place at = h->at;

	for (uint16_t i = 0; i < h->chain.ndesc; i++) {
		struct vring_desc d;
		int rc;

		if (w->budget == 0)
			return -EINVAL;
		d = packed_read(&vq->slot[at & VRING_PLACE_SLOT]);
		/* 2.8.19: never in a list. */
		if (d.flags & VRING_DESC_F_INDIRECT)
			return h->chain.ndesc == 1 ? walk_table(vq, d, w) : -EINVAL;
		w->budget--;
		rc = vring_walk_add(vq, d, w);
		if (rc != 0)
			return rc < 0 ? rc : 0;
		at = vring_place_add(at, 1, vq->size);
	}
	return 0;
}

void
vring_packed_log(const struct vring_queue *vq, vring_place from, vring_place to)
{
	const uint64_t size = sizeof(struct vring_packed_desc);
	uint32_t slot = from & VRING_PLACE_SLOT;
	uint32_t n = vring_place_distance(from, to, vq->size);
	/* Up to the ring's end, then from its start. */
	uint32_t tail = n < vq->size - slot ? n : vq->size - slot;

	vring_log_ring(vq, slot * size, tail * size);
	if (n > tail)
		vring_log_ring(vq, 0, (n - tail) * size);
}
