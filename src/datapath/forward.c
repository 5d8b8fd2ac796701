/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where a frame goes: VLAN, guard, learning, lookup, flooding.
 *
 * Theory of operation. Each frame of a burst is judged once and put into the
 * group of its destination, or on the flood list, or counted as dropped.
 * Frames come in trains, so the answer for a frame whose first 16 bytes (both
 * MACs, the EtherType, and the tag where there is one) equal the previous
 * one's is the previous answer; only what depends on more than these bytes
 * (length, guard) is looked at again. Then the flood list and each group are
 * delivered, floods first: a frame that was flooded for want of an entry stays
 * ahead of later ones that found it.
 *
 * Threads: the worker that owns w. Everything shared is read with acquire order
 * from published tables; see worker.c for the grace periods.
 * Neighbours: deliver.c below, worker.c above, l2.h and network.h at the side.
 */
#include <string.h>

#include "src/datapath/police.h"
#include "src/datapath/steer.h"
#include "src/datapath/table.h"

/* 802.1Q, table 8-1: 01:80:c2:00:00:00 to 0f stay on their link. As keys
 * without VLAN: first byte lowest, the last byte's low half is free. */
#define RESERVED_MAC  UINT64_C(0x000000c28001)
#define RESERVED_MASK UINT64_C(0xf0ffffffffff)

enum answer_kind {
	ANSWER_NONE,    /* dropped and counted already */
	ANSWER_UNICAST, /* to group */
	ANSWER_FLOOD,
	ANSWER_DROP, /* count reason on port */
};

/* What was decided for a frame, to be used again for the next. */
struct answer {
	uint64_t head[2]; /* the frame's first 16 bytes as they came */
	enum answer_kind kind;
	bool again;  /* holds for the next frame with the same head */
	bool tagged; /* as it came */
	uint16_t vlan;
	enum packet_drop reason;
	struct dp_port *port;
	struct tx_group *group;
};

struct source {
	struct dp_port *port;
	const struct dp_port_settings *settings;
	struct dp_network *net;
	const struct net_view *view;
};

void
forward_init(struct forward *f)
{
	memset(f, 0, sizeof(*f));
	memset(f->group_of, GROUP_NONE, sizeof(f->group_of));
}

static void
answer_drop(struct answer *a, struct dp_port *port, enum packet_drop reason)
{
	a->kind = ANSWER_DROP;
	a->port = port;
	a->reason = reason;
}

struct tx_group *
forward_group(struct worker *w, struct dp_port *d, const struct dp_port_settings *s)
{
	struct forward *f = &w->forward;
	uint8_t g = f->group_of[d->index];

	if (g == GROUP_NONE) {
		if (!s->enabled || !d->ops->tx_ready(d))
			return NULL;
		g = (uint8_t)f->ngroups++;
		f->group_of[d->index] = g;
		group_start(&f->group[g], d, s, f->source);
	}
	return &f->group[g];
}

static void
answer_unicast(
	struct worker *w, struct answer *a, struct dp_port *d, const struct dp_port_settings *s)
{
	a->group = forward_group(w, d, s);
	if (a->group == NULL) {
		answer_drop(a, d, DROP_NOT_READY);
		return;
	}
	a->kind = ANSWER_UNICAST;
	a->port = d;
}

/* Learns the source, looks the destination up. */
static void
answer_l2(struct worker *w, const struct source *src, struct answer *a, const struct packet *p)
{
	fdb_key to = fdb_key_of(p->hdr, a->vlan);
	fdb_key from = fdb_key_of(p->hdr + 6, a->vlan);
	const struct dp_port_settings *s;
	struct dp_port *d;
	int port;

	if ((from & 1) == 0)
		network_learn(src->net, src->view, from, src->port->index, w->now_s);
	a->kind = ANSWER_FLOOD;
	if (to & 1) {
		if ((to & RESERVED_MASK) == RESERVED_MAC)
			answer_drop(a, src->port, DROP_NO_DESTINATION);
		return;
	}
	/* No MAC at all: without a VLAN its key is that of a free entry. */
	if ((to & FDB_MAC_MASK) == 0)
		return;
	port = fdb_lookup(&src->net->fdb, to, w->now_s);
	if (port == FDB_NONE)
		return;
	if (port == src->port->index) {
		answer_drop(a, src->port, DROP_HAIRPIN);
		return;
	}
	d = dp_port_at((uint16_t)port);
	if (d == NULL)
		return;
	s = dp_port_settings(d);
	/* An entry of a port that went elsewhere is as good as none. */
	if (s->network == src->net && forward_admits(s, a->vlan))
		answer_unicast(w, a, d, s);
}

