/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the machine has to give: CPUs for workers, memory for packets.
 * Read-only questions to the system; control thread.
 */
#ifndef NETVM_MACHINE_H
#define NETVM_MACHINE_H

#include <sched.h>

#include "src/datapath/datapath.h"

/* The worker CPUs that cfg asks for, or a good choice for auto. Refused when
 * one does not exist, may not be used, or is named twice. */
int machine_worker_cpus(const struct dp_config *cfg, uint16_t cpu[DP_WORKERS_MAX], uint16_t *ncpus,
	struct dp_error *err);

/* The CPUs that this process may use besides the workers'; all that it may use
 * when the workers take every one. */
void machine_control_cpus(const uint16_t *cpu, uint16_t ncpus, cpu_set_t *set);

/* set as "0-3,5". */
void machine_format_cpus(const cpu_set_t *set, char *buf, size_t len);

struct machine_memory {
	bool hugepages;
	uint64_t packet_memory; /* for mbufs */
	uint64_t total;         /* with what else DPDK needs */
};
/* Decides about hugepages; refused when there is too little memory. */
int machine_memory(const struct dp_config *cfg, struct machine_memory *m, struct dp_error *err);

#endif
