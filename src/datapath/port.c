/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ports: added, changed and deleted by the control thread.
 *
 * A port becomes visible step by step (device open, in the table, in its
 * network's view, its queues polled) and disappears in the opposite order,
 * each step followed by a grace period where workers could still be on the
 * other side of it.
 * Neighbours: port-vhost.c and port-nic.c (the kinds), network.c, worker.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/datapath/capture.h"
#include "src/datapath/police.h"
#include "src/datapath/rcu.h"
#include "src/datapath/steer.h"
#include "src/datapath/table.h"

#define MTU_MIN 68
#define VID_MAX 4094

static void (*changed)(void *arg);
static void *changed_arg;

void
port_on_change(void (*cb)(void *arg), void *arg)
{
	changed = cb;
	changed_arg = arg;
}

void
dp_port_changed(struct dp_port *p)
{
	if (changed != NULL)
		changed(changed_arg);
}

static int
settings_check(const struct dp_port *p, const char *name, const struct dp_port_settings *s,
	struct dp_error *err)
{
	if (s->mtu < MTU_MIN || s->mtu > VHOST_MTU_MAX)
		return dp_fail(err, -EINVAL, "port %s: mtu=%u is out of range: expected %u to %u",
			name, s->mtu, MTU_MIN, VHOST_MTU_MAX);
	if (!s->vlan.trunk && s->vlan.access > VID_MAX)
		return dp_fail(err, -EINVAL, "port %s: vlan=%u is out of range: expected 0 to %u",
			name, s->vlan.access, VID_MAX);
	return steer_check(p, name, s, err) != 0 ? -EINVAL : mirror_check(p, name, s, err);
}

/* --- numbers ----------------------------------------------------------------- */

/* Whose they are while the port is away. Guests keep them: an NF sends to a port by
 * its number. */
static char reserved[DP_PORTS_MAX][DP_NAME_MAX];

static void
reserve(const char *name, uint16_t number)
{
	port_number_forget(name);
	snprintf(reserved[number], DP_NAME_MAX, "%s", name);
}

void
dp_port_reserve(const char *name, uint16_t number)
{
	if (number < DP_PORTS_MAX && reserved[number][0] == '\0')
		reserve(name, number);
}

int
dp_port_number(const char *name)
{
	for (uint16_t i = 0; i < DP_PORTS_MAX; i++)
		if (strncmp(reserved[i], name, DP_NAME_MAX) == 0)
			return i;
	return -1;
}

void
port_number_forget(const char *name)
{
	int number = dp_port_number(name);

	if (number >= 0)
		reserved[number][0] = '\0';
}

/* Its own, else the lowest of nobody's, else the lowest of a port that is away. */
static uint16_t
number_for(const char *name)
{
	int own = dp_port_number(name);
	uint16_t away = DP_PORTS_MAX;

	if (own >= 0 && dp_ports[own] == NULL)
		return (uint16_t)own;
	for (uint16_t i = DP_PORTS_MAX; i-- > 0;)
		if (dp_ports[i] == NULL && (reserved[i][0] == '\0' || away == DP_PORTS_MAX ||
						   reserved[away][0] != '\0'))
			away = i;
	return away;
}

static int
config_check(const struct dp_port_config *cfg, uint16_t *slot, struct dp_error *err)
{
	uint16_t free_slot = number_for(cfg->name);

	for (uint16_t i = 0; i < DP_PORTS_MAX; i++)
		if (dp_ports[i] != NULL && strncmp(dp_ports[i]->name, cfg->name, DP_NAME_MAX) == 0)
			return dp_fail(err, -EEXIST, "port %s is there already", cfg->name);
	if (free_slot == DP_PORTS_MAX)
		return dp_fail(err, -ENOSPC, "port %s: there are %u ports already, the limit",
			cfg->name, DP_PORTS_MAX);
	*slot = free_slot;
	if (cfg->queues > DP_QUEUES_MAX || (cfg->type != DP_PORT_NIC && cfg->queues == 0))
		return dp_fail(err, -EINVAL, "port %s: queues=%u is out of range: expected 1 to %u",
			cfg->name, cfg->queues, DP_QUEUES_MAX);
	return settings_check(NULL, cfg->name, &cfg->settings, err);
}

static const struct dp_port_settings *
settings_copy(const struct dp_port_settings *s)
{
	struct dp_port_settings *copy = malloc(sizeof(*copy));

	if (copy != NULL)
		*copy = *s;
	return copy;
}

static void
port_free(struct dp_port *p)
{
	free((void *)(uintptr_t)p->settings);
	free(p);
}

static struct dp_port *
port_new(const struct dp_port_config *cfg, const struct dp_port_ops *ops, uint16_t index)
{
	struct dp_port *p = aligned_alloc(64, sizeof(*p));

	if (p == NULL)
		return NULL;
	memset(p, 0, sizeof(*p));
	p->ops = ops;
	p->index = index;
	p->config = *cfg;
	memcpy(p->name, cfg->name, sizeof(p->name));
	for (unsigned int i = 0; i < DP_QUEUES_MAX; i++)
		p->kick[i] = (struct dp_kick){.worker = -1, .fd = DP_FD_LATER};
	p->settings = settings_copy(&cfg->settings);
	if (p->settings == NULL) {
		free(p);
		return NULL;
	}
	return p;
}

/* Out of sight of every worker: not polled, not in the table, not flooded to. */
static void
port_unpublish(struct dp_port *p)
{
	struct dp_network *net = p->settings->network;

	mirror_forget(p);
	steer_forget(p);
	worker_unassign(p);
	/* Release, as the other stores to the table; see dp_port_at(). */
	__atomic_store_n(&dp_ports[p->index], NULL, __ATOMIC_RELEASE);
	/* A view that could not be replaced for want of memory holds an index that
	 * leads nowhere now; the grace period is needed all the same. */
	if (net == NULL || network_rebuild(net) != 0)
		dp_rcu_synchronize();
	if (net != NULL)
		fdb_forget_port(&net->fdb, p->index);
}

static int
port_publish(struct dp_port *p)
{
	struct dp_network *net = p->settings->network;
	int rc = 0;

	/* Release: who finds the port finds it complete; see dp_port_at(). */
	__atomic_store_n(&dp_ports[p->index], p, __ATOMIC_RELEASE);
	port_baseline(p);
	mirror_apply(p, p->settings);
	police_apply(p, p->settings);
	if (net != NULL)
		rc = network_rebuild(net);
	if (rc == 0)
		rc = worker_assign(p);
	if (rc != 0)
		port_unpublish(p);
	return rc;
}

int
port_add(const struct dp_port_config *cfg, const struct dp_port_ops *ops, struct dp_port **port,
	struct dp_error *err)
{
	struct dp_port *p;
	uint16_t index = 0;
	int rc = config_check(cfg, &index, err);

	if (rc != 0)
		return rc;
	p = port_new(cfg, ops, index);
	if (p == NULL)
		return dp_fail(err, -ENOMEM, "port %s: out of memory", cfg->name);
	rc = ops->open(p, cfg, err);
	if (rc != 0) {
		port_free(p);
		return rc;
	}
	rc = port_publish(p);
	if (rc != 0) {
		ops->close(p);
		port_free(p);
		return dp_fail(err, rc, "port %s: out of memory", cfg->name);
	}
	reserve(p->name, index);
	*port = p;
	return 0;
}

void
dp_port_del(struct dp_port *p)
{
	port_unpublish(p);
	capture_port_gone(p);
	p->ops->close(p);
	port_free(p);
}

/* Puts s in the place of the current settings, which are returned; every
 * worker that saw those is waited for. */
static const struct dp_port_settings *
settings_swap(struct dp_port *p, const struct dp_port_settings *s, int *rc)
{
	const struct dp_port_settings *old = p->settings;

	/* Release: see dp_port_settings(). */
	__atomic_store_n(&p->settings, s, __ATOMIC_RELEASE);
	mirror_apply(p, s);
	police_apply(p, s);
	*rc = 0;
	if (s->network != NULL)
		*rc = network_rebuild(s->network);
	if (old->network != NULL && old->network != s->network)
		*rc |= network_rebuild(old->network);
	dp_rcu_synchronize();
	return old;
}

static bool
same_vlan(const struct dp_vlan *a, const struct dp_vlan *b)
{
	return a->trunk == b->trunk && a->access == b->access &&
	       memcmp(a->allowed, b->allowed, sizeof(a->allowed)) == 0;
}

int
dp_port_set(struct dp_port *p, const struct dp_port_settings *s, struct dp_error *err)
{
	const struct dp_port_settings *copy, *old;
	int rc = settings_check(p, p->name, s, err);

	if (rc != 0)
		return rc;
	copy = settings_copy(s);
	if (copy == NULL)
		return dp_fail(err, -ENOMEM, "port %s: out of memory", p->name);
	rc = p->ops->apply(p, copy, err);
	if (rc != 0) {
		free((void *)(uintptr_t)copy);
		return rc;
	}
	old = settings_swap(p, copy, &rc);
	if (rc != 0) {
		copy = settings_swap(p, old, &rc);
		free((void *)(uintptr_t)copy);
		return dp_fail(err, -ENOMEM, "port %s: out of memory", p->name);
	}
	if (old->network != NULL &&
		(old->network != copy->network || !same_vlan(&old->vlan, &copy->vlan)))
		fdb_forget_port(&old->network->fdb, p->index);
	free((void *)(uintptr_t)old);
	dp_port_changed(p);
	return 0;
}

uint16_t
dp_port_index(const struct dp_port *p)
{
	return p->index;
}

const char *
dp_port_name(uint16_t index)
{
	return index < DP_PORTS_MAX && dp_ports[index] != NULL ? dp_ports[index]->name : "";
}

const char *
dp_port_state_name(enum dp_port_state s)
{
	static const char *const names[] = {
		[DP_PORT_DOWN] = "down",
		[DP_PORT_WAITING] = "waiting",
		[DP_PORT_UP] = "up",
		[DP_PORT_ERROR] = "error",
	};

	return (unsigned int)s < sizeof(names) / sizeof(names[0]) ? names[s] : "unknown";
}

const char *
dp_member_state_name(enum dp_member_state s)
{
	static const char *const names[] = {
		[DP_MEMBER_DOWN] = "down",
		[DP_MEMBER_ACTIVE] = "active",
		[DP_MEMBER_BACKUP] = "backup",
		[DP_MEMBER_NEGOTIATING] = "negotiating",
	};

	return (unsigned int)s < sizeof(names) / sizeof(names[0]) ? names[s] : "unknown";
}

void
dp_port_status(struct dp_port *p, struct dp_port_status *st)
{
	memset(st, 0, sizeof(*st));
	st->vhost.numa_node = -1;
	p->ops->status(p, st);
	if (!p->settings->enabled && st->state != DP_PORT_ERROR)
		st->state = DP_PORT_DOWN;
}
