/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A ring's notifications, in both directions. Runs on the worker that runs the
 * ring; vring_set_notify() also while no worker can reach it.
 *
 * Theory of operation: notification. Each side writes what it did, then looks
 * whether the other wants to hear of it; each side that goes to sleep first
 * says that it wants to hear, then looks whether something was done. Neither
 * may let the processor swap its own store and load, or both could look too
 * early and sleep for ever: hence the two full fences, one in
 * vring_set_notify(), the other between vring_news() and vring_wanted(). They
 * pair with the driver's (VIRTIO 1.2, 2.7.13.4.1, 2.7.14, 2.8.21.2 and 2.8.22).
 */
#include "vhost/vring-packed.h"

typedef uint32_t __attribute__((may_alias)) event_word;

bool
vring_has_work(const struct vring_queue *vq)
{
	/* Only a hint; dequeue looks again. */
	if (vq->packed)
		return vring_packed_room(vq) != 0 &&
		       vring_slot_is_avail(
			       vring_slot_word(&vq->slot[vq->last_avail & VRING_PLACE_SLOT]),
			       vq->last_avail);
	/* Relaxed: dequeue reads the index again, with acquire. */
	return vq->fault == VRING_OK &&
	       __atomic_load_n(&vq->avail->idx, __ATOMIC_RELAXED) != vq->last_avail;
}

/* A structure of two halves (2.8.10) in one load or store, so that neither is
 * seen without the other. */
static inline struct vring_packed_desc_event
event_read(const struct vring_packed_desc_event *e)
{
	struct vring_packed_desc_event v;
	uint32_t word = __atomic_load_n((const event_word *)e, __ATOMIC_RELAXED);

	memcpy(&v, &word, sizeof(v));
	return v;
}

static inline void
event_write(struct vring_packed_desc_event *e, struct vring_packed_desc_event v)
{
	uint32_t word;

	memcpy(&word, &v, sizeof(word));
	__atomic_store_n((event_word *)e, word, __ATOMIC_RELAXED);
}

static void
set_notify_packed(struct vring_queue *vq, bool on)
{
	struct vring_packed_desc_event e = {.flags = VRING_PACKED_EVENT_FLAG_DISABLE};

	if (on && vq->event_idx) {
		/* When the driver's next place passes ours. */
		e.off_wrap = vq->last_avail;
		e.flags = VRING_PACKED_EVENT_FLAG_DESC;
	} else if (on) {
		e.flags = VRING_PACKED_EVENT_FLAG_ENABLE;
	}
	event_write(vq->device_event, e);
	vring_log_buffer(vq, vq->device_event, sizeof(e));
}

static void
set_notify_split(struct vring_queue *vq, bool on)
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
}

void
vring_set_notify(struct vring_queue *vq, bool on)
{
	if (vq->packed)
		set_notify_packed(vq, on);
	else
		set_notify_split(vq, on);
	/* Full fence: the wish above is seen before vring_has_work() looks at
	 * what is available. Pairs with the driver's between that and our wish. */
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

/* 2.8.14 and 2.8.21.2: whether the place that the driver waits for lies in
 * what is new; a place that the ring does not have lies anywhere. */
static bool
wanted_packed(const struct vring_queue *vq, const struct vring_news *news)
{
	struct vring_packed_desc_event e = event_read(vq->driver_event);

	if (e.flags != VRING_PACKED_EVENT_FLAG_DESC || !vq->event_idx)
		return e.flags != VRING_PACKED_EVENT_FLAG_DISABLE;
	if ((e.off_wrap & VRING_PLACE_SLOT) >= vq->size)
		return true;
	return vring_place_distance(news->before, e.off_wrap, vq->size) <
	       vring_place_distance(news->before, news->now, vq->size);
}

bool
vring_wanted(const struct vring_queue *vq, const struct vring_news *news)
{
	if (news->first)
		return true;
	if (vq->packed)
		return wanted_packed(vq, news);
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
	/* Full fence: what was used is seen before we look at the driver's wish.
	 * Pairs with the driver's between its wish and its look. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return vring_wanted(vq, &news);
}
