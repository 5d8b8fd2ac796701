/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The straight way from one port of a group to another: descriptors move, packets
 * are not looked at. Workers; the one that polls the sender's pair.
 *
 * Only packets of one descriptor, without a request, that go on or are given back
 * are for this way. The first that is something else ends the burst, and
 * shm_port_rx() and shm_port_tx() do the rest, which costs more and copies nothing either.
 */
#include "src/shm/shm-loan.h"

#define BURST 64

/* Descriptors in passes, so that cache misses overlap. */
struct burst {
	struct netvm_desc desc[BURST];
	uint32_t good[BURST]; /* indices of those that go on */
	uint32_t freed[BURST];
	uint32_t n, ngood, nfreed, taken;
	uint64_t bytes;
	uint32_t bad[DROP_REASONS]; /* violations, and what is no packet */
	bool odd;
};

/* Reads up to n entries that are for this way. */
static inline void
look(struct shm_port *p, struct shm_ring *r, struct burst *b, uint32_t n)
{
	const struct shm_pool *pool = p->pool;
	uint32_t at = shm_ring_at(r), i;

	for (i = 0; i < n; i++) {
		struct netvm_desc d = shm_read_desc(&r->desc[(at + i) & r->mask]);

		if (unlikely((d.flags & (NETVM_DESC_F_MORE | NETVM_DESC_F_OFFLOAD)) != 0 ||
			     d.action > NETVM_ACTION_DROP))
			break;
		b->desc[i] = d;
		r->journal->list[i] = d.buffer;
		if (likely(d.buffer < pool->buffers))
			__builtin_prefetch(&pool->owner[d.buffer], 1);
	}
	b->n = i;
}

/* Why a descriptor of the guest's own buffer goes no further; DROP_REASONS: it does. */
static inline enum packet_drop
judge(const struct shm_pool *pool, const struct netvm_desc *d, uint32_t max_frame)
{
	if (unlikely((uint32_t)d->offset + d->length > pool->buffer_size))
		return DROP_BAD_DESCRIPTOR;
	if (unlikely(d->length > max_frame))
		return DROP_OVERSIZE;
	if (unlikely(d->length < PACKET_LEN_MIN))
		return DROP_RUNT;
	return DROP_REASONS;
}

/* What is the guest's becomes ours, and is sorted. */
static inline void
take(struct shm_port *p, struct burst *b, uint32_t max_frame)
{
	const struct shm_pool *pool = p->pool;

	for (uint32_t i = 0; i < b->n; i++) {
		const struct netvm_desc *d = &b->desc[i];
		enum packet_drop why;

		if (unlikely(d->buffer >= pool->buffers ||
			     !shm_take(pool->owner, d->buffer, p->owner))) {
			b->bad[DROP_NOT_OWNED]++;
			continue;
		}
		b->taken++;
		why = d->action == NETVM_ACTION_DROP ? DROP_REASONS : judge(pool, d, max_frame);
		if (likely(d->action == NETVM_ACTION_NEXT && why == DROP_REASONS)) {
			b->bytes += d->length;
			b->good[b->ngood++] = i;
			continue;
		}
		b->freed[b->nfreed++] = d->buffer;
		if (why != DROP_REASONS)
			b->bad[why]++;
	}
}

