/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control plane's GError domain. The codes are those of the control
 * socket (doc/control-protocol.md), so an error goes to a client as it is.
 * Any thread; linked by netvmd and netvmctl.
 */
#ifndef NETVM_CONTROL_ERROR_H
#define NETVM_CONTROL_ERROR_H

#include <stdbool.h>

#include <glib.h>

#define NETVM_ERROR (netvm_error_quark())
GQuark netvm_error_quark(void);

enum netvm_error {
	NETVM_ERROR_PARSE = -32700,
	NETVM_ERROR_REQUEST = -32600,
	NETVM_ERROR_METHOD = -32601,
	NETVM_ERROR_PARAMS = -32602,
	NETVM_ERROR_NOT_FOUND = 1,
	NETVM_ERROR_EXISTS = 2,
	NETVM_ERROR_BUSY = 3,
	NETVM_ERROR_SYSTEM = 4,
};

/* Sets error to one sentence and returns false. */
bool netvm_refuse(GError **error, enum netvm_error code, const char *format, ...)
	G_GNUC_PRINTF(3, 4);
/* Sets error from what a function of the data path returned and said. */
void netvm_error_from_errno(GError **error, int rc, const char *text);

#endif
