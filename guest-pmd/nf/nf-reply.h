/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a network function that has addresses of its own answers: ARP, IPv6 neighbour
 * solicitation, echo. A question becomes its answer in place. Also the questions that
 * it asks itself.
 */
#ifndef NF_REPLY_H
#define NF_REPLY_H

#include "guest-pmd/nf/nf-packet.h"
#include "guest-pmd/nf/nf-text.h"

#define NF_ADDRESSES_MAX 16

struct nf_host {
	uint8_t mac[6];
	unsigned int count;
	struct nf_prefix address[NF_ADDRESSES_MAX]; /* bits: the link's prefix */
	bool echo;                                  /* answers echo requests */
};

/* One word "ADDRESS/BITS" or "ADDRESS"; 0 or -EINVAL with nf_error(). */
int nf_host_add(struct nf_host *host, const char *word);
bool nf_host_has(const struct nf_host *host, uint8_t version, const uint8_t *address);
/* The host's address on the link that has this one; else its first of the family, or
 * NULL: none. */
const uint8_t *nf_host_source(const struct nf_host *host, uint8_t version, const uint8_t *address);

/* What an ARP packet or neighbour message tells: that an address is at a MAC. */
struct nf_told {
	uint8_t version;
	uint8_t address[16];
	uint8_t mac[6];
};

/* True when it tells something. */
bool nf_listen(const struct nf_headers *h, struct nf_told *told);

/*
 * Answers p when it asks this host: the packet is the answer then, for the one who
 * asked. `room` is how long p's first piece may become. False: p is as it was.
 */
bool nf_reply(
	const struct nf_host *host, struct netvm_packet *p, struct nf_headers *h, uint32_t room);

/* Makes of p, an empty packet of one piece, the question who has an address. False: there
 * is no room, or the host has no address of that family. */
bool nf_ask(const struct nf_host *host, uint8_t version, const uint8_t *address,
	struct netvm_packet *p, uint32_t room);

/* p, of one piece, becomes these bytes, which need nothing finished. False: no room. */
bool nf_become(struct netvm_packet *p, const uint8_t *data, uint32_t n, uint32_t room);
/* The checksum of n bytes of ICMPv6 behind the 40 bytes of its IPv6 header; its field is
 * 0 meanwhile. */
uint16_t nf_icmp6_checksum(const uint8_t *ip, uint32_t n);

#endif
