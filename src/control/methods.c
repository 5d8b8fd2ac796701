/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The methods of the control socket; see methods.h. A change is checked whole,
 * made, saved, and undone again when it could not be saved. Control thread.
 */
#include <string.h>

#include "src/control/capture.h"
#include "src/control/error.h"
#include "src/control/json.h"
#include "src/control/methods.h"
#include "src/control/show.h"

/* --- parameters ---------------------------------------------------------- */

static const char *
param_string(JsonObject *params, const char *name, GError **error)
{
	JsonNode *node = json_object_get_member(params, name);

	if (JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING)
		return json_node_get_string(node);
	g_set_error(error, NETVM_ERROR, NETVM_ERROR_PARAMS, "%s is a string", name);
	return NULL;
}

static JsonObject *
param_settings(JsonObject *params, GError **error)
{
	JsonNode *node = json_object_get_member(params, "settings");

	if (JSON_NODE_HOLDS_OBJECT(node) && json_object_get_size(json_node_get_object(node)) != 0)
		return json_node_get_object(node);
	g_set_error_literal(error, NETVM_ERROR, NETVM_ERROR_PARAMS,
		"settings is an object with at least one setting");
	return NULL;
}

struct port *
methods_port(struct control *c, JsonObject *params, const char *key, GError **error)
{
	const char *name = param_string(params, key, error);

	return name != NULL ? control_port_find(c, name, error) : NULL;
}

static struct network *
param_network(struct control *c, JsonObject *params, GError **error)
{
	const char *name = param_string(params, "name", error);

	return name != NULL ? control_network_find(c, name, error) : NULL;
}

/* What stands in the config goes there first. */
static bool
run_time(struct control *c, const char *noun, const char *name, enum origin origin, GError **error)
{
	if (origin != ORIGIN_CONFIG)
		return true;
	return netvm_refuse(error, NETVM_ERROR_PARAMS,
		"%s \"%s\" stands in %s: remove it there and reload netvmd", noun, name,
		c->config->file);
}

static JsonNode *
result(JsonObject *o)
{
	JsonNode *node = json_node_new(JSON_NODE_OBJECT);

	json_node_take_object(node, o);
	return node;
}

static JsonNode *
result_list(const char *name, JsonArray *a)
{
	JsonObject *o = json_object_new();

	json_object_set_array_member(o, name, a);
	return result(o);
}

/* --- ports --------------------------------------------------------------- */

static JsonNode *
port_add_call(struct control *c, JsonObject *params, GError **error)
{
	const char *name = param_string(params, "name", error);
	struct port_settings set;
	uint32_t given = 0;
	struct port *p;

	port_settings_init(&set);
	if (name == NULL || !json_put_settings(&port_table, params, &set, &given, error) ||
		!port_settings_check(&set, given, true, error) ||
		!control_mirror_check(c, name, &set, error) ||
		!control_forward_check(c, name, &set, error))
		return NULL;
	p = control_port_add(c, name, &set, ORIGIN_STATE, error);
	if (p == NULL)
		return NULL;
	if (!control_save(c, NULL, error)) {
		control_port_del(c, p);
		return NULL;
	}
	g_message("port %s: added", name);
	return result(show_port(c, p));
}

static JsonNode *
port_del_call(struct control *c, JsonObject *params, GError **error)
{
	struct port *p = methods_port(c, params, "name", error);

	if (p == NULL)
		return NULL;
	if (!run_time(c, "port", p->name, p->origin, error) || !control_mirror_may_del(c, p, error))
		return NULL;
	/* Saved first: what is deleted cannot be brought back as it was. */
	if (!control_save(c, p, error))
		return NULL;
	g_message("port %s: deleted", p->name);
	control_port_del(c, p);
	return result(json_object_new());
}

static JsonNode *
port_show_call(struct control *c, JsonObject *params, GError **error)
{
	struct port *p = methods_port(c, params, "name", error);

	return p != NULL ? result(show_port(c, p)) : NULL;
}

static JsonNode *
port_list_call(struct control *c, JsonObject *params, GError **error)
{
	JsonArray *a = json_array_new();

	for (guint i = 0; i < c->ports->len; i++)
		json_array_add_object_element(a, show_port(c, g_ptr_array_index(c->ports, i)));
	return result_list("ports", a);
}

