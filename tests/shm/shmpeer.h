/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * shmpeer: a network function on the command line, for system tests; what its
 * parts share.
 *
 *	shmpeer.c          options, the loop, reports
 *	shmpeer-frame.c    numbered frames: building and judging them
 *	shmpeer-modes.c    what an honest NF does in a turn of the loop
 *	shmpeer-hostile.c  what a dishonest one does between turns
 *	shmpeer-memory.c   which of that is done to memory and sockets
 */
#ifndef NETVM_TESTS_SHM_SHMPEER_H
#define NETVM_TESTS_SHM_SHMPEER_H

#include "tests/shm/client.h"

#define PEER_BURST  32
#define PEER_SPARE  8192
#define PEER_FRAME  (PEER_BURST * 2048)
#define PEER_HEADER 28 /* of a numbered frame: addresses, type, stream, number */

struct options {
	const char *dir, *port;
	double seconds, timeout, report; /* report: between two lines, 0: only at the end */
	double rate;                     /* packets per second, 0: as fast as it goes */
	double die;                      /* SIGKILLs itself within this time, 0: does not */
	uint64_t count;                  /* ends when so many were received, 0: does not */
	uint32_t size, inflight, delay_us, seed;
	uint8_t to[6];
	bool spin, rude, once;
	const char *act; /* hostile: only this one */
};

/* What is known of the frames that come. */
struct tally {
	uint64_t sent, received, bytes, lost, reordered, corrupt, foreign;
	uint64_t next; /* number that should come next */
	uint32_t stream;
	double last, gap; /* when the last one came; longest time between two */
};

struct peer {
	const struct options *opt;
	struct client c;
	struct tally t;
	uint32_t stream; /* of what we send */
	uint64_t random;
	double start, due; /* due: how many may have been sent by now */
	uint32_t spare[PEER_SPARE], spares;
	uint64_t reopened, full, dry; /* dry: wanted a buffer and had none */
	uint64_t acts, bad;           /* hostile: done; and what should have been refused */
	uint32_t generation;
	uint8_t frame[PEER_FRAME];
};

/* shmpeer.c */
extern volatile int peer_stop;
uint64_t peer_random(struct peer *p); /* xorshift; the seed decides */
void peer_free(struct peer *p, unsigned int pair, uint32_t buffer);
bool peer_take(struct peer *p, unsigned int pair, uint32_t *buffer);

/* shmpeer-frame.c: 0, or how many descriptors were used. */
uint32_t frame_make(
	struct peer *p, unsigned int pair, uint64_t number, struct netvm_desc d[NETVM_SEGS_MAX]);
void frame_judge(struct peer *p, const struct netvm_desc *d, uint32_t n);

/* A turn: returns how many packets it handled. */
typedef uint32_t (*peer_turn)(struct peer *p, unsigned int pair);
peer_turn mode_find(const char *name);
uint32_t turn_traffic(struct peer *p, unsigned int pair);

/* shmpeer-hostile.c, shmpeer-memory.c */
int hostile_run(struct peer *p);
void hostile_list(void);
struct act {
	const char *name, *what;
	void (*run)(struct peer *p);
	unsigned int seldom; /* of so many turns that choose it, one does it */
};
extern const struct act memory_acts[];

#endif
