/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two frontends that talk to each other on a thread of their own, for tests that
 * do something to them meanwhile. What was sent arrives in order and unchanged,
 * or not at all.
 */
#ifndef NETVM_FE_TRAFFIC_H
#define NETVM_FE_TRAFFIC_H

#include <pthread.h>
#include <stdatomic.h>

#include "tests/unit/vhost-harness.h"

struct traffic {
	struct fe *fe[2];
	uint32_t sent[2], got[2]; /* sequence numbers, by who sends */
	uint64_t received;
	uint64_t seed;
	pthread_mutex_t step; /* held: both stand still */
	const char *failed;   /* what was wrong first */
	_Atomic bool quit;
	pthread_t thread;
};

void traffic_start(struct traffic *t, struct fe *a, struct fe *b, uint64_t seed);
/* Ends the thread; fails the test when something arrived wrongly. */
void traffic_stop(struct traffic *t);
/* Waits until so many frames more have arrived. */
void traffic_flows(struct traffic *t, uint64_t frames);

/* A few frames of one of them, by who holds `step`. */
void traffic_send(struct traffic *t, unsigned int from);

#endif
