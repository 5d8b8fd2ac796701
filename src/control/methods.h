/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The methods of the control socket (doc/control-protocol.md). Control thread.
 */
#ifndef NETVM_CONTROL_METHODS_H
#define NETVM_CONTROL_METHODS_H

#include "src/control/jsonrpc.h"

extern const struct jsonrpc_method control_methods[];

/* The port that this parameter names; NULL and an error: none. */
struct port *methods_port(struct control *c, JsonObject *params, const char *key, GError **error);

/* messages.c: the method port.messages. */
JsonNode *port_messages_call(struct control *c, JsonObject *params, GError **error);

#endif
