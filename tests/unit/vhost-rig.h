/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Four vhost ports, wired in pairs by one polling worker, for tests and fuzzers:
 * what a frontend sends into port 0 comes out of port 1 and back, and the same
 * with 2 and 3. The tests drive real sockets; EAL runs on ordinary memory.
 * vhost-harness.h adds what needs cmocka.
 */
#ifndef NETVM_VHOST_RIG_H
#define NETVM_VHOST_RIG_H

#include <stdbool.h>
#include <stdint.h>

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
/* cmocka or libFuzzer has put its own handler over vhost_init()'s. */
void harness_sigbus(void);
/* Ports for a test: server mode, this many queue pairs, MTU 1500. */
int harness_ports(void **state);
int harness_ports_queues(uint16_t queues);
int harness_drop(void **state);
struct vhost_port_config harness_config(unsigned int n);
/* Hands a port to the worker, or NULL takes it away and waits. */
void harness_attach(unsigned int n, struct vhost_port *p);

/* From here on the caller is the worker, and grace periods wait for it, until it
 * gives back. */
void harness_take_over(void);
void harness_give_back(void);

int64_t harness_ms(void);
/* How many times the worker has been through all ports. */
uint64_t harness_loops(void);
struct vhost_port_status harness_status(unsigned int n);
/* Waits up to 5 s for the state; false: it did not come. */
bool harness_wait(unsigned int n, enum vhost_port_state state);
/* Waits for an error that contains the text. */
bool harness_wait_error(unsigned int n, const char *text);
/* Number of open descriptors of this process. */
unsigned int harness_fds(void);
/* How often env's kick_changed() was called, and with a valid old descriptor. */
unsigned int harness_kicks(void);

#endif
