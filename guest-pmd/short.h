/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bursts of packets of one ring entry, as descriptors: for the DPDK driver, which has
 * packets of its own and would make a struct netvm_packet for each only to copy it.
 * Threads, counters and errors as netvm_rx(), netvm_tx() and netvm_free().
 */
#ifndef GUEST_PMD_SHORT_H
#define GUEST_PMD_SHORT_H

#include "guest-pmd/netvm-abi.h"
#include "guest-pmd/netvm.h"

/* Takes up to max packets that are one entry each; buffer, offset and length are
 * inside the pool. *other: the next packet is something else, which netvm_rx() takes. */
int netvm_rx_short(
	struct netvm_port *port, uint16_t pair, struct netvm_desc *desc, uint16_t max, bool *other);
/* Sends from the front, and returns how many. Each descriptor is a whole packet, inside a
 * buffer of the port's and not empty: the caller's word counts, and netvmd's check. */
int netvm_tx_short(
	struct netvm_port *port, uint16_t pair, const struct netvm_desc *desc, uint16_t n);
/* For how many of n packets of one entry the ring has room; less than n is counted as
 * if they had been refused. */
uint16_t netvm_tx_space(struct netvm_port *port, uint16_t pair, uint16_t n);
/* netvm_free() of buffers by their numbers, which are the caller's word, too. */
void netvm_free_buffers(
	struct netvm_port *port, uint16_t pair, const uint32_t *buffers, uint16_t n);

#endif
