/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Questions and answers of nf-reply.h.
 */
#include <errno.h>
#include <string.h>

#include "guest-pmd/nf/nf-reply.h"

enum { ARP_LEN = 28, ARP_REQUEST = 1, ARP_REPLY = 2 };
enum { ND_SOLICIT = 135, ND_ADVERTISE = 136, ND_LEN = 24, ND_OPTION_LEN = 8 };
enum { ND_OPTION_SOURCE = 1, ND_OPTION_TARGET = 2 };

static const uint8_t arp_start[6] = {0, 1, 8, 0, 6, 4};

int
nf_host_add(struct nf_host *host, const char *word)
{
	const char *slash = strchr(word, '/');
	char address[64];
	struct nf_prefix own;
	uint64_t bits = 128;
	size_t n = slash != NULL ? (size_t)(slash - word) : strlen(word);

	if (host->count == NF_ADDRESSES_MAX)
		return nf_refuse("more than %d addresses", NF_ADDRESSES_MAX);
	if (n >= sizeof(address))
		n = sizeof(address) - 1;
	memcpy(address, word, n);
	address[n] = '\0';
	if (!nf_word_address(address, &own) ||
		(slash != NULL && !nf_word_number(slash + 1, 0, own.bits, &bits)))
		return nf_refuse("\"%.64s\": expected ADDRESS or ADDRESS/BITS", word);
	if (slash != NULL)
		own.bits = (uint8_t)bits;
	host->address[host->count++] = own;
	return 0;
}

static uint32_t
address_len(uint8_t version)
{
	return version == 4 ? 4 : 16;
}

bool
nf_host_has(const struct nf_host *host, uint8_t version, const uint8_t *address)
{
	for (unsigned int i = 0; i < host->count; i++) {
		if (host->address[i].version == version &&
			memcmp(host->address[i].address, address, address_len(version)) == 0)
			return true;
	}
	return false;
}

const uint8_t *
nf_host_source(const struct nf_host *host, uint8_t version, const uint8_t *address)
{
	const uint8_t *first = NULL;

	for (unsigned int i = 0; i < host->count; i++) {
		const struct nf_prefix *own = &host->address[i];

		if (own->version != version)
			continue;
		if (nf_prefix_holds(own, version, address))
			return own->address;
		if (first == NULL)
			first = own->address;
	}
	return first;
}

static bool
is_arp(const struct nf_headers *h, uint16_t operation)
{
	const uint8_t *arp = h->b + h->l3;

	return h->kind == NF_OTHER && h->ether_type == NF_ETHER_ARP &&
	       h->l3 + (uint32_t)ARP_LEN <= h->have &&
	       memcmp(arp, arp_start, sizeof(arp_start)) == 0 && nf_be16(arp + 6) == operation;
}

/* A neighbour message that RFC 4861, 7.1 lets us believe: from the link itself. */
static bool
is_nd(const struct nf_headers *h, uint8_t type)
{
	return h->kind == NF_IP && h->version == 6 && h->proto == NF_PROTO_ICMP6 &&
	       h->l4_len != 0 && !h->fragment && h->b[h->l3 + 7] == 255 && h->b[h->l4] == type &&
	       h->b[h->l4 + 1] == 0 && h->l4 + (uint32_t)ND_LEN <= h->have &&
	       h->l4 + (uint32_t)ND_LEN <= h->end;
}

/* The link-layer address option of a neighbour message, or NULL. */
static const uint8_t *
nd_option(const struct nf_headers *h, uint8_t type)
{
	uint32_t at = h->l4 + (uint32_t)ND_LEN, end = h->end < h->have ? h->end : h->have;

	while (at + ND_OPTION_LEN <= end && h->b[at + 1] != 0) {
		if (h->b[at] == type && h->b[at + 1] == 1)
			return h->b + at + 2;
		at += h->b[at + 1] * 8u;
	}
	return NULL;
}

static bool
is_zero(const uint8_t *b, uint32_t n)
{
	while (n != 0 && *b == 0) {
		b++;
		n--;
	}
	return n == 0;
}

