/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The driver's side of a virtqueue with network packets (VIRTIO 1.2, 5.1.6),
 * in whatever format: slots, frames, kicks, interrupts. See frontend.h and
 * ring-format.h.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/frontend/ring-format.h"

static uint8_t *
slot_buffer(struct fe_ring *r, uint16_t slot)
{
	return r->buffer + (size_t)slot * r->buffer_size;
}

bool
fe_ring_layout(struct fe *fe, unsigned int index)
{
	struct fe_ring *r = &fe->ring[index];
	uint16_t n = fe->cfg.ring_size;

	r->mem = &fe->mem;
	r->size = n;
	r->receive = index % 2 == 0;
	r->packed = fe->features & FE_BIT(VIRTIO_F_RING_PACKED);
	r->in_order = fe->features & FE_BIT(VIRTIO_F_IN_ORDER);
	r->format = r->packed ? &fe_ring_packed : &fe_ring_split;
	r->segs = r->receive ? fe->cfg.rx_segs : fe->cfg.tx_segs;
	r->indirect = !r->receive && fe->cfg.tx_indirect &&
		      (fe->features & FE_BIT(VIRTIO_RING_F_INDIRECT_DESC));
	r->event_idx = fe->features & FE_BIT(VIRTIO_RING_F_EVENT_IDX);
	r->mergeable = fe->features & FE_BIT(VIRTIO_NET_F_MRG_RXBUF);
	r->hdr_size = r->mergeable || (fe->features & FE_BIT(VIRTIO_F_VERSION_1)) ? 12 : 10;
	r->slots = r->indirect ? n : n / r->segs;
	r->buffer_size = r->receive ? fe->cfg.rx_buffer : fe->cfg.tx_buffer;
	if (!r->format->layout(r, &fe->mem))
		return false;
	if (r->indirect)
		r->table = fe_memory_alloc(
			&fe->mem, (uint64_t)n * r->segs * sizeof(struct vring_desc), FE_ALIGN_DESC);
	r->free = calloc(r->slots, sizeof(*r->free));
	r->order = calloc(r->slots, sizeof(*r->order));
	r->slot = calloc(r->slots, sizeof(*r->slot));
	return (!r->indirect || r->table) && r->free && r->order && r->slot;
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
	r->avail_idx = r->last_used = r->kicked = r->desc_next = 0;
	r->nposted = r->ndone = 0;
	r->batch = 0;
	r->nfree = r->slots;
	r->free_first = 0;
	memset(r->slot, 0, r->slots * sizeof(*r->slot));
	for (uint16_t i = 0; i < r->slots; i++)
		r->free[i] = i;
	r->format->reset(r);
}

uint32_t
fe_ring_base_after_crash(const struct fe_ring *r)
{
	return r->packed ? r->base : __atomic_load_n(&r->used->idx, __ATOMIC_ACQUIRE);
}

/*
 * Cuts len bytes of a slot's buffer into descriptors and posts them. With
 * several the first holds only the virtio_net_hdr, as legacy drivers have it,
 * and the rest are as equal as they get.
 */
static void
post_slot(struct fe_ring *r, uint16_t slot, uint32_t len)
{
	struct fe_part part[FE_SEGS_MAX];
	uint64_t gpa = fe_memory_gpa(r->mem, slot_buffer(r, slot));
	uint32_t each = r->segs > 1 ? (len - r->hdr_size) / (r->segs - 1) : len;
	uint16_t n = 0;

	while (len > 0) {
		uint32_t bytes = n == 0 && r->segs > 1 ? r->hdr_size : each;

		if (bytes > len || bytes == 0 || n + 1 == r->segs)
			bytes = len;
		part[n++] = (struct fe_part){gpa, bytes};
		gpa += bytes;
		len -= bytes;
	}
	r->slot[slot].posted = true;
	r->slot[slot].n = r->nposted;
	r->order[r->nposted++ % r->slots] = slot;
	r->format->post(r, slot, part, n);
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
	uint64_t one = 1;

	/* What we made available before the backend's wish; pairs with the
	 * backend's fence between its wish and its second look at the ring. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!r->format->kick_wanted(r) || r->kick < 0)
		return;
	r->kicks++;
	/* A full counter (EAGAIN) is a kick as well. */
	if (write(r->kick, &one, sizeof(one)) < 0 && errno != EAGAIN)
		r->kicks--;
}

/*
 * Takes the next slot that the backend has used: 1, 0 when there is none, -1
 * when it names one that it does not have. In order, one entry may stand for
 * several slots; those before its own are used to their full length.
 */
static int
take_used(struct fe_ring *r, uint16_t *slot, uint32_t *len)
{
	if (r->batch == 0) {
		int ret = r->format->peek(r, slot, &r->batch_len);

		if (ret <= 0)
			return ret;
		if (!r->slot[*slot].posted)
			return -1;
		r->batch = 1;
		if (r->in_order)
			r->batch = (uint16_t)(r->slot[*slot].n - r->ndone + 1);
	}
	if (r->in_order)
		*slot = r->order[r->ndone % r->slots];
	*len = r->batch == 1 ? r->batch_len : r->buffer_size;
	if (r->slot[*slot].n != r->ndone)
		r->out_of_order++;
	r->batch--;
	r->ndone++;
	r->slot[*slot].posted = false;
	r->format->pass(r, *slot);
	return 1;
}

int
fe_reap(struct fe_ring *r)
{
	int n = 0, ret = 1;

	while (n < r->slots) {
		uint32_t len;
		uint16_t slot;

		ret = take_used(r, &slot, &len);
		if (ret <= 0)
			break;
		slot_put(r, slot);
		n++;
	}
	return ret < 0 ? -1 : n;
}

int
fe_receive(struct fe_ring *r, struct virtio_net_hdr_mrg_rxbuf *hdr, void *frame, uint32_t size)
{
	uint16_t buffers = 1;
	uint32_t total = 0;

	memset(hdr, 0, sizeof(*hdr));
	for (uint16_t i = 0; i < buffers; i++) {
		uint32_t len, skip = i == 0 ? r->hdr_size : 0;
		uint16_t slot;
		uint8_t *b;
		int ret = take_used(r, &slot, &len);

		if (i == 0 && ret == 0)
			return 0;
		if (ret <= 0 || len < skip || len > r->buffer_size)
			return -1;
		b = slot_buffer(r, slot);
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
		slot_put(r, slot);
	}
	if (!r->hold)
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

static bool
some_used(struct fe_ring *r)
{
	uint32_t len;
	uint16_t slot;

	return r->batch > 0 || r->format->peek(r, &slot, &len) != 0;
}

bool
fe_wait(struct fe_ring *r, int timeout_ms)
{
	struct pollfd p = {.fd = r->call, .events = POLLIN};
	int64_t end = now_ms() + timeout_ms;
	bool some;

	r->format->interrupts(r, true);
	/* Our wish before our second look at the ring; pairs with the backend's
	 * fence between what it used and its look at our wish. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	while (!(some = some_used(r))) {
		int64_t left = end - now_ms();
		uint64_t count;

		if (left <= 0)
			break;
		if (poll(&p, 1, (int)left) == 1 && read(r->call, &count, sizeof(count)) > 0)
			r->calls += count;
	}
	r->format->interrupts(r, false);
	return some;
}
