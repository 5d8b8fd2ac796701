/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Networks: added, changed and shown by the control thread; workers read what
 * network_rebuild() publishes. Neighbours: port.c (who is where), l2.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/datapath/clock.h"
#include "src/datapath/network.h"
#include "src/datapath/rcu.h"
#include "src/datapath/table.h"

#define AGEING_MIN     10
#define AGEING_MAX     1000000
#define AGEING_DEFAULT 300
#define MACS_MIN       16
#define MACS_MAX       1048576
#define MACS_DEFAULT   8192

static struct dp_network *networks[DP_NETWORKS_MAX]; /* control thread only */

static int
config_check(struct dp_network_config *c, const struct dp_network_config *cfg, struct dp_error *err)
{
	*c = *cfg;
	if (c->ageing_s == 0)
		c->ageing_s = AGEING_DEFAULT;
	if (c->max_macs == 0)
		c->max_macs = MACS_DEFAULT;
	if (c->ageing_s < AGEING_MIN || c->ageing_s > AGEING_MAX)
		return dp_fail(err, -EINVAL,
			"network %s: ageing-s=%u is out of range: expected %u to %u seconds",
			c->name, c->ageing_s, AGEING_MIN, AGEING_MAX);
	if (c->max_macs < MACS_MIN || c->max_macs > MACS_MAX)
		return dp_fail(err, -EINVAL,
			"network %s: max-macs=%u is out of range: expected %u to %u", c->name,
			c->max_macs, MACS_MIN, MACS_MAX);
	return 0;
}

static void
storm_apply(struct dp_network *net, uint32_t pps)
{
	uint64_t cost = 0, depth = 0;

	if (pps != 0) {
		/* A tenth of a second's allowance, at least a burst, may come at once. */
		uint64_t ahead = pps / 10 > PACKET_BURST ? pps / 10 : PACKET_BURST;

		cost = dp_clock_hz / pps;
		if (cost == 0)
			cost = 1;
		depth = cost * ahead;
	}
	__atomic_store_n(&net->storm_depth, depth, __ATOMIC_RELAXED);
	__atomic_store_n(&net->storm_cost, cost, __ATOMIC_RELAXED);
}

int
dp_network_add(const struct dp_network_config *cfg, struct dp_network **netp, struct dp_error *err)
{
	struct dp_network_config c;
	struct dp_network *net;
	unsigned int slot = 0;
	int rc = config_check(&c, cfg, err);

	if (rc != 0)
		return rc;
	while (slot < DP_NETWORKS_MAX && networks[slot] != NULL)
		slot++;
	if (slot == DP_NETWORKS_MAX)
		return dp_fail(err, -ENOSPC, "network %s: there are %u networks already, the limit",
			c.name, DP_NETWORKS_MAX);
	net = aligned_alloc(64, (sizeof(*net) + 63) & ~(size_t)63);
	if (net == NULL)
		return dp_fail(err, -ENOMEM, "network %s: out of memory", c.name);
	memset(net, 0, sizeof(*net));
	net->config = c;
	storm_apply(net, c.storm_pps);
	rc = fdb_init(&net->fdb, c.max_macs, c.ageing_s);
	if (rc == 0)
		rc = network_rebuild(net);
	if (rc != 0) {
		fdb_fini(&net->fdb);
		free(net);
		return dp_fail(err, rc, "network %s: no memory for a table of %u MACs", c.name,
			c.max_macs);
	}
	networks[slot] = net;
	*netp = net;
	return 0;
}

int
dp_network_del(struct dp_network *net, struct dp_error *err)
{
	if (net->nports != 0)
		return dp_fail(err, -EBUSY,
			"network %s is in use by %u port%s: move or delete "
			"them first",
			net->config.name, net->nports, net->nports == 1 ? "" : "s");
	for (unsigned int i = 0; i < DP_NETWORKS_MAX; i++)
		if (networks[i] == net)
			networks[i] = NULL;
	/* No port's settings name it any more; workers that read older settings
	 * were waited for when those were replaced. */
	fdb_fini(&net->fdb);
	free(net->view);
	free(net);
	return 0;
}

