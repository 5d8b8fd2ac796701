/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where the headers of a packet are, and how to change them with their checksums:
 * the one parser of the network functions.
 *
 * A packet comes from anybody, can be of any shape, lie in several pieces, and
 * its bytes can change while we look. So nf_parse() copies the headers once and
 * judges the copy; every offset in struct nf_headers is bounded by what the
 * packet really has. The copy is what nf_replace() and nf_store() keep up to
 * date when they write to the packet.
 *
 * No state; the thread that has the packet runs it. Beside it: nf-flow.h (keys
 * of flows). Below it: libnetvm's netvm_read().
 */
#ifndef NF_PACKET_H
#define NF_PACKET_H

#include "guest-pmd/netvm.h"

#define NF_HEADER_MAX 192 /* bytes that are copied and judged */
#define NF_ETHER_LEN  14

enum {
	NF_ETHER_IPV4 = 0x0800,
	NF_ETHER_ARP = 0x0806,
	NF_ETHER_VLAN = 0x8100,
	NF_ETHER_IPV6 = 0x86dd,
	NF_ETHER_QINQ = 0x88a8,
};

enum {
	NF_PROTO_ICMP = 1,
	NF_PROTO_TCP = 6,
	NF_PROTO_UDP = 17,
	NF_PROTO_FRAGMENT = 44,
	NF_PROTO_AH = 51,
	NF_PROTO_ICMP6 = 58,
};

enum { NF_TCP_FIN = 1, NF_TCP_SYN = 2, NF_TCP_RST = 4, NF_TCP_ACK = 16 };

enum nf_kind {
	NF_OTHER, /* not IP: ether_type and l3 say what */
	NF_BAD,   /* no Ethernet header, a tag that is cut off or the third, or IP that is
		     cut off, lying or too deep */
	NF_IP,    /* l3, l4, proto and end are valid: l3 < l4 <= end <= the packet's end */
};

struct nf_headers {
	enum nf_kind kind;
	uint16_t ether_type;  /* behind the tags */
	uint16_t l3;          /* offset of what follows the EtherType */
	uint16_t l4;          /* offset of what follows the IP headers */
	uint16_t l4_len;      /* of a TCP, UDP or ICMP header that is whole; else 0 */
	uint16_t checksum;    /* offset of the L4 checksum, when l4_len is not 0 */
	uint16_t fragment_at; /* bytes of the datagram before this fragment */
	bool fragment;        /* a part of a datagram, even its only one */
	uint32_t datagram;    /* of a fragment: the datagram's identification */
	uint8_t version;      /* 4, 6, or 0: not IP */
	uint8_t proto;        /* what begins at l4 */
	uint32_t end;         /* of the IP packet: what follows is padding */
	uint32_t have;        /* bytes in b */
	uint8_t b[NF_HEADER_MAX];
};

enum nf_kind nf_parse(const struct netvm_packet *p, struct nf_headers *h);

/* True when the L4 header is there and not in an earlier fragment. */
static inline bool
nf_has_ports(const struct nf_headers *h)
{
	return h->l4_len != 0 && (h->proto == NF_PROTO_TCP || h->proto == NF_PROTO_UDP);
}

/* True for an echo request or reply of either family. */
bool nf_is_echo(const struct nf_headers *h);
/* True for an ICMP error, which quotes the packet that it is about. */
bool nf_is_icmp_error(const struct nf_headers *h);

/* The packet that an ICMP error quotes, as far as it is there. `q` gets headers of
 * its own, its offsets count from the quote's Ethernet header that is not there, so
 * that q->l3 is NF_ETHER_LEN; *at says where that is in the packet. */
bool nf_parse_quote(const struct nf_headers *h, struct nf_headers *q, uint32_t *at);

static inline uint8_t
nf_tcp_flags(const struct nf_headers *h)
{
	return h->b[h->l4 + 13];
}

/* Bytes of L4 payload, and where they begin: only when l4_len is not 0. */
static inline uint32_t
nf_payload(const struct nf_headers *h, uint32_t *length)
{
	uint32_t at = (uint32_t)h->l4 + h->l4_len;

	*length = h->end - at;
	return at;
}

/* Writes to the packet, across pieces, and to h->b where that has it. What is
 * beyond the packet is left out. */
void nf_store(
	struct netvm_packet *p, struct nf_headers *h, uint32_t at, const void *data, uint32_t n);

/* What checksums cover the bytes that nf_replace() changes. */
enum nf_cover {
	NF_COVER_IP = 1,     /* the IPv4 header's (nothing for IPv6) */
	NF_COVER_PSEUDO = 2, /* the L4 checksum's pseudo-header */
	NF_COVER_L4 = 4,     /* the L4 checksum itself */
};

/*
 * Writes n bytes (even, at an even offset, all in h->b) and corrects the checksums that
 * cover them. A full checksum is corrected by the difference, so one that was wrong
 * stays wrong; of a partial one only the pseudo-header's part changes.
 */
void nf_replace(struct netvm_packet *p, struct nf_headers *h, uint32_t at, const void *data,
	uint32_t n, unsigned int cover);

/* The L4 checksum after what it covers changed from sum `before` to `after` (nf_sum()). */
void nf_correct_l4(struct netvm_packet *p, struct nf_headers *h, uint16_t before, uint16_t after,
	enum nf_cover cover);

/* Ones' complement sum of n bytes from `at`, across pieces; in memory order. */
uint16_t nf_sum(const struct netvm_packet *p, uint32_t at, uint32_t n);
uint16_t nf_sum_bytes(const void *data, uint32_t n);
uint16_t nf_sum_add(uint16_t a, uint16_t b);

/* Calls back for each contiguous part of [at, at + n), in order; false from it ends. */
typedef bool (*nf_part_fn)(void *arg, uint8_t *data, uint32_t n);
void nf_parts(const struct netvm_packet *p, uint32_t at, uint32_t n, nf_part_fn fn, void *arg);

/* Big-endian fields at any alignment. */
static inline uint16_t
nf_be16(const uint8_t *b)
{
	return (uint16_t)(b[0] << 8 | b[1]);
}

static inline uint32_t
nf_be32(const uint8_t *b)
{
	return (uint32_t)nf_be16(b) << 16 | nf_be16(b + 2);
}

static inline void
nf_put16(uint8_t *b, uint16_t v)
{
	b[0] = (uint8_t)(v >> 8);
	b[1] = (uint8_t)v;
}

static inline void
nf_put32(uint8_t *b, uint32_t v)
{
	nf_put16(b, (uint16_t)(v >> 16));
	nf_put16(b + 2, (uint16_t)v);
}

/* Offsets of the source address and the length of an address, in h->b. */
static inline uint32_t
nf_source_at(const struct nf_headers *h)
{
	return h->l3 + (h->version == 4 ? 12 : 8);
}

static inline uint32_t
nf_address_len(const struct nf_headers *h)
{
	return h->version == 4 ? 4 : 16;
}

static inline uint32_t
nf_destination_at(const struct nf_headers *h)
{
	return nf_source_at(h) + nf_address_len(h);
}

#endif
