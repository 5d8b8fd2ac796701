/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Trust groups of the control plane; see control.h. Control thread.
 */
#include <string.h>

#include "src/control/control.h"
#include "src/control/error.h"
#include "src/control/values.h"

struct trust_group *
control_group_find(struct control *c, const char *name, GError **error)
{
	for (guint i = 0; i < c->groups->len; i++) {
		struct trust_group *g = g_ptr_array_index(c->groups, i);

		if (strcmp(g->name, name) == 0)
			return g;
	}
	g_set_error(error, NETVM_ERROR, NETVM_ERROR_NOT_FOUND, "there is no group \"%s\"", name);
	return NULL;
}

static bool
group_open(struct trust_group *g, GError **error)
{
	struct dp_group_config cfg = {.pool_size = g->set.pool_size,
		.buffer_size = g->set.buffer_size,
		.numa = g->set.numa};
	struct dp_error why = {""};
	int rc;

	g_strlcpy(cfg.name, g->name, sizeof(cfg.name));
	rc = dp_group_add(&cfg, &g->dp, &why);
	if (rc != 0) {
		g->dp = NULL;
		netvm_error_from_errno(error, rc, why.text);
		return false;
	}
	g_clear_pointer(&g->problem, g_free);
	return true;
}

static struct trust_group *
group_new(struct control *c, const char *name, const struct group_settings *set, enum origin origin,
	GError **error)
{
	struct trust_group *g;

	if (!value_name("group", name, error))
		return NULL;
	if (strcmp(name, GROUP_NONE) == 0) {
		netvm_refuse(error, NETVM_ERROR_PARAMS,
			"\"none\" cannot name a group: ports say it that are in no group");
		return NULL;
	}
	if (control_group_find(c, name, NULL) != NULL) {
		netvm_refuse(error, NETVM_ERROR_EXISTS, "there is a group \"%s\" already", name);
		return NULL;
	}
	if (c->groups->len >= DP_GROUPS_MAX) {
		netvm_refuse(error, NETVM_ERROR_SYSTEM,
			"there are %d groups already, and there cannot be more", DP_GROUPS_MAX);
		return NULL;
	}
	g = g_new0(struct trust_group, 1);
	g_strlcpy(g->name, name, sizeof(g->name));
	g->set = *set;
	g->origin = origin;
	return g;
}

static void
group_insert(struct control *c, struct trust_group *g)
{
	guint at = 0;

	while (at < c->groups->len &&
		strcmp(((struct trust_group *)g_ptr_array_index(c->groups, at))->name, g->name) < 0)
		at++;
	g_ptr_array_insert(c->groups, (gint)at, g);
}

static void
group_free(struct trust_group *g)
{
	g_free(g->problem);
	g_free(g);
}

struct trust_group *
control_group_add(struct control *c, const char *name, const struct group_settings *set,
	enum origin origin, GError **error)
{
	struct trust_group *g = group_new(c, name, set, origin, error);

	if (g == NULL)
		return NULL;
	if (!group_open(g, error)) {
		group_free(g);
		return NULL;
	}
	group_insert(c, g);
	return g;
}

struct trust_group *
control_group_add_anyway(
	struct control *c, const char *name, const struct group_settings *set, enum origin origin)
{
	g_autoptr(GError) error = NULL;
	struct trust_group *g = group_new(c, name, set, origin, &error);

	if (g == NULL) {
		g_warning("group %s is left out: %s", name, error->message);
		return NULL;
	}
	if (!group_open(g, &error)) {
		g->problem = g_strdup(error->message);
		g_warning("group %s: error: %s", name, g->problem);
	}
	group_insert(c, g);
	return g;
}

void
control_group_retry(struct trust_group *g)
{
	g_autoptr(GError) error = NULL;

	if (g->dp != NULL || group_open(g, &error))
		return;
	g_free(g->problem);
	g->problem = g_strdup(error->message);
	g_warning("group %s: error: %s", g->name, g->problem);
}

struct dp_group *
control_group_pool(struct control *c, const char *name, GError **error)
{
	const struct trust_group *g = control_group_find(c, name, error);

	if (g != NULL && g->dp == NULL)
		netvm_refuse(error, NETVM_ERROR_SYSTEM, "group \"%s\" is in error: %s", name,
			g->problem);
	return g != NULL ? g->dp : NULL;
}

bool
control_group_may_del(struct control *c, const struct trust_group *g, GError **error)
{
	g_autoptr(GString) users = g_string_new(NULL);
	guint count = 0;

	for (guint i = 0; i < c->ports->len; i++) {
		const struct port *p = g_ptr_array_index(c->ports, i);

		if (strcmp(p->set.group, g->name) != 0)
			continue;
		if (count < 5)
			g_string_append_printf(users, "%s%s", count != 0 ? ", " : "", p->name);
		count++;
	}
	if (count == 0)
		return true;
	return netvm_refuse(error, NETVM_ERROR_BUSY,
		"group \"%s\" has %u port%s (%s%s): delete them first", g->name, count,
		count == 1 ? "" : "s", users->str, count > 5 ? ", ..." : "");
}

bool
control_group_close(struct control *c, struct trust_group *g, GError **error)
{
	struct dp_error why = {""};
	int rc = g->dp != NULL ? dp_group_del(g->dp, &why) : 0;

	if (rc != 0) {
		netvm_error_from_errno(error, rc, why.text);
		return false;
	}
	g_ptr_array_remove(c->groups, g);
	group_free(g);
	return true;
}
