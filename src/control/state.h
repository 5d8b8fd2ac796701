/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The state file: the objects made at run time, in the words of settings.h.
 * JSON: {"version": 1, "networks": [{name, setting...}], "groups": [...],
 * "ports": [...], "numbers": {port: number...}}.
 * Written whole beside the old one, synced, then renamed over it, so that a
 * crash leaves the old or the new state and nothing between. Control thread.
 */
#ifndef NETVM_CONTROL_STATE_H
#define NETVM_CONTROL_STATE_H

#include "src/control/settings.h"

struct state {
	GArray *networks; /* struct network_def */
	GArray *groups;   /* struct group_def */
	GArray *ports;    /* struct port_def */
	/* dp_port_index() by name, of the config's ports as well: guests know them. */
	GHashTable *numbers;
};

void state_init(struct state *s);
void state_clear(struct state *s);
void state_add_port(struct state *s, const char *name, const struct port_settings *set);
void state_add_network(struct state *s, const char *name, const struct network_settings *set);
void state_add_group(struct state *s, const char *name, const struct group_settings *set);

/*
 * Reads the file into s, which is empty. An absent file is an empty state. A
 * file that is damaged or of a newer version is renamed to FILE.corrupt-N or
 * FILE.newer-N with a warning, and s stays empty. False only when the file
 * cannot be read or put aside: going on would lose what is in it.
 */
bool state_load(struct state *s, const char *file, GError **error);

/* On disk when it returns true. */
bool state_save(const struct state *s, const char *file, GError **error);

#endif