static JsonNode *
port_set_call(struct control *c, JsonObject *params, GError **error)
{
	struct port *p = methods_port(c, params, "name", error);
	JsonObject *o = p != NULL ? param_settings(params, error) : NULL;
	struct port_settings set, before;
	uint32_t given = 0;

	if (o == NULL)
		return NULL;
	before = set = p->set;
	if (!json_put_settings(&port_table, o, &set, &given, error) ||
		!settings_live(&port_table, given, error) ||
		!port_settings_check(&set, given, false, error) ||
		!control_mirror_check(c, p->name, &set, error) ||
		/* A target that has gone is no reason to refuse something else. */
		(strcmp(set.forward, before.forward) != 0 &&
			!control_forward_check(c, p->name, &set, error)) ||
		!control_port_set(c, p, &set, error))
		return NULL;
	if (p->origin == ORIGIN_STATE && !control_save(c, NULL, error)) {
		control_port_set(c, p, &before, NULL);
		return NULL;
	}
	g_message("port %s: changed", p->name);
	return result(show_port(c, p));
}

/* --- networks ------------------------------------------------------------ */

static JsonNode *
network_add_call(struct control *c, JsonObject *params, GError **error)
{
	const char *name = param_string(params, "name", error);
	struct network_settings set;
	uint32_t given = 0;
	struct network *n;

	network_settings_init(&set);
	if (name == NULL || !json_put_settings(&network_table, params, &set, &given, error))
		return NULL;
	n = control_network_add(c, name, &set, ORIGIN_STATE, error);
	if (n == NULL)
		return NULL;
	if (!control_save(c, NULL, error)) {
		control_network_del(c, n, NULL);
		return NULL;
	}
	g_message("network %s: added", name);
	return result(show_network(c, n));
}

static JsonNode *
network_del_call(struct control *c, JsonObject *params, GError **error)
{
	struct network *n = param_network(c, params, error);

	if (n == NULL || !control_network_may_del(c, n, error) ||
		!run_time(c, "network", n->name, n->origin, error) || !control_save(c, n, error))
		return NULL;
	g_message("network %s: deleted", n->name);
	return control_network_del(c, n, error) ? result(json_object_new()) : NULL;
}

static JsonNode *
network_show_call(struct control *c, JsonObject *params, GError **error)
{
	struct network *n = param_network(c, params, error);

	return n != NULL ? result(show_network(c, n)) : NULL;
}

static JsonNode *
network_list_call(struct control *c, JsonObject *params, GError **error)
{
	JsonArray *a = json_array_new();

	for (guint i = 0; i < c->networks->len; i++)
		json_array_add_object_element(
			a, show_network(c, g_ptr_array_index(c->networks, i)));
	return result_list("networks", a);
}

static JsonNode *
network_set_call(struct control *c, JsonObject *params, GError **error)
{
	struct network *n = param_network(c, params, error);
	JsonObject *o = n != NULL ? param_settings(params, error) : NULL;
	struct network_settings set, before;
	enum origin origin;
	uint32_t given = 0;

	if (o == NULL)
		return NULL;
	before = set = n->set;
	origin = n->origin;
	if (!json_put_settings(&network_table, o, &set, &given, error) ||
		!control_network_set(n, &set, error))
		return NULL;
	/* The built-in network that somebody configured is worth keeping. */
	if (n->origin == ORIGIN_BUILTIN)
		n->origin = ORIGIN_STATE;
	if (n->origin == ORIGIN_STATE && !control_save(c, NULL, error)) {
		control_network_set(n, &before, NULL);
		n->origin = origin;
		return NULL;
	}
	g_message("network %s: changed", n->name);
	return result(show_network(c, n));
}

static JsonNode *
network_fdb_call(struct control *c, JsonObject *params, GError **error)
{
	struct network *n = param_network(c, params, error);

	return n != NULL ? result(show_fdb(n)) : NULL;
}

/* --- groups -------------------------------------------------------------- */

static struct trust_group *
param_group(struct control *c, JsonObject *params, GError **error)
{
	const char *name = param_string(params, "name", error);

	return name != NULL ? control_group_find(c, name, error) : NULL;
}

