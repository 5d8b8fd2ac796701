/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * netvmctl: the nouns, verbs and options, as one table that the parser, the
 * help texts, the error sentences and the shell completion all read.
 *
 * netvmctl knows the shape of a command line, never which values are good:
 * netvmd is the one place that judges those, so a new daemon needs no new
 * netvmctl to be strict. Single thread, blocking calls.
 */
#ifndef NETVM_CLI_H
#define NETVM_CLI_H

#include <stdbool.h>

#include <json-glib/json-glib.h>

enum cli_exit { CLI_DONE = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

/* The global options. */
struct cli {
	const char *run_dir;
	bool json, help, version;
};

/*
 * Where completion finds words for a value: a list separated by spaces, or
 * one of these.
 */
#define CLI_WORDS_PORT     "@port"
#define CLI_WORDS_NETWORK  "@network"
#define CLI_WORDS_GROUP    "@group"
#define CLI_WORDS_FILE     "@file"
#define CLI_WORDS_DIR      "@dir"
#define CLI_WORDS_SETTINGS "@settings" /* names of the verb's settings, with a "=" */

struct cli_option {
	const char *name;  /* without the dashes; NULL ends a table */
	const char *value; /* what help calls its value; NULL: takes none */
	const char *words; /* for completion, may be NULL */
	const char *help;
	bool number; /* sent as a JSON number when it looks like one */
};

/* A parsed command line. Option "ageing-s" is member "ageing_s" of options. */
struct cli_args {
	JsonObject *options;
	GPtrArray *operands; /* char *, not ours */
};

struct cli_verb {
	const char *name;     /* "": the noun alone; NULL ends a table */
	const char *operands; /* as usage shows them, "" for none */
	unsigned int min, max;
	const char *words[2]; /* completion of the first operand, of the others */
	const char *help;
	const struct cli_option *options;  /* may be NULL */
	const struct cli_option *settings; /* keys of KEY=VALUE operands, may be NULL */
	enum cli_exit (*run)(
		const struct cli *cli, const struct cli_verb *verb, struct cli_args *args);
};

struct cli_noun {
	const char *name; /* NULL ends the table */
	const char *help;
	const struct cli_verb *verbs;
};

extern const struct cli_option cli_globals[];
extern const struct cli_noun cli_nouns[];
extern const struct cli_verb cli_status_verbs[], cli_port_verbs[], cli_network_verbs[],
	cli_group_verbs[], cli_domain_verbs[], cli_stats_verbs[], cli_capture_verbs[],
	cli_worker_verbs[], cli_config_verbs[];

/* messages.c: a verb of port. */
enum cli_exit cli_port_messages(
	const struct cli *cli, const struct cli_verb *verb, struct cli_args *args);

/* complete.c: `netvmctl __complete WORD...` for etc/netvmctl.bash-completion. */
enum cli_exit cli_complete(int argc, char **argv);

#endif
