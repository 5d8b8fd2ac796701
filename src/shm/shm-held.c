/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sentences about what is not held; see shm-held.h. Neighbours: shm-pool-memory.c and
 * shm-client.c hold, shm-keeper.c is asked to.
 */
#include "src/shm/shm-held.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/shm/shm-port.h"
#include "src/shm/shm-private.h"

/* The reason, and what to do about it. */
static const char *
reason(int code, const char **remedy)
{
	*remedy = "see that netvm-keeper can be run; netvmd tries again while a guest is attached";
	switch (code) {
	case ENOEXEC:
		return "netvm-keeper did not start";
	case EPIPE:
	case ECONNRESET:
	case ENOTCONN:
		return "netvm-keeper has ended";
	case EAGAIN:
	case ETIMEDOUT:
		*remedy = "end that process, and restart netvmd when no guest needs it";
		return "netvm-keeper does not answer";
	case ENOSPC:
		*remedy = "have fewer ports with guests on them";
		return "netvm-keeper has no room left";
	default:
		*remedy = "see that netvm-keeper can be run or, under systemd, that the unit has "
			  "NotifyAccess=main and FileDescriptorStoreMax=";
		return strerrordesc_np(code);
	}
}

void
shm_held_say(const char *kind, const char *name, const char *what, const char *whom, int error)
{
	const char *remedy, *why = reason(-error, &remedy);
	char text[400];

	if (error == 0 || !shm_env->warn)
		return;
	snprintf(text, sizeof(text),
		"%s %s: its %s cannot be held across a restart (%s), which %s will not survive: %s",
		kind, name, what, why ? why : "unknown error", whom, remedy);
	shm_env->warn(text);
}
