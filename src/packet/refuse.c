/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What cannot be done is said in a sentence; see refuse.h.
 */
#include <stdarg.h>
#include <stdio.h>

#include "src/packet/refuse.h"

int
refuse(char *err, size_t errlen, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(err, errlen, format, args);
	va_end(args);
	return -code;
}
