/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * payload-scan: looks for patterns in the payload of TCP and UDP (of other packets: in
 * what follows the IP or Ethernet header), over the borders of a packet's pieces, but
 * not of packets. Packets with a match are counted, or also sent elsewhere.
 *
 * A struct scan is one thread's; the patterns are shared.
 */
#ifndef NF_SCAN_H
#define NF_SCAN_H

#include "guest-pmd/nf/nf-packet.h"
#include "guest-pmd/nf/nf-patterns.h"
#include "guest-pmd/nf/nf-program.h"

enum scan_count {
	SCAN_CLEAN,
	SCAN_MATCHED, /* packets */
	SCAN_BAD,     /* malformed: searched whole */
	SCAN_COUNTS,
};

struct scan {
	const struct nf_patterns *patterns;
	struct nf_target matched; /* where packets with a match go; NEXT: only counted */
	uint64_t *hits;           /* packets, by pattern */
	uint64_t count[SCAN_COUNTS];
};

/* 0 or -ENOMEM with nf_error(). */
int scan_start(struct scan *s, const struct nf_patterns *patterns, struct nf_target matched);
void scan_stop(struct scan *s);
void scan_packet(struct scan *s, struct netvm_packet *p);
/* Of all threads together. */
void scan_report(const struct scan *s, unsigned int threads, FILE *out);

#endif
