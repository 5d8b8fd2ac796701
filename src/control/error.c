/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * GError domain of the control plane; see error.h. Any thread.
 */
#include <errno.h>

#include "src/control/error.h"

G_DEFINE_QUARK(netvm - error, netvm_error)

bool
netvm_refuse(GError **error, enum netvm_error code, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	if (error != NULL)
		*error = g_error_new_valist(NETVM_ERROR, code, format, ap);
	va_end(ap);
	return false;
}

void
netvm_error_from_errno(GError **error, int rc, const char *text)
{
	int code;

	switch (-rc) {
	case EINVAL:
	case ERANGE:
	case ENAMETOOLONG:
	case EOPNOTSUPP:
		code = NETVM_ERROR_PARAMS;
		break;
	case EEXIST:
		code = NETVM_ERROR_EXISTS;
		break;
	case EBUSY:
	case EADDRINUSE:
		code = NETVM_ERROR_BUSY;
		break;
	default:
		code = NETVM_ERROR_SYSTEM;
	}
	g_set_error_literal(
		error, NETVM_ERROR, code, text[0] != '\0' ? text : g_strerror(rc < 0 ? -rc : EIO));
}
