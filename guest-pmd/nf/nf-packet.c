/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The parser behind nf-packet.h. One pass over a private copy; each step is bounded by
 * the bytes that the packet has, and IP's own lengths are believed only when they fit.
 */
#include <string.h>

#include "guest-pmd/nf/nf-packet.h"

#define TAGS_MAX       2 /* a service and a customer tag */
#define EXTENSIONS_MAX 8

static bool
is_tag(uint16_t ether_type)
{
	return ether_type == NF_ETHER_VLAN || ether_type == NF_ETHER_QINQ;
}

static uint16_t
load_l3(struct nf_headers *h)
{
	uint16_t at = NF_ETHER_LEN;

	h->ether_type = nf_be16(h->b + 12);
	for (int tags = 0; tags < TAGS_MAX; tags++) {
		if (!is_tag(h->ether_type) || at + 4u > h->have)
			break;
		h->ether_type = nf_be16(h->b + at + 2);
		at += 4;
	}
	return at;
}

static enum nf_kind
parse_ipv4(struct nf_headers *h, uint32_t total)
{
	const uint8_t *ip = h->b + h->l3;
	uint32_t header, length, fragment;

	if (h->l3 + 20u > h->have || ip[0] >> 4 != 4)
		return NF_BAD;
	header = (ip[0] & 0xf) * 4u;
	length = nf_be16(ip + 2);
	if (header < 20 || h->l3 + header > h->have || length < header || h->l3 + length > total)
		return NF_BAD;
	fragment = nf_be16(ip + 6);
	h->fragment = (fragment & 0x3fff) != 0;
	h->fragment_at = (uint16_t)((fragment & 0x1fff) * 8);
	h->datagram = nf_be16(ip + 4);
	h->proto = ip[9];
	h->l4 = (uint16_t)(h->l3 + header);
	h->end = h->l3 + length;
	return NF_IP;
}

/* Length of the extension header at b, of which 8 bytes are readable; 0: none. */
static uint32_t
extension_len(uint8_t proto, const uint8_t *b)
{
	switch (proto) {
	case 0:   /* hop by hop */
	case 43:  /* routing */
	case 60:  /* destination options */
	case 135: /* mobility */
	case 139: /* HIP */
	case 140: /* shim6 */
		return (b[1] + 1u) * 8;
	case NF_PROTO_FRAGMENT:
		return 8;
	case NF_PROTO_AH:
		return (b[1] + 2u) * 4;
	default:
		return 0;
	}
}

static enum nf_kind
parse_ipv6(struct nf_headers *h, uint32_t total)
{
	const uint8_t *ip = h->b + h->l3;
	static const uint8_t shortest[8];
	uint32_t at = h->l3 + 40u;

	if (at > h->have || ip[0] >> 4 != 6)
		return NF_BAD;
	h->proto = ip[6];
	h->end = at + nf_be16(ip + 4);
	if (h->end > total)
		return NF_BAD;
	for (int n = 0; extension_len(h->proto, shortest) != 0 && h->fragment_at == 0; n++) {
		const uint8_t *b = h->b + at;

		if (n == EXTENSIONS_MAX || at + 8 > h->have || at + 8 > h->end)
			return NF_BAD;
		if (h->proto == NF_PROTO_FRAGMENT) {
			h->fragment = true;
			h->fragment_at = nf_be16(b + 2) & 0xfff8;
			h->datagram = nf_be32(b + 4);
		}
		at += extension_len(h->proto, b);
		h->proto = b[0];
		if (at > h->have || at > h->end)
			return NF_BAD;
	}
	h->l4 = (uint16_t)at;
	return NF_IP;
}

