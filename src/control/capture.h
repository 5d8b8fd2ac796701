/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Captures of the control socket's clients: from the data path's records to a
 * stream of pcapng on the connection that asked (doc/control-protocol.md,
 * capture.start). Control thread.
 */
#ifndef NETVM_CONTROL_CAPTURE_H
#define NETVM_CONTROL_CAPTURE_H

#include <json-glib/json-glib.h>

#include "src/control/control.h"

#define CAPTURE_COUNT_MAX    UINT64_C(1000000000000)
#define CAPTURE_DURATION_MAX 4000000 /* seconds: 46 days */
#define CAPTURE_FILTER_MAX   4096    /* bytes of a filter's text */

struct capture_request {
	struct port *port;
	struct dp_capture_config config;
	uint64_t count;      /* frames to write; 0: no end */
	uint32_t duration_s; /* 0: no end */
	const char *filter;  /* text; NULL: none */
};

/* Starts a capture and leaves in c->takeover who gets the connection. */
bool capture_start(struct control *c, const struct capture_request *rq, GError **error);
/* How many captures watch the port. */
unsigned int capture_count(const struct control *c, const struct port *p);
/* netvmd stops: ends all captures, sending what their clients take at once. */
void capture_stop_all(struct control *c);

/* capture-call.c: the method capture.start. */
JsonNode *capture_start_call(struct control *c, JsonObject *params, GError **error);

#endif
