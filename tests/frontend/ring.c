/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The driver's side of a split virtqueue (VIRTIO 1.2, 2.7) with network
 * packets (5.1.6). See frontend.h.
 *
 * A slot is one buffer and its descriptors at fixed places: slot s owns ring
 * descriptors s * segs ... s * segs + segs - 1, or, when indirect, descriptor
 * s and a table of segs entries. Descriptors are written once per use.
 *
 * Atomics: avail->idx is stored with release order after the entries it covers
 * and pairs with the backend's acquire load; used->idx is loaded with acquire
 * order and pairs with the backend's release store. Full fences stand between
 * an index and the suppression field that the other side checks after it.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/frontend/frontend.h"

#define ALIGN_DESC  16
#define ALIGN_AVAIL 2
#define ALIGN_USED  4

static uint16_t
used_idx(const struct fe_ring *r)
{
	return __atomic_load_n(&r->used->idx, __ATOMIC_ACQUIRE);
}

/* With EVENT_IDX the last entries of avail and used are the other side's
 * "tell me when you pass this". */
static uint16_t *
used_event(struct fe_ring *r)
{
	return &r->avail->ring[r->size];
}

static uint16_t *
avail_event(struct fe_ring *r)
{
	return (uint16_t *)&r->used->ring[r->size];
}

static uint8_t *
slot_buffer(struct fe_ring *r, uint16_t slot)
{
	return r->buffer + (size_t)slot * r->buffer_size;
}

bool
fe_ring_layout(struct fe *fe, unsigned int index)
{
	struct fe_ring *r = &fe->ring[index];
	struct fe_memory *m = &fe->mem;
	uint16_t n = fe->cfg.ring_size;

	r->mem = m;
	r->size = n;
	r->receive = index % 2 == 0;
	r->segs = r->receive ? fe->cfg.rx_segs : fe->cfg.tx_segs;
	r->indirect = !r->receive && fe->cfg.tx_indirect &&
		      (fe->features & FE_BIT(VIRTIO_RING_F_INDIRECT_DESC));
	r->event_idx = fe->features & FE_BIT(VIRTIO_RING_F_EVENT_IDX);
	r->mergeable = fe->features & FE_BIT(VIRTIO_NET_F_MRG_RXBUF);
	r->hdr_size = r->mergeable || (fe->features & FE_BIT(VIRTIO_F_VERSION_1)) ? 12 : 10;
	r->slots = r->indirect ? n : n / r->segs;
	r->buffer_size = r->receive ? fe->cfg.rx_buffer : fe->cfg.tx_buffer;
	r->desc = fe_memory_alloc(m, (uint64_t)n * sizeof(*r->desc), ALIGN_DESC);
	r->avail = fe_memory_alloc(m, 6 + 2 * (uint64_t)n, ALIGN_AVAIL);
	r->used = fe_memory_alloc(m, 6 + 8 * (uint64_t)n, ALIGN_USED);
	if (r->indirect)
		r->table =
			fe_memory_alloc(m, (uint64_t)n * r->segs * sizeof(*r->table), ALIGN_DESC);
	r->free = calloc(r->slots, sizeof(*r->free));
	r->posted = calloc(r->slots, sizeof(*r->posted));
	return r->desc && r->avail && r->used && (!r->indirect || r->table) && r->free && r->posted;
}

/* Slots are used in turn, so that traffic of any amount visits all of them. */
static uint16_t
slot_get(struct fe_ring *r)
{
	uint16_t slot = r->free[r->free_first];

	r->free_first = r->free_first + 1 < r->slots ? r->free_first + 1 : 0;
	r->nfree--;
	return slot;
}

static void
slot_put(struct fe_ring *r, uint16_t slot)
{
	r->free[(r->free_first + r->nfree) % r->slots] = slot;
	r->nfree++;
}

void
fe_ring_reset(struct fe_ring *r)
{
	memset(r->desc, 0, (size_t)r->size * sizeof(*r->desc));
	memset(r->avail, 0, 6 + 2 * (size_t)r->size);
	memset(r->used, 0, 6 + 8 * (size_t)r->size);
	r->avail_idx = r->last_used = r->kicked = 0;
	r->nfree = r->slots;
	r->free_first = 0;
	for (uint16_t i = 0; i < r->slots; i++) {
		r->free[i] = i;
		r->posted[i] = false;
	}
	if (!r->event_idx)
		r->avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
	else
		*used_event(r) = (uint16_t)-1;
}

void
fe_post(struct fe_ring *r, uint16_t head)
{
	r->avail->ring[r->avail_idx & (r->size - 1)] = head;
	r->avail_idx++;
	__atomic_store_n(&r->avail->idx, r->avail_idx, __ATOMIC_RELEASE);
}

/*
 * Points a slot's descriptors at len bytes of its buffer and publishes it.
 * With several segments the first holds only the virtio_net_hdr, as legacy
 * drivers have it, and the rest are as equal as they get.
 */
static void
post_slot(struct fe_ring *r, uint16_t slot, uint32_t len)
{
	struct vring_desc *d =
		r->indirect ? r->table + (size_t)slot * r->segs : r->desc + (size_t)slot * r->segs;
	uint16_t first = r->indirect ? 0 : (uint16_t)(slot * r->segs);
	uint16_t flags = r->receive ? VRING_DESC_F_WRITE : 0;
	uint64_t gpa = fe_memory_gpa(r->mem, slot_buffer(r, slot));
	uint32_t each = r->segs > 1 ? (len - r->hdr_size) / (r->segs - 1) : len;
	uint16_t used = 0;

	while (len > 0) {
		uint32_t part = used == 0 && r->segs > 1 ? r->hdr_size : each;
		bool last;

		if (part > len || part == 0 || used + 1 == r->segs)
			part = len;
		len -= part;
		last = len == 0;
		d[used] = (struct vring_desc){.addr = gpa,
			.len = part,
			.flags = flags | (last ? 0 : VRING_DESC_F_NEXT),
			.next = last ? 0 : first + used + 1};
		gpa += part;
		used++;
	}
	r->posted[slot] = true;
	if (r->indirect) {
		r->desc[slot] = (struct vring_desc){.addr = fe_memory_gpa(r->mem, d),
			.len = used * (uint32_t)sizeof(*d),
			.flags = VRING_DESC_F_INDIRECT};
		fe_post(r, slot);
	} else {
		fe_post(r, first);
	}
}

