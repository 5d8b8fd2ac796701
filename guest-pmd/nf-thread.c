/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libnetvm: what a thread of netvm_nf_run() does: receive, call back, send, and
 * sleep when there is nothing to do.
 *
 * Theory of operation. What the transmit ring has no room for stays with the
 * thread, which receives nothing more until it is gone: an NF in front of a slow
 * host loses no packet, its receive ring fills, and netvmd drops at its door.
 *
 * A reset makes every burst of every pair fail with -ENOTCONN. Each thread then
 * comes to recover(); the last one opens the port again, as nobody uses it, and all
 * go on with `lost`. Stopping ends the waiting, too, but never while the port is
 * being opened.
 */
#include "guest-pmd/nf.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

/* In ticks of netvm_ticks(), about 2 to 3 in a nanosecond. */
#define LOOK_TICKS     (1u << 18) /* between two looks at the clock: 0.1 ms */
#define IDLE_TICKS     (1u << 18) /* adaptive: spin for so long before a sleep */
#define SHARED_TICKS   (1u << 21) /* shared: give the CPU away for so long, 1 ms */
#define SHARED_ROUNDS  64         /* and so often */
#define TURN_PACKETS   512        /* and after so many packets */
#define LINGER_TICKS   300        /* or when none came for so long, 0.1 us */
#define SLEEP_MS       200
#define ORIGINATE_MS   1 /* longest sleep of an NF that sends packets of its own */
#define REOPEN_MS      200
#define PREFETCH_AHEAD 4

/* --- trouble ----------------------------------------------------------------------- */

static void
give_up(struct netvm_nf *nf)
{
	fprintf(stderr, "%s: %s\n", nf->ops->name, netvm_error());
	netvm_nf_stop(nf, 1);
}

/* Opens the port again, for as long as it takes. */
static int
reopen(struct netvm_nf *nf)
{
	int err = -ETIMEDOUT;

	while (!netvm_nf_stopping(nf->run)) {
		err = netvm_port_reopen(nf->port, REOPEN_MS);
		if (err != -ETIMEDOUT && err != -ENOENT && err != -ECONNREFUSED && err != -EBUSY)
			break;
	}
	return err;
}

static void
recover(struct netvm_nf *nf)
{
	struct netvm_nf_run *run = nf->run;
	int err = 0;

	pthread_mutex_lock(&run->lock);
	if (++run->lost == run->info.pairs) {
		/* Everybody else waits: the lock is not needed, and netvm_nf_stop() is. */
		run->reopening = true;
		pthread_mutex_unlock(&run->lock);
		err = reopen(nf);
		pthread_mutex_lock(&run->lock);
		run->reopening = false;
		run->lost = 0;
		run->generation++;
		pthread_cond_broadcast(&run->turn);
	} else {
		uint32_t generation = run->generation;

		while (generation == run->generation && (run->reopening || !netvm_nf_stopping(run)))
			pthread_cond_wait(&run->turn, &run->lock);
	}
	pthread_mutex_unlock(&run->lock);
	if (err && !netvm_nf_stopping(run))
		give_up(nf);
	nf->npending = 0;
	if (nf->ops->lost && !netvm_nf_stopping(run))
		nf->ops->lost(nf, nf->arg);
}

/* A burst failed. */
static void
fail(struct netvm_nf *nf, int err)
{
	if (err == -ENOTCONN)
		recover(nf);
	else
		give_up(nf);
}

/* --- packets ----------------------------------------------------------------------- */

/* Sends from the front; what cannot be a packet is told and dropped. Returns how
 * many are done, or an error that concerns the port. */
static int
send_some(struct netvm_nf *nf, struct netvm_packet *pkts, uint16_t n)
{
	uint16_t done = 0;
	int sent;

	while (done < n) {
		sent = netvm_tx(nf->port, nf->thread, pkts + done, n - done);
		if (sent == -EINVAL || sent == -EMSGSIZE) {
			fprintf(stderr, "%s: %s\n", nf->ops->name, netvm_error());
			netvm_free(nf->port, nf->thread, pkts + done, 1);
			sent = 1;
		}
		if (sent < 0)
			return sent;
		if (!sent)
			break;
		done += sent;
	}
	return done;
}

/* Sends a burst's packets; what finds no room is kept. */
static int
send_or_keep(struct netvm_nf *nf, struct netvm_packet *pkts, uint16_t n)
{
	int done = send_some(nf, pkts, n);

	if (done < 0)
		return done;
	nf->npending = n - done;
	if (nf->npending)
		memmove(nf->pending, pkts + done, nf->npending * sizeof(*pkts));
	return 0;
}

