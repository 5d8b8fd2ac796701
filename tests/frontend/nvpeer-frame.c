/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvpeer's frames: they carry a sequence number and a pattern that follows from
 * it, so that the receiver sees loss, repetition, reordering and damage. See
 * nvpeer.h.
 */
#include <string.h>

#include "tests/frontend/nvpeer.h"

#define ETHER_TYPE_VLAN 0x8100

static uint16_t
get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint8_t *
put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
	return p + 2;
}

/* Payload: sequence (8 bytes), whole length (4 bytes), pattern. */
uint32_t
peer_frame(uint8_t *f, const struct peer_options *o, uint64_t seq)
{
	uint32_t len = o->size < 30 ? 30 : o->size;
	uint8_t *p = f + 12;

	if (o->raw_len > 0) {
		memcpy(f, o->raw, o->raw_len);
		return o->raw_len;
	}
	if (o->has_dst)
		memcpy(f, o->dst, 6);
	else
		memset(f, 0xff, 6);
	memcpy(f + 6, o->mac, 6);
	if (o->vlan >= 0) {
		p = put16(p, ETHER_TYPE_VLAN);
		p = put16(p, (uint16_t)o->vlan);
	}
	p = put16(p, ETHER_TYPE_PEER);
	memcpy(p, &seq, 8);
	memcpy(p + 8, &len, 4);
	for (uint8_t *q = p + 12; q < f + len; q++)
		*q = (uint8_t)(seq * 31 + (uint64_t)(q - p));
	return len;
}

static bool *
seen_bit(struct peer_seen *s, uint64_t seq)
{
	return &s->got[seq % PEER_SEEN_WINDOW];
}

/* Notes a good frame. Each is new, or was missing before, or was here already. */
static void
note(struct peer_seen *s, uint64_t seq)
{
	if (seq >= s->next) {
		uint64_t gap = seq - s->next;

		for (uint64_t n = s->next; n < seq && n < s->next + PEER_SEEN_WINDOW; n++)
			*seen_bit(s, n) = false;
		if (gap > 0 && s->gaps < PEER_GAPS_MAX)
			s->gap[s->gaps] = gap;
		s->gaps += gap > 0;
		s->lost += gap;
		s->next = seq + 1;
	} else if (s->next - seq <= PEER_SEEN_WINDOW && *seen_bit(s, seq)) {
		s->duplicates++;
		if (s->replay && s->next - seq > s->replayed_most)
			s->replayed_most = s->next - seq;
	} else {
		s->reordered++;
		s->lost -= s->lost > 0;
	}
	/* Only a backend that was started anew may go back, once. */
	if (seq < s->above && !s->replay)
		s->backwards++;
	s->replay = false;
	s->above = seq + 1;
	*seen_bit(s, seq) = true;
}

bool
peer_look(struct peer_seen *s, const uint8_t *f, uint32_t len)
{
	uint32_t sent, off = 12;
	uint64_t seq;
	bool good;

	if (len >= 18 && get16(f + 12) == ETHER_TYPE_VLAN) {
		s->tagged++;
		s->vlan = get16(f + 14) & 0xfff;
		off = 16;
	}
	if (len < off + 14 || get16(f + off) != ETHER_TYPE_PEER) {
		s->other++;
		return false;
	}
	f += off + 2;
	len -= off + 2;
	memcpy(&seq, f, 8);
	memcpy(&sent, f + 8, 4);
	good = sent == len + 14 || sent == len + 18;
	for (uint32_t i = 12; good && i < len; i++)
		good = f[i] == (uint8_t)(seq * 31 + i);
	if (good)
		note(s, seq);
	else
		s->corrupt++;
	return true;
}
