/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Changing a packet and its checksums (nf-packet.h). Sums are ones' complement in
 * memory order (RFC 1071), so nothing is swapped; corrections are RFC 1624's.
 */
#include <string.h>

#include "guest-pmd/nf/nf-packet.h"

void
nf_parts(const struct netvm_packet *p, uint32_t at, uint32_t n, nf_part_fn fn, void *arg)
{
	const struct netvm_seg *next = p->next;
	uint8_t *data = p->data;
	uint32_t length = p->length;

	while (n != 0) {
		if (at < length) {
			uint32_t part = length - at < n ? length - at : n;

			if (!fn(arg, data + at, part))
				return;
			n -= part;
			at = 0;
		} else {
			at -= length;
		}
		if (next == NULL)
			return;
		data = next->data;
		length = next->length;
		next = next->next;
	}
}

static bool
store_part(void *arg, uint8_t *data, uint32_t n)
{
	const uint8_t **from = arg;

	memcpy(data, *from, n);
	*from += n;
	return true;
}

void
nf_store(struct netvm_packet *p, struct nf_headers *h, uint32_t at, const void *data, uint32_t n)
{
	const uint8_t *from = data;

	if (at < h->have)
		memcpy(h->b + at, data, n < h->have - at ? n : h->have - at);
	if (at + n <= p->length)
		memcpy(p->data + at, data, n);
	else
		nf_parts(p, at, n, store_part, &from);
}

static uint16_t
fold(uint64_t sum)
{
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

uint16_t
nf_sum_bytes(const void *data, uint32_t n)
{
	const uint8_t *b = data;
	uint64_t sum = 0;
	uint16_t last = 0;

	for (; n >= 4; n -= 4, b += 4) {
		uint32_t v;

		memcpy(&v, b, 4);
		sum += v;
	}
	if (n >= 2) {
		uint16_t v;

		memcpy(&v, b, 2);
		sum += v;
		b += 2;
		n -= 2;
	}
	if (n != 0)
		memcpy(&last, b, 1);
	return fold(sum + last);
}

uint16_t
nf_sum_add(uint16_t a, uint16_t b)
{
	return fold((uint32_t)a + b);
}

struct sum {
	uint16_t sum;
	bool odd; /* the next part begins at an odd place: its bytes change sides */
};

static bool
sum_part(void *arg, uint8_t *data, uint32_t n)
{
	struct sum *s = arg;
	uint16_t v = nf_sum_bytes(data, n);

	s->sum = nf_sum_add(s->sum, s->odd ? (uint16_t)(v << 8 | v >> 8) : v);
	s->odd ^= (n & 1) != 0;
	return true;
}

uint16_t
nf_sum(const struct netvm_packet *p, uint32_t at, uint32_t n)
{
	struct sum s = {0};

	nf_parts(p, at, n, sum_part, &s);
	return s.sum;
}

/* The new checksum field, given the old one and the sums of what it covers. */
static uint16_t
corrected(uint16_t field, uint16_t before, uint16_t after)
{
	return (uint16_t)~fold((uint32_t)(uint16_t)~field + (uint16_t)~before + after);
}

static void
correct_field(
	struct netvm_packet *p, struct nf_headers *h, uint32_t at, uint16_t before, uint16_t after)
{
	uint16_t field;

	memcpy(&field, h->b + at, 2);
	field = corrected(field, before, after);
	nf_store(p, h, at, &field, 2);
}

void
nf_correct_l4(struct netvm_packet *p, struct nf_headers *h, uint16_t before, uint16_t after,
	enum nf_cover cover)
{
	uint16_t field;

	if (h->l4_len == 0 || h->checksum == 0 || h->checksum + 2u > h->have)
		return;
	/* ICMP has no pseudo-header; ICMPv6 has. */
	if (cover == NF_COVER_PSEUDO && h->proto == NF_PROTO_ICMP)
		return;
	memcpy(&field, h->b + h->checksum, 2);
	if ((p->flags & NETVM_PACKET_CSUM) != 0 && p->csum_start == h->l4 &&
		(uint32_t)p->csum_start + p->csum_offset == h->checksum) {
		/* Partial: the field holds the pseudo-header's sum, not inverted. */
		if (cover == NF_COVER_PSEUDO) {
			field = fold((uint32_t)field + (uint16_t)~before + after);
			nf_store(p, h, h->checksum, &field, 2);
		}
		return;
	}
	if (h->proto == NF_PROTO_UDP) {
		if (field == 0)
			return;
		field = corrected(field, before, after);
		if (field == 0)
			field = 0xffff;
		nf_store(p, h, h->checksum, &field, 2);
		return;
	}
	correct_field(p, h, h->checksum, before, after);
}

void
nf_replace(struct netvm_packet *p, struct nf_headers *h, uint32_t at, const void *data, uint32_t n,
	unsigned int cover)
{
	uint16_t before, after = nf_sum_bytes(data, n);

	if (at + n > h->have)
		return;
	before = nf_sum_bytes(h->b + at, n);
	nf_store(p, h, at, data, n);
	if ((cover & NF_COVER_IP) != 0 && h->version == 4)
		correct_field(p, h, h->l3 + 10u, before, after);
	if ((cover & NF_COVER_PSEUDO) != 0)
		nf_correct_l4(p, h, before, after, NF_COVER_PSEUDO);
	if ((cover & NF_COVER_L4) != 0)
		nf_correct_l4(p, h, before, after, NF_COVER_L4);
}
