/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A small netvmd around src/shm, without a test framework: EAL on ordinary memory,
 * one group, some ports, and a worker that moves what port i sends to port i ^ 1.
 * Guests come by the sockets (tests/shm/client.h). The test is the control thread.
 */
#ifndef NETVM_SHM_HOST_H
#define NETVM_SHM_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/shm/shm-port.h"

#define HOST_PORTS 4

struct host {
	char dir[64], shm[80]; /* the run directory, and where its sockets are */
	struct shm_pool *pool;
	struct shm_port *port[HOST_PORTS];
	char name[HOST_PORTS][NETVM_NAME_MAX];
};
extern struct host host;

int64_t host_ms(void);
unsigned int host_fds(void); /* that this process has open */
/* EAL, the folder's thread, the worker. `dir` NULL: a new directory. Sentences of what
 * fails go to stderr. */
bool host_start(const char *dir);
/* Makes the group; size 0: 4 MiB. */
bool host_pool(uint64_t size);
struct shm_port_config host_config(unsigned int i);
/* Port i, with host_config() or another one; the worker serves it. NULL: `err`. */
struct shm_port *host_port(unsigned int i, const struct shm_port_config *cfg);
extern char host_err[320];
/* The worker leaves it, and it is destroyed. */
void host_port_gone(unsigned int i);
/* The group goes; false: buffers are missing. */
bool host_pool_gone(void);
/* All ports, the pool, the thread; removes the directory if it was new. False: buffers or
 * descriptors are missing. */
bool host_stop(void);

struct shm_port_status host_status(unsigned int i);
/* Waits for up to 20 s. */
bool host_wait(unsigned int i, enum shm_port_state state);
bool host_wait_owned(unsigned int i, uint32_t owned);
unsigned int host_kicks(void); /* calls of env's kick_changed */
/* How many sentences there were for the log; the last one with this word in it, for up to
 * 20 s, goes to text. */
unsigned int host_warnings(void);
bool host_wait_warning(const char *word, char text[400]);

#endif
