/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One network with three ports, each with a host behind it. Fixture of
 * test-forward.c and test-policy.c.
 */
#ifndef NETVM_THREE_PORTS_H
#define NETVM_THREE_PORTS_H

#include "tests/unit/fake-port.h"

#define IPV4 0x0800
#define ARP  0x0806

static const uint8_t MA[6] = {2, 0, 0, 0, 0, 0xa}, MB[6] = {2, 0, 0, 0, 0, 0xb},
		     MC[6] = {2, 0, 0, 0, 0, 0xc}, BCAST[6] = {255, 255, 255, 255, 255, 255};

extern struct dp_network *net;
extern struct dp_port *A, *B, *C;

int three_setup(void **state);
int three_teardown(void **state);
/* Makes the switch know where everybody is. */
void three_introduce(void);

/* How many frames p sent. */
unsigned int got(struct dp_port *p);

#endif
