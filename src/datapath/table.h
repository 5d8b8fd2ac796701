/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The table of ports, and helpers that every file of this folder needs.
 * The control thread writes an entry with release order; a worker that read a
 * pointer may use the port until its next quiescent state.
 */
#ifndef NETVM_TABLE_H
#define NETVM_TABLE_H

#include "src/datapath/port.h"

extern struct dp_port *dp_ports[DP_PORTS_MAX];

static inline struct dp_port *
dp_port_at(uint16_t index)
{
	/* Pairs with the release store in port.c. */
	return __atomic_load_n(&dp_ports[index], __ATOMIC_ACQUIRE);
}

static inline const struct dp_port_settings *
dp_port_settings(const struct dp_port *p)
{
	/* Pairs with the release store in port.c. */
	return __atomic_load_n(&p->settings, __ATOMIC_ACQUIRE);
}

/* port.c: who is told by dp_port_changed(). */
void port_on_change(void (*cb)(void *arg), void *arg);
/* Nobody has the number of this port reserved any more. */
void port_number_forget(const char *name);
/* port.c: dp_port_add() with the kind's ops given. */
int port_add(const struct dp_port_config *cfg, const struct dp_port_ops *ops, struct dp_port **port,
	struct dp_error *err);
/* port-stats.c: a new port starts with zero drops. */
void port_baseline(struct dp_port *p);
/* port-vhost.c: once, before the first vhost port. */
int port_vhost_init(const char *run_dir, struct dp_error *err);

/* Writes the sentence into err and returns rc. */
int dp_fail(struct dp_error *err, int rc, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
