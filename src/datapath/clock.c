/* SPDX-License-Identifier: BSD-3-Clause */
/* The data path's clock; see clock.h. Control thread, before workers start. */
#include <time.h>

#include "src/datapath/clock.h"

#define CALIBRATE_NS 20000000
#define NS_PER_S     1000000000

uint64_t dp_clock_hz;
uint64_t dp_clock_zero;

static uint64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

void
dp_clock_init(uint64_t hz)
{
	uint64_t tsc = __rdtsc();

	if (hz == 0) {
		uint64_t start = now_ns(), ns;

		do {
			ns = now_ns() - start;
		} while (ns < CALIBRATE_NS);
		hz = (uint64_t)((double)(__rdtsc() - tsc) * NS_PER_S / (double)ns);
	}
	dp_clock_hz = hz;
	dp_clock_zero = tsc;
}
