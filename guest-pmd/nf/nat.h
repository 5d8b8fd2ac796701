/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nat: source NAT for IPv4. What comes from inside gets the outside address and a port
 * (for an echo: an identifier) of its own; answers get the inside's back. Each flow has
 * its mapping, and only the one it speaks to gets in. TCP, UDP, echo and the ICMP errors
 * about them, both ways; other protocols and fragments are dropped, as nothing could
 * tell whose they are. What is neither from inside nor to the outside address
 * passes untouched, IPv6 and ARP too.
 *
 * The outside address is at the NF's MAC: it answers ARP for it, sends with it, and
 * gives answers the MAC of the host inside.
 */
#ifndef NF_NAT_H
#define NF_NAT_H

#include "guest-pmd/nf/nf-reply.h"
#include "guest-pmd/nf/nf-state.h"

enum nat_count {
	NAT_OUT,         /* translated, from inside */
	NAT_IN,          /* translated, to inside */
	NAT_ERRORS,      /* ICMP errors that found their flow, of both ways */
	NAT_PASSED,      /* none of its business */
	NAT_ANSWERED,    /* ARP for the outside address */
	NAT_UNKNOWN,     /* dropped: to the outside address or an error, of no flow */
	NAT_FRAGMENTS,   /* dropped */
	NAT_UNSUPPORTED, /* dropped: no ports to map, or TCP that does not begin a flow */
	NAT_FULL,        /* dropped: no port or no room for another flow */
	NAT_BAD,         /* dropped: malformed */
	NAT_FLOWS,       /* mappings that were made */
	NAT_EVICTED,     /* mappings begun or ended that made room for another */
	NAT_COUNTS,
};

enum { NAT_TCP, NAT_UDP, NAT_ECHO, NAT_SPACES }; /* ports are counted for each by itself */

/* A mapping, under the key of its flow as it is inside. */
struct nat_flow {
	struct nf_connection connection;
	uint16_t port;  /* outside */
	uint8_t mac[6]; /* of the host inside */
};

/* Ports that are free, in an order that cannot be guessed, the longest free first. */
struct nat_ports {
	uint16_t *port; /* a ring of `size` */
	uint32_t size, first, count;
	struct nat_flow **flow; /* by port - first_port */
};

struct nat {
	struct nf_host host; /* the outside address and the NF's MAC */
	struct nf_prefix inside;
	uint16_t first_port;
	struct nf_table *flows;
	struct nat_ports ports[NAT_SPACES];
	uint64_t count[NAT_COUNTS];
};

struct nat_config {
	struct nf_prefix inside, outside;
	struct nf_ports ports;
	uint32_t flows;
};

/* 0, or an error with nf_error(). The MAC is the caller's to set. */
int nat_start(struct nat *nat, const struct nat_config *config);
void nat_stop(struct nat *nat);
/* room: how long p's first piece may become. */
void nat_packet(struct nat *nat, struct netvm_packet *p, uint32_t room, uint64_t now);
void nat_report(struct nat *nat, FILE *out);

/* --- between the files of nat ----------------------------------------------------- */

/* nat-ports.c */
int nat_ports_start(struct nat_ports *ports, uint16_t first, uint32_t size);
void nat_ports_stop(struct nat_ports *ports);
bool nat_ports_take(struct nat_ports *ports, uint16_t *port);
void nat_ports_give(struct nat_ports *ports, uint16_t port);
/* The space that a flow's ports are of; NAT_SPACES: none. */
unsigned int nat_space(const struct nf_headers *h);

#endif
