/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tables and sheets. libsmartcols knows widths of UTF-8 and makes control
 * characters harmless.
 */
#include "src/cli/table.h"

#include <err.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <libsmartcols/libsmartcols.h>

#include "src/cli/say.h"
#include "src/cli/value.h"

static void
must(int rc)
{
	/* Memory is all that can be missing here. */
	if (rc)
		errx(CLI_FAILED, "cannot make a table: out of memory");
}

struct libscols_table *
table_new(const char *columns)
{
	struct libscols_table *t = scols_new_table();
	g_auto(GStrv) names = g_strsplit(columns, " ", -1);

	must(!t);
	/* As if always in a pipe: the width of a terminal cuts nothing. */
	must(scols_table_set_termforce(t, SCOLS_TERMFORCE_NEVER));
	must(scols_table_enable_minout(t, 1));
	must(scols_table_set_column_separator(t, "  "));
	for (char **n = names; *n; n++) {
		bool right = **n == '+';
		char *heading = g_strdelimit(*n + right, "_", ' ');

		must(!scols_table_new_column(t, heading, 0, right ? SCOLS_FL_RIGHT : 0));
	}
	return t;
}

static struct libscols_line *current;
static size_t next_cell;

void
table_line(struct libscols_table *t)
{
	current = scols_table_new_line(t, NULL);
	must(!current);
	next_cell = 0;
}

void
table_text(struct libscols_table *t, const char *text)
{
	must(scols_line_set_data(current, next_cell++, text));
}

void
table_int(struct libscols_table *t, gint64 value)
{
	char buf[32];

	snprintf(buf, sizeof(buf), "%" G_GINT64_FORMAT, value);
	table_text(t, buf);
}

void
table_float(struct libscols_table *t, double value, int digits)
{
	char buf[64];

	snprintf(buf, sizeof(buf), "%.*f", digits, value);
	table_text(t, buf);
}

void
table_rate(struct libscols_table *t, double value)
{
	static const char units[] = "kMGT";
	char buf[64];
	int unit = -1;

	while (value >= 999.95 && unit + 1 < (int)sizeof(units) - 1) {
		value /= 1000;
		unit++;
	}
	if (unit < 0)
		snprintf(buf, sizeof(buf), "%.0f", value);
	else
		snprintf(buf, sizeof(buf), "%.*f %c",
			value < 10    ? 3
			: value < 100 ? 2
				      : 1,
			value, units[unit]);
	table_text(t, buf);
}

void
table_member(struct libscols_table *t, JsonObject *object, const char *key)
{
	g_autofree char *text = value_text(object, key);

	table_text(t, text);
}

void
table_end(struct libscols_table *t)
{
	must(scols_print_table(t) != 0);
	/* It leaves out the line end when there is no line. */
	scols_unref_table(t);
}

static bool sheet_started;

void
sheet_section(const char *title)
{
	printf("%s%s\n", sheet_started ? "\n" : "", title);
	sheet_started = true;
}

void
sheet_text(const char *label, const char *text)
{
	g_autofree char *clean = g_utf8_make_valid(text, -1);

	for (char *c = clean; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	printf("  %-18s %s\n", label, clean);
}

void
sheet_member(JsonObject *object, const char *key, const char *label)
{
	if (!object || !json_object_has_member(object, key))
		return;
	g_autofree char *text = value_text(object, key);
	sheet_text(label, text);
}
