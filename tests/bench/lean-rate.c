/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The lean frontend's throughput: two devices whose rings never change, so that
 * the backend between them is the bottleneck.
 *
 * Theory of operation: in a split ring avail entry i always says i. Sending and
 * receiving is then only a matter of moving avail->idx to used->idx + ring size, in
 * steps of a batch or more; neither frames nor descriptors nor used entries are
 * touched. In a packed ring the backend overwrites length, ID and flags of a
 * descriptor; the frontend writes them anew, one store of 8 bytes each, a
 * cache line at a time. Both need a backend that completes in order, which is
 * verified when the run is over, together with the frames that arrived last.
 * See lean.h.
 */
#include <stdio.h>
#include <unistd.h>

#include "tests/bench/lean.h"

#define STALL_TICS (1u << 14) /* rounds without progress after which we kick */
#define PER_LINE   4          /* packed descriptors */

/* One ring as the loop sees it. `seen`: split, used->idx; packed, the next
 * descriptor that the backend will have used. */
struct track {
	struct fe_ring *ring;
	uint16_t seen;
	bool wrap;
	uint32_t len; /* packed: of the buffers that we make available */
	uint64_t total;
};

/* flags and idx of the used ring in one load: they share a word. */
static inline uint16_t
move_split(struct track *t, uint16_t size, uint16_t batch)
{
	uint32_t word = __atomic_load_n((uint32_t *)(void *)t->ring->used, __ATOMIC_ACQUIRE);
	uint16_t idx = (uint16_t)(word >> 16);
	uint16_t done = (uint16_t)(idx - t->seen);

	if (done < batch)
		return 0;
	t->seen = idx;
	t->total += done;
	/* Release: as for any driver, though nothing else was written. */
	__atomic_store_n(&t->ring->avail->idx, (uint16_t)(idx + size), __ATOMIC_RELEASE);
	if (!(word & VRING_USED_F_NO_NOTIFY))
		lean_kick(t->ring);
	return done;
}

static inline bool
is_used(struct fe_ring *r, unsigned int i, bool wrap)
{
	const uint64_t both = LEAN_F_AVAIL | LEAN_F_USED;
	uint64_t word = __atomic_load_n(lean_packed_word(r, i), __ATOMIC_ACQUIRE);

	return (word & both) == (wrap ? both : 0);
}

/*
 * Whole cache lines of used descriptors become available again. A backend may
 * write the head of a batch last, so each descriptor is looked at; the one that
 * ends our batch is looked at first, not to disturb the lines for less.
 */
static inline uint16_t
move_packed(struct track *t, uint16_t size, uint16_t batch)
{
	struct fe_ring *r = t->ring;
	uint16_t ahead = (uint16_t)((t->seen + batch - 1) & (size - 1));
	uint16_t done = 0;

	if (!is_used(r, ahead, ahead < t->seen ? !t->wrap : t->wrap))
		return 0;
	while (done < size) {
		uint16_t at = t->seen;

		if (!is_used(r, at, t->wrap) || !is_used(r, at + 1u, t->wrap) ||
			!is_used(r, at + 2u, t->wrap) || !is_used(r, at + 3u, t->wrap))
			break;
		for (unsigned int i = at; i < (unsigned int)at + PER_LINE; i++)
			__atomic_store_n(lean_packed_word(r, i),
				lean_packed_avail(r, i, t->len, !t->wrap), __ATOMIC_RELEASE);
		done += PER_LINE;
		t->seen = (uint16_t)((at + PER_LINE) & (size - 1));
		if (t->seen == 0)
			t->wrap = !t->wrap;
	}
	t->total += done;
	if (done > 0 && __atomic_load_n(&r->device_event->flags, __ATOMIC_RELAXED) !=
				VRING_PACKED_EVENT_FLAG_DISABLE)
		lean_kick(r);
	return done;
}

