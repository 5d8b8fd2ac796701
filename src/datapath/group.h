/* SPDX-License-Identifier: BSD-3-Clause */
/* A trust group inside the data path: its pool, and who draws on it. Control thread. */
#ifndef NETVM_GROUP_H
#define NETVM_GROUP_H

#include "src/datapath/datapath.h"

struct dp_group {
	struct dp_group_config config;
	struct shm_pool *pool;
	uint32_t ports, nics; /* that were opened and not closed */
};

/* Remembers what src/shm needs; it starts with the first group. */
void group_init(const struct dp_config *cfg);
/* Ends what shm_init() began. */
void group_stop(void);

/* port-shm.c: starts src/shm. */
int port_shm_init(const char *run_dir, void (*warn)(const char *sentence), struct dp_error *err);

#endif
