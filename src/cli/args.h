/* SPDX-License-Identifier: BSD-3-Clause */
/* A command line's options and operands. */
#ifndef NETVM_CLI_ARGS_H
#define NETVM_CLI_ARGS_H

#include "src/cli/cli.h"

void args_init(struct cli_args *args);
void args_clear(struct cli_args *args);

/*
 * Takes global options from argv[*i] on, up to the first other word, which
 * *i then names. Returns CLI_DONE, or says what is wrong and returns CLI_USAGE.
 */
enum cli_exit args_globals(struct cli *cli, int argc, char **argv, int *i);

/* Parses what follows NOUN VERB: options of the verb, global ones, operands. */
enum cli_exit args_verb(struct cli *cli, const struct cli_noun *noun, const struct cli_verb *verb,
	int argc, char **argv, struct cli_args *args);

/* Adds text to object as a JSON number when o says so and it looks like one. */
void args_set(JsonObject *object, const struct cli_option *o, const char *name, const char *text);

/* {name: the first operand}: what most methods take. */
JsonObject *args_named(const struct cli_args *args);
/*
 * {name: the first operand, settings: {key: value ...}} from the KEY=VALUE
 * operands behind it, with the keys as they are typed, so that a refusal quotes
 * them as they are typed. NULL after it has said what is wrong.
 */
JsonObject *args_settings(
	const struct cli *cli, const struct cli_verb *verb, const struct cli_args *args);

#endif
