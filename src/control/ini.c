/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reader for the config file's syntax; see ini.h. Any thread.
 */
#include <string.h>

#include "src/control/error.h"
#include "src/control/ini.h"

#define refuse(error, ...) netvm_refuse(error, NETVM_ERROR_PARAMS, __VA_ARGS__)

struct ini {
	struct ini_entry e;
	GHashTable *seen; /* "section" and "section\nkey" -> line */
	char *section;
	ini_fn fn;
	void *arg;
};

static bool
first_time(struct ini *ini, const char *what, char *id, GError **error)
{
	guint before = GPOINTER_TO_UINT(g_hash_table_lookup(ini->seen, id));

	if (before != 0) {
		g_free(id);
		return refuse(error, "%s stands in line %u already", what, before);
	}
	g_hash_table_insert(ini->seen, id, GUINT_TO_POINTER(ini->e.line));
	return true;
}

static bool
section_line(struct ini *ini, char *line, GError **error)
{
	size_t len = strlen(line);
	g_autofree char *what = g_strdup(line);

	if (line[len - 1] != ']')
		return refuse(error, "\"%s\" lacks the ] at its end", line);
	line[len - 1] = '\0';
	g_free(ini->section);
	ini->section = g_strdup(g_strstrip(line + 1));
	if (!first_time(ini, what, g_strdup(ini->section), error))
		return false;
	ini->e.section = ini->section;
	ini->e.key = ini->e.value = NULL;
	return ini->fn(&ini->e, ini->arg, error);
}

static bool
key_line(struct ini *ini, char *line, GError **error)
{
	char *equals = strchr(line, '=');

	if (equals == NULL || equals == line)
		return refuse(error, "\"%s\" is not a [section], a key=value or a # comment", line);
	*equals = '\0';
	ini->e.key = g_strchomp(line);
	ini->e.value = g_strchug(equals + 1);
	if (ini->section == NULL)
		return refuse(error, "\"%s\" stands before the first [section]", ini->e.key);
	if (!first_time(
		    ini, ini->e.key, g_strdup_printf("%s\n%s", ini->section, ini->e.key), error))
		return false;
	return ini->fn(&ini->e, ini->arg, error);
}

bool
ini_parse(const char *file, const char *text, gsize len, ini_fn fn, void *arg, GError **error)
{
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	struct ini ini = {.seen = seen, .fn = fn, .arg = arg};
	g_autofree char *copy = NULL;
	g_auto(GStrv) lines = NULL;
	bool ok = true;

	if (!g_utf8_validate(text, (gssize)len, NULL)) {
		g_set_error(
			error, NETVM_ERROR, NETVM_ERROR_PARAMS, "%s: this is not UTF-8 text", file);
		return false;
	}
	copy = g_strndup(text, len); /* text need not end with a NUL */
	lines = g_strsplit(copy, "\n", -1);
	for (char **l = lines; ok && *l != NULL; l++) {
		char *line = g_strstrip(*l);

		ini.e.line++;
		if (line[0] == '\0' || line[0] == '#')
			continue;
		ok = line[0] == '[' ? section_line(&ini, line, error) : key_line(&ini, line, error);
	}
	if (!ok)
		g_prefix_error(error, "%s:%u: ", file, ini.e.line);
	g_free(ini.section);
	return ok;
}
