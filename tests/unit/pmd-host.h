/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fake host in whole packets, for tests of the DPDK driver: what goes in may have
 * several pieces, what comes out is put together, and frees are counted on the way.
 */
#ifndef TESTS_UNIT_PMD_HOST_H
#define TESTS_UNIT_PMD_HOST_H

#include "tests/unit/fake-host.h"

struct pmd_host {
	struct fake_host *fake;
	struct netvm_device *dev;
	unsigned int freed; /* buffers that came back as DROP */
};

/* What came out of a TX ring: one packet. */
struct pmd_host_packet {
	uint32_t buffer; /* of the first piece */
	uint16_t pieces;
	bool offload, hash;
	struct netvm_offload request;
	uint32_t mark, length;
	uint8_t bytes[70000];
};

void pmd_host_start(struct pmd_host *h, const struct fake_host_config *c);
void pmd_host_end(struct pmd_host *h);
/* One packet of `pieces` buffers; false: no room, or no free buffer. */
bool pmd_host_send(struct pmd_host *h, uint16_t pair, const void *bytes, uint32_t n,
	uint16_t pieces, uint8_t flags, uint32_t mark);
/* The next packet; frees that come before it are counted. False: there is none. */
bool pmd_host_receive(struct pmd_host *h, uint16_t pair, struct pmd_host_packet *p);
/* Takes all that is there, of all pairs. Returns how many packets that was. */
unsigned int pmd_host_swallow(struct pmd_host *h);
/* Buffers that the guest owns and has read of. */
unsigned int pmd_host_owned(struct pmd_host *h);
unsigned int pmd_host_openings(const struct pmd_host *h);
void pmd_host_link(struct pmd_host *h, bool up);

#endif
