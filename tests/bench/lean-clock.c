/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Time and place of the bench's programs. See lean.h.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/lean.h"

double
lean_tsc_hz(void)
{
	struct timespec a, b;
	uint64_t ta, tb;
	double seconds;

	clock_gettime(CLOCK_MONOTONIC, &a);
	ta = __rdtsc();
	usleep(50000);
	clock_gettime(CLOCK_MONOTONIC, &b);
	tb = __rdtsc();
	seconds = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) * 1e-9;
	return (double)(tb - ta) / seconds;
}

int
lean_pin(int cpu)
{
	cpu_set_t set;

	if (cpu < 0)
		return 0;
	CPU_ZERO(&set);
	CPU_SET((unsigned int)cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) == 0)
		return 0;
	fprintf(stderr, "lean: cannot run on CPU %d: %s\n", cpu, strerror(errno));
	return -1;
}
