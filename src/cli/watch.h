/* SPDX-License-Identifier: BSD-3-Clause */
/* netvmctl stats --watch */
#ifndef NETVM_CLI_WATCH_H
#define NETVM_CLI_WATCH_H

#include "src/cli/cli.h"

/* Shows rates each second until SIGINT or SIGTERM, which end it well. port
 * may be NULL. */
enum cli_exit watch(const struct cli *cli, const char *port);

#endif
