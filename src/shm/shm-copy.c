/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets from elsewhere are copied into fresh buffers of the guest's pool, several
 * where one is too small and the guest takes packets in pieces. See shm-tx.c;
 * shm-plain-copy.h has the fast way for most of them.
 */
#include "src/shm/shm-tx.h"

/* shm_top_up(), and some for the next ones. */
static bool
spares(struct shm_tx *t, uint32_t n)
{
	if (t->nspare < n && shm_pool_alloc(t->pool, &t->spare[t->nspare], SHM_SPARES))
		t->nspare += SHM_SPARES;
	return shm_top_up(t, n);
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

		packet_copy_out(p, done, shm_buffer(t->pool, buffer) + SHM_HEADROOM, n);
		flags |= i + 1 < nseg ? NETVM_DESC_F_MORE : 0;
		shm_give_fields(
			&t->give, buffer, SHM_HEADROOM, n, flags, i == 0 ? p->from : 0, mark);
		flags = mark = 0;
		done += n;
	}
	return PUT_DONE;
}
