/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Start, stop and saving of the daemon's objects; see control.h. Control
 * thread, but for on_changed().
 */
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <glib-unix.h>

#include "src/control/capture.h"
#include "src/control/control.h"
#include "src/control/error.h"
#include "src/control/state.h"

#define CHANGED_PAUSE_MS 50

const char *
origin_name(enum origin origin)
{
	static const char *const names[] = {
		[ORIGIN_BUILTIN] = "builtin", [ORIGIN_CONFIG] = "config", [ORIGIN_STATE] = "state"};

	return names[origin];
}

/* --- changes of state ---------------------------------------------------- */

/* The data path's call, on any of its threads. */
static void
on_changed(void *arg)
{
	const struct control *c = arg;

	/* Fails only when the counter is full: then a wake-up is pending. */
	(void)!eventfd_write(c->changed_fd, 1);
}

static gboolean on_changed_fd(int fd, GIOCondition condition, gpointer data);

static gboolean
on_pause_over(gpointer data)
{
	struct control *c = data;

	c->changed_source = g_unix_fd_add(c->changed_fd, G_IO_IN, on_changed_fd, c);
	return G_SOURCE_REMOVE;
}

/* A guest can flap as fast as it likes: we look at most every 50 ms. */
static gboolean
on_changed_fd(int fd, GIOCondition condition, gpointer data)
{
	struct control *c = data;
	eventfd_t n;

	(void)!eventfd_read(fd, &n);
	for (guint i = 0; i < c->ports->len; i++)
		control_port_log(g_ptr_array_index(c->ports, i));
	control_messages_take(c);
	c->changed_source = g_timeout_add(CHANGED_PAUSE_MS, on_pause_over, c);
	return G_SOURCE_REMOVE;
}

static gboolean
on_tick(gpointer data)
{
	dp_tick();
	return G_SOURCE_CONTINUE;
}

/* --- saving -------------------------------------------------------------- */

bool
control_save(struct control *c, const void *without, GError **error)
{
	struct state s;
	bool ok;

	state_init(&s);
	for (guint i = 0; i < c->groups->len; i++) {
		const struct trust_group *g = g_ptr_array_index(c->groups, i);

		if (g->origin == ORIGIN_STATE && g != without)
			state_add_group(&s, g->name, &g->set);
	}
	for (guint i = 0; i < c->networks->len; i++) {
		const struct network *n = g_ptr_array_index(c->networks, i);

		if (n->origin == ORIGIN_STATE && n != without)
			state_add_network(&s, n->name, &n->set);
	}
	for (guint i = 0; i < c->ports->len; i++) {
		const struct port *p = g_ptr_array_index(c->ports, i);

		int number = dp_port_number(p->name);

		if (p->origin == ORIGIN_STATE && p != without)
			state_add_port(&s, p->name, &p->set);
		if (number >= 0 && p != without)
			g_hash_table_insert(s.numbers, g_strdup(p->name), GINT_TO_POINTER(number));
	}
	ok = state_save(&s, c->state_file, error);
	state_clear(&s);
	return ok;
}

/* --- start --------------------------------------------------------------- */

void
control_dp_config(const struct config *config, const char *run_dir, struct dp_config *cfg)
{
	*cfg = (struct dp_config){.run_dir = run_dir,
		.ncpus = config->ncpus,
		.poll = config->poll,
		.idle_us = config->idle_us,
		.hugepages = config->hugepages,
		.packet_memory = config->packet_memory};
	memcpy(cfg->cpu, config->cpu, sizeof(cfg->cpu));
}

static bool
start_networks(struct control *c, const GArray *defs, enum origin origin, GError **error)
{
	for (guint i = 0; i < defs->len; i++) {
		const struct network_def *def = &g_array_index(defs, struct network_def, i);
		struct network *n = control_network_find(c, def->name, NULL);

		if (n != NULL && n->origin == ORIGIN_CONFIG) {
			g_message("network %s stands in the config and in the state file: the "
				  "config is "
				  "used",
				def->name);
			continue;
		}
		if (n == NULL)
			n = control_network_add(c, def->name, &def->set, origin, error);
		else if (!control_network_set(n, &def->set, error))
			n = NULL;
		if (n == NULL) {
			g_prefix_error(error, "network %s: ", def->name);
			return false;
		}
		n->origin = origin;
	}
	return true;
}

static void
start_groups(struct control *c, const GArray *defs, enum origin origin)
{
	for (guint i = 0; i < defs->len; i++) {
		const struct group_def *def = &g_array_index(defs, struct group_def, i);

		if (control_group_find(c, def->name, NULL) != NULL)
			g_message("group %s stands in the config and in the state file: the config "
				  "is used",
				def->name);
		else
			control_group_add_anyway(c, def->name, &def->set, origin);
	}
}

