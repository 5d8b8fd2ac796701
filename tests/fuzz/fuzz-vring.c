/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fuzzes a ring, split or packed, from the guest's side. The input is a small program: a head
 * that chooses the ring, then operations that write descriptors, tables,
 * indices and headers as a hostile guest would, and that run the device side
 * in between. Guest memory is in exact malloc() blocks, so AddressSanitizer
 * sees any byte touched outside; the rest is checked by abort().
 *
 *	head  log2 of the size, features, variant and direction, base (2 bytes)
 *	then  operation byte and its operands, until the input ends
 */
#include <linux/virtio_config.h>
#include <stdlib.h>
#include <string.h>

#include "vhost/vring.h"
#include "vhost/vring-position.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define GPA_DESC  0x10000ull
#define GPA_AVAIL 0x20000ull
#define GPA_USED  0x30000ull
#define GPA_DATA  0x40000ull
#define HALF      0x1800u /* bytes of each of two adjacent data regions */

struct input {
	const uint8_t *at, *end;
};

struct fuzz {
	struct vring_queue *vq;
	struct vring_config cfg;
	struct guest_mem mem;
	struct packet_burst *burst;
	uint8_t *data[2];
	bool tx; /* the guest transmits */
	bool packed;
	vring_place next; /* packed: where the guest makes the next slot available */
};

static void
check(bool ok)
{
	if (!ok)
		abort();
}

static uint32_t
take(struct input *in, unsigned int bytes)
{
	uint32_t v = 0;

	for (unsigned int i = 0; i < bytes; i++)
		v |= in->at < in->end ? (uint32_t)*in->at++ << 8 * i : 0;
	return v;
}

static void *
block(struct fuzz *f, uint64_t gpa, size_t size)
{
	void *p = calloc(1, size);

	check(p != NULL && guest_mem_add(&f->mem, gpa, size, p) == 0);
	return p;
}

static void
start(struct fuzz *f, struct input *in)
{
	static const char *const variant[] = {"sse", "avx2", "avx512"};
	uint32_t log = take(in, 1), size = 1u << log % 9, features = take(in, 1),
		 mode = take(in, 1);
	uint64_t all = 1ull << VIRTIO_F_VERSION_1;

	f->cfg.features = (features & 1 ? 1ull << VIRTIO_NET_F_MRG_RXBUF : 0) |
			  (features & 2 ? 1ull << VIRTIO_RING_F_INDIRECT_DESC : 0) |
			  (features & 4 ? 1ull << VIRTIO_RING_F_EVENT_IDX : 0) |
			  (features & 8 ? all : 0) |
			  (features & 16 ? 1ull << VIRTIO_NET_F_GUEST_CSUM : 0) |
			  (features & 64 ? 1ull << VIRTIO_F_RING_PACKED : 0) |
			  (features & 128 ? 1ull << VIRTIO_F_IN_ORDER : 0);
	f->tx = mode & 1;
	f->packed = features & 64;
	/* A packed ring may have any size. */
	if (f->packed)
		size += log / 9 % size;
	f->cfg.size = size;
	f->cfg.base = (uint16_t)take(in, 2);
	f->cfg.max_frame = features & 32 ? 1518 : 0;
	f->cfg.desc = block(f, GPA_DESC, size * sizeof(struct vring_desc));
	f->cfg.avail = block(f, GPA_AVAIL, f->packed ? 4 : 6 + 2 * size);
	f->cfg.used = block(f, GPA_USED, f->packed ? 4 : 6 + 8 * size);
	f->data[0] = block(f, GPA_DATA, HALF);
	f->data[1] = block(f, GPA_DATA + HALF, HALF);
	f->cfg.mem = &f->mem;
	if (f->packed) {
		f->cfg.base = (uint16_t)(f->cfg.base % size | (f->cfg.base & VRING_PLACE_WRAP));
		f->cfg.used_at = f->next = f->cfg.base;
	} else {
		f->cfg.avail->idx = f->cfg.used->idx = f->cfg.base;
	}
	f->vq = aligned_alloc(64, sizeof(*f->vq));
	f->burst = aligned_alloc(64, sizeof(*f->burst));
	check(f->vq != NULL && f->burst != NULL);
	memset(f->vq, 0, sizeof(*f->vq));
	check(vring_setup(f->vq, &f->cfg) == 0);
	if (vring_ops_select(variant[mode / 2 % 3]) != NULL)
		f->vq->ops = vring_ops_select(variant[mode / 2 % 3]);
}

