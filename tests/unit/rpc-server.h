/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A control socket and its clients for tests: the handler answers every line
 * with its length and content, "quiet" with nothing, "big" with BIG_REPLY bytes,
 * and gives the connection away for "mine" and "big mine". The main context is
 * turned by the test itself, so everything runs on one thread.
 */
#ifndef NETVM_RPC_SERVER_H
#define NETVM_RPC_SERVER_H

#include <string.h>

#include "src/control/rpc.h"

#define BIG_REPLY (6 << 20)

struct server {
	char *dir, *path;
	int fd;
	struct rpc *rpc;
	unsigned int lines, too_long;
	int taken;
	unsigned int takes;
};

/* For cmocka; *state is a struct server. */
int server_setup(void **state);
int server_teardown(void **state);

int client(const struct server *s);
/* Lets the server work until it has nothing more to do. */
void turn(void);
/* Sends all of it, turning the server where the socket is full. */
void put(int fd, const char *text, size_t len);
#define PUT(fd, text) put(fd, text, strlen(text))
/* What the client can read now; NULL at the end of the stream. */
char *get(int fd);

#endif
