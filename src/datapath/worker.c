/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Workers: the loop, and who polls which queue.
 *
 * Theory of operation. A worker runs each burst to completion: receive,
 * forward, complete. Per iteration it loads its queue list (acquire), and at
 * the end it reports a quiescent state: it holds nothing published across
 * that point. The control thread replaces a list, waits a grace period, and
 * frees the old one. TSC cycles of an iteration that moved frames are busy,
 * all others, sleep included, are idle: one rdtsc per iteration.
 *
 * Threads: worker_run() and worker_poll() are the worker; the rest is the
 * control thread. Neighbours: sleep.c, forward.c, port.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/datapath/rcu.h"
#include "src/datapath/rounds.h"
#include "src/datapath/sleep.h"
#include "src/datapath/steer.h"
#include "src/datapath/table.h"

struct worker *dp_worker[DP_WORKERS_MAX];
uint16_t dp_nworkers;
uint64_t dp_idle_cycles = UINT64_MAX;

static bool stopping; /* release/acquire */

struct worker *
worker_new(uint16_t id, uint16_t cpu)
{
	struct worker *w = aligned_alloc(64, (sizeof(*w) + 63) & ~(size_t)63);

	if (w == NULL)
		return NULL;
	memset(w, 0, sizeof(*w));
	w->id = id;
	w->cpu = cpu;
	w->state = DP_WORKER_STOPPED;
	forward_init(&w->forward);
	w->rx = rx_list_new(0);
	if (w->rx == NULL || sleep_open(w) != 0) {
		rx_list_free(w->rx);
		free(w);
		return NULL;
	}
	return w;
}

void
worker_free(struct worker *w)
{
	sleep_close(w);
	rx_list_free(w->rx);
	free(w);
}

unsigned int
worker_burst(struct worker *w, struct dp_port *p, uint16_t queue)
{
	struct packet_burst *b = &w->burst;
	unsigned int hops = 0, moved;

	if (p->ops->hop != NULL) {
		bool whole;

		hops = steer_hop(p, queue, &whole);
		if (whole)
			return hops;
	}
	b->count = 0;
	b->nseg = 0;
	p->ops->rx(p, queue, b);
	moved = b->count;
	if (moved != 0)
		forward_burst(w, p, b);
	p->ops->rx_complete(p, queue, b);
	return hops + moved;
}

/* Devices that keep what they were lent until they are asked for it. */
static void
reap(struct worker *w)
{
	for (uint16_t i = 0; i < DP_PORTS_MAX; i++) {
		uint64_t bit = UINT64_C(1) << i % 64;
		struct dp_port *p;

		if ((w->reap[i / 64] & bit) == 0)
			continue;
		p = dp_port_at(i);
		if (p != NULL && p->ops->tx_reap != NULL && !p->ops->tx_reap(p, w->id))
			continue;
		w->reap[i / 64] &= ~bit;
		w->nreap--;
	}
}

unsigned int
worker_poll(struct worker *w)
{
	/* Acquire pairs with the release in list_publish(). */
	const struct rx_list *rx = __atomic_load_n(&w->rx, __ATOMIC_ACQUIRE);
	unsigned int moved = rounds_run(rx->rounds, w);

	if (__builtin_expect(w->nreap != 0, 0))
		reap(w);
	vhost_signal();
	shm_signal();
	return moved;
}

/* Books the cycles since the last call; the counters have one writer. */
static void
account(struct worker *w, uint64_t now, unsigned int moved)
{
	struct worker_counters *c = &w->counters;
	uint64_t cycles = now - w->now;

	if (moved != 0) {
		__atomic_store_n(&c->packets, c->packets + moved, __ATOMIC_RELAXED);
		__atomic_store_n(&c->busy_cycles, c->busy_cycles + cycles, __ATOMIC_RELAXED);
	} else {
		__atomic_store_n(&c->idle_cycles, c->idle_cycles + cycles, __ATOMIC_RELAXED);
	}
	worker_clock(w, now);
}

