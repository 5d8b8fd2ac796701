/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rate-limit: a token bucket for all packets, or one for each source address.
 */
#ifndef NF_LIMIT_H
#define NF_LIMIT_H

#include "guest-pmd/nf/nf-flow.h"

enum limit_by { LIMIT_ALL, LIMIT_SOURCE };

enum limit_count {
	LIMIT_PASSED,
	LIMIT_DROPPED,
	LIMIT_EVICTED, /* sources that made room for others, with a full bucket again */
	LIMIT_COUNTS,
};

struct limit_config {
	enum limit_by by;
	bool packets;     /* rate and burst are packets, else bits per second and bytes */
	uint64_t rate;    /* per second, 1 .. 10^12 */
	uint64_t burst;   /* 1 .. 10^9 */
	uint32_t sources; /* to remember */
};

struct limit {
	struct limit_config config;
	uint64_t until;           /* the bucket of LIMIT_ALL, see limit.c */
	struct nf_table *sources; /* of LIMIT_SOURCE: the same number for each */
	uint64_t count[LIMIT_COUNTS];
};

int limit_start(struct limit *l, const struct limit_config *config);
void limit_stop(struct limit *l);
void limit_packet(struct limit *l, struct netvm_packet *p, uint64_t now);

#endif
