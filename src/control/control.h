/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The daemon's objects and what holds them together. Everything here belongs
 * to the control thread.
 *
 * An object comes from one of three places (its origin): it is built in, it
 * stands in the config, or it was made at run time and stands in the state
 * file. The config wins where both describe an object.
 */
#ifndef NETVM_CONTROL_CONTROL_H
#define NETVM_CONTROL_CONTROL_H

#include "src/control/conf.h"
#include "src/control/rpc.h"
#include "src/control/settings.h"

enum origin { ORIGIN_BUILTIN, ORIGIN_CONFIG, ORIGIN_STATE };

struct network {
	char name[DP_NAME_MAX];
	struct network_settings set;
	enum origin origin;
	struct dp_network *dp;
};

/* A trust group is live (dp is there), or broken (problem says why). */
struct trust_group {
	char name[DP_NAME_MAX];
	struct group_settings set;
	enum origin origin;
	struct dp_group *dp;
	char *problem;
};

/*
 * A port is live (dp is there; the data path says down, waiting, up or error)
 * or broken (dp is NULL, problem says why it could not be brought up).
 * port_open() makes it live or leaves it broken; port_free() ends either.
 */
struct port {
	char name[DP_NAME_MAX];
	struct port_settings set;
	enum origin origin;
	struct dp_port *dp;
	char *problem;
	/* What the log said last, and how much it may still say. */
	enum dp_port_state logged;
	char logged_error[160];
	unsigned int log_tokens, log_skipped;
	gint64 log_refill; /* monotonic time in us of the next token */
	/* What its guest told us; messages.c. */
	GQueue messages; /* struct message, the oldest first */
	guint64 messages_taken, messages_refused;
};

struct control {
	struct config *config;
	char *config_file; /* NULL: none was found */
	bool config_must_exist;
	char *run_dir;
	char *state_file;
	GPtrArray *networks; /* struct network, by name */
	GPtrArray *groups;   /* struct trust_group, by name */
	GPtrArray *ports;    /* struct port, by name */
	gint64 started;      /* monotonic, us */
	int changed_fd;      /* eventfd: a port's status changed */
	guint changed_source, tick_source;
	GPtrArray *captures; /* capture.c */
	/* Set by a method that wants the connection it was called on. */
	struct rpc_takeover takeover;
};

/*
 * Starts the data path and brings up what the config and the state file
 * describe. c->config and the paths are the caller's to fill before.
 */
bool control_start(struct control *c, GError **error);
void control_stop(struct control *c);

/* Writes the state file as if `without`, a port, network or group, were not there
 * (NULL: nothing is left out). */
bool control_save(struct control *c, const void *without, GError **error);

/* SIGHUP: reads the config again and makes the objects as it says; changes
 * nothing when the config or what it asks for is wrong (reload.c). */
bool control_reload(struct control *c, GError **error);
/* The data path's static configuration, for dp_start() and dp_check(). */
void control_dp_config(const struct config *config, const char *run_dir, struct dp_config *cfg);

const char *origin_name(enum origin origin);

/* --- networks (network.c) ------------------------------------------------ */

struct network *control_network_find(struct control *c, const char *name, GError **error);
struct network *control_network_add(struct control *c, const char *name,
	const struct network_settings *set, enum origin origin, GError **error);
bool control_network_set(struct network *n, const struct network_settings *set, GError **error);
/* Refused while ports are in it, and for the built-in one. */
bool control_network_may_del(struct control *c, const struct network *n, GError **error);
bool control_network_del(struct control *c, struct network *n, GError **error);

/* --- trust groups (group.c) ---------------------------------------------- */

struct trust_group *control_group_find(struct control *c, const char *name, GError **error);
/* Refused when its pool cannot be made. */
struct trust_group *control_group_add(struct control *c, const char *name,
	const struct group_settings *set, enum origin origin, GError **error);
/* The same, but a group without a pool stays, broken, with a warning. NULL only when
 * there is no room. */
struct trust_group *control_group_add_anyway(
	struct control *c, const char *name, const struct group_settings *set, enum origin origin);
/* One more try for a broken one. */
void control_group_retry(struct trust_group *g);
/* For ports; NULL: there is none, or it is broken. */
struct dp_group *control_group_pool(struct control *c, const char *name, GError **error);
/* Refused while ports name it. */
bool control_group_may_del(struct control *c, const struct trust_group *g, GError **error);
/* Its ports are gone. */
bool control_group_close(struct control *c, struct trust_group *g, GError **error);

/* --- ports (port.c) ------------------------------------------------------ */

struct port *control_port_find(struct control *c, const char *name, GError **error);
/* Refused when the port cannot be brought up. */
struct port *control_port_add(struct control *c, const char *name, const struct port_settings *set,
	enum origin origin, GError **error);
/* The same, but a port that cannot be brought up stays, broken, with a
 * warning. NULL only when there is no room. */
struct port *control_port_add_anyway(
	struct control *c, const char *name, const struct port_settings *set, enum origin origin);
/* set differs from the port's only in what can change live, or the port is
 * broken: then this is one more try to bring it up. */
bool control_port_set(
	struct control *c, struct port *p, const struct port_settings *set, GError **error);
/* The error without the port's name that the data path begins with, for those who
 * have just named the port. */
const char *control_port_reason(const char *name, const GError *error);
/* Closed, the port may come back: with the next start of netvmd, or with other
 * settings. Deleted, it does not, and what was kept for its guest goes. */
void control_port_close(struct control *c, struct port *p);
void control_port_del(struct control *c, struct port *p);
enum dp_port_state control_port_state(const struct port *p);
/* The vhost socket's path, malloc'ed: as set, or the default one. */
char *control_port_socket(const struct control *c, const struct port *p);
/* An shm port's, malloc'ed; which: "ring" or "pool". */
char *control_port_shm_socket(const struct control *c, const struct port *p, const char *which);
/* Tells the log what changed since it was told last. */
void control_port_log(struct port *p);

/* --- messages of guests (messages.c) ------------------------------------- */

/* Takes what has come from all ports. */
void control_messages_take(struct control *c);
void control_messages_free(struct port *p);

/* --- mirrors and cross-connects (links.c) -------------------------------- */

/* The mirror of the port called name with these settings; NULL: none, not live,
 * or it may not have it. */
struct dp_port *control_mirror_of(
	struct control *c, const char *name, const struct port_settings *set);
/* May the port called name have these settings' mirror? */
bool control_mirror_check(
	struct control *c, const char *name, const struct port_settings *set, GError **error);
/* Refused while p is somebody's mirror. */
bool control_mirror_may_del(struct control *c, const struct port *p, GError **error);
/* The target of the port called name with these settings; NULL: none, or not live. */
struct dp_port *control_forward_of(
	struct control *c, const char *name, const struct port_settings *set);
/* May the port called name be given these settings' target? */
bool control_forward_check(
	struct control *c, const char *name, const struct port_settings *set, GError **error);
/* After many ports changed; after one became live. */
void control_link(struct control *c);
void control_link_came(struct control *c, const struct port *p);
/* Names of the ports whose mirror p is; free with g_ptr_array_unref(). */
GPtrArray *control_mirror_users(struct control *c, const struct port *p);

#endif
