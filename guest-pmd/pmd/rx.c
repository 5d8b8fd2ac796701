/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The receive burst, on the lcore that polls the queue. See pmd.h for who else is
 * at a pair at the same time.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mempool.h>
#include <rte_prefetch.h>
#include <rte_vect.h>

#include "guest-pmd/pmd/buffers.h"
#include "guest-pmd/pmd/pmd.h"
#include "guest-pmd/short.h"

#define FLUSH_POLLS 64 /* empty polls after which frees that had no room are tried again */

/* Makes m a view of a buffer, or of a part of it. */
static inline void
attach(const struct pmd_pair *pair, struct pmd_buffers *b, struct rte_mbuf *m, uint32_t buffer,
	const uint8_t *data, uint32_t length)
{
	uint8_t *start = b->pool + (size_t)buffer * b->size;
	struct pmd_buffer *e = &b->entry[buffer];

	e->link = buffer;
	e->pair = pair->number;
	rte_mbuf_ext_refcnt_set(&e->shinfo, 1);
	m->shinfo = &e->shinfo;
	m->buf_addr = start;
	rte_mbuf_iova_set(m, likely(!b->iova) ? (uintptr_t)start : b->iova[buffer]);
	m->buf_len = RTE_MIN(b->size, (uint32_t)UINT16_MAX);
	m->data_off = data - start;
	m->data_len = length;
	m->port = pair->port_id;
	m->ol_flags = RTE_MBUF_F_EXTERNAL;
}

static uint64_t
ip_flags(struct pmd_pair *pair, const uint8_t *data, uint32_t length)
{
	const struct rte_ether_hdr *eth = (const void *)data;
	const struct rte_ipv4_hdr *ip = (const void *)(eth + 1);
	uint32_t bytes;

	if (length < sizeof(*eth) + sizeof(*ip) || eth->ether_type != RTE_BE16(RTE_ETHER_TYPE_IPV4))
		return 0;
	bytes = rte_ipv4_hdr_len(ip);
	if (bytes < sizeof(*ip) || bytes > length - sizeof(*eth))
		return 0;
	/* The sum over a right header, its checksum included, is all ones. */
	if (rte_raw_cksum(ip, bytes) == 0xffff)
		return RTE_MBUF_F_RX_IP_CKSUM_GOOD;
	pmd_count(&pair->rx.bad_ip, 1);
	return RTE_MBUF_F_RX_IP_CKSUM_BAD;
}

static inline void
fill(struct pmd_pair *pair, struct pmd_buffers *b, struct rte_mbuf *m, const struct netvm_packet *p)
{
	attach(pair, b, m, p->buffer, p->data, p->length);
	m->pkt_len = p->total;
	m->packet_type = 0;
	m->vlan_tci = 0;
	m->tx_offload = 0;
	m->hash.rss = p->mark;
	m->ol_flags |= pair->rx_flags[p->flags & 7];
	if (unlikely(pair->check_ip))
		m->ol_flags |= ip_flags(pair, p->data, p->length);
	if (unlikely(p->gso_size && pair->lro)) {
		m->ol_flags |= RTE_MBUF_F_RX_LRO;
		m->tso_segsz = p->gso_size;
	}
}

/* Gives a packet's buffers back by way of the pair's list: the transmit direction
 * may be another lcore's. */
static void
drop(const struct pmd_pair *pair, struct pmd_buffers *b, const struct netvm_packet *p)
{
	const struct netvm_seg *seg, *next = p->next;

	b->entry[p->buffer].pair = pair->number;
	pmd_buffer_push(b, p->buffer);
	while ((seg = next)) {
		next = seg->next;
		b->entry[seg->buffer].pair = pair->number;
		pmd_buffer_push(b, seg->buffer);
	}
}

/* The further pieces of a packet; head is filled in. False: no mbufs for it. */
static bool
fill_chain(struct pmd_pair *pair, struct pmd_buffers *b, struct rte_mbuf *head,
	const struct netvm_packet *p)
{
	struct rte_mbuf *pieces[NETVM_SEGS_MAX], *last = head;
	const struct netvm_seg *seg = p->next;
	uint16_t i, n = p->nseg - 1;

	if (n >= NETVM_SEGS_MAX || rte_mempool_get_bulk(pair->mempool, (void **)pieces, n))
		return false;
	for (i = 0; i < n; i++, seg = seg->next) {
		attach(pair, b, pieces[i], seg->buffer, seg->data, seg->length);
		last->next = pieces[i];
		last = pieces[i];
	}
	head->nb_segs = p->nseg;
	return true;
}

/* Mbufs in store for a burst of n; returns for how many. */
static uint16_t
stock(struct pmd_pair *pair, uint16_t n)
{
	uint16_t have = pair->mbufs_n;

	if (likely(have >= n))
		return n;
	if (likely(!rte_mempool_get_bulk(
		    pair->mempool, (void **)&pair->mbufs[have], PMD_BURST - have))) {
		pair->mbufs_n = PMD_BURST;
		return n;
	}
	/* The pool is nearly empty. */
	while (have < n && !rte_mempool_get(pair->mempool, (void **)&pair->mbufs[have]))
		have++;
	pair->mbufs_n = have;
	return have;
}

/* fill() of what is one piece without a request, a few wide stores for all that has
 * its place in the mbuf's first line. */