NETVM_API void
netvm_nf_send(struct netvm_nf *nf, struct netvm_packet *pkts, uint16_t n)
{
	int done = send_some(nf, pkts, n);

	/* After an error the loop's next burst finds out what to do. */
	if (done < 0 || done == n)
		return;
	netvm_count(&nf->dropped, n - done);
	netvm_free(nf->port, nf->thread, pkts + done, n - done);
}

/* Takes messages out of a burst. */
static uint16_t
take_messages(struct netvm_nf *nf, struct netvm_packet *pkts, uint16_t n)
{
	uint16_t left = 0;

	for (uint16_t i = 0; i < n; i++) {
		if (NETVM_UNLIKELY(netvm_nf_take_message(nf, &pkts[i])))
			netvm_free(nf->port, nf->thread, &pkts[i], 1);
		else if (left++ != i)
			pkts[left - 1] = pkts[i];
	}
	return left;
}

static void
call_packets(struct netvm_nf *nf, struct netvm_packet *pkts, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		if (i + PREFETCH_AHEAD < n)
			__builtin_prefetch(pkts[i + PREFETCH_AHEAD].data);
		pkts[i].verdict = nf->ops->packet(nf, &pkts[i], nf->arg);
	}
}

/* Leaves out what the NF has kept. */
static uint16_t
without_kept(struct netvm_packet *pkts, uint16_t n)
{
	uint16_t left = 0;

	for (uint16_t i = 0; i < n; i++) {
		if (pkts[i].verdict == NETVM_KEEP)
			continue;
		if (left++ != i)
			pkts[left - 1] = pkts[i];
	}
	return left;
}

/* Receives a burst, calls back and sends. Returns how many packets came. */
static int
do_burst(struct netvm_nf *nf)
{
	struct netvm_packet pkts[NETVM_BURST];
	int got, n, err;

	if (NETVM_UNLIKELY(nf->npending)) {
		err = send_or_keep(nf, nf->pending, nf->npending);
		if (err || nf->npending)
			return err;
	}
	got = netvm_rx(nf->port, nf->thread, pkts, NETVM_BURST);
	if (got <= 0)
		return got;
	n = take_messages(nf, pkts, got);
	if (nf->ops->packet)
		call_packets(nf, pkts, n);
	else if (n)
		nf->ops->burst(nf, pkts, n, nf->arg);
	n = without_kept(pkts, n);
	err = n ? send_or_keep(nf, pkts, n) : 0;
	return err ? err : got;
}

/* --- time and idleness ---------------------------------------------------------------- */

static void
look_at_clock(struct netvm_nf *nf)
{
	struct netvm_nf_run *run = nf->run;
	uint64_t now = netvm_nf_now_ns(), period = (uint64_t)run->options.tick_ms * 1000000;

	/* Buffers that a full ring refused are tried again though nothing is sent. */
	netvm_free(nf->port, nf->thread, NULL, 0);
	if (nf->ops->tick && now >= nf->next_tick) {
		nf->ops->tick(nf, nf->arg);
		/* A late tick is not made up for. */
		nf->next_tick =
			nf->next_tick + period > now ? nf->next_tick + period : now + period;
	}
	if (nf->thread == 0) {
		netvm_nf_deliver(nf);
		if (__atomic_exchange_n(&run->report, 0, __ATOMIC_RELAXED))
			netvm_nf_print(nf);
	}
}

/* Sleeps until a packet or the next thing to do. */
static int
nap(struct netvm_nf *nf)
{
	uint64_t now = netvm_nf_now_ns();
	int ms = nf->ops->poll || nf->npending ? ORIGINATE_MS : SLEEP_MS;

	if (nf->ops->tick && nf->next_tick <= now)
		return 0;
	if (nf->ops->tick && (nf->next_tick - now) / 1000000 < (uint64_t)ms)
		ms = (nf->next_tick - now) / 1000000 + 1;
	if (netvm_nf_stopping(nf->run))
		return 0;
	return netvm_wait(nf->port, nf->thread, ms);
}

