/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Policing of ports and storm control; see police.h.
 * Neighbours: bucket.c does the arithmetic; forward.c, deliver.c and port.c call.
 */
#include <string.h>

#include "src/datapath/police.h"

/* A frame of PACKET_LEN_MAX in pieces of PACKET_GSO_SIZE_MIN, headers of 256
 * bytes before each. */
#define SEGMENTS_MAX   (PACKET_LEN_MAX / PACKET_GSO_SIZE_MIN + 1)
#define WIRE_BYTES_MAX (PACKET_LEN_MAX + SEGMENTS_MAX * 256)

#define TAG_LEN 4

static uint32_t
segments_of(const struct packet *p)
{
	const struct packet_offload *o = &p->offload;

	if (__builtin_expect(o->gso_type == PACKET_GSO_NONE || p->len <= o->hdr_len, 1))
		return 1;
	return (p->len - o->hdr_len + o->gso_size - 1) / o->gso_size;
}

/* Which of n frames pass. extra[i]: bytes that its wire adds to frame i. */
static uint32_t
admit(const struct worker *w, struct police *pl, struct packet *const *pkts, uint16_t n,
	const uint8_t *extra)
{
	uint32_t packets[PACKET_BURST], bytes[PACKET_BURST];
	const uint32_t all = n != 0 ? (uint32_t)(UINT64_MAX >> (64 - n)) : 0;
	uint32_t passed, pass;

	for (uint16_t i = 0; i < n; i++) {
		packets[i] = segments_of(pkts[i]);
		bytes[i] = pkts[i]->len + (packets[i] - 1) * pkts[i]->offload.hdr_len +
			   packets[i] * extra[i];
	}
	passed = bucket_admit(&pl->packets, w->now, packets, all);
	pass = bucket_admit(&pl->bytes, w->now, bytes, passed);
	bucket_refund(&pl->packets, packets, passed & ~pass);
	return pass;
}

uint32_t
police_in(struct worker *w, struct dp_port *p, const struct packet_burst *b)
{
	static const uint8_t no_extra[PACKET_BURST];
	struct packet *pkts[PACKET_BURST];
	uint32_t pass;

	for (unsigned int i = 0; i < b->count; i++)
		pkts[i] = (struct packet *)(uintptr_t)&b->pkt[i];
	pass = admit(w, &p->police_in, pkts, b->count, no_extra);
	worker_drop(w, p, DROP_POLICED, b->count - (unsigned int)__builtin_popcount(pass));
	return pass;
}

void
police_out(struct worker *w, struct tx_group *g)
{
	uint8_t extra[PACKET_BURST];
	uint32_t pass;
	uint16_t kept = 0;

	for (unsigned int i = 0; i < g->count; i++)
		extra[i] = g->settings->vlan.trunk && g->pkt[i]->vlan != 0 ? TAG_LEN : 0;
	pass = admit(w, &g->port->police_out, g->pkt, g->count, extra);
	for (unsigned int i = 0; i < g->count; i++)
		if (pass >> i & 1)
			g->pkt[kept++] = g->pkt[i];
	worker_drop(w, g->port, DROP_POLICED_OUT, g->count - kept);
	g->count = kept;
}

bool
police_storm(const struct worker *w, struct dp_port *p, const struct dp_network *net)
{
	uint64_t cost = __atomic_load_n(&net->storm_cost, __ATOMIC_RELAXED);
	uint64_t depth, until, next;

	if (cost == 0)
		return true;
	depth = __atomic_load_n(&net->storm_depth, __ATOMIC_RELAXED);
	until = __atomic_load_n(&p->storm_until, __ATOMIC_RELAXED);
	do {
		next = until > w->now ? until : w->now;
		/* A limit that was changed leaves a time far ahead: what was spent by
		 * the old one is forgotten. Other workers' clocks are ahead of ours by
		 * less than the depth, so theirs is not taken for such a time. */
		if (next - w->now > 2 * depth)
			next = w->now;
		next += cost;
		if (next - w->now > depth)
			return false;
	} while (!__atomic_compare_exchange_n(
		&p->storm_until, &until, next, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return true;
}

/* --- control thread ------------------------------------------------------ */

static void
police_set(struct police *pl, const struct dp_rate *r)
{
	/* Unless told otherwise a tenth of a second's allowance may come at once, at
	 * least a burst, or the longest frame. */
	uint64_t packets = r->pps / 10 > PACKET_BURST ? r->pps / 10 : PACKET_BURST;
	uint64_t bytes = r->bps / 80 > PACKET_LEN_MAX ? r->bps / 80 : PACKET_LEN_MAX;

	bucket_set(
		&pl->packets, &(struct bucket_limit){
				      .rate = r->pps,
				      .weight = 1,
				      .unit_max = SEGMENTS_MAX,
				      .burst = r->burst_packets != 0 ? r->burst_packets : packets,
			      });
	bucket_set(&pl->bytes, &(struct bucket_limit){
				       .rate = r->bps,
				       .weight = 8,
				       .unit_max = WIRE_BYTES_MAX,
				       .burst = r->burst_bytes != 0 ? r->burst_bytes : bytes,
			       });
}

void
police_apply(struct dp_port *p, const struct dp_port_settings *s)
{
	uint32_t on = 0;

	police_set(&p->police_in, &s->rate_in);
	police_set(&p->police_out, &s->rate_out);
	if ((s->rate_in.pps | s->rate_in.bps) != 0)
		on |= TAP_POLICE_IN;
	if ((s->rate_out.pps | s->rate_out.bps) != 0)
		on |= TAP_POLICE_OUT;
	tap_set(p, TAP_POLICE_IN | TAP_POLICE_OUT, on);
}
