/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames that do not go by their addresses; see steer.h.
 *
 * Guard, MTU and rates of the sender hold for them as for all its frames, and
 * mirrors and captures see them. VLAN tags are left as they are: a
 * cross-connect is a cable, and so is a group for its members. Only where an
 * NF names a port beyond its group, its network's rules come in: both have to be
 * in it, in the frame's VLAN.
 *
 * Threads: as steer.h says. Neighbours: forward.c and worker.c call.
 */
#include <errno.h>

#include "src/datapath/mail.h"
#include "src/datapath/steer.h"
#include "src/datapath/table.h"
#include "src/datapath/tap.h"

#define HOP_MAX 256 /* of one queue in a round: others wait a few microseconds at most */

/* Why the sender's settings do not let the frame pass; DROP_REASONS: they do. */
static enum packet_drop
judge(const struct dp_port_settings *s, struct packet *p)
{
	enum packet_drop bad;
	uint16_t tci = 0;
	bool tagged;

	if (p->len < PACKET_LEN_MIN)
		return DROP_RUNT;
	if (forward_wire_len(p) > forward_limit(s))
		return DROP_OVERSIZE;
	if (s->guard.nmac == 0)
		return DROP_REASONS;
	/* It judges frames without their first tag. */
	tagged = packet_has_tag(p);
	if (tagged)
		tci = packet_vlan_pop(p);
	bad = guard_check(&s->guard, p);
	if (tagged)
		packet_vlan_push(p, tci);
	return bad;
}

static bool
same_group(const struct dp_port *a, const struct dp_port *b)
{
	return a->ops == b->ops && a->ops->may_hop != NULL && a->ops->may_hop(a, b);
}

/* The port that the frame's sender names, when it may send there; NULL and why. */
static struct dp_port *
named_port(const struct dp_port *from, const struct dp_port_settings *s, struct packet *p,
	enum packet_drop *bad)
{
	struct dp_port *d = p->out < DP_PORTS_MAX ? dp_port_at(p->out) : NULL;
	const struct dp_port_settings *to;
	bool tagged, again;

	*bad = d == from ? DROP_HAIRPIN : DROP_NO_TARGET;
	if (d == NULL || d == from)
		return NULL;
	if (same_group(from, d))
		return d;
	to = dp_port_settings(d);
	if (s->network == NULL || to->network != s->network)
		return NULL;
	if (!ingress_vlan(s, p, &p->vlan, &tagged, &again)) {
		*bad = DROP_VLAN;
		return NULL;
	}
	return forward_admits(to, p->vlan) ? d : NULL;
}

static struct dp_port *
target_of(const struct dp_port *from, const struct dp_port_settings *s, struct packet *p,
	uint8_t action, enum packet_drop *bad)
{
	*bad = judge(s, p);
	if (*bad != DROP_REASONS)
		return NULL;
	p->vlan = 0;
	p->pcp = 0;
	switch (action) {
	case PACKET_TO_PORT:
		return named_port(from, s, p, bad);
	case PACKET_TO_SERVICE:
		*bad = DROP_NO_SERVICE;
		return NULL;
	default:
		*bad = DROP_NO_TARGET;
		/* Relaxed: steer_forget() waits for workers before the port goes. */
		return __atomic_load_n(&s->forward, __ATOMIC_RELAXED);
	}
}

/* Returns the group of where it goes, also when it is too long for that; NULL: nowhere. */
static struct tx_group *
steer_one(struct worker *w, struct dp_port *from, const struct dp_port_settings *s,
	struct packet *p, uint8_t action)
{
	enum packet_drop bad;
	struct dp_port *d;
	struct tx_group *g;

	if (action == PACKET_TO_PORT && p->out == NETVM_PORT_MANAGER) {
		mail_put(w, from, p);
		return NULL;
	}
	d = target_of(from, s, p, action, &bad);
	if (d == NULL) {
		worker_drop(w, from, bad, 1);
		return NULL;
	}
	g = forward_group(w, d, dp_port_settings(d));
	if (g == NULL)
		worker_drop(w, d, DROP_NOT_READY, 1);
	else if (forward_wire_len(p) > g->limit)
		worker_drop(w, d, DROP_TOO_BIG, 1);
	else
		group_add(g, p);
	return g;
}

/* Frames that a cable takes whatever is in them, once steer_one() has found where it
 * ends (NULL: not yet, or nowhere): length is all that is left to look at. */
static inline bool
steer_again(struct tx_group *cable, uint32_t limit, struct packet *p)
{
	uint32_t len = forward_wire_len(p);

	if (cable == NULL || p->len < PACKET_LEN_MIN || len > limit || len > cable->limit)
		return false;
	p->vlan = 0;
	p->pcp = 0;
	group_add(cable, p);
	return true;
}

uint32_t
steer(struct worker *w, struct dp_port *port, const struct dp_port_settings *s,
	struct packet_burst *b, uint32_t pass)
{
	uint32_t left = 0, limit = forward_limit(s);
	bool directs = port->ops->directs;
	struct tx_group *cable = NULL;

	for (; pass != 0; pass &= pass - 1) {
		unsigned int i = (unsigned int)__builtin_ctz(pass);
		struct packet *p = &b->pkt[i];
		uint8_t action = directs ? p->action : PACKET_NEXT;

		if (action != PACKET_NEXT) {
			steer_one(w, port, s, p, action);
		} else if (!s->cross) {
			left |= UINT32_C(1) << i;
		} else if (!steer_again(cable, limit, p)) {
			struct tx_group *g = steer_one(w, port, s, p, action);

			cable = s->guard.nmac == 0 ? g : NULL;
		}
	}
	return left;
}

unsigned int
steer_hop(struct dp_port *p, uint16_t queue, bool *whole)
{
	const struct dp_port_settings *s = dp_port_settings(p), *ts;
	struct dp_port *to;

	*whole = false;
	if (!s->cross || !s->enabled || s->guard.nmac != 0 || tap_of(p) != 0)
		return 0;
	/* Relaxed: as in target_of(). */
	to = __atomic_load_n(&s->forward, __ATOMIC_RELAXED);
	if (to == NULL || !same_group(p, to))
		return 0;
	ts = dp_port_settings(to);
	if (!ts->enabled || ts->mtu < s->mtu || tap_of(to) != 0 || !to->ops->tx_ready(to))
		return 0;
	return p->ops->hop(p, queue, to, HOP_MAX, whole);
}

/* --- control thread ------------------------------------------------------ */

int
steer_check(const struct dp_port *p, const char *name, const struct dp_port_settings *s,
	struct dp_error *err)
{
	if (s->forward == NULL || s->forward != p)
		return 0;
	return dp_fail(err, -EINVAL,
		"port %s: forward=%s is the port itself: expected another port", name, name);
}

void
steer_forget(const struct dp_port *p)
{
	for (unsigned int i = 0; i < DP_PORTS_MAX; i++) {
		struct dp_port_settings *s;

		if (dp_ports[i] == NULL || dp_ports[i]->settings->forward != p)
			continue;
		/* Changed in its place, as in mirror_forget(). */
		s = (struct dp_port_settings *)(uintptr_t)dp_ports[i]->settings;
		__atomic_store_n(&s->forward, NULL, __ATOMIC_RELAXED);
	}
}
