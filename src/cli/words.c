/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lookup in the tables of nouns, verbs and options, and the help for somebody
 * who mistyped one. Neighbours: args.c and main.c ask, complete.c lists.
 */
#include "src/cli/words.h"

#include <string.h>

const struct cli_noun *
words_noun(const char *name)
{
	for (const struct cli_noun *n = cli_nouns; n->name; n++)
		if (!strcmp(n->name, name))
			return n;
	return NULL;
}

const struct cli_verb *
words_verb(const struct cli_noun *noun, const char *name)
{
	for (const struct cli_verb *v = noun->verbs; v->name; v++)
		if (!strcmp(v->name, name))
			return v;
	return NULL;
}

const struct cli_option *
words_option(const struct cli_option *table, const char *name)
{
	for (const struct cli_option *o = table; o && o->name; o++)
		if (!strcmp(o->name, name))
			return o;
	return NULL;
}

static char **
finish(GPtrArray *list)
{
	g_ptr_array_add(list, NULL);
	return (char **)g_ptr_array_free(list, FALSE);
}

char **
words_of_nouns(void)
{
	GPtrArray *list = g_ptr_array_new();

	for (const struct cli_noun *n = cli_nouns; n->name; n++)
		g_ptr_array_add(list, g_strdup(n->name));
	return finish(list);
}

char **
words_of_verbs(const struct cli_noun *noun)
{
	GPtrArray *list = g_ptr_array_new();

	for (const struct cli_verb *v = noun->verbs; v->name; v++)
		if (*v->name)
			g_ptr_array_add(list, g_strdup(v->name));
	return finish(list);
}

char **
words_of_options(const struct cli_option *a, const struct cli_option *b)
{
	GPtrArray *list = g_ptr_array_new();

	for (; a && a->name; a++)
		g_ptr_array_add(list, g_strdup(a->name));
	for (; b && b->name; b++)
		g_ptr_array_add(list, g_strdup(b->name));
	return finish(list);
}

/*
 * Edit distance (insert, delete, replace, swap of neighbours) of two words.
 * Words beyond the row are no slip of the finger: they count as far away.
 */
static unsigned int
distance(const char *a, const char *b)
{
	enum { LONGEST = 32 };
	unsigned int row[3][LONGEST + 1];
	size_t na = strlen(a), nb = strlen(b);

	if (na > LONGEST || nb > LONGEST)
		return LONGEST;
	for (size_t j = 0; j <= nb; j++)
		row[0][j] = (unsigned int)j;
	for (size_t i = 1; i <= na; i++) {
		unsigned int *cur = row[i % 3], *up = row[(i - 1) % 3], *up2 = row[(i + 1) % 3];

		cur[0] = (unsigned int)i;
		for (size_t j = 1; j <= nb; j++) {
			unsigned int best = up[j - 1] + (a[i - 1] != b[j - 1]);

			best = MIN(best, MIN(up[j], cur[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				best = MIN(best, up2[j - 2] + 1);
			cur[j] = best;
		}
	}
	return row[na % 3][nb];
}

char *
words_hint(const char *given, const char *const *words)
{
	const char *nearest = NULL;
	unsigned int least = 0;

	for (const char *const *w = words; *w; w++) {
		unsigned int d = distance(given, *w);

		/* A word cut short is nearer than its length says. */
		if (*given && g_str_has_prefix(*w, given))
			d = 1;
		if (!nearest || d < least) {
			nearest = *w;
			least = d;
		}
	}
	if (nearest && least <= MAX(1, strlen(nearest) / 2))
		return g_strdup_printf("did you mean \"%s\"?", nearest);
	g_autofree char *all = g_strjoinv(", ", (char **)words);
	return g_strdup_printf("expected one of %s", all);
}
