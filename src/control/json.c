/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bounded JSON; see json.h. Any thread.
 */
#include <string.h>

#include "src/control/error.h"
#include "src/control/json.h"

JsonNode *
json_parse_bounded(const char *text, gsize len, unsigned int max_values, GError **error)
{
	g_autoptr(JsonParser) parser = NULL;
	g_autoptr(GError) why = NULL;
	unsigned int values = 0;
	JsonNode *root;

	if (!g_utf8_validate(text, (gssize)len, NULL)) {
		g_set_error_literal(
			error, NETVM_ERROR, NETVM_ERROR_PARSE, "this is not UTF-8 text");
		return NULL;
	}
	/* Brackets inside strings count too: simpler than telling them apart, and
	 * nothing that we read has many. */
	for (gsize i = 0; i < len; i++)
		values += text[i] == '[' || text[i] == '{';
	if (values > max_values) {
		g_set_error(error, NETVM_ERROR, NETVM_ERROR_PARSE,
			"there are more than %u arrays and objects", max_values);
		return NULL;
	}
	parser = json_parser_new_immutable();
	if (!json_parser_load_from_data(parser, text, (gssize)len, &why)) {
		g_set_error(error, NETVM_ERROR, NETVM_ERROR_PARSE, "this is not JSON: %s",
			why->message);
		return NULL;
	}
	root = json_parser_steal_root(parser);
	if (root == NULL)
		g_set_error_literal(
			error, NETVM_ERROR, NETVM_ERROR_PARSE, "this is empty, not JSON");
	return root;
}

char *
json_value_text(const char *name, JsonNode *value, GError **error)
{
	GType type =
		JSON_NODE_HOLDS_VALUE(value) ? json_node_get_value_type(value) : G_TYPE_INVALID;

	if (type == G_TYPE_STRING)
		return g_strdup(json_node_get_string(value));
	if (type == G_TYPE_INT64)
		return g_strdup_printf("%" G_GINT64_FORMAT, json_node_get_int(value));
	if (type == G_TYPE_BOOLEAN)
		return g_strdup(json_node_get_boolean(value) ? "yes" : "no");
	g_set_error(error, NETVM_ERROR, NETVM_ERROR_PARAMS,
		"%s is a string, a whole number or a boolean", name);
	return NULL;
}

bool
json_put_settings(
	const struct settings_table *t, JsonObject *o, void *set, uint32_t *given, GError **error)
{
	JsonObjectIter it;
	const char *key;
	JsonNode *value;

	json_object_iter_init(&it, o);
	while (json_object_iter_next(&it, &key, &value)) {
		g_autofree char *text = NULL;

		if (strcmp(key, "name") == 0)
			continue;
		text = json_value_text(key, value, error);
		if (text == NULL || !settings_put(t, set, key, text, given, error))
			return false;
	}
	return true;
}

char *
json_line(JsonNode *root, gsize *len)
{
	char *text = json_to_string(root, FALSE);
	gsize n = strlen(text);

	text = g_realloc(text, n + 2);
	text[n] = '\n';
	text[n + 1] = '\0';
	*len = n + 1;
	return text;
}

void
json_get_numbers(JsonObject *o, const char *member, gint64 most, GHashTable *numbers)
{
	JsonNode *node = json_object_get_member(o, member);
	JsonObjectIter it;
	const char *name;
	JsonNode *value;

	if (node == NULL || !JSON_NODE_HOLDS_OBJECT(node))
		return;
	json_object_iter_init(&it, json_node_get_object(node));
	while (json_object_iter_next(&it, &name, &value)) {
		gint64 n = -1;

		if (JSON_NODE_HOLDS_VALUE(value) && json_node_get_value_type(value) == G_TYPE_INT64)
			n = json_node_get_int(value);
		if (n >= 0 && n <= most)
			g_hash_table_insert(numbers, g_strdup(name), GUINT_TO_POINTER((guint)n));
	}
}

void
json_add_numbers(JsonBuilder *b, const char *member, GHashTable *numbers)
{
	g_autoptr(GList) names = g_list_sort(g_hash_table_get_keys(numbers), (GCompareFunc)strcmp);

	json_builder_set_member_name(b, member);
	json_builder_begin_object(b);
	for (GList *at = names; at != NULL; at = at->next) {
		json_builder_set_member_name(b, at->data);
		json_builder_add_int_value(
			b, GPOINTER_TO_UINT(g_hash_table_lookup(numbers, at->data)));
	}
	json_builder_end_object(b);
}
