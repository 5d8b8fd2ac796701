/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * flow-tracker: a table of flows, both directions in one entry, with ages and a list of
 * the largest.
 */
#ifndef NF_TRACKER_H
#define NF_TRACKER_H

#include "guest-pmd/nf/nf-flow.h"

#define TRACKER_TOP_MAX 100

struct tracker_flow {
	uint64_t first_ns, last_ns;
	uint64_t packets[2], bytes[2]; /* as the key is written, and back */
};

enum tracker_count {
	TRACKER_FLOWS,   /* flows that were begun */
	TRACKER_AGED,    /* and ended by silence */
	TRACKER_EVICTED, /* and made room for others */
	TRACKER_NOT_IP,  /* packets without a flow */
	TRACKER_COUNTS,
};

struct tracker {
	struct nf_table *flows;
	uint64_t count[TRACKER_COUNTS];
};

int tracker_start(struct tracker *t, uint32_t capacity, uint64_t age_ns);
void tracker_stop(struct tracker *t);
void tracker_packet(struct tracker *t, const struct netvm_packet *p, uint64_t now);
/* Ages some; returns how many went. */
uint32_t tracker_age(struct tracker *t, uint64_t now, uint32_t max);
/* Counters, and the `top` largest flows by bytes. */
void tracker_report(struct tracker *t, FILE *out, unsigned int top, uint64_t now);

#endif
