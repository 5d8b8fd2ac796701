/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A network inside the data path: its MAC table, and the published view of
 * who is in it. Written by the control thread, read by workers.
 */
#ifndef NETVM_NETWORK_H
#define NETVM_NETWORK_H

#include "src/datapath/l2.h"
#include "src/datapath/port.h"

/* A MAC that a port's guard names: nobody else's port may be learned for it. */
struct net_static {
	fdb_key mac;
	uint16_t port;
};

/* Immutable once published; freed after a grace period. */
struct net_view {
	uint16_t nports;
	uint32_t nstatic;
	uint16_t port[DP_PORTS_MAX]; /* indices: the table says who is still there */
	struct net_static mac[];     /* sorted */
};

struct dp_network {
	struct fdb fdb;
	struct net_view *view; /* published; acquire pairs with network_rebuild() */
	/* Storm control in TSC cycles: of one frame (0: no limit), and how far a
	 * port may run ahead. Relaxed; a mix of old and new values is harmless. */
	uint64_t storm_cost, storm_depth;
	/* Relaxed atomic sum of all workers; on a line of its own. */
	uint64_t flooded __attribute__((aligned(64)));
	struct dp_network_config config; /* control thread only */
	uint16_t nports;                 /* control thread only */
};

/* Control thread: publishes who is in net now (each port's settings say it),
 * waits for workers, and forgets MACs that a guard gave to another port. */
int network_rebuild(struct dp_network *net);

/* Whether port may be learned for mac. Worker, slow path of learning. */
bool network_static_allows(const struct net_view *v, fdb_key mac, uint16_t port);

/* Learns or refreshes the source of a frame. key is not of a group MAC. */
static inline void
network_learn(
	struct dp_network *net, const struct net_view *v, fdb_key key, uint16_t port, uint32_t now)
{
	/* No MAC at all: without a VLAN its key is that of a free entry. */
	if (__builtin_expect((key & FDB_MAC_MASK) == 0, 0))
		return;
	if (__builtin_expect(fdb_refresh(&net->fdb, key, port, now), 1))
		return;
	if (network_static_allows(v, key & FDB_MAC_MASK, port))
		fdb_learn(&net->fdb, key, port, now);
}

/* Control thread, now and then: frees the entries of MACs that aged out. */
void network_age(void);

#endif
