/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A packed virtqueue from the driver's side (VIRTIO 1.2, 2.8). See
 * ring-format.h.
 *
 * Descriptors are written at avail_idx on, those behind the head first and the
 * head's flags last; the buffer ID is the slot. The device overwrites the
 * descriptor at last_used with the ID and length of what it used, and the driver
 * moves on by as many descriptors as that buffer took. Two wrap counters tell
 * this round's flags from those of the last one.
 */
#include <string.h>

#include "tests/frontend/ring-format.h"

#define F_AVAIL (1u << VRING_PACKED_DESC_F_AVAIL)
#define F_USED  (1u << VRING_PACKED_DESC_F_USED)
#define F_WRAP  (1u << VRING_PACKED_EVENT_F_WRAP_CTR)
/* Both counters begin at 1, as vhost-user's base has them: slot and wrap counter
 * of the next available descriptor, and of the next used one. */
#define FIRST_BASE 0x80008000u

static bool
layout(struct fe_ring *r, struct fe_memory *m)
{
	r->pdesc = fe_memory_alloc(m, (uint64_t)r->size * sizeof(*r->pdesc), FE_ALIGN_DESC);
	r->driver_event = fe_memory_alloc(m, sizeof(*r->driver_event), FE_ALIGN_PART);
	r->device_event = fe_memory_alloc(m, sizeof(*r->device_event), FE_ALIGN_PART);
	return r->pdesc != NULL && r->driver_event != NULL && r->device_event != NULL;
}

static void
reset(struct fe_ring *r)
{
	memset(r->pdesc, 0, (size_t)r->size * sizeof(*r->pdesc));
	memset(r->device_event, 0, sizeof(*r->device_event));
	*r->driver_event =
		(struct vring_packed_desc_event){.flags = VRING_PACKED_EVENT_FLAG_DISABLE};
	r->avail_wrap = r->used_wrap = true;
	r->base = FIRST_BASE;
}

static uint16_t
avail_flags(const struct fe_ring *r)
{
	return r->avail_wrap ? F_AVAIL : F_USED;
}

static void
step(struct fe_ring *r)
{
	if (++r->avail_idx == r->size) {
		r->avail_idx = 0;
		r->avail_wrap = !r->avail_wrap;
	}
}

/* One descriptor that points at a table. Flags in it other than WRITE mean
 * nothing, and its order is that of the chain. */
static struct vring_packed_desc
indirect(struct fe_ring *r, uint16_t slot, const struct fe_part *part, uint16_t n)
{
	struct vring_packed_desc *t = (struct vring_packed_desc *)r->table + (size_t)slot * r->segs;

	for (uint16_t i = 0; i < n; i++)
		t[i] = (struct vring_packed_desc){.addr = part[i].gpa,
			.len = part[i].len,
			.flags = r->receive ? VRING_DESC_F_WRITE : 0};
	return (struct vring_packed_desc){.addr = fe_memory_gpa(r->mem, t),
		.len = n * (uint32_t)sizeof(*t),
		.id = slot,
		.flags = VRING_DESC_F_INDIRECT};
}

static void
post(struct fe_ring *r, uint16_t slot, const struct fe_part *part, uint16_t n)
{
	struct vring_packed_desc *head = &r->pdesc[r->avail_idx];
	uint16_t write = r->receive ? VRING_DESC_F_WRITE : 0, count = r->indirect ? 1 : n;
	uint16_t head_flags = 0;

	for (uint16_t i = 0; i < count; i++) {
		struct vring_packed_desc *d = &r->pdesc[r->avail_idx];
		struct vring_packed_desc v = r->indirect ? indirect(r, slot, part, n)
							 : (struct vring_packed_desc){part[i].gpa,
								   part[i].len, slot, write};

		v.flags |= avail_flags(r) | (i + 1 < count ? VRING_DESC_F_NEXT : 0);
		if (i == 0) {
			head_flags = v.flags;
			v.flags = d->flags;
		}
		*d = v;
		step(r);
	}
	r->slot[slot].ndesc = count;
	r->kicked += count;
	__atomic_store_n(&head->flags, head_flags, __ATOMIC_RELEASE);
}

static int
peek(struct fe_ring *r, uint16_t *slot, uint32_t *len)
{
	const struct vring_packed_desc *d = &r->pdesc[r->last_used];
	uint16_t flags = __atomic_load_n(&d->flags, __ATOMIC_ACQUIRE);
	bool avail = flags & F_AVAIL, used = flags & F_USED;

	if (avail != used || used != r->used_wrap)
		return 0;
	if (d->id >= r->slots)
		return -1;
	*slot = d->id;
	*len = d->len;
	return 1;
}

static void
pass(struct fe_ring *r, uint16_t slot)
{
	r->last_used += r->slot[slot].ndesc;
	if (r->last_used >= r->size) {
		r->last_used -= r->size;
		r->used_wrap = !r->used_wrap;
	}
}

/* `kicked` counts descriptors that were made available since it was asked last. */
static bool
kick_wanted(struct fe_ring *r)
{
	uint16_t count = r->kicked, flags, at;

	r->kicked = 0;
	flags = __atomic_load_n(&r->device_event->flags, __ATOMIC_ACQUIRE);
	at = __atomic_load_n(&r->device_event->off_wrap, __ATOMIC_RELAXED);
	if (flags != VRING_PACKED_EVENT_FLAG_DESC)
		return flags != VRING_PACKED_EVENT_FLAG_DISABLE;
	/* Its place on the scale on which ours is avail_idx. */
	if (!!(at & F_WRAP) != r->avail_wrap)
		at = (uint16_t)((at & ~F_WRAP) - r->size);
	else
		at &= (uint16_t)~F_WRAP;
	return vring_need_event(at, r->avail_idx, (uint16_t)(r->avail_idx - count));
}

static void
interrupts(struct fe_ring *r, bool on)
{
	uint16_t flags = VRING_PACKED_EVENT_FLAG_DISABLE;

	if (on && r->event_idx) {
		__atomic_store_n(&r->driver_event->off_wrap,
			(uint16_t)(r->last_used | (r->used_wrap ? F_WRAP : 0)), __ATOMIC_RELAXED);
		flags = VRING_PACKED_EVENT_FLAG_DESC;
	} else if (on) {
		flags = VRING_PACKED_EVENT_FLAG_ENABLE;
	}
	/* Release: the place before the wish to be told about it. */
	__atomic_store_n(&r->driver_event->flags, flags, __ATOMIC_RELEASE);
}

const struct fe_ring_format fe_ring_packed = {
	layout, reset, post, peek, pass, kick_wanted, interrupts};
