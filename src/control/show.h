/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Objects as JSON, with the keys of doc/control-protocol.md. Control thread.
 */
#ifndef NETVM_CONTROL_SHOW_H
#define NETVM_CONTROL_SHOW_H

#include <json-glib/json-glib.h>

#include "src/control/control.h"

#define SHOW_FDB_MAX 50000 /* entries in one reply */

JsonObject *show_status(struct control *c);
JsonObject *show_port(struct control *c, const struct port *p);
JsonObject *show_network(struct control *c, const struct network *n);
JsonObject *show_group(struct control *c, const struct trust_group *g);
JsonObject *show_fdb(const struct network *n);
JsonArray *show_workers(void);
/* One port (only), or all of them when it is NULL. */
JsonObject *show_stats(struct control *c, const struct port *only);

#endif