static inline void
fill_short(struct pmd_pair *pair, struct pmd_buffers *b, struct rte_mbuf *m,
	const struct netvm_desc *d)
{
	uint8_t *start = b->pool + (size_t)d->buffer * b->size;
	struct pmd_buffer *e = &b->entry[d->buffer];
	uint64_t rearm = pair->rearm | d->offset;
	__m128i fields = _mm_set_epi32((int)d->mark, d->length, d->length, 0);

	e->link = d->buffer;
	e->pair = pair->number;
	rte_mbuf_ext_refcnt_set(&e->shinfo, 1);
	m->buf_addr = start;
	rte_mbuf_iova_set(m, likely(!b->iova) ? (uintptr_t)start : b->iova[d->buffer]);
	memcpy((void *)((uintptr_t)m + offsetof(struct rte_mbuf, rearm_data)), &rearm,
		sizeof(rearm));
	m->ol_flags = RTE_MBUF_F_EXTERNAL | pair->rx_flags[d->flags >> 1 & 7];
	/* packet_type, pkt_len, data_len and vlan_tci, the hash. */
	_mm_storeu_si128(
		(void *)((uintptr_t)m + offsetof(struct rte_mbuf, rx_descriptor_fields1)), fields);
	m->buf_len = RTE_MIN(b->size, (uint32_t)UINT16_MAX);
	m->tx_offload = 0;
	m->shinfo = &e->shinfo;
	if (unlikely(pair->check_ip))
		m->ol_flags |= ip_flags(pair, start + d->offset, d->length);
}

/* Packets that are one piece each; *other: the next one is not. */
static uint16_t
receive_short(struct pmd_pair *pair, struct rte_mbuf **mbufs, uint16_t n, bool *other)
{
	struct pmd_buffers *b = pair->device->buffers;
	struct netvm_desc desc[PMD_BURST];
	uint16_t room = stock(pair, n);
	uint64_t bytes = 0;
	int i, got;

	*other = false;
	if (unlikely(!room)) {
		pmd_count(&pair->rx.no_mbufs, 1);
		return 0;
	}
	got = netvm_rx_short(pair->device->port, pair->number, desc, room, other);
	if (unlikely(got < 0)) {
		pmd_burst_failed(pair->device, got);
		return 0;
	}
	for (i = 0; i < got; i++)
		rte_prefetch0(&b->entry[desc[i].buffer]);
	pair->mbufs_n -= got;
	for (i = 0; i < got; i++) {
		mbufs[i] = pair->mbufs[pair->mbufs_n + i];
		fill_short(pair, b, mbufs[i], &desc[i]);
		bytes += desc[i].length;
	}
	pmd_count(&pair->rx.taken, got);
	pmd_count(&pair->rx.packets, got);
	pmd_count(&pair->rx.bytes, bytes);
	return got;
}

/* Packets of any kind. */
static uint16_t
receive_any(struct pmd_pair *pair, struct rte_mbuf **mbufs, uint16_t n)
{
	struct pmd_buffers *b = pair->device->buffers;
	struct netvm_packet *p = pair->rx_packets;
	uint64_t bytes = 0, pieces = 0;
	uint16_t out = 0, room = stock(pair, n);
	int i, got;

	if (unlikely(!room)) {
		pmd_count(&pair->rx.no_mbufs, 1);
		return 0;
	}
	got = netvm_rx(pair->device->port, pair->number, p, room);
	if (unlikely(got < 0)) {
		pmd_burst_failed(pair->device, got);
		return 0;
	}
	for (i = 0; i < got; i++)
		rte_prefetch0(&b->entry[p[i].buffer]);
	for (i = 0; i < got; i++) {
		struct rte_mbuf *m = pair->mbufs[pair->mbufs_n - 1];

		fill(pair, b, m, &p[i]);
		pieces += p[i].nseg;
		if (unlikely(p[i].nseg > 1) && !fill_chain(pair, b, m, &p[i])) {
			pmd_count(&pair->rx.no_mbufs, 1);
			drop(pair, b, &p[i]);
			continue;
		}
		pair->mbufs_n--;
		bytes += p[i].total;
		mbufs[out++] = m;
	}
	pmd_count(&pair->rx.taken, pieces);
	pmd_count(&pair->rx.packets, out);
	pmd_count(&pair->rx.bytes, bytes);
	return out;
}

static inline uint16_t
receive(struct pmd_pair *pair, struct rte_mbuf **mbufs, uint16_t n)
{
	bool other;
	uint16_t got = receive_short(pair, mbufs, n, &other);

	if (unlikely(other))
		got += receive_any(pair, mbufs + got, n - got);
	return got;
}

/* Where nobody transmits, receiving gives freed buffers back; and from time to time
 * libnetvm tries again what its ring had no room for. */
static inline void
give_back(struct pmd_pair *pair, bool idle)
{
	const struct pmd_buffers *b = pair->device->buffers;
	bool flush = false;

	if (idle)
		flush = ++pair->empty_polls % FLUSH_POLLS == 0;
	if (likely(!flush && __atomic_load_n(&b->returned[pair->number].top, __ATOMIC_RELAXED) ==
				     PMD_NO_BUFFER))
		return;
	if (!rte_spinlock_trylock(&pair->tx_lock))
		return;
	pmd_drain(pair);
	if (flush)
		netvm_free(pair->device->port, pair->number, NULL, 0);
	pmd_unlock(&pair->tx_lock);
}

uint16_t
pmd_rx(void *queue, struct rte_mbuf **mbufs, uint16_t n)
{
	struct pmd_pair *pair = queue;
	uint16_t got = 0, part, took;

	/* Taken by another lcore against ethdev's rules, or by the watch: nothing then. */
	if (unlikely(!rte_spinlock_trylock(&pair->rx_lock)))
		return 0;
	if (likely(__atomic_load_n(&pair->device->state, __ATOMIC_RELAXED) == PMD_RUNNING)) {
		while (got < n) {
			part = RTE_MIN(n - got, PMD_BURST);
			took = receive(pair, mbufs + got, part);
			got += took;
			if (took < part)
				break;
		}
		give_back(pair, !got);
	}
	pmd_unlock(&pair->rx_lock);
	return got;
}
