/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The method capture.start: reads its parameters; see capture.h. Values come
 * as numbers or as text, as netvmctl got them. Control thread.
 */
#include <string.h>

#include "src/control/capture.h"
#include "src/control/error.h"
#include "src/control/json.h"
#include "src/control/values.h"

#define INSN_NUMBERS 4 /* code, jt, jf, k */

/* Absent parameters leave *out as it is. */
static bool
param_uint(JsonObject *params, const char *name, guint64 max, guint64 *out, GError **error)
{
	JsonNode *node = json_object_get_member(params, name);
	g_autofree char *text = NULL;

	if (node == NULL)
		return true;
	text = json_value_text(name, node, error);
	return text != NULL && value_uint(name, text, 1, max, out, error);
}

static bool
param_text(JsonObject *params, const char *name, gsize max, const char **out, GError **error)
{
	JsonNode *node = json_object_get_member(params, name);

	if (node == NULL)
		return true;
	if (!JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_STRING)
		return netvm_refuse(error, NETVM_ERROR_PARAMS, "%s is a string", name);
	*out = json_node_get_string(node);
	if (strlen(*out) > max)
		return netvm_refuse(error, NETVM_ERROR_PARAMS,
			"%s is longer than %zu bytes, the limit", name, max);
	return true;
}

static bool
param_direction(JsonObject *params, struct dp_capture_config *config, GError **error)
{
	static const char *const words[] = {"both", "in", "out", NULL};
	const char *text = "both";
	guint word = 0;

	if (!param_text(params, "direction", SIZE_MAX, &text, error) ||
		!value_word("direction", text, words, &word, error))
		return false;
	config->in = word != 2;
	config->out = word != 1;
	return true;
}

static bool
insn_number(JsonArray *a, guint at, guint64 max, guint64 *out, GError **error)
{
	JsonNode *node = json_array_get_element(a, at);
	gint64 n;

	if (!JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_INT64)
		return netvm_refuse(error, NETVM_ERROR_PARAMS,
			"program has something else than a whole number at %u", at);
	n = json_node_get_int(node);
	if (n < 0 || (guint64)n > max)
		return netvm_refuse(error, NETVM_ERROR_PARAMS,
			"program has %" G_GINT64_FORMAT " at %u: expected 0 to %" G_GUINT64_FORMAT,
			n, at, max);
	*out = (guint64)n;
	return true;
}

/* A new array of instructions in *program, NULL when there is none. */
static bool
param_program(JsonObject *params, struct dp_filter_insn **program, uint32_t *n, GError **error)
{
	JsonNode *node = json_object_get_member(params, "program");
	JsonArray *a;
	guint len;

	if (node == NULL)
		return true;
	if (!JSON_NODE_HOLDS_ARRAY(node))
		return netvm_refuse(error, NETVM_ERROR_PARAMS, "program is an array of numbers");
	a = json_node_get_array(node);
	len = json_array_get_length(a);
	if (len == 0 || len % INSN_NUMBERS != 0 || len / INSN_NUMBERS > DP_FILTER_MAX)
		return netvm_refuse(error, NETVM_ERROR_PARAMS,
			"program has %u numbers: expected code, jt, jf and k of each of 1 to %d "
			"instructions",
			len, DP_FILTER_MAX);
	*n = len / INSN_NUMBERS;
	*program = g_new0(struct dp_filter_insn, *n);
	for (guint i = 0; i < *n; i++) {
		guint64 code, jt, jf, k;
		guint at = i * INSN_NUMBERS;

		if (!insn_number(a, at, G_MAXUINT16, &code, error) ||
			!insn_number(a, at + 1, G_MAXUINT8, &jt, error) ||
			!insn_number(a, at + 2, G_MAXUINT8, &jf, error) ||
			!insn_number(a, at + 3, G_MAXUINT32, &k, error))
			return false;
		(*program)[i] = (struct dp_filter_insn){
			(uint16_t)code, (uint8_t)jt, (uint8_t)jf, (uint32_t)k};
	}
	return true;
}

static JsonNode *
started(const struct capture_request *rq)
{
	JsonNode *node = json_node_new(JSON_NODE_OBJECT);
	JsonObject *o = json_object_new();

	json_object_set_string_member(o, "port", rq->port->name);
	json_object_set_int_member(o, "snaplen", rq->config.snaplen);
	json_object_set_string_member(o, "format", "pcapng");
	json_node_take_object(node, o);
	return node;
}

JsonNode *
capture_start_call(struct control *c, JsonObject *params, GError **error)
{
	struct capture_request rq = {.filter = NULL};
	guint64 snaplen = DP_SNAPLEN_MAX, duration = 0;
	g_autofree struct dp_filter_insn *program = NULL;
	const char *name = NULL;

	if (!param_text(params, "port", SIZE_MAX, &name, error))
		return NULL;
	rq.port = control_port_find(c, name, error);
	if (rq.port == NULL || !param_uint(params, "snaplen", DP_SNAPLEN_MAX, &snaplen, error) ||
		!param_uint(params, "count", CAPTURE_COUNT_MAX, &rq.count, error) ||
		!param_uint(params, "duration", CAPTURE_DURATION_MAX, &duration, error) ||
		!param_direction(params, &rq.config, error) ||
		!param_text(params, "filter", CAPTURE_FILTER_MAX, &rq.filter, error) ||
		!param_program(params, &program, &rq.config.nprogram, error))
		return NULL;
	if (rq.filter != NULL && program == NULL) {
		netvm_refuse(error, NETVM_ERROR_PARAMS,
			"filter is only the text of a filter: program has it as libpcap compiles "
			"it");
		return NULL;
	}
	rq.config.snaplen = (uint32_t)snaplen;
	rq.config.program = program;
	rq.duration_s = (uint32_t)duration;
	if (!capture_start(c, &rq, error))
		return NULL;
	g_message("port %s: capture started%s%s", rq.port->name,
		rq.filter != NULL ? ", filter " : "", rq.filter != NULL ? rq.filter : "");
	return started(&rq);
}