int
worker_run(void *arg)
{
	struct worker *w = arg;
	uint64_t idle_since = dp_clock_tsc();
	enum sleep_end end;

	__atomic_store_n(&w->state, DP_WORKER_POLLING, __ATOMIC_RELAXED);
	worker_clock(w, idle_since);
	dp_rcu_online(w->id);
	/* Acquire pairs with worker_stop_all(). */
	while (!__atomic_load_n(&stopping, __ATOMIC_ACQUIRE)) {
		unsigned int moved = worker_poll(w);

		account(w, dp_clock_tsc(), moved);
		dp_rcu_quiescent(w->id);
		if (moved != 0) {
			idle_since = w->now;
			continue;
		}
		rte_pause();
		if (w->now - idle_since < __atomic_load_n(&dp_idle_cycles, __ATOMIC_RELAXED))
			continue;
		end = worker_sleep(w);
		/* The sleep was idle, and what comes now is judged by today's clock. */
		account(w, dp_clock_tsc(), 0);
		/* After the timer one empty poll is enough to sleep on. */
		if (end != SLEEP_TIMER)
			idle_since = w->now;
	}
	dp_rcu_offline(w->id);
	__atomic_store_n(&w->state, DP_WORKER_STOPPED, __ATOMIC_RELEASE);
	return 0;
}

void
worker_stop_all(void)
{
	__atomic_store_n(&stopping, true, __ATOMIC_RELEASE);
	for (uint16_t i = 0; i < dp_nworkers; i++)
		sleep_wake(dp_worker[i]);
}

/* Swaps lists (NULL: unchanged) in, waits, and frees the old ones. */
static void
list_publish(struct rx_list *list[DP_WORKERS_MAX])
{
	for (uint16_t i = 0; i < dp_nworkers; i++) {
		struct rx_list *old = dp_worker[i]->rx;

		if (list[i] == NULL)
			continue;
		rounds_start(list[i]);
		/* Release: who sees the pointer sees the list. */
		__atomic_store_n(&dp_worker[i]->rx, list[i], __ATOMIC_RELEASE);
		list[i] = old;
	}
	dp_rcu_synchronize();
	for (uint16_t i = 0; i < dp_nworkers; i++)
		rx_list_free(list[i]);
}

/* The worker with the fewest queues, given what each is to get. */
static uint16_t
least_loaded(const uint32_t more[DP_WORKERS_MAX])
{
	uint16_t best = 0;

	for (uint16_t i = 1; i < dp_nworkers; i++)
		if (dp_worker[i]->rx->count + more[i] < dp_worker[best]->rx->count + more[best])
			best = i;
	return best;
}

/* worker's list and what it gets of p's queues: those that it owns. */
static struct rx_list *
list_extended(const struct worker *w, struct dp_port *p, const uint16_t *owner, uint32_t more)
{
	const struct rx_list *old = w->rx;
	struct rx_list *list;

	list = rx_list_new(old->count + more);
	if (list == NULL)
		return NULL;
	list->count = old->count;
	memcpy(list->queue, old->queue, old->count * sizeof(old->queue[0]));
	for (uint16_t q = 0; q < p->rx_queues; q++)
		if (owner[q] == w->id)
			list->queue[list->count++] = (struct rx_queue){.port = p, .queue = q};
	return list;
}

int
worker_assign(struct dp_port *p)
{
	struct rx_list *list[DP_WORKERS_MAX] = {NULL};
	uint32_t more[DP_WORKERS_MAX] = {0};
	uint16_t owner[DP_QUEUES_MAX] = {0};

	for (uint16_t q = 0; q < p->rx_queues; q++)
		more[owner[q] = least_loaded(more)]++;
	for (uint16_t i = 0; i < dp_nworkers; i++) {
		if (more[i] == 0)
			continue;
		list[i] = list_extended(dp_worker[i], p, owner, more[i]);
		if (list[i] == NULL) {
			for (uint16_t j = 0; j < i; j++)
				rx_list_free(list[j]);
			return -ENOMEM;
		}
	}
	list_publish(list);
	for (uint16_t q = 0; q < p->rx_queues; q++)
		sleep_attach(p, q, dp_worker[owner[q]]);
	return 0;
}

void
worker_unassign(struct dp_port *p)
{
	struct rx_list *list[DP_WORKERS_MAX] = {NULL};

	for (uint16_t q = 0; q < p->rx_queues; q++)
		sleep_detach(p, q);
	for (uint16_t i = 0; i < dp_nworkers; i++) {
		const struct rx_list *old = dp_worker[i]->rx;

		list[i] = rx_list_new(old->count);
		if (list[i] == NULL)
			abort(); /* a few bytes: and a port must not be polled once it is gone */
		for (uint32_t n = 0; n < old->count; n++)
			if (old->queue[n].port != p)
				list[i]->queue[list[i]->count++] = old->queue[n];
	}
	list_publish(list);
}
