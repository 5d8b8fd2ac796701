/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What netvmctl says: results on standard output, refusals on standard error,
 * as sentences or, after --json, as JSON.
 */
#ifndef NETVM_CLI_SAY_H
#define NETVM_CLI_SAY_H

#include "src/cli/cli.h"

/* Prints a sentence; returns CLI_USAGE. */
enum cli_exit say_usage(const struct cli *cli, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
/* Prints err's message, code and all after --json; returns CLI_FAILED. */
enum cli_exit say_error(const struct cli *cli, const GError *err);
/* One JSON document and a newline on standard output. */
void say_json(JsonObject *object, bool pretty);
/* Turns output that could not be written (a full disk) into a failure. */
enum cli_exit say_flush(enum cli_exit result);

/* The help texts, on standard output. */
void say_help(void);
void say_help_noun(const struct cli_noun *noun);
void say_help_verb(const struct cli_noun *noun, const struct cli_verb *verb);

/* "netvmctl port del NAME" */
char *say_command(const struct cli_noun *noun, const struct cli_verb *verb);

#endif
