/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets from a guest become views. Workers; the one that polls the pair.
 *
 * In passes, so that cache misses overlap: read descriptors and find where packets
 * end; take the buffers (shm-private.h); look at the packets. A packet is one
 * that counts only if every descriptor is of a buffer that the guest owns, once, and
 * stays inside it. What it put into the ring is ours again in any case.
 *
 * Packets of one descriptor without a request are shm-plain-rx.h's, as long as they
 * come first; this file takes a burst that begins with something else.
 */
#include "src/shm/shm-plain.h"
#include "src/shm/shm-view.h"

struct frame {
	uint8_t first, ndesc; /* in desc[] */
	int16_t offload;      /* likewise, -1: none */
	bool torn;            /* its end is missing, or it has too many pieces */
};

struct burst {
	struct netvm_desc desc[SHM_JOURNAL];
	bool ours[SHM_JOURNAL]; /* was the guest's */
	struct frame frame[SHM_JOURNAL];
	uint32_t freed[SHM_JOURNAL];
	uint32_t entries, nframe, nfreed, listed;
};

/* --- packets in the ring ---------------------------------------------------------- */

static inline uint32_t
list(const struct shm_pool *pool, struct shm_ring *r, struct burst *b, uint32_t i)
{
	uint32_t buffer = b->desc[i].buffer;

	r->journal->list[b->listed++] = buffer;
	if (likely(buffer < pool->buffers)) {
		__builtin_prefetch(&pool->owner[buffer], 1);
		__builtin_prefetch(shm_buffer(pool, buffer) + b->desc[i].offset);
	}
	return i + 1;
}

/* The packet that begins at entry i of n; returns where the next one does. `all`: no
 * more than n have been produced, so what has no end is torn. 0 entries further:
 * wait for the rest. */
static inline uint32_t
frame_at(const struct shm_pool *pool, struct shm_ring *r, struct burst *b, uint32_t i, uint32_t n,
	bool all)
{
	struct frame *f = &b->frame[b->nframe];
	const uint32_t begin = i, listed = b->listed;

	*f = (struct frame){.offload = -1};
	if (unlikely((b->desc[i].flags & NETVM_DESC_F_OFFLOAD) != 0)) {
		f->offload = (int16_t)i++;
		if (i == n || (b->desc[i].flags & NETVM_DESC_F_OFFLOAD) == 0)
			f->torn = true;
	}
	/* A request that is the last entry has no packet: it stands for itself. */
	f->first = (uint8_t)(i < n ? i : begin);
	while (i < n && !f->torn) {
		bool more = (b->desc[i].flags & NETVM_DESC_F_MORE) != 0;

		i = list(pool, r, b, i);
		f->ndesc++;
		if (likely(!more))
			break;
		f->torn = i == n || f->ndesc == NETVM_SEGS_MAX ||
			  (b->desc[i].flags & NETVM_DESC_F_OFFLOAD) != 0;
	}
	if (unlikely(f->torn && i == n && !all && begin != 0)) {
		b->listed = listed;
		return begin;
	}
	b->nframe++;
	return i;
}

static inline void
look(struct shm_port *p, struct shm_ring *r, struct burst *b, uint32_t n)
{
	uint32_t at = shm_ring_at(r), views = 0, i = 0;
	bool all = n < SHM_JOURNAL || r->seen - at == n;

	for (uint32_t k = 0; k < n; k++)
		b->desc[k] = shm_read_desc(&r->desc[(at + k) & r->mask]);
	b->nframe = b->nfreed = b->listed = 0;
	while (i < n && views < PACKET_BURST) {
		uint32_t next = frame_at(p->pool, r, b, i, n, all);

		if (next == i)
			break;
		views += b->desc[b->frame[b->nframe - 1].first].action != NETVM_ACTION_DROP;
		i = next;
	}
	b->entries = i;
}

