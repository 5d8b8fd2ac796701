/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Taps that are on: hands a burst to everybody who looks; see tap.h.
 * Neighbours: forward.c and deliver.c call, capture.c and
 * mirror.c look. A capture comes first: it shows a frame as it was.
 */
#include "src/datapath/capture.h"
#include "src/datapath/tap.h"

void
tap_set(struct dp_port *p, uint32_t mask, uint32_t on)
{
	/* One writer, the control thread. */
	__atomic_store_n(&p->taps, (p->taps & ~mask) | (on & mask), __ATOMIC_RELAXED);
}

void
tap_in_slow(struct worker *w, struct dp_port *p, struct packet_burst *b)
{
	struct packet *pkts[PACKET_BURST];
	uint32_t taps = tap_of(p);

	for (unsigned int i = 0; i < b->count; i++)
		pkts[i] = &b->pkt[i];
	if (taps & TAP_CAPTURE_IN)
		capture_frames(w, p, pkts, b->count, true);
	if (taps & TAP_MIRROR_IN)
		mirror_copy(w, p, DP_MIRROR_IN, pkts, b->count);
}

void
tap_out_slow(struct worker *w, struct dp_port *p, struct packet *const *pkts, uint16_t n)
{
	uint32_t taps = tap_of(p);

	if (taps & TAP_CAPTURE_OUT)
		capture_frames(w, p, pkts, n, false);
	if (taps & TAP_MIRROR_OUT)
		mirror_copy(w, p, DP_MIRROR_OUT, pkts, n);
}
