/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets to a guest. Buffers of its own pool go on as they are: those that came from
 * a port of the group (PACKET_KEEP_POOL) and those that a NIC received into. All
 * else is copied into fresh buffers, several where one is too small and the guest
 * takes packets in pieces.
 *
 * A packet's private header is what was judged, and may have changed since: a tag, a
 * checksum. Within the group nobody is protected from anybody's buffers, so the
 * header goes back to the buffer only where it did change.
 *
 * Workers; whoever sends holds the ring's lock, once per burst.
 */
#include "src/shm/shm-loan.h"

#define SPARES 32

struct tx {
	struct shm_port *p;
	struct shm_pool *pool;
	struct shm_give give;
	uint32_t quota;
	uint32_t nspare;
	uint32_t spare[SPARES + NETVM_SEGS_MAX]; /* fresh buffers */
	uint64_t packets, bytes, hops;
	uint32_t drop[DROP_REASONS];
	bool bad, segs, hash;
};

/* --- descriptors --------------------------------------------------------------------- */

static inline bool
has_request(const struct packet *p)
{
	return (p->offload.flags & PACKET_F_NEEDS_CSUM) != 0 ||
	       p->offload.gso_type != PACKET_GSO_NONE;
}

static void
give_request(struct tx *t, const struct packet *p)
{
	struct netvm_offload o = {
		.csum_start = p->offload.csum_start,
		.csum_offset = p->offload.csum_offset,
		.gso_size = p->offload.gso_size,
		.hdr_len = p->offload.hdr_len,
		.flags = NETVM_DESC_F_OFFLOAD,
		.csum = (p->offload.flags & PACKET_F_NEEDS_CSUM) != 0,
		.gso_type = p->offload.gso_type,
	};

	shm_give_offload(&t->give, &o);
}

/* The first descriptor of a packet, and the request before it. */
static inline struct netvm_desc
first_desc(struct tx *t, const struct packet *p)
{
	struct netvm_desc d = {.destination = p->from};

	if (unlikely(has_request(p))) {
		give_request(t, p);
		d.flags = NETVM_DESC_F_OFFLOAD;
	}
	if ((p->offload.flags & PACKET_F_DATA_VALID) != 0)
		d.flags |= NETVM_DESC_F_CSUM_OK;
	return d;
}

/*
 * Room for a packet of so many entries, 0: it was dropped. A give moves a part of the
 * ring at most, so there may be more after the next one begins.
 */
static inline bool
room_for(struct tx *t, uint32_t entries)
{
	if (likely(t->give.room >= entries))
		return true;
	shm_give_end(&t->give, t->p);
	t->give = shm_give_begin(t->give.ring, entries, &t->bad);
	return t->give.room >= entries;
}

/* What becomes of a packet: sent, dropped and counted (SENT, too), or nothing yet. */
enum put { PUT_DONE, PUT_FULL, PUT_COPY };

static inline enum put
drop(struct tx *t, enum packet_drop why)
{
	t->drop[why]++;
	return PUT_DONE;
}

/* Whether the guest may have it, in so many buffers. */
static inline enum put
admit(struct tx *t, const struct packet *p, uint32_t nseg)
{
	if (unlikely(nseg > t->quota))
		return drop(t, DROP_QUOTA);
	if (unlikely(!room_for(t, nseg + has_request(p))))
		return PUT_FULL;
	t->quota -= nseg;
	t->packets++;
	t->bytes += p->len;
	return PUT_COPY;
}

/* --- buffers of the pool ---------------------------------------------------------------- */

/*
 * The first piece of a packet in place: where it begins after tags came or went, with
 * its header as it is now. False: it cannot be said in this buffer.
 */
static inline bool
header_back(struct tx *t, const struct packet *p, struct netvm_desc *d, int shift, bool changed)
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

/* As much work as a small packet's copy: for who asked for it. */
static inline void
set_hash(const struct tx *t, const struct packet *p, struct netvm_desc *d)
{
	if (!t->hash)
		return;
	d->mark = packet_flow_hash(p);
	d->flags |= NETVM_DESC_F_HASH;
}

static void
give_pieces(struct tx *t, uint32_t buffer, unsigned int nseg)
{
	for (unsigned int i = 1; i < nseg; i++) {
		const struct shm_seg *s;
		struct netvm_desc d = {0};

		buffer = t->pool->seg[buffer].next;
		s = &t->pool->seg[buffer];
		d.buffer = buffer;
		d.offset = s->offset;
		d.length = s->length;
		d.flags = i + 1 < nseg ? NETVM_DESC_F_MORE : 0;
		shm_give_desc(&t->give, &d);
	}
}

static inline enum put
put_loan(struct tx *t, struct packet *p)
{
	struct shm_slot *s = (struct shm_slot *)p->loan;
	struct shm_hold *h = shm_hold_of(s);
	struct netvm_desc at = {.buffer = s->buffer, .offset = s->offset, .length = s->length};
	struct netvm_desc d;
	enum put put;

	if (h->pool != t->pool || (s->nseg > 1 && !t->segs) ||
		!header_back(t, p, &at, (int)(s->hdr - p->hdr), p->offload.flags != s->csum))
		return PUT_COPY;
	put = admit(t, p, s->nseg);
	if (unlikely(put != PUT_COPY))
		return put;
	d = first_desc(t, p);
	d.buffer = at.buffer;
	d.offset = at.offset;
	d.length = at.length;
	d.mark = s->mark;
	d.flags |= s->flags | (s->nseg > 1 ? NETVM_DESC_F_MORE : 0);
	d.destination = h->number;
	shm_give_desc(&t->give, &d);
	if (unlikely(s->nseg > 1))
		give_pieces(t, s->buffer, s->nseg);
	s->state = SHM_SLOT_TAKEN;
	p->loan = NULL;
	t->hops++;
	return PUT_DONE;
}

