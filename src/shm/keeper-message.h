/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What netvmd and its keeper say to each other: one message a packet of a
 * SOCK_SEQPACKET socket, descriptors along with it. A request has one answer. This
 * cannot change, for a newer netvmd meets an older keeper.
 */
#ifndef NETVM_KEEPER_MESSAGE_H
#define NETVM_KEEPER_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include "src/shm/shm-keeper.h"

#define KEEPER_MAGIC 0x314b564e /* "NVK1" */

enum keeper_request {
	KEEPER_HOLD = 1, /* name, descriptors: replaces what is held under the name */
	KEEPER_GET = 2,  /* name; the answer has the descriptors */
	KEEPER_DROP = 3, /* prefix */
	KEEPER_HAS = 4,  /* prefix; result: names that begin with it */
	KEEPER_END = 5,  /* drop everything and end */
	KEEPER_NEXT = 6, /* name; result 1: the answer has the one that comes next (strcmp) */
};

struct keeper_message {
	uint32_t magic;
	uint32_t request;           /* enum keeper_request, also in the answer */
	int32_t result;             /* of the answer: -errno, or what the request says */
	uint32_t reserved;          /* 0 */
	char name[SHM_KEEPER_NAME]; /* with a terminating 0 */
};

_Static_assert(sizeof(struct keeper_message) == 16 + SHM_KEEPER_NAME, "layout");

/* 0 or -errno. */
int keeper_send(int sock, const struct keeper_message *m, const int *fd, unsigned int n);
/*
 * Receives a message into m, its descriptors into fd[] (close-on-exec) and their
 * number into *n. 0; -EPIPE: the other side is gone; -EAGAIN: nothing came in time;
 * -EPROTO: not a message, its descriptors are closed.
 */
int keeper_receive(int sock, struct keeper_message *m, int fd[SHM_KEEPER_FDS], unsigned int *n);

#endif
