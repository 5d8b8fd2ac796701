/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * basic-monitor: counts what passes by kind and size, and how fast it comes.
 */
#ifndef NF_MONITOR_H
#define NF_MONITOR_H

#include "guest-pmd/nf/nf-packet.h"

enum monitor_kind {
	MONITOR_ALL,
	MONITOR_IPV4,
	MONITOR_IPV6,
	MONITOR_ARP,
	MONITOR_OTHER, /* neither IP nor ARP */
	MONITOR_BAD,   /* IP or Ethernet that is cut off or lies */
	MONITOR_TCP,
	MONITOR_UDP,
	MONITOR_ICMP, /* of both families */
	MONITOR_FRAGMENTS,
	MONITOR_TAGGED,
	MONITOR_KINDS,
};

#define MONITOR_SIZES 7 /* up to 64, 128, 256, 512, 1024, 1518, and above */

struct monitor_count {
	uint64_t packets, bytes;
};

struct monitor {
	struct monitor_count count[MONITOR_KINDS];
	uint64_t sizes[MONITOR_SIZES];
	struct monitor_count last; /* when the rate was asked for last */
	uint64_t last_ns;
};

void monitor_packet(struct monitor *m, const struct netvm_packet *p);
/* Prints counts, and the rates since the last call. */
void monitor_report(struct monitor *m, FILE *out, uint64_t now);

#endif
