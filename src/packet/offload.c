/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Judges what a guest asks to be finished for its frame (virtio_net_hdr). Runs
 * on workers for every frame, so a frame that asks for nothing costs one
 * comparison. Neighbours: checksum.c and gso.c do what is allowed here and rely
 * on it, without checking again.
 */
#include "src/packet/headers.h"

/* Offsets of the checksum field in each header. */
#define TCP_CHECKSUM    16
#define UDP_CHECKSUM    6
#define ICMPV6_CHECKSUM 2

/*
 * Whether start and offset name a checksum of this IP packet, or of something
 * that is carried deeper inside it (L2TP: the guest's kernel leaves the inner
 * checksum to us). Never a field that the guard reads: ports, ICMPv6.
 */
static bool
csum_allowed_ip(const struct headers *h, uint16_t start, uint16_t offset)
{
	/* A part of a datagram has no checksum that could be computed. */
	if (h->fragment)
		return false;
	switch (h->proto) {
	case IPPROTO_NUM_TCP:
		return (start == h->l4 && offset == TCP_CHECKSUM) ||
		       start >= h->l4 + TCP_HEADER_LEN;
	case IPPROTO_NUM_UDP:
		return (start == h->l4 && offset == UDP_CHECKSUM) ||
		       start >= h->l4 + UDP_HEADER_LEN;
	case IPPROTO_NUM_ICMPV6:
		return start == h->l4 && offset == ICMPV6_CHECKSUM;
	case IPPROTO_NUM_ICMP:
		return false;
	default:
		return start >= h->l4;
	}
}

static bool
csum_allowed(const struct packet *p, const struct headers *h, enum headers_kind kind,
	uint16_t start, uint16_t offset)
{
	if ((uint32_t)start + offset + 2 > p->hdr_len)
		return false;
	switch (kind) {
	case HEADERS_IP:
		return csum_allowed_ip(h, start, offset);
	case HEADERS_OTHER: /* PPPoE, MPLS and the like; a third tag hides where L3 is */
		/* Below ETHER_TYPE_MIN it is LLC, whose first bytes the guard reads. */
		return start >= h->l3 && h->ether_type >= ETHER_TYPE_MIN &&
		       h->ether_type != ETHER_ARP && h->ether_type != ETHER_RARP &&
		       !headers_is_tag(h->ether_type);
	default:
		return false;
	}
}

/* Length of all headers when this is a TCP frame that can be cut, else 0. */
static uint16_t
gso_headers(const struct packet *p, const struct headers *h, enum headers_kind kind,
	const struct packet_offload *req)
{
	uint8_t version = req->gso_type == PACKET_GSO_TCPV4 ? 4 : 6;
	uint16_t tcp;

	if (kind != HEADERS_IP || h->version != version || h->proto != IPPROTO_NUM_TCP ||
		req->csum_start != h->l4)
		return 0;
	if (h->l4 + TCP_HEADER_LEN > p->hdr_len)
		return 0;
	tcp = (p->hdr[h->l4 + 12] >> 4) * 4;
	if (tcp < TCP_HEADER_LEN || h->l4 + tcp > p->hdr_len)
		return 0;
	/* What does not fit into the IP length field is no IP packet. */
	if (p->len - h->l3 - (version == 6 ? IPV6_HEADER_LEN : 0) > UINT16_MAX)
		return 0;
	return h->l4 + tcp;
}

bool
packet_offload_set(struct packet *p, const struct packet_offload *req)
{
	const uint8_t known = PACKET_F_NEEDS_CSUM | PACKET_F_DATA_VALID;
	struct packet_offload ok = {.flags = req->flags & known};
	enum headers_kind kind;
	struct headers h;

	if (!(req->flags & PACKET_F_NEEDS_CSUM)) {
		/* VIRTIO 1.2, 5.1.6.2.1: segmentation implies the checksum. */
		if (req->gso_type != PACKET_GSO_NONE)
			return false;
		p->offload = ok;
		return true;
	}

	kind = headers_find(p, &h);
	if (!csum_allowed(p, &h, kind, req->csum_start, req->csum_offset))
		return false;
	ok.flags = PACKET_F_NEEDS_CSUM;
	ok.csum_start = req->csum_start;
	ok.csum_offset = req->csum_offset;
	if (req->gso_type != PACKET_GSO_NONE) {
		if (req->gso_type != PACKET_GSO_TCPV4 && req->gso_type != PACKET_GSO_TCPV6)
			return false;
		ok.hdr_len = gso_headers(p, &h, kind, req);
		if (ok.hdr_len == 0 || req->gso_size < PACKET_GSO_SIZE_MIN)
			return false;
		if (p->len - ok.hdr_len > req->gso_size) {
			ok.gso_type = req->gso_type;
			ok.gso_size = req->gso_size;
		} else {
			ok.hdr_len = 0;
		}
	}
	p->offload = ok;
	return true;
}
