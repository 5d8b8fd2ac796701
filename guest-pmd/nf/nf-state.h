/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How far a connection is, for firewall and nat: how long it may be silent follows.
 * Sequence numbers are not looked at.
 */
#ifndef NF_STATE_H
#define NF_STATE_H

#include "guest-pmd/nf/nf-flow.h"

/*
 * From -> to, by packets of the flow (nf_connection_step() performs them all):
 *
 *	NEW          only the first side has spoken. Any reply -> OPEN for TCP's SYN-ACK and
 *	             all that is not TCP; RST -> CLOSED
 *	OPEN         both have spoken. FIN of one side -> HALF, RST -> CLOSED
 *	HALF         one side has ended. FIN of the other, RST -> CLOSED
 *	CLOSED       both have ended; stays until it is forgotten. SYN of the first
 *	             side -> NEW: the ports are used again
 */
enum nf_connection_stage { NF_NEW, NF_OPEN, NF_HALF, NF_CLOSED };

struct nf_connection {
	uint8_t stage; /* enum nf_connection_stage */
	uint8_t ended; /* HALF: bit of the side whose FIN came, 1 first, 2 the other */
};

/* Classes of a table (nf-flow.h), with how long each may be silent. */
enum nf_class {
	NF_CLASS_SHORT,    /* handshakes, closed connections, ICMP */
	NF_CLASS_DATAGRAM, /* answered, not TCP */
	NF_CLASS_LONG,     /* open TCP */
	NF_CLASS_UNUSED,
};

#define NF_TIMEOUT_SHORT    60
#define NF_TIMEOUT_DATAGRAM 180
#define NF_TIMEOUT_LONG     7440 /* RFC 5382: at least 2 h 4 min */

/* Takes a packet of the flow into account; returns its class from now on. */
enum nf_class nf_connection_step(struct nf_connection *c, const struct nf_headers *h, bool reply);
/* True for a packet that may begin a flow: for TCP a SYN. */
bool nf_begins(const struct nf_headers *h);

#endif
