/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The words that describe ports, networks and groups. One table per kind of object
 * says everything about a setting; netvmd.conf, the control socket and the
 * state file all go through it. Pure functions, linked by netvmd and netvmctl.
 */
#ifndef NETVM_CONTROL_SETTINGS_H
#define NETVM_CONTROL_SETTINGS_H

#include <stdbool.h>

#include <glib.h>

#include "src/datapath/datapath.h"

#define NETWORK_DEFAULT "default" /* always there; ports join it unless told otherwise */
#define NETWORK_NONE    "none"    /* a port's network when it is in none */
#define MIRROR_NONE     "none"    /* a port's mirror when it has none */
#define GROUP_NONE      "none"    /* likewise a nic port's group */

struct port_settings {
	enum dp_port_type type;
	char network[DP_NAME_MAX];
	struct dp_vlan vlan;
	struct guard guard;
	uint16_t mtu;
	uint16_t queues; /* 0: auto */
	bool enabled;
	bool client;
	char socket[108]; /* "": RUN_DIR/vhost/NAME.sock */
	bool copy;        /* zero-copy=off */
	char device[DP_DEVICE_MAX];
	enum dp_bond bond;
	struct dp_rate rate_in, rate_out;
	char mirror[DP_NAME_MAX]; /* "": none */
	enum dp_mirror mirror_direction;
	char forward[DP_NAME_MAX]; /* "": goes by address */
	char group[DP_NAME_MAX];   /* shm; nic: "" is its own memory */
	uint32_t ring_size;        /* shm */
	uint16_t vectors;          /* shm; 0: auto */
	uint32_t heartbeat_ms;     /* shm; 0: none */
};

struct network_settings {
	uint32_t ageing_s;
	uint32_t max_macs;
	uint32_t storm_pps;
};

struct group_settings {
	guint64 pool_size;
	uint32_t buffer_size;
	int numa; /* -1: all */
};

/* An object as the config and the state file describe it. */
struct port_def {
	char name[DP_NAME_MAX];
	struct port_settings set;
	unsigned int line; /* in the config file, 0: elsewhere */
};

struct network_def {
	char name[DP_NAME_MAX];
	struct network_settings set;
};

struct group_def {
	char name[DP_NAME_MAX];
	struct group_settings set;
};

enum setting_json { SETTING_TEXT, SETTING_NUMBER, SETTING_BOOL };

struct setting {
	const char *name; /* with dashes */
	enum setting_json json;
	unsigned int types; /* bit 1 << enum dp_port_type: applies to these */
	bool live;          /* can change while the object exists */
	/* Takes all of text or changes nothing. */
	bool (*parse)(void *set, const char *text, GError **error);
	/* What parse takes; NULL when the setting says nothing. */
	char *(*format)(const void *set);
};

/* Declares a row's two functions that stand in a file of their own. */
#define SETTING_FUNCTIONS(field)                                                                   \
	bool field##_parse(void *set, const char *text, GError **error);                           \
	char *field##_format(const void *set)

struct settings_table {
	const char *noun;
	const struct setting *setting;
	unsigned int count;
};
extern const struct settings_table port_table, network_table, group_table;

/* The setting called name (dashes and underscores are the same), or NULL. */
const struct setting *settings_find(const struct settings_table *t, const char *name);

/*
 * Puts one setting into set, a struct of the table's kind, and notes it in
 * *given (start with 0). Unknown names and bad values are refused.
 */
bool settings_put(const struct settings_table *t, void *set, const char *name, const char *text,
	uint32_t *given, GError **error);

/* Every setting given must be one that can change live. */
bool settings_live(const struct settings_table *t, uint32_t given, GError **error);

/* Defaults; for a port type is not known yet. */
void port_settings_init(struct port_settings *set);
void network_settings_init(struct network_settings *set);
void group_settings_init(struct group_settings *set);

/* After all settings_put(): do they fit together and to the type? `full`: this
 * describes a whole port, so what must be given has to be there. */
bool port_settings_check(struct port_settings *set, uint32_t given, bool full, GError **error);

/* Do a and b differ in a setting that can (live) or cannot change live? */
bool settings_differ(const struct settings_table *t, const void *a, const void *b, bool live);

#endif