/* Whether the whole chain is the pool's, and nobody else holds it. */
static bool
mbuf_is_ours(const struct tx *t, struct rte_mbuf *m)
{
	if (m->nb_segs > NETVM_SEGS_MAX || (m->nb_segs > 1 && !t->segs))
		return false;
	for (; m != NULL; m = m->next)
		if (m->pool != t->pool->mempool || rte_mbuf_refcnt_read(m) != 1)
			return false;
	return true;
}

static enum put
put_mbuf(struct tx *t, struct packet *p)
{
	struct rte_mbuf *m = p->mbuf, *next;
	uint16_t nseg = m->nb_segs;
	struct netvm_desc d, at;
	enum put put;

	if (!mbuf_is_ours(t, m))
		return PUT_COPY;
	at = (struct netvm_desc){.buffer = shm_buffer_of_mbuf(t->pool, m),
		.offset = m->data_off,
		.length = m->data_len};
	/* Only the packet's start moves; a NIC's frames come with finished checksums. */
	if (!header_back(t, p, &at, (int)p->len - (int)m->pkt_len, false))
		return PUT_COPY;
	put = admit(t, p, nseg);
	if (put != PUT_COPY)
		return put;
	d = first_desc(t, p);
	d.buffer = at.buffer;
	d.offset = at.offset;
	d.length = at.length;
	set_hash(t, p, &d);
	for (;;) {
		d.flags |= m->next != NULL ? NETVM_DESC_F_MORE : 0;
		shm_give_desc(&t->give, &d);
		next = m->next;
		/* As the mempool gave it. */
		m->next = NULL;
		m->nb_segs = 1;
		if (next == NULL)
			break;
		m = next;
		d = (struct netvm_desc){.buffer = shm_buffer_of_mbuf(t->pool, m),
			.offset = m->data_off,
			.length = m->data_len};
	}
	p->mbuf = NULL;
	t->hops++;
	return PUT_DONE;
}

/* --- copies ------------------------------------------------------------------------------ */

static bool
spares(struct tx *t, uint32_t n)
{
	if (likely(t->nspare >= n))
		return true;
	if (likely(shm_pool_alloc(t->pool, &t->spare[t->nspare], SPARES))) {
		t->nspare += SPARES;
		if (t->nspare >= n)
			return true;
	}
	if (!shm_pool_alloc(t->pool, &t->spare[t->nspare], n - t->nspare))
		return false;
	t->nspare = n;
	return true;
}

/* Into one buffer. */
static inline void
copy_whole(uint8_t *to, const struct packet *p)
{
	memcpy(to, p->hdr, p->hdr_len);
	to += p->hdr_len;
	if (p->rest_len != 0)
		memcpy(to, p->rest, p->rest_len);
	to += p->rest_len;
	for (uint16_t i = 0; i < p->nmore; i++) {
		memcpy(to, p->more[i].data, p->more[i].len);
		to += p->more[i].len;
	}
}

static enum put
put_copy(struct tx *t, struct packet *p)
{
	uint32_t room = t->pool->buffer_size - SHM_HEADROOM, done = 0;
	uint32_t nseg = likely(p->len <= room) ? 1 : (p->len + room - 1) / room;
	struct netvm_desc d;
	enum put put;

	if (unlikely(nseg > NETVM_SEGS_MAX || (nseg > 1 && !t->segs) ||
		     nseg + 1 > t->give.ring->size))
		return drop(t, DROP_SMALL_BUFFER);
	if (unlikely(!spares(t, nseg)))
		return drop(t, DROP_NO_BUFFER);
	put = admit(t, p, nseg);
	if (unlikely(put != PUT_COPY))
		return put;
	d = first_desc(t, p);
	set_hash(t, p, &d);
	for (uint32_t i = 0; i < nseg; i++) {
		uint32_t n = p->len - done < room ? p->len - done : room;
		uint8_t *to;

		d.buffer = t->spare[--t->nspare];
		d.offset = SHM_HEADROOM;
		d.length = (uint16_t)n;
		d.flags |= i + 1 < nseg ? NETVM_DESC_F_MORE : 0;
		to = shm_buffer(t->pool, d.buffer) + SHM_HEADROOM;
		if (likely(nseg == 1))
			copy_whole(to, p);
		else
			packet_copy_out(p, done, to, n);
		shm_give_desc(&t->give, &d);
		d = (struct netvm_desc){0};
		done += n;
	}
	return PUT_DONE;
}

/* --- what workers call ---------------------------------------------------------------- */

static inline enum put
put_packet(struct tx *t, struct packet *p)
{
	enum put put = PUT_COPY;

	if (p->keep == PACKET_KEEP_POOL && p->loan != NULL)
		put = put_loan(t, p);
	else if (p->keep == PACKET_KEEP_MBUF && p->mbuf != NULL)
		put = put_mbuf(t, p);
	return put == PUT_COPY ? put_copy(t, p) : put;
}

static void
settle(struct tx *t, struct shm_pair *pair, uint16_t queue)
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
	struct tx t;

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
	t.quota = shm_quota_left(p);
	t.give = shm_give_begin(r, n, &t.bad);
	while (taken < n && put_packet(&t, pkts[taken]) == PUT_DONE)
		taken++;
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
