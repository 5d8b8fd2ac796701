/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The lean frontend: what its parts share.
 *
 *	lean.c          options, devices with static rings, the throughput loop
 *	lean-latency.c  one lone packet at a time
 *	lean-limit.c    what two cores can do at best, without any backend
 */
#ifndef NETVM_LEAN_H
#define NETVM_LEAN_H

#include <x86intrin.h>

#include "tests/frontend/frontend.h"

struct lean_options {
	const char *socket[2];
	bool listen, hugepages, latency, limit;
	unsigned int size;  /* bytes of a frame, without its checksum */
	unsigned int flows; /* UDP source ports, round robin over the ring's slots */
	unsigned int ring;  /* entries */
	unsigned int batch; /* indices move by at least this much */
	double seconds, warmup;
	int cpu, backend_cpu; /* backend_cpu: only for limit */
	unsigned int gap_us;  /* latency: pause before each packet */
};

double lean_tsc_hz(void);
int lean_pin(int cpu);
/* The frame that device `from` sends in slot `slot`. */
void lean_frame(uint8_t *frame, const struct lean_options *o, int from, unsigned int slot);
int lean_latency(struct fe dev[2], const struct lean_options *o);
int lean_limit(const struct lean_options *o);

#endif