void
fe_fill(struct fe_ring *r)
{
	while (r->nfree > 0)
		post_slot(r, slot_get(r), r->buffer_size);
}

bool
fe_transmit(struct fe_ring *r, const struct virtio_net_hdr_mrg_rxbuf *hdr, const void *frame,
	uint32_t len)
{
	static const struct virtio_net_hdr_mrg_rxbuf none;
	uint8_t *b;
	uint16_t slot;

	if (r->nfree == 0 && fe_reap(r) <= 0)
		return false;
	if (len > r->buffer_size - r->hdr_size)
		return false;
	slot = slot_get(r);
	b = slot_buffer(r, slot);
	memcpy(b, hdr != NULL ? hdr : &none, r->hdr_size);
	memcpy(b + r->hdr_size, frame, len);
	post_slot(r, slot, r->hdr_size + len);
	r->packets++;
	r->bytes += len;
	return true;
}

void
fe_kick(struct fe_ring *r)
{
	uint16_t old = r->kicked;
	bool wanted;
	uint64_t one = 1;

	/* Our avail->idx before the backend's wish; pairs with the backend's
	 * fence between its wish and its second look at avail->idx. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (r->event_idx) {
		uint16_t event = __atomic_load_n(avail_event(r), __ATOMIC_RELAXED);

		wanted = vring_need_event(event, r->avail_idx, old);
	} else {
		wanted = !(__atomic_load_n(&r->used->flags, __ATOMIC_RELAXED) &
			   VRING_USED_F_NO_NOTIFY);
	}
	r->kicked = r->avail_idx;
	if (!wanted || r->kick < 0)
		return;
	r->kicks++;
	/* A full counter (EAGAIN) is a kick as well. */
	if (write(r->kick, &one, sizeof(one)) < 0 && errno != EAGAIN)
		r->kicks--;
}

/* The slot of one used entry, or -1 when the backend does not have it. */
static int
take_used(struct fe_ring *r, uint32_t *len)
{
	struct vring_used_elem *e = &r->used->ring[r->last_used & (r->size - 1)];
	uint32_t id = e->id;
	uint16_t per = r->indirect ? 1 : r->segs;

	if (id % per != 0 || id / per >= r->slots || !r->posted[id / per])
		return -1;
	if (r->avail->ring[r->last_used & (r->size - 1)] != id)
		r->out_of_order++;
	*len = e->len;
	r->last_used++;
	r->posted[id / per] = false;
	return (int)(id / per);
}

int
fe_reap(struct fe_ring *r)
{
	uint16_t end = used_idx(r);
	int n = 0;

	while (r->last_used != end) {
		uint32_t len;
		int slot = take_used(r, &len);

		if (slot < 0)
			return -1;
		slot_put(r, (uint16_t)slot);
		n++;
	}
	return n;
}

int
fe_receive(struct fe_ring *r, struct virtio_net_hdr_mrg_rxbuf *hdr, void *frame, uint32_t size)
{
	uint16_t ready = used_idx(r) - r->last_used;
	uint16_t buffers = 1;
	uint32_t total = 0;

	if (ready == 0)
		return 0;
	memset(hdr, 0, sizeof(*hdr));
	for (uint16_t i = 0; i < buffers; i++) {
		uint32_t len, skip = i == 0 ? r->hdr_size : 0;
		int slot = i < ready ? take_used(r, &len) : -1;
		uint8_t *b;

		if (slot < 0 || len < skip || len > r->buffer_size)
			return -1;
		b = slot_buffer(r, (uint16_t)slot);
		if (i == 0) {
			memcpy(hdr, b, r->hdr_size);
			if (r->mergeable)
				buffers = hdr->num_buffers;
			if (buffers == 0)
				return -1;
		}
		len -= skip;
		if (total < size)
			memcpy((uint8_t *)frame + total, b + skip,
				len < size - total ? len : size - total);
		total += len;
		slot_put(r, (uint16_t)slot);
	}
	fe_fill(r);
	r->packets++;
	r->bytes += total;
	return (int)total;
}

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
interrupts(struct fe_ring *r, bool on)
{
	if (r->event_idx)
		__atomic_store_n(used_event(r), on ? r->last_used : (uint16_t)(r->last_used - 1),
			__ATOMIC_RELAXED);
	else
		__atomic_store_n(
			&r->avail->flags, on ? 0 : VRING_AVAIL_F_NO_INTERRUPT, __ATOMIC_RELAXED);
	/* Our wish before our second look at used->idx; pairs with the backend's
	 * fence between its used->idx and its look at our wish. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

bool
fe_wait(struct fe_ring *r, int timeout_ms)
{
	struct pollfd p = {.fd = r->call, .events = POLLIN};
	int64_t end = now_ms() + timeout_ms;
	bool some;

	interrupts(r, true);
	while (!(some = used_idx(r) != r->last_used)) {
		int64_t left = end - now_ms();
		uint64_t count;

		if (left <= 0)
			break;
		if (poll(&p, 1, (int)left) == 1 && read(r->call, &count, sizeof(count)) > 0)
			r->calls += count;
	}
	interrupts(r, false);
	return some;
}
