/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * JSON that comes from outside, bounded before json-glib sees it, and small
 * helpers around json-glib. Any thread.
 */
#ifndef NETVM_CONTROL_JSON_H
#define NETVM_CONTROL_JSON_H

#include <stdbool.h>

#include <json-glib/json-glib.h>

#include "src/control/settings.h"

/*
 * Parses text, which must be UTF-8 without NUL. json-glib descends one stack
 * frame per nested value and knows no limit, so texts with more than
 * max_values arrays and objects, nested or not, are refused first.
 */
JsonNode *json_parse_bounded(const char *text, gsize len, unsigned int max_values, GError **error);

/* A setting's value as text: strings as they are, whole numbers, booleans as
 * yes and no. NULL with error set for anything else. */
char *json_value_text(const char *name, JsonNode *value, GError **error);

/* settings_put() for every member of o but "name". */
bool json_put_settings(
	const struct settings_table *t, JsonObject *o, void *set, uint32_t *given, GError **error);
/* One line, with \n at the end. */
char *json_line(JsonNode *root, gsize *len);

/* An object of whole numbers by name. What is not one from 0 to most is left out. */
void json_get_numbers(JsonObject *o, const char *member, gint64 most, GHashTable *numbers);
void json_add_numbers(JsonBuilder *b, const char *member, GHashTable *numbers);

#endif
