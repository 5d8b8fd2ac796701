/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keys of flows (nf-flow.h): from headers, as text, and their hash.
 */
#include <arpa/inet.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "guest-pmd/nf/nf-flow.h"

_Static_assert(sizeof(struct nf_key) == 40, "compared as bytes: no padding");

bool
nf_key_of(const struct nf_headers *h, struct nf_key *key)
{
	uint32_t n = nf_address_len(h);

	if (h->kind != NF_IP)
		return false;
	memset(key, 0, sizeof(*key));
	memcpy(key->source, h->b + nf_source_at(h), n);
	memcpy(key->destination, h->b + nf_destination_at(h), n);
	key->proto = h->proto;
	key->version = h->version;
	if (nf_has_ports(h)) {
		key->sport = nf_be16(h->b + h->l4);
		key->dport = nf_be16(h->b + h->l4 + 2);
	} else if (nf_is_echo(h)) {
		key->sport = key->dport = nf_be16(h->b + h->l4 + 4);
	}
	return true;
}

void
nf_key_reverse(const struct nf_key *key, struct nf_key *reverse)
{
	struct nf_key r = *key;

	memcpy(r.source, key->destination, sizeof(r.source));
	memcpy(r.destination, key->source, sizeof(r.destination));
	r.sport = key->dport;
	r.dport = key->sport;
	*reverse = r;
}

const char *
nf_proto_name(uint8_t proto, char number[8])
{
	switch (proto) {
	case NF_PROTO_TCP:
		return "tcp";
	case NF_PROTO_UDP:
		return "udp";
	case NF_PROTO_ICMP:
		return "icmp";
	case NF_PROTO_ICMP6:
		return "icmp6";
	default:
		snprintf(number, 8, "%u", proto);
		return number;
	}
}

const char *
nf_key_text(const struct nf_key *key, char text[NF_KEY_TEXT])
{
	int family = key->version == 4 ? AF_INET : AF_INET6;
	const char *open = key->version == 4 ? "" : "[", *close = key->version == 4 ? "" : "]";
	char from[INET6_ADDRSTRLEN] = "?", to[INET6_ADDRSTRLEN] = "?", number[8];

	inet_ntop(family, key->source, from, sizeof(from));
	inet_ntop(family, key->destination, to, sizeof(to));
	snprintf(text, NF_KEY_TEXT, "%s %s%s%s:%u > %s%s%s:%u", nf_proto_name(key->proto, number),
		open, from, close, key->sport, open, to, close, key->dport);
	return text;
}

uint64_t
nf_hash(uint64_t seed, const void *key, uint32_t n)
{
	const uint8_t *b = key;
	uint64_t h = seed ^ n;

	/* Each step multiplies to 128 bits and folds: every bit of the seed and the key
	 * reaches every bit of the result. */
	while (n != 0) {
		uint64_t v = 0;
		uint32_t part = n < 8 ? n : 8;
		__uint128_t m;

		memcpy(&v, b, part);
		m = (__uint128_t)(v ^ h) * (UINT64_C(0x9e3779b97f4a7c15) ^ (seed << 1));
		h = (uint64_t)m ^ (uint64_t)(m >> 64) ^ h >> 29;
		b += part;
		n -= part;
	}
	h ^= h >> 32;
	h *= UINT64_C(0xd6e8feb86659fd93);
	return h ^ h >> 32;
}

uint64_t
nf_random_seed(void)
{
	uint64_t seed;
	struct timespec now;

	/* Before the kernel has collected enough, a guess must do: nothing secret
	 * depends on it, only how even a table is. */
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) == (ssize_t)sizeof(seed))
		return seed;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return nf_hash((uintptr_t)&seed, &now, sizeof(now));
}
