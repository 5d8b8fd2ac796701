/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets of one descriptor without a request become views: nearly all that guests
 * send. shm-rx.c does the rest, and all of it in the same steps. Workers; the one
 * that polls the pair.
 */
#include "src/shm/shm-view.h"

#define RUN 64 /* entries: views, and buffers that are given back */

struct run {
	struct netvm_desc desc[RUN];
	uint32_t freed[RUN];
	uint32_t n, nfreed;
	uint64_t bytes;
};

/* Reads entries up to the first that is something else; n, RUN and a burst of views at most. */
static inline void
look(const struct shm_pool *pool, struct shm_ring *r, struct run *run, uint32_t n)
{
	uint32_t at = shm_ring_at(r), views = 0, i;

	for (i = 0; i < n && i < RUN && views < PACKET_BURST; i++) {
		struct netvm_desc d = shm_read_desc(&r->desc[(at + i) & r->mask]);

		if (unlikely((d.flags & (NETVM_DESC_F_MORE | NETVM_DESC_F_OFFLOAD)) != 0))
			break;
		views += d.action != NETVM_ACTION_DROP;
		run->desc[i] = d;
		r->journal->list[i] = d.buffer;
		if (likely(d.buffer < pool->buffers)) {
			__builtin_prefetch(&pool->owner[d.buffer], 1);
			__builtin_prefetch(shm_buffer(pool, d.buffer) + d.offset);
		}
	}
	run->n = i;
}

/* Which of the buffers were the guest's (bit i: desc[i]); they are ours now. */
static inline uint64_t
take(struct shm_port *p, struct shm_ring *r, const struct run *run)
{
	uint64_t ours = 0;

	shm_take_begin(r, run->n, run->n);
	if (p->pairs > 1)
		shm_lock(&p->take_lock);
	for (uint32_t i = 0; i < run->n; i++) {
		uint32_t buffer = run->desc[i].buffer;

		if (likely(buffer < p->pool->buffers && shm_take(p, buffer)))
			ours |= UINT64_C(1) << i;
	}
	if (p->pairs > 1)
		shm_unlock(&p->take_lock);
	shm_take_end(r, run->n, (uint32_t)__builtin_popcountll(ours));
	return ours;
}

/* Why the packet goes no further; DROP_REASONS: it does. */
static inline enum packet_drop
judge(const struct shm_pool *pool, const struct netvm_desc *d, uint32_t max_frame)
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
view(struct shm_port *p, struct shm_hold *h, struct packet_burst *pb, const struct netvm_desc *d)
{
	const uint8_t *data = shm_buffer(p->pool, d->buffer) + d->offset;
	uint32_t len = d->length, n = len < PACKET_HEADER_MAX ? len : PACKET_HEADER_MAX;
	struct packet *v = &pb->pkt[pb->count];

	*v = (struct packet){
		.hdr = packet_burst_header(pb, pb->count),
		.rest = len > n ? data + n : NULL,
		.rest_len = len - n,
		.len = len,
		.hdr_len = (uint16_t)n,
		.action = d->action,
		.out = d->destination,
		.from = p->number,
	};
	shm_view_header(p->pool, v->hdr, data, d->offset, n);
	shm_view_offer(h, v, d, 1);
	pb->count++;
}

bool
shm_rx_plain(struct shm_port *p, struct shm_pair *pair, struct packet_burst *pb)
{
	uint32_t max_frame = atomic_load_explicit(&p->max_frame, memory_order_relaxed);
	struct shm_ring *r = &pair->ring[NETVM_TX];
	struct run run;
	uint64_t ours;

	look(p->pool, r, &run, r->seen - shm_ring_at(r));
	if (unlikely(run.n == 0))
		return false;
	run.nfreed = 0;
	run.bytes = 0;
	ours = take(p, r, &run);
	for (uint32_t i = 0; i < run.n; i++) {
		const struct netvm_desc *d = &run.desc[i];
		enum packet_drop why = DROP_REASONS;

		if (unlikely((ours >> i & 1) == 0)) {
			shm_view_refuse(p, pair, DROP_NOT_OWNED);
			continue;
		}
		if (d->action != NETVM_ACTION_DROP) {
			why = judge(p->pool, d, max_frame);
			if (likely(why == DROP_REASONS)) {
				view(p, pair->hold, pb, d);
				run.bytes += d->length;
				continue;
			}
			shm_view_refuse(p, pair, why);
		}
		run.freed[run.nfreed++] = d->buffer;
	}
	shm_count(&pair->rx_packets, pb->count);
	shm_count(&pair->rx_bytes, run.bytes);
	if (run.nfreed != 0)
		shm_pool_free(p->pool, run.freed, run.nfreed);
	return true;
}
