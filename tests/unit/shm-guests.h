/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Guests of the ports of shm-host.h for cmocka tests, and traffic between them.
 */
#ifndef NETVM_SHM_GUESTS_H
#define NETVM_SHM_GUESTS_H

#include "tests/shm/client.h"
#include "tests/unit/shm-host.h"

/* Attaches to port i and opens it. */
void guests_attach(struct client *c, unsigned int i);
/* One from FILL. */
uint32_t guests_buffer(struct client *c);
void guests_transmit(struct client *c, const struct netvm_desc *d);
/* n frames from a to b, each in a buffer from FILL, arrive unchanged. */
void guests_exchange(struct client *a, struct client *b, unsigned int n);
/* Every buffer of the pool is free. */
void guests_gave_all_back(void);

#endif
