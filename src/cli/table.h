/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Output for people: tables (libsmartcols) and sheets of "key value" lines.
 * Neither cuts text off: what does not fit the terminal wraps there.
 */
#ifndef NETVM_CLI_TABLE_H
#define NETVM_CLI_TABLE_H

#include <glib.h>
#include <json-glib/json-glib.h>

struct libscols_table;

/*
 * columns: headings separated by spaces, a "+" in front of those that hold
 * numbers and stand on the right; "_" prints as a space.
 */
struct libscols_table *table_new(const char *columns);
/* Starts a line; cells are then added from left to right. */
void table_line(struct libscols_table *t);
void table_text(struct libscols_table *t, const char *text);
void table_int(struct libscols_table *t, gint64 value);
void table_float(struct libscols_table *t, double value, int digits);
/* 1234567 as "1.235 M". */
void table_rate(struct libscols_table *t, double value);
/* The member as value_text() gives it. */
void table_member(struct libscols_table *t, JsonObject *object, const char *key);
/* Prints and frees; a table without lines prints only its headings. */
void table_end(struct libscols_table *t);

/* A heading above what follows; blank line before all but the first. */
void sheet_section(const char *title);
/* "  key   value" for a member that is there; label is what is printed. */
void sheet_member(JsonObject *object, const char *key, const char *label);
void sheet_text(const char *label, const char *text);

#endif
