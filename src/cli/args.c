/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The command line. "--name VALUE" and "--name=VALUE" are the same; "--" ends
 * the options, so that a port may be called "reset". An option given twice is
 * refused: one of the two was meant for something else.
 */
#include "src/cli/args.h"

#include <string.h>

#include "src/cli/say.h"
#include "src/cli/words.h"

void
args_init(struct cli_args *args)
{
	args->options = json_object_new();
	args->operands = g_ptr_array_new();
}

void
args_clear(struct cli_args *args)
{
	json_object_unref(args->options);
	g_ptr_array_free(args->operands, TRUE);
}

/* Up to 18 digits fit an int64; whatever is longer is refused as text. */
static bool
is_number(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	return digits && digits <= 18 && !text[digits];
}

void
args_set(JsonObject *object, const struct cli_option *o, const char *name, const char *text)
{
	if (o && o->number && is_number(text))
		json_object_set_int_member(object, name, g_ascii_strtoll(text, NULL, 10));
	else
		json_object_set_string_member(object, name, text);
}

static char *
member_name(const char *option)
{
	return g_strdelimit(g_strdup(option), "-", '_');
}

static void
set_global(struct cli *cli, const struct cli_option *o, const char *value)
{
	if (!strcmp(o->name, "run-dir"))
		cli->run_dir = value;
	else if (!strcmp(o->name, "json"))
		cli->json = true;
	else if (!strcmp(o->name, "help"))
		cli->help = true;
	else
		cli->version = true;
}

static enum cli_exit
unknown_option(
	const struct cli *cli, const struct cli_option *table, const char *name, const char *given)
{
	g_auto(GStrv) words = words_of_options(table, cli_globals);

	for (char **w = words; *w; w++) {
		char *dashed = g_strconcat("--", *w, NULL);

		g_free(*w);
		*w = dashed;
	}
	g_autofree char *word = g_strconcat("--", name, NULL);
	g_autofree char *hint = words_hint(word, (const char *const *)words);
	return say_usage(cli, "unknown option \"%s\": %s", given, hint);
}

/*
 * Takes the option at argv[*i] and its value. table is the verb's, or NULL.
 * args receives the verb's options and may be NULL with table.
 */
static enum cli_exit
take_option(struct cli *cli, const struct cli_option *table, int argc, char **argv, int *i,
	struct cli_args *args)
{
	const char *given = argv[(*i)++];
	const char *start = given + strspn(given, "-");
	const char *equals = strchr(start, '=');
	g_autofree char *name = equals ? g_strndup(start, equals - start) : g_strdup(start);
	const struct cli_option *own = words_option(table, name);
	const struct cli_option *o = own ? own : words_option(cli_globals, name);
	const char *value = NULL;

	if (!o || !g_str_has_prefix(given, "--"))
		return unknown_option(cli, table, name, given);
	if (!o->value && equals)
		return say_usage(cli, "option --%s takes no value, but \"%s\" is given", o->name,
			equals + 1);
	if (o->value) {
		if (!equals && *i >= argc)
			return say_usage(cli, "option --%s needs a value: --%s %s", o->name,
				o->name, o->value);
		value = equals ? equals + 1 : argv[(*i)++];
	}
	if (!own) {
		set_global(cli, o, value);
		return CLI_DONE;
	}
	g_autofree char *member = member_name(o->name);
	if (json_object_has_member(args->options, member))
		return say_usage(cli, "option --%s is given twice", o->name);
	if (value)
		args_set(args->options, o, member, value);
	else
		json_object_set_boolean_member(args->options, member, TRUE);
	return CLI_DONE;
}

static bool
looks_like_option(const char *word)
{
	return word[0] == '-' && word[1];
}

enum cli_exit
args_globals(struct cli *cli, int argc, char **argv, int *i)
{
	while (*i < argc && looks_like_option(argv[*i])) {
		enum cli_exit rc = take_option(cli, NULL, argc, argv, i, NULL);

		if (rc != CLI_DONE)
			return rc;
	}
	return CLI_DONE;
}

static enum cli_exit
check_operands(const struct cli *cli, const struct cli_noun *noun, const struct cli_verb *verb,
	const struct cli_args *args)
{
	guint n = args->operands->len;
	g_autofree char *command = say_command(noun, verb);

	if (n < verb->min)
		return say_usage(cli, "%s: usage is %s",
			n ? "something is missing after what is given" : "something is missing",
			command);
	if (n <= verb->max)
		return CLI_DONE;
	const char *extra = g_ptr_array_index(args->operands, verb->max);
	/* Only where a verb could stand is a mistyped one the likely slip. */
	if (!*verb->name && !verb->max) {
		g_auto(GStrv) words = words_of_verbs(noun);

		if (words[0]) {
			g_autofree char *hint = words_hint(extra, (const char *const *)words);

			return say_usage(cli, "%s has no verb \"%s\": %s", noun->name, extra, hint);
		}
	}
	return say_usage(cli, "\"%s\" is one word too many: usage is %s", extra, command);
}

enum cli_exit
args_verb(struct cli *cli, const struct cli_noun *noun, const struct cli_verb *verb, int argc,
	char **argv, struct cli_args *args)
{
	bool options = true;

	for (int i = 0; i < argc;) {
		enum cli_exit rc = CLI_DONE;

		if (options && !strcmp(argv[i], "--")) {
			options = false;
			i++;
		} else if (options && looks_like_option(argv[i])) {
			rc = take_option(cli, verb->options, argc, argv, &i, args);
		} else {
			g_ptr_array_add(args->operands, argv[i++]);
		}
		if (rc != CLI_DONE)
			return rc;
	}
	return cli->help ? CLI_DONE : check_operands(cli, noun, verb, args);
}

JsonObject *
args_named(const struct cli_args *args)
{
	JsonObject *params = json_object_new();

	json_object_set_string_member(params, "name", g_ptr_array_index(args->operands, 0));
	return params;
}

JsonObject *
args_settings(const struct cli *cli, const struct cli_verb *verb, const struct cli_args *args)
{
	g_autoptr(JsonObject) settings = json_object_new();

	for (guint i = 1; i < args->operands->len; i++) {
		const char *word = g_ptr_array_index(args->operands, i);
		const char *equals = strchr(word, '=');

		if (!equals || equals == word) {
			say_usage(cli, "\"%s\" is not KEY=VALUE", word);
			return NULL;
		}
		g_autofree char *key = g_strndup(word, equals - word);
		g_autofree char *option = g_strdelimit(g_strdup(key), "_", '-');

		if (json_object_has_member(settings, key)) {
			say_usage(cli, "setting \"%s\" is given twice", key);
			return NULL;
		}
		args_set(settings, words_option(verb->settings, option), key, equals + 1);
	}
	JsonObject *params = args_named(args);
	json_object_set_object_member(params, "settings", g_steal_pointer(&settings));
	return params;
}
