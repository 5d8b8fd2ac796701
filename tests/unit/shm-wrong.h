/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Three guests of a group of which one does wrong: what test-shm-hostile.c (what it
 * sends) and test-shm-faults.c (what ends its port) share. Includes shm-rig.h's
 * everything; the test's thread.
 */
#ifndef NETVM_SHM_WRONG_H
#define NETVM_SHM_WRONG_H

#include "tests/unit/shm-rig.h"

extern struct rig wrong_rig;
extern uint8_t *wrong_held[RIG_PORTS];  /* buffers that each guest holds */
extern struct packet_burst wrong_burst; /* wrong_take()'s */
extern bool wrong_hop;                  /* wrong_take() goes the straight way */

/* cmocka's fixtures: rings of 64, or of 128 entries. The teardown counts all buffers. */
int wrong_setup(void **state);
int wrong_setup_128(void **state);
int wrong_teardown(void **state);

/* A packet of guest i in a buffer that it has just got. */
struct netvm_desc wrong_packet(unsigned int i);
void wrong_send(unsigned int i, const struct netvm_desc *d, unsigned int n);
/* Takes what guest 0 sent: as views, or by the straight way. How many packets there
 * were. */
unsigned int wrong_take(void);
/* Of guest 0. */
uint64_t wrong_drops(enum packet_drop why);

#endif
