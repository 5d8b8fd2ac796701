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
	NF_CLASS_TCP,      /* TCP that begins or has ended: 60 s */
	NF_CLASS_ICMP,     /* 60 s */
	NF_CLASS_ASKED,    /* all else, not answered: 60 s */
	NF_CLASS_ANSWERED, /* all else: 180 s */
	NF_CLASS_OPEN,     /* TCP: 7440 s; RFC 5382 wants at least 2 h 4 min */
};

extern const uint64_t nf_class_timeouts[NF_CLASSES];

/* Flows that may make room for others when there is none: whoever sends begun flows only
 * cannot keep out others by that, nor end what is under way. */
#define NF_CLASSES_SHORT (1u << NF_CLASS_TCP | 1u << NF_CLASS_ICMP | 1u << NF_CLASS_ASKED)

/* Takes a packet of the flow into account; returns its class from now on. */
enum nf_class nf_connection_step(struct nf_connection *c, const struct nf_headers *h, bool reply);
/* True for a packet that may begin a flow: for TCP a SYN. */
bool nf_begins(const struct nf_headers *h);

#endif
