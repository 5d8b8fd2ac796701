/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Taps: who else sees a port's frames, besides where they go. Two places, each
 * one test per burst when nobody looks:
 *
 *	tap_in   what the port sent, as its ring or its device gave it, before
 *	         any judgement: also what is dropped later. Not while the port is
 *	         disabled.
 *	tap_out  what the port is about to be sent, after the last judgement but
 *	         before it is known whether it has room; with the VLAN tag that
 *	         is on its wire, TCP frames and checksums not yet finished.
 *
 * Who looks (mirror.c, capture.c) gets views that are still to be delivered. It may finish
 * a checksum, which is right for everybody who comes later; all else it
 * leaves as it is, and it keeps nothing.
 *
 * Threads: tap_set() control, the rest the worker that owns w.
 */
#ifndef NETVM_TAP_H
#define NETVM_TAP_H

#include "src/datapath/worker.h"

enum {
	TAP_MIRROR_IN = 1,
	TAP_MIRROR_OUT = 2,
	TAP_CAPTURE_IN = 4,
	TAP_CAPTURE_OUT = 8,
	TAP_POLICE_IN = 16, /* police.h: no tap, but asked in the same places */
	TAP_POLICE_OUT = 32,
};
#define TAP_IN  (TAP_MIRROR_IN | TAP_CAPTURE_IN)
#define TAP_OUT (TAP_MIRROR_OUT | TAP_CAPTURE_OUT)

/* Gives those bits of p->taps that mask names the values that they have in on. */
void tap_set(struct dp_port *p, uint32_t mask, uint32_t on);

static inline uint32_t
tap_of(const struct dp_port *p)
{
	return __atomic_load_n(&p->taps, __ATOMIC_RELAXED);
}

/* tap.c: some bit of TAP_IN or TAP_OUT, as the name says, is set. */
void tap_in_slow(struct worker *w, struct dp_port *p, struct packet_burst *b);
void tap_out_slow(struct worker *w, struct dp_port *p, struct packet *const *pkts, uint16_t n);

static inline void
tap_in(struct worker *w, struct dp_port *p, struct packet_burst *b)
{
	if (__builtin_expect((tap_of(p) & TAP_IN) != 0, 0))
		tap_in_slow(w, p, b);
}

static inline void
tap_out(struct worker *w, struct dp_port *p, struct packet *const *pkts, uint16_t n)
{
	if (__builtin_expect((tap_of(p) & TAP_OUT) != 0, 0))
		tap_out_slow(w, p, pkts, n);
}

/* --- mirror.c ------------------------------------------------------------ */

/* Worker: sends copies of what port p sent (DP_MIRROR_IN) or is sent
 * (DP_MIRROR_OUT) to its mirror. */
void mirror_copy(struct worker *w, struct dp_port *p, enum dp_mirror direction,
	struct packet *const *pkts, uint16_t n);

/* Control thread. check: may the port p, called name (NULL: it is not there
 * yet), have these settings? apply: they are published. forget: p goes away and
 * is nobody's mirror any more; the caller waits for workers. */
int mirror_check(const struct dp_port *p, const char *name, const struct dp_port_settings *s,
	struct dp_error *err);
void mirror_apply(struct dp_port *p, const struct dp_port_settings *s);
void mirror_forget(const struct dp_port *p);

#endif
