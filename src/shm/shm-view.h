/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A view of a guest's packet: what shm-rx.c and shm-rx-plain.c share. The worker
 * that polls the pair.
 */
#ifndef NETVM_SHM_VIEW_H
#define NETVM_SHM_VIEW_H

#include "src/shm/shm-loan.h"

/*
 * Makes views of packets of one descriptor without a request, as long as the next
 * ones are such; shm_ring_look() has found some entry. False: the first is something
 * else. pb is empty.
 */
bool shm_rx_plain(struct shm_port *p, struct shm_pair *pair, struct packet_burst *pb);

/* Private copy of a packet in one piece. `more`: the buffer has PACKET_HEADER_MAX bytes
 * from there on, so what lies behind the packet may come along: copies of a constant
 * length are fast. */
static inline void
shm_view_header(uint8_t *to, const uint8_t *from, uint32_t n, bool more)
{
	if (unlikely(!more)) {
		memcpy(to, from, n);
		return;
	}
	memcpy(to, from, 64);
	if (n > 64)
		memcpy(to + 64, from + 64, 64);
}

/* The buffers of view i, for who may keep them. */
static inline void
shm_view_offer(
	struct shm_hold *h, struct packet *v, uint32_t i, const struct netvm_desc *d, uint16_t nseg)
{
	struct shm_slot *s = &h->slot[h->burst[i]];

	v->chain = (uint8_t)i;
	s->buffer = d->buffer;
	s->offset = d->offset;
	s->length = d->length;
	s->flags = d->flags & (NETVM_DESC_F_CSUM_OK | NETVM_DESC_F_HASH);
	s->nseg = (uint8_t)nseg;
	s->csum = v->offload.flags;
	s->state = SHM_SLOT_OFFERED;
	s->mark = d->mark;
	v->keep = PACKET_KEEP_POOL;
	v->loan = &s->loan;
}

/* It becomes no view. */
static inline void
shm_view_refuse(struct shm_port *p, struct shm_pair *pair, enum packet_drop why)
{
	if (why == DROP_NOT_OWNED || why == DROP_BAD_DESCRIPTOR)
		shm_violated(p, pair, why, 1);
	else
		shm_count(&pair->rx_drop[why], 1);
}

#endif
