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
 *
 * A packed ring has no avail ring, so its first two passes are one; they are in
 * vring-loops-packed.h. The last pass is the same, compiled for each kind.
 */
#ifndef NETVM_VRING_LOOPS_H
#define NETVM_VRING_LOOPS_H

#include "vhost/vring-frame.h"
#include "vhost/vring-loops-packed.h"

static inline struct seen
look_at(const struct vring_queue *vq, uint16_t head, uint32_t *hint)
{
	struct seen none = {0};
	struct vring_desc d, e;

	if (unlikely(head >= vq->size))
		return none;
	d = vring_desc_read(&vq->desc[head]);
	if (likely(d.flags == 0 && d.len >= (uint32_t)vq->hdr_size + PACKET_LEN_MIN))
		return seen_one(vq, d.addr, d.len, hint);
	if (d.flags != VRING_DESC_F_NEXT || d.len != vq->hdr_size || d.next >= vq->size)
		return none;
	e = vring_desc_read(&vq->desc[d.next]);
	if (e.flags != 0 || e.len < PACKET_LEN_MIN)
		return none;
	return seen_two(vq, d.addr, e.addr, e.len, hint);
}

/* The next chains, up to max: in vq->pending and seen[]. Returns how many. */
static inline uint16_t
look_split(struct vring_queue *vq, struct seen *seen, uint16_t max)
{
	uint32_t hint = vq->mem_hint;
	uint16_t n = vring_avail_count(vq);

	if (n > max)
		n = max;
	for (uint16_t i = 0; i < n; i++) {
		uint16_t head = vring_avail_head(vq, (uint16_t)(vq->last_avail + i));

		vq->pending[i] = (struct vring_chain){.id = head, .ndesc = 1};
		__builtin_prefetch(&vq->desc[head & (vq->size - 1)]);
	}
	for (uint16_t i = 0; i < n; i++) {
		seen[i] = look_at(vq, vq->pending[i].id, &hint);
		seen_prefetch(&seen[i]);
	}
	vq->mem_hint = hint;
	return n;
}

static inline __attribute__((always_inline)) void
dequeue_any(struct vring_queue *vq, struct packet_burst *b, uint16_t max, bool packed)
{
	struct seen seen[PACKET_BURST];
	vring_place at[PACKET_BURST + 1]; /* packed: where each chain begins */
	uint16_t n, i;

	b->count = 0;
	b->nseg = 0;
	if (max > PACKET_BURST)
		max = PACKET_BURST;
	if (vq->npending != 0)
		return;
	n = packed ? look_packed(vq, seen, at, max) : look_split(vq, seen, max);
	for (i = 0; i < n; i++) {
		if (likely(seen[i].frame != NULL))
			take(vq, b, &seen[i], i);
		else if (!vring_take_chain(vq, b, i, packed ? at[i] : vq->pending[i].id))
			break;
	}
	vq->last_avail = packed ? at[i] : (uint16_t)(vq->last_avail + i);
	vq->npending = i;
}

/* The next buffers from avail, up to n, into room[]. Returns how many. */
static inline uint16_t
look_ahead_split(
	struct vring_queue *vq, const struct vring_scan *avail, struct room *room, uint16_t n)
{
	uint32_t hint = vq->mem_hint;

	if (n > avail->left)
		n = avail->left;
	for (uint16_t i = 0; i < n; i++) {
		uint16_t head = vring_avail_head(vq, (uint16_t)(avail->next + i));

		room[i] = (struct room){.chain = {.id = head, .ndesc = 1}};
		__builtin_prefetch(&vq->desc[head & (vq->size - 1)]);
	}
	for (uint16_t i = 0; i < n; i++) {
		struct vring_desc d;

		if (unlikely(room[i].chain.id >= vq->size))
			continue;
		d = vring_desc_read(&vq->desc[room[i].chain.id]);
		if (unlikely(d.flags != VRING_DESC_F_WRITE))
			continue;
		room[i].to = guest_mem_ptr(vq->mem, d.addr, d.len, &hint);
		room[i].len = d.len;
		room_prefetch(&room[i]);
	}
	vq->mem_hint = hint;
	return n;
}

