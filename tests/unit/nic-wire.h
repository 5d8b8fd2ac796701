/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A vhost-user frontend, a worker, and a NIC port on net_ring whose other end is
 * the test: it keeps mbufs for as long as it likes and frees them in any order on
 * its own thread, as a device with lazy completions would.
 */
#ifndef NETVM_NIC_WIRE_H
#define NETVM_NIC_WIRE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <rte_mbuf.h>

#include "src/datapath/nic.h"
#include "tests/frontend/frontend.h"

#define WIRE_HELD_MAX 512
#define WIRE_LARGE    1500

extern struct dp_port *wire_guest, *wire_nic;
extern struct fe wire_fe;
extern struct rte_mbuf *wire_held[WIRE_HELD_MAX]; /* kept by wire_keep() */
extern unsigned int wire_nheld;

/* cmocka: EAL, a network and the NIC; a guest that is up, and a NIC that borrows. */
int wire_world_start(void **state);
int wire_world_stop(void **state);
int wire_guest_start(void **state);
int wire_guest_stop(void **state);

int64_t wire_ms(void);
/* The frame of this number. */
void wire_fill(uint8_t *f, uint32_t len, unsigned int serial);
void wire_send(uint32_t len, unsigned int serial);
void wire_check(const struct rte_mbuf *m, uint32_t len, unsigned int serial);
/* One mbuf from the wire, false when there is none. */
bool wire_take(struct rte_mbuf **m);
/* Waits for n frames more and puts them behind wire_held. */
void wire_keep(unsigned int n);
/* Whether the payload is the guest's memory. */
bool wire_borrowed(const struct rte_mbuf *m);
/* The guest gets this many buffers back, in order. */
void wire_reap_until(unsigned int n);
uint64_t wire_zero_copy(void);

#endif
