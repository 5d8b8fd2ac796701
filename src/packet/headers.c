/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The parser behind headers.h. Workers run it on every frame that asks for an
 * offload or comes through a guarded port, so it makes one pass and bounds each
 * step by the private bytes of the view.
 */
#include "src/packet/headers.h"

/* Tags that packet_l3_offset() looks behind: a service and a customer tag. */
#define TAGS_MAX 2
/* Extension headers that a frame may chain before we call it hostile. */
#define EXTENSIONS_MAX 8

bool
headers_is_tag(uint16_t ether_type)
{
	switch (ether_type) {
	case ETHER_VLAN:
	case ETHER_QINQ:
	case ETHER_QINQ_OLD1:
	case ETHER_QINQ_OLD2:
	case ETHER_QINQ_OLD3:
		return true;
	default:
		return false;
	}
}

uint16_t
packet_l3_offset(const struct packet *p, uint16_t *ether_type)
{
	uint16_t offset = ETHER_HEADER_LEN;

	if (p->hdr_len < ETHER_HEADER_LEN) {
		*ether_type = 0;
		return p->hdr_len;
	}
	*ether_type = load_be16(p->hdr + 12);
	/* A tag that is cut off stays what it is, so that nobody takes the bytes
	 * behind it for something that can be judged. */
	for (int tags = 0; tags < TAGS_MAX; tags++) {
		if (!headers_is_tag(*ether_type) || offset + ETHER_TAG_LEN > p->hdr_len)
			break;
		*ether_type = load_be16(p->hdr + offset + 2);
		offset += ETHER_TAG_LEN;
	}
	return offset;
}

static enum headers_kind
find_ipv4(const struct packet *p, struct headers *h)
{
	const uint8_t *ip = p->hdr + h->l3;
	uint16_t header, total, fragment;

	if (h->l3 + IPV4_HEADER_LEN > p->hdr_len || ip[0] >> 4 != 4)
		return HEADERS_BAD;
	header = (ip[0] & 0xf) * 4;
	total = load_be16(ip + 2);
	if (header < IPV4_HEADER_LEN || h->l3 + header > p->hdr_len || total < header)
		return HEADERS_BAD;

	fragment = load_be16(ip + 6);
	h->version = 4;
	h->fragment = (fragment & 0x3fff) != 0;
	h->later_fragment = (fragment & 0x1fff) != 0;
	h->proto = ip[9];
	h->l4 = h->l3 + header;
	h->end = (uint32_t)h->l3 + total;
	return HEADERS_IP;
}

/* Length of the extension header at b (8 bytes are readable), 0 when proto is
 * none that can be stepped over. */
static uint16_t
extension_len(uint8_t proto, const uint8_t *b)
{
	switch (proto) {
	case IPPROTO_NUM_HOPOPTS:
	case IPPROTO_NUM_ROUTING:
	case IPPROTO_NUM_DSTOPTS:
	case IPPROTO_NUM_MOBILITY:
	case IPPROTO_NUM_HIP:
	case IPPROTO_NUM_SHIM6:
		return (b[1] + 1) * 8;
	case IPPROTO_NUM_FRAGMENT:
		return 8;
	case IPPROTO_NUM_AH:
		return (b[1] + 2) * 4;
	default:
		return 0;
	}
}

static bool
is_extension(uint8_t proto)
{
	static const uint8_t shortest[8];

	return extension_len(proto, shortest) != 0;
}

static enum headers_kind
find_ipv6(const struct packet *p, struct headers *h)
{
	const uint8_t *ip = p->hdr + h->l3;
	uint32_t at = h->l3 + IPV6_HEADER_LEN;

	if (at > p->hdr_len || ip[0] >> 4 != 6)
		return HEADERS_BAD;
	h->version = 6;
	h->proto = ip[6];
	h->end = at + load_be16(ip + 4);

	for (int n = 0; is_extension(h->proto) && !h->later_fragment; n++) {
		const uint8_t *b = p->hdr + at;

		if (n == EXTENSIONS_MAX || at + 8 > p->hdr_len)
			return HEADERS_BAD;
		if (h->fragment)
			h->hidden_by_option = true;
		if (h->proto == IPPROTO_NUM_FRAGMENT) {
			h->fragment = true;
			h->later_fragment = (load_be16(b + 2) & 0xfff8) != 0;
		}
		at += extension_len(h->proto, b);
		h->proto = b[0];
		if (at > p->hdr_len || at > h->end)
			return HEADERS_BAD;
	}
	h->l4 = (uint16_t)at;
	return HEADERS_IP;
}

enum headers_kind
headers_find(const struct packet *p, struct headers *h)
{
	*h = (struct headers){0};
	h->l3 = packet_l3_offset(p, &h->ether_type);
	switch (h->ether_type) {
	case ETHER_IPV4:
		return find_ipv4(p, h);
	case ETHER_IPV6:
		return find_ipv6(p, h);
	default:
		return HEADERS_OTHER;
	}
}
