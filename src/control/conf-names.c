/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The names that ports of a config refer to: networks, groups, other ports. Checked
 * when all of it was read, as ports may stand before what they name. Any thread.
 */
#include <string.h>

#include "src/control/conf.h"
#include "src/control/error.h"

#define refuse(error, ...) netvm_refuse(error, NETVM_ERROR_PARAMS, __VA_ARGS__)

static bool
networks_exist(const struct config *c, GError **error)
{
	for (guint i = 0; i < c->ports->len; i++) {
		const struct port_def *port = &g_array_index(c->ports, struct port_def, i);
		const char *name = port->set.network;
		bool found = strcmp(name, NETWORK_DEFAULT) == 0 || strcmp(name, NETWORK_NONE) == 0;

		for (guint n = 0; n < c->networks->len && !found; n++)
			found = strcmp(g_array_index(c->networks, struct network_def, n).name,
					name) == 0;
		if (!found)
			return refuse(error,
				"%s:%u: [port %s] network is the name of a [network] in this file, "
				"default or none, not \"%s\"",
				c->file, port->line, port->name, name);
	}
	return true;
}

static bool
groups_exist(const struct config *c, GError **error)
{
	for (guint i = 0; i < c->ports->len; i++) {
		const struct port_def *port = &g_array_index(c->ports, struct port_def, i);
		const char *name = port->set.group;
		bool found = name[0] == '\0';

		for (guint n = 0; n < c->groups->len && !found; n++)
			found = strcmp(g_array_index(c->groups, struct group_def, n).name, name) ==
				0;
		if (!found)
			return refuse(error,
				"%s:%u: [port %s] group is the name of a [group] in this file, not "
				"\"%s\"",
				c->file, port->line, port->name, name);
	}
	return true;
}

static const char *
mirror_of(const struct config *c, const char *name)
{
	for (guint i = 0; i < c->ports->len; i++) {
		const struct port_def *port = &g_array_index(c->ports, struct port_def, i);

		if (strcmp(port->name, name) == 0)
			return port->set.mirror;
	}
	return NULL;
}

/* As networks_exist(), and no port is mirrored to itself by way of others. */
static bool
mirrors_exist(const struct config *c, GError **error)
{
	for (guint i = 0; i < c->ports->len; i++) {
		const struct port_def *port = &g_array_index(c->ports, struct port_def, i);
		const char *name = port->set.mirror;

		if (name[0] != '\0' && mirror_of(c, name) == NULL)
			return refuse(error,
				"%s:%u: [port %s] mirror is the name of a [port] in this file or "
				"none, not \"%s\"",
				c->file, port->line, port->name, name);
		for (guint n = 0; n < c->ports->len && name != NULL; n++) {
			if (strcmp(name, port->name) == 0)
				return refuse(error,
					"%s:%u: [port %s] mirror=%s closes a circle: a port cannot "
					"be mirrored to itself, not by way of others either",
					c->file, port->line, port->name, port->set.mirror);
			name = mirror_of(c, name);
		}
	}
	return true;
}

static bool
targets_exist(const struct config *c, GError **error)
{
	for (guint i = 0; i < c->ports->len; i++) {
		const struct port_def *port = &g_array_index(c->ports, struct port_def, i);
		const char *name = port->set.forward;

		if (strcmp(name, port->name) == 0 ||
			(name[0] != '\0' && mirror_of(c, name) == NULL))
			return refuse(error,
				"%s:%u: [port %s] forward is the name of another [port] in this "
				"file "
				"or none, not \"%s\"",
				c->file, port->line, port->name, name);
	}
	return true;
}

bool
conf_names_exist(const struct config *c, GError **error)
{
	return networks_exist(c, error) && groups_exist(c, error) && mirrors_exist(c, error) &&
	       targets_exist(c, error);
}
