/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Port mirror: copies of a port's frames go to another port.
 *
 * A copy is the view itself, sent once more: private header and rest, with the
 * tag as on the mirrored port's wire, so what is copied is what was judged.
 * Its mbufs are out of sight meanwhile, so that the mirror copies whatever it
 * would keep otherwise. What a mirror cannot take is its own loss: drops are
 * counted there, and software segments for it have a budget of their own.
 * Copies are not mirrored again.
 *
 * Threads: mirror_copy() the worker that owns w; the rest the control thread.
 * Neighbours: tap.c calls, deliver.c sends.
 */
#include <errno.h>
#include <string.h>

#include "src/datapath/table.h"
#include "src/datapath/tap.h"

/* Copies of frames as they lie, no longer than the mirror's wire takes. */
static void
group_fill(struct worker *w, struct tx_group *g, struct packet *const *pkts, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		if (pkts[i]->len < PACKET_LEN_MIN)
			continue; /* nothing that a wire could carry */
		if (forward_wire_len(pkts[i]) > g->limit)
			worker_drop(w, g->port, DROP_TOO_BIG, 1);
		else
			group_add(g, pkts[i]);
	}
}

static void
send_hidden(struct worker *w, struct tx_group *g)
{
	struct forward *f = &w->forward;
	uint32_t pieces = f->pieces_left;
	void *mbuf[PACKET_BURST] = {NULL};

	for (unsigned int i = 0; i < g->count; i++) {
		mbuf[i] = g->pkt[i]->mbuf;
		g->pkt[i]->mbuf = NULL;
	}
	f->pieces_left = f->mirror_pieces_left;
	deliver_as_is(w, g);
	f->mirror_pieces_left = f->pieces_left;
	f->pieces_left = pieces;
	for (unsigned int i = 0; i < g->count; i++)
		g->pkt[i]->mbuf = mbuf[i];
}

void
mirror_copy(struct worker *w, struct dp_port *p, enum dp_mirror direction,
	struct packet *const *pkts, uint16_t n)
{
	const struct dp_port_settings *s = dp_port_settings(p), *to;
	struct dp_port *m;
	struct tx_group g;

	/* Relaxed: mirror_forget() waits for workers before the port goes. */
	m = __atomic_load_n(&s->mirror, __ATOMIC_RELAXED);
	if (m == NULL || (s->mirror_direction & direction) == 0)
		return;
	to = dp_port_settings(m);
	if (!to->enabled || !m->ops->tx_ready(m)) {
		worker_drop(w, m, DROP_NOT_READY, n);
		return;
	}
	group_start(&g, m, to, m);
	group_fill(w, &g, pkts, n);
	if (g.count != 0)
		send_hidden(w, &g);
}

/* --- control thread ------------------------------------------------------ */

int
mirror_check(const struct dp_port *p, const char *name, const struct dp_port_settings *s,
	struct dp_error *err)
{
	if (s->mirror == NULL)
		return 0;
	if (s->mirror_direction > DP_MIRROR_BOTH)
		return dp_fail(err, -EINVAL, "port %s: mirror direction %d is none", name,
			(int)s->mirror_direction);
	if (s->mirror == p)
		return dp_fail(err, -EINVAL,
			"port %s: mirror=%s is the port itself: expected another port", name, name);
	/* No circle was there before, so this ends. */
	for (const struct dp_port *m = s->mirror; m != NULL; m = m->settings->mirror)
		if (m == p)
			return dp_fail(err, -EINVAL,
				"port %s: mirror=%s would close a circle: port %s is mirrored, "
				"directly or by way of others, to port %s",
				name, s->mirror->name, s->mirror->name, name);
	return 0;
}

void
mirror_apply(struct dp_port *p, const struct dp_port_settings *s)
{
	uint32_t on = 0;

	if (s->mirror != NULL && (s->mirror_direction & DP_MIRROR_IN))
		on |= TAP_MIRROR_IN;
	if (s->mirror != NULL && (s->mirror_direction & DP_MIRROR_OUT))
		on |= TAP_MIRROR_OUT;
	tap_set(p, TAP_MIRROR_IN | TAP_MIRROR_OUT, on);
}

void
mirror_forget(const struct dp_port *p)
{
	for (unsigned int i = 0; i < DP_PORTS_MAX; i++) {
		struct dp_port_settings *s;

		if (dp_ports[i] == NULL || dp_ports[i]->settings->mirror != p)
			continue;
		/* The one field of published settings that changes in its place: a
		 * port has to go even when there is no memory for other settings. */
		s = (struct dp_port_settings *)(uintptr_t)dp_ports[i]->settings;
		__atomic_store_n(&s->mirror, NULL, __ATOMIC_RELAXED);
		mirror_apply(dp_ports[i], s);
	}
}
