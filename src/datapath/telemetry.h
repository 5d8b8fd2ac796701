/* SPDX-License-Identifier: BSD-3-Clause */
/* Counters as DPDK telemetry commands; see telemetry.c. */
#ifndef NETVM_TELEMETRY_H
#define NETVM_TELEMETRY_H

/* Once, after EAL's start. Returns 0 or a negative errno. */
int telemetry_start(void);
/* Control thread, once a second: what the commands answer from. */
void telemetry_update(void);

#endif
