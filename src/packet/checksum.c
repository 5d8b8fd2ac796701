/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Checksums in software, for destinations that do not finish them: the sum
 * over memory (checksum.h) and packet_checksum() over the segments of a view.
 * Workers run it.
 */
#include "src/packet/checksum.h"

#include <string.h>

#include "src/packet/packet.h"

/* UDP's checksum field; nothing else that is offloaded has it there, but DCCP,
 * which takes 0xffff for 0 as well. */
#define UDP_CHECKSUM_OFFSET 6

static inline uint64_t
load64(const uint8_t *b)
{
	uint64_t v;

	memcpy(&v, b, sizeof(v));
	return v;
}

/* Ones' complement addition: the carry comes back at the bottom. */
static inline uint64_t
add_carry(uint64_t sum, uint64_t v)
{
	sum += v;
	return sum + (sum < v);
}

uint16_t
checksum_sum(const uint8_t *data, uint32_t len)
{
	uint64_t a = 0, b = 0, tail = 0;

	/* Two chains, because each addition waits for its carry. */
	for (; len >= 32; len -= 32, data += 32) {
		a = add_carry(a, load64(data));
		b = add_carry(b, load64(data + 8));
		a = add_carry(a, load64(data + 16));
		b = add_carry(b, load64(data + 24));
	}
	for (; len >= 8; len -= 8, data += 8)
		a = add_carry(a, load64(data));
	if (len != 0)
		memcpy(&tail, data, len);
	return checksum_fold(add_carry(add_carry(a, b), tail));
}

/* Adds a segment that begins at byte `at` of the summed range. In an odd place
 * its even bytes are the odd ones of the whole: swapping the sum is the same
 * as shifting the data by a byte (RFC 1071, 2 B). */
static uint64_t
add_segment(uint64_t sum, const uint8_t *data, uint32_t len, uint32_t at)
{
	uint16_t part = checksum_sum(data, len);

	return sum + (at & 1 ? __builtin_bswap16(part) : part);
}

void
packet_checksum(struct packet *p)
{
	uint8_t *field = p->hdr + p->offload.csum_start + p->offload.csum_offset;
	uint32_t at = p->hdr_len - p->offload.csum_start;
	uint64_t sum = checksum_sum(p->hdr + p->offload.csum_start, at);
	uint16_t check;

	if (p->rest_len != 0) {
		sum = add_segment(sum, p->rest, p->rest_len, at);
		at += p->rest_len;
	}
	for (uint16_t i = 0; i < p->nmore; i++) {
		sum = add_segment(sum, p->more[i].data, p->more[i].len, at);
		at += p->more[i].len;
	}
	check = ~checksum_fold(sum);
	/* To UDP, 0 means that there is no checksum. */
	if (check == 0 && p->offload.csum_offset == UDP_CHECKSUM_OFFSET)
		check = 0xffff;
	memcpy(field, &check, sizeof(check));
	p->offload.flags &= ~PACKET_F_NEEDS_CSUM;
}
