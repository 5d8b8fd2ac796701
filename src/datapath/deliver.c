/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The last steps before a destination: VLAN tag, offloads that it cannot take,
 * transmit, counting of what was not taken.
 *
 * A view may be sent to several destinations (a flood). What is done to it
 * here either is undone (the tag), or is right for everybody who comes later
 * (a finished checksum), or happens to copies (segments).
 *
 * Thread: the worker that owns w. Neighbours: forward.c, packet/.
 */
#include "src/datapath/police.h"

static void
transmit(struct worker *w, struct dp_port *d, struct packet *const *pkts, uint16_t n)
{
	uint16_t taken = d->ops->tx(d, w->id, pkts, n);

	if (__builtin_expect(taken < n, 0))
		worker_drop(w, d, d->ops->full, (uint64_t)(n - taken));
}

/* Cuts a TCP frame for a destination without TSO. The pieces' payload is the
 * source's memory still; only their headers are made, in w->scratch. */
static void
transmit_segments(struct worker *w, const struct tx_group *g, const struct packet *p, bool csum)
{
	struct packet *pkts[PACKET_BURST];
	struct packet_gso gso;
	uint32_t pieces = packet_gso_begin(&gso, p);
	uint16_t n;

	if (pieces == 0 || pieces > w->forward.pieces_left) {
		worker_drop(w, g->owner, DROP_BAD_OFFLOAD, 1);
		return;
	}
	w->forward.pieces_left -= pieces;
	while ((n = packet_gso_next(&gso, &w->scratch, PACKET_BURST)) != 0) {
		for (unsigned int i = 0; i < n; i++) {
			pkts[i] = &w->scratch.pkt[i];
			if (!csum)
				packet_checksum(pkts[i]);
		}
		transmit(w, g->port, pkts, n);
	}
}

static bool
takes_gso(struct dp_tx_caps caps, uint8_t gso_type)
{
	return (caps.tso4 || !(gso_type & PACKET_GSO_TCPV4)) &&
	       (caps.tso6 || !(gso_type & PACKET_GSO_TCPV6));
}

/* Some frame needs software's help: keeps the frames' order. */
static void
transmit_resolved(struct worker *w, struct tx_group *g, struct dp_tx_caps caps)
{
	uint16_t start = 0;

	for (uint16_t i = 0; i < g->count; i++) {
		struct packet *p = g->pkt[i];

		if (!takes_gso(caps, p->offload.gso_type)) {
			if (i > start)
				transmit(w, g->port, g->pkt + start, i - start);
			transmit_segments(w, g, p, caps.csum);
			start = i + 1;
		} else if ((p->offload.flags & PACKET_F_NEEDS_CSUM) && !caps.csum) {
			packet_checksum(p);
		}
	}
	if (g->count > start)
		transmit(w, g->port, g->pkt + start, g->count - start);
}

void
deliver_as_is(struct worker *w, struct tx_group *g)
{
	struct dp_tx_caps caps = g->port->ops->tx_caps(g->port);

	if (__builtin_expect(takes_gso(caps, g->gso_type) &&
				     (caps.csum || !(g->flags & PACKET_F_NEEDS_CSUM)),
		    1))
		transmit(w, g->port, g->pkt, g->count);
	else
		transmit_resolved(w, g, caps);
}

void
deliver_group(struct worker *w, struct tx_group *g, bool last)
{
	bool push = g->vlans != 0 && g->settings->vlan.trunk;

	if (__builtin_expect((tap_of(g->port) & TAP_POLICE_OUT) != 0, 0)) {
		police_out(w, g);
		if (g->count == 0)
			return;
	}

	for (unsigned int i = 0; push && i < g->count; i++) {
		struct packet *p = g->pkt[i];

		if (p->vlan != 0)
			packet_vlan_push(p, (uint16_t)(p->pcp << 12 | p->vlan));
	}
	tap_out(w, g->port, g->pkt, g->count);
	deliver_as_is(w, g);
	for (unsigned int i = 0; push && !last && i < g->count; i++)
		if (g->pkt[i]->vlan != 0)
			packet_vlan_pop(g->pkt[i]);
}
