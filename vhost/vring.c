/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A ring's set-up and completion. Set-up runs while no worker can reach the
 * ring; completion on the worker that runs it. Taking and putting packets is in
 * vring-loops.h, notification in vring-notify.c.
 */
#include "vhost/vring.h"

#include <emmintrin.h>
#include <errno.h>
#include <linux/virtio_config.h>

#include "vhost/vring-hold.h"
#include "vhost/vring-packed.h"

static bool
has(uint64_t features, unsigned int bit)
{
	return features >> bit & 1;
}

static bool
aligned(const void *p, uintptr_t to)
{
	return p != NULL && ((uintptr_t)p & (to - 1)) == 0;
}

/* Both structures are one word, read and written at once (2.8.10: aligned so). */
static bool
packed_parts_are_sound(const struct vring_config *c)
{
	const size_t event = sizeof(struct vring_packed_desc_event);

	return aligned(c->slot, 16) && aligned(c->driver_event, 4) && aligned(c->device_event, 4) &&
	       guest_mem_contains(c->mem, c->slot, c->size * sizeof(struct vring_packed_desc)) &&
	       guest_mem_contains(c->mem, c->driver_event, event) &&
	       guest_mem_contains(c->mem, c->device_event, event);
}

/* All three parts where they must be (2.7: alignment 16, 2, 4; sizes with the
 * event fields, which are there also when nobody uses them). */
static bool
split_parts_are_sound(const struct vring_config *c)
{
	size_t n = c->size;

	return aligned(c->desc, 16) && aligned(c->avail, 2) && aligned(c->used, 4) &&
	       guest_mem_contains(c->mem, c->desc, n * sizeof(struct vring_desc)) &&
	       guest_mem_contains(c->mem, c->avail,
		       sizeof(struct vring_avail) + n * sizeof(uint16_t) + sizeof(uint16_t)) &&
	       guest_mem_contains(c->mem, c->used,
		       sizeof(struct vring_used) + n * sizeof(struct vring_used_elem) +
			       sizeof(uint16_t));
}

/* Where a ring begins to give back; -1: it does not fit to where it takes. */
static int32_t
used_start(const struct vring_config *c)
{
	const uint64_t packed = 1ull << VIRTIO_F_RING_PACKED;
	uint16_t used;

	if (c->size == 0 || c->size > VRING_SIZE_MAX || c->mem == NULL)
		return -1;
	if (c->features & packed) {
		if (!packed_parts_are_sound(c) || (c->base & VRING_PLACE_SLOT) >= c->size ||
			(c->used_at & VRING_PLACE_SLOT) >= c->size ||
			vring_place_distance(c->used_at, c->base, c->size) > c->size)
			return -1;
		return c->used_at;
	}
	if ((c->size & (c->size - 1)) != 0 || !split_parts_are_sound(c))
		return -1;
	used = __atomic_load_n(&c->used->idx, __ATOMIC_RELAXED);
	return (uint16_t)(c->base - used) <= c->size ? used : -1;
}

int
vring_setup(struct vring_queue *vq, const struct vring_config *cfg)
{
	uint64_t f = cfg->features;
	int32_t used_idx = used_start(cfg);

	if (used_idx < 0)
		return -EINVAL;
	vq->desc = cfg->desc;
	vq->avail = cfg->avail;
	vq->used = cfg->used;
	vq->mem = cfg->mem;
	vq->ops = vring_ops_select(NULL);
	vq->max_frame = cfg->max_frame != 0 && cfg->max_frame < PACKET_LEN_MAX ? cfg->max_frame
									       : PACKET_LEN_MAX;
	vq->size = (uint16_t)cfg->size;
	vq->last_avail = cfg->base;
	vq->used_idx = (uint16_t)used_idx;
	vq->npending = 0;
	vq->fault = VRING_OK;
	vq->packed = has(f, VIRTIO_F_RING_PACKED);
	vq->in_order = has(f, VIRTIO_F_IN_ORDER);
	vq->position = cfg->position != NULL ? cfg->position : &vq->own_position;
	if (vq->packed)
		vring_position_set(vq->position, vq->used_idx, 0);
	vq->mergeable = has(f, VIRTIO_NET_F_MRG_RXBUF);
	vq->hdr_size = vq->mergeable || has(f, VIRTIO_F_VERSION_1)
			       ? sizeof(struct virtio_net_hdr_mrg_rxbuf)
			       : sizeof(struct virtio_net_hdr);
	vq->indirect = has(f, VIRTIO_RING_F_INDIRECT_DESC);
	vq->event_idx = has(f, VIRTIO_RING_F_EVENT_IDX);
	vq->guest_csum = has(f, VIRTIO_NET_F_GUEST_CSUM);
	vq->guest_tso4 = has(f, VIRTIO_NET_F_GUEST_TSO4);
	vq->guest_tso6 = has(f, VIRTIO_NET_F_GUEST_TSO6);
	vq->mem_hint = 0;
	vq->log = cfg->log;
	vq->hold = cfg->hold;
	vq->signalled = vq->used_idx;
	vq->signalled_valid = false;
	return 0;
}

