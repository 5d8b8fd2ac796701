/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * systemd's descriptor store as a keeper: what shm-keeper.c does under the service
 * manager. Same functions, same meaning, no lock.
 */
#ifndef NETVM_KEEPER_STORE_H
#define NETVM_KEEPER_STORE_H

#include "src/shm/shm-keeper.h"

/* Whether the service manager is there to ask ($NOTIFY_SOCKET). */
bool keeper_store_there(void);
/* Takes over what the manager passed at our start ($LISTEN_FDS); once. */
void keeper_store_start(void);
int keeper_store_hold(const char *name, const int *fd, unsigned int n);
int keeper_store_get(const char *name, int fd[SHM_KEEPER_FDS]);
void keeper_store_drop(const char *prefix);
bool keeper_store_has(const char *prefix);
bool keeper_store_next(char name[SHM_KEEPER_NAME]);
/* Forgets what we know; the manager goes on holding. */
void keeper_store_stop(void);

#endif