/*
 * Puts packets into up to PACKET_BURST buffers, as many as there are now.
 * Returns how many were taken; fewer than n can also mean that these buffers
 * were used up by mergeable packets. *empty: the ring can take no more.
 */
static inline __attribute__((always_inline)) uint16_t
put_some(struct vring_queue *vq, struct vring_put *put, struct packet *const *pkts, uint16_t n,
	bool *empty, bool packed)
{
	struct room room[PACKET_BURST];
	const uint16_t first = put->buffers;
	const vring_place start = put->avail.next;
	uint16_t ahead = n < PACKET_BURST ? n : PACKET_BURST;
	uint16_t done = 0, at;

	ahead = packed ? look_ahead_packed(vq, &put->avail, room, ahead)
		       : look_ahead_split(vq, &put->avail, room, ahead);
	*empty = ahead == 0;
	while (done < n && (at = (uint16_t)(put->buffers - first)) < ahead) {
		const struct packet *p = pkts[done];
		uint32_t need = vq->hdr_size + p->len;

		if (likely(room[at].to != NULL && room[at].len >= need)) {
			put_frame(vq, room[at].to, p);
			if (packed && unlikely(put->used == VRING_POSITION_ENTRIES))
				vring_put_publish(vq, put);
			vring_put_note(vq, put, room[at].chain, need, packed);
			put->avail.next = packed ? vring_place_add(put->avail.next, 1, vq->size)
						 : (uint16_t)(put->avail.next + 1);
			put->avail.left--;
			vring_count(&vq->packets, 1);
			vring_count(&vq->bytes, p->len);
		} else if (!vring_put_packet(vq, put, p)) {
			*empty = true;
			break;
		} else if (packed &&
			   put->avail.next != vring_place_add(start,
						      (uint16_t)(put->buffers - first), vq->size)) {
			/* Chains were used, so the rest lies elsewhere. */
			return (uint16_t)(done + 1);
		}
		done++;
	}
	return done;
}

static inline __attribute__((always_inline)) uint16_t
enqueue_any(struct vring_queue *vq, struct packet *const *pkts, uint16_t n, bool packed)
{
	struct vring_put put;
	uint16_t done = 0;
	bool empty = false;

	if (unlikely(vq->log != NULL))
		return vring_put_logged(vq, pkts, n);
	put = (struct vring_put){.avail = {.next = vq->last_avail}};
	put.avail.left = packed ? vring_packed_room(vq) : vring_avail_count(vq);
	put.used = packed ? 0 : vq->used_idx;
	while (done < n && put.avail.left != 0 && !empty)
		done = (uint16_t)(done + put_some(vq, &put, pkts + done, (uint16_t)(n - done),
						 &empty, packed));
	if (put.buffers != 0)
		vring_put_publish(vq, &put);
	return done;
}

static void
dequeue(struct vring_queue *vq, struct packet_burst *b, uint16_t max)
{
	dequeue_any(vq, b, max, false);
}

static void
dequeue_packed(struct vring_queue *vq, struct packet_burst *b, uint16_t max)
{
	dequeue_any(vq, b, max, true);
}

static uint16_t
enqueue(struct vring_queue *vq, struct packet *const *pkts, uint16_t n)
{
	return enqueue_any(vq, pkts, n, false);
}

static uint16_t
enqueue_packed(struct vring_queue *vq, struct packet *const *pkts, uint16_t n)
{
	return enqueue_any(vq, pkts, n, true);
}

/* What each variant's file makes of this. */
#define VRING_OPS(variant)                                                                         \
	{                                                                                          \
		.name = (variant), .dequeue = dequeue, .enqueue = enqueue,                         \
		.dequeue_packed = dequeue_packed, .enqueue_packed = enqueue_packed                 \
	}

#endif
