/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Plain packets, nearly all that there are: one buffer, no request. Their loops are
 * compiled in variants (src/packet/wide.h): from the baseline to AVX-512 a packet of
 * 512 bytes between a stock guest and an shm port costs 114 or 109 busy cycles, one of
 * 1024 bytes 152 or 145. Workers; the one that polls the pair, or holds the ring's lock.
 */
#ifndef NETVM_SHM_PLAIN_H
#define NETVM_SHM_PLAIN_H

#include "src/packet/wide.h"
#include "src/shm/shm-tx.h"

struct shm_plain {
	/*
	 * Makes views of plain packets as long as the next ones are such; shm_ring_look()
	 * has found some entry. False: the first is something else. pb is empty.
	 */
	bool (*rx)(struct shm_port *p, struct shm_pair *pair, struct packet_burst *pb);
	/*
	 * As shm_put_copy(), for plain packets at the front, together. Returns how many; one
	 * that finds no room or no buffer is left to shm_put_copy(), which says why.
	 */
	uint16_t (*copy)(struct shm_tx *t, struct packet *const *pkts, uint16_t n);
};

extern const struct shm_plain shm_plain_sse;
extern const struct shm_plain shm_plain_avx2;   /* only with HAVE_AVX */
extern const struct shm_plain shm_plain_avx512; /* likewise */

/* The variant for this width, or the widest one below it that was built. */
const struct shm_plain *shm_plain_of(enum wide wide);

#endif
