/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Forwarding of one burst: classify.c decides where each frame goes,
 * deliver.c brings it there. Worker only; everything here is private to one.
 */
#ifndef NETVM_FORWARD_H
#define NETVM_FORWARD_H

#include <string.h>

#include "src/datapath/clock.h"
#include "src/datapath/port.h"

struct worker;

#define GROUP_NONE 0xff

/* Pieces that software may cut a burst's TCP frames into, for all destinations
 * together. A guest may ask for pieces of 8 bytes: 8191 of a frame, 262,000 of a
 * burst, for each port that it is flooded to, and every other port would wait
 * meanwhile. Full bursts at the least MSS that a network has to carry (536 bytes)
 * are 3,900. */
#define FORWARD_PIECES_MAX 8192

/* The frames of a burst for one destination. */
struct tx_group {
	struct dp_port *port;
	const struct dp_port_settings *settings;
	struct dp_port *owner; /* is charged for a frame that cannot be cut */
	uint32_t limit;        /* longest frame */
	uint16_t count;
	uint16_t vlans; /* of all frames, ORed: 0: none has a VLAN inside the network */
	union {
		struct {
			uint8_t flags;    /* of all frames' offload.flags */
			uint8_t gso_type; /* of all frames' offload.gso_type */
		};
		uint16_t requests; /* both */
	};
	struct packet *pkt[PACKET_BURST];
};

struct forward {
	struct dp_port *source;
	uint16_t ngroups;
	uint16_t nflood;
	uint32_t pieces_left;        /* of FORWARD_PIECES_MAX, in this burst */
	uint32_t mirror_pieces_left; /* the same for copies, so that they cost the frames nothing */
	struct packet *flood[PACKET_BURST];
	uint8_t group_of[DP_PORTS_MAX]; /* index into group, GROUP_NONE between bursts */
	struct tx_group group[PACKET_BURST];
	struct tx_group member; /* of a flood */
};

void forward_init(struct forward *f);

/* Forwards b, received from src. Views are spent afterwards, not completed. */
void forward_burst(struct worker *w, struct dp_port *src, struct packet_burst *b);

/* The group of destination d, new when this burst has none yet; NULL: d is down. */
struct tx_group *forward_group(
	struct worker *w, struct dp_port *d, const struct dp_port_settings *s);
/* ingress.c. Takes the frame's tag off and finds its VLAN; false: not allowed here.
 * *again becomes false when the next frame with the same head may differ. */
bool ingress_vlan(const struct dp_port_settings *s, struct packet *p, uint16_t *vlan, bool *tagged,
	bool *again);

/* Length that counts against an MTU: of a GSO frame, one segment's. */
static inline uint32_t
forward_wire_len(const struct packet *p)
{
	uint32_t segment = (uint32_t)p->offload.hdr_len + p->offload.gso_size;

	if (__builtin_expect(p->offload.gso_type == PACKET_GSO_NONE, 1) || segment > p->len)
		return p->len;
	return segment;
}

/* An Ethernet header and one tag come on top of an MTU. */
static inline uint32_t
forward_limit(const struct dp_port_settings *s)
{
	return s->mtu + UINT32_C(18);
}

/* Whether frames of this VLAN may leave by a port with these settings. */
static inline bool
forward_admits(const struct dp_port_settings *s, uint16_t vlan)
{
	if (!s->vlan.trunk)
		return s->vlan.access == vlan;
	return s->vlan.allowed[vlan / 64] >> (vlan % 64) & 1;
}

static inline void
group_start(struct tx_group *g, struct dp_port *p, const struct dp_port_settings *s,
	struct dp_port *owner)
{
	g->port = p;
	g->settings = s;
	g->owner = owner;
	g->limit = forward_limit(s);
	g->count = 0;
	g->vlans = 0;
	g->requests = 0;
}

static inline void
group_add(struct tx_group *g, struct packet *p)
{
	uint16_t requests;

	/* In one piece: of single bytes gcc makes a vector, and takes 5 cycles more. */
	static_assert(offsetof(struct packet_offload, flags) == 0 &&
			      offsetof(struct packet_offload, gso_type) == 1,
		"as in struct tx_group");
	memcpy(&requests, &p->offload, sizeof(requests));
	g->pkt[g->count++] = p;
	g->requests |= requests;
	g->vlans |= p->vlan;
}

/*
 * deliver.c. Sends a group. last: no other destination will see these views;
 * otherwise tags that were pushed are taken off again (the caller has hidden
 * the mbufs, so nothing was kept).
 */
void deliver_group(struct worker *w, struct tx_group *g, bool last);

/* Sends a group as it is: no tag is pushed, nothing is tapped.
 * The caller has hidden the mbufs, and put aside the budget of pieces. */
void deliver_as_is(struct worker *w, struct tx_group *g);

#endif
