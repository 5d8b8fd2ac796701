/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cuts a guest's large TCP frame for a destination that cannot. Workers run it.
 *
 * Theory of operation. A piece is a view: its headers are a patched copy in the
 * scratch burst, its payload stays where the guest put it, as windows into the
 * source's segments. So one pass over the segments serves all pieces, and the
 * place where the next payload begins is kept in struct packet_gso between
 * calls. The segments are hdr's tail (0), rest (1) and more[i] (2 + i).
 *
 * Headers change as Linux' own segmentation changes them, because that is what
 * receivers are used to: the IPv4 ID counts up, FIN and PSH are only on the
 * last piece, CWR only on the first. The L4 checksum stays partial; its
 * pseudo-header part is moved from the old length to the new one rather than
 * computed afresh, which stays right behind an IPv6 routing header, whose
 * addresses the pseudo-header does not take from the IPv6 header.
 */
#include <string.h>

#include "src/packet/checksum.h"
#include "src/packet/headers.h"

#define TCP_SEQ      4
#define TCP_FLAGS    13
#define TCP_CHECKSUM 16
#define TCP_F_FIN    0x01
#define TCP_F_PSH    0x08
#define TCP_F_CWR    0x80

#define IPV4_TOTAL    2
#define IPV4_ID       4
#define IPV4_CHECKSUM 10
#define IPV6_PAYLOAD  4

/* Headers of a piece may fill the private bytes and what VLAN push took. */
#define GSO_HEADER_MAX (PACKET_HEADER_MAX + PACKET_HEADROOM / 2)
uint32_t
packet_gso_begin(struct packet_gso *g, const struct packet *p)
{
	const struct packet_offload *o = &p->offload;

	*g = (struct packet_gso){.from = p};
	if (o->gso_type == PACKET_GSO_NONE || o->gso_size == 0 || o->hdr_len > GSO_HEADER_MAX ||
		p->len <= o->hdr_len || p->nmore >= PACKET_SEGS_MAX)
		return 0;
	g->payload = p->len - o->hdr_len;
	g->left = (g->payload + o->gso_size - 1) / o->gso_size;
	g->segment_offset = o->hdr_len;
	return g->left;
}

static struct packet_seg
segment_of(const struct packet *p, uint32_t i)
{
	switch (i) {
	case 0:
		return (struct packet_seg){p->hdr, p->hdr_len};
	case 1:
		return (struct packet_seg){p->rest, p->rest_len};
	default:
		return p->more[i - 2];
	}
}

/*
 * Points `to` at the next n payload bytes and moves g behind them. Extra
 * windows come from out->seg, which always suffices: all pieces together have
 * one window for each segment (nmore + 2) and one more for each cut inside a
 * segment (pieces - 1), and the first window of each piece is its rest. So
 * at most nmore + 1 are extra, which packet_gso_begin() has bounded.
 */
static void
take_payload(struct packet_gso *g, struct packet_burst *out, struct packet *to, uint32_t n)
{
	uint32_t segments = 2 + (uint32_t)g->from->nmore;
	uint32_t i = g->segment, at = g->segment_offset;
	uint16_t first = out->nseg;

	while (n != 0 && i < segments) {
		struct packet_seg s = segment_of(g->from, i);
		uint32_t part = s.len - at < n ? s.len - at : n;

		if (part != 0 && to->rest_len == 0) {
			to->rest = s.data + at;
			to->rest_len = part;
		} else if (part != 0) {
			out->seg[out->nseg++] = (struct packet_seg){s.data + at, part};
		}
		n -= part;
		at += part;
		if (at == s.len) {
			at = 0;
			i++;
		}
	}
	to->nmore = out->nseg - first;
	to->more = to->nmore != 0 ? out->seg + first : NULL;
	g->segment = i;
	g->segment_offset = at;
}

static void
patch_ip(const struct packet_gso *g, uint8_t *ip, uint32_t len)
{
	uint16_t check;

	if (g->from->offload.gso_type == PACKET_GSO_TCPV6) {
		store_be16(ip + IPV6_PAYLOAD, (uint16_t)(len - IPV6_HEADER_LEN));
		return;
	}
	store_be16(ip + IPV4_TOTAL, (uint16_t)len);
	store_be16(ip + IPV4_ID, (uint16_t)(load_be16(ip + IPV4_ID) + g->index));
	store_be16(ip + IPV4_CHECKSUM, 0);
	check = ~checksum_sum(ip, (ip[0] & 0xf) * 4);
	memcpy(ip + IPV4_CHECKSUM, &check, sizeof(check));
}

/* l4_old and l4_new: bytes from the TCP header to the end. */
static void
patch_tcp(const struct packet_gso *g, uint8_t *tcp, uint32_t l4_old, uint32_t l4_new)
{
	uint8_t clear = 0;
	uint64_t sum;

	store_be32(tcp + TCP_SEQ, load_be32(tcp + TCP_SEQ) + g->offset);
	if (g->left != 1)
		clear |= TCP_F_FIN | TCP_F_PSH;
	if (g->index != 0)
		clear |= TCP_F_CWR;
	tcp[TCP_FLAGS] &= ~clear;
	/* Subtracting is adding the complement; both lengths are below 2^17. */
	sum = (uint64_t)load_be16(tcp + TCP_CHECKSUM) + (uint16_t)~checksum_fold(l4_old) + l4_new;
	store_be16(tcp + TCP_CHECKSUM, checksum_fold(sum));
}

static void
make_piece(struct packet_gso *g, struct packet_burst *out, uint16_t slot, uint16_t l3)
{
	const struct packet *from = g->from;
	const struct packet_offload *o = &from->offload;
	uint32_t left = g->payload - g->offset;
	uint32_t n = left < o->gso_size ? left : o->gso_size;
	struct packet *to = &out->pkt[slot];

	*to = (struct packet){
		.hdr = packet_burst_header(out, slot),
		.hdr_len = o->hdr_len,
		.len = o->hdr_len + n,
		.vlan = from->vlan,
		.out = from->out,
		.pcp = from->pcp,
		.from = from->from,
		.offload = {.flags = PACKET_F_NEEDS_CSUM,
			.csum_start = o->csum_start,
			.csum_offset = o->csum_offset},
	};
	/* Headers that grew into their headroom begin in the headroom here, too. */
	if (o->hdr_len > PACKET_HEADER_MAX)
		to->hdr -= (o->hdr_len - PACKET_HEADER_MAX + 1) & ~1;
	take_payload(g, out, to, n);
	memcpy(to->hdr, from->hdr, o->hdr_len);
	patch_ip(g, to->hdr + l3, to->len - l3);
	patch_tcp(g, to->hdr + o->csum_start, from->len - o->csum_start, to->len - o->csum_start);
	g->offset += n;
	g->index++;
	g->left--;
}

uint16_t
packet_gso_next(struct packet_gso *g, struct packet_burst *out, uint16_t max)
{
	uint16_t ether_type, l3, n = 0;

	out->count = 0;
	out->nseg = 0;
	if (g->left == 0)
		return 0;
	if (max > PACKET_BURST)
		max = PACKET_BURST;
	l3 = packet_l3_offset(g->from, &ether_type);
	while (n < max && g->left != 0)
		make_piece(g, out, n++, l3);
	out->count = n;
	return n;
}
