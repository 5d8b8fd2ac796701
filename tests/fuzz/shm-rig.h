/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two trust groups in this process for fuzz-shm: pools and ports as netvmd makes
 * them, without sockets and threads, and the checks of what must hold after each
 * step. Ports 0 to 2 are the hostile group's, 3 and 4 the other one's.
 */
#ifndef NETVM_TESTS_FUZZ_SHM_RIG_H
#define NETVM_TESTS_FUZZ_SHM_RIG_H

#include "src/shm/shm-loan.h"

#define RIG_PORTS   5
#define RIG_HOSTILE 3 /* ports of the hostile group */
#define RIG_PAIRS   2
#define RIG_ENTRIES 64 /* of each ring */

struct rig {
	struct shm_pool *pool[2];
	struct shm_port port[RIG_PORTS];
	uint8_t *owner;    /* of the hostile pool, before a step */
	uint8_t *other[3]; /* what the other group's memory was: pool, rings of its ports */
	struct packet_burst burst;
	struct packet_loan *lent[SHM_SLOTS * RIG_PORTS * RIG_PAIRS];
	unsigned int nlent;
};
extern struct rig rig;

void rig_check(bool ok, const char *what);
void rig_start(void);
/* Ports as freshly opened, for a guest with these features. */
void rig_open(unsigned int port, uint16_t pairs, uint32_t features);

/* Before a step, and after one in which packets from port `from` could go to port
 * `to` (-1: to nobody); both -1: no buffer may have moved. Ports that are in error
 * lose nothing by it. */
void rig_before(void);
void rig_after(int from, int to);
/* The other group's memory is what it was. */
void rig_other_is_untouched(void);
void rig_note_other(void);
/* Every view's bytes lie where they may: reads them all. */
void rig_check_views(const struct shm_pool *pool);

/* Ends all and counts: every buffer is free, once. */
void rig_end(void);

#endif