/* Judges a frame that is not like the one before. */
static void
answer_new(struct worker *w, const struct source *src, struct answer *a, struct packet *p)
{
	enum packet_drop bad;

	a->again = true;
	if (!ingress_vlan(src->settings, p, &a->vlan, &a->tagged, &a->again)) {
		answer_drop(a, src->port, DROP_VLAN);
		return;
	}
	if (src->settings->guard.nmac != 0) {
		bad = guard_check(&src->settings->guard, p);
		if (bad != DROP_REASONS) {
			worker_drop(w, src->port, bad, 1);
			a->kind = ANSWER_NONE;
			a->again = false;
			return;
		}
	}
	answer_l2(w, src, a, p);
}

/* The frame is like the one before: does what is still to be done for each.
 * False: it was dropped. */
static inline bool
answer_again(struct worker *w, const struct source *src, const struct answer *a, struct packet *p)
{
	enum packet_drop bad;

	p->pcp = 0;
	if (a->tagged)
		p->pcp = (uint8_t)(packet_vlan_pop(p) >> 12);
	if (src->settings->guard.nmac == 0 || a->kind == ANSWER_DROP)
		return true;
	bad = guard_check(&src->settings->guard, p);
	if (bad == DROP_REASONS)
		return true;
	worker_drop(w, src->port, bad, 1);
	return false;
}

static inline void
answer_apply(struct worker *w, const struct source *src, const struct answer *a, struct packet *p)
{
	struct forward *f = &w->forward;

	p->vlan = a->vlan;
	switch (a->kind) {
	case ANSWER_UNICAST:
		if (__builtin_expect(forward_wire_len(p) > a->group->limit, 0)) {
			worker_drop(w, a->port, DROP_TOO_BIG, 1);
			return;
		}
		group_add(a->group, p);
		return;
	case ANSWER_FLOOD:
		if (police_storm(w, src->port, src->net))
			f->flood[f->nflood++] = p;
		else
			worker_drop(w, src->port, DROP_STORM, 1);
		return;
	case ANSWER_DROP:
		worker_drop(w, a->port, a->reason, 1);
		return;
	case ANSWER_NONE:
		return;
	}
}

/* Judges the burst's frames from first to before end. */
static void
classify(struct worker *w, const struct source *src, struct packet_burst *b, unsigned int first,
	unsigned int end)
{
	uint32_t limit = forward_limit(src->settings);
	struct answer a = {.again = false};

	for (unsigned int i = first; i < end; i++) {
		struct packet *p = &b->pkt[i];
		uint64_t head[2];

		if (__builtin_expect(p->len < PACKET_LEN_MIN, 0)) {
			worker_drop(w, src->port, DROP_RUNT, 1);
			continue;
		}
		if (__builtin_expect(forward_wire_len(p) > limit, 0)) {
			worker_drop(w, src->port, DROP_OVERSIZE, 1);
			continue;
		}
		/* A frame of 14 bytes has two bytes less than is compared here; they
		 * are in the view's private memory all the same, and only count when
		 * there is a tag, which such a frame has no room for. */
		memcpy(head, p->hdr, sizeof(head));
		if (a.again && ((head[0] ^ a.head[0]) | (head[1] ^ a.head[1])) == 0 &&
			(!a.tagged || packet_has_tag(p))) {
			if (!answer_again(w, src, &a, p))
				continue;
		} else {
			memcpy(a.head, head, sizeof(head));
			answer_new(w, src, &a, p);
		}
		answer_apply(w, src, &a, p);
	}
}

/* The same for some of the burst's frames (bit i: b->pkt[i]). */
static void
classify_some(struct worker *w, const struct source *src, struct packet_burst *b, uint32_t pass)
{
	while (pass != 0) {
		unsigned int first = (unsigned int)__builtin_ctz(pass);
		uint64_t rest = ~(uint64_t)pass >> first << first; /* bit 32 ends every run */
		unsigned int end = (unsigned int)__builtin_ctzll(rest);

		classify(w, src, b, first, end);
		pass &= (uint32_t)(UINT64_MAX << end);
	}
}

