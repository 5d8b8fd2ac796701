/* SPDX-License-Identifier: BSD-3-Clause */
/* netvmd's control socket: doc/control-protocol.md as a client sees it. */
#ifndef NETVM_CLI_CLIENT_H
#define NETVM_CLI_CLIENT_H

#include "src/cli/cli.h"

/* Codes of CLIENT_ERROR are those of the protocol, and these. */
#define CLIENT_ERROR      (client_error_quark())
#define CLIENT_NO_ANSWER  (-32000) /* no daemon, or no valid answer */
#define CLIENT_BAD_USAGE  (-32001) /* netvmctl refused its own command line */
#define CLIENT_BAD_CONFIG (-32002) /* config check found a mistake */
GQuark client_error_quark(void);

typedef struct client Client; /* the name that g_autoptr wants */
/*
 * Connects to RUN_DIR/control.sock; timeout_s bounds each wait. *absent (may be
 * NULL) tells that nobody listens there, which may change.
 */
struct client *client_new(const char *run_dir, guint timeout_s, bool *absent, GError **err);
void client_free(struct client *c);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Client, client_free)

/* One request and its result. params (may be NULL) is taken over. */
JsonObject *client_call(struct client *c, const char *method, JsonObject *params, GError **err);

/*
 * What follows the last answer, for a connection that is a stream from then on.
 * Like read(2) on a descriptor that does not block; the socket is for waiting
 * and stays the client's.
 */
gssize client_read(struct client *c, void *buf, gsize n);
int client_socket(const struct client *c);

/*
 * The usual verb: connect, call, print. With --json prints the result itself;
 * print may be NULL for a verb that says nothing when it is done.
 */
enum cli_exit client_run(const struct cli *cli, const char *method, JsonObject *params,
	void (*print)(JsonObject *result));

#endif
