/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A hostile vhost-user peer that does what a fuzzer's input says: messages that
 * are almost right, descriptors of the wrong kind, memory that shrinks, rings
 * whose contents make no sense. It never waits for a reply.
 *
 * The input is a small program: one byte says which operation, its operands
 * follow; what is missing at the end is 0. peer_run() lists the operations.
 */
#ifndef NETVM_FUZZ_VHOST_PEER_H
#define NETVM_FUZZ_VHOST_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PEER_RINGS        4
#define PEER_RING_BYTES   0x4000u /* descriptors, avail, used of a ring of up to 256 */
#define PEER_REGIONS      2
#define PEER_REGION_BYTES 0x40000u

struct peer_input {
	const uint8_t *at, *end;
};

struct peer {
	struct peer_input in;
	const char *path;
	int fd;                /* connection; -1: none */
	int mem[PEER_REGIONS]; /* memfds, made anew for each case */
	uint32_t size[PEER_REGIONS];
	uint16_t avail[PEER_RINGS]; /* what stands in avail->idx */
	unsigned int pauses;        /* half messages so far: each costs 50 ms */
	unsigned int operations;
	void (*settle)(void);                          /* lets the worker go round */
	void (*deliver)(uint32_t len, unsigned int n); /* frames to the peer */
};

/* Descriptors of all kinds that messages carry; once. */
void peer_kinds_open(void);
/* Runs one input; what was opened is closed again. */
void peer_run(struct peer *p, const uint8_t *data, size_t size);

/* --- vhost-peer-message.c --------------------------------------------------- */

void peer_check(bool ok, const char *what);
uint64_t peer_take(struct peer *p, unsigned int bytes);
int peer_dial(const char *path);
void peer_hang_up(struct peer *p);
/* The backend has read what was sent, and the worker has seen what came of it. */
void peer_settle(struct peer *p);
/* A message as a good peer sends it. */
void peer_tell(struct peer *p, uint32_t request, unsigned int ring, uint64_t value);
/* A message as the input wants it. */
void peer_any_message(struct peer *p);
/* Bytes that are no message, with a descriptor or two. */
void peer_send(struct peer *p, const void *bytes, uint32_t len);

#endif
