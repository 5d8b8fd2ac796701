/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets from the guest that the hot loop does not recognise: chained,
 * indirect, the virtio_net_hdr anywhere (VIRTIO 1.2, 2.7.4.1: framing is the
 * driver's choice), spanning memory regions. Also the offload requests of all
 * packets. Workers only; called by vring-loops.h.
 */
#include "vhost/vring-chain.h"

#include <errno.h>

#include "vhost/vring-inline.h"

static_assert(PACKET_SEGS_MAX >= VRING_CHAIN_MAX, "one chain fits into an empty burst");
static_assert((int)PACKET_F_NEEDS_CSUM == VIRTIO_NET_HDR_F_NEEDS_CSUM, "same bits on the ring");
static_assert((int)PACKET_F_DATA_VALID == VIRTIO_NET_HDR_F_DATA_VALID, "same bits on the ring");
static_assert((int)PACKET_GSO_TCPV4 == VIRTIO_NET_HDR_GSO_TCPV4, "same values on the ring");
static_assert((int)PACKET_GSO_TCPV6 == VIRTIO_NET_HDR_GSO_TCPV6, "same values on the ring");

bool
vring_take_offload(struct packet *p, uint64_t hdr, uint16_t csum_offset)
{
	/* A driver must not set any flag but NEEDS_CSUM (5.1.6.2.1), and a device
	 * ignores those it does not expect: above all, a guest's word that a
	 * checksum was verified is not passed on to the next guest. */
	struct packet_offload req = {
		.flags = (uint8_t)hdr & PACKET_F_NEEDS_CSUM,
		.gso_type = (uint8_t)(hdr >> 8),
		.hdr_len = (uint16_t)(hdr >> 16),
		.gso_size = (uint16_t)(hdr >> 32),
		.csum_start = (uint16_t)(hdr >> 48),
		.csum_offset = csum_offset,
	};

	if (req.flags == 0 && req.gso_type == PACKET_GSO_NONE)
		return true;
	return packet_offload_set(p, &req);
}

/* Moves n bytes from the front of the pieces to dst; the caller has counted. */
static void
gather(struct packet_seg **seg, uint8_t *dst, uint32_t n)
{
	while (n != 0) {
		struct packet_seg *s = *seg;
		uint32_t k = s->len < n ? s->len : n;

		memcpy(dst, s->data, k);
		dst += k;
		n -= k;
		s->data += k;
		s->len -= k;
		if (s->len == 0)
			(*seg)++;
	}
}

/* Makes the next view of b from the pieces [seg, end), which hold len bytes. */
static struct packet *
make_view(struct packet_burst *b, struct packet_seg *seg, struct packet_seg *end, uint32_t len)
{
	struct packet *p = &b->pkt[b->count];
	uint32_t n = len < PACKET_HEADER_MAX ? len : PACKET_HEADER_MAX;

	*p = (struct packet){
		.hdr = packet_burst_header(b, b->count),
		.len = len,
		.hdr_len = (uint16_t)n,
	};
	gather(&seg, p->hdr, n);
	if (len > n) {
		p->rest = seg->data;
		p->rest_len = seg->len;
		seg++;
	}
	if (seg < end) {
		p->more = seg;
		p->nmore = (uint16_t)(end - seg);
	}
	return p;
}

bool
vring_take_chain(struct vring_queue *vq, struct packet_burst *b, uint16_t i, uint16_t at)
{
	const struct vring_head head = {.at = at, .chain = vq->pending[i]};
	struct packet_seg *seg = &b->seg[b->nseg];
	struct vring_walk w = {
		.need = (uint64_t)PACKET_LEN_MAX + vq->hdr_size + 1,
		.seg = seg,
		.max = PACKET_SEGS_MAX - b->nseg,
		.budget = VRING_CHAIN_MAX,
	};
	int rc = vring_walk_chain(vq, &head, &w);
	uint8_t net[sizeof(struct virtio_net_hdr_mrg_rxbuf)];
	enum packet_drop why = DROP_BAD_DESCRIPTOR;
	uint64_t len, hdr;
	uint16_t csum_offset;

	if (rc == -ENOSPC && b->nseg != 0)
		return false;
	if (rc != 0 || w.bytes < vq->hdr_size)
		goto drop;
	gather(&seg, net, vq->hdr_size);
	memcpy(&hdr, net, sizeof(hdr));
	memcpy(&csum_offset, net + sizeof(hdr), sizeof(csum_offset));
	len = w.bytes - vq->hdr_size;
	why = DROP_RUNT;
	if (len < PACKET_LEN_MIN)
		goto drop;
	why = DROP_OVERSIZE;
	if (len > ((hdr >> 8 & 0xff) != 0 ? PACKET_LEN_MAX : vq->max_frame))
		goto drop;
	why = DROP_BAD_OFFLOAD;
	if (!vring_take_offload(make_view(b, seg, w.seg + w.nseg, (uint32_t)len), hdr, csum_offset))
		goto drop;
	b->pkt[b->count].chain = (uint8_t)i;
	b->count++;
	b->nseg = (uint16_t)(b->nseg + w.nseg);
	vring_count(&vq->packets, 1);
	vring_count(&vq->bytes, len);
	return true;
drop:
	vring_count(&vq->drop[why], 1);
	return true;
}