/* The flooded frames that may leave by d, as one group; false when none. */
static bool
flood_group(struct worker *w, struct tx_group *g, struct dp_port *d, const struct source *src,
	uint32_t *sent)
{
	const struct dp_port_settings *s;
	struct forward *f = &w->forward;

	if (d == NULL || d == src->port)
		return false;
	s = dp_port_settings(d);
	if (!s->enabled || s->network != src->net || !d->ops->tx_ready(d))
		return false;
	group_start(g, d, s, f->source);
	for (unsigned int i = 0; i < f->nflood; i++) {
		struct packet *p = f->flood[i];

		if (!forward_admits(s, p->vlan))
			continue;
		*sent |= UINT32_C(1) << i;
		if (forward_wire_len(p) > g->limit)
			worker_drop(w, d, DROP_TOO_BIG, 1);
		else
			group_add(g, p);
	}
	return g->count != 0;
}

/*
 * Every member but the last gets copies: the mbufs are out of sight until the
 * last one's turn, who may keep them.
 */
static void
flood(struct worker *w, const struct source *src)
{
	struct forward *f = &w->forward;
	const struct net_view *v = src->view;
	const unsigned int n = f->nflood;
	void *mbuf[PACKET_BURST] = {NULL};
	uint32_t sent = 0;
	int last;

	for (unsigned int i = 0; i < n; i++) {
		mbuf[i] = f->flood[i]->mbuf;
		f->flood[i]->mbuf = NULL;
	}
	for (last = v->nports - 1; last >= 0 && v->port[last] == src->port->index; last--)
		;
	for (int m = 0; m <= last; m++) {
		for (unsigned int i = 0; m == last && i < n; i++)
			f->flood[i]->mbuf = mbuf[i];
		if (flood_group(w, &f->member, dp_port_at(v->port[m]), src, &sent))
			deliver_group(w, &f->member, m == last);
	}
	for (unsigned int i = 0; last < 0 && i < n; i++)
		f->flood[i]->mbuf = mbuf[i];
	if ((unsigned int)__builtin_popcount(sent) != n)
		worker_drop(w, src->port, DROP_NO_DESTINATION,
			n - (unsigned int)__builtin_popcount(sent));
	__atomic_fetch_add(&src->net->flooded, n, __ATOMIC_RELAXED);
	f->nflood = 0;
}

static void
forward_by_address(struct worker *w, struct source *src, struct packet_burst *b, uint32_t pass)
{
	if (__builtin_expect(src->net == NULL, 0)) {
		worker_drop(w, src->port, DROP_NO_NETWORK, (uint64_t)__builtin_popcount(pass));
		return;
	}
	/* Acquire pairs with the release in network_rebuild(). */
	src->view = __atomic_load_n(&src->net->view, __ATOMIC_ACQUIRE);
	classify_some(w, src, b, pass);
	if (w->forward.nflood != 0)
		flood(w, src);
}

void
forward_burst(struct worker *w, struct dp_port *port, struct packet_burst *b)
{
	struct forward *f = &w->forward;
	struct source src = {.port = port, .settings = dp_port_settings(port)};
	uint32_t pass;

	f->source = port;
	f->pieces_left = f->mirror_pieces_left = FORWARD_PIECES_MAX;
	if (__builtin_expect(!src.settings->enabled, 0)) {
		worker_drop(w, port, DROP_NOT_READY, b->count);
		return;
	}
	tap_in(w, port, b);
	src.net = src.settings->network;
	pass = b->count < PACKET_BURST ? (UINT32_C(1) << b->count) - 1 : UINT32_MAX;
	if (__builtin_expect((tap_of(port) & TAP_POLICE_IN) != 0, 0))
		pass = police_in(w, port, b);
	if (steers(port, src.settings))
		pass = steer(w, port, src.settings, b, pass);
	if (pass != 0)
		forward_by_address(w, &src, b, pass);
	for (unsigned int i = 0; i < f->ngroups; i++) {
		f->group_of[f->group[i].port->index] = GROUP_NONE;
		if (f->group[i].count != 0)
			deliver_group(w, &f->group[i], true);
	}
	f->ngroups = 0;
}
