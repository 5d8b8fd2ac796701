/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The ports of vhost-rig.h for cmocka tests: frontends, traffic between them,
 * and neighbours that must not notice what a test does to port 0.
 */
#ifndef NETVM_VHOST_HARNESS_H
#define NETVM_VHOST_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/frontend/frontend.h"
#include "tests/unit/vhost-rig.h"

/* The library acknowledges a message before it tells us that a ring is ready. */
void harness_wait_queues(unsigned int n, uint16_t queues);
/* n frames from a to b of the given pair arrive unchanged. */
void harness_exchange(struct fe *a, struct fe *b, unsigned int pair, unsigned int n);
/* fe_open() on port n, and the port is up. */
void harness_open(struct fe *fe, unsigned int n, const struct fe_config *want);
/* The library closes its share only after it has told us of the end. */
void harness_wait_fds(unsigned int n);

/* Set-up and tear-down of tests whose peer on port 0 misbehaves: ports 2 and 3
 * have good peers, which must not notice. */
int harness_neighbours(void **state);
int harness_neighbours_drop(void **state);
void harness_neighbours_are_well(void);
/* Port 0 works for a peer that behaves, at once or when its strikes are over. */
void harness_port_recovers(void);

#endif
