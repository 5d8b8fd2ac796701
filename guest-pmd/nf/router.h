/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nf-router: sends packets to services and ports by what they are,
 *
 *	WHERE PROTO SOURCE DESTINATION [PORTS [SOURCE-PORTS]]
 *
 * a line, of which the first that matches decides; WHERE is next, drop, port:N or
 * service:N. Later fragments, which show no ports, match lines without ports only.
 */
#ifndef NF_ROUTER_H
#define NF_ROUTER_H

#include "guest-pmd/nf/nf-program.h"
#include "guest-pmd/nf/nf-rules.h"

enum router_count {
	ROUTER_MATCHED,
	ROUTER_DEFAULT, /* IP that no line matches */
	ROUTER_OTHERS,  /* not IP */
	ROUTER_BAD,     /* dropped: malformed */
	ROUTER_COUNTS,
};

struct router {
	struct nf_rules rules;
	struct nf_target unmatched, others;
	uint64_t count[ROUTER_COUNTS];
};

/* 0, or an error with nf_error(). The targets are the caller's to set. */
int router_start(struct router *r, const char *path);
void router_stop(struct router *r);
void router_packet(struct router *r, struct netvm_packet *p);
void router_report(struct router *r, FILE *out);

#endif
