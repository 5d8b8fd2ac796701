/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What can be done with any table of settings; see settings.h. Pure functions.
 */
#include <string.h>

#include "src/control/error.h"
#include "src/control/settings.h"

const struct setting *
settings_find(const struct settings_table *t, const char *name)
{
	g_autofree char *dashed = g_strdelimit(g_strdup(name), "_", '-');

	for (unsigned int i = 0; i < t->count; i++)
		if (strcmp(t->setting[i].name, dashed) == 0)
			return &t->setting[i];
	return NULL;
}

bool
settings_put(const struct settings_table *t, void *set, const char *name, const char *text,
	uint32_t *given, GError **error)
{
	const struct setting *s = settings_find(t, name);
	uint32_t bit;

	if (s == NULL) {
		g_autoptr(GString) known = g_string_new(t->setting[0].name);

		for (unsigned int i = 1; i < t->count; i++)
			g_string_append_printf(known, ", %s", t->setting[i].name);
		g_set_error(error, NETVM_ERROR, NETVM_ERROR_PARAMS,
			"a %s has no setting \"%s\"; it has %s", t->noun, name, known->str);
		return false;
	}
	bit = 1U << (s - t->setting);
	if ((*given & bit) != 0) {
		g_set_error(error, NETVM_ERROR, NETVM_ERROR_PARAMS, "%s is given twice", s->name);
		return false;
	}
	if (!s->parse(set, text, error))
		return false;
	*given |= bit;
	return true;
}

bool
settings_live(const struct settings_table *t, uint32_t given, GError **error)
{
	for (unsigned int i = 0; i < t->count; i++) {
		if ((given >> i & 1) == 0 || t->setting[i].live)
			continue;
		g_set_error(error, NETVM_ERROR, NETVM_ERROR_PARAMS,
			"%s cannot change while the %s exists: delete the %s and add it again",
			t->setting[i].name, t->noun, t->noun);
		return false;
	}
	return true;
}

bool
settings_differ(const struct settings_table *t, const void *a, const void *b, bool live)
{
	for (unsigned int i = 0; i < t->count; i++) {
		const struct setting *s = &t->setting[i];
		g_autofree char *x = s->format(a);
		g_autofree char *y = s->format(b);

		if (s->live == live && g_strcmp0(x, y) != 0)
			return true;
	}
	return false;
}
