/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The data path in memory: workers, and names; see fake-datapath.h. The test's
 * thread.
 */
#include "tests/unit/fake-datapath.h"

uint16_t
dp_workers(void)
{
	return 2;
}

void
dp_worker_status(uint16_t id, struct dp_worker_status *st)
{
	*st = (struct dp_worker_status){.id = id, .cpu = id, .state = DP_WORKER_SLEEPING};
	if (id == 1) {
		st->packets = 10;
		st->busy_cycles = 1000;
		st->idle_cycles = 3000;
	}
}

void
dp_worker_counters_reset(void)
{
}

double
dp_tsc_hz(void)
{
	return 1e9;
}

const char *
vhost_feature_name(unsigned int bit)
{
	return bit == 15 ? "mrg_rxbuf" : NULL;
}
