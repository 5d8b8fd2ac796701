/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The keeper holds descriptors across our death: pool and ring memories,
 * doorbells, connected sockets. QEMU never reconnects to an ivshmem server, and
 * eventfds have no names, so whoever wants to go on needs the very same
 * descriptors.
 *
 * Under systemd it is the service manager (sd_notify FDSTORE=1, LISTEN_FDNAMES at
 * the start); else a process of ours, netvm-keeper, which is started with the first
 * descriptor and listens on run_dir/keeper.sock: it keeps what it is given and gives
 * it to the next netvmd of this user. It ends when it is told to, or when it
 * holds nothing and nobody is connected. It knows names and descriptors and
 * nothing else, so that a newer netvmd can use an older keeper.
 *
 * A name is OBJECT/NAME/WHAT, such as "port/fw0/memory" or "pool/blue/memory";
 * there may be several descriptors under one name, in the order in which they
 * were given.
 *
 * Thread: the control thread and shm's own; calls are serialised by a lock.
 */
#ifndef NETVM_SHM_KEEPER_H
#define NETVM_SHM_KEEPER_H

#include <stdbool.h>
#include <stddef.h>

#define SHM_KEEPER_FDS  16 /* descriptors under one name */
#define SHM_KEEPER_NAME 96 /* bytes of a name with its terminating 0 */

/* Connects to the keeper of run_dir; where there is none, the first
 * shm_keeper_hold() starts one. 0, or -errno with a sentence: it cannot be found. */
int shm_keeper_start(const char *run_dir, char *err, size_t errlen);
/* Replaces what is held under the name; the descriptors stay the caller's, too.
 * 0, or -errno when it is not held now: the object then does not survive us. */
int shm_keeper_hold(const char *name, const int *fd, unsigned int n);
/* How many keepers were lost, with all that they held: what was held at another number
 * has to be held again. Looks whether it is still there. */
unsigned int shm_keeper_lost(void);
/* What an earlier daemon held: new descriptors into fd[]; returns how many, 0: none,
 * -errno. */
int shm_keeper_get(const char *name, int fd[SHM_KEEPER_FDS]);
/* Forgets all names that begin with prefix. */
void shm_keeper_drop(const char *prefix);
/* Whether names with this prefix are held. */
bool shm_keeper_has(const char *prefix);
/* Replaces a name ("": before the first) by the one that comes after it. False: none does,
 * or the keeper is an older one, which does not know of this. */
bool shm_keeper_next(char name[SHM_KEEPER_NAME]);
/* shm-settle.c. Forgets every object ("port", "fw0") that `exists` does not know: its memory is
 * free, and who is connected to it sees the end. */
void shm_keeper_settle(bool (*exists)(const char *kind, const char *name, void *user), void *user);
/* Disconnects; with `end` the keeper drops everything and ends. */
void shm_keeper_stop(bool end);

#endif
