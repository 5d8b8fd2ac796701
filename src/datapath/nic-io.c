/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * NIC port, worker side: mbufs to views and back. An mbuf that came in on one
 * NIC goes out on another without a copy; guest memory is copied into a fresh
 * mbuf. The control side is port-nic.c.
 */
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "src/datapath/nic.h"

/* --- receive ------------------------------------------------------------- */

/* Chained segments behind the first become the view's `more`. */
static bool
view_chain(struct packet *p, const struct rte_mbuf *m, struct packet_burst *b)
{
	p->more = &b->seg[b->nseg];
	for (m = m->next; m != NULL; m = m->next) {
		if (b->nseg == PACKET_SEGS_MAX)
			return false;
		b->seg[b->nseg].data = rte_pktmbuf_mtod(m, const uint8_t *);
		b->seg[b->nseg].len = m->data_len;
		b->nseg++;
		p->nmore++;
	}
	return true;
}

/* In a group's pool: most drivers lose the flag that says so, and without it DPDK
 * would compute the mbuf's address from its data's. */
static void
mark_external(struct rte_mbuf *m)
{
	for (; m != NULL; m = m->next)
		m->ol_flags |= RTE_MBUF_F_EXTERNAL;
}

/* What is judged, and sent beyond the group, no member can change. */
static void
private_header(struct packet *p, struct packet_burst *b)
{
	uint8_t *hdr = packet_burst_header(b, b->count);

	memcpy(hdr, p->hdr, p->hdr_len);
	p->hdr = hdr;
}

/*
 * An mbuf is private memory, so the header is judged where it lies; but for one
 * in a group's pool, which its members can write to (private_header()). Returns
 * false for a frame that is too short, or whose first segment is too short to
 * hold the headers.
 */
