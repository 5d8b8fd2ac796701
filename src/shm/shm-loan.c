/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets on their way, see shm-loan.h. Workers, and whoever takes a port or pool
 * down.
 */
#include "src/shm/shm-loan.h"

#include <stdlib.h>

static_assert(offsetof(struct shm_hold, lender) == 0, "shm_hold_of()");

/* Buffers that go back to the pool together. */
struct heap {
	struct shm_pool *pool;
	unsigned int n;
	uint32_t buffer[SHM_JOURNAL];
};

static void
heap_flush(struct heap *f)
{
	if (f->n != 0)
		shm_pool_free(f->pool, f->buffer, f->n);
	f->n = 0;
}

static inline void
heap_packet(struct heap *f, const struct shm_slot *s)
{
	uint32_t buffer = s->buffer;

	for (unsigned int i = 0; i < s->nseg; i++) {
		if (f->n == SHM_JOURNAL)
			heap_flush(f);
		f->buffer[f->n++] = buffer;
		if (i + 1u < s->nseg)
			buffer = f->pool->seg[buffer].next;
	}
}

struct shm_hold *
shm_hold_new(struct shm_pool *pool, uint16_t number)
{
	struct shm_hold *h = aligned_alloc(64, (sizeof(*h) + 63) & ~(size_t)63);

	if (h == NULL)
		return NULL;
	memset(h, 0, sizeof(*h));
	h->lender.most = SHM_LOANS_MOST;
	h->lender.dma = &pool->dma;
	h->pool = pool;
	h->number = number;
	for (unsigned int i = 0; i < SHM_SLOTS; i++) {
		h->slot[i].loan.lender = &h->lender;
		if (i < PACKET_BURST)
			h->burst[i] = (uint8_t)i;
		else
			h->spare[h->nspare++] = (uint8_t)i;
	}
	return h;
}

void
shm_hold_complete(struct shm_hold *h)
{
	/* In a local: what is stored to a uint8_t may be anything, to the compiler. */
	unsigned int n = h->nburst;
	struct heap f = {.pool = h->pool, .n = 0};
	uint32_t buffer[PACKET_BURST], nbuffer = 0;

	for (unsigned int i = 0; i < n; i++) {
		struct shm_slot *s = &h->slot[h->burst[i]];

		/* Relaxed: FREE or not is this thread's doing. */
		if (unlikely(__atomic_load_n(&s->loan.state, __ATOMIC_RELAXED) !=
			     PACKET_LOAN_FREE)) {
			/* lender.most sees to it that there is a spare. */
			h->out[h->nout++] = h->burst[i];
			h->burst[i] = h->spare[--h->nspare];
			continue;
		}
		if (s->state == SHM_SLOT_OFFERED) {
			if (likely(s->nseg == 1))
				buffer[nbuffer++] = s->buffer;
			else
				heap_packet(&f, s);
		}
	}
	h->nburst = 0;
	if (nbuffer != 0)
		shm_pool_free(h->pool, buffer, nbuffer);
	heap_flush(&f);
	if (h->nout != 0)
		shm_hold_reap(h);
}

void
shm_hold_reap(struct shm_hold *h)
{
	struct heap f = {.pool = h->pool, .n = 0};
	unsigned int n = 0;

	for (unsigned int i = 0; i < h->nout; i++) {
		struct shm_slot *s = &h->slot[h->out[i]];

		/* Acquire, pairs with packet_loan_return(). */
		if (__atomic_load_n(&s->loan.state, __ATOMIC_ACQUIRE) == PACKET_LOAN_OUT) {
			h->out[n++] = h->out[i];
			continue;
		}
		__atomic_store_n(&s->loan.state, PACKET_LOAN_FREE, __ATOMIC_RELAXED);
		h->lender.out--;
		heap_packet(&f, s);
		h->spare[h->nspare++] = h->out[i];
	}
	h->nout = (uint8_t)n;
	heap_flush(&f);
}

void
shm_hold_abandon(struct shm_hold *h)
{
	if (h == NULL)
		return;
	shm_hold_complete(h);
	h->next = h->pool->orphans;
	h->pool->orphans = h;
	shm_hold_reap_orphans(h->pool);
}

void
shm_hold_reap_orphans(struct shm_pool *pool)
{
	struct shm_hold **at = &pool->orphans;

	while (*at != NULL) {
		struct shm_hold *h = *at;

		shm_hold_reap(h);
		if (h->nout != 0) {
			at = &h->next;
			continue;
		}
		*at = h->next;
		free(h);
	}
}
