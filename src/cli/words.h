/* SPDX-License-Identifier: BSD-3-Clause */
/* Lookup in the tables of cli.h, and the sentence for a word not in them. */
#ifndef NETVM_CLI_WORDS_H
#define NETVM_CLI_WORDS_H

#include "src/cli/cli.h"

const struct cli_noun *words_noun(const char *name);
const struct cli_verb *words_verb(const struct cli_noun *noun, const char *name);
/* table may be NULL. */
const struct cli_option *words_option(const struct cli_option *table, const char *name);

/* All names of a table, "" left out. Free with g_strfreev. */
char **words_of_nouns(void);
char **words_of_verbs(const struct cli_noun *noun);
/* Both tables' names; b may be NULL. */
char **words_of_options(const struct cli_option *a, const struct cli_option *b);

/*
 * "did you mean "port"?" when one of words is near to given, else the whole
 * list: "expected one of port, network". Free with g_free.
 */
char *words_hint(const char *given, const char *const *words);

#endif
