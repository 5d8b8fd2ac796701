/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads members of an answer without trusting it: a member that is missing or
 * of another type gives the default. object may be NULL everywhere.
 */
#ifndef NETVM_CLI_VALUE_H
#define NETVM_CLI_VALUE_H

#include <stdbool.h>

#include <json-glib/json-glib.h>

double value_double(JsonObject *object, const char *key, double otherwise);
gint64 value_int(JsonObject *object, const char *key, gint64 otherwise);
const char *value_string(JsonObject *object, const char *key, const char *otherwise);
bool value_true(JsonObject *object, const char *key);
/* Borrowed, NULL when it is not there. */
JsonObject *value_object(JsonObject *object, const char *key);

/* A list of objects; others in the array are left out. Free the list only. */
GPtrArray *value_objects(JsonObject *object, const char *key);
/* Sum of the integer members of an object such as drops. */
gint64 value_sum(JsonObject *object);

/*
 * The member as people read it: text, numbers as they are, yes or no, a list
 * joined with ", ", a list inside a list with "/". "-" when it is not there.
 */
char *value_text(JsonObject *object, const char *key);

#endif