static inline void
take(struct shm_port *p, struct shm_ring *r, struct burst *b)
{
	uint32_t taken = 0;

	shm_take_begin(r, b->entries, b->listed);
	if (p->pairs > 1)
		shm_lock(&p->take_lock);
	for (uint32_t k = 0; k < b->nframe; k++) {
		const struct frame *f = &b->frame[k];

		for (uint32_t i = f->first; i < (uint32_t)f->first + f->ndesc; i++) {
			uint32_t buffer = b->desc[i].buffer;

			b->ours[i] = likely(buffer < p->pool->buffers) &&
				     shm_take(p->pool->owner, buffer, p->owner);
			taken += b->ours[i];
		}
	}
	if (p->pairs > 1)
		shm_unlock(&p->take_lock);
	shm_take_end(r, b->entries, taken);
}

/* --- views ------------------------------------------------------------------------- */

/* Whether all of it is the guest's and inside its buffers. What is given back needs no
 * more than the former. */
static inline enum packet_drop
judge(const struct shm_pool *pool, const struct burst *b, const struct frame *f, uint32_t *len)
{
	bool freed = b->desc[f->first].action == NETVM_ACTION_DROP;
	uint32_t total = 0;

	for (uint32_t i = f->first; i < (uint32_t)f->first + f->ndesc; i++) {
		const struct netvm_desc *d = &b->desc[i];

		if (unlikely(!b->ours[i]))
			return DROP_NOT_OWNED;
		if (unlikely(!freed && (uint32_t)d->offset + d->length > pool->buffer_size))
			return DROP_BAD_DESCRIPTOR;
		total += d->length;
	}
	*len = total;
	return unlikely(f->torn || f->ndesc == 0) ? DROP_BAD_DESCRIPTOR : DROP_REASONS;
}

/* A packet in pieces: headers are gathered, the rest of each piece is a segment. False:
 * the burst has no room for so many. */
static bool
gather(struct shm_pool *pool, struct packet_burst *pb, struct packet *v, const struct burst *b,
	const struct frame *f)
{
	uint32_t left = v->hdr_len, at = 0;

	v->more = &pb->seg[pb->nseg];
	for (uint32_t i = f->first; i < (uint32_t)f->first + f->ndesc; i++) {
		const struct netvm_desc *d = &b->desc[i];
		const uint8_t *data = shm_buffer(pool, d->buffer) + d->offset;
		uint32_t n = d->length < left ? d->length : left;

		pool->seg[d->buffer] = (struct shm_seg){
			.next = i + 1 < (uint32_t)f->first + f->ndesc ? b->desc[i + 1].buffer : 0,
			.offset = d->offset,
			.length = d->length,
		};
		memcpy(v->hdr + at, data, n);
		at += n;
		left -= n;
		if (d->length == n)
			continue;
		if (v->rest == NULL) {
			v->rest = data + n;
			v->rest_len = d->length - n;
			continue;
		}
		if (pb->nseg == PACKET_SEGS_MAX)
			return false;
		pb->seg[pb->nseg++] = (struct packet_seg){data, d->length};
		v->nmore++;
	}
	if (v->nmore == 0)
		v->more = NULL;
	return true;
}

static bool
set_offload(struct shm_hold *h, struct packet *v, const struct netvm_desc *entry)
{
	struct netvm_offload o;
	struct packet_offload req;

	memcpy(&o, entry, sizeof(o));
	req = (struct packet_offload){
		.flags = o.csum == 1 ? PACKET_F_NEEDS_CSUM : 0,
		.gso_type = o.gso_type,
		.hdr_len = o.hdr_len,
		.gso_size = o.gso_size,
		.csum_start = o.csum_start,
		.csum_offset = o.csum_offset,
	};
	return shm_view_offload(h, v, &req);
}

