/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The state file; see state.h. Control thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/control/error.h"
#include "src/control/json.h"
#include "src/control/state.h"
#include "src/control/values.h"

#define refuse(error, ...) netvm_refuse(error, NETVM_ERROR_PARSE, __VA_ARGS__)

#define STATE_VERSION   1
#define STATE_BYTES_MAX (16 << 20)
#define STATE_VALUES    1024 /* arrays and objects; 256 ports and 64 networks fit well */
#define ASIDE_MAX       1000

void
state_init(struct state *s)
{
	s->networks = g_array_new(FALSE, TRUE, sizeof(struct network_def));
	s->groups = g_array_new(FALSE, TRUE, sizeof(struct group_def));
	s->ports = g_array_new(FALSE, TRUE, sizeof(struct port_def));
	s->numbers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

void
state_clear(struct state *s)
{
	g_array_unref(s->networks);
	g_array_unref(s->groups);
	g_array_unref(s->ports);
	g_hash_table_unref(s->numbers);
}

void
state_add_port(struct state *s, const char *name, const struct port_settings *set)
{
	struct port_def def = {.set = *set};

	g_strlcpy(def.name, name, sizeof(def.name));
	g_array_append_val(s->ports, def);
}

void
state_add_network(struct state *s, const char *name, const struct network_settings *set)
{
	struct network_def def = {.set = *set};

	g_strlcpy(def.name, name, sizeof(def.name));
	g_array_append_val(s->networks, def);
}

void
state_add_group(struct state *s, const char *name, const struct group_settings *set)
{
	struct group_def def = {.set = *set};

	g_strlcpy(def.name, name, sizeof(def.name));
	g_array_append_val(s->groups, def);
}

/* --- reading ------------------------------------------------------------- */

static bool
read_port(struct state *s, const char *name, JsonObject *o, GError **error)
{
	struct port_settings set;
	uint32_t given = 0;

	port_settings_init(&set);
	if (!value_name("port", name, error) ||
		!json_put_settings(&port_table, o, &set, &given, error) ||
		!port_settings_check(&set, given, true, error))
		return false;
	for (guint i = 0; i < s->ports->len; i++)
		if (strcmp(g_array_index(s->ports, struct port_def, i).name, name) == 0)
			return refuse(error, "port %s is there twice", name);
	if (s->ports->len == DP_PORTS_MAX)
		return refuse(error, "there are more than %d ports", DP_PORTS_MAX);
	state_add_port(s, name, &set);
	return true;
}

static bool
read_network(struct state *s, const char *name, JsonObject *o, GError **error)
{
	struct network_settings set;
	uint32_t given = 0;

	network_settings_init(&set);
	if (!value_name("network", name, error) ||
		!json_put_settings(&network_table, o, &set, &given, error))
		return false;
	for (guint i = 0; i < s->networks->len; i++)
		if (strcmp(g_array_index(s->networks, struct network_def, i).name, name) == 0)
			return refuse(error, "network %s is there twice", name);
	if (s->networks->len == DP_NETWORKS_MAX)
		return refuse(error, "there are more than %d networks", DP_NETWORKS_MAX);
	state_add_network(s, name, &set);
	return true;
}

static bool
read_group(struct state *s, const char *name, JsonObject *o, GError **error)
{
	struct group_settings set;
	uint32_t given = 0;

	group_settings_init(&set);
	if (!value_name("group", name, error) ||
		!json_put_settings(&group_table, o, &set, &given, error))
		return false;
	for (guint i = 0; i < s->groups->len; i++)
		if (strcmp(g_array_index(s->groups, struct group_def, i).name, name) == 0)
			return refuse(error, "group %s is there twice", name);
	if (s->groups->len == DP_GROUPS_MAX)
		return refuse(error, "there are more than %d groups", DP_GROUPS_MAX);
	state_add_group(s, name, &set);
	return true;
}

typedef bool (*read_fn)(struct state *s, const char *name, JsonObject *o, GError **error);

static bool
read_objects(struct state *s, JsonObject *root, const char *key, read_fn fn, GError **error)
{
	JsonNode *list = json_object_get_member(root, key);
	JsonArray *array;

	if (list == NULL || !JSON_NODE_HOLDS_ARRAY(list))
		return refuse(error, "\"%s\" is not an array", key);
	array = json_node_get_array(list);
	for (guint i = 0; i < json_array_get_length(array); i++) {
		JsonNode *node = json_array_get_element(array, i);
		JsonNode *name =
			JSON_NODE_HOLDS_OBJECT(node)
				? json_object_get_member(json_node_get_object(node), "name")
				: NULL;

		if (name == NULL || !JSON_NODE_HOLDS_VALUE(name) ||
			json_node_get_value_type(name) != G_TYPE_STRING)
			return refuse(error, "%s[%u] is not an object with a name", key, i);
		if (!fn(s, json_node_get_string(name), json_node_get_object(node), error)) {
			g_prefix_error(error, "%s[%u]: ", key, i);
			return false;
		}
	}
	return true;
}

/* Version of the text, 0 with error set when it has none. */
static gint64
read_state(struct state *s, const char *text, gsize len, GError **error)
{
	g_autoptr(JsonNode) node = json_parse_bounded(text, len, STATE_VALUES, error);
	JsonNode *member = NULL;
	JsonObject *root = NULL;
	gint64 version = 0;

	if (node == NULL)
		return 0;
	if (JSON_NODE_HOLDS_OBJECT(node)) {
		root = json_node_get_object(node);
		member = json_object_get_member(root, "version");
	}
	if (member != NULL && JSON_NODE_HOLDS_VALUE(member) &&
		json_node_get_value_type(member) == G_TYPE_INT64)
		version = json_node_get_int(member);
	if (version < 1)
		refuse(error, "it has no version");
	if (version < 1 || version > STATE_VERSION)
		return MAX(version, 0);
	/* netvmd had no groups once. */
	if ((json_object_has_member(root, "groups") &&
		    !read_objects(s, root, "groups", read_group, error)) ||
		!read_objects(s, root, "networks", read_network, error) ||
		!read_objects(s, root, "ports", read_port, error))
		return 0;
	json_get_numbers(root, "numbers", DP_PORTS_MAX - 1, s->numbers);
	return version;
}

static bool
put_aside(const char *file, const char *suffix, const char *why, GError **error)
{
	for (unsigned int n = 1; n < ASIDE_MAX; n++) {
		g_autofree char *aside = g_strdup_printf("%s.%s-%u", file, suffix, n);

		/* link() does not replace what is there, rename() would. */
		if (link(file, aside) == 0 && unlink(file) == 0) {
			g_warning(
				"state file %s: %s; it is kept as %s, and only the config is used",
				file, why, aside);
			return true;
		}
		if (errno != EEXIST) {
			g_set_error(error, NETVM_ERROR, NETVM_ERROR_SYSTEM,
				"state file %s: %s, and it cannot be put aside as %s: %s", file,
				why, aside, g_strerror(errno));
			return false;
		}
	}
	g_set_error(error, NETVM_ERROR, NETVM_ERROR_SYSTEM,
		"state file %s: %s, and there are %d kept aside already: remove some", file, why,
		ASIDE_MAX - 1);
	return false;
}

/* The file's text; NULL without error when there is none. */
static char *
read_file(const char *file, gsize *len, GError **error)
{
	g_autofree char *text = NULL;
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	int rc = -1;

	if (fd < 0 && errno == ENOENT)
		return NULL;
	if (fd >= 0 && fstat(fd, &st) == 0) {
		errno = !S_ISREG(st.st_mode) ? EINVAL : EFBIG;
		if (S_ISREG(st.st_mode) && st.st_size <= STATE_BYTES_MAX) {
			ssize_t n;

			text = g_malloc((gsize)st.st_size + 1);
			n = read(fd, text, (size_t)st.st_size);
			rc = n < 0 ? -1 : 0;
			*len = rc == 0 ? (gsize)n : 0;
		}
	}
	if (rc != 0)
		g_set_error(error, NETVM_ERROR, NETVM_ERROR_SYSTEM,
			"cannot read the state file %s: %s", file, g_strerror(errno));
	if (fd >= 0)
		close(fd);
	return rc == 0 ? g_steal_pointer(&text) : NULL;
}

bool
state_load(struct state *s, const char *file, GError **error)
{
	g_autoptr(GError) why = NULL;
	gsize len = 0;
	g_autofree char *text = read_file(file, &len, &why);
	gint64 version;

	if (why != NULL) {
		g_propagate_error(error, g_steal_pointer(&why));
		return false;
	}
	if (text == NULL)
		return true;
	version = read_state(s, text, len, &why);
	if (version == STATE_VERSION)
		return true;
	g_array_set_size(s->networks, 0);
	g_array_set_size(s->groups, 0);
	g_array_set_size(s->ports, 0);
	g_hash_table_remove_all(s->numbers);
	if (version > STATE_VERSION)
		return put_aside(file, "newer", "it was written by a newer netvmd", error);
	return put_aside(file, "corrupt", why->message, error);
}

/* --- writing ------------------------------------------------------------- */

/* types: a bit of setting.types; what does not apply is refused when it is read. */
static void
write_settings(JsonBuilder *b, const struct settings_table *t, const char *name, const void *set,
	unsigned int types)
{
	json_builder_begin_object(b);
	json_builder_set_member_name(b, "name");
	json_builder_add_string_value(b, name);
	for (unsigned int i = 0; i < t->count; i++) {
		bool applies = types == 0 || (t->setting[i].types & types) != 0;
		g_autofree char *text = applies ? t->setting[i].format(set) : NULL;

		if (text == NULL)
			continue;
		json_builder_set_member_name(b, t->setting[i].name);
		json_builder_add_string_value(b, text);
	}
	json_builder_end_object(b);
}

static char *
state_text(const struct state *s, gsize *len)
{
	g_autoptr(JsonBuilder) b = json_builder_new();
	g_autoptr(JsonGenerator) g = json_generator_new();
	g_autoptr(JsonNode) root = NULL;
	char *text;

	json_builder_begin_object(b);
	json_builder_set_member_name(b, "version");
	json_builder_add_int_value(b, STATE_VERSION);
	json_builder_set_member_name(b, "networks");
	json_builder_begin_array(b);
	for (guint i = 0; i < s->networks->len; i++) {
		const struct network_def *n = &g_array_index(s->networks, struct network_def, i);

		write_settings(b, &network_table, n->name, &n->set, 0);
	}
	json_builder_end_array(b);
	json_builder_set_member_name(b, "groups");
	json_builder_begin_array(b);
	for (guint i = 0; i < s->groups->len; i++) {
		const struct group_def *g = &g_array_index(s->groups, struct group_def, i);

		write_settings(b, &group_table, g->name, &g->set, 0);
	}
	json_builder_end_array(b);
	json_builder_set_member_name(b, "ports");
	json_builder_begin_array(b);
	for (guint i = 0; i < s->ports->len; i++) {
		const struct port_def *p = &g_array_index(s->ports, struct port_def, i);

		write_settings(b, &port_table, p->name, &p->set, 1U << p->set.type);
	}
	json_builder_end_array(b);
	json_add_numbers(b, "numbers", s->numbers);
	json_builder_end_object(b);
	root = json_builder_get_root(b);
	json_generator_set_pretty(g, TRUE);
	json_generator_set_root(g, root);
	text = json_generator_to_data(g, NULL);
	*len = strlen(text) + 1;
	text = g_realloc(text, *len);
	text[*len - 1] = '\n'; /* In place of the NUL: the caller has the length. */
	return text;
}

/* The rename counts once the directory is on disk too. */
static bool
sync_dir(const char *file)
{
	g_autofree char *dir = g_path_get_dirname(file);
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	return ok;
}

static bool
write_synced(const char *path, const char *text, gsize len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	gsize done = 0;
	bool ok;

	if (fd < 0)
		return false;
	while (done < len) {
		ssize_t n = write(fd, text + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (gsize)n;
	}
	ok = done == len && fsync(fd) == 0;
	if (close(fd) != 0)
		ok = false;
	return ok;
}

bool
state_save(const struct state *s, const char *file, GError **error)
{
	g_autofree char *temp = g_strdup_printf("%s.new", file);
	gsize len;
	g_autofree char *text = state_text(s, &len);

	if (write_synced(temp, text, len) && rename(temp, file) == 0 && sync_dir(file))
		return true;
	g_set_error(error, NETVM_ERROR, NETVM_ERROR_SYSTEM, "cannot write the state file %s: %s",
		file, g_strerror(errno));
	unlink(temp);
	return false;
}
