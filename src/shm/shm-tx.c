/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets to a guest. Buffers of its own pool go on as they are: those that came from
 * a port of the group (PACKET_KEEP_POOL) and those that a NIC received into. All
 * else is copied (shm-copy.c).
 *
 * A packet's private header is what was judged, and may have changed since: a tag, a
 * checksum. Within the group nobody is protected from anybody's buffers, so the
 * header goes back to the buffer only where it did change.
 *
 * Workers; whoever sends holds the ring's lock, once per burst.
 */
#include "src/shm/shm-plain.h"
#include "src/shm/shm-tx.h"

/* --- buffers of the pool ---------------------------------------------------------------- */

/*
 * The first piece of a packet in place: where it begins after tags came or went, with
 * its header as it is now. False: it cannot be said in this buffer.
 */
static inline bool
header_back(struct shm_tx *t, const struct packet *p, struct netvm_desc *d, int shift, bool changed)
{
	uint8_t *base = shm_buffer(t->pool, d->buffer);

	/* A first piece that is shorter may be the end of the pool. */
	if (likely(shift == 0 && !changed && d->length >= 16 && p->hdr_len >= 16 &&
		    memcmp(base + d->offset, p->hdr, 16) == 0))
		return true;
	if ((int)d->offset < shift || d->length + shift < p->hdr_len)
		return false;
	d->offset = (uint16_t)(d->offset - shift);
	d->length = (uint16_t)(d->length + shift);
	if (base + d->offset != p->hdr)
		memcpy(base + d->offset, p->hdr, p->hdr_len);
	return true;
}

static void
give_pieces(struct shm_tx *t, uint32_t buffer, unsigned int nseg)
{
	for (unsigned int i = 1; i < nseg; i++) {
		const struct shm_seg *s;

		buffer = t->pool->seg[buffer].next;
		s = &t->pool->seg[buffer];
		shm_give_fields(&t->give, buffer, s->offset, s->length,
			i + 1 < nseg ? NETVM_DESC_F_MORE : 0, 0, 0);
	}
}

static inline enum shm_put
put_loan(struct shm_tx *t, struct packet *p)
{
	struct shm_slot *s = (struct shm_slot *)p->loan;
	struct shm_hold *h = shm_hold_of(s);
	struct netvm_desc at = {.buffer = s->buffer, .offset = s->offset, .length = s->length};
	enum shm_put put;
	uint32_t flags;

	if (h->pool != t->pool || (s->nseg > 1 && !t->segs) ||
		!header_back(t, p, &at, (int)(shm_hold_header(h, p) - p->hdr),
			p->offload.flags != s->csum))
		return PUT_COPY;
	put = shm_admit(t, p, s->nseg);
	if (unlikely(put != PUT_COPY))
		return put;
	flags = shm_first_flags(t, p) | s->flags | (s->nseg > 1 ? NETVM_DESC_F_MORE : 0);
	shm_give_fields(&t->give, at.buffer, at.offset, at.length, flags, h->number, s->mark);
	if (unlikely(s->nseg > 1))
		give_pieces(t, s->buffer, s->nseg);
	s->state = SHM_SLOT_TAKEN;
	p->loan = NULL;
	t->hops++;
	return PUT_DONE;
}

/* Whether the whole chain is the pool's, and nobody else holds it. */
static bool
mbuf_is_ours(const struct shm_tx *t, struct rte_mbuf *m)
{
	if (m->nb_segs > NETVM_SEGS_MAX || (m->nb_segs > 1 && !t->segs))
		return false;
	for (; m != NULL; m = m->next)
		if (m->pool != t->pool->mempool || rte_mbuf_refcnt_read(m) != 1)
			return false;
	return true;
}

