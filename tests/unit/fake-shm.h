/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * src/shm in memory, for tests of what the data path does with it: pools are
 * numbers, a port has one ring of marks. A port's guest "sends" by fake_shm_send(),
 * and what its ports are sent is counted, by the way it came.
 */
#ifndef NETVM_FAKE_SHM_H
#define NETVM_FAKE_SHM_H

#include "src/shm/shm-port.h"

struct fake_shm {
	struct shm_port_config cfg;
	struct shm_port_status status;
	bool armed;
	uint16_t queued; /* frames that its guest has sent */
	uint8_t action;  /* of these */
	uint16_t out;    /* likewise */
	uint16_t source; /* last byte of their source MAC */
	/* What they look like, but for action and out; NULL: small broadcasts. */
	const struct packet *as;
	unsigned int hops; /* frames that it was sent straight */
	unsigned int sent; /* and as views */
};

/* The port of this name; NULL: there is none. */
struct fake_shm *fake_shm_port(const char *name);
void fake_shm_send(const char *name, uint16_t n, uint8_t action, uint16_t out);
unsigned int fake_shm_pools(void);
unsigned int fake_shm_signals(void);
unsigned int fake_shm_starts(void);
/* Buffers of every pool that are neither free nor a port's, from now on. */
void fake_shm_stuck(uint32_t n);
/* The next pool does not come to be. */
void fake_shm_refuse_pool(void);

#endif
