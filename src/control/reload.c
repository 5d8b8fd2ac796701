/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SIGHUP: the objects become what the config says now. First everything that
 * can be refused is checked; then ports go before the networks and groups they
 * were in, and these come before the ports that join them. Control thread.
 */
#include <string.h>
#include <unistd.h>

#include "src/control/control.h"
#include "src/control/error.h"

static const struct network_def *
config_network(const struct config *config, const char *name)
{
	for (guint i = 0; i < config->networks->len; i++) {
		const struct network_def *def =
			&g_array_index(config->networks, struct network_def, i);

		if (strcmp(def->name, name) == 0)
			return def;
	}
	return NULL;
}

static const struct group_def *
config_group(const struct config *config, const char *name)
{
	for (guint i = 0; i < config->groups->len; i++) {
		const struct group_def *def = &g_array_index(config->groups, struct group_def, i);

		if (strcmp(def->name, name) == 0)
			return def;
	}
	return NULL;
}

static const struct port_def *
config_port(const struct config *config, const char *name)
{
	for (guint i = 0; i < config->ports->len; i++) {
		const struct port_def *def = &g_array_index(config->ports, struct port_def, i);

		if (strcmp(def->name, name) == 0)
			return def;
	}
	return NULL;
}

/* Would a network that a run-time port is in go away, or change while a port
 * is in it what it cannot change then? */
static bool
check_network(
	struct control *c, const struct config *config, const struct network *n, GError **error)
{
	const struct network_def *def = config_network(config, n->name);
	bool goes =
		n->origin == ORIGIN_CONFIG && def == NULL && strcmp(n->name, NETWORK_DEFAULT) != 0;
	bool changes = def != NULL && def->set.max_macs != n->set.max_macs;

	for (guint i = 0; i < c->ports->len && (goes || changes); i++) {
		const struct port *p = g_ptr_array_index(c->ports, i);

		if (strcmp(p->set.network, n->name) != 0)
			continue;
		if (changes) {
			g_set_error(error, NETVM_ERROR, NETVM_ERROR_BUSY,
				"%s: [network %s] max-macs cannot change while port %s is in it",
				config->file, n->name, p->name);
			return false;
		}
		if (p->origin == ORIGIN_STATE && config_port(config, p->name) == NULL) {
			g_set_error(error, NETVM_ERROR, NETVM_ERROR_BUSY,
				"[network %s] is gone from the config, but port %s, which was "
				"added at "
				"run time, is in it",
				n->name, p->name);
			return false;
		}
	}
	return true;
}

/* Would a group that a run-time port is in go away, or its pool change while a port
 * uses it? */
static bool
check_group(
	struct control *c, const struct config *config, const struct trust_group *g, GError **error)
{
	const struct group_def *def = config_group(config, g->name);
	bool goes = g->origin == ORIGIN_CONFIG && def == NULL;
	bool changes = g->dp != NULL && def != NULL &&
		       settings_differ(&group_table, &g->set, &def->set, false);

	for (guint i = 0; i < c->ports->len && (goes || changes); i++) {
		const struct port *p = g_ptr_array_index(c->ports, i);

		if (strcmp(p->set.group, g->name) != 0)
			continue;
		if (changes && (p->origin == ORIGIN_STATE || config_port(config, p->name) != NULL))
			return netvm_refuse(error, NETVM_ERROR_BUSY,
				"%s: the settings of [group %s] cannot change while port %s is in "
				"it",
				config->file, g->name, p->name);
		if (goes && p->origin == ORIGIN_STATE && config_port(config, p->name) == NULL)
			return netvm_refuse(error, NETVM_ERROR_BUSY,
				"[group %s] is gone from the config, but port %s, which was added "
				"at run time, is in it",
				g->name, p->name);
	}
	return true;
}

/* Would the mirror of a run-time port go away? */
static bool
check_mirror(struct control *c, const struct config *config, const struct port *p, GError **error)
{
	const struct port *to = control_port_find(c, p->set.mirror, NULL);

	if (p->origin != ORIGIN_STATE || config_port(config, p->name) != NULL || to == NULL ||
		to->origin != ORIGIN_CONFIG || config_port(config, to->name) != NULL)
		return true;
	return netvm_refuse(error, NETVM_ERROR_BUSY,
		"[port %s] is gone from the config, but port %s, which was added at run time, is "
		"mirrored to it",
		to->name, p->name);
}

static bool
check(struct control *c, const struct config *config, GError **error)
{
	for (guint i = 0; i < c->ports->len; i++)
		if (!check_mirror(c, config, g_ptr_array_index(c->ports, i), error))
			return false;
	for (guint i = 0; i < c->groups->len; i++)
		if (!check_group(c, config, g_ptr_array_index(c->groups, i), error))
			return false;
	for (guint i = 0; i < c->networks->len; i++)
		if (!check_network(c, config, g_ptr_array_index(c->networks, i), error))
			return false;
	return true;
}

/* --- carrying it out ----------------------------------------------------- */

static void
remove_ports(struct control *c, const struct config *config)
{
	for (guint i = c->ports->len; i-- > 0;) {
		struct port *p = g_ptr_array_index(c->ports, i);

		if (p->origin != ORIGIN_CONFIG || config_port(config, p->name) != NULL)
			continue;
		g_message("port %s: gone from the config, deleted", p->name);
		control_port_del(c, p);
	}
}

static void
put_network(struct control *c, const struct network_def *def)
{
	g_autoptr(GError) error = NULL;
	struct network *n = control_network_find(c, def->name, NULL);

	if (n == NULL)
		n = control_network_add(c, def->name, &def->set, ORIGIN_CONFIG, &error);
	else if (settings_differ(&network_table, &n->set, &def->set, true))
		control_network_set(n, &def->set, &error);
	if (error != NULL)
		g_warning("network %s: %s", def->name, error->message);
	if (n != NULL)
		n->origin = ORIGIN_CONFIG;
}

