/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The two hot loops of the product. Included once by each of vring-sse.c,
 * vring-avx2.c and vring-avx512.c, which differ in what the compiler may use.
 * Workers only.
 *
 * Theory of operation. Both loops take a burst in passes, so that the cache
 * misses of its packets overlap: first the heads from avail, then every
 * descriptor (starting the load of what it points to), then the packets. The
 * second pass recognises the shapes that drivers use for ordinary packets and
 * leaves its findings in a small table; what it does not recognise keeps an
 * empty entry and goes through vring-take.c or vring-put.c, which read the
 * chain for themselves and say what is wrong with it, if anything is.
 *
 *	dequeue  [header+frame], or [header] -> [frame], direct
 *	enqueue  one direct buffer that is big enough
 */
#ifndef NETVM_VRING_LOOPS_H
#define NETVM_VRING_LOOPS_H

#include "vhost/vring-chain.h"
#include "vhost/vring-copy.h"
#include "vhost/vring-inline.h"

#define CACHE_LINE 64

/* A frame that the guest sends, found by look_at(); frame is NULL: not so easy. */
struct seen {
	const uint8_t *hdr; /* virtio_net_hdr */
	const uint8_t *frame;
	uint32_t len; /* of the frame */
};

static inline struct seen
look_at(const struct vring_queue *vq, uint16_t head, uint32_t *hint)
{
	struct seen s = {0};
	struct vring_desc d, e;

	if (unlikely(head >= vq->size))
		return s;
	d = vring_desc_read(&vq->desc[head]);
	if (likely(d.flags == 0 && d.len >= (uint32_t)vq->hdr_size + PACKET_LEN_MIN)) {
		s.hdr = guest_mem_ptr(vq->mem, d.addr, d.len, hint);
		if (likely(s.hdr != NULL)) {
			s.frame = s.hdr + vq->hdr_size;
			s.len = d.len - vq->hdr_size;
		}
	} else if (d.flags == VRING_DESC_F_NEXT && d.len == vq->hdr_size && d.next < vq->size) {
		e = vring_desc_read(&vq->desc[d.next]);
		if (e.flags != 0 || e.len < PACKET_LEN_MIN)
			return s;
		s.hdr = guest_mem_ptr(vq->mem, d.addr, d.len, hint);
		if (s.hdr != NULL)
			s.frame = guest_mem_ptr(vq->mem, e.addr, e.len, hint);
		s.len = e.len;
	}
	return s;
}

/* Makes a view of what look_at() found, or counts why not. */
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
	vring_copy(p->hdr, s->frame, n);
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

static void
dequeue(struct vring_queue *vq, struct packet_burst *b, uint16_t max)
{
	struct seen seen[PACKET_BURST];
	uint32_t hint = vq->mem_hint;
	uint16_t n = vring_avail_count(vq);
	uint16_t i;

	b->count = 0;
	b->nseg = 0;
	if (n > max)
		n = max;
	if (n > PACKET_BURST)
		n = PACKET_BURST;
	if (n == 0 || vq->npending != 0)
		return;
	for (i = 0; i < n; i++) {
		uint16_t head = vring_avail_head(vq, (uint16_t)(vq->last_avail + i));

		vq->pending[i] = (struct vring_chain){.id = head, .ndesc = 1};
		__builtin_prefetch(&vq->desc[head & (vq->size - 1)]);
	}
	for (i = 0; i < n; i++) {
		seen[i] = look_at(vq, vq->pending[i].id, &hint);
		if (likely(seen[i].frame != NULL)) {
			__builtin_prefetch(seen[i].frame);
			__builtin_prefetch(seen[i].frame + CACHE_LINE);
		}
	}
	vq->mem_hint = hint;
	for (i = 0; i < n; i++) {
		if (likely(seen[i].frame != NULL))
			take(vq, b, &seen[i], i);
		else if (!vring_take_chain(vq, b, i))
			break;
	}
	vq->last_avail = (uint16_t)(vq->last_avail + i);
	vq->npending = i;
}

/* A buffer that the guest posted, found by look_ahead(); NULL: not so easy. */
struct room {
	uint8_t *to;
	uint32_t len;
	uint16_t head;
};

static inline struct room
look_ahead(const struct vring_queue *vq, uint16_t head, uint32_t *hint)
{
	struct room r = {.head = head};
	struct vring_desc d;

	if (unlikely(head >= vq->size))
		return r;
	d = vring_desc_read(&vq->desc[head]);
	if (likely(d.flags == VRING_DESC_F_WRITE)) {
		r.to = guest_mem_ptr(vq->mem, d.addr, d.len, hint);
		r.len = d.len;
	}
	return r;
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
	vring_copy(to, p->hdr, p->hdr_len);
	to += p->hdr_len;
	if (p->rest_len != 0) {
		vring_copy(to, p->rest, p->rest_len);
		to += p->rest_len;
		for (uint16_t i = 0; i < p->nmore; i++) {
			vring_copy(to, p->more[i].data, p->more[i].len);
			to += p->more[i].len;
		}
	}
}

/*
 * Puts packets into up to PACKET_BURST buffers, as many as there are now.
 * Returns how many were taken; fewer than n can also mean that these buffers
 * were used up by mergeable packets. *empty: the ring can take no more.
 */
static inline uint16_t
put_some(struct vring_queue *vq, struct vring_put *put, struct packet *const *pkts, uint16_t n,
	bool *empty)
{
	struct room room[PACKET_BURST];
	const uint16_t first = put->next;
	uint32_t hint = vq->mem_hint;
	uint16_t ahead = n < put->left ? n : put->left;
	uint16_t done = 0, at;

	if (ahead > PACKET_BURST)
		ahead = PACKET_BURST;
	for (uint16_t i = 0; i < ahead; i++) {
		room[i].head = vring_avail_head(vq, (uint16_t)(first + i));
		__builtin_prefetch(&vq->desc[room[i].head & (vq->size - 1)]);
	}
	for (uint16_t i = 0; i < ahead; i++) {
		room[i] = look_ahead(vq, room[i].head, &hint);
		if (likely(room[i].to != NULL)) {
			__builtin_prefetch(room[i].to, 1);
			__builtin_prefetch(room[i].to + CACHE_LINE, 1);
		}
	}
	vq->mem_hint = hint;
	while (done < n && (at = (uint16_t)(put->next - first)) < ahead) {
		const struct packet *p = pkts[done];
		uint32_t need = vq->hdr_size + p->len;

		if (likely(room[at].to != NULL && room[at].len >= need)) {
			put_frame(vq, room[at].to, p);
			vring_used_write(vq, put->used++, room[at].head, need);
			put->next++;
			put->left--;
			vring_count(&vq->packets, 1);
			vring_count(&vq->bytes, p->len);
		} else if (!vring_put_packet(vq, put, p)) {
			*empty = true;
			break;
		}
		done++;
	}
	return done;
}

static uint16_t
enqueue(struct vring_queue *vq, struct packet *const *pkts, uint16_t n)
{
	struct vring_put put = {.next = vq->last_avail, .used = vq->used_idx};
	uint16_t done = 0;
	bool empty = false;

	if (unlikely(vq->log != NULL))
		return vring_put_logged(vq, pkts, n);
	put.left = vring_avail_count(vq);
	while (done < n && put.left != 0 && !empty)
		done = (uint16_t)(done +
				  put_some(vq, &put, pkts + done, (uint16_t)(n - done), &empty));
	if (put.used != vq->used_idx) {
		vq->last_avail = put.next;
		vring_used_publish(vq, put.used);
	}
	return done;
}

#endif
