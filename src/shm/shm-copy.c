/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets from elsewhere are copied into fresh buffers of the guest's pool, several
 * where one is too small and the guest takes packets in pieces. See shm-tx.c.
 */
#include "src/shm/shm-tx.h"

/* Makes them n. */
static inline bool
top_up(struct shm_tx *t, uint32_t n)
{
	if (t->nspare >= n)
		return true;
	if (unlikely(!shm_pool_alloc(t->pool, &t->spare[t->nspare], n - t->nspare)))
		return false;
	t->nspare = n;
	return true;
}

/* The same, and some for the next ones. */
static bool
spares(struct shm_tx *t, uint32_t n)
{
	if (t->nspare < n && shm_pool_alloc(t->pool, &t->spare[t->nspare], SHM_SPARES))
		t->nspare += SHM_SPARES;
	return top_up(t, n);
}

/* Two moves that overlap: exactly n bytes, without a call for what most packets are. */
static inline void
copy_header(uint8_t *to, const uint8_t *from, uint32_t n)
{
	if (unlikely(n < 64 || n > 128)) {
		memcpy(to, from, n);
		return;
	}
	memcpy(to, from, 64);
	if (n > 64)
		memcpy(to + n - 64, from + n - 64, 64);
}

/* Into one buffer. */
static inline void
copy_whole(uint8_t *to, const struct packet *p)
{
	copy_header(to, p->hdr, p->hdr_len);
	to += p->hdr_len;
	if (p->rest_len != 0)
		memcpy(to, p->rest, p->rest_len);
	to += p->rest_len;
	for (uint16_t i = 0; i < p->nmore; i++) {
		memcpy(to, p->more[i].data, p->more[i].len);
		to += p->more[i].len;
	}
}

enum shm_put
shm_put_copy(struct shm_tx *t, const struct packet *p)
{
	uint32_t room = t->pool->buffer_size - SHM_HEADROOM, done = 0;
	uint32_t nseg = likely(p->len <= room) ? 1 : (p->len + room - 1) / room;
	uint32_t flags, mark;
	enum shm_put put;

	if (unlikely(nseg > NETVM_SEGS_MAX || (nseg > 1 && !t->segs) ||
		     nseg + 1 > t->give.ring->size))
		return shm_drop(t, DROP_SMALL_BUFFER);
	if (unlikely(!spares(t, nseg)))
		return shm_drop(t, DROP_NO_BUFFER);
	put = shm_admit(t, p, nseg);
	if (unlikely(put != PUT_COPY))
		return put;
	flags = shm_first_flags(t, p);
	mark = shm_mark(t, p, &flags);
	for (uint32_t i = 0; i < nseg; i++) {
		uint32_t n = p->len - done < room ? p->len - done : room;
		uint32_t buffer = t->spare[--t->nspare];
		uint8_t *to = shm_buffer(t->pool, buffer) + SHM_HEADROOM;

		if (likely(nseg == 1))
			copy_whole(to, p);
		else
			packet_copy_out(p, done, to, n);
		flags |= i + 1 < nseg ? NETVM_DESC_F_MORE : 0;
		shm_give_fields(
			&t->give, buffer, SHM_HEADROOM, n, flags, i == 0 ? p->from : 0, mark);
		flags = mark = 0;
		done += n;
	}
	return PUT_DONE;
}

/* Whether the packet is copied for sure, into one buffer with so much room, and has no
 * request. */
static inline bool
plain(const struct shm_tx *t, const struct packet *p, uint32_t room)
{
	return !shm_in_pool(t, p) && !shm_has_request(p) && p->len <= room;
}

uint16_t
shm_copy_run(struct shm_tx *t, struct packet *const *pkts, uint16_t n)
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
	if (run == 0 || unlikely(!top_up(t, run)))
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

		copy_whole(first + (size_t)buffer * size, p);
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