/* A descriptor in 8 bytes, so that mutations hit something that matters. */
static struct vring_desc
descriptor(struct input *in)
{
	uint32_t where = take(in, 3), len = take(in, 2), flags = take(in, 1), next = take(in, 2);
	struct vring_desc d = {
		.addr = GPA_DATA + where % (2 * HALF + 64),
		.len = len,
		.flags = flags & 7,
		.next = (uint16_t)next,
	};

	if (flags & 8)
		d.addr = (uint64_t)where << (flags >> 4) * 4;
	if ((flags & 0xf0) == 0xf0)
		d.len = ~len;
	return d;
}

/* Everything that a view promises to be readable is read. */
static void
check_view(const struct packet *p)
{
	static volatile uint8_t sink;
	uint32_t len = p->hdr_len + p->rest_len;

	check(p->hdr_len >= PACKET_LEN_MIN && p->hdr_len <= PACKET_HEADER_MAX);
	check((p->rest_len == 0) == (p->rest == NULL));
	for (uint32_t i = 0; i < p->hdr_len; i++)
		sink = p->hdr[i];
	for (uint32_t i = 0; i < p->rest_len; i++)
		sink = p->rest[i];
	for (uint32_t i = 0; i < p->nmore; i++) {
		check(p->more[i].len != 0);
		for (uint32_t k = 0; k < p->more[i].len; k++)
			sink = p->more[i].data[k];
		len += p->more[i].len;
	}
	(void)sink;
	check(len == p->len && len <= PACKET_LEN_MAX);
}

static void
dequeue(struct fuzz *f, uint16_t max)
{
	uint16_t before = f->vq->last_avail;

	vring_dequeue(f->vq, f->burst, max);
	check(f->burst->count <= PACKET_BURST && f->burst->count <= max);
	check(f->burst->nseg <= PACKET_SEGS_MAX);
	check(f->burst->count == 0 || f->burst->count <= f->vq->npending);
	check(f->packed || (uint16_t)(f->vq->last_avail - before) <= PACKET_BURST);
	for (uint16_t i = 0; i < f->burst->count; i++)
		check_view(&f->burst->pkt[i]);
}

static void
enqueue(struct fuzz *f, uint32_t len, uint16_t n)
{
	uint16_t before = f->vq->used_idx, avail = f->vq->last_avail, taken;
	struct packet p = {.len = len}, *pkts[PACKET_BURST];
	uint8_t *frame = calloc(1, len);

	check(frame != NULL);
	p.hdr = frame;
	p.hdr_len = (uint16_t)(len < PACKET_HEADER_MAX ? len : PACKET_HEADER_MAX);
	p.rest_len = len - p.hdr_len;
	p.rest = p.rest_len != 0 ? frame + p.hdr_len : NULL;
	p.offload.flags = len & 3;
	for (uint16_t i = 0; i < n; i++)
		pkts[i] = &p;
	taken = vring_enqueue(f->vq, pkts, n);
	check(taken <= n);
	/* Each buffer that was taken was given back. */
	check(f->packed ? f->vq->used_idx == f->vq->last_avail
			: (uint16_t)(f->vq->used_idx - before) ==
				  (uint16_t)(f->vq->last_avail - avail));
	free(frame);
}

static void
poke(struct fuzz *f, struct input *in)
{
	uint32_t at = take(in, 2) % (2 * HALF), n = take(in, 1);

	for (uint32_t i = at; i < at + n && i < 2 * HALF; i++)
		f->data[i / HALF][i % HALF] = (uint8_t)take(in, 1);
}

/* The same words with the flags and the ID (the link) where a packed ring has them. */
static struct vring_packed_desc
packed_descriptor(struct input *in)
{
	struct vring_desc d = descriptor(in);

	return (struct vring_packed_desc){d.addr, d.len, d.next, d.flags};
}

/* A descriptor into data memory: part of an indirect table. */
static void
poke_table(struct fuzz *f, struct input *in)
{
	uint32_t at = take(in, 2) % (2 * HALF - 16);
	struct vring_desc d = descriptor(in);

	if (f->packed) {
		struct vring_packed_desc e = {d.addr, d.len, d.next, d.flags};

		memcpy(&d, &e, sizeof(d));
	}

	for (uint32_t i = 0; i < sizeof(d); i++)
		f->data[(at + i) / HALF][(at + i) % HALF] = ((uint8_t *)&d)[i];
}

static void
notify(struct fuzz *f, uint8_t how)
{
	vring_set_notify(f->vq, how & 1);
	vring_has_work(f->vq);
	vring_should_signal(f->vq);
}

