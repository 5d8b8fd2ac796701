/* SPDX-License-Identifier: BSD-3-Clause */
/* The help texts, from the tables of cli.h. */
#include "src/cli/say.h"

#include <stdio.h>

/* "--network NET" */
static char *
spelled(const struct cli_option *o, const char *dashes)
{
	if (!o->value)
		return g_strdup_printf("%s%s", dashes, o->name);
	return g_strdup_printf("%s%s%s%s", dashes, o->name, *dashes ? " " : "=", o->value);
}

static void
print_options(const char *title, const struct cli_option *table, const char *dashes)
{
	if (!table || !table->name)
		return;
	printf("\n%s:\n", title);
	for (const struct cli_option *o = table; o->name; o++) {
		g_autofree char *left = spelled(o, dashes);

		printf("  %-30s %s\n", left, o->help);
	}
}

/* "port del NAME", "stats [PORT]", "status" */
static char *
short_form(const struct cli_noun *noun, const struct cli_verb *verb)
{
	GString *s = g_string_new(noun->name);

	if (*verb->name)
		g_string_append_printf(s, " %s", verb->name);
	if (*verb->operands)
		g_string_append_printf(s, " %s", verb->operands);
	return g_string_free(s, FALSE);
}

char *
say_command(const struct cli_noun *noun, const struct cli_verb *verb)
{
	g_autofree char *form = short_form(noun, verb);

	return g_strconcat("netvmctl ", form, NULL);
}

static void
print_verbs(const struct cli_noun *noun)
{
	for (const struct cli_verb *v = noun->verbs; v->name; v++) {
		g_autofree char *form = short_form(noun, v);

		printf("  %-30s %s\n", form, v->help);
	}
}

void
say_help(void)
{
	printf("Usage: netvmctl [--run-dir DIR] [--json] NOUN VERB [ARGUMENTS]\n\n"
	       "Shows and changes what a running netvmd does.\n\nCommands:\n");
	for (const struct cli_noun *n = cli_nouns; n->name; n++)
		print_verbs(n);
	print_options("Options, anywhere on the line", cli_globals, "--");
	printf("\nnetvmctl NOUN VERB --help tells the options of a verb.\n"
	       "Exit status: 0 done, 1 refused or failed, 2 wrong usage. See netvmctl(8).\n");
}

void
say_help_noun(const struct cli_noun *noun)
{
	printf("Usage: netvmctl %s VERB [ARGUMENTS]\n\n%s\n\nCommands:\n", noun->name, noun->help);
	print_verbs(noun);
	/* Only the noun alone shares its --help with the noun's overview. */
	for (const struct cli_verb *v = noun->verbs; v->name; v++)
		if (!*v->name)
			print_options("Options of the first", v->options, "--");
	print_options("Options, anywhere on the line", cli_globals, "--");
}

void
say_help_verb(const struct cli_noun *noun, const struct cli_verb *verb)
{
	g_autofree char *command = say_command(noun, verb);

	printf("Usage: %s%s\n\n%s\n", command, verb->options ? " [OPTIONS]" : "", verb->help);
	print_options("Options", verb->options, "--");
	print_options("Settings", verb->settings, "");
	print_options("Options, anywhere on the line", cli_globals, "--");
}
