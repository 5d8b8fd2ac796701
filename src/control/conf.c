/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * netvmd.conf(5) to struct config; see conf.h. The settings of ports and
 * networks are settings.c's affair, the syntax is ini.c's. Any thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "src/control/conf.h"
#include "src/control/error.h"
#include "src/control/ini.h"
#include "src/control/values.h"

#define refuse(error, ...) netvm_refuse(error, NETVM_ERROR_PARAMS, __VA_ARGS__)

#define CONFIG_BYTES_MAX  (1 << 20)
#define IDLE_US_DEFAULT   100
#define IDLE_US_MAX       1000000
#define SOCKET_MODE       0660
#define PACKET_MEMORY_MIN (UINT64_C(4) << 20)
#define PACKET_MEMORY_MAX (UINT64_C(1) << 40)

/* What the section that is being read describes. */
struct parse {
	struct config *config;
	struct network_def *network;
	struct group_def *group;
	struct port_def *port;
	uint32_t given;
	unsigned int line; /* of the port's section */
};

static const char *const poll_words[] = {
	[DP_POLL_ADAPTIVE] = "adaptive", [DP_POLL_ALWAYS] = "always", [DP_POLL_ALWAYS + 1] = NULL};
static const char *const hugepages_words[] = {[DP_HUGE_AUTO] = "auto",
	[DP_HUGE_NEVER] = "never",
	[DP_HUGE_REQUIRED] = "required",
	[DP_HUGE_REQUIRED + 1] = NULL};

const char *
config_poll_name(enum dp_poll poll)
{
	return poll_words[poll];
}

struct config *
config_new(void)
{
	struct config *c = g_new0(struct config, 1);

	c->idle_us = IDLE_US_DEFAULT;
	c->owner = (uid_t)-1;
	c->group = c->control_group = (gid_t)-1;
	c->mode = SOCKET_MODE;
	c->networks = g_array_new(FALSE, TRUE, sizeof(struct network_def));
	c->groups = g_array_new(FALSE, TRUE, sizeof(struct group_def));
	c->ports = g_array_new(FALSE, TRUE, sizeof(struct port_def));
	return c;
}

void
config_free(struct config *c)
{
	if (c == NULL)
		return;
	g_array_unref(c->networks);
	g_array_unref(c->groups);
	g_array_unref(c->ports);
	g_free(c->file);
	g_free(c);
}

static bool
cpus_parse(struct config *c, const char *text, GError **error)
{
	c->ncpus = 0;
	return strcmp(text, "auto") == 0 || value_cpus("cpus", text, c->cpu, &c->ncpus, error);
}

static bool
poll_parse(struct config *c, const char *text, GError **error)
{
	guint word = 0;

	if (!value_word("poll", text, poll_words, &word, error))
		return false;
	c->poll = word;
	return true;
}

static bool
idle_parse(struct config *c, const char *text, GError **error)
{
	guint64 n;

	if (!value_uint("idle-us", text, 0, IDLE_US_MAX, &n, error))
		return false;
	c->idle_us = (uint32_t)n;
	return true;
}

static bool
hugepages_parse(struct config *c, const char *text, GError **error)
{
	guint word = 0;

	if (!value_word("hugepages", text, hugepages_words, &word, error))
		return false;
	c->hugepages = word;
	return true;
}

static bool
memory_parse(struct config *c, const char *text, GError **error)
{
	return value_size("packet-memory", text, PACKET_MEMORY_MIN, PACKET_MEMORY_MAX,
		&c->packet_memory, error);
}

static bool
owner_parse(struct config *c, const char *text, GError **error)
{
	const struct passwd *pw = getpwnam(text);
	guint64 id;

	if (pw != NULL)
		c->owner = pw->pw_uid;
	else if (g_ascii_string_to_unsigned(text, 10, 0, UINT32_MAX - 1, &id, NULL))
		c->owner = (uid_t)id;
	else
		return refuse(error, "owner is a user, and there is no user \"%s\"", text);
	return true;
}

static bool
any_group_parse(const char *key, gid_t *group, const char *text, GError **error)
{
	const struct group *gr = getgrnam(text);
	guint64 id;

	if (gr != NULL)
		*group = gr->gr_gid;
	else if (g_ascii_string_to_unsigned(text, 10, 0, UINT32_MAX - 1, &id, NULL))
		*group = (gid_t)id;
	else
		return refuse(error, "%s is a group, and there is no group \"%s\"", key, text);
	return true;
}

static bool
group_parse(struct config *c, const char *text, GError **error)
{
	return any_group_parse("group", &c->group, text, error);
}

static bool
control_group_parse(struct config *c, const char *text, GError **error)
{
	return any_group_parse("control-group", &c->control_group, text, error);
}

static bool
mode_parse(struct config *c, const char *text, GError **error)
{
	guint64 mode;

	if (!g_ascii_string_to_unsigned(text, 8, 0, 0777, &mode, NULL))
		return refuse(error, "mode is an octal number such as 0660, not \"%s\"", text);
	c->mode = (mode_t)mode;
	return true;
}

static const struct {
	const char *section, *key;
	bool (*parse)(struct config *c, const char *text, GError **error);
} keys[] = {
	{"workers", "cpus", cpus_parse},
	{"workers", "poll", poll_parse},
	{"workers", "idle-us", idle_parse},
	{"memory", "hugepages", hugepages_parse},
	{"memory", "packet-memory", memory_parse},
	{"sockets", "owner", owner_parse},
	{"sockets", "group", group_parse},
	{"sockets", "mode", mode_parse},
	{"sockets", "control-group", control_group_parse},
};