/* A daemon that died comes back, with whatever its file says. */
static void
resume(struct fuzz *f, struct input *in)
{
	struct vring_position pos = {
		.at = (vring_place)take(in, 2), .count = (uint16_t)take(in, 1) & 0x7f};

	for (uint32_t i = 0; i < pos.count && i < VRING_POSITION_ENTRIES; i++)
		pos.entry[i] = (struct vring_position_entry){.len = take(in, 1),
			.id = (uint16_t)take(in, 1),
			.ndesc = (uint16_t)(1 + take(in, 1) % 4)};
	vring_packed_is_fresh(f->cfg.slot, f->cfg.size);
	if (!vring_position_recover(&pos, f->cfg.slot, f->cfg.size))
		pos.at = VRING_PLACE_START;
	if (f->vq->npending != 0)
		return;
	f->cfg.base = f->cfg.used_at = f->next = pos.at;
	check(vring_setup(f->vq, &f->cfg) == 0);
}

static void
operation_packed(struct fuzz *f, struct input *in)
{
	struct vring_packed_desc *slot = f->cfg.slot;
	uint32_t i, op = take(in, 1) % 7;

	switch (op) {
	case 0:
	case 1:
		i = take(in, 1) % f->cfg.size;
		slot[i] = packed_descriptor(in);
		break;
	case 2:
	case 3:
		/* So many slots, as they are, with the flags of this time round. */
		for (i = 1 + take(in, 1) % 4; i != 0; i--) {
			struct vring_packed_desc *s = &slot[f->next & VRING_PLACE_SLOT];

			s->flags &= 0x7f7f;
			s->flags |= f->next & VRING_PLACE_WRAP ? 0x80 : 0x8000;
			f->next = vring_place_add(f->next, 1, f->cfg.size);
		}
		break;
	case 4:
		slot[take(in, 1) % f->cfg.size].flags = (uint16_t)take(in, 2);
		break;
	case 5:
		f->cfg.driver_event->off_wrap = (uint16_t)take(in, 2);
		f->cfg.driver_event->flags = (uint16_t)take(in, 1);
		break;
	default:
		resume(f, in);
	}
}

static void
check_packed(const struct fuzz *f)
{
	check(f->vq->position->at == f->vq->used_idx && f->vq->position->count == 0);
	check((f->vq->last_avail & VRING_PLACE_SLOT) < f->cfg.size);
	check(vring_place_distance(f->vq->used_idx, f->vq->last_avail, f->cfg.size) <= f->cfg.size);
}

static void
operation(struct fuzz *f, struct input *in)
{
	struct vring_avail *avail = f->cfg.avail;
	uint32_t mask = f->cfg.size - 1, i, len;

	uint32_t op = take(in, 1) % 12;

	if (f->packed && op < 6) {
		operation_packed(f, in);
		return;
	}
	switch (op) {
	case 0:
	case 1:
		i = take(in, 1) & mask;
		f->cfg.desc[i] = descriptor(in);
		break;
	case 2:
	case 3:
		avail->ring[avail->idx & mask] = (uint16_t)take(in, 1);
		avail->idx++;
		break;
	case 4:
		avail->ring[take(in, 1) & mask] = (uint16_t)take(in, 2);
		break;
	case 5:
		avail->idx = (uint16_t)take(in, 2);
		break;
	case 6:
		poke(f, in);
		break;
	case 7:
		poke_table(f, in);
		break;
	case 8:
	case 9:
		len = take(in, 2);
		if (f->tx)
			dequeue(f, (uint16_t)len);
		else
			enqueue(f, PACKET_LEN_MIN + len, 1 + len % PACKET_BURST);
		break;
	case 10:
		vring_complete(f->vq);
		check(f->vq->npending == 0 && f->vq->used_idx == f->vq->last_avail);
		check(f->packed || f->cfg.used->idx == f->vq->used_idx || !f->tx);
		break;
	default:
		notify(f, (uint8_t)take(in, 1));
		if (f->vq->fault != VRING_OK && f->vq->npending == 0) {
			if (f->packed) {
				f->cfg.base = f->cfg.used_at = f->next;
			} else {
				f->cfg.base = avail->idx;
				f->cfg.used->idx = avail->idx;
			}
			check(vring_setup(f->vq, &f->cfg) == 0);
		}
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {.at = data, .end = data + size};
	struct fuzz f = {0};

	if (size < 6)
		return 0;
	start(&f, &in);
	while (in.at < in.end) {
		operation(&f, &in);
		if (f.packed)
			check_packed(&f);
	}
	free(f.cfg.desc);
	free(f.cfg.avail);
	free(f.cfg.used);
	free(f.data[0]);
	free(f.data[1]);
	free(f.vq);
	free(f.burst);
	return 0;
}
