/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of ports; see table.h. Neighbours: everything in this folder. */
#include <stdarg.h>
#include <stdio.h>

#include "src/datapath/table.h"

struct dp_port *dp_ports[DP_PORTS_MAX];

int
dp_fail(struct dp_error *err, int rc, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, args);
	va_end(args);
	return rc;
}
