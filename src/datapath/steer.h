/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames that do not go by their addresses: those of a cross-connected port
 * (forward=), and those whose sender, an NF behind an shm port, names a port.
 */
#ifndef NETVM_STEER_H
#define NETVM_STEER_H

#include "src/datapath/worker.h"

/* Worker. Does this port have such frames at all? */
static inline bool
steers(const struct dp_port *p, const struct dp_port_settings *s)
{
	return s->cross || p->ops->directs;
}

/* Worker. Of the frames in pass (bit i: b->pkt[i]), puts those into the groups of
 * their destinations, or drops them; returns the ones that go by address. */
uint32_t steer(struct worker *w, struct dp_port *port, const struct dp_port_settings *s,
	struct packet_burst *b, uint32_t pass);

/*
 * Worker. Where all that the queue has goes to one port of its group, and nobody
 * wants to look: moves it there from ring to ring. Returns how many packets. False
 * in *whole: there may be something left, for rx.
 */
unsigned int steer_hop(struct dp_port *p, uint16_t queue, bool *whole);

/* Control thread. check: may the port p, called name (NULL: it is not there yet),
 * have these settings? forget: p goes away and is nobody's target any more; the
 * caller waits for workers. */
int steer_check(const struct dp_port *p, const char *name, const struct dp_port_settings *s,
	struct dp_error *err);
void steer_forget(const struct dp_port *p);

#endif
