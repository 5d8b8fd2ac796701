/* SPDX-License-Identifier: BSD-3-Clause */
/* Start and end of DPDK's environment (EAL). Control thread, once each. */
#ifndef NETVM_EAL_H
#define NETVM_EAL_H

#include "src/datapath/machine.h"

/* Worker i becomes lcore i + 1; the caller becomes lcore 0. */
int eal_start(const char *run_dir, const struct machine_memory *m, const uint16_t *cpu,
	uint16_t ncpus, struct dp_error *err);
void eal_stop(void);

static inline unsigned int
eal_lcore(uint16_t worker)
{
	return worker + 1u;
}

#endif
