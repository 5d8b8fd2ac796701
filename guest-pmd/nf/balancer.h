/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * load-balancer: spreads flows over back ends,
 *
 *	NAME port:N [weight W]       sent to that port as it is
 *	NAME service:N [weight W]    to that service as it is
 *	NAME mac MAC [weight W]      to NEXT with this destination MAC
 *
 * Back ends have the virtual address themselves (on a loopback, say) and answer the
 * client directly: addresses and ports are not rewritten, and answers need not come
 * back this way.
 *
 * Consistent: a flow's back end follows from its key alone, so instances of the
 * balancer agree and a restart changes nothing; when a back end comes or goes, only its
 * own share of the flows moves. An ICMP error goes where the flow that it is about goes.
 */
#ifndef NF_BALANCER_H
#define NF_BALANCER_H

#include "guest-pmd/nf/nf-flow.h"
#include "guest-pmd/nf/nf-program.h"
#include "guest-pmd/nf/nf-reply.h"

#define BALANCER_BACKENDS 256
#define BALANCER_SLOTS    65536

struct balancer_backend {
	char name[32];
	struct nf_target to;
	bool rewrite; /* destination MAC */
	uint8_t mac[6];
	uint32_t weight; /* 1 .. 1000 */
	uint32_t slots;
	uint64_t packets, bytes;
};

enum balancer_by { BALANCER_FLOW, BALANCER_SOURCE };

enum balancer_count {
	BALANCER_SENT,
	BALANCER_PASSED,   /* not to a virtual address, or not IP: to NEXT */
	BALANCER_ANSWERED, /* ARP and neighbour solicitations for a virtual address */
	BALANCER_BAD,      /* dropped: malformed */
	BALANCER_COUNTS,
};

struct balancer {
	struct nf_host host; /* virtual addresses; none: every destination is one */
	bool answer;         /* ARP and ND, with host.mac */
	enum balancer_by by;
	unsigned int backends;
	struct balancer_backend backend[BALANCER_BACKENDS];
	uint8_t slot[BALANCER_SLOTS]; /* which back end */
	uint64_t count[BALANCER_COUNTS];
};

/* Before: host, by. 0, or an error with nf_error(). */
int balancer_start(struct balancer *b, const char *path);
void balancer_packet(struct balancer *b, struct netvm_packet *p, uint32_t room);
void balancer_report(struct balancer *b, FILE *out);

#endif
