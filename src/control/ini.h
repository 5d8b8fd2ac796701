/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads "[section]", "key=value" and "# comment" lines and hands them on with
 * their line numbers. GKeyFile reads the same text, but it joins sections that
 * stand there twice, lets the last of two equal keys win, and forgets where
 * things stood; a person who made a mistake needs all three.
 */
#ifndef NETVM_CONTROL_INI_H
#define NETVM_CONTROL_INI_H

#include <stdbool.h>

#include <glib.h>

struct ini_entry {
	const char *section;
	const char *key;   /* NULL: the section's own line */
	const char *value; /* without spaces around it */
	unsigned int line;
};

/* Returns false with error set to stop. */
typedef bool (*ini_fn)(const struct ini_entry *e, void *arg, GError **error);

/* Errors begin with "FILE:LINE: ", those of fn too. */
bool ini_parse(const char *file, const char *text, gsize len, ini_fn fn, void *arg, GError **error);

#endif
