/* SPDX-License-Identifier: BSD-3-Clause */
/* libnetvm: the calling thread's last error, for people. Any thread. */
#include "guest-pmd/private.h"

#include <stdarg.h>
#include <stdio.h>

static __thread char sentence[512];

int
netvm_fail(int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	return -err;
}

NETVM_API const char *
netvm_error(void)
{
	return sentence[0] ? sentence : "no error";
}

NETVM_API const char *
netvm_version(void)
{
	return NETVM_VERSION;
}