/* Gives what goes on to the other port; what finds no room is freed. */
static inline void
give(struct shm_port *p, struct shm_port *to, struct shm_pair *pair, uint16_t qp, struct burst *b)
{
	struct shm_ring *r = &pair->ring[NETVM_RX];
	enum packet_drop full = DROP_RING_FULL;
	uint64_t bytes = 0;
	struct shm_give g;
	uint32_t n, quota;
	bool bad;

	shm_lock(&r->lock);
	shm_prefetch_desc(r, shm_ring_at(r), b->ngood, true);
	g = shm_give_begin(r, b->ngood, &bad);
	n = b->ngood < g.room ? b->ngood : g.room;
	quota = shm_quota_left(to);
	if (unlikely(quota < n)) {
		full = DROP_QUOTA;
		n = quota;
	}
	for (uint32_t i = 0; i < n; i++) {
		struct netvm_desc d = b->desc[b->good[i]];

		d.flags &= NETVM_DESC_F_CSUM_OK | NETVM_DESC_F_HASH;
		d.destination = p->number;
		bytes += d.length;
		shm_give_desc(&g, &d);
	}
	shm_give_end(&g, to);
	shm_count(&pair->tx_packets, n);
	shm_count(&pair->tx_bytes, bytes);
	shm_count(&pair->hops, n);
	if (n != 0)
		shm_due(to, qp, r);
	if (unlikely(n < b->ngood))
		shm_count(&pair->tx_drop[full], b->ngood - n);
	shm_unlock(&r->lock);
	for (uint32_t i = n; i < b->ngood; i++)
		b->freed[b->nfreed++] = b->desc[b->good[i]].buffer;
	if (unlikely(bad))
		shm_port_fault(to, SHM_FAULT_INDEX);
}

static void
complain(struct shm_port *p, struct shm_pair *pair, struct burst *b)
{
	static const enum packet_drop no_violation[] = {DROP_OVERSIZE, DROP_RUNT};
	static const enum packet_drop violation[] = {DROP_NOT_OWNED, DROP_BAD_DESCRIPTOR};

	for (unsigned int i = 0; i < 2; i++) {
		shm_count(&pair->rx_drop[no_violation[i]], b->bad[no_violation[i]]);
		if (b->bad[violation[i]] != 0)
			shm_violated(p, pair, violation[i], b->bad[violation[i]]);
	}
}

uint16_t
shm_port_hop(struct shm_port *p, uint16_t qp, struct shm_port *to, uint16_t max, bool *other)
{
	struct shm_pair *pair;
	struct shm_ring *r;
	struct burst b;
	bool bad, to_live;
	uint32_t n;

	*other = false;
	pair = &p->pair[qp];
	/* Also when the port is closed: nobody else asks for what a NIC has of it. */
	if (unlikely(pair->hold->nout != 0))
		shm_hold_reap(pair->hold);
	if (unlikely(!shm_heard(p) || qp >= p->pairs))
		return 0;
	r = &pair->ring[NETVM_TX];
	shm_fill(p, qp, pair->ring[NETVM_FILL].size / 4);
	n = shm_ring_look(r, max < BURST ? max : BURST, &bad);
	if (unlikely(bad)) {
		shm_port_fault(p, SHM_FAULT_INDEX);
		return 0;
	}
	if (n == 0)
		return 0;
	look(p, r, &b, n);
	*other = b.n == 0;
	if (b.n == 0)
		return 0;
	b.ngood = b.nfreed = b.taken = 0;
	b.bytes = 0;
	memset(b.bad, 0, sizeof(b.bad));
	shm_take_begin(r, b.n, b.n);
	if (p->pairs > 1)
		shm_lock(&p->take_lock);
	take(p, &b, atomic_load_explicit(&p->max_frame, memory_order_relaxed));
	if (p->pairs > 1)
		shm_unlock(&p->take_lock);
	shm_take_end(r, b.n, b.taken);
	shm_count(&pair->rx_packets, b.ngood);
	shm_count(&pair->rx_bytes, b.bytes);
	to_live = shm_live(to);
	if (b.ngood != 0 && likely(to_live)) {
		uint16_t tq = qp % to->pairs;

		give(p, to, &to->pair[tq], tq, &b);
	} else if (b.ngood != 0) {
		for (uint32_t i = 0; i < b.ngood; i++)
			b.freed[b.nfreed++] = b.desc[b.good[i]].buffer;
		shm_count(&pair->rx_drop[DROP_NOT_READY], b.ngood);
	}
	if (b.nfreed != 0)
		shm_pool_free(p->pool, b.freed, b.nfreed);
	if (unlikely(b.taken != b.ngood + b.nfreed || b.nfreed != 0 || b.taken != b.n))
		complain(p, pair, &b);
	return (uint16_t)b.n;
}
