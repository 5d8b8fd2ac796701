/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Copies of foreign mbufs, and offload requests; see tx-copy.h.
 */
#include "guest-pmd/pmd/tx-copy.h"

#include <errno.h>
#include <string.h>

#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "guest-pmd/pmd/buffers.h"

bool
pmd_is_void(const struct rte_mbuf *m)
{
	if (!RTE_MBUF_HAS_EXTBUF(m) || m->shinfo->free_cb != pmd_buffer_freed)
		return false;
	return pmd_buffer_retired(pmd_buffer_of(m));
}

bool
pmd_more_spares(struct pmd_pair *pair)
{
	int n = netvm_alloc(pair->device->port, pair->number, pair->spares, PMD_BURST);

	if (n <= 0)
		return false;
	pair->spares_n = n;
	return true;
}

/* Empties the next piece for p; returns its bytes' place, NULL: there is none. */
static uint8_t *
add_piece(struct pmd_pair *pair, struct netvm_packet *p, struct netvm_seg **last)
{
	const struct netvm_packet *spare = pmd_take_spare(pair);
	struct netvm_seg *seg;

	if (!spare)
		return NULL;
	if (!p->nseg++) {
		p->buffer = spare->buffer;
		p->data = spare->data;
		return spare->data;
	}
	seg = netvm_seg(pair->device->port, spare->buffer);
	*seg = (struct netvm_seg){spare->data, 0, spare->buffer, NULL};
	if (*last)
		(*last)->next = seg;
	else
		p->next = seg;
	*last = seg;
	return spare->data;
}

static int
check(const struct pmd_pair *pair, const struct rte_mbuf *m, uint32_t room)
{
	const struct rte_mbuf *s;
	uint64_t bytes = 0;

	for (s = m; s; s = s->next) {
		if (pmd_is_void(s))
			return -EINVAL;
		bytes += s->data_len;
	}
	if (!bytes || bytes != m->pkt_len)
		return -EINVAL;
	return bytes > (uint64_t)room * NETVM_SEGS_MAX ? -EMSGSIZE : 0;
}

int
pmd_copy(struct pmd_pair *pair, const struct rte_mbuf *m, struct netvm_packet *p)
{
	const struct netvm_info *info = &pair->device->info;
	uint32_t room = RTE_MIN(info->buffer_size, (uint32_t)UINT16_MAX) - info->headroom;
	uint32_t used = room, from, bytes;
	struct netvm_seg *last = NULL;
	uint8_t *to = NULL;
	int error = check(pair, m, room);

	if (unlikely(error))
		return error;
	p->nseg = 0;
	p->length = 0;
	for (; m; m = m->next) {
		for (from = 0; from < m->data_len; from += bytes, used += bytes) {
			if (used == room) {
				to = add_piece(pair, p, &last);
				if (unlikely(!to)) {
					if (p->nseg)
						netvm_free(pair->device->port, pair->number, p, 1);
					return -ENOBUFS;
				}
				used = 0;
			}
			bytes = RTE_MIN(m->data_len - from, room - used);
			memcpy(to + used, rte_pktmbuf_mtod_offset(m, uint8_t *, from), bytes);
			*(last ? &last->length : &p->length) += bytes;
		}
	}
	return 0;
}

void
pmd_free_copies(struct pmd_pair *pair, const struct netvm_packet *p, uint16_t from, uint16_t to,
	uint32_t copied)
{
	for (; from < to; from++) {
		if (copied & (1u << from))
			netvm_free(pair->device->port, pair->number, &p[from], 1);
	}
}

/* The sum of the pseudo header for all of the packet, as a stock guest leaves it;
 * DPDK's programs leave the length of packets to be cut out of it. */
static uint16_t
pseudo_sum(const struct rte_mbuf *m, const uint8_t *l3, uint32_t l4_bytes)
{
	uint32_t sum = rte_cpu_to_be_16(l4_bytes & 0xffff) + rte_cpu_to_be_16(l4_bytes >> 16) +
		       RTE_BE16(IPPROTO_TCP);

	if (m->ol_flags & RTE_MBUF_F_TX_IPV6)
		sum += rte_raw_cksum(((const struct rte_ipv6_hdr *)l3)->src_addr, 32);
	else
		sum += rte_raw_cksum(&((const struct rte_ipv4_hdr *)l3)->src_addr, 8);
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

static void
offload_tcp(const struct rte_mbuf *m, struct netvm_packet *p, uint32_t l4)
{
	struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)(p->data + l4);
	uint32_t headers = l4 + m->l4_len;

	p->csum_offset = offsetof(struct rte_tcp_hdr, cksum);
	if (!(m->ol_flags & RTE_MBUF_F_TX_TCP_SEG) || p->total <= headers ||
		p->total - headers <= m->tso_segsz || !m->tso_segsz)
		return;
	p->gso_size = m->tso_segsz;
	p->gso_type = m->ol_flags & RTE_MBUF_F_TX_IPV6 ? 4 : 1;
	p->hdr_len = headers;
	tcp->cksum = pseudo_sum(m, p->data + m->l2_len, p->total - l4);
}

void
pmd_offload(const struct rte_mbuf *m, struct netvm_packet *p)
{
	uint32_t l4 = m->l2_len + m->l3_len;
	uint64_t ask = m->ol_flags & RTE_MBUF_F_TX_L4_MASK;

	/* Headers beyond the first piece, or no room for them, are not ours to touch. */
	if (l4 + sizeof(struct rte_tcp_hdr) > p->length &&
		l4 + sizeof(struct rte_udp_hdr) > p->length)
		return;
	if ((m->ol_flags & RTE_MBUF_F_TX_IP_CKSUM) && m->l3_len >= sizeof(struct rte_ipv4_hdr)) {
		struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(p->data + m->l2_len);

		ip->hdr_checksum = 0;
		ip->hdr_checksum = ~rte_raw_cksum(ip, m->l3_len) & 0xffff;
	}
	p->csum_start = l4;
	if (ask == RTE_MBUF_F_TX_UDP_CKSUM) {
		p->csum_offset = offsetof(struct rte_udp_hdr, dgram_cksum);
		p->flags |= NETVM_PACKET_CSUM;
	} else if ((ask == RTE_MBUF_F_TX_TCP_CKSUM || (m->ol_flags & RTE_MBUF_F_TX_TCP_SEG)) &&
		   l4 + sizeof(struct rte_tcp_hdr) <= p->length) {
		offload_tcp(m, p, l4);
		p->flags |= NETVM_PACKET_CSUM;
	}
}
