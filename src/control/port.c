/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ports of the control plane; see control.h. Control thread.
 */
#include <string.h>

#include "src/control/control.h"
#include "src/control/error.h"
#include "src/control/values.h"

/* A guest that flaps may fill the ring of its port, not the log. */
#define LOG_BURST     10
#define LOG_REFILL_US (6 * G_USEC_PER_SEC)

struct port *
control_port_find(struct control *c, const char *name, GError **error)
{
	for (guint i = 0; i < c->ports->len; i++) {
		struct port *p = g_ptr_array_index(c->ports, i);

		if (strcmp(p->name, name) == 0)
			return p;
	}
	g_set_error(error, NETVM_ERROR, NETVM_ERROR_NOT_FOUND, "there is no port \"%s\"", name);
	return NULL;
}

/* --- to the data path ---------------------------------------------------- */

static bool
describe_live(struct control *c, const char *name, const struct port_settings *set,
	struct dp_port_settings *dp, GError **error)
{
	*dp = (struct dp_port_settings){.vlan = set->vlan,
		.guard = set->guard,
		.mtu = set->mtu,
		.enabled = set->enabled,
		.rate_in = set->rate_in,
		.rate_out = set->rate_out,
		.mirror = control_mirror_of(c, name, set),
		.mirror_direction = set->mirror_direction,
		.cross = set->forward[0] != '\0',
		.forward = control_forward_of(c, name, set)};
	if (strcmp(set->network, NETWORK_NONE) != 0) {
		const struct network *n = control_network_find(c, set->network, error);

		if (n == NULL)
			return false;
		dp->network = n->dp;
	}
	return true;
}

char *
control_port_socket(const struct control *c, const struct port *p)
{
	g_autofree char *file = g_strconcat(p->name, ".sock", NULL);

	if (p->set.socket[0] != '\0')
		return g_strdup(p->set.socket);
	return g_build_filename(c->run_dir, "vhost", file, NULL);
}

char *
control_port_shm_socket(const struct control *c, const struct port *p, const char *which)
{
	g_autofree char *file = g_strconcat(p->name, ".", which, ".sock", NULL);

	return g_build_filename(c->run_dir, "shm", file, NULL);
}

/* Rings, and where packets lie. */
static bool
describe_shm(struct control *c, const struct port *p, struct dp_port_config *cfg, GError **error)
{
	g_autofree char *socket = control_port_shm_socket(c, p, "ring");

	cfg->rx_entries = cfg->tx_entries = p->set.ring_size;
	cfg->fill_entries = MAX(p->set.ring_size / 2, NETVM_RING_MIN);
	cfg->vectors = p->set.vectors;
	cfg->heartbeat_ms = p->set.heartbeat_ms;
	if (p->set.type == DP_PORT_SHM && !value_socket("socket", socket, error))
		return false;
	if (p->set.group[0] == '\0')
		return true;
	cfg->trust = control_group_pool(c, p->set.group, error);
	return cfg->trust != NULL;
}

static bool
describe(struct control *c, const struct port *p, struct dp_port_config *cfg, GError **error)
{
	g_autofree char *socket = control_port_socket(c, p);

	*cfg = (struct dp_port_config){.type = p->set.type,
		.queues = p->set.queues,
		.client = p->set.client,
		.bond = p->set.bond,
		.copy = p->set.copy,
		.owner = c->config->owner,
		.group = c->config->group,
		.mode = c->config->mode};
	g_strlcpy(cfg->name, p->name, sizeof(cfg->name));
	g_strlcpy(cfg->device, p->set.device, sizeof(cfg->device));
	if (p->set.type == DP_PORT_VHOST) {
		if (!value_socket("socket", socket, error))
			return false;
		g_strlcpy(cfg->socket, socket, sizeof(cfg->socket));
	}
	return describe_shm(c, p, cfg, error) &&
	       describe_live(c, p->name, &p->set, &cfg->settings, error);
}

static bool
port_open(struct control *c, struct port *p, GError **error)
{
	struct dp_port_config cfg;
	struct dp_error why = {""};
	int rc;

	if (!describe(c, p, &cfg, error))
		return false;
	rc = dp_port_add(&cfg, &p->dp, &why);
	if (rc != 0) {
		p->dp = NULL;
		netvm_error_from_errno(error, rc, why.text);
		return false;
	}
	g_clear_pointer(&p->problem, g_free);
	return true;
}

static void
port_free(struct port *p)
{
	if (p->dp != NULL)
		dp_port_del(p->dp);
	control_messages_free(p);
	g_free(p->problem);
	g_free(p);
}

/* --- objects ------------------------------------------------------------- */

