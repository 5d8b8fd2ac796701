/* SPDX-License-Identifier: BSD-3-Clause */
/* Members of an answer, with their types checked. */
#include "src/cli/value.h"

static JsonNode *
member(JsonObject *object, const char *key)
{
	return object ? json_object_get_member(object, key) : NULL;
}

static bool
is_type(JsonNode *node, GType type)
{
	return node && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == type;
}

double
value_double(JsonObject *object, const char *key, double otherwise)
{
	JsonNode *node = member(object, key);

	if (is_type(node, G_TYPE_INT64) || is_type(node, G_TYPE_DOUBLE))
		return json_node_get_double(node);
	return otherwise;
}

gint64
value_int(JsonObject *object, const char *key, gint64 otherwise)
{
	JsonNode *node = member(object, key);

	return is_type(node, G_TYPE_INT64) ? json_node_get_int(node) : otherwise;
}

const char *
value_string(JsonObject *object, const char *key, const char *otherwise)
{
	JsonNode *node = member(object, key);

	return is_type(node, G_TYPE_STRING) ? json_node_get_string(node) : otherwise;
}

bool
value_true(JsonObject *object, const char *key)
{
	JsonNode *node = member(object, key);

	return is_type(node, G_TYPE_BOOLEAN) && json_node_get_boolean(node);
}

JsonObject *
value_object(JsonObject *object, const char *key)
{
	JsonNode *node = member(object, key);

	return node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

static JsonArray *
array_of(JsonNode *node)
{
	return node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
}

GPtrArray *
value_objects(JsonObject *object, const char *key)
{
	GPtrArray *list = g_ptr_array_new();
	JsonArray *array = array_of(member(object, key));

	for (guint i = 0; array && i < json_array_get_length(array); i++) {
		JsonNode *node = json_array_get_element(array, i);

		if (JSON_NODE_HOLDS_OBJECT(node))
			g_ptr_array_add(list, json_node_get_object(node));
	}
	return list;
}

static void
add_member(JsonObject *object, const gchar *name, JsonNode *node, gpointer sum)
{
	*(gint64 *)sum += value_int(object, name, 0);
}

gint64
value_sum(JsonObject *object)
{
	gint64 sum = 0;

	if (object)
		json_object_foreach_member(object, add_member, &sum);
	return sum;
}

static void
append(GString *s, JsonNode *node, const char *separator)
{
	if (is_type(node, G_TYPE_STRING)) {
		g_string_append(s, json_node_get_string(node));
	} else if (is_type(node, G_TYPE_INT64)) {
		g_string_append_printf(s, "%" G_GINT64_FORMAT, json_node_get_int(node));
	} else if (is_type(node, G_TYPE_DOUBLE)) {
		g_string_append_printf(s, "%.1f", json_node_get_double(node));
	} else if (is_type(node, G_TYPE_BOOLEAN)) {
		g_string_append(s, json_node_get_boolean(node) ? "yes" : "no");
	} else if (array_of(node)) {
		JsonArray *array = array_of(node);

		for (guint i = 0; i < json_array_get_length(array); i++) {
			if (i)
				g_string_append(s, separator);
			append(s, json_array_get_element(array, i), "/");
		}
	}
}

char *
value_text(JsonObject *object, const char *key)
{
	JsonNode *node = member(object, key);
	GString *s = g_string_new(NULL);

	if (node)
		append(s, node, ", ");
	if (!s->len)
		g_string_append_c(s, '-');
	return g_string_free(s, FALSE);
}