static void
start_ports(struct control *c, const GArray *defs, enum origin origin)
{
	for (guint i = 0; i < defs->len; i++) {
		const struct port_def *def = &g_array_index(defs, struct port_def, i);

		if (control_port_find(c, def->name, NULL) != NULL)
			g_message("port %s stands in the config and in the state file: the config "
				  "is used",
				def->name);
		else
			control_port_add_anyway(c, def->name, &def->set, origin);
	}
}

/* Network functions name ports by their numbers: they stay the same. */
static void
start_number(void *name, void *number, void *unused)
{
	(void)unused;
	dp_port_reserve(name, (uint16_t)GPOINTER_TO_UINT(number));
}

/* Also those in error, whose guests may wait for them. */
static bool
object_exists(const char *kind, const char *name, void *user)
{
	const struct port *p;

	if (strcmp(kind, "pool") == 0)
		return control_group_find(user, name, NULL) != NULL;
	if (strcmp(kind, "port") != 0)
		return true;
	p = control_port_find(user, name, NULL);
	return p != NULL && p->set.type == DP_PORT_SHM;
}

static bool
start_objects(struct control *c, GError **error)
{
	struct network_settings defaults;
	struct state s;
	bool ok;

	network_settings_init(&defaults);
	state_init(&s);
	ok = state_load(&s, c->state_file, error) &&
	     control_network_add(c, NETWORK_DEFAULT, &defaults, ORIGIN_BUILTIN, error) != NULL &&
	     start_networks(c, c->config->networks, ORIGIN_CONFIG, error) &&
	     start_networks(c, s.networks, ORIGIN_STATE, error);
	if (ok) {
		g_hash_table_foreach(s.numbers, start_number, NULL);
		/* Groups first: shm ports that outlived us find their pools again. */
		start_groups(c, c->config->groups, ORIGIN_CONFIG);
		start_groups(c, s.groups, ORIGIN_STATE);
		start_ports(c, c->config->ports, ORIGIN_CONFIG);
		start_ports(c, s.ports, ORIGIN_STATE);
		control_link(c);
		/* Last: what waits in the rings of guests that outlived us is taken now, and
		 * finds the ports that it goes to. */
		dp_groups_settle(object_exists, c);
		/* Also a test, while somebody watches, that it can be written. */
		ok = control_save(c, NULL, error);
	}
	state_clear(&s);
	return ok;
}

static void
on_warn(const char *sentence)
{
	g_warning("%s", sentence);
}

bool
control_start(struct control *c, GError **error)
{
	struct dp_config cfg;
	struct dp_error why = {""};
	int rc;

	c->started = g_get_monotonic_time();
	c->networks = g_ptr_array_new_with_free_func(g_free);
	c->groups = g_ptr_array_new();
	c->ports = g_ptr_array_new();
	c->captures = g_ptr_array_new();
	c->changed_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (c->changed_fd < 0) {
		netvm_error_from_errno(error, -errno, "");
		return false;
	}
	control_dp_config(c->config, c->run_dir, &cfg);
	cfg.changed = on_changed;
	cfg.changed_arg = c;
	cfg.warn = on_warn;
	rc = dp_start(&cfg, &why);
	if (rc != 0) {
		netvm_error_from_errno(error, rc, why.text);
		close(c->changed_fd);
		return false;
	}
	c->changed_source = g_unix_fd_add(c->changed_fd, G_IO_IN, on_changed_fd, c);
	c->tick_source = g_timeout_add_seconds(1, on_tick, NULL);
	if (start_objects(c, error))
		return true;
	control_stop(c);
	return false;
}

void
control_stop(struct control *c)
{
	capture_stop_all(c);
	while (c->ports->len != 0)
		control_port_close(c, g_ptr_array_index(c->ports, c->ports->len - 1));
	for (guint i = c->groups->len; i-- > 0;) {
		g_autoptr(GError) error = NULL;

		if (!control_group_close(c, g_ptr_array_index(c->groups, i), &error))
			g_warning("%s", error->message);
	}
	while (c->networks->len != 0) {
		struct network *n = g_ptr_array_index(c->networks, c->networks->len - 1);
		struct dp_error why = {""};

		if (dp_network_del(n->dp, &why) != 0)
			g_warning("network %s: %s", n->name, why.text);
		g_ptr_array_remove(c->networks, n);
	}
	dp_stop();
	g_source_remove(c->changed_source);
	g_source_remove(c->tick_source);
	close(c->changed_fd);
	g_ptr_array_unref(c->captures);
	g_ptr_array_unref(c->groups);
	g_ptr_array_unref(c->ports);
	g_ptr_array_unref(c->networks);
}
