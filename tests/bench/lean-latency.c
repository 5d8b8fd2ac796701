/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The bench's latency: one lone packet goes from a to b, is seen there, and one
 * goes back: the round trip, twice through the backend, over and over. Both ends
 * are this thread. A packet is published and, where the backend asks for it,
 * kicked; so an adaptive backend's wake-up is part of the figure when the gap is
 * longer than its patience. See lean.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/bench/lean.h"

#define SAMPLES 100000
#define WARM_UP 100 /* round trips: a switch learns, caches fill */

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Publishes one frame and waits until it is used on rx. False: it got lost. */
static bool
one_way(struct fe_ring *tx, struct fe_ring *rx, uint64_t patience)
{
	uint16_t before = __atomic_load_n(&rx->used->idx, __ATOMIC_ACQUIRE);
	uint64_t start = __rdtsc();

	tx->avail_idx++;
	__atomic_store_n(&tx->avail->idx, tx->avail_idx, __ATOMIC_RELEASE);
	fe_kick(tx);
	while (__atomic_load_n(&rx->used->idx, __ATOMIC_ACQUIRE) == before)
		if (__rdtsc() - start > patience)
			return false;
	return true;
}

/* The receive buffer goes back only after the trip: it is no part of it. */
static void
give_back(struct fe_ring *rx)
{
	rx->avail_idx++;
	__atomic_store_n(&rx->avail->idx, rx->avail_idx, __ATOMIC_RELEASE);
	fe_kick(rx);
}

/* Tics of a trip from a to b and back; 0: a packet got lost. */
static uint64_t
round_trip(struct fe dev[2], uint64_t patience)
{
	uint64_t start = __rdtsc(), now;
	bool there = one_way(fe_tx_ring(&dev[0], 0), fe_rx_ring(&dev[1], 0), patience);
	bool back = one_way(fe_tx_ring(&dev[1], 0), fe_rx_ring(&dev[0], 0), patience);

	now = __rdtsc();
	if (there)
		give_back(fe_rx_ring(&dev[1], 0));
	if (back)
		give_back(fe_rx_ring(&dev[0], 0));
	return there && back ? now - start : 0;
}

int
lean_latency(struct fe dev[2], const struct lean_options *o)
{
	static double us[SAMPLES];
	double hz = lean_tsc_hz();
	uint64_t end, gap = (uint64_t)(o->gap_us * 1e-6 * hz), patience = (uint64_t)(0.2 * hz);
	unsigned int n = 0, lost = 0;

	for (int d = 0; d < 2; d++)
		fe_rx_ring(&dev[d], 0)->avail_idx = (uint16_t)o->ring;
	for (unsigned int i = 0; i < WARM_UP; i++)
		round_trip(dev, patience);
	end = __rdtsc() + (uint64_t)(o->seconds * hz);
	while (n < SAMPLES && __rdtsc() < end) {
		uint64_t tics = round_trip(dev, patience), until = __rdtsc() + gap;

		if (tics == 0)
			lost++;
		else
			us[n++] = (double)tics / hz * 1e6;
		while (__rdtsc() < until)
			_mm_pause();
	}
	if (n == 0) {
		fprintf(stderr, "lean: no packet arrived\n");
		return 1;
	}
	qsort(us, n, sizeof(us[0]), by_value);
	printf("{\"size\": %u, \"gap_us\": %u, \"samples\": %u, \"lost\": %u, \"us_min\": %.2f, "
	       "\"us_median\": %.2f, \"us_p99\": %.2f, \"us_p999\": %.2f, \"us_max\": %.2f, "
	       "\"tsc_hz\": %.0f}\n",
		o->size, o->gap_us, n, lost, us[0], us[n / 2], us[n * 99ul / 100],
		us[n * 999ul / 1000], us[n - 1], hz);
	return 0;
}
