/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the hot loops of split and packed rings share: a packet each. Included
 * by vring-loops.h, once for each variant. Workers only.
 */
#ifndef NETVM_VRING_FRAME_H
#define NETVM_VRING_FRAME_H

#include "src/packet/wide-copy.h"
#include "vhost/vring-chain.h"
#include "vhost/vring-packed.h"

#define CACHE_LINE 64

/* A frame that the guest sends, found by a look at its chain; frame is NULL:
 * not so easy. */
struct seen {
	const uint8_t *hdr; /* virtio_net_hdr */
	const uint8_t *frame;
	uint32_t len; /* of the frame */
};

/* [header+frame] in one descriptor. */
static inline struct seen
seen_one(const struct vring_queue *vq, uint64_t addr, uint32_t len, uint32_t *hint)
{
	struct seen s = {.hdr = guest_mem_ptr(vq->mem, addr, len, hint)};

	if (likely(s.hdr != NULL)) {
		s.frame = s.hdr + vq->hdr_size;
		s.len = len - vq->hdr_size;
	}
	return s;
}

/* [header] -> [frame] in two. */
static inline struct seen
seen_two(const struct vring_queue *vq, uint64_t hdr, uint64_t frame, uint32_t len, uint32_t *hint)
{
	struct seen s = {.hdr = guest_mem_ptr(vq->mem, hdr, vq->hdr_size, hint), .len = len};

	if (likely(s.hdr != NULL))
		s.frame = guest_mem_ptr(vq->mem, frame, len, hint);
	return s;
}

static inline void
seen_prefetch(const struct seen *s)
{
	if (likely(s->frame != NULL)) {
		__builtin_prefetch(s->frame);
		__builtin_prefetch(s->frame + CACHE_LINE);
	}
}

/* Makes a view of what was seen, or counts why not. */
static inline void
take(struct vring_queue *vq, struct packet_burst *b, const struct seen *s, uint16_t chain)
{
	struct packet *p = &b->pkt[b->count];
	uint32_t n = s->len < PACKET_HEADER_MAX ? s->len : PACKET_HEADER_MAX;
	uint64_t hdr = read_once_64(s->hdr);
	bool gso = (hdr >> 8 & 0xff) != PACKET_GSO_NONE;

	if (unlikely(s->len > (gso ? PACKET_LEN_MAX : vq->max_frame))) {
		vring_count(&vq->drop[DROP_OVERSIZE], 1);
		return;
	}
	*p = (struct packet){
		.hdr = packet_burst_header(b, b->count),
		.rest = s->len > n ? s->frame + n : NULL,
		.len = s->len,
		.rest_len = s->len - n,
		.hdr_len = (uint16_t)n,
		.chain = (uint8_t)chain,
	};
	wide_copy(p->hdr, s->frame, n);
	/* Neither flags nor a GSO type: the rest of the header means nothing. */
	if (unlikely((uint16_t)hdr != 0)) {
		uint16_t csum_offset = read_once_16(s->hdr + 8);

		if (!vring_take_offload(p, hdr, csum_offset)) {
			vring_count(&vq->drop[DROP_BAD_OFFLOAD], 1);
			return;
		}
	}
	b->count++;
	vring_count(&vq->packets, 1);
	vring_count(&vq->bytes, s->len);
}

/* A buffer that the guest posted; to is NULL: not so easy. */
struct room {
	uint8_t *to;
	uint32_t len;
	struct vring_chain chain;
};

static inline void
room_prefetch(const struct room *r)
{
	if (likely(r->to != NULL)) {
		__builtin_prefetch(r->to, 1);
		__builtin_prefetch(r->to + CACHE_LINE, 1);
	}
}

/* Writes header and frame to a buffer that has room for them. */
static inline void
put_frame(const struct vring_queue *vq, uint8_t *to, const struct packet *p)
{
	struct vring_net_hdr h = {.last = 1u << 16};

	if (unlikely((p->offload.flags | p->offload.gso_type) != 0))
		h = vring_offload_hdr(vq, p);
	memcpy(to, &h.first, sizeof(h.first));
	if (likely(vq->hdr_size == sizeof(struct virtio_net_hdr_mrg_rxbuf)))
		memcpy(to + sizeof(h.first), &h.last, sizeof(h.last));
	else
		memcpy(to + sizeof(h.first), &h.last, sizeof(uint16_t));
	to += vq->hdr_size;
	wide_copy_packet(to, p);
}

#endif
