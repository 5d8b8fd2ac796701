/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bridge: a learning bridge between the ports that send to it. A source's MAC is
 * learned with the port that it came from; a frame to a learned MAC goes to that port,
 * everything else goes to NEXT.
 */
#ifndef NF_BRIDGE_H
#define NF_BRIDGE_H

#include "guest-pmd/nf/nf-flow.h"

enum bridge_count {
	BRIDGE_FORWARDED,
	BRIDGE_UNKNOWN,  /* to NEXT: multicast, or a MAC that was not learned */
	BRIDGE_FILTERED, /* its destination is where it came from */
	BRIDGE_BAD,      /* no whole Ethernet header */
	BRIDGE_MOVED,    /* a MAC came from another port than before */
	BRIDGE_FULL,     /* MACs that found no room */
	BRIDGE_COUNTS,
};

struct bridge {
	struct nf_table *macs;
	uint64_t count[BRIDGE_COUNTS];
};

extern const char *const bridge_count_names[BRIDGE_COUNTS];

int bridge_start(struct bridge *b, uint32_t capacity, uint64_t age_ns);
void bridge_stop(struct bridge *b);
void bridge_packet(struct bridge *b, struct netvm_packet *p, uint64_t now);

#endif
