/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of workers, which `worker list` and `stats` share. */
#ifndef NETVM_CLI_WORKER_H
#define NETVM_CLI_WORKER_H

#include <json-glib/json-glib.h>

/* result has a member workers. */
void worker_print(JsonObject *result);

#endif
