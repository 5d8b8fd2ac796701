/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where the headers of a frame are: the one parser of this folder. The guard,
 * the offload check and the flow hash all decide on what it finds, so that
 * they cannot disagree about where TCP begins.
 *
 * It looks at the private bytes only and believes no length that it has not
 * compared with them. Workers run it; it keeps no state. Internal to
 * src/packet.
 */
#ifndef NETVM_HEADERS_H
#define NETVM_HEADERS_H

#include "src/packet/packet.h"

enum {
	ETHER_IPV4 = 0x0800,
	ETHER_ARP = 0x0806,
	ETHER_RARP = 0x8035,
	ETHER_VLAN = 0x8100,
	ETHER_IPV6 = 0x86dd,
	ETHER_QINQ = 0x88a8,
	/* Names of a service tag from before 802.1ad. */
	ETHER_QINQ_OLD1 = 0x9100,
	ETHER_QINQ_OLD2 = 0x9200,
	ETHER_QINQ_OLD3 = 0x9300,
	ETHER_TYPE_MIN = 0x0600, /* below: an 802.3 length, LLC follows */
};

enum {
	IPPROTO_NUM_HOPOPTS = 0,
	IPPROTO_NUM_ICMP = 1,
	IPPROTO_NUM_TCP = 6,
	IPPROTO_NUM_UDP = 17,
	IPPROTO_NUM_ROUTING = 43,
	IPPROTO_NUM_FRAGMENT = 44,
	IPPROTO_NUM_AH = 51,
	IPPROTO_NUM_ICMPV6 = 58,
	IPPROTO_NUM_DSTOPTS = 60,
	IPPROTO_NUM_MOBILITY = 135,
	IPPROTO_NUM_HIP = 139,
	IPPROTO_NUM_SHIM6 = 140,
};

#define ETHER_HEADER_LEN 14
#define ETHER_TAG_LEN    4
#define IPV4_HEADER_LEN  20
#define IPV6_HEADER_LEN  40
#define TCP_HEADER_LEN   20
#define UDP_HEADER_LEN   8

enum headers_kind {
	HEADERS_OTHER, /* not IP; ether_type and l3 say what */
	HEADERS_BAD,   /* IP by its EtherType, but cut off, lying or too deep */
	HEADERS_IP,    /* l4 and proto are valid; l4 <= hdr_len */
};

struct headers {
	uint16_t ether_type;   /* behind the tags */
	uint16_t l3;           /* offset of what follows the EtherType */
	uint16_t l4;           /* offset of what follows the IP headers */
	uint8_t version;       /* 4, 6, or 0 */
	uint8_t proto;         /* what begins at l4 */
	bool fragment;         /* part of a fragmented datagram, even of one part */
	bool later_fragment;   /* not the first part: no L4 header at l4 */
	bool hidden_by_option; /* IPv6: extension headers inside the fragmented part */
	uint32_t end;          /* where the IP packet ends by its own length field */
};

enum headers_kind headers_find(const struct packet *p, struct headers *h);

/* True when n bytes of L4 header are there, in hdr and in the IP packet. */
static inline bool
headers_l4_holds(const struct packet *p, const struct headers *h, uint32_t n)
{
	return (uint32_t)h->l4 + n <= p->hdr_len && (uint32_t)h->l4 + n <= h->end;
}

/* True for each EtherType that says that a VLAN tag follows. */
bool headers_is_tag(uint16_t ether_type);

/* Big-endian fields at any alignment. */
static inline uint16_t
load_be16(const uint8_t *b)
{
	return (uint16_t)(b[0] << 8 | b[1]);
}

static inline uint32_t
load_be32(const uint8_t *b)
{
	return (uint32_t)load_be16(b) << 16 | load_be16(b + 2);
}

static inline void
store_be16(uint8_t *b, uint16_t v)
{
	b[0] = (uint8_t)(v >> 8);
	b[1] = (uint8_t)v;
}

static inline void
store_be32(uint8_t *b, uint32_t v)
{
	store_be16(b, (uint16_t)(v >> 16));
	store_be16(b + 2, (uint16_t)v);
}

#endif