static inline enum packet_drop
view_make(struct shm_port *p, struct shm_hold *h, struct packet_burst *pb, const struct burst *b,
	const struct frame *f, uint32_t len)
{
	uint32_t max = atomic_load_explicit(&p->max_frame, memory_order_relaxed);
	const struct netvm_desc *d = &b->desc[f->first];
	const uint8_t *data = shm_buffer(p->pool, d->buffer) + d->offset;
	struct packet *v;

	if (unlikely(len < PACKET_LEN_MIN))
		return DROP_RUNT;
	if (unlikely(len > PACKET_LEN_MAX))
		return DROP_OVERSIZE;
	v = shm_view(h, pb, pb->count, d, len, f->ndesc == 1 ? data : NULL, f->ndesc);
	if (likely(f->ndesc == 1))
		shm_view_header(v->hdr, data, v->hdr_len,
			d->offset + (uint32_t)PACKET_HEADER_MAX <= p->pool->buffer_size);
	else if (!gather(p->pool, pb, v, b, f))
		return DROP_BAD_DESCRIPTOR;
	if (unlikely(f->offload >= 0) && !set_offload(h, v, &b->desc[f->offload]))
		return DROP_BAD_OFFLOAD;
	if (unlikely(len > max) && v->offload.gso_type == PACKET_GSO_NONE)
		return DROP_OVERSIZE;
	return DROP_REASONS;
}

static inline void
frame_view(struct shm_port *p, struct shm_pair *pair, struct packet_burst *pb, struct burst *b,
	const struct frame *f)
{
	const struct netvm_desc *d = &b->desc[f->first];
	enum packet_drop why;
	uint32_t len = 0;

	why = judge(p->pool, b, f, &len);
	if (likely(why == DROP_REASONS && d->action != NETVM_ACTION_DROP)) {
		why = unlikely(d->action > NETVM_ACTION_TO_PORT)
			      ? DROP_BAD_DESCRIPTOR
			      : view_make(p, pair->hold, pb, b, f, len);
		if (likely(why == DROP_REASONS)) {
			pb->count++;
			shm_count(&pair->rx_packets, 1);
			shm_count(&pair->rx_bytes, len);
			return;
		}
	}
	for (uint32_t i = f->first; i < (uint32_t)f->first + f->ndesc; i++)
		if (b->ours[i])
			b->freed[b->nfreed++] = b->desc[i].buffer;
	if (why != DROP_REASONS)
		shm_view_refuse(p, pair, why);
}

/* --- what workers call ---------------------------------------------------------------- */

void
shm_port_rx(struct shm_port *p, uint16_t qp, struct packet_burst *pb)
{
	struct shm_pair *pair;
	struct shm_ring *r;
	struct burst b;
	uint32_t n;
	bool bad;

	pb->count = 0;
	pb->nseg = 0;
	if (unlikely(!shm_heard(p) || qp >= p->pairs))
		return;
	pair = &p->pair[qp];
	r = &pair->ring[NETVM_TX];
	shm_fill(p, qp, pair->ring[NETVM_FILL].size / 4);
	n = shm_ring_look(r, PACKET_BURST, &bad);
	if (n == 0)
		return;
	pair->hold->views = pb;
	if (likely(!bad) && p->plain->rx(p, pair, pb)) {
		pair->hold->nburst = (uint8_t)pb->count;
		return;
	}
	n = shm_ring_look(r, SHM_JOURNAL, &bad);
	if (unlikely(bad)) {
		shm_port_fault(p, SHM_FAULT_INDEX);
		return;
	}
	look(p, r, &b, n);
	take(p, r, &b);
	for (uint32_t i = 0; i < b.nframe; i++)
		frame_view(p, pair, pb, &b, &b.frame[i]);
	pair->hold->nburst = (uint8_t)pb->count;
	if (b.nfreed != 0)
		shm_pool_free(p->pool, b.freed, b.nfreed);
}

/* Not `live`: it may have been cleared since shm_port_rx(), and what was taken must
 * still be given back. */
void
shm_port_rx_complete(struct shm_port *p, uint16_t qp, struct packet_burst *b)
{
	struct shm_hold *h = p->pair[qp].hold;

	if (h->nburst != 0)
		shm_hold_complete(h);
	else if (unlikely(h->nout != 0))
		shm_hold_reap(h);
	b->count = 0;
}

bool
shm_port_rx_held(struct shm_port *p, uint16_t qp)
{
	return p->pair[qp].hold->nout != 0;
}
