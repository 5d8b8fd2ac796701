/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What ports name each other for: a mirror, and the target of a cross-connect;
 * see control.h. The port that is named may come later (config and state file
 * name ports in any order), be in error, or come anew: whoever changed ports
 * calls control_link(), which tells the data path what the names mean now.
 *
 * A mirror cannot be deleted as long as a port names it. A target can: what is
 * forwarded to it is dropped then, until a port of that name is there again.
 * Control thread.
 */
#include <string.h>

#include "src/control/control.h"
#include "src/control/error.h"

/* --- mirrors --------------------------------------------------------------- */

bool
control_mirror_check(
	struct control *c, const char *name, const struct port_settings *set, GError **error)
{
	const char *next = set->mirror;

	if (next[0] == '\0')
		return true;
	if (strcmp(next, name) == 0)
		return netvm_refuse(error, NETVM_ERROR_PARAMS,
			"mirror=%s is the port itself: name another port", name);
	if (control_port_find(c, next, NULL) == NULL)
		return netvm_refuse(error, NETVM_ERROR_NOT_FOUND,
			"mirror=%s: there is no port \"%s\"", next, next);
	/* As many steps as ports: a circle that is there already ends, too. */
	for (guint i = 0; i < c->ports->len && next[0] != '\0'; i++) {
		const struct port *to = control_port_find(c, next, NULL);

		if (strcmp(next, name) == 0)
			return netvm_refuse(error, NETVM_ERROR_PARAMS,
				"mirror=%s would close a circle: port %s is mirrored, directly or "
				"by way of others, to port %s",
				set->mirror, set->mirror, name);
		next = to != NULL ? to->set.mirror : "";
	}
	return true;
}

struct dp_port *
control_mirror_of(struct control *c, const char *name, const struct port_settings *set)
{
	if (set->mirror[0] == '\0' || !control_mirror_check(c, name, set, NULL))
		return NULL;
	return control_port_find(c, set->mirror, NULL)->dp;
}

GPtrArray *
control_mirror_users(struct control *c, const struct port *p)
{
	GPtrArray *users = g_ptr_array_new();

	for (guint i = 0; i < c->ports->len; i++) {
		struct port *user = g_ptr_array_index(c->ports, i);

		if (strcmp(user->set.mirror, p->name) == 0)
			g_ptr_array_add(users, user->name);
	}
	return users;
}

bool
control_mirror_may_del(struct control *c, const struct port *p, GError **error)
{
	g_autoptr(GPtrArray) users = control_mirror_users(c, p);
	const char *user;

	if (users->len == 0)
		return true;
	user = g_ptr_array_index(users, 0);
	return netvm_refuse(error, NETVM_ERROR_BUSY,
		"port \"%s\" is the mirror of port %s: first set %s's mirror to another port or to "
		"none",
		p->name, user, user);
}

/* --- cross-connects ---------------------------------------------------------- */

bool
control_forward_check(
	struct control *c, const char *name, const struct port_settings *set, GError **error)
{
	const char *to = set->forward;

	if (to[0] == '\0')
		return true;
	if (strcmp(to, name) == 0)
		return netvm_refuse(error, NETVM_ERROR_PARAMS,
			"forward=%s is the port itself: name another port", name);
	if (control_port_find(c, to, NULL) == NULL)
		return netvm_refuse(error, NETVM_ERROR_NOT_FOUND,
			"forward=%s: there is no port \"%s\"", to, to);
	return true;
}

struct dp_port *
control_forward_of(struct control *c, const char *name, const struct port_settings *set)
{
	if (set->forward[0] == '\0' || !control_forward_check(c, name, set, NULL))
		return NULL;
	return control_port_find(c, set->forward, NULL)->dp;
}

/* --- both ---------------------------------------------------------------------- */

void
control_link_came(struct control *c, const struct port *p)
{
	for (guint i = 0; i < c->ports->len; i++) {
		const struct port *user = g_ptr_array_index(c->ports, i);

		if (strcmp(user->set.mirror, p->name) == 0 ||
			strcmp(user->set.forward, p->name) == 0) {
			control_link(c);
			return;
		}
	}
}

void
control_link(struct control *c)
{
	for (guint i = 0; i < c->ports->len; i++) {
		struct port *p = g_ptr_array_index(c->ports, i);
		g_autoptr(GError) error = NULL;

		if (p->dp == NULL || (p->set.mirror[0] == '\0' && p->set.forward[0] == '\0'))
			continue;
		if (!control_mirror_check(c, p->name, &p->set, &error))
			g_warning("port %s has no mirror: %s", p->name, error->message);
		g_clear_error(&error);
		if (!control_forward_check(c, p->name, &p->set, &error))
			g_warning("port %s has nowhere to forward to: %s", p->name, error->message);
		g_clear_error(&error);
		if (!control_port_set(c, p, &p->set, &error))
			g_warning("port %s: %s", p->name, error->message);
	}
}
