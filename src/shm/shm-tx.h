/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A burst of packets on its way to a guest: what shm-tx.c and shm-copy.c share.
 * Workers, under the ring's lock.
 */
#ifndef NETVM_SHM_TX_H
#define NETVM_SHM_TX_H

#include "src/shm/shm-loan.h"

#define SHM_SPARES 32

/* A burst to one guest, under way. */
struct shm_tx {
	struct shm_port *p;
	struct shm_pool *pool;
	struct shm_give give;
	uint32_t quota;
	uint32_t nspare;
	uint32_t spare[SHM_SPARES + NETVM_SEGS_MAX]; /* fresh buffers */
	uint64_t packets, bytes, hops;
	uint32_t drop[DROP_REASONS];
	bool bad, segs, hash;
};

/* --- descriptors --------------------------------------------------------------------- */

static inline bool
shm_has_request(const struct packet *p)
{
	return (p->offload.flags & PACKET_F_NEEDS_CSUM) != 0 ||
	       p->offload.gso_type != PACKET_GSO_NONE;
}

static inline void
shm_give_request(struct shm_tx *t, const struct packet *p)
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

/* Gives the request, if there is one; returns the flags of the first descriptor. */
static inline uint32_t
shm_first_flags(struct shm_tx *t, const struct packet *p)
{
	uint32_t flags = (p->offload.flags & PACKET_F_DATA_VALID) != 0 ? NETVM_DESC_F_CSUM_OK : 0;

	if (likely(!shm_has_request(p)))
		return flags;
	shm_give_request(t, p);
	return flags | NETVM_DESC_F_OFFLOAD;
}

/* The flow's hash, and that there is one: for who asked for it, since it is as much work
 * as a small packet's copy. */
static inline uint32_t
shm_mark(const struct shm_tx *t, const struct packet *p, uint32_t *flags)
{
	if (!t->hash)
		return 0;
	*flags |= NETVM_DESC_F_HASH;
	return packet_flow_hash(p);
}

/*
 * Room for a packet of so many entries, 0: it was dropped. A give moves a part of the
 * ring at most, so there may be more after the next one begins.
 */
static inline bool
shm_room_for(struct shm_tx *t, uint32_t entries)
{
	if (likely(t->give.room >= entries))
		return true;
	shm_give_end(&t->give, t->p);
	t->give = shm_give_begin(t->give.ring, entries, &t->bad);
	return t->give.room >= entries;
}

/* What becomes of a packet: sent, dropped and counted (SENT, too), or nothing yet. */
enum shm_put { PUT_DONE, PUT_FULL, PUT_COPY };

static inline enum shm_put
shm_drop(struct shm_tx *t, enum packet_drop why)
{
	t->drop[why]++;
	return PUT_DONE;
}

/* Whether the guest may have it, in so many buffers. */
static inline enum shm_put
shm_admit(struct shm_tx *t, const struct packet *p, uint32_t nseg)
{
	if (unlikely(nseg > t->quota))
		return shm_drop(t, DROP_QUOTA);
	if (unlikely(!shm_room_for(t, nseg + shm_has_request(p))))
		return PUT_FULL;
	t->quota -= nseg;
	t->packets++;
	t->bytes += p->len;
	return PUT_COPY;
}

/* Whether it stands on buffers of this pool, so that it may go on without a copy. */
static inline bool
shm_in_pool(const struct shm_tx *t, const struct packet *p)
{
	if (p->keep == PACKET_KEEP_LOAN || p->loan == NULL)
		return false;
	if (p->keep == PACKET_KEEP_POOL)
		return shm_hold_of((struct shm_slot *)p->loan)->pool == t->pool;
	return ((struct rte_mbuf *)p->mbuf)->pool == t->pool->mempool;
}

/* Makes the spare buffers n. */
static inline bool
shm_top_up(struct shm_tx *t, uint32_t n)
{
	if (t->nspare >= n)
		return true;
	if (unlikely(!shm_pool_alloc(t->pool, &t->spare[t->nspare], n - t->nspare)))
		return false;
	t->nspare = n;
	return true;
}

/* shm-copy.c. Copies the packet into buffers of the pool. */
enum shm_put shm_put_copy(struct shm_tx *t, const struct packet *p);

#endif
