/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A view of a guest's packet: what shm-rx.c and shm-plain-rx.h share. The worker
 * that polls the pair.
 */
#ifndef NETVM_SHM_VIEW_H
#define NETVM_SHM_VIEW_H

#include "src/shm/shm-loan.h"

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

/* shm-ring.h has said that words have their fields from the low bits on. */
static_assert(
	offsetof(struct packet, more) == 16 && offsetof(struct packet, loan) == 24 &&
		offsetof(struct packet, len) == 32 && offsetof(struct packet, rest_len) == 36 &&
		offsetof(struct packet, hdr_len) == 40 && offsetof(struct packet, out) == 46 &&
		offsetof(struct packet, offload) == 48 && offsetof(struct packet, chain) == 59 &&
		offsetof(struct packet, keep) == 60 && offsetof(struct packet, action) == 61 &&
		offsetof(struct packet, from) == 62,
	"where shm_view() puts them");
#define SLOT_AS_DESC(field)                                                                        \
	(offsetof(struct shm_slot, field) ==                                                       \
		offsetof(struct shm_slot, buffer) + offsetof(struct netvm_desc, field))
static_assert(offsetof(struct shm_slot, buffer) % 8 == 0 && SLOT_AS_DESC(offset) &&
		      SLOT_AS_DESC(length) && SLOT_AS_DESC(flags) && SLOT_AS_DESC(mark) &&
		      offsetof(struct shm_slot, nseg) == offsetof(struct shm_slot, flags) + 1 &&
		      offsetof(struct shm_slot, csum) == offsetof(struct shm_slot, flags) + 2 &&
		      offsetof(struct shm_slot, state) == offsetof(struct shm_slot, flags) + 3,
	"a descriptor's fields, but for what its view has");

/*
 * View i of a burst: a packet of len bytes that begins with descriptor d, without a
 * request, and what it stands on, for who may keep that. data: where it lies; NULL: in
 * pieces, which the caller adds. The caller copies its first hdr_len bytes to hdr.
 *
 * Word by word: of an initialiser gcc makes 64 bytes of zeroes and small stores into
 * them, and who reads the view next waits for those: 2 cycles in tests/bench/shm-stages.
 */
static inline struct packet *
shm_view(struct shm_hold *h, struct packet_burst *pb, uint32_t i, const struct netvm_desc *d,
	uint32_t len, const uint8_t *data, uint32_t nseg)
{
	const uint32_t n = len < PACKET_HEADER_MAX ? len : PACKET_HEADER_MAX;
	const uint64_t shown = (NETVM_DESC_F_CSUM_OK | NETVM_DESC_F_HASH) | UINT64_MAX << 32;
	const shm_half *desc = (const void *)d;
	struct shm_slot *s = &h->slot[h->burst[i]];
	shm_half *v = (void *)&pb->pkt[i], *slot = (void *)&s->buffer;

	v[0] = (uintptr_t)packet_burst_header(pb, i);
	v[1] = data != NULL && len > n ? (uintptr_t)(data + n) : 0;
	v[2] = 0;
	v[3] = (uintptr_t)&s->loan;
	v[4] = len | (data != NULL ? (uint64_t)(len - n) << 32 : 0);
	v[5] = n | (uint64_t)d->destination << 48;
	v[6] = 0;
	v[7] = (uint64_t)i << 24 | (uint64_t)PACKET_KEEP_POOL << 32 | (uint64_t)d->action << 40 |
	       (uint64_t)h->number << 48;
	slot[0] = desc[0];
	slot[1] = (desc[1] & shown) | nseg << 8 | SHM_SLOT_OFFERED << 24;
	return &pb->pkt[i];
}

/* Its request; false: one that makes no sense. */
static inline bool
shm_view_offload(struct shm_hold *h, struct packet *v, const struct packet_offload *req)
{
	if (!packet_offload_set(v, req))
		return false;
	h->slot[h->burst[v->chain]].csum = v->offload.flags;
	return true;
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
