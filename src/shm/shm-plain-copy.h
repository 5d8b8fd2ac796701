/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Plain packets for the guest are copied in a loop of their own; see shm-plain.h.
 */
#ifndef NETVM_SHM_PLAIN_COPY_H
#define NETVM_SHM_PLAIN_COPY_H

#include "src/packet/wide-copy.h"
#include "src/shm/shm-tx.h"

/* Whether the packet is copied for sure, into one buffer with so much room, and has no
 * request. */
static inline bool
plain(const struct shm_tx *t, const struct packet *p, uint32_t room)
{
	return !shm_in_pool(t, p) && !shm_has_request(p) && p->len <= room;
}

static uint16_t
plain_copy(struct shm_tx *t, struct packet *const *pkts, uint16_t n)
{
	/* In locals: the copies may write to anything, to the compiler. */
	const struct shm_ring *r = t->give.ring;
	struct netvm_desc *desc = r->desc;
	uint32_t *list = r->journal->list + t->give.listed;
	const uint32_t size = t->pool->buffer_size, mask = r->mask, at = t->give.at;
	uint8_t *first = t->pool->buffer0 + SHM_HEADROOM;
	uint32_t most = t->give.room < t->quota ? t->give.room : t->quota, run = 0;
	const uint32_t *spare;
	uint64_t bytes = 0;

	most = most < SHM_SPARES ? most : SHM_SPARES;
	most = most < n ? most : n;
	while (run < most && plain(t, pkts[run], size - SHM_HEADROOM))
		run++;
	if (run == 0 || unlikely(!shm_top_up(t, run)))
		return 0;
	t->nspare -= run;
	spare = t->spare + t->nspare;
	for (uint32_t i = 0; i < run; i++)
		__builtin_prefetch(first + (size_t)spare[i] * size, 1);
	for (uint32_t i = 0; i < run; i++) {
		const struct packet *p = pkts[i];
		uint32_t buffer = spare[i];
		uint32_t flags =
			(p->offload.flags & PACKET_F_DATA_VALID) != 0 ? NETVM_DESC_F_CSUM_OK : 0;
		uint32_t mark = shm_mark(t, p, &flags);

		wide_copy_packet(first + (size_t)buffer * size, p);
		shm_write_fields(
			&desc[(at + i) & mask], buffer, SHM_HEADROOM, p->len, flags, p->from, mark);
		list[i] = buffer;
		bytes += p->len;
	}
	shm_give_more(&t->give, run);
	t->quota -= run;
	t->packets += run;
	t->bytes += bytes;
	return (uint16_t)run;
}

#endif
