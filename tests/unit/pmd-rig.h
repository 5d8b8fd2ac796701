/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * EAL with the DPDK driver loaded, and one device on a host of ours. Programs use
 * ethdev's public functions only, as any DPDK program does.
 */
#ifndef TESTS_UNIT_PMD_RIG_H
#define TESTS_UNIT_PMD_RIG_H

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "tests/unit/pmd-host.h"

#define RIG_MBUFS 4095

struct pmd_rig {
	unsigned int number; /* of the device; the caller's, where there are several */
	struct pmd_host host;
	uint16_t port; /* the ethdev's */
	struct rte_mempool *pool;
};

extern const struct fake_host_config pmd_rig_config; /* 2 pairs, 256 entries, 1024 buffers */

/* Once per program. */
int pmd_rig_eal(void **state);
int pmd_rig_eal_end(void **state);
/* Host, device and mempool; the device is not started. */
void pmd_rig_up(struct pmd_rig *r, const struct fake_host_config *c, const char *arguments);
/* Checks that nothing is missing: no mbuf, no buffer, no violation. */
void pmd_rig_down(struct pmd_rig *r);
/* Plugs the device in, or again after pmd_rig_unplug(). */
void pmd_rig_plug(struct pmd_rig *r, const char *arguments);
void pmd_rig_unplug(struct pmd_rig *r);
void pmd_rig_start(
	struct pmd_rig *r, uint16_t rx_queues, uint16_t tx_queues, const struct rte_eth_conf *conf);
/* Configures and sets up; the start may fail. */
int pmd_rig_try_start(
	struct pmd_rig *r, uint16_t rx_queues, uint16_t tx_queues, const struct rte_eth_conf *conf);
/* Polls until n packets came or a second passed; returns how many. */
uint16_t pmd_rig_receive(struct pmd_rig *r, uint16_t queue, struct rte_mbuf **m, uint16_t n);
uint64_t pmd_rig_xstat(struct pmd_rig *r, const char *name);
/* A frame with this number in it, of n bytes; and whether m is that one. */
void pmd_rig_frame(uint8_t *bytes, uint32_t n, uint32_t number);
bool pmd_rig_is_frame(const uint8_t *bytes, uint32_t n, uint32_t number);
/* n frames of `size` bytes, up to 2048, to a queue; numbered from `first` on, which is
 * their hash, too. */
void pmd_rig_send(struct pmd_rig *r, uint16_t queue, uint32_t first, uint16_t n, uint32_t size);
/* A frame of so many mbufs of the program's own. */
struct rte_mbuf *pmd_rig_foreign(
	struct pmd_rig *r, uint32_t number, uint32_t size, uint16_t pieces);

#endif
