/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * l3fwd's ICMP errors (RFC 792, RFC 4443): the packet that cannot go on becomes the
 * message about itself. None for an error, a later fragment, a broadcast, or a
 * sender that nobody can be, and no more than a hundred in a second.
 */
#include <string.h>

#include "guest-pmd/nf/l3fwd.h"

#define ERRORS_PER_SECOND 100

/* What is quoted: RFC 1812 wants no more than 576 bytes in all, RFC 4443 no more than
 * 1280. Headers and then some are enough for every use, and are at hand. */
#define QUOTE_MAX 128

static bool
is_due(struct l3fwd *l3, const struct netvm_packet *p, const struct nf_headers *h, uint64_t now)
{
	const uint8_t *from = h->b + nf_source_at(h);

	if (p->gso_size != 0 || h->fragment_at != 0 || (h->b[0] & 1) != 0 || nf_is_icmp_error(h))
		return false;
	/* Unspecified, loopback, multicast: no one to tell. */
	if (h->version == 4 && (from[0] == 0 || from[0] == 127 || from[0] >= 224))
		return false;
	if (h->version == 6 && (from[0] == 0xff || nf_be32(from) == 0))
		return false;
	if (now - l3->errors_since >= NF_SECOND) {
		l3->errors_since = now;
		l3->errors = 0;
	}
	return l3->errors < ERRORS_PER_SECOND;
}

static uint32_t
write_ipv4(const struct nf_headers *h, const uint8_t *own, enum l3_error what, uint32_t quote,
	uint8_t *ip)
{
	uint8_t *icmp = ip + 20;
	uint32_t n = 28 + quote;
	uint16_t sum;

	memset(ip, 0, 28);
	ip[0] = 0x45;
	nf_put16(ip + 2, (uint16_t)n);
	ip[8] = 64;
	ip[9] = NF_PROTO_ICMP;
	memcpy(ip + 12, own, 4);
	memcpy(ip + 16, h->b + nf_source_at(h), 4);
	sum = (uint16_t)~nf_sum_bytes(ip, 20);
	memcpy(ip + 10, &sum, 2);
	icmp[0] = what == L3_TIME_EXCEEDED ? 11 : 3;
	memcpy(icmp + 8, h->b + h->l3, quote);
	sum = (uint16_t)~nf_sum_bytes(icmp, 8 + quote);
	memcpy(icmp + 2, &sum, 2);
	return n;
}

static uint32_t
write_ipv6(const struct nf_headers *h, const uint8_t *own, enum l3_error what, uint32_t quote,
	uint8_t *ip)
{
	uint8_t *icmp = ip + 40;
	uint16_t sum;

	memset(ip, 0, 48);
	ip[0] = 0x60;
	nf_put16(ip + 4, (uint16_t)(8 + quote));
	ip[6] = NF_PROTO_ICMP6;
	ip[7] = 64;
	memcpy(ip + 8, own, 16);
	memcpy(ip + 24, h->b + nf_source_at(h), 16);
	icmp[0] = what == L3_TIME_EXCEEDED ? 3 : 1;
	memcpy(icmp + 8, h->b + h->l3, quote);
	sum = nf_icmp6_checksum(ip, 8 + quote);
	memcpy(icmp + 2, &sum, 2);
	return 48 + quote;
}

bool
l3_error(struct l3fwd *l3, struct netvm_packet *p, const struct nf_headers *h, enum l3_error what,
	uint32_t room, uint64_t now)
{
	uint8_t frame[NF_ETHER_LEN + 8 + 48 + QUOTE_MAX];
	uint32_t quote = (h->end < h->have ? h->end : h->have) - h->l3, n;
	const uint8_t *own;

	if (!is_due(l3, p, h, now))
		return false;
	own = nf_host_source(&l3->host, h->version, h->b + nf_source_at(h));
	if (own == NULL)
		return false;
	if (quote > QUOTE_MAX)
		quote = QUOTE_MAX;
	memcpy(frame, h->b + 6, 6);
	memcpy(frame + 6, l3->host.mac, 6);
	memcpy(frame + 12, h->b + 12, h->l3 - 12u);
	n = h->version == 4 ? write_ipv4(h, own, what, quote, frame + h->l3)
			    : write_ipv6(h, own, what, quote, frame + h->l3);
	if (!nf_become(p, frame, h->l3 + n, room))
		return false;
	l3->errors++;
	l3->count[L3_ERRORS]++;
	return true;
}
