/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets of one descriptor without a request become views: nearly all that guests
 * send. shm-rx.c does the rest, and all of it in the same steps. See shm-plain.h.
 */
#ifndef NETVM_SHM_PLAIN_RX_H
#define NETVM_SHM_PLAIN_RX_H

#include "src/shm/shm-view.h"

#define RUN 64 /* entries: views, and buffers that are given back */

/* What the loops need of the pool, where the compiler knows that no store of theirs
 * changes it. */
struct where {
	uint8_t *buffer0, *owner;
	uint32_t buffers, buffer_size;
};

struct run {
	struct netvm_desc desc[RUN];
	const uint8_t *data[RUN]; /* the packet, if the buffer is one of the pool */
	uint32_t freed[RUN];
	uint32_t n;
};

/* Reads entries up to the first that is something else; n, RUN and a burst of views at most. */
static inline void
look(const struct where *pool, struct shm_ring *r, struct run *run, uint32_t n)
{
	const uint32_t at = shm_ring_at(r), mask = r->mask;
	const struct netvm_desc *ring = r->desc;
	uint32_t *list = r->journal->list;
	uint32_t views = 0, i;

	n = n < RUN ? n : RUN;
	for (i = 0; i < n && views < PACKET_BURST; i++) {
		struct netvm_desc d = shm_read_desc(&ring[(at + i) & mask]);

		if (unlikely((d.flags & (NETVM_DESC_F_MORE | NETVM_DESC_F_OFFLOAD)) != 0))
			break;
		views += d.action != NETVM_ACTION_DROP;
		run->desc[i] = d;
		list[i] = d.buffer;
		if (likely(d.buffer < pool->buffers)) {
			run->data[i] =
				pool->buffer0 + (size_t)d.buffer * pool->buffer_size + d.offset;
			__builtin_prefetch(&pool->owner[d.buffer], 1);
			__builtin_prefetch(run->data[i]);
			__builtin_prefetch(run->data[i] + SHM_LINE);
		}
	}
	run->n = i;
}

/* Which of the buffers were the guest's (bit i: desc[i]); they are ours now. */
static inline uint64_t
take(struct shm_port *p, const struct where *pool, struct shm_ring *r, const struct run *run)
{
	const uint8_t guest = p->owner;
	const uint32_t n = run->n;
	uint64_t ours = 0;

	shm_take_begin(r, n, n);
	if (p->pairs > 1)
		shm_lock(&p->take_lock);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t buffer = run->desc[i].buffer;

		if (likely(buffer < pool->buffers && shm_take(pool->owner, buffer, guest)))
			ours |= UINT64_C(1) << i;
	}
	if (p->pairs > 1)
		shm_unlock(&p->take_lock);
	shm_take_end(r, n, (uint32_t)__builtin_popcountll(ours));
	return ours;
}

/* Why the packet goes no further; DROP_REASONS: it does. */
static inline enum packet_drop
judge(const struct where *pool, const struct netvm_desc *d, uint32_t max_frame)
{
	if (unlikely((uint32_t)d->offset + d->length > pool->buffer_size ||
		     d->action > NETVM_ACTION_TO_PORT))
		return DROP_BAD_DESCRIPTOR;
	if (unlikely(d->length < PACKET_LEN_MIN))
		return DROP_RUNT;
	if (unlikely(d->length > max_frame))
		return DROP_OVERSIZE;
	return DROP_REASONS;
}

static inline void
view(struct shm_hold *h, const struct where *pool, struct packet_burst *pb, uint32_t i,
	const struct netvm_desc *d, const uint8_t *data)
{
	struct packet *v = shm_view(h, pb, i, d, d->length, data, 1);

	shm_view_header(packet_burst_header(pb, i), data, v->hdr_len,
		d->offset + (uint32_t)PACKET_HEADER_MAX <= pool->buffer_size);
}

static bool
plain_rx(struct shm_port *p, struct shm_pair *pair, struct packet_burst *pb)
{
	const struct where pool = {
		p->pool->buffer0, p->pool->owner, p->pool->buffers, p->pool->buffer_size};
	uint32_t max_frame = atomic_load_explicit(&p->max_frame, memory_order_relaxed);
	struct shm_ring *r = &pair->ring[NETVM_TX];
	struct shm_hold *h = pair->hold;
	uint32_t count = 0, nfreed = 0;
	uint64_t ours, bytes = 0;
	struct run run;

	look(&pool, r, &run, r->seen - shm_ring_at(r));
	if (unlikely(run.n == 0))
		return false;
	ours = take(p, &pool, r, &run);
	for (uint32_t i = 0, n = run.n; i < n; i++, ours >>= 1) {
		const struct netvm_desc *d = &run.desc[i];
		enum packet_drop why = DROP_REASONS;

		if (unlikely((ours & 1) == 0)) {
			shm_view_refuse(p, pair, DROP_NOT_OWNED);
			continue;
		}
		if (d->action != NETVM_ACTION_DROP) {
			why = judge(&pool, d, max_frame);
			if (likely(why == DROP_REASONS)) {
				view(h, &pool, pb, count++, d, run.data[i]);
				bytes += d->length;
				continue;
			}
			shm_view_refuse(p, pair, why);
		}
		run.freed[nfreed++] = d->buffer;
	}
	pb->count = (uint16_t)count;
	shm_count(&pair->rx_packets, count);
	shm_count(&pair->rx_bytes, bytes);
	if (nfreed != 0)
		shm_pool_free(p->pool, run.freed, nfreed);
	return true;
}

#endif