static struct port *
port_new(struct control *c, const char *name, const struct port_settings *set, enum origin origin,
	GError **error)
{
	struct port *p;

	if (!value_name("port", name, error))
		return NULL;
	if (control_port_find(c, name, NULL) != NULL) {
		g_set_error(error, NETVM_ERROR, NETVM_ERROR_EXISTS,
			"there is a port \"%s\" already", name);
		return NULL;
	}
	if (c->ports->len >= DP_PORTS_MAX) {
		g_set_error(error, NETVM_ERROR, NETVM_ERROR_SYSTEM,
			"there are %d ports already, and there cannot be more", DP_PORTS_MAX);
		return NULL;
	}
	p = g_new0(struct port, 1);
	g_strlcpy(p->name, name, sizeof(p->name));
	p->set = *set;
	p->origin = origin;
	p->log_tokens = LOG_BURST;
	return p;
}

static void
port_insert(struct control *c, struct port *p)
{
	guint at = 0;

	while (at < c->ports->len &&
		strcmp(((struct port *)g_ptr_array_index(c->ports, at))->name, p->name) < 0)
		at++;
	g_ptr_array_insert(c->ports, (gint)at, p);
	control_port_log(p);
}

struct port *
control_port_add(struct control *c, const char *name, const struct port_settings *set,
	enum origin origin, GError **error)
{
	struct port *p = port_new(c, name, set, origin, error);

	if (p == NULL)
		return NULL;
	if (!port_open(c, p, error)) {
		port_free(p);
		return NULL;
	}
	port_insert(c, p);
	control_link_came(c, p);
	return p;
}

const char *
control_port_reason(const char *name, const GError *error)
{
	g_autofree char *quoted = g_strdup_printf("port \"%s\": ", name);
	g_autofree char *plain = g_strdup_printf("port %s: ", name);

	if (g_str_has_prefix(error->message, quoted))
		return error->message + strlen(quoted);
	if (g_str_has_prefix(error->message, plain))
		return error->message + strlen(plain);
	return error->message;
}

struct port *
control_port_add_anyway(
	struct control *c, const char *name, const struct port_settings *set, enum origin origin)
{
	g_autoptr(GError) error = NULL;
	struct port *p = port_new(c, name, set, origin, &error);

	if (p == NULL) {
		g_warning("port %s is left out: %s", name, error->message);
		return NULL;
	}
	if (!port_open(c, p, &error))
		p->problem = g_strdup(control_port_reason(name, error));
	port_insert(c, p);
	return p;
}

bool
control_port_set(struct control *c, struct port *p, const struct port_settings *set, GError **error)
{
	struct dp_port_settings live;
	struct dp_error why = {""};
	int rc;

	if (p->dp == NULL) {
		struct port_settings before = p->set;

		p->set = *set;
		if (port_open(c, p, error)) {
			control_port_log(p);
			control_link_came(c, p);
			return true;
		}
		p->set = before;
		return false;
	}
	if (!describe_live(c, p->name, set, &live, error))
		return false;
	rc = dp_port_set(p->dp, &live, &why);
	if (rc != 0) {
		netvm_error_from_errno(error, rc, why.text);
		return false;
	}
	p->set = *set;
	return true;
}

void
control_port_close(struct control *c, struct port *p)
{
	g_ptr_array_remove(c->ports, p);
	port_free(p);
}

void
control_port_del(struct control *c, struct port *p)
{
	g_autofree char *name = g_strdup(p->name);

	control_port_close(c, p);
	dp_port_forget(name);
}

/* --- states -------------------------------------------------------------- */

enum dp_port_state
control_port_state(const struct port *p)
{
	struct dp_port_status st;

	if (p->dp == NULL)
		return DP_PORT_ERROR;
	dp_port_status(p->dp, &st);
	return st.state;
}

static bool
log_allowed(struct port *p)
{
	gint64 now = g_get_monotonic_time();

	while (p->log_tokens < LOG_BURST && now >= p->log_refill) {
		p->log_tokens++;
		p->log_refill += LOG_REFILL_US;
	}
	if (p->log_tokens == 0) {
		p->log_skipped++;
		return false;
	}
	if (p->log_tokens-- == LOG_BURST)
		p->log_refill = now + LOG_REFILL_US;
	if (p->log_skipped != 0)
		g_message("port %s: %u changes of state were not logged", p->name, p->log_skipped);
	p->log_skipped = 0;
	return true;
}

void
control_port_log(struct port *p)
{
	struct dp_port_status st = {.state = DP_PORT_ERROR};

	if (p->dp != NULL)
		dp_port_status(p->dp, &st);
	else
		g_strlcpy(st.error, p->problem, sizeof(st.error));
	if (st.state == p->logged && strcmp(st.error, p->logged_error) == 0)
		return;
	p->logged = st.state;
	g_strlcpy(p->logged_error, st.error, sizeof(p->logged_error));
	if (!log_allowed(p))
		return;
	if (st.state == DP_PORT_ERROR)
		g_warning("port %s: error: %s", p->name, p->dp != NULL ? st.error : p->problem);
	else
		g_message("port %s: %s%s%s", p->name, dp_port_state_name(st.state),
			st.error[0] != '\0' ? ": " : "", st.error);
}