/* Moves indices for so long; sent and received frames add up in t. */
static inline __attribute__((always_inline)) void
loop(struct track t[4], const struct lean_options *o, uint64_t tics,
	uint16_t (*move)(struct track *, uint16_t, uint16_t))
{
	uint64_t end = __rdtsc() + tics;
	uint16_t size = (uint16_t)o->ring, batch = (uint16_t)o->batch;
	unsigned int idle = 0, rings = 2 * o->devices;

	do {
		for (int round = 0; round < 64; round++) {
			uint16_t moved = 0;

			for (unsigned int i = 0; i < rings; i++)
				moved |= move(&t[i], size, batch);
			if (o->relays != 0 && lean_relay_turn(o) != 0)
				moved = 1;
			if (moved != 0)
				idle = 0;
			else if (++idle % STALL_TICS == 0)
				for (unsigned int i = 0; i < rings; i++)
					lean_kick(t[i].ring);
			else
				_mm_pause();
		}
	} while (__rdtsc() < end);
}

static void
run_for(struct track t[4], const struct lean_options *o, double tics)
{
	if (o->packed)
		loop(t, o, (uint64_t)tics, move_packed);
	else
		loop(t, o, (uint64_t)tics, move_split);
}

/* Frames [from, to) of a transmit ring that is in its first round. */
static void
send_first(struct track *t, unsigned int from, unsigned int to)
{
	struct fe_ring *r = t->ring;

	if (r->packed)
		for (unsigned int i = from; i < to; i++)
			__atomic_store_n(lean_packed_word(r, i),
				lean_packed_avail(r, i, t->len, true), __ATOMIC_RELEASE);
	else
		__atomic_store_n(&r->avail->idx, (uint16_t)to, __ATOMIC_RELEASE);
	lean_kick(r);
}

int
lean_rate(struct fe dev[2], const struct lean_options *o)
{
	double hz = lean_tsc_hz(), seconds, pps[2] = {0}, sent = 0;
	unsigned int n = o->devices;
	struct track t[4] = {0}; /* n to receive from, n to send to */
	uint64_t start, before[4];
	bool good, moved = true;

	for (unsigned int i = 0; i < 2 * n; i++) {
		t[i].ring = i < n ? fe_rx_ring(&dev[i], 0) : fe_tx_ring(&dev[i - n], 0);
		t[i].wrap = true;
		t[i].len = i < n ? t[i].ring->buffer_size : t[i].ring->hdr_size + o->size;
	}
	/* One frame from each side, one after the other: a switch learns both. */
	for (unsigned int i = n; i < 2 * n; i++) {
		send_first(&t[i], 0, 1);
		usleep(200000);
	}
	for (unsigned int i = n; i < 2 * n; i++)
		send_first(&t[i], 1, o->ring);
	run_for(t, o, o->warmup * hz);
	for (unsigned int i = 0; i < 2 * n; i++)
		before[i] = t[i].total;
	start = __rdtsc();
	run_for(t, o, o->seconds * hz);
	seconds = (double)(__rdtsc() - start) / hz;
	for (unsigned int i = 0; i < n; i++) {
		pps[i] = (double)(t[i].total - before[i]) / seconds;
		sent += (double)(t[n + i].total - before[n + i]) / seconds;
		moved &= pps[i] > 0;
	}
	good = lean_verify(dev, o);
	if (!moved)
		fprintf(stderr, "lean: nothing moved in one direction at least\n");
	printf("{\"size\": %u, \"seconds\": %.3f, \"pps\": %.0f, \"mpps\": %.3f, \"gbps\": %.3f, "
	       "\"a_pps\": %.0f, \"b_pps\": %.0f, \"sent_pps\": %.0f, \"tsc_hz\": %.0f, "
	       "\"packed\": %s, \"hugepages\": %s, \"verified\": %s}\n",
		o->size, seconds, pps[0] + pps[1], (pps[0] + pps[1]) / 1e6,
		(pps[0] + pps[1]) * o->size * 8 / 1e9, pps[0], pps[1], sent, hz,
		o->packed ? "true" : "false",
		dev[0].mem.hugepages && dev[n - 1].mem.hugepages ? "true" : "false",
		good ? "true" : "false");
	return good && moved ? 0 : 1;
}
