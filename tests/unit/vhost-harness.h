/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Four vhost ports, wired in pairs by one polling worker, for the vhost tests:
 * what a frontend sends into port 0 comes out of port 1 and back, and the same
 * with 2 and 3. The tests drive real sockets; EAL runs on ordinary memory.
 */
#ifndef NETVM_VHOST_HARNESS_H
#define NETVM_VHOST_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/frontend/frontend.h"
#include "vhost/vhost-port.h"

#define HARNESS_PORTS 4

struct harness {
	char dir[64];
	struct vhost_port *port[HARNESS_PORTS];
	char socket[HARNESS_PORTS][108];
};
extern struct harness harness;

/* EAL, temp dir, worker. Returns false (and says why) when EAL cannot start. */
bool harness_start(const char *name);
void harness_stop(void);
/* cmocka has put its own handler over vhost_init()'s for the test that runs. */
void harness_sigbus(void);
/* Ports for a test: server mode, this many queue pairs, MTU 1500. */
int harness_ports(void **state);
int harness_ports_queues(uint16_t queues);
int harness_drop(void **state);
struct vhost_port_config harness_config(unsigned int n);
/* Hands a port to the worker, or NULL takes it away and waits. */
void harness_attach(unsigned int n, struct vhost_port *p);

int64_t harness_ms(void);
struct vhost_port_status harness_status(unsigned int n);
/* Waits up to 5 s for the state; false: it did not come. */
bool harness_wait(unsigned int n, enum vhost_port_state state);
/* Waits for an error that contains the text. */
bool harness_wait_error(unsigned int n, const char *text);
/* The library acknowledges a message before it tells us that a ring is ready. */
void harness_wait_queues(unsigned int n, uint16_t queues);
/* n frames from a to b of the given pair arrive unchanged. */
void harness_exchange(struct fe *a, struct fe *b, unsigned int pair, unsigned int n);
/* fe_open() on port n, and the port is up. */
void harness_open(struct fe *fe, unsigned int n, const struct fe_config *want);
/* Number of open descriptors of this process. */
unsigned int harness_fds(void);
/* The library closes its share only after it has told us of the end. */
void harness_wait_fds(unsigned int n);
/* How often env's kick_changed() was called, and with a valid old descriptor. */
unsigned int harness_kicks(void);

/* Set-up and tear-down of tests whose peer on port 0 misbehaves: ports 2 and 3
 * have good peers, which must not notice. */
int harness_neighbours(void **state);
int harness_neighbours_drop(void **state);
void harness_neighbours_are_well(void);
/* Port 0 works for a peer that behaves. */
void harness_port_recovers(void);

#endif
