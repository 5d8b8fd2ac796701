/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a port may send and be sent: rates of its own (packets and bits per
 * second), and its share of what a network floods.
 *
 * A TCP frame that is still to be cut counts as what will be on the wire: as
 * many packets as it has segments, and each one's headers. Bytes are those of
 * the frame as the port's wire has it, with its tag, without FCS, preamble and
 * gap, as in the counters. A frame passes both rates or is charged to neither.
 *
 * Threads: police_apply() control, the rest the worker that owns w.
 */
#ifndef NETVM_POLICE_H
#define NETVM_POLICE_H

#include "src/datapath/network.h"
#include "src/datapath/tap.h"

/* Which of the burst's frames (bit i: b->pkt[i]) port p may send; the others are
 * counted. Only when tap_of(p) has TAP_POLICE_IN. */
uint32_t police_in(struct worker *w, struct dp_port *p, const struct packet_burst *b);

/* Takes out of the group, and counts, what its port may not be sent. Only when
 * tap_of(g->port) has TAP_POLICE_OUT. */
void police_out(struct worker *w, struct tx_group *g);

/* May port p flood one more frame in its network now? */
bool police_storm(const struct worker *w, struct dp_port *p, const struct dp_network *net);

/* These settings are published. */
void police_apply(struct dp_port *p, const struct dp_port_settings *s);

#endif
