/* SPDX-License-Identifier: BSD-3-Clause */
/* How workers sleep and are woken; sleep.c has the theory of operation. */
#ifndef NETVM_SLEEP_H
#define NETVM_SLEEP_H

#include "src/datapath/worker.h"

/* Control thread: descriptors of a worker. Returns 0 or a negative errno. */
int sleep_open(struct worker *w);
void sleep_close(struct worker *w);

/* Any thread: makes w look at everything again before it sleeps on. */
void sleep_wake(struct worker *w);

/* Control thread: queue's wake-ups go to w from now on; to nobody. */
void sleep_attach(struct dp_port *p, uint16_t queue, struct worker *w);
void sleep_detach(struct dp_port *p, uint16_t queue);

enum sleep_end {
	SLEEP_NOT,   /* there was work already */
	SLEEP_EVENT, /* woken: a kick, or something was changed */
	SLEEP_TIMER, /* time for a queue that cannot wake us */
};
/* The worker itself, online for RCU; comes back online. */
enum sleep_end worker_sleep(struct worker *w);

#endif