static bool
view_of_mbuf(struct packet *p, struct rte_mbuf *m, struct packet_burst *b, bool shared)
{
	uint16_t hdr = RTE_MIN(m->data_len, PACKET_HEADER_MAX);

	if (m->nb_segs > 1 && hdr < PACKET_HEADER_MAX && rte_pktmbuf_linearize(m) == 0)
		hdr = RTE_MIN(m->data_len, PACKET_HEADER_MAX);
	if (m->pkt_len < PACKET_LEN_MIN || hdr < PACKET_LEN_MIN || m->pkt_len > PACKET_LEN_MAX ||
		rte_pktmbuf_headroom(m) < PACKET_HEADROOM)
		return false;
	if (m->nb_segs > 1)
		hdr &= ~1; /* checksums walk 16-bit words across the border */
	*p = (struct packet){
		.hdr = rte_pktmbuf_mtod(m, uint8_t *),
		.hdr_len = hdr,
		.len = m->pkt_len,
		.mbuf = m,
	};
	if (m->data_len > hdr) {
		p->rest = p->hdr + hdr;
		p->rest_len = m->data_len - hdr;
	}
	if (m->nb_segs > 1 && !view_chain(p, m, b))
		return false;
	if (shared)
		private_header(p, b);
	if ((m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_GOOD)
		p->offload.flags = PACKET_F_DATA_VALID;
	/* Some drivers cannot be kept from stripping the tag; the forwarding code
	 * reads it from the frame. */
	if (unlikely(m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED))
		packet_vlan_push(p, m->vlan_tci);
	return true;
}

void
nic_rx(struct dp_port *port, uint16_t queue, struct packet_burst *b)
{
	struct nic *nic = port->dev;
	struct nic_rxq *q = &nic->rxq[queue];
	struct rte_mbuf *m[PACKET_BURST];
	uint64_t bytes = 0;
	uint16_t n;

	b->count = 0;
	b->nseg = 0;
	/* It pauses when it has to stop a device, or to give up what it borrowed. */
	if (unlikely(!__atomic_load_n(&nic->started, __ATOMIC_RELAXED)))
		return;
	if (unlikely(nic->lacp) && queue == 0)
		nic_bond_poll(nic);
	n = rte_eth_rx_burst(nic->port_id, queue, m, PACKET_BURST);
	for (uint16_t i = 0; unlikely(nic->group != NULL) && i < n; i++)
		mark_external(m[i]);
	for (uint16_t i = 0; i < n && i < 4; i++)
		rte_prefetch0(rte_pktmbuf_mtod(m[i], void *));
	for (uint16_t i = 0; i < n; i++) {
		if (i + 4 < n)
			rte_prefetch0(rte_pktmbuf_mtod(m[i + 4], void *));
		if (unlikely(!view_of_mbuf(&b->pkt[b->count], m[i], b, nic->group != NULL))) {
			rte_pktmbuf_free(m[i]);
			nic_count(&q->runts, 1);
			continue;
		}
		b->pkt[b->count].from = port->index;
		bytes += b->pkt[b->count++].len;
	}
	nic_count(&q->packets, b->count);
	nic_count(&q->bytes, bytes);
}

void
nic_rx_complete(struct dp_port *port, uint16_t queue, struct packet_burst *b)
{
	struct rte_mbuf *m[PACKET_BURST];
	uint16_t n = 0;

	for (uint16_t i = 0; i < b->count; i++)
		if (b->pkt[i].mbuf != NULL)
			m[n++] = b->pkt[i].mbuf;
	if (n != 0)
		rte_pktmbuf_free_bulk(m, n);
	b->count = 0;
}

/* --- transmit ------------------------------------------------------------ */

bool
nic_tx_ready(struct dp_port *port)
{
	const struct nic *nic = port->dev;

	return __atomic_load_n(&nic->started, __ATOMIC_RELAXED) && nic->ntxq != 0;
}

struct dp_tx_caps
nic_tx_caps(struct dp_port *port)
{
	const struct nic *nic = port->dev;

	return (struct dp_tx_caps){.csum = nic->l4_csum, .tso4 = nic->tso, .tso6 = nic->tso};
}

/* The protocol above IPv4 or IPv6 without extension headers; 0 when the
 * request does not start there and the NIC cannot be told what to do. */
static uint8_t
l4_protocol(const struct packet *p, uint16_t l3, uint16_t type)
{
	if (type == RTE_ETHER_TYPE_IPV4 && p->hdr_len >= l3 + 20 &&
		p->offload.csum_start == l3 + (p->hdr[l3] & 0x0f) * 4)
		return p->hdr[l3 + 9];
	if (type == RTE_ETHER_TYPE_IPV6 && p->hdr_len >= l3 + 40 &&
		p->offload.csum_start == l3 + 40)
		return p->hdr[l3 + 6];
	return 0;
}

/*
 * Turns the view's request into mbuf flags. What the NIC has no words for
 * (another protocol, extension headers) is finished here in software.
 */
static void
offload_to_mbuf(struct packet *p, struct rte_mbuf *m, uint64_t *flags)
{
	const struct packet_offload *o = &p->offload;
	uint16_t type, l3 = packet_l3_offset(p, &type);
	uint8_t proto = l4_protocol(p, l3, type);
	uint64_t ol = type == RTE_ETHER_TYPE_IPV4 ? RTE_MBUF_F_TX_IPV4 : RTE_MBUF_F_TX_IPV6;

	if (o->gso_type == PACKET_GSO_NONE && proto != IPPROTO_TCP && proto != IPPROTO_UDP) {
		packet_checksum(p);
		return;
	}
	m->l2_len = l3;
	m->l3_len = o->csum_start - l3;
	if (o->gso_type != PACKET_GSO_NONE) {
		ol |= RTE_MBUF_F_TX_TCP_SEG;
		if (type == RTE_ETHER_TYPE_IPV4)
			ol |= RTE_MBUF_F_TX_IP_CKSUM;
		m->l4_len = o->hdr_len - o->csum_start;
		m->tso_segsz = o->gso_size;
	} else {
		ol |= proto == IPPROTO_TCP ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM;
	}
	*flags = ol;
}

/* Copies a view into a chain of fresh mbufs; NULL when memory is used up. */
static struct rte_mbuf *
mbuf_of_view(struct nic *nic, const struct packet *p)
{
	struct rte_mbuf *head = NULL, **tail = &head;

	for (uint32_t done = 0; done < p->len;) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(nic->pool);
		uint32_t n;

		if (unlikely(m == NULL || (head != NULL && !nic->multi_seg))) {
			rte_pktmbuf_free(m);
			rte_pktmbuf_free(head);
			return NULL;
		}
		n = RTE_MIN(p->len - done, (uint32_t)rte_pktmbuf_tailroom(m));
		packet_copy_out(p, done, rte_pktmbuf_mtod(m, void *), n);
		m->data_len = n;
		done += n;
		*tail = m;
		tail = &m->next;
		if (head != m)
			head->nb_segs++;
	}
	if (head != NULL)
		head->pkt_len = p->len;
	return head;
}

/* False: the header that was judged is a private copy, so the mbuf is not what was. */
static bool
header_inside(const struct packet *p, const struct rte_mbuf *m)
{
	const uint8_t *buf = m->buf_addr;

	return p->hdr >= buf && p->hdr < buf + m->buf_len;
}

/*
 * Takes the view's own mbuf when it has one (moving its start to where a VLAN
 * push or pop left the header), else borrows the guest's memory, else copies. A
 * driver that reads only the first segment gets one segment.
 */
