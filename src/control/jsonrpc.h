/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * JSON-RPC 2.0: one line in, a method called, one line out. Knows no methods;
 * they come in a table. Control thread.
 */
#ifndef NETVM_CONTROL_JSONRPC_H
#define NETVM_CONTROL_JSONRPC_H

#include <json-glib/json-glib.h>

#define JSONRPC_PARAMS_MAX 8

struct control;

struct jsonrpc_method {
	const char *name;
	/* Names of the parameters, the first `required` of which must be there. "*"
	 * at the end: the method judges all further ones itself. */
	const char *params[JSONRPC_PARAMS_MAX];
	unsigned int required;
	/* params is never NULL. Returns the result, or NULL with error set. */
	JsonNode *(*call)(struct control *c, JsonObject *params, GError **error);
};

/* The reply to a line, malloc'ed, with its newline; NULL for a notification.
 * line NULL: the line was too long. methods ends with a name of NULL. */
char *jsonrpc_handle(const struct jsonrpc_method *methods, struct control *c, const char *line,
	gsize len, gsize *reply_len);

#endif