bool
nf_listen(const struct nf_headers *h, struct nf_told *told)
{
	const uint8_t *address, *mac;

	if (is_arp(h, ARP_REQUEST) || is_arp(h, ARP_REPLY)) {
		mac = h->b + h->l3 + 8;
		address = mac + 6;
		told->version = 4;
	} else if (is_nd(h, ND_SOLICIT)) {
		mac = nd_option(h, ND_OPTION_SOURCE);
		address = h->b + h->l3 + 8;
		told->version = 6;
	} else if (is_nd(h, ND_ADVERTISE)) {
		mac = nd_option(h, ND_OPTION_TARGET);
		address = h->b + h->l4 + 8;
		told->version = 6;
	} else {
		return false;
	}
	if (mac == NULL || (mac[0] & 1) != 0 || is_zero(mac, 6) ||
		is_zero(address, address_len(told->version)))
		return false;
	memset(told->address, 0, sizeof(told->address));
	memcpy(told->address, address, address_len(told->version));
	memcpy(told->mac, mac, 6);
	return true;
}

bool
nf_become(struct netvm_packet *p, const uint8_t *data, uint32_t n, uint32_t room)
{
	if (p->nseg != 1 || n > room)
		return false;
	memcpy(p->data, data, n);
	p->length = p->total = n;
	p->flags &= (uint8_t)~NETVM_PACKET_CSUM;
	p->gso_size = 0;
	p->gso_type = 0;
	return true;
}

uint16_t
nf_icmp6_checksum(const uint8_t *ip, uint32_t n)
{
	uint8_t pseudo[8] = {0};
	uint16_t sum = nf_sum_bytes(ip + 8, 32);

	nf_put32(pseudo, n);
	pseudo[7] = NF_PROTO_ICMP6;
	sum = nf_sum_add(sum, nf_sum_bytes(pseudo, sizeof(pseudo)));
	return (uint16_t)~nf_sum_add(sum, nf_sum_bytes(ip + 40, n));
}

/* The Ethernet header with its tags, back to where it came from. */
static void
ether_back(const struct nf_host *host, const struct nf_headers *h, uint8_t *to)
{
	memcpy(to, h->b + 6, 6);
	memcpy(to + 6, host->mac, 6);
	memcpy(to + 12, h->b + 12, h->l3 - 12u);
}

static bool
reply_arp(const struct nf_host *host, struct netvm_packet *p, struct nf_headers *h, uint32_t room)
{
	uint8_t frame[NF_ETHER_LEN + 8 + ARP_LEN], *arp = frame + h->l3;
	const uint8_t *asked = h->b + h->l3;

	if (!is_arp(h, ARP_REQUEST) || !nf_host_has(host, 4, asked + 24))
		return false;
	ether_back(host, h, frame);
	memcpy(arp, arp_start, sizeof(arp_start));
	nf_put16(arp + 6, ARP_REPLY);
	memcpy(arp + 8, host->mac, 6);
	memcpy(arp + 14, asked + 24, 4);
	memcpy(arp + 18, asked + 8, 10);
	return nf_become(p, frame, h->l3 + (uint32_t)ARP_LEN, room);
}

/* IPv6 and ICMPv6 of a neighbour message with one option, at `ip`. */
static void
write_nd(uint8_t *ip, uint8_t type, const uint8_t *source, const uint8_t *destination,
	const uint8_t *target, const uint8_t *mac, uint8_t flags)
{
	uint8_t *nd = ip + 40;
	uint16_t sum;

	memset(ip, 0, 40 + ND_LEN + ND_OPTION_LEN);
	ip[0] = 0x60;
	nf_put16(ip + 4, ND_LEN + ND_OPTION_LEN);
	ip[6] = NF_PROTO_ICMP6;
	ip[7] = 255;
	memcpy(ip + 8, source, 16);
	memcpy(ip + 24, destination, 16);
	nd[0] = type;
	nd[4] = flags;
	memcpy(nd + 8, target, 16);
	nd[ND_LEN] = type == ND_SOLICIT ? ND_OPTION_SOURCE : ND_OPTION_TARGET;
	nd[ND_LEN + 1] = 1;
	memcpy(nd + ND_LEN + 2, mac, 6);
	sum = nf_icmp6_checksum(ip, ND_LEN + ND_OPTION_LEN);
	memcpy(nd + 2, &sum, 2);
}

