/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two shm ports of two pairs, and what tests of their packets have in common: guest 0
 * sends, guest 1 receives. setup_*() and teardown() are cmocka's; the latter counts
 * all buffers, with those that held[] says guests have in their hands.
 */
#ifndef NETVM_SHM_TWO_H
#define NETVM_SHM_TWO_H

#include "tests/unit/shm-rig.h"

extern struct rig rig;
extern struct packet_burst burst;
extern uint8_t *held[RIG_PORTS];

int setup(void **state);       /* guests take pieces and partial checksums */
int setup_plain(void **state); /* neither */
int setup_quota(void **state); /* 40 buffers each at most */
int setup_small(void **state); /* a pool of 80 buffers */
int teardown(void **state);

/* An empty buffer of guest 0. */
uint32_t fresh(void);
uint64_t drops(unsigned int i, enum packet_drop why);
/* Guest 0's packets as views, and the end of that burst. */
void receive(const struct netvm_desc *d, unsigned int n, unsigned int views);
void complete(void);
/* To guest 1. */
uint16_t send(struct packet *p);
/* What guest 1 got, in so many pieces, into `to`; it keeps the buffers. Returns the length. */
unsigned int got(struct netvm_desc *first, uint8_t *to, unsigned int pieces);
void fill(uint8_t *to, unsigned int n, unsigned int seed);

#endif