/* After a round that moved nothing. An error is a burst's. */
static int
idle(struct netvm_nf *nf, uint64_t ticks)
{
	enum netvm_nf_wait wait = nf->run->options.wait;

	nf->idle_rounds++;
	if (!nf->idle_since)
		nf->idle_since = ticks;
	if (wait == NETVM_NF_SHARED)
		sched_yield();
	else
		__builtin_ia32_pause();
	if (wait == NETVM_NF_POLL ||
		ticks - nf->idle_since < (wait == NETVM_NF_SHARED ? SHARED_TICKS : IDLE_TICKS) ||
		(wait == NETVM_NF_SHARED && nf->idle_rounds < SHARED_ROUNDS))
		return 0;
	nf->last_look = 0; /* time has passed */
	return nap(nf);
}

/*
 * A turn on a CPU that others poll on, too. To hand it over costs as much as a
 * hundred packets, so all that is there is taken. What the NF before us sent at the end of
 * its turn is still on its way: who gave up for a moment without a packet would meet
 * the rest in its next turn, and turns would get smaller and smaller.
 */
static int
do_turn(struct netvm_nf *nf)
{
	uint64_t last = netvm_ticks(), now = last;
	int moved = 0, got;

	while (moved < TURN_PACKETS && now - last < LINGER_TICKS) {
		got = do_burst(nf);
		if (got < 0)
			return got;
		moved += got;
		now = netvm_ticks();
		if (got)
			last = now;
	}
	return moved;
}

/* One round: bursts, packets of the NF's own. Returns how many moved, or an error. */
static int
do_round(struct netvm_nf *nf)
{
	int moved = nf->run->options.wait == NETVM_NF_SHARED ? do_turn(nf) : do_burst(nf);

	if (moved >= 0 && nf->ops->poll)
		moved += nf->ops->poll(nf, nf->arg);
	return moved;
}

static void
loop(struct netvm_nf *nf)
{
	bool shared = nf->run->options.wait == NETVM_NF_SHARED;
	uint64_t ticks;
	int moved;

	while (!netvm_nf_stopping(nf->run)) {
		moved = do_round(nf);
		ticks = netvm_ticks();
		if (moved > 0) {
			nf->idle_since = 0;
			nf->idle_rounds = 0;
			if (shared)
				sched_yield();
		} else if (moved == 0) {
			moved = idle(nf, ticks);
		}
		if (NETVM_UNLIKELY(moved < 0))
			fail(nf, moved);
		if (NETVM_UNLIKELY(ticks - nf->last_look >= LOOK_TICKS)) {
			nf->last_look = ticks;
			look_at_clock(nf);
		}
	}
}

/* What one thread's setup made, the others may use: none serves before all are ready. */
static void
begin_together(struct netvm_nf *nf)
{
	struct netvm_nf_run *run = nf->run;

	pthread_mutex_lock(&run->lock);
	run->unready--;
	pthread_cond_broadcast(&run->turn);
	while (run->unready > 0 && !netvm_nf_stopping(run))
		pthread_cond_wait(&run->turn, &run->lock);
	pthread_mutex_unlock(&run->lock);
}

/* The last report speaks of all threads and comes before the first teardown: the
 * others wait here until thread 0 has seen them all come and has printed. */
static void
end_together(struct netvm_nf *nf)
{
	struct netvm_nf_run *run = nf->run;

	pthread_mutex_lock(&run->lock);
	run->left--;
	pthread_cond_broadcast(&run->turn);
	while (nf->thread == 0 ? run->left > 0 : !run->reported)
		pthread_cond_wait(&run->turn, &run->lock);
	if (nf->thread == 0) {
		netvm_nf_print(nf);
		run->reported = true;
		pthread_cond_broadcast(&run->turn);
	}
	pthread_mutex_unlock(&run->lock);
}

void *
netvm_nf_thread_main(void *arg)
{
	struct netvm_nf *nf = arg;
	struct netvm_nf_run *run = nf->run;
	int err = 0;

	nf->arg = run->arg;
	if (nf->ops->setup)
		err = nf->ops->setup(nf, nf->thread, run->arg, &nf->arg);
	if (err) {
		fprintf(stderr, "%s: thread %u could not be set up: %s\n", nf->ops->name,
			nf->thread, strerror(err < 0 ? -err : err));
		netvm_nf_stop(nf, 1);
	} else {
		begin_together(nf);
		nf->next_tick = netvm_nf_now_ns() + (uint64_t)run->options.tick_ms * 1000000;
		loop(nf);
	}
	end_together(nf);
	if (nf->ops->teardown && !err)
		nf->ops->teardown(nf, nf->thread, nf->arg);
	return NULL;
}
