/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The short way of transmitting: packets of one piece that ask for nothing become
 * descriptors at once. Their buffers pass when they are the port's, else their bytes
 * are copied. Whatever is odd, or cannot be sent, tx.c deals with. On the transmitting
 * lcore, under the pair's transmit lock.
 */
#include <stddef.h>
#include <string.h>

#include <rte_vect.h>

#include "guest-pmd/pmd/buffers.h"
#include "guest-pmd/pmd/pmd.h"
#include "guest-pmd/pmd/tx-copy.h"
#include "guest-pmd/short.h"

#define INLINE_BYTES 128 /* up to which a copy is not worth a call */

union pmd_desc {
	uint64_t half[2];
	struct netvm_desc d;
};
_Static_assert(offsetof(struct netvm_desc, offset) == 4 &&
		       offsetof(struct netvm_desc, length) == 6 &&
		       offsetof(struct netvm_desc, flags) == 8 &&
		       offsetof(struct netvm_desc, mark) == 12 && NETVM_ACTION_NEXT == 0,
	"describe() knows where the fields are");

static inline void
copy_bytes(uint8_t *to, const uint8_t *from, uint32_t n)
{
	uint32_t i;

	if (unlikely(n < 16 || n > INLINE_BYTES)) {
		memcpy(to, from, n);
		return;
	}
	for (i = 0; i + 16 < n; i += 16)
		_mm_storeu_si128((void *)(to + i), _mm_loadu_si128((const void *)(from + i)));
	/* The end, over some bytes again. */
	_mm_storeu_si128((void *)(to + n - 16), _mm_loadu_si128((const void *)(from + n - 16)));
}

/*
 * A packet's descriptor, its two halves as whole words: put together in memory from
 * its fields, it would not be there yet when the ring's copy is made of it, which stalls
 * for a dozen cycles. A hash that came with the packet goes with it, for the next
 * one of the group.
 */
static inline void
describe(union pmd_desc *d, const struct rte_mbuf *m, uint32_t buffer, uint32_t offset)
{
	_Static_assert(RTE_MBUF_F_RX_RSS_HASH == 2 && NETVM_DESC_F_HASH == 8, "a shift by 2");
	uint64_t hash = m->ol_flags & RTE_MBUF_F_RX_RSS_HASH;

	d->half[0] = buffer | (uint64_t)offset << 32 | (uint64_t)m->data_len << 48;
	d->half[1] = hash << 2 | (hash ? (uint64_t)m->hash.rss << 32 : 0);
}

/* Into one buffer. False: not m, or not now. */
static inline bool
copy(struct pmd_pair *pair, const struct rte_mbuf *m, union pmd_desc *d)
{
	const struct netvm_info *info = &pair->device->info;
	const struct netvm_packet *spare;

	if (unlikely(!m->data_len || m->data_len != m->pkt_len ||
		     m->data_len > info->buffer_size - info->headroom || pmd_is_void(m)))
		return false;
	spare = pmd_take_spare(pair);
	if (unlikely(!spare))
		return false;
	copy_bytes(spare->data, rte_pktmbuf_mtod(m, const uint8_t *), m->data_len);
	describe(d, m, spare->buffer, info->headroom);
	return true;
}

/* Copies that were not sent: packets [from, to). */
static void
free_copies(struct pmd_pair *pair, const union pmd_desc *desc, uint16_t from, uint16_t to,
	uint32_t copied)
{
	uint32_t buffers[PMD_BURST];
	uint16_t n = 0;

	for (; from < to; from++) {
		if (copied & 1u << from)
			buffers[n++] = desc[from].d.buffer;
	}
	if (n)
		netvm_free_buffers(pair->device->port, pair->number, buffers, n);
}

uint16_t
pmd_tx_short(struct pmd_tx_queue *q, struct rte_mbuf **mbufs, uint16_t n, bool *more, bool *other)
{
	struct pmd_pair *pair = q->pair;
	struct pmd_device *d = pair->device;
	const struct pmd_buffers *b = d->buffers;
	union pmd_desc desc[PMD_BURST];
	uint16_t i, all = n;
	uint32_t copied = 0;
	int took;

	for (i = 0; i < n; i++) {
		const struct rte_mbuf *m = mbufs[i];

		if (unlikely(m->nb_segs != 1 || (m->ol_flags & PMD_TX_REQUESTS)))
			break;
		if (likely(pmd_passable(b, m))) {
			describe(&desc[i], m, pmd_buffer_of(m) - b->entry, m->data_off);
			continue;
		}
		if (unlikely(!copied)) {
			/* Nothing is copied that there is no room for. */
			n = RTE_MIN(n, netvm_tx_space(d->port, pair->number, n));
			if (unlikely(i == n))
				break;
		}
		if (unlikely(!copy(pair, m, &desc[i])))
			break;
		copied |= 1u << i;
	}
	*other = i < n;
	took = i ? netvm_tx_short(d->port, pair->number, &desc->d, i) : 0;
	if (unlikely(took < 0)) {
		pmd_burst_failed(d, took);
		*more = *other = false;
		return 0;
	}
	if (unlikely(took < i)) {
		free_copies(pair, desc, took, i, copied);
		*other = false;
	}
	*more = took == all || *other;
	if (took)
		pmd_sent(q, mbufs, took, copied);
	return took;
}