static JsonNode *
group_add_call(struct control *c, JsonObject *params, GError **error)
{
	const char *name = param_string(params, "name", error);
	struct group_settings set;
	struct trust_group *g;
	uint32_t given = 0;

	group_settings_init(&set);
	if (name == NULL || !json_put_settings(&group_table, params, &set, &given, error))
		return NULL;
	g = control_group_add(c, name, &set, ORIGIN_STATE, error);
	if (g == NULL)
		return NULL;
	if (!control_save(c, NULL, error)) {
		control_group_close(c, g, NULL);
		return NULL;
	}
	g_message("group %s: added", name);
	return result(show_group(c, g));
}

static JsonNode *
group_del_call(struct control *c, JsonObject *params, GError **error)
{
	struct trust_group *g = param_group(c, params, error);
	g_autofree char *name = g != NULL ? g_strdup(g->name) : NULL;

	if (g == NULL || !control_group_may_del(c, g, error) ||
		!run_time(c, "group", name, g->origin, error) || !control_save(c, g, error))
		return NULL;
	if (!control_group_close(c, g, error)) {
		control_save(c, NULL, NULL);
		return NULL;
	}
	g_message("group %s: deleted", name);
	return result(json_object_new());
}

static JsonNode *
group_show_call(struct control *c, JsonObject *params, GError **error)
{
	struct trust_group *g = param_group(c, params, error);

	return g != NULL ? result(show_group(c, g)) : NULL;
}

static JsonNode *
group_list_call(struct control *c, JsonObject *params, GError **error)
{
	JsonArray *a = json_array_new();

	for (guint i = 0; i < c->groups->len; i++)
		json_array_add_object_element(a, show_group(c, g_ptr_array_index(c->groups, i)));
	return result_list("groups", a);
}

/* --- the rest ------------------------------------------------------------ */

static JsonNode *
status_call(struct control *c, JsonObject *params, GError **error)
{
	return result(show_status(c));
}

static JsonNode *
stats_get_call(struct control *c, JsonObject *params, GError **error)
{
	struct port *p = NULL;

	if (json_object_has_member(params, "port")) {
		p = methods_port(c, params, "port", error);
		if (p == NULL)
			return NULL;
	}
	return result(show_stats(c, p));
}

static JsonNode *
stats_reset_call(struct control *c, JsonObject *params, GError **error)
{
	for (guint i = 0; i < c->ports->len; i++) {
		const struct port *p = g_ptr_array_index(c->ports, i);

		if (p->dp != NULL)
			dp_port_counters_reset(p->dp);
	}
	dp_worker_counters_reset();
	return result(json_object_new());
}

static JsonNode *
worker_list_call(struct control *c, JsonObject *params, GError **error)
{
	return result_list("workers", show_workers());
}

const struct jsonrpc_method control_methods[] = {
	{"status", {NULL}, 0, status_call},
	{"port.add", {"name", "*"}, 1, port_add_call},
	{"port.del", {"name"}, 1, port_del_call},
	{"port.show", {"name"}, 1, port_show_call},
	{"port.list", {NULL}, 0, port_list_call},
	{"port.messages", {"name"}, 1, port_messages_call},
	{"port.set", {"name", "settings"}, 2, port_set_call},
	{"network.add", {"name", "*"}, 1, network_add_call},
	{"network.del", {"name"}, 1, network_del_call},
	{"network.show", {"name"}, 1, network_show_call},
	{"network.list", {NULL}, 0, network_list_call},
	{"network.set", {"name", "settings"}, 2, network_set_call},
	{"network.fdb", {"name"}, 1, network_fdb_call},
	{"group.add", {"name", "*"}, 1, group_add_call},
	{"group.del", {"name"}, 1, group_del_call},
	{"group.show", {"name"}, 1, group_show_call},
	{"group.list", {NULL}, 0, group_list_call},
	{"capture.start",
		{"port", "snaplen", "count", "duration", "direction", "filter", "program"}, 1,
		capture_start_call},
	{"stats.get", {"port"}, 0, stats_get_call},
	{"stats.reset", {NULL}, 0, stats_reset_call},
	{"worker.list", {NULL}, 0, worker_list_call},
	{NULL, {NULL}, 0, NULL},
};
