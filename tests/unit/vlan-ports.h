/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One network with a port of each sort: without VLAN, access ports of 5 and 6,
 * trunks with 5 and 6, and with untagged and 5. Fixture of test-vlan.c and
 * test-deliver.c.
 */
#ifndef NETVM_VLAN_PORTS_H
#define NETVM_VLAN_PORTS_H

#include "tests/unit/fake-port.h"

enum { PLAIN, ACCESS5, ACCESS6, TRUNK56, TRUNK05, NPORTS };

extern struct dp_network *net;
extern struct dp_port *port[NPORTS];

int vlan_setup(void **state);
int vlan_teardown(void **state);
/* Forgets what every port sent. */
void vlan_clear(void);

/* The TCI of the one frame that p sent, whose length is len without a tag;
 * -1: untagged, -2: it sent none. */
int vlan_sent(struct dp_port *p, uint32_t len);

#endif