static void
put_group(struct control *c, const struct group_def *def)
{
	g_autoptr(GError) error = NULL;
	struct trust_group *g = control_group_find(c, def->name, NULL);

	if (g != NULL &&
		(g->dp == NULL || settings_differ(&group_table, &g->set, &def->set, false))) {
		if (!control_group_close(c, g, &error))
			g_warning("group %s: %s", def->name, error->message);
		else
			g = NULL;
	}
	if (g == NULL)
		g = control_group_add_anyway(c, def->name, &def->set, ORIGIN_CONFIG);
	if (g != NULL)
		g->origin = ORIGIN_CONFIG;
}

static void
put_port(struct control *c, const struct port_def *def)
{
	g_autoptr(GError) error = NULL;
	struct port *p = control_port_find(c, def->name, NULL);

	if (p != NULL &&
		(p->dp == NULL || settings_differ(&port_table, &p->set, &def->set, false))) {
		control_port_close(c, p);
		p = NULL;
	}
	if (p == NULL)
		p = control_port_add_anyway(c, def->name, &def->set, ORIGIN_CONFIG);
	else if (settings_differ(&port_table, &p->set, &def->set, true))
		control_port_set(c, p, &def->set, &error);
	if (error != NULL)
		g_warning("port %s: %s", def->name, control_port_reason(def->name, error));
	if (p != NULL)
		p->origin = ORIGIN_CONFIG;
}

static void
remove_networks(struct control *c, const struct config *config)
{
	for (guint i = c->networks->len; i-- > 0;) {
		struct network *n = g_ptr_array_index(c->networks, i);
		g_autoptr(GError) error = NULL;
		struct network_settings defaults;

		if (n->origin != ORIGIN_CONFIG || config_network(config, n->name) != NULL)
			continue;
		if (strcmp(n->name, NETWORK_DEFAULT) != 0) {
			g_message("network %s: gone from the config, deleted", n->name);
			control_network_del(c, n, &error);
		} else {
			network_settings_init(&defaults);
			defaults.max_macs = n->set.max_macs; /* It may have ports. */
			n->origin = ORIGIN_BUILTIN;
			control_network_set(n, &defaults, &error);
		}
		if (error != NULL)
			g_warning("%s", error->message);
	}
}

static void
remove_groups(struct control *c, const struct config *config)
{
	for (guint i = c->groups->len; i-- > 0;) {
		struct trust_group *g = g_ptr_array_index(c->groups, i);
		g_autoptr(GError) error = NULL;

		if (g->origin != ORIGIN_CONFIG || config_group(config, g->name) != NULL)
			continue;
		g_message("group %s: gone from the config, deleted", g->name);
		if (!control_group_close(c, g, &error))
			g_warning("%s", error->message);
	}
}

/* One more try for run-time groups and ports that could not be brought up. */
static void
retry(struct control *c)
{
	for (guint i = 0; i < c->groups->len; i++)
		control_group_retry(g_ptr_array_index(c->groups, i));
	for (guint i = 0; i < c->ports->len; i++) {
		struct port *p = g_ptr_array_index(c->ports, i);
		g_autoptr(GError) error = NULL;

		if (p->dp == NULL && p->origin == ORIGIN_STATE &&
			!control_port_set(c, p, &p->set, &error)) {
			g_free(p->problem);
			p->problem = g_strdup(control_port_reason(p->name, error));
			control_port_log(p);
		}
	}
}

/* What only a start can change stays as it is. */
static void
keep_static(const struct config *old, struct config *config)
{
	if (old->ncpus != config->ncpus ||
		memcmp(old->cpu, config->cpu, old->ncpus * sizeof(old->cpu[0])) != 0 ||
		old->hugepages != config->hugepages ||
		old->packet_memory != config->packet_memory || old->owner != config->owner ||
		old->group != config->group || old->mode != config->mode ||
		old->control_group != config->control_group)
		g_warning("%s: cpus in [workers], [memory] and [sockets] change with the next "
			  "start of "
			  "netvmd",
			config->file != NULL ? config->file : "the config");
	config->ncpus = old->ncpus;
	memcpy(config->cpu, old->cpu, sizeof(config->cpu));
	config->hugepages = old->hugepages;
	config->packet_memory = old->packet_memory;
	config->owner = old->owner;
	config->group = old->group;
	config->mode = old->mode;
	config->control_group = old->control_group;
}

bool
control_reload(struct control *c, GError **error)
{
	g_autoptr(config_t) config = NULL;

	if (c->config_must_exist || access(c->config_file, F_OK) == 0)
		config = config_load(c->config_file, error);
	else
		config = config_new();
	if (config == NULL || !check(c, config, error))
		return false;
	keep_static(c->config, config);
	remove_ports(c, config);
	for (guint i = 0; i < config->networks->len; i++)
		put_network(c, &g_array_index(config->networks, struct network_def, i));
	for (guint i = 0; i < config->groups->len; i++)
		put_group(c, &g_array_index(config->groups, struct group_def, i));
	for (guint i = 0; i < config->ports->len; i++)
		put_port(c, &g_array_index(config->ports, struct port_def, i));
	remove_networks(c, config);
	remove_groups(c, config);
	dp_set_poll(config->poll, config->idle_us);
	config_free(c->config);
	c->config = g_steal_pointer(&config);
	retry(c);
	control_link(c);
	return control_save(c, NULL, error);
}
