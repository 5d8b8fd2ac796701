/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Time in the data path: TSC cycles, and whole seconds derived from them, one
 * clock for workers (ageing, storm control) and the control thread.
 * Set once by dp_clock_init() before any worker runs, then read-only.
 */
#ifndef NETVM_CLOCK_H
#define NETVM_CLOCK_H

#include <stdint.h>
#include <x86intrin.h>

extern uint64_t dp_clock_hz;   /* TSC cycles per second */
extern uint64_t dp_clock_zero; /* TSC at second 0 */

/* hz 0: measure it (some 20 ms). */
void dp_clock_init(uint64_t hz);

static inline uint64_t
dp_clock_tsc(void)
{
	return __rdtsc();
}

static inline uint32_t
dp_clock_seconds(uint64_t tsc)
{
	return (uint32_t)((tsc - dp_clock_zero) / dp_clock_hz);
}

#endif
