/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The hash that spreads flows over queues. Both ends of a connection are mixed
 * each for itself and then added, so a reply has the hash of its request.
 * Workers run it; it is no defence against somebody who wants collisions, who
 * only slows himself down by putting his flows on one queue.
 */
#include <string.h>

#include "src/packet/headers.h"

static uint64_t
mix(uint64_t h, uint64_t v)
{
	/* Odd constant from the golden ratio; the shift brings high bits down. */
	h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 32;
}

static uint64_t
mix_bytes(uint64_t h, const uint8_t *b, uint32_t n)
{
	uint64_t v;

	for (; n >= 8; n -= 8, b += 8) {
		memcpy(&v, b, 8);
		h = mix(h, v);
	}
	if (n != 0) {
		v = 0;
		memcpy(&v, b, n);
		h = mix(h, v);
	}
	return h;
}

static uint32_t
combine(uint64_t a, uint64_t b, uint64_t kind)
{
	return (uint32_t)(mix(a + b, kind) >> 16);
}

uint32_t
packet_flow_hash(const struct packet *p)
{
	uint64_t source_port = 0, destination_port = 0;
	const uint8_t *source;
	struct headers h;
	uint32_t n;

	if (p->hdr_len < ETHER_HEADER_LEN)
		return 0;
	if (headers_find(p, &h) != HEADERS_IP)
		return combine(mix_bytes(0, p->hdr, 6), mix_bytes(0, p->hdr + 6, 6), 0);

	n = h.version == 4 ? 4 : 16;
	source = p->hdr + h.l3 + (h.version == 4 ? 12 : 8);
	/* Later fragments carry no ports, so no fragment may be hashed by them. */
	if ((h.proto == IPPROTO_NUM_TCP || h.proto == IPPROTO_NUM_UDP) && !h.fragment &&
		h.l4 + 4 <= p->hdr_len) {
		source_port = load_be16(p->hdr + h.l4) + 1;
		destination_port = load_be16(p->hdr + h.l4 + 2) + 1;
	}
	return combine(mix_bytes(source_port, source, n),
		mix_bytes(destination_port, source + n, n), h.proto);
}
