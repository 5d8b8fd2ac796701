/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Shell completion: `netvmctl __complete WORD...` prints what can stand in the
 * place of the last WORD, one candidate per line; the shell filters them by
 * what is typed already. "@file" and "@dir" ask the shell for paths. The words
 * come from the same tables as the parser's, names from the daemon if there
 * is one; completion never complains.
 */
#include <stdio.h>
#include <string.h>

#include "src/cli/client.h"
#include "src/cli/value.h"
#include "src/cli/words.h"

#define TIMEOUT_S 1

struct line {
	struct cli cli;
	const struct cli_noun *noun;
	const struct cli_verb *verb;
	guint operands;
};

static void
print_names(const struct cli *cli, const char *method, const char *key)
{
	g_autoptr(Client) c = client_new(cli->run_dir, TIMEOUT_S, NULL, NULL);
	g_autoptr(JsonObject) result = c ? client_call(c, method, NULL, NULL) : NULL;
	g_autoptr(GPtrArray) objects = value_objects(result, key);

	for (guint i = 0; i < objects->len; i++)
		puts(value_string(g_ptr_array_index(objects, i), "name", ""));
}

static void
print_words(const struct line *l, const char *words)
{
	if (!words)
		return;
	if (!strcmp(words, CLI_WORDS_PORT)) {
		print_names(&l->cli, "port.list", "ports");
	} else if (!strcmp(words, CLI_WORDS_NETWORK)) {
		print_names(&l->cli, "network.list", "networks");
	} else if (!strcmp(words, CLI_WORDS_GROUP)) {
		print_names(&l->cli, "group.list", "groups");
	} else if (!strcmp(words, CLI_WORDS_SETTINGS)) {
		for (const struct cli_option *o = l->verb ? l->verb->settings : NULL; o && o->name;
			o++)
			printf("%s=\n", o->name);
	} else {
		g_auto(GStrv) list = g_strsplit(words, " ", -1);

		for (char **w = list; *w; w++)
			puts(*w);
	}
}

static const struct cli_option *
option_of(const struct line *l, const char *word)
{
	const struct cli_option *own = l->verb ? words_option(l->verb->options, word + 2) : NULL;

	return own ? own : words_option(cli_globals, word + 2);
}

/* Takes one complete word; returns the option that still wants its value. */
static const struct cli_option *
take(struct line *l, const char *word)
{
	if (g_str_has_prefix(word, "--")) {
		const struct cli_option *o = option_of(l, word);

		return o && o->value ? o : NULL;
	}
	if (!l->noun) {
		l->noun = words_noun(word);
		l->verb = l->noun ? words_verb(l->noun, "") : NULL;
	} else if (*word && !l->operands && (!l->verb || !*l->verb->name) &&
		   words_verb(l->noun, word)) {
		l->verb = words_verb(l->noun, word);
	} else {
		l->operands++;
	}
	return NULL;
}

static void
print_options(const struct line *l)
{
	g_auto(GStrv) names = words_of_options(l->verb ? l->verb->options : NULL, cli_globals);

	for (char **n = names; *n; n++)
		printf("--%s\n", *n);
}

static void
print_candidates(const struct line *l, const char *word)
{
	g_auto(GStrv) words = NULL;

	if (*word == '-') {
		print_options(l);
		return;
	}
	if (!l->noun)
		words = words_of_nouns();
	else if (!l->operands && (!l->verb || !*l->verb->name))
		words = words_of_verbs(l->noun);
	for (char **w = words; w && *w; w++)
		puts(*w);
	if (l->verb && l->operands < l->verb->max)
		print_words(l, l->verb->words[l->operands ? 1 : 0]);
	/* Nothing else can follow: an option is the next word. */
	else if (l->verb && l->verb->options)
		print_options(l);
}

enum cli_exit
cli_complete(int argc, char **argv)
{
	struct line l = {.cli = {.run_dir = "/run/netvm"}};
	const struct cli_option *pending = NULL;

	for (int i = 0; i + 1 < argc; i++) {
		if (!pending) {
			pending = take(&l, argv[i]);
			continue;
		}
		if (!strcmp(pending->name, "run-dir"))
			l.cli.run_dir = argv[i];
		pending = NULL;
	}
	if (argc < 1)
		return CLI_DONE;
	if (pending)
		print_words(&l, pending->words);
	else
		print_candidates(&l, argv[argc - 1]);
	return CLI_DONE;
}