static struct rte_mbuf *
mbuf_for_tx(struct dp_port *port, uint16_t queue, struct packet *p, bool *borrowed)
{
	struct nic *nic = port->dev;
	struct rte_mbuf *m = p->keep == PACKET_KEEP_MBUF ? p->mbuf : NULL;
	uint64_t flags = 0;

	*borrowed = false;

	if (m == NULL || (m->nb_segs > 1 && !nic->multi_seg) || !header_inside(p, m)) {
		/* A request that ends in software changes the header, so it comes
		 * before the copy; flags land in the new mbuf below. */
		struct rte_mbuf tmp;

		tmp.tx_offload = 0;

		if (p->offload.flags & PACKET_F_NEEDS_CSUM)
			offload_to_mbuf(p, &tmp, &flags);
		m = nic_borrow(port, queue, p);
		*borrowed = m != NULL;
		if (m == NULL)
			m = mbuf_of_view(nic, p);
		if (m == NULL)
			return NULL;
		m->tx_offload = tmp.tx_offload;
	} else {
		int shift = (int)((uint8_t *)m->buf_addr + m->data_off - p->hdr);

		m->data_off -= shift;
		m->data_len += shift;
		m->pkt_len = p->len;
		m->ol_flags &= RTE_MBUF_F_EXTERNAL | RTE_MBUF_F_INDIRECT;
		m->tx_offload = 0;
		if (p->offload.flags & PACKET_F_NEEDS_CSUM)
			offload_to_mbuf(p, m, &flags);
		p->mbuf = NULL;
	}
	m->ol_flags |= flags;
	return m;
}

/* Sends built mbufs; frees what the device did not take. Returns how many. */
static uint16_t
nic_send(struct nic *nic, uint16_t queue, struct rte_mbuf **m, uint16_t n, bool prepare)
{
	uint16_t ready = prepare ? rte_eth_tx_prepare(nic->port_id, queue, m, n) : n;
	uint16_t sent = rte_eth_tx_burst(nic->port_id, queue, m, ready);

	if (unlikely(sent < n))
		rte_pktmbuf_free_bulk(&m[sent], n - sent);
	return sent;
}

uint16_t
nic_tx(struct dp_port *port, uint16_t worker, struct packet *const *pkts, uint16_t n)
{
	struct nic *nic = port->dev;
	uint16_t queue = worker % nic->ntxq, built = 0, sent;
	struct nic_txq *q = &nic->txq[queue];
	bool shared = nic->workers > nic->ntxq || nic->lacp, prepare = false;
	struct rte_mbuf *m[PACKET_BURST];
	uint32_t len[PACKET_BURST];
	bool borrowed[PACKET_BURST];
	uint16_t lent = 0;
	uint64_t lost = 0, bytes = 0;

	for (uint16_t i = 0; i < n; i++) {
		m[built] = mbuf_for_tx(port, queue, pkts[i], &borrowed[built]);
		if (unlikely(m[built] == NULL)) {
			lost++;
			continue;
		}
		prepare |= (m[built]->ol_flags & RTE_MBUF_F_TX_L4_MASK) != 0 ||
			   (m[built]->ol_flags & RTE_MBUF_F_TX_TCP_SEG) != 0;
		lent += borrowed[built];
		len[built++] = pkts[i]->len;
	}
	/* Before the send: what it does not take comes back at once. */
	if (lent != 0 && nic->lazy)
		nic_lent(port, worker, queue, lent);
	if (shared)
		rte_spinlock_lock(&q->lock);
	sent = nic_send(nic, queue, m, built, prepare);
	lent = 0;
	for (uint16_t i = 0; i < sent; i++) {
		bytes += len[i];
		lent += borrowed[i];
	}
	nic_count(&q->packets, sent);
	nic_count(&q->bytes, bytes);
	nic_count(&q->zero_copy, lent);
	nic_count(&q->no_mbuf, lost);
	if (shared)
		rte_spinlock_unlock(&q->lock);
	/* What found no mbuf has its own counter and passes as taken. */
	return sent + lost;
}

/* --- sleep --------------------------------------------------------------- */

int
nic_rx_fd(struct dp_port *port, uint16_t queue)
{
	const struct nic *nic = port->dev;

	return nic->rxq[queue].fd;
}

/*
 * A tap's descriptor makes an edge for every frame, also for one that came
 * between our last look and the sleep, so there is nothing to enable or to
 * look at again. A real NIC's interrupt has to be enabled first, and a frame
 * that came before that makes none: look at the queue.
 */
bool
nic_rx_arm(struct dp_port *port, uint16_t queue)
{
	const struct nic *nic = port->dev;

	if (!nic->rxq[queue].arm)
		return false;
	if (rte_eth_dev_rx_intr_enable(nic->port_id, queue) != 0)
		return true;
	return rte_eth_rx_queue_count(nic->port_id, queue) > 0;
}

void
nic_rx_disarm(struct dp_port *port, uint16_t queue)
{
	const struct nic *nic = port->dev;

	if (nic->rxq[queue].arm)
		rte_eth_dev_rx_intr_disable(nic->port_id, queue);
}