static bool
global_key(struct parse *p, const struct ini_entry *e, GError **error)
{
	g_autoptr(GString) known = g_string_new(NULL);

	for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
		if (strcmp(keys[i].section, e->section) != 0)
			continue;
		if (e->key == NULL)
			return true; /* The section's own line. */
		if (strcmp(keys[i].key, e->key) == 0)
			return keys[i].parse(p->config, e->value, error);
		g_string_append_printf(known, "%s%s", known->len != 0 ? ", " : "", keys[i].key);
	}
	if (known->len == 0)
		return refuse(error,
			"there is no such section; there are [workers], [memory], [sockets], "
			"[network NAME], [group NAME] and [port NAME]");
	return refuse(error, "there is no key \"%s\" here; there are %s", e->key, known->str);
}

/* A port is whole when the next section begins or the file ends. */
static bool
port_end(struct parse *p, GError **error)
{
	if (p->port == NULL || port_settings_check(&p->port->set, p->given, true, error)) {
		p->port = NULL;
		p->network = NULL;
		p->group = NULL;
		p->given = 0;
		return true;
	}
	g_prefix_error(error, "[port %s] (line %u): ", p->port->name, p->port->line);
	return false;
}

static bool
port_begin(struct parse *p, const char *name, unsigned int line, GError **error)
{
	GArray *ports = p->config->ports;

	if (!value_name("port", name, error))
		return false;
	if (ports->len == DP_PORTS_MAX)
		return refuse(error, "there are more than %d ports", DP_PORTS_MAX);
	g_array_set_size(ports, ports->len + 1);
	p->port = &g_array_index(ports, struct port_def, ports->len - 1);
	g_strlcpy(p->port->name, name, sizeof(p->port->name));
	p->port->line = line;
	port_settings_init(&p->port->set);
	return true;
}

static bool
network_begin(struct parse *p, const char *name, GError **error)
{
	GArray *networks = p->config->networks;

	if (!value_name("network", name, error))
		return false;
	if (strcmp(name, NETWORK_NONE) == 0)
		return refuse(error, "\"none\" is what ports say that are in no network");
	if (networks->len == DP_NETWORKS_MAX)
		return refuse(error, "there are more than %d networks", DP_NETWORKS_MAX);
	g_array_set_size(networks, networks->len + 1);
	p->network = &g_array_index(networks, struct network_def, networks->len - 1);
	g_strlcpy(p->network->name, name, sizeof(p->network->name));
	network_settings_init(&p->network->set);
	return true;
}

static bool
group_begin(struct parse *p, const char *name, GError **error)
{
	GArray *groups = p->config->groups;

	if (!value_name("group", name, error))
		return false;
	if (strcmp(name, GROUP_NONE) == 0)
		return refuse(error, "\"none\" is what ports say that are in no group");
	if (groups->len == DP_GROUPS_MAX)
		return refuse(error, "there are more than %d groups", DP_GROUPS_MAX);
	g_array_set_size(groups, groups->len + 1);
	p->group = &g_array_index(groups, struct group_def, groups->len - 1);
	g_strlcpy(p->group->name, name, sizeof(p->group->name));
	group_settings_init(&p->group->set);
	return true;
}

static bool
section_begin(struct parse *p, const struct ini_entry *e, GError **error)
{
	if (g_str_has_prefix(e->section, "port "))
		return port_begin(p, e->section + 5, e->line, error);
	if (g_str_has_prefix(e->section, "network "))
		return network_begin(p, e->section + 8, error);
	if (g_str_has_prefix(e->section, "group "))
		return group_begin(p, e->section + 6, error);
	return global_key(p, e, error);
}

static bool
entry(const struct ini_entry *e, void *arg, GError **error)
{
	struct parse *p = arg;
	bool ok;

	if (e->key == NULL && !port_end(p, error))
		return false;
	if (e->key == NULL)
		ok = section_begin(p, e, error);
	else if (p->port != NULL)
		ok = settings_put(&port_table, &p->port->set, e->key, e->value, &p->given, error);
	else if (p->network != NULL)
		ok = settings_put(
			&network_table, &p->network->set, e->key, e->value, &p->given, error);
	else if (p->group != NULL)
		ok = settings_put(&group_table, &p->group->set, e->key, e->value, &p->given, error);
	else
		ok = global_key(p, e, error);
	if (!ok)
		g_prefix_error(error, "[%s] ", e->section);
	return ok;
}

struct config *
config_parse(const char *file, const char *text, gsize len, GError **error)
{
	g_autoptr(config_t) c = config_new();
	struct parse p = {.config = c};

	c->file = g_strdup(file);
	if (!ini_parse(file, text, len, entry, &p, error))
		return NULL;
	if (!port_end(&p, error)) {
		g_prefix_error(error, "%s: ", file);
		return NULL;
	}
	if (!conf_names_exist(c, error))
		return NULL;
	return g_steal_pointer(&c);
}

struct config *
config_load(const char *file, GError **error)
{
	g_autoptr(GString) text = g_string_new(NULL);
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	char buf[4096];
	ssize_t n = -1;

	if (fd >= 0) {
		while ((n = read(fd, buf, sizeof(buf))) > 0 && text->len <= CONFIG_BYTES_MAX)
			g_string_append_len(text, buf, n);
	}
	if (n < 0) {
		g_set_error(error, NETVM_ERROR, NETVM_ERROR_SYSTEM, "cannot read the config %s: %s",
			file, g_strerror(errno));
		text->len = 0;
	}
	if (fd >= 0)
		close(fd);
	if (n < 0)
		return NULL;
	if (text->len > CONFIG_BYTES_MAX) {
		refuse(error, "%s: this is more than %d bytes, too long for a config", file,
			CONFIG_BYTES_MAX);
		return NULL;
	}
	return config_parse(file, text->str, text->len, error);
}
