/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What becomes of mbufs that were sent; see release.h.
 *
 * rte_pktmbuf_free() would detach an mbuf that was copied, call us back for its buffer
 * and give mbuf and buffer back one by one, which is a third of what it costs to
 * forward a small packet between two ports of a guest. So those of our own are taken
 * apart here, and their buffers pushed with one compare-and-swap.
 */
#include "guest-pmd/pmd/release.h"

#include <rte_mempool.h>

#include "guest-pmd/pmd/buffers.h"
#include "guest-pmd/pmd/pmd.h"

/* Mbufs of one mempool, and what that wants to find in them. */
struct put {
	struct rte_mempool *pool;
	uint32_t head; /* from an mbuf to its own data room */
	uint16_t room;
	bool physical; /* IOVAs are not addresses */
	unsigned int n;
	void *mbufs[PMD_BURST];
};

/* Buffers of one table that go to one pair's stack. */
struct chain {
	struct pmd_buffers *buffers; /* NULL: none */
	uint32_t pair, top, bottom;
};

static inline void
put_flush(struct put *put)
{
	if (put->pool && put->n)
		rte_mempool_put_bulk(put->pool, put->mbufs, put->n);
	put->n = 0;
}

/* An mbuf whose buffer has gone, as its mempool wants it back. */
static inline void
put_mbuf(struct put *put, struct rte_mbuf *m)
{
	if (unlikely(m->pool != put->pool || put->n == PMD_BURST)) {
		put_flush(put);
		put->pool = m->pool;
		put->head = sizeof(*m) + rte_pktmbuf_priv_size(m->pool);
		put->room = rte_pktmbuf_data_room_size(m->pool);
		put->physical = rte_eal_iova_mode() == RTE_IOVA_PA;
	}
	m->buf_addr = (uint8_t *)m + put->head;
	rte_mbuf_iova_set(m, likely(!put->physical) ? (uintptr_t)m->buf_addr
						    : rte_mempool_virt2iova(m) + put->head);
	m->buf_len = put->room;
	m->data_off = RTE_MIN((uint16_t)RTE_PKTMBUF_HEADROOM, put->room);
	m->data_len = 0;
	m->ol_flags = 0;
	put->mbufs[put->n++] = m;
}

static inline uint32_t
put_pieces(struct put *put, struct rte_mbuf *m)
{
	struct rte_mbuf *next;
	uint32_t pieces = 0;

	for (; m; m = next, pieces++) {
		next = m->next;
		if (unlikely(next || m->nb_segs != 1)) {
			m->next = NULL;
			m->nb_segs = 1;
		}
		put_mbuf(put, m);
	}
	return pieces;
}

static inline void
chain_flush(struct chain *chain)
{
	if (chain->buffers)
		pmd_buffers_push(chain->buffers, chain->pair, chain->top, chain->bottom);
	chain->buffers = NULL;
}

static inline void
chain_add(struct chain *chain, struct pmd_buffer *e)
{
	struct pmd_buffers *b = pmd_buffers_of(e);
	uint32_t number = e->link;

	if (unlikely(chain->buffers != b || chain->pair != e->pair)) {
		chain_flush(chain);
		*chain = (struct chain){b, e->pair, number, number};
		return;
	}
	e->link = chain->top;
	chain->top = number;
}

/* m is attached to a buffer of ours, of whichever port, and nobody else holds either. */
static inline bool
is_ours_alone(const struct rte_mbuf *m)
{
	return m->nb_segs == 1 &&
	       (m->ol_flags & (RTE_MBUF_F_EXTERNAL | RTE_MBUF_F_INDIRECT)) == RTE_MBUF_F_EXTERNAL &&
	       m->shinfo->free_cb == pmd_buffer_freed && rte_mbuf_refcnt_read(m) == 1 &&
	       rte_mbuf_ext_refcnt_read(m->shinfo) == 1;
}

uint32_t
pmd_release(struct rte_mbuf **mbufs, uint16_t n, uint32_t copied)
{
	struct put put = {.pool = NULL, .n = 0};
	struct chain chain = {.buffers = NULL};
	uint32_t pieces = 0;
	uint16_t i;

	for (i = 0; i < n; i++) {
		struct rte_mbuf *m = mbufs[i];

		if (!(copied & 1u << i)) {
			pieces += put_pieces(&put, m);
		} else if (is_ours_alone(m)) {
			chain_add(&chain, pmd_buffer_of(m));
			put_mbuf(&put, m);
		} else {
			rte_pktmbuf_free(m);
		}
	}
	chain_flush(&chain);
	put_flush(&put);
	return pieces;
}
