/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * JSON-RPC 2.0; see jsonrpc.h. Control thread.
 */
#include <string.h>

#include "src/control/error.h"
#include "src/control/json.h"
#include "src/control/jsonrpc.h"
#include "src/control/rpc.h"

#define REQUEST_VALUES 64 /* arrays and objects in a request: params, settings */

/* What we found in a request before something may have gone wrong. */
struct request {
	JsonNode *id; /* NULL: none was there */
	const char *method;
	JsonObject *params; /* NULL: none */
};

static bool
is_value(JsonNode *node, GType type)
{
	return node != NULL && JSON_NODE_HOLDS_VALUE(node) &&
	       json_node_get_value_type(node) == type;
}

static bool
read_request(JsonNode *root, struct request *rq, GError **error)
{
	JsonObject *o;
	JsonNode *node;

	if (JSON_NODE_HOLDS_ARRAY(root))
		return netvm_refuse(error, NETVM_ERROR_REQUEST,
			"batches are not served: send one request per line");
	if (!JSON_NODE_HOLDS_OBJECT(root))
		return netvm_refuse(error, NETVM_ERROR_REQUEST, "a request is a JSON object");
	o = json_node_get_object(root);
	node = json_object_get_member(o, "id");
	if (node != NULL && !JSON_NODE_HOLDS_NULL(node) && !is_value(node, G_TYPE_STRING) &&
		!is_value(node, G_TYPE_INT64) && !is_value(node, G_TYPE_DOUBLE))
		return netvm_refuse(error, NETVM_ERROR_REQUEST, "id is a string or a number");
	rq->id = node;
	node = json_object_get_member(o, "jsonrpc");
	if (!is_value(node, G_TYPE_STRING) || strcmp(json_node_get_string(node), "2.0") != 0)
		return netvm_refuse(
			error, NETVM_ERROR_REQUEST, "jsonrpc is missing: it is \"2.0\"");
	node = json_object_get_member(o, "method");
	if (!is_value(node, G_TYPE_STRING))
		return netvm_refuse(
			error, NETVM_ERROR_REQUEST, "method is missing: it is a string");
	rq->method = json_node_get_string(node);
	node = json_object_get_member(o, "params");
	if (node == NULL)
		return true;
	if (!JSON_NODE_HOLDS_OBJECT(node))
		return netvm_refuse(
			error, NETVM_ERROR_PARAMS, "params is an object of named parameters");
	rq->params = json_node_get_object(node);
	return true;
}

static bool
known_param(const struct jsonrpc_method *m, const char *name)
{
	for (unsigned int i = 0; i < JSONRPC_PARAMS_MAX && m->params[i] != NULL; i++)
		if (strcmp(m->params[i], "*") == 0 || strcmp(m->params[i], name) == 0)
			return true;
	return false;
}

static bool
check_params(const struct jsonrpc_method *m, JsonObject *params, GError **error)
{
	g_autoptr(GList) names = json_object_get_members(params);

	for (GList *l = names; l != NULL; l = l->next) {
		if (known_param(m, l->data))
			continue;
		g_set_error(error, NETVM_ERROR, NETVM_ERROR_PARAMS, "%s has no parameter \"%s\"",
			m->name, (const char *)l->data);
		return false;
	}
	for (unsigned int i = 0; i < m->required; i++) {
		if (json_object_has_member(params, m->params[i]))
			continue;
		g_set_error(error, NETVM_ERROR, NETVM_ERROR_PARAMS, "%s needs the parameter \"%s\"",
			m->name, m->params[i]);
		return false;
	}
	return true;
}

static JsonNode *
call(const struct jsonrpc_method *methods, struct control *c, const struct request *rq,
	GError **error)
{
	g_autoptr(JsonObject) none = json_object_new();
	JsonObject *params = rq->params != NULL ? rq->params : none;

	for (const struct jsonrpc_method *m = methods; m->name != NULL; m++) {
		if (strcmp(m->name, rq->method) != 0)
			continue;
		return check_params(m, params, error) ? m->call(c, params, error) : NULL;
	}
	g_set_error(
		error, NETVM_ERROR, NETVM_ERROR_METHOD, "there is no method \"%s\"", rq->method);
	return NULL;
}

/* Takes result. */
static char *
reply(JsonNode *id, JsonNode *result, const GError *error, gsize *len)
{
	g_autoptr(JsonNode) root = json_node_new(JSON_NODE_OBJECT);
	JsonObject *o = json_object_new();

	json_object_set_string_member(o, "jsonrpc", "2.0");
	json_object_set_member(
		o, "id", id != NULL ? json_node_copy(id) : json_node_new(JSON_NODE_NULL));
	if (result != NULL) {
		json_object_set_member(o, "result", result);
	} else {
		JsonObject *e = json_object_new();

		json_object_set_int_member(
			e, "code", error->domain == NETVM_ERROR ? error->code : NETVM_ERROR_SYSTEM);
		json_object_set_string_member(e, "message", error->message);
		json_object_set_object_member(o, "error", e);
	}
	json_node_take_object(root, o);
	return json_line(root, len);
}

char *
jsonrpc_handle(const struct jsonrpc_method *methods, struct control *c, const char *line, gsize len,
	gsize *reply_len)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(JsonNode) root = NULL;
	struct request rq = {0};
	JsonNode *result = NULL;

	if (line == NULL)
		g_set_error(&error, NETVM_ERROR, NETVM_ERROR_PARSE,
			"the request is longer than %d bytes", RPC_LINE_MAX);
	else
		root = json_parse_bounded(line, len, REQUEST_VALUES, &error);
	if (root != NULL && read_request(root, &rq, &error)) {
		g_assert(rq.method != NULL); /* or read_request() would have refused */
		result = call(methods, c, &rq, &error);
		if (rq.id == NULL) {
			g_clear_pointer(&result, json_node_unref);
			return NULL;
		}
	} else if (root != NULL && rq.method != NULL && rq.id == NULL) {
		return NULL; /* A notification with bad params. */
	}
	return reply(rq.id, result, error, reply_len);
}
