/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Mbufs whose packets netvmd has taken go back to where they came from, many at a time.
 * On the transmitting lcore.
 */
#ifndef NETVM_PMD_RELEASE_H
#define NETVM_PMD_RELEASE_H

#include <stdint.h>

#include <rte_mbuf.h>

/* Of those with a bit in `copied` netvmd has the bytes, of the others the buffers, of
 * all pieces. Returns how many buffers those were. n is at most PMD_BURST. */
uint32_t pmd_release(struct rte_mbuf **mbufs, uint16_t n, uint32_t copied);

#endif
