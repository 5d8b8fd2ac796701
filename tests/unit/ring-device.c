/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * See ring-device.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/ring-device.h"

#define F_AVAIL 0x0080
#define F_USED  0x8000

void
ring_device_begin(struct ring_device *d, struct fe_ring *r)
{
	*d = (struct ring_device){r, 0, 0, true, true};
}

static const struct vring_desc *
split_table(const struct fe_ring *r, uint16_t head, uint16_t *first)
{
	*first = head;
	if (!(r->desc[head].flags & VRING_DESC_F_INDIRECT))
		return r->desc;
	*first = 0;
	return (const void *)(r->mem->base + (r->desc[head].addr - r->mem->gpa));
}

static bool
take_split(struct ring_device *d, struct ring_taken *t)
{
	struct fe_ring *r = d->r;
	const struct vring_desc *table;
	uint16_t i;

	if (d->avail == r->avail->idx)
		return false;
	t->id = r->avail->ring[d->avail++ % r->size];
	t->ndesc = 1;
	t->bytes = 0;
	table = split_table(r, t->id, &i);
	for (;; i = table[i].next) {
		t->bytes += table[i].len;
		assert_int_equal(!!(table[i].flags & VRING_DESC_F_WRITE), r->receive);
		if (!(table[i].flags & VRING_DESC_F_NEXT))
			return true;
		/* 2.7.13.1: in order means in ring order, too. */
		assert_true(!r->in_order || table != r->desc || table[i].next == (i + 1) % r->size);
	}
}

static uint32_t
packed_bytes(const struct fe_ring *r, const struct vring_packed_desc *p)
{
	const struct vring_packed_desc *t;
	uint32_t bytes = 0;

	if (!(p->flags & VRING_DESC_F_INDIRECT))
		return p->len;
	t = (const void *)(r->mem->base + (p->addr - r->mem->gpa));
	for (uint32_t i = 0; i < p->len / sizeof(*t); i++)
		bytes += t[i].len;
	return bytes;
}

static bool
take_packed(struct ring_device *d, struct ring_taken *t)
{
	struct fe_ring *r = d->r;
	const struct vring_packed_desc *p = &r->pdesc[d->avail];

	if ((p->flags & (F_AVAIL | F_USED)) != (d->avail_wrap ? F_AVAIL : F_USED))
		return false;
	*t = (struct ring_taken){0};
	do {
		p = &r->pdesc[d->avail];
		/* The head was published last: the rest is there. */
		assert_int_equal(p->flags & (F_AVAIL | F_USED), d->avail_wrap ? F_AVAIL : F_USED);
		t->bytes += packed_bytes(r, p);
		t->ndesc++;
		t->id = p->id;
		d->avail = (d->avail + 1) % r->size;
		if (d->avail == 0)
			d->avail_wrap = !d->avail_wrap;
	} while (p->flags & VRING_DESC_F_NEXT);
	return true;
}

bool
ring_device_take(struct ring_device *d, struct ring_taken *t)
{
	return d->r->packed ? take_packed(d, t) : take_split(d, t);
}

void
ring_device_give(struct ring_device *d, uint16_t id, uint32_t len, uint16_t buffers, uint16_t ndesc)
{
	struct fe_ring *r = d->r;

	if (!r->packed) {
		r->used->ring[d->used % r->size] = (struct vring_used_elem){id, len};
		d->used += buffers;
		r->used->idx = d->used;
		return;
	}
	r->pdesc[d->used].id = id;
	r->pdesc[d->used].len = len;
	r->pdesc[d->used].flags = d->used_wrap ? F_AVAIL | F_USED : 0;
	d->used += ndesc;
	if (d->used >= r->size) {
		d->used -= r->size;
		d->used_wrap = !d->used_wrap;
	}
}
