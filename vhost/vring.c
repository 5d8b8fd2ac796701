/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A ring's set-up, completion and notification. Set-up runs while no worker
 * can reach the ring; everything else on the worker that runs it. Taking and
 * putting packets is in vring-loops.h.
 *
 * Theory of operation: notification. Each side writes what it did, then looks
 * whether the other wants to hear of it; each side that goes to sleep first
 * says that it wants to hear, then looks whether something was done. Neither
 * may let the processor swap its own store and load, or both could look too
 * early and sleep for ever: hence the two full fences, one in
 * vring_set_notify(), the other between vring_news() and vring_wanted(). They
 * pair with the driver's (VIRTIO 1.2, 2.7.13.4.1 and 2.7.14).
 */
#include "vhost/vring.h"

#include <errno.h>
#include <linux/virtio_config.h>

#include "vhost/vring-inline.h"

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
	vq->signalled = vq->used_idx;
	vq->signalled_valid = false;
	return 0;
}

void
vring_complete(struct vring_queue *vq)
{
	if (vq->npending == 0)
		return;
	vring_give_back(vq, vq->pending, vq->npending);
	vq->npending = 0;
}

void
vring_give_back(struct vring_queue *vq, const struct vring_chain *chain, uint16_t n)
{
	uint16_t used = vq->used_idx;

	for (uint16_t i = 0; i < n; i++)
		vring_used_write(vq, used++, chain[i].id, 0);
	vring_used_publish(vq, used);
}

bool
vring_has_work(const struct vring_queue *vq)
{
	/* Relaxed: only a hint; dequeue reads the index again, with acquire. */
	return vq->fault == VRING_OK &&
	       __atomic_load_n(&vq->avail->idx, __ATOMIC_RELAXED) != vq->last_avail;
}

void
vring_set_notify(struct vring_queue *vq, bool on)
{
	if (vq->event_idx) {
		/* avail_event stands behind the used ring (2.7.10). The driver notifies
		 * when its index passes it: at our position for the very next buffer;
		 * one behind it, that is 65,535 buffers away, which is as near to
		 * never as the field can say. */
		uint16_t *avail_event = (uint16_t *)(void *)&vq->used->ring[vq->size];
		uint16_t at = on ? vq->last_avail : (uint16_t)(vq->last_avail - 1);

		__atomic_store_n(avail_event, at, __ATOMIC_RELAXED);
		vring_log_ring(vq, (uint64_t)((uint8_t *)avail_event - (uint8_t *)vq->used),
			sizeof(*avail_event));
	} else {
		/* 2.7.10: flags must be 0 with EVENT_IDX, so only here. */
		__atomic_store_n(
			&vq->used->flags, on ? 0 : VRING_USED_F_NO_NOTIFY, __ATOMIC_RELAXED);
		vring_log_ring(vq, 0, sizeof(vq->used->flags));
	}
	/* Full fence: the wish above is seen before vring_has_work() looks at
	 * avail->idx. Pairs with the driver's between idx and our wish. */
	if (on)
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

bool
vring_news(struct vring_queue *vq, struct vring_news *news)
{
	*news = (struct vring_news){
		.before = vq->signalled, .now = vq->used_idx, .first = !vq->signalled_valid};
	if (!news->first && news->now == news->before)
		return false;
	vq->signalled_valid = true;
	vq->signalled = news->now;
	return true;
}

bool
vring_wanted(const struct vring_queue *vq, const struct vring_news *news)
{
	if (news->first)
		return true;
	if (vq->event_idx) {
		/* used_event stands behind the avail ring (2.7.7.2). */
		uint16_t event = __atomic_load_n(&vq->avail->ring[vq->size], __ATOMIC_RELAXED);

		return vring_need_event(event, news->now, news->before);
	}
	return !(__atomic_load_n(&vq->avail->flags, __ATOMIC_RELAXED) & VRING_AVAIL_F_NO_INTERRUPT);
}

bool
vring_should_signal(struct vring_queue *vq)
{
	struct vring_news news;

	if (!vring_news(vq, &news))
		return false;
	/* Full fence: used->idx is seen before we look at the driver's wish. Pairs
	 * with the driver's between its wish and used->idx. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return vring_wanted(vq, &news);
}