/* The L4 header, if it is whole: in this fragment, in the copy, and in the packet. */
static void
parse_l4(struct nf_headers *h)
{
	uint32_t room = (h->end < h->have ? h->end : h->have) - h->l4;
	uint32_t n = 0, checksum = 0;

	if (h->fragment_at != 0)
		return;
	switch (h->proto) {
	case NF_PROTO_TCP:
		if (room < 20)
			return;
		n = (h->b[h->l4 + 12] >> 4) * 4u;
		if (n < 20)
			return;
		checksum = 16;
		break;
	case NF_PROTO_UDP:
		n = 8;
		checksum = 6;
		break;
	case NF_PROTO_ICMP:
	case NF_PROTO_ICMP6:
		/* Each in its own family; the other one's number means nothing. */
		if ((h->proto == NF_PROTO_ICMP) != (h->version == 4))
			return;
		n = 8;
		checksum = 2;
		break;
	default:
		return;
	}
	if (n > room)
		return;
	h->l4_len = (uint16_t)n;
	h->checksum = (uint16_t)(h->l4 + checksum);
}

static enum nf_kind
parse_copy(struct nf_headers *h, uint32_t total)
{
	h->kind = NF_OTHER;
	h->l4 = h->l4_len = h->checksum = h->fragment_at = 0;
	h->fragment = false;
	h->datagram = 0;
	h->version = h->proto = 0;
	h->end = total;
	if (h->have < NF_ETHER_LEN) {
		h->ether_type = h->l3 = 0;
		return h->kind = NF_BAD;
	}
	h->l3 = load_l3(h);
	/* Anything could stand behind one tag more, or behind what is missing of one. */
	if (is_tag(h->ether_type))
		return h->kind = NF_BAD;
	if (h->ether_type == NF_ETHER_IPV4) {
		h->version = 4;
		h->kind = parse_ipv4(h, total);
	} else if (h->ether_type == NF_ETHER_IPV6) {
		h->version = 6;
		h->kind = parse_ipv6(h, total);
	}
	if (h->kind == NF_IP)
		parse_l4(h);
	return h->kind;
}

enum nf_kind
nf_parse(const struct netvm_packet *p, struct nf_headers *h)
{
	uint32_t n = p->total < NF_HEADER_MAX ? p->total : NF_HEADER_MAX;

	if (p->length >= n) {
		memcpy(h->b, p->data, n);
	} else {
		const uint8_t *where = netvm_read(p, 0, n, h->b);

		if (where == NULL)
			n = 0;
		else if (where != h->b)
			memcpy(h->b, where, n);
	}
	h->have = n;
	return parse_copy(h, p->total);
}

bool
nf_is_echo(const struct nf_headers *h)
{
	uint8_t type;

	if (h->l4_len == 0)
		return false;
	type = h->b[h->l4];
	return h->proto == NF_PROTO_ICMP    ? type == 8 || type == 0
	       : h->proto == NF_PROTO_ICMP6 ? type == 128 || type == 129
					    : false;
}

bool
nf_is_icmp_error(const struct nf_headers *h)
{
	uint8_t type;

	if (h->l4_len == 0)
		return false;
	type = h->b[h->l4];
	if (h->proto == NF_PROTO_ICMP)
		return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
	return h->proto == NF_PROTO_ICMP6 && type < 128;
}

bool
nf_parse_quote(const struct nf_headers *h, struct nf_headers *q, uint32_t *at)
{
	uint32_t from = (uint32_t)h->l4 + 8, n, length;

	if (!nf_is_icmp_error(h) || from >= h->have || from >= h->end)
		return false;
	n = (h->have < h->end ? h->have : h->end) - from;
	if (n > NF_HEADER_MAX - NF_ETHER_LEN)
		n = NF_HEADER_MAX - NF_ETHER_LEN;
	memset(q->b, 0, NF_ETHER_LEN);
	nf_put16(q->b + 12, h->ether_type);
	memcpy(q->b + NF_ETHER_LEN, h->b + from, n);
	q->have = NF_ETHER_LEN + n;
	*at = from - NF_ETHER_LEN;
	/* A quote is cut off by design: the length that it names is the original's. Eight
	 * bytes of L4 are all that is sure, so TCP's header counts as these. */
	length = NF_ETHER_LEN + 65535 + 40;
	if (parse_copy(q, length) != NF_IP)
		return false;
	if (q->l4_len == 0 && q->fragment_at == 0 && q->proto == NF_PROTO_TCP &&
		q->l4 + 8u <= q->have && q->l4 + 8u <= q->end)
		q->l4_len = 8;
	return true;
}
