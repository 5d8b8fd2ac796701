/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The transmit burst, on the lcore that transmits. A queue may share its pair with
 * other queues and with frees that the receiving lcore gives back, so all of this
 * runs under the pair's transmit lock; see pmd.h.
 *
 * Mbufs are looked at in runs of a burst; tx-short.c has the short way of plain ones.
 * Those that hold buffers of this opening
 * of the port, alone, go without a copy; when netvmd has taken them, the mbufs are
 * put back into their mempools without their buffers. Those that it had no room
 * for are as they were, and stay the caller's.
 */
#include <errno.h>

#include <rte_mempool.h>
#include <rte_net.h>
#include <rte_pause.h>

#include "guest-pmd/pmd/buffers.h"
#include "guest-pmd/pmd/pmd.h"
#include "guest-pmd/pmd/release.h"
#include "guest-pmd/pmd/tx-copy.h"
#include "guest-pmd/short.h"

#define L4_MAX 20 /* bytes of an L4 header that requests touch */

void
pmd_drain(struct pmd_pair *pair)
{
	struct pmd_buffers *b = pair->device->buffers;
	uint32_t number = pmd_buffers_returned(b, pair->number);
	uint32_t buffers[PMD_BURST];
	uint16_t n;

	while (number != PMD_NO_BUFFER) {
		for (n = 0; n < PMD_BURST && number != PMD_NO_BUFFER; n++) {
			buffers[n] = number;
			number = b->entry[number].link;
		}
		netvm_free_buffers(pair->device->port, pair->number, buffers, n);
		pmd_count(&pair->tx.returned, n);
	}
}

static inline void
start_packet(const struct pmd_pair *pair, const struct rte_mbuf *m, struct netvm_packet *p)
{
	p->data = rte_pktmbuf_mtod(m, uint8_t *);
	p->length = m->data_len;
	p->total = m->pkt_len;
	p->nseg = 1;
	p->verdict = NETVM_NEXT;
	p->flags = m->ol_flags & RTE_MBUF_F_RX_RSS_HASH ? NETVM_PACKET_HASH : 0;
	p->destination = 0;
	p->pair = pair->number;
	/* A hash that came with the packet goes with it, for the next NF of the group. */
	p->mark = m->ol_flags & RTE_MBUF_F_RX_RSS_HASH ? m->hash.rss : 0;
	p->gso_size = 0;
	p->gso_type = 0;
	p->next = NULL;
}

static bool
pass_chain(const struct pmd_pair *pair, const struct pmd_buffers *b, const struct rte_mbuf *m,
	struct netvm_packet *p)
{
	struct netvm_seg **link = &p->next;
	const struct rte_mbuf *s;

	if (m->nb_segs > NETVM_SEGS_MAX)
		return false;
	/* What an offload request touches has to lie in the first piece, as in a copy. */
	if ((m->ol_flags & PMD_TX_REQUESTS) && m->data_len < m->l2_len + m->l3_len + L4_MAX)
		return false;
	for (s = m->next; s; s = s->next) {
		if (!pmd_passable(b, s))
			return false;
		*link = netvm_seg(pair->device->port, pmd_buffer_of(s)->link);
		**link = (struct netvm_seg){
			rte_pktmbuf_mtod(s, uint8_t *), s->data_len, pmd_buffer_of(s)->link, NULL};
		link = &(*link)->next;
	}
	p->nseg = m->nb_segs;
	return true;
}

/* Describes m as it is; false: it has to be copied. */
static inline bool
pass(const struct pmd_pair *pair, const struct pmd_buffers *b, const struct rte_mbuf *m,
	struct netvm_packet *p)
{
	if (!pmd_passable(b, m))
		return false;
	start_packet(pair, m, p);
	p->buffer = pmd_buffer_of(m)->link;
	return likely(m->nb_segs == 1) || pass_chain(pair, b, m, p);
}

