/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The pool's buffers while mbufs are attached to them.
 *
 * One entry for each buffer of the pool, in private memory: DPDK calls the
 * function pointer in it when the last mbuf lets go of the buffer, so it must not
 * lie where other guests write. The callback runs on any thread and pushes the
 * buffer onto the list of the pair that it came from: a stack whose pushes are one
 * compare-and-swap, and whose only reader takes all of it at once, so that the
 * ABA problem cannot come up. Nobody ever waits for a preempted thread.
 *
 * When a port is opened again, netvmd has all buffers, and what mbufs still point
 * to is void. Such mbufs must come back in peace: each opening has a table of its
 * own, and a retired one stays until its last buffer has been freed.
 */
#ifndef NETVM_PMD_BUFFERS_H
#define NETVM_PMD_BUFFERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "guest-pmd/netvm-abi.h"

#define PMD_NO_BUFFER UINT32_MAX

struct pmd_buffer {
	struct rte_mbuf_ext_shared_info shinfo;
	/* Attached: the buffer's number. Pushed: the number of the one below it on
	 * the stack. */
	uint32_t link;
	uint32_t pair; /* whose stack it goes to */
};

/* Pushers and the one reader share this line, and nothing else does. */
struct pmd_stack {
	uint32_t top; /* PMD_NO_BUFFER: empty */
} __rte_aligned(128);

struct pmd_buffers {
	uint8_t *pool;
	uint32_t size;            /* of a buffer */
	uint32_t count;           /* of buffers */
	rte_iova_t *iova;         /* of each, where it is not its address; else NULL */
	bool retired;             /* written once; read by who holds one of its buffers */
	uint64_t outstanding;     /* retired: that were attached then, less those freed since */
	struct pmd_buffers *next; /* retired: the next one */
	struct pmd_stack returned[NETVM_PAIRS_MAX];
	struct pmd_buffer entry[];
};

_Static_assert(sizeof(struct pmd_buffer) == 32, "two to a cache line");

/* Control threads. NULL: no memory. */
struct pmd_buffers *pmd_buffers_new(uint8_t *pool, uint32_t size, uint32_t count);
/* No longer in use, while `outstanding` buffers are still attached or on its
 * stacks; frees it when there are none, and older ones that have become so. */
void pmd_buffers_retire(struct pmd_buffers *b, uint64_t outstanding);
/* Retired tables that wait for mbufs. */
unsigned int pmd_buffers_waiting(void);

/* mbufs' free callback: tells our buffers from others'. Any thread. */
void pmd_buffer_freed(void *address, void *entry);

static inline struct pmd_buffer *
pmd_buffer_of(const struct rte_mbuf *m)
{
	return (struct pmd_buffer *)m->shinfo;
}

static inline struct pmd_buffers *
pmd_buffers_of(struct pmd_buffer *attached)
{
	return (struct pmd_buffers *)((uint8_t *)(attached - attached->link) -
				      offsetof(struct pmd_buffers, entry));
}

/* True: what an mbuf is attached to belongs to an earlier opening of a port. */
static inline bool
pmd_buffer_retired(struct pmd_buffer *attached)
{
	return __atomic_load_n(&pmd_buffers_of(attached)->retired, __ATOMIC_RELAXED);
}

/* True when the entry is of this table; the entry is not looked at. */
static inline bool
pmd_buffer_in(const struct pmd_buffers *b, const struct pmd_buffer *e)
{
	return (uintptr_t)e - (uintptr_t)b->entry < b->count * sizeof(*e);
}

/* Whether m's buffer can be passed on: one of this table's, and only m's. */
static inline bool
pmd_passable(const struct pmd_buffers *b, const struct rte_mbuf *m)
{
	return (m->ol_flags & (RTE_MBUF_F_EXTERNAL | RTE_MBUF_F_INDIRECT)) == RTE_MBUF_F_EXTERNAL &&
	       pmd_buffer_in(b, pmd_buffer_of(m)) && rte_mbuf_refcnt_read(m) == 1 &&
	       rte_mbuf_ext_refcnt_read(m->shinfo) == 1 && m->data_len &&
	       (uint32_t)m->data_off + m->data_len <= b->size;
}

/* Pushes buffers that are linked from `top` down to `bottom`. */
static inline void
pmd_buffers_push(struct pmd_buffers *b, uint32_t pair, uint32_t top, uint32_t bottom)
{
	uint32_t *at = &b->returned[pair].top;
	uint32_t below = __atomic_load_n(at, __ATOMIC_RELAXED);

	/* Release: pairs with the acquire in pmd_buffers_returned(), which reads the links,
	 * and hands over what the mbufs' last user did to the bytes. */
	do {
		b->entry[bottom].link = below;
	} while (!__atomic_compare_exchange_n(
		at, &below, top, true, __ATOMIC_RELEASE, __ATOMIC_RELAXED));
}

static inline void
pmd_buffer_push(struct pmd_buffers *b, uint32_t number)
{
	pmd_buffers_push(b, b->entry[number].pair, number, number);
}

/* All that was pushed for a pair: the top one's number, the others follow by `link`. */
static inline uint32_t
pmd_buffers_returned(struct pmd_buffers *b, uint32_t pair)
{
	uint32_t *top = &b->returned[pair].top;

	/* A look first: the exchange would take the line from those who push. */
	if (__atomic_load_n(top, __ATOMIC_RELAXED) == PMD_NO_BUFFER)
		return PMD_NO_BUFFER;
	return __atomic_exchange_n(top, PMD_NO_BUFFER, __ATOMIC_ACQUIRE);
}

#endif
