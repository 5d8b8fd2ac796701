/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The bench's latency: one lone packet goes from a to b, is seen there, and
 * one goes back, over and over. Both ends are this thread, so both directions
 * are timed on one clock. A packet is published and, where the backend asks
 * for it, kicked; so an adaptive backend's wake-up is part of the figure when
 * the gap is longer than its patience. See lean.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/bench/lean.h"

#define SAMPLES 20000

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Tics from publishing a packet on tx until it is used on rx; 0: it got lost. */
static uint64_t
one_way(struct fe_ring *tx, struct fe_ring *rx, const struct lean_options *o, uint64_t patience)
{
	uint16_t before = __atomic_load_n(&rx->used->idx, __ATOMIC_ACQUIRE);
	uint64_t start = __rdtsc(), now;

	tx->avail_idx++;
	__atomic_store_n(&tx->avail->idx, tx->avail_idx, __ATOMIC_RELEASE);
	fe_kick(tx);
	while (__atomic_load_n(&rx->used->idx, __ATOMIC_ACQUIRE) == before)
		if (__rdtsc() - start > patience)
			return 0;
	now = __rdtsc();
	/* The buffer goes back only now: it is no part of the way. */
	rx->avail_idx++;
	__atomic_store_n(&rx->avail->idx, rx->avail_idx, __ATOMIC_RELEASE);
	fe_kick(rx);
	return now - start;
}

int
lean_latency(struct fe dev[2], const struct lean_options *o)
{
	static double us[SAMPLES];
	double hz = lean_tsc_hz();
	uint64_t end = __rdtsc() + (uint64_t)(o->seconds * hz);
	uint64_t gap = (uint64_t)(o->gap_us * 1e-6 * hz);
	unsigned int n = 0, lost = 0;

	for (int d = 0; d < 2; d++)
		fe_rx_ring(&dev[d], 0)->avail_idx = (uint16_t)o->ring;
	while (n < SAMPLES && __rdtsc() < end) {
		int from = (int)((n + lost) % 2);
		uint64_t tics = one_way(fe_tx_ring(&dev[from], 0), fe_rx_ring(&dev[!from], 0), o,
			(uint64_t)(0.2 * hz));
		uint64_t until = __rdtsc() + gap;

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
	       "\"us_median\": %.2f, \"us_p99\": %.2f, \"us_max\": %.2f}\n",
		o->size, o->gap_us, n, lost, us[0], us[n / 2], us[n * 99 / 100], us[n - 1]);
	return 0;
}
