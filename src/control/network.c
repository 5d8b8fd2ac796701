/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Networks of the control plane; see control.h. Control thread.
 */
#include <string.h>

#include "src/control/control.h"
#include "src/control/error.h"
#include "src/control/values.h"

struct network *
control_network_find(struct control *c, const char *name, GError **error)
{
	for (guint i = 0; i < c->networks->len; i++) {
		struct network *n = g_ptr_array_index(c->networks, i);

		if (strcmp(n->name, name) == 0)
			return n;
	}
	g_set_error(error, NETVM_ERROR, NETVM_ERROR_NOT_FOUND, "there is no network \"%s\"", name);
	return NULL;
}

static void
describe(const char *name, const struct network_settings *set, struct dp_network_config *cfg)
{
	*cfg = (struct dp_network_config){
		.ageing_s = set->ageing_s, .max_macs = set->max_macs, .storm_pps = set->storm_pps};
	g_strlcpy(cfg->name, name, sizeof(cfg->name));
}

struct network *
control_network_add(struct control *c, const char *name, const struct network_settings *set,
	enum origin origin, GError **error)
{
	struct dp_network_config cfg;
	struct dp_error why = {""};
	struct network *n;
	guint at = 0;
	int rc;

	if (!value_name("network", name, error))
		return NULL;
	if (strcmp(name, NETWORK_NONE) == 0) {
		g_set_error_literal(error, NETVM_ERROR, NETVM_ERROR_PARAMS,
			"\"none\" cannot name a network: ports say it that are in no network");
		return NULL;
	}
	if (control_network_find(c, name, NULL) != NULL) {
		g_set_error(error, NETVM_ERROR, NETVM_ERROR_EXISTS,
			"there is a network \"%s\" already", name);
		return NULL;
	}
	n = g_new0(struct network, 1);
	g_strlcpy(n->name, name, sizeof(n->name));
	n->set = *set;
	n->origin = origin;
	describe(name, set, &cfg);
	rc = dp_network_add(&cfg, &n->dp, &why);
	if (rc != 0) {
		netvm_error_from_errno(error, rc, why.text);
		g_free(n);
		return NULL;
	}
	while (at < c->networks->len &&
		strcmp(((struct network *)g_ptr_array_index(c->networks, at))->name, name) < 0)
		at++;
	g_ptr_array_insert(c->networks, (gint)at, n);
	return n;
}

bool
control_network_set(struct network *n, const struct network_settings *set, GError **error)
{
	struct dp_network_config cfg;
	struct dp_error why = {""};
	int rc;

	describe(n->name, set, &cfg);
	rc = dp_network_set(n->dp, &cfg, &why);
	if (rc != 0)
		netvm_error_from_errno(error, rc, why.text);
	else
		n->set = *set;
	return rc == 0;
}

bool
control_network_may_del(struct control *c, const struct network *n, GError **error)
{
	g_autoptr(GString) users = g_string_new(NULL);
	guint count = 0;

	if (strcmp(n->name, NETWORK_DEFAULT) == 0) {
		g_set_error_literal(error, NETVM_ERROR, NETVM_ERROR_PARAMS,
			"the network \"default\" is built in and stays");
		return false;
	}
	for (guint i = 0; i < c->ports->len; i++) {
		const struct port *p = g_ptr_array_index(c->ports, i);

		if (strcmp(p->set.network, n->name) != 0)
			continue;
		if (count < 5)
			g_string_append_printf(users, "%s%s", count != 0 ? ", " : "", p->name);
		count++;
	}
	if (count == 0)
		return true;
	g_set_error(error, NETVM_ERROR, NETVM_ERROR_BUSY,
		"network \"%s\" has %u port%s (%s%s): delete them or move them first", n->name,
		count, count == 1 ? "" : "s", users->str, count > 5 ? ", ..." : "");
	return false;
}

bool
control_network_del(struct control *c, struct network *n, GError **error)
{
	struct dp_error why = {""};
	int rc;

	if (!control_network_may_del(c, n, error))
		return false;
	rc = dp_network_del(n->dp, &why);
	if (rc != 0) {
		netvm_error_from_errno(error, rc, why.text);
		return false;
	}
	g_ptr_array_remove(c->networks, n);
	return true;
}