void
pmd_sent(struct pmd_tx_queue *q, struct rte_mbuf **mbufs, uint16_t n, uint32_t copied)
{
	struct pmd_tx_counters *tx = &q->pair->tx;
	uint64_t bytes = 0;
	uint16_t i;

	for (i = 0; i < n; i++)
		bytes += mbufs[i]->pkt_len;
	if (n < PMD_BURST)
		copied &= (1u << n) - 1;
	pmd_count(&tx->passed_on, pmd_release(mbufs, n, copied));
	pmd_count(&tx->packets, n);
	pmd_count(&tx->bytes, bytes);
	pmd_count(&tx->copied, __builtin_popcount(copied));
	pmd_count(&tx->zero_copy, n - __builtin_popcount(copied));
	pmd_count(&q->packets, n);
	pmd_count(&q->bytes, bytes);
}

/* The first of what is left cannot be sent, ever. */
static void
refuse(struct pmd_tx_queue *q, struct rte_mbuf *m)
{
	rte_pktmbuf_free(m);
	pmd_count(&q->pair->tx.refused, 1);
	pmd_count(&q->dropped, 1);
}

/* Up to a burst of whatever. Returns how many mbufs are the caller's no more; *more: go on. */
static uint16_t
transmit(struct pmd_tx_queue *q, struct rte_mbuf **mbufs, uint16_t n, bool *more)
{
	struct pmd_pair *pair = q->pair;
	struct pmd_device *d = pair->device;
	struct netvm_packet *p = pair->tx_packets;
	uint32_t copied = 0;
	uint16_t i;
	int took, error = 0;

	for (i = 0; i < n; i++) {
		if (unlikely(!pass(pair, d->buffers, mbufs[i], &p[i]))) {
			start_packet(pair, mbufs[i], &p[i]);
			error = pmd_copy(pair, mbufs[i], &p[i]);
			if (unlikely(error))
				break;
			copied |= 1u << i;
		}
		if (unlikely(mbufs[i]->ol_flags & PMD_TX_REQUESTS))
			pmd_offload(mbufs[i], &p[i]);
	}
	took = i ? netvm_tx(d->port, pair->number, p, i) : 0;
	if (took > 0)
		pmd_sent(q, mbufs, took, copied);
	pmd_free_copies(pair, p, took > 0 ? took : 0, i, copied);
	*more = took == i && !error;
	if (unlikely(took < 0)) {
		if (took != -EINVAL && took != -EMSGSIZE) {
			pmd_burst_failed(d, took);
			return 0;
		}
		error = took;
		took = 0;
	} else if (took < i) {
		/* The ring is full, or the next one cannot be sent, which the next burst says. */
		return took;
	}
	if (error == -ENOBUFS)
		pmd_count(&pair->tx.no_buffers, 1);
	else if (error) {
		refuse(q, mbufs[took++]);
		*more = true;
	}
	return took;
}

uint16_t
pmd_tx(void *queue, struct rte_mbuf **mbufs, uint16_t n)
{
	struct pmd_tx_queue *q = queue;
	struct pmd_device *d = q->device;
	struct pmd_pair *pair = q->pair;
	uint16_t done = 0;
	bool more = true, other;

	while (unlikely(!rte_spinlock_trylock(&pair->tx_lock))) {
		/* A reset has the lock for as long as netvmd takes to answer. */
		if (__atomic_load_n(&d->state, __ATOMIC_RELAXED) != PMD_RUNNING)
			return 0;
		rte_pause();
	}
	if (likely(__atomic_load_n(&d->state, __ATOMIC_RELAXED) == PMD_RUNNING)) {
		pmd_drain(pair);
		while (done < n && more) {
			done += pmd_tx_short(
				q, mbufs + done, RTE_MIN(n - done, PMD_BURST), &more, &other);
			if (unlikely(other))
				done += transmit(
					q, mbufs + done, RTE_MIN(n - done, PMD_BURST), &more);
		}
	}
	pmd_unlock(&pair->tx_lock);
	return done;
}

uint16_t
pmd_tx_prepare(void *queue, struct rte_mbuf **mbufs, uint16_t n)
{
	uint16_t i;
	int error;

	for (i = 0; i < n; i++) {
		error = rte_validate_tx_offload(mbufs[i]);
		if (!error && mbufs[i]->nb_segs > NETVM_SEGS_MAX)
			error = -EMSGSIZE;
		if (!error)
			error = rte_net_intel_cksum_prepare(mbufs[i]);
		if (error) {
			rte_errno = -error;
			break;
		}
	}
	return i;
}
