/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * netvmctl: the tool that shows and changes what netvmd does. Finds the noun
 * and the verb and hands over to them; the tables at the end are the language.
 */
#include "config.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "src/cli/args.h"
#include "src/cli/say.h"
#include "src/cli/words.h"
#include "src/control/stdfds.h"

const struct cli_option cli_globals[] = {
	{"run-dir", "DIR", CLI_WORDS_DIR, "run directory of the daemon [/run/netvm]", false},
	{"json", NULL, NULL, "print JSON; errors are JSON on standard error", false},
	{"help", NULL, NULL, "print help on what stands before it", false},
	{"version", NULL, NULL, "print the version", false},
	{0},
};

const struct cli_noun cli_nouns[] = {
	{"status", "Whether the daemon answers, and how it runs.", cli_status_verbs},
	{"port", "Ports: guests and network devices.", cli_port_verbs},
	{"network", "Layer-2 networks that ports are in.", cli_network_verbs},
	{"group", "Trust groups: ports that share packet buffers.", cli_group_verbs},
	{"domain", "What libvirt is to be told of a port.", cli_domain_verbs},
	{"stats", "Counters of ports and workers.", cli_stats_verbs},
	{"capture", "Frames of a port, for Wireshark.", cli_capture_verbs},
	{"worker", "The threads that move packets.", cli_worker_verbs},
	{"config", "The configuration file.", cli_config_verbs},
	{0},
};

static enum cli_exit
print_version(void)
{
	printf("netvmctl (NetVM) %s\n", PACKAGE_VERSION);
	return CLI_DONE;
}

static enum cli_exit
run_verb(struct cli *cli, const struct cli_noun *noun, const struct cli_verb *verb, int argc,
	char **argv)
{
	struct cli_args args;
	enum cli_exit rc;

	args_init(&args);
	rc = args_verb(cli, noun, verb, argc, argv, &args);
	if (rc != CLI_DONE)
		goto out;
	if (cli->version)
		rc = print_version();
	else if (cli->help && !*verb->name && verb[1].name)
		say_help_noun(noun);
	else if (cli->help)
		say_help_verb(noun, verb);
	else
		rc = verb->run(cli, verb, &args);
out:
	args_clear(&args);
	return rc;
}

/* argv: what follows the noun. */
static enum cli_exit
run_noun(struct cli *cli, const struct cli_noun *noun, int argc, char **argv)
{
	const struct cli_verb *bare = words_verb(noun, "");
	const struct cli_verb *verb = argc && *argv[0] ? words_verb(noun, argv[0]) : NULL;
	g_auto(GStrv) verbs = words_of_verbs(noun);
	int i = 0;

	if (verb)
		return run_verb(cli, noun, verb, argc - 1, argv + 1);
	if (bare)
		return run_verb(cli, noun, bare, argc, argv);
	enum cli_exit rc = args_globals(cli, argc, argv, &i);
	if (rc != CLI_DONE)
		return rc;
	if (i < argc && i > 0 && words_verb(noun, argv[i]))
		return run_verb(cli, noun, words_verb(noun, argv[i]), argc - i - 1, argv + i + 1);
	if (cli->version)
		return print_version();
	if (cli->help) {
		say_help_noun(noun);
		return CLI_DONE;
	}
	if (i < argc) {
		g_autofree char *hint = words_hint(argv[i], (const char *const *)verbs);

		return say_usage(cli, "%s has no verb \"%s\": %s", noun->name, argv[i], hint);
	}
	g_autofree char *all = g_strjoinv(", ", verbs);
	return say_usage(cli, "%s needs a verb: %s", noun->name, all);
}

static enum cli_exit
run(int argc, char **argv)
{
	struct cli cli = {.run_dir = "/run/netvm"};
	int i = 1;

	for (int a = 1; a < argc; a++)
		if (!g_utf8_validate(argv[a], -1, NULL))
			return say_usage(&cli, "word %d of the command line is not UTF-8", a);
	enum cli_exit rc = args_globals(&cli, argc, argv, &i);
	if (rc != CLI_DONE)
		return rc;
	const struct cli_noun *noun = i < argc ? words_noun(argv[i]) : NULL;
	if (noun)
		return run_noun(&cli, noun, argc - i - 1, argv + i + 1);
	if (cli.version)
		return print_version();
	if (cli.help) {
		say_help();
		return CLI_DONE;
	}
	g_auto(GStrv) nouns = words_of_nouns();
	if (i < argc) {
		g_autofree char *hint = words_hint(argv[i], (const char *const *)nouns);

		return say_usage(&cli, "unknown command \"%s\": %s", argv[i], hint);
	}
	g_autofree char *all = g_strjoinv(", ", nouns);
	return say_usage(&cli, "say what to do: %s (netvmctl --help tells more)", all);
}

int
main(int argc, char **argv)
{
	stdfds_open();
	/* Widths of UTF-8 in tables; numbers stay as programs write them. */
	setlocale(LC_CTYPE, "");
	if (argc > 1 && !strcmp(argv[1], "__complete"))
		return say_flush(cli_complete(argc - 2, argv + 2));
	return say_flush(run(argc, argv));
}