void
vring_complete(struct vring_queue *vq)
{
	if (unlikely(vring_hold_busy(vq))) {
		vring_hold_settle(vq);
		return;
	}
	if (vq->npending == 0)
		return;
	vring_give_back(vq, vq->pending, vq->npending);
	vq->npending = 0;
}

/* Notes that the chains were used and not written to; returns how many slots they
 * take. Four at a time: a burst's stores wait in the processor behind those of
 * the copies, and there is room for so many. */
static uint32_t
note_unwritten(struct vring_position_entry *e, const struct vring_chain *chain, uint16_t n)
{
	const __m128i zero = _mm_setzero_si128();
	__m128i sum = zero;
	uint32_t slots[4];
	uint16_t i = 0;

	for (; i + 4 <= n; i += 4) {
		__m128i four = _mm_loadu_si128((const __m128i *)(const void *)&chain[i]);

		/* A length of 0, then what a chain consists of. */
		_mm_storeu_si128((__m128i *)(void *)&e[i], _mm_unpacklo_epi32(zero, four));
		_mm_storeu_si128((__m128i *)(void *)&e[i + 2], _mm_unpackhi_epi32(zero, four));
		sum = _mm_add_epi32(sum, _mm_srli_epi32(four, 16));
	}
	_mm_storeu_si128((__m128i *)(void *)slots, sum);
	for (; i < n; i++) {
		vring_entry_set(&e[i], chain[i], 0);
		slots[0] += chain[i].ndesc;
	}
	return slots[0] + slots[1] + slots[2] + slots[3];
}

static void
give_back_packed(struct vring_queue *vq, const struct vring_chain *chain, uint16_t n)
{
	struct vring_position_entry *e = vq->position->entry;

	if (vq->in_order && n != 0) {
		/* One slot stands for all, with the last one's ID (2.8.9). */
		struct vring_chain all = {.id = chain[n - 1].id};

		for (uint16_t i = 0; i < n; i++)
			all.ndesc = (uint16_t)(all.ndesc + chain[i].ndesc);
		vring_entry_set(&e[0], all, 0);
		vring_packed_publish(vq, 1, all.ndesc, WROTE_NONE);
		return;
	}
	while (n != 0) {
		uint16_t k = n < VRING_POSITION_ENTRIES ? n : VRING_POSITION_ENTRIES;

		vring_packed_publish(vq, k, note_unwritten(e, chain, k), WROTE_NONE);
		chain += k;
		n = (uint16_t)(n - k);
	}
}

void
vring_give_back(struct vring_queue *vq, const struct vring_chain *chain, uint16_t n)
{
	uint16_t used = vq->used_idx;

	if (vq->packed) {
		give_back_packed(vq, chain, n);
		return;
	}
	/* One entry stands for all before it, where the first one's would be (2.7.9). */
	if (vq->in_order && n != 0)
		vring_used_write(vq, used, chain[n - 1].id, 0);
	else
		for (uint16_t i = 0; i < n; i++)
			vring_used_write(vq, (uint16_t)(used + i), chain[i].id, 0);
	vring_used_publish(vq, (uint16_t)(used + n));
}
