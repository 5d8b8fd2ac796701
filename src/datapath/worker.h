/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker: one polling thread on its own core, run to completion. What it
 * polls is published by the control thread; what it counts is read by it.
 */
#ifndef NETVM_WORKER_H
#define NETVM_WORKER_H

#include "src/datapath/forward.h"
#include "src/datapath/port.h"

struct rx_queue {
	struct dp_port *port;
	uint16_t queue;
};

/* The queues that a worker polls, and in which order: see rounds.c. */
struct rx_list {
	uint32_t count;
	struct rounds *rounds;   /* the worker's own; nobody else looks inside */
	struct rx_queue queue[]; /* immutable once published */
};

/* Written by the worker, relaxed; read by the control thread. */
struct worker_counters {
	uint64_t packets;
	uint64_t busy_cycles, idle_cycles;
	uint64_t sleeps;
};

struct worker {
	uint16_t id;
	uint16_t cpu;
	uint8_t state;         /* enum dp_worker_state, relaxed */
	int epoll_fd, wake_fd; /* sleep.c */
	struct rx_list *rx;    /* published; acquire pairs with worker_assign() */
	uint64_t now;          /* TSC of this iteration; relaxed, the control thread looks too */
	uint64_t second_end;   /* when now_s has to be computed again */
	uint32_t now_s;        /* dp_clock_seconds(now) */
	struct worker_counters counters;
	/* Ports whose device keeps what this worker lent it until it is asked. */
	uint16_t nreap;
	uint64_t reap[DP_PORTS_MAX / 64]; /* bit: port index */
	struct forward forward;           /* classification of the burst at hand */
	struct packet_burst burst;        /* being forwarded */
	struct packet_burst scratch;      /* pieces of a segmented frame */
	/* By port and reason: frames that did not get through. Relaxed, this
	 * worker writes. */
	uint64_t drop[DP_PORTS_MAX][DROP_REASONS];
};

extern struct worker *dp_worker[DP_WORKERS_MAX];
extern uint16_t dp_nworkers; /* constant while workers run */

/* Spin time before sleep in TSC cycles; UINT64_MAX: never sleep. Relaxed. */
extern uint64_t dp_idle_cycles;

/* Control thread. Creates worker number id, not running. NULL: no memory or no
 * descriptors (errno). free is for a worker that has stopped. */
struct worker *worker_new(uint16_t id, uint16_t cpu);
void worker_free(struct worker *w);

/* The thread: returns after worker_stop_all(). arg is the worker. */
int worker_run(void *arg);
void worker_stop_all(void);

/* One iteration; returns the number of frames moved, 0 only when every queue
 * was found empty. Only worker_run() and tests. */
unsigned int worker_poll(struct worker *w);
/* One burst of a queue, run to completion; returns its frames. */
unsigned int worker_burst(struct worker *w, struct dp_port *p, uint16_t queue);

/* Control thread. Gives the port's receive queues to the workers with the
 * fewest, or takes them away; both return when every worker knows. */
int worker_assign(struct dp_port *p);
void worker_unassign(struct dp_port *p);

/* Worker: tx_reap() of p is to be called in each round until it says enough. */
static inline void
worker_reap_later(struct worker *w, const struct dp_port *p)
{
	uint64_t bit = UINT64_C(1) << p->index % 64, *word = &w->reap[p->index / 64];

	w->nreap += (*word & bit) == 0;
	*word |= bit;
}

static inline void
worker_drop(struct worker *w, const struct dp_port *p, enum packet_drop reason, uint64_t n)
{
	uint64_t *c = &w->drop[p->index][reason];

	__atomic_store_n(c, *c + n, __ATOMIC_RELAXED);
}

static inline void
worker_clock(struct worker *w, uint64_t now)
{
	__atomic_store_n(&w->now, now, __ATOMIC_RELAXED);
	if (__builtin_expect(now >= w->second_end, 0)) {
		w->now_s = dp_clock_seconds(now);
		w->second_end = dp_clock_zero + (w->now_s + UINT64_C(1)) * dp_clock_hz;
	}
}

#endif
