/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an earlier daemon had, the keeper holds, and this one has not: ports and groups
 * that left the config or the state file. Control thread, when all that there is has been
 * made. Neighbour: shm-keeper.c.
 */
#include <stdio.h>
#include <string.h>

#include "src/shm/shm-keeper.h"

void
shm_keeper_settle(bool (*exists)(const char *kind, const char *name, void *user), void *user)
{
	char name[SHM_KEEPER_NAME] = "", kind[SHM_KEEPER_NAME], object[SHM_KEEPER_NAME];

	while (shm_keeper_next(name)) {
		if (sscanf(name, "%95[^/]/%95[^/]/", kind, object) != 2 ||
			exists(kind, object, user))
			continue;
		strrchr(name, '/')[1] = '\0';
		shm_keeper_drop(name);
	}
}