int
dp_network_set(struct dp_network *net, const struct dp_network_config *cfg, struct dp_error *err)
{
	struct dp_network_config c;
	int rc = config_check(&c, cfg, err);

	if (rc != 0)
		return rc;
	if (c.max_macs != net->config.max_macs) {
		struct fdb fdb;

		if (net->nports != 0)
			return dp_fail(err, -EBUSY,
				"network %s: max-macs cannot change while %u "
				"port%s in it",
				net->config.name, net->nports, net->nports == 1 ? " is" : "s are");
		rc = fdb_init(&fdb, c.max_macs, c.ageing_s);
		if (rc != 0)
			return dp_fail(err, rc, "network %s: no memory for a table of %u MACs",
				net->config.name, c.max_macs);
		fdb_fini(&net->fdb);
		net->fdb = fdb;
	}
	__atomic_store_n(&net->fdb.ageing, c.ageing_s, __ATOMIC_RELAXED);
	storm_apply(net, c.storm_pps);
	memcpy(c.name, net->config.name, sizeof(c.name));
	net->config = c;
	return 0;
}

static int
static_order(const void *a, const void *b)
{
	const struct net_static *x = a, *y = b;

	return x->mac != y->mac ? (x->mac < y->mac ? -1 : 1) : (int)x->port - (int)y->port;
}

bool
network_static_allows(const struct net_view *v, fdb_key mac, uint16_t port)
{
	uint32_t low = 0, high = v->nstatic;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (v->mac[mid].mac < mac)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == v->nstatic || v->mac[low].mac != mac)
		return true;
	/* Two ports may share an address (a failover pair). */
	for (; low < v->nstatic && v->mac[low].mac == mac; low++)
		if (v->mac[low].port == port)
			return true;
	return false;
}

static bool
stolen(fdb_key key, uint16_t port, void *view)
{
	return !network_static_allows(view, key & FDB_MAC_MASK, port);
}

static bool
in_network(const struct dp_port *p, const struct dp_network *net)
{
	return p != NULL && p->settings->network == net;
}

static void
view_add(struct net_view *v, struct dp_port *p)
{
	const struct guard *g = &p->settings->guard;

	v->port[v->nports++] = p->index;
	for (unsigned int i = 0; i < g->nmac; i++) {
		v->mac[v->nstatic].mac = fdb_key_of(g->mac[i], 0);
		v->mac[v->nstatic++].port = p->index;
	}
}

int
network_rebuild(struct dp_network *net)
{
	struct net_view *old = net->view, *v;
	size_t nstatic = 0;

	net->nports = 0;
	for (unsigned int i = 0; i < DP_PORTS_MAX; i++) {
		if (in_network(dp_ports[i], net)) {
			nstatic += dp_ports[i]->settings->guard.nmac;
			net->nports++;
		}
	}
	v = calloc(1, sizeof(*v) + nstatic * sizeof(v->mac[0]));
	if (v == NULL)
		return -ENOMEM;
	for (unsigned int i = 0; i < DP_PORTS_MAX; i++)
		if (in_network(dp_ports[i], net))
			view_add(v, dp_ports[i]);
	if (v->nstatic != 0)
		qsort(v->mac, v->nstatic, sizeof(v->mac[0]), static_order);
	/* Release: a worker that sees the pointer sees the view. */
	__atomic_store_n(&net->view, v, __ATOMIC_RELEASE);
	dp_rcu_synchronize();
	free(old);
	/* Nobody learns by the old view any more: what it allowed wrongly goes. */
	if (v->nstatic != 0)
		fdb_forget_if(&net->fdb, stolen, v);
	return 0;
}

struct walk {
	void (*cb)(const struct dp_fdb_entry *e, void *arg);
	void *arg;
};

static void
walk_entry(fdb_key key, uint16_t port, uint32_t age_s, void *arg)
{
	struct walk *w = arg;
	struct dp_fdb_entry e = {
		.vlan = (uint16_t)(key >> 48),
		.port = port,
		.age_s = age_s,
	};

	memcpy(e.mac, &key, sizeof(e.mac));
	w->cb(&e, w->arg);
}

void
dp_network_fdb(
	struct dp_network *net, void (*cb)(const struct dp_fdb_entry *e, void *arg), void *arg)
{
	struct walk w = {cb, arg};

	fdb_walk(&net->fdb, dp_clock_seconds(dp_clock_tsc()), walk_entry, &w);
}

void
dp_network_stats(struct dp_network *net, struct dp_network_stats *st)
{
	st->macs = __atomic_load_n(&net->fdb.count, __ATOMIC_RELAXED);
	st->moves = __atomic_load_n(&net->fdb.moves, __ATOMIC_RELAXED);
	st->full = __atomic_load_n(&net->fdb.full, __ATOMIC_RELAXED);
	st->flooded = __atomic_load_n(&net->flooded, __ATOMIC_RELAXED);
}

void
network_age(void)
{
	uint32_t now = dp_clock_seconds(dp_clock_tsc());

	for (unsigned int i = 0; i < DP_NETWORKS_MAX; i++)
		if (networks[i] != NULL)
			fdb_sweep(&networks[i]->fdb, now);
}