static enum shm_put
put_mbuf(struct shm_tx *t, struct packet *p)
{
	struct rte_mbuf *m = p->mbuf, *next;
	uint16_t nseg = m->nb_segs;
	struct netvm_desc at;
	uint32_t flags, mark;
	enum shm_put put;

	if (!mbuf_is_ours(t, m))
		return PUT_COPY;
	at = (struct netvm_desc){.buffer = shm_buffer_of_mbuf(t->pool, m),
		.offset = m->data_off,
		.length = m->data_len};
	/* Only the packet's start moves; a NIC's frames come with finished checksums. */
	if (!header_back(t, p, &at, (int)p->len - (int)m->pkt_len, false))
		return PUT_COPY;
	put = shm_admit(t, p, nseg);
	if (put != PUT_COPY)
		return put;
	flags = shm_first_flags(t, p) | (nseg > 1 ? NETVM_DESC_F_MORE : 0);
	mark = shm_mark(t, p, &flags);
	shm_give_fields(&t->give, at.buffer, at.offset, at.length, flags, p->from, mark);
	for (; m != NULL; m = next) {
		next = m->next;
		/* As the mempool gave it. */
		m->next = NULL;
		m->nb_segs = 1;
		if (next != NULL)
			shm_give_fields(&t->give, shm_buffer_of_mbuf(t->pool, next), next->data_off,
				next->data_len, next->next != NULL ? NETVM_DESC_F_MORE : 0, 0, 0);
	}
	p->mbuf = NULL;
	t->hops++;
	return PUT_DONE;
}

/* --- what workers call ---------------------------------------------------------------- */

static inline enum shm_put
put_packet(struct shm_tx *t, struct packet *p)
{
	enum shm_put put = PUT_COPY;

	if (p->keep == PACKET_KEEP_POOL && p->loan != NULL)
		put = put_loan(t, p);
	else if (p->keep == PACKET_KEEP_MBUF && p->mbuf != NULL)
		put = put_mbuf(t, p);
	return put == PUT_COPY ? shm_put_copy(t, p) : put;
}

static void
settle(struct shm_tx *t, struct shm_pair *pair, uint16_t queue)
{
	shm_count(&pair->tx_packets, t->packets);
	shm_count(&pair->tx_bytes, t->bytes);
	shm_count(&pair->hops, t->hops);
	for (unsigned int k = DROP_POLICED_OUT; k < DROP_REASONS; k++)
		if (unlikely(t->drop[k] != 0))
			shm_count(&pair->tx_drop[k], t->drop[k]);
	if (t->packets != 0)
		shm_due(t->p, queue, &pair->ring[NETVM_RX]);
}

uint16_t
shm_port_tx(struct shm_port *p, uint16_t queue, struct packet *const *pkts, uint16_t n)
{
	struct shm_pair *pair;
	struct shm_ring *r;
	uint16_t taken = 0;
	struct shm_tx t;

	if (unlikely(!shm_live(p) || queue >= p->pairs))
		return 0;
	pair = &p->pair[queue];
	r = &pair->ring[NETVM_RX];
	t.p = p;
	t.pool = p->pool;
	t.nspare = 0;
	t.packets = t.bytes = t.hops = 0;
	memset(t.drop, 0, sizeof(t.drop));
	t.segs = (p->guest_features & NETVM_GUEST_SEGS) != 0;
	t.hash = (p->guest_features & NETVM_GUEST_HASH) != 0;
	shm_lock(&r->lock);
	shm_prefetch_desc(r, shm_ring_at(r), n, true);
	t.quota = shm_quota_left(p);
	t.give = shm_give_begin(r, n, &t.bad);
	while (taken < n) {
		uint16_t run = 0;

		if (!shm_in_pool(&t, pkts[taken]))
			run = p->plain->copy(&t, pkts + taken, (uint16_t)(n - taken));
		if (run == 0 && put_packet(&t, pkts[taken]) != PUT_DONE)
			break;
		taken = (uint16_t)(taken + (run != 0 ? run : 1));
	}
	shm_give_end(&t.give, p);
	settle(&t, pair, queue);
	shm_unlock(&r->lock);
	if (t.nspare != 0)
		shm_pool_free(p->pool, t.spare, t.nspare);
	if (unlikely(t.bad))
		shm_port_fault(p, SHM_FAULT_INDEX);
	return taken;
}

/* 0 while the port is not up. */
uint16_t
shm_port_tx_queues(struct shm_port *p)
{
	return shm_live(p) ? p->pairs : 0;
}

void
shm_port_tx_caps(struct shm_port *p, bool *csum, bool *tso4, bool *tso6)
{
	/* A packet to be cut rarely fits one buffer, and needs its checksum finished. */
	uint32_t f = p->guest_features;
	bool tso = (f & NETVM_GUEST_CSUM) != 0 && (f & NETVM_GUEST_SEGS) != 0;

	*csum = (f & NETVM_GUEST_CSUM) != 0;
	*tso4 = tso && (f & NETVM_GUEST_TSO4) != 0;
	*tso6 = tso && (f & NETVM_GUEST_TSO6) != 0;
}