#define ND_FRAME_MAX (NF_ETHER_LEN + 8 + 40 + ND_LEN + ND_OPTION_LEN)

static bool
reply_nd(const struct nf_host *host, struct netvm_packet *p, struct nf_headers *h, uint32_t room)
{
	static const uint8_t all_nodes[16] = {0xff, 2, [15] = 1};
	uint8_t frame[ND_FRAME_MAX];
	const uint8_t *from = h->b + h->l3 + 8, *target = h->b + h->l4 + 8;
	bool nobody; /* asks whether an address that he wants is taken */

	if (!is_nd(h, ND_SOLICIT) || !nf_host_has(host, 6, target))
		return false;
	nobody = is_zero(from, 16);
	ether_back(host, h, frame);
	/* Flags: solicited, override. Not "router": that is for router advertisements. */
	write_nd(frame + h->l3, ND_ADVERTISE, target, nobody ? all_nodes : from, target, host->mac,
		nobody ? 0x20 : 0x60);
	return nf_become(p, frame, h->l3 + 40u + ND_LEN + ND_OPTION_LEN, room);
}

static bool
reply_echo(const struct nf_host *host, struct netvm_packet *p, struct nf_headers *h)
{
	uint32_t n = nf_address_len(h), from = nf_source_at(h), ttl = h->l3 + 8u;
	uint8_t addresses[32], ether[12], type[2];

	if (!host->echo || h->kind != NF_IP || h->fragment || !nf_is_echo(h) ||
		(h->b[h->l4] != 8 && h->b[h->l4] != 128) ||
		!nf_host_has(host, h->version, h->b + nf_destination_at(h)))
		return false;
	memcpy(addresses, h->b + from + n, n);
	memcpy(addresses + n, h->b + from, n);
	type[0] = h->version == 4 ? 0 : 129;
	type[1] = h->b[h->l4 + 1];
	memcpy(ether, h->b + 6, 6);
	memcpy(ether + 6, host->mac, 6);
	nf_store(p, h, 0, ether, 12);
	/* Swapped addresses have the same sum: no checksum changes by them. */
	nf_store(p, h, from, addresses, 2 * n);
	nf_replace(p, h, h->l4, type, 2, NF_COVER_L4);
	if (h->version == 4) {
		uint8_t pair[2] = {64, h->b[ttl + 1]};

		nf_replace(p, h, ttl, pair, 2, NF_COVER_IP);
	} else {
		nf_store(p, h, h->l3 + 7u, "\x40", 1);
	}
	return true;
}

bool
nf_reply(const struct nf_host *host, struct netvm_packet *p, struct nf_headers *h, uint32_t room)
{
	return reply_arp(host, p, h, room) || reply_nd(host, p, h, room) || reply_echo(host, p, h);
}

bool
nf_ask(const struct nf_host *host, uint8_t version, const uint8_t *address, struct netvm_packet *p,
	uint32_t room)
{
	static const uint8_t group_start[13] = {0xff, 2, [11] = 1, [12] = 0xff};
	const uint8_t *own = nf_host_source(host, version, address);
	uint8_t frame[ND_FRAME_MAX] = {0}, group[16], *body = frame + NF_ETHER_LEN;

	if (own == NULL)
		return false;
	memcpy(frame + 6, host->mac, 6);
	if (version == 4) {
		memset(frame, 0xff, 6);
		nf_put16(frame + 12, NF_ETHER_ARP);
		memcpy(body, arp_start, sizeof(arp_start));
		nf_put16(body + 6, ARP_REQUEST);
		memcpy(body + 8, host->mac, 6);
		memcpy(body + 14, own, 4);
		memcpy(body + 24, address, 4);
		return nf_become(p, frame, NF_ETHER_LEN + ARP_LEN, room);
	}
	/* The group of all addresses with these last three bytes. */
	memcpy(group, group_start, sizeof(group_start));
	memcpy(group + 13, address + 13, 3);
	nf_put16(frame, 0x3333);
	memcpy(frame + 2, group + 12, 4);
	nf_put16(frame + 12, NF_ETHER_IPV6);
	write_nd(body, ND_SOLICIT, own, group, address, host->mac, 0);
	return nf_become(p, frame, NF_ETHER_LEN + 40 + ND_LEN + ND_OPTION_LEN, room);
}
