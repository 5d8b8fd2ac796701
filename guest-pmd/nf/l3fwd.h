/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * l3fwd: a router on one port. Packets to its MAC are routed by the longest prefix,
 *
 *	PREFIX via ADDRESS [WHERE]     to a gateway, whose MAC is asked for
 *	PREFIX direct [WHERE]          to hosts on a link, whose MACs are asked for
 *	PREFIX mac MAC [WHERE]         to a MAC that is known
 *	PREFIX blackhole               nowhere
 *
 * where WHERE is next (the default), port:N or service:N. It answers ARP, neighbour
 * solicitations and echo for its own addresses, and tells senders of packets that
 * cannot go on (time exceeded, no route).
 *
 * A packet for a neighbour whose MAC is not known is dropped, and the neighbour is
 * asked for; one that is getting old is asked for again before it is forgotten.
 */
#ifndef NF_L3FWD_H
#define NF_L3FWD_H

#include "guest-pmd/nf/nf-flow.h"
#include "guest-pmd/nf/nf-lpm.h"
#include "guest-pmd/nf/nf-program.h"
#include "guest-pmd/nf/nf-reply.h"

#define L3_ROUTES_MAX 65536
#define L3_ASKS_MAX   32 /* questions of a burst; more wait for the next packet */

enum l3_kind { L3_VIA, L3_DIRECT, L3_MAC, L3_BLACKHOLE };

struct l3_route {
	enum l3_kind kind;
	uint8_t mac[6];
	struct nf_prefix gateway;
	struct nf_target to;
};

enum l3_count {
	L3_FORWARDED,
	L3_ANSWERED,   /* ARP, neighbour solicitations, echo */
	L3_LEARNED,    /* neighbours that told their MAC */
	L3_ASKED,      /* questions for neighbours */
	L3_UNRESOLVED, /* dropped: the neighbour's MAC is not known yet */
	L3_NO_ROUTE,   /* dropped, also by a blackhole */
	L3_EXPIRED,    /* dropped: TTL or hop limit was 1 */
	L3_ERRORS,     /* ICMP errors sent for one of these */
	L3_NOT_OURS,   /* dropped: to another MAC, or multicast */
	L3_LOCAL,      /* dropped: to an own address, and nothing that is answered */
	L3_BAD,        /* dropped: malformed, or from an address that nobody can have */
	L3_COUNTS,
};

struct l3_neighbour_key {
	uint8_t version, reserved[7];
	uint8_t address[16];
};

struct l3_neighbour {
	uint8_t mac[6];
	bool known;
	uint64_t told_ns, asked_ns;
};

/* A question to be sent: nf_ask() makes the packet, `to` says where it goes. */
struct l3_ask {
	struct l3_neighbour_key who;
	struct nf_target to;
};

struct l3fwd {
	struct nf_host host;
	bool any_mac; /* route what is to other MACs, too */
	struct nf_lpm *lpm;
	struct l3_route *route;
	uint32_t routes;
	struct nf_table *neighbours;
	struct l3_ask ask[L3_ASKS_MAX]; /* for the caller to send and to empty */
	unsigned int asks;
	uint64_t errors_since; /* ICMP errors are limited: the second that is counted */
	unsigned int errors;
	uint64_t count[L3_COUNTS];
};

/* Before: host, any_mac. 0, or an error with nf_error(). */
int l3fwd_start(struct l3fwd *l3, const char *routes);
void l3fwd_stop(struct l3fwd *l3);
/* room: how long p's first piece may become. */
void l3fwd_packet(struct l3fwd *l3, struct netvm_packet *p, uint32_t room, uint64_t now);

/* --- between the files of l3fwd ------------------------------------------------ */

/* l3-routes.c */
int l3_routes_read(struct l3fwd *l3, const char *path);

/* l3-error.c: p becomes an ICMP error about itself, to its sender; false: none is due. */
enum l3_error { L3_TIME_EXCEEDED, L3_UNREACHABLE };
bool l3_error(struct l3fwd *l3, struct netvm_packet *p, const struct nf_headers *h,
	enum l3_error what, uint32_t room, uint64_t now);

#endif
