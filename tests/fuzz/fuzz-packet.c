/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Everything that a worker does to a frame on its way, on arbitrary bytes: the
 * offload check, tags, the guard, the hash, segmentation and checksums, in the
 * order of a worker. The private bytes are an allocation of exactly their size
 * with the promised headroom, so any byte too many is seen.
 *
 * Input: struct control, then the frame.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "src/packet/guard.h"

struct control {
	uint8_t flags, gso_type;
	uint16_t gso_size, csum_start, csum_offset;
	uint8_t hdr_len; /* private bytes beyond the shortest, if the frame has them */
	uint8_t rest;    /* bytes in the first segment */
	uint8_t repeat;  /* times two: further segments, each the frame's tail again */
	uint8_t pieces;  /* asked for at a time */
	uint8_t choice;  /* CHOICE_* */
	uint8_t reserved;
	uint16_t tci;
};

enum {
	CHOICE_OWN_MAC = 1, /* the frame comes from the port's MAC */
	CHOICE_IPS = 2,     /* the guard has an ip list */
	CHOICE_TAG = 4,     /* the frame leaves with a tag */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct guard guard_macs = {
	.nmac = 2,
	.mac = {{0x52, 0x54, 0, 0, 0, 1}, {0x52, 0x54, 0, 0, 0, 2}},
};

static void
require(bool ok)
{
	if (!ok)
		abort();
}

static uint32_t
length_of(const struct packet *p)
{
	uint32_t len = p->hdr_len + p->rest_len;

	for (uint16_t i = 0; i < p->nmore; i++)
		len += p->more[i].len;
	return len;
}

/* What packet_offload_set() promises to everybody behind it. */
static void
check_offload(const struct packet *p)
{
	const struct packet_offload *o = &p->offload;
	uint16_t ether_type;

	if (o->flags & PACKET_F_NEEDS_CSUM) {
		require((uint32_t)o->csum_start + o->csum_offset + 2 <= p->hdr_len);
		require(o->csum_start >= packet_l3_offset(p, &ether_type));
	}
	if (o->gso_type != PACKET_GSO_NONE) {
		require(o->flags & PACKET_F_NEEDS_CSUM);
		require(o->hdr_len <= p->hdr_len && o->hdr_len >= o->csum_start + 20);
		require(o->gso_size >= PACKET_GSO_SIZE_MIN && p->len - o->hdr_len > o->gso_size);
	}
}

static void
judge(const struct packet *p, uint8_t choice)
{
	struct guard g = guard_macs;
	enum packet_drop verdict;

	if (choice & CHOICE_OWN_MAC)
		memcpy(p->hdr + 6, g.mac[0], 6);
	if (choice & CHOICE_IPS) {
		g.nip = 2;
		g.ip[0] = (struct guard_ip){4, 9, {10, 0x80}};
		g.ip[1] = (struct guard_ip){6, 64, {0x20, 1, 0x0d, 0xb8}};
	}
	verdict = guard_check(&g, p);
	require(verdict == DROP_REASONS || packet_drop_name(verdict) != NULL);
	require(verdict != DROP_REASONS || memcmp(p->hdr + 6, "\x52\x54\0\0\0", 5) == 0);
}

static uint8_t
byte_at(const struct packet *p, uint32_t offset)
{
	uint8_t b;

	packet_copy_out(p, offset, &b, 1);
	return b;
}

static void
cut(const struct packet *p, uint16_t max)
{
	static struct packet_burst out;
	struct packet_gso g;
	uint32_t left = packet_gso_begin(&g, p), payload = 0;
	uint32_t expected = left == 0 ? 0 : p->len - p->offload.hdr_len;
	uint16_t n;

	while ((n = packet_gso_next(&g, &out, max)) != 0) {
		require(n <= max && n <= left && n == out.count);
		left -= n;
		for (uint16_t i = 0; i < n; i++) {
			struct packet *piece = &out.pkt[i];

			require(piece->hdr >= out.header[i] + PACKET_HEADROOM / 2);
			require(piece->hdr + piece->hdr_len <=
				out.header[i] + sizeof(out.header[i]));
			require(length_of(piece) == piece->len);
			require(piece->len - piece->hdr_len <= p->offload.gso_size);
			payload += piece->len - piece->hdr_len;
			require(byte_at(piece, piece->len - 1) ==
				byte_at(p, p->offload.hdr_len + payload - 1));
			packet_checksum(piece);
			require(piece->offload.flags == 0);
		}
	}
	require(left == 0 && payload == expected);
}

static void
drive(struct packet *p, const struct control *c)
{
	struct packet_offload req = {.flags = c->flags,
		.gso_type = c->gso_type,
		.gso_size = c->gso_size,
		.csum_start = c->csum_start,
		.csum_offset = c->csum_offset};
	uint8_t last[64];
	uint32_t n = p->len < sizeof(last) ? p->len : sizeof(last);

	if (!packet_offload_set(p, &req))
		p->offload = (struct packet_offload){0};
	check_offload(p);
	if (packet_has_tag(p)) {
		packet_vlan_pop(p);
		check_offload(p);
	}
	judge(p, c->choice);
	packet_flow_hash(p);
	if (c->choice & CHOICE_TAG) {
		packet_vlan_push(p, c->tci);
		check_offload(p);
		require(packet_has_tag(p));
	}
	require(length_of(p) == p->len);
	packet_copy_out(p, p->len - n, last, n);
	if (p->offload.gso_type != PACKET_GSO_NONE)
		cut(p, 1 + c->pieces % PACKET_BURST);
	if (p->offload.flags & PACKET_F_NEEDS_CSUM)
		packet_checksum(p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct packet_seg seg[PACKET_SEGS_MAX];
	struct packet p = {0};
	struct control c;
	uint32_t len;
	uint8_t *mem;

	if (size < sizeof(c) + PACKET_LEN_MIN)
		return 0;
	memcpy(&c, data, sizeof(c));
	data += sizeof(c);
	len = (uint32_t)(size - sizeof(c));
	if (len > PACKET_LEN_MAX)
		return 0;

	p.hdr_len = PACKET_LEN_MIN + (c.hdr_len % (PACKET_HEADER_MAX - PACKET_LEN_MIN + 2) & ~1);
	if (p.hdr_len > len)
		p.hdr_len = (uint16_t)len;
	p.rest_len = len - p.hdr_len < c.rest ? len - p.hdr_len : c.rest;
	p.len = p.hdr_len + p.rest_len;
	p.rest = p.rest_len != 0 ? data + p.hdr_len : NULL;
	for (uint32_t i = 0; i < c.repeat * 2u && p.rest_len != 0; i++) {
		/* The whole tail and its last byte by turns: odd places and long frames. */
		uint32_t tail = i % 2 != 0 ? 1 : len - p.hdr_len;

		if (p.len + tail > PACKET_LEN_MAX)
			break;
		seg[p.nmore++] = (struct packet_seg){data + len - tail, tail};
		p.len += tail;
	}
	p.more = p.nmore != 0 ? seg : NULL;

	mem = malloc(PACKET_HEADROOM + p.hdr_len);
	require(mem != NULL);
	p.hdr = mem + PACKET_HEADROOM;
	memcpy(p.hdr, data, p.hdr_len);
	drive(&p, &c);
	free(mem);
	return 0;
}
