/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Busy and quiet queues of a worker.
 *
 * Theory of operation. To find a ring empty costs some 40 cycles, most of them
 * for the cache lines that traffic has pushed out meanwhile, so 64 silent
 * guests would cost two busy ones a third of their rate. A queue that was found
 * empty QUIET_AFTER times in a row is therefore quiet: a round looks at it only
 *
 *	- when the busy queues had nothing: an idle worker sees every frame at once,
 *	  and goes to sleep only after it has looked at everything;
 *	- or when the last sweep over the quiet queues is SWEEP_SHARE times as long
 *	  ago as that sweep took, and at least SWEEP_US: so quiet queues take at most
 *	  3 % of a busy worker, and the first frame of a guest that was silent waits
 *	  some 50 us when others keep the worker saturated (with 64 quiet queues; it
 *	  grows with their number).
 *
 * A queue that had something is busy from then on.
 *
 * A port that network functions are behind (`directs`) may have two bursts of a
 * round: what comes out of an NF was let in before, and leaves before more comes. With
 * one, packets that queued up once would stand in the NF's rings for good, as many
 * come as go, and each in another buffer: more than the caches hold.
 *
 * Threads: rounds_run() the worker, the rest the control thread before the
 * list is published.
 */
#include "src/datapath/rounds.h"

#include <stdlib.h>

#define QUIET_AFTER 256
#define SWEEP_SHARE 32
#define SWEEP_US    50

struct turn {
	struct dp_port *port;
	uint16_t queue;
	uint16_t empty; /* times in a row, up to QUIET_AFTER */
};

struct rounds {
	uint32_t count;
	uint32_t busy;       /* turn[0 .. busy) are; the others are quiet */
	uint64_t next_sweep; /* TSC */
	struct turn turn[];
};

struct rx_list *
rx_list_new(uint32_t max)
{
	struct rx_list *rx = calloc(1, sizeof(*rx) + max * sizeof(rx->queue[0]));

	if (rx == NULL)
		return NULL;
	rx->rounds = calloc(1, sizeof(*rx->rounds) + max * sizeof(rx->rounds->turn[0]));
	if (rx->rounds == NULL) {
		free(rx);
		return NULL;
	}
	return rx;
}

void
rx_list_free(struct rx_list *rx)
{
	if (rx != NULL)
		free(rx->rounds);
	free(rx);
}

void
rounds_start(struct rx_list *rx)
{
	struct rounds *r = rx->rounds;

	r->count = r->busy = rx->count;
	for (uint32_t i = 0; i < rx->count; i++)
		r->turn[i] = (struct turn){.port = rx->queue[i].port, .queue = rx->queue[i].queue};
}

static inline void
turn_swap(struct rounds *r, uint32_t a, uint32_t b)
{
	struct turn t = r->turn[a];

	r->turn[a] = r->turn[b];
	r->turn[b] = t;
}

static unsigned int
look_at_quiet(struct rounds *r, struct worker *w)
{
	uint64_t pause = dp_clock_hz / 1000000 * SWEEP_US, start = dp_clock_tsc();
	unsigned int moved = 0, n;

	for (uint32_t i = r->busy; i < r->count; i++) {
		n = worker_burst(w, r->turn[i].port, r->turn[i].queue);
		if (n == 0)
			continue;
		moved += n;
		r->turn[i].empty = 0;
		turn_swap(r, i, r->busy++);
	}
	/* What it cost to forward the frames that were found is not a cost of
	 * looking. */
	if (moved == 0 && SWEEP_SHARE * (dp_clock_tsc() - start) > pause)
		pause = SWEEP_SHARE * (dp_clock_tsc() - start);
	r->next_sweep = w->now + pause;
	return moved;
}

unsigned int
rounds_run(struct rounds *r, struct worker *w)
{
	unsigned int moved = 0, n;

	for (uint32_t i = 0; i < r->busy; i++) {
		struct turn *t = &r->turn[i];

		n = worker_burst(w, t->port, t->queue);
		if (n == PACKET_BURST && t->port->ops->directs)
			n += worker_burst(w, t->port, t->queue);
		moved += n;
		if (n != 0)
			t->empty = 0;
		else if (++t->empty == QUIET_AFTER)
			turn_swap(r, i--, --r->busy);
	}
	if (r->busy != r->count && (moved == 0 || w->now >= r->next_sweep))
		moved += look_at_quiet(r, w);
	return moved;
}
