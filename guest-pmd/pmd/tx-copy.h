/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The slow half of transmitting: copies, and requests to finish checksums and to cut
 * TCP. On the transmitting lcore, under the pair's transmit lock.
 */
#ifndef NETVM_PMD_TX_COPY_H
#define NETVM_PMD_TX_COPY_H

#include "guest-pmd/pmd/pmd.h"

#define PMD_TX_REQUESTS (RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_IP_CKSUM)

/* m's bytes were another opening's of a port, and are gone. */
bool pmd_is_void(const struct rte_mbuf *m);
/* Gets empty buffers into the pair's store; false: there are none now. */
bool pmd_more_spares(struct pmd_pair *pair);
/* One of them, good until the next is taken; NULL: there is none now. */
static inline const struct netvm_packet *
pmd_take_spare(struct pmd_pair *pair)
{
	if (unlikely(!pair->spares_n) && !pmd_more_spares(pair))
		return NULL;
	return &pair->spares[--pair->spares_n];
}
/* Copies m's bytes into buffers of the pair; p is set up but for buffer and
 * pieces. -ENOBUFS: none now; -EINVAL, -EMSGSIZE: m cannot be sent. m stays. */
int pmd_copy(struct pmd_pair *pair, const struct rte_mbuf *m, struct netvm_packet *p);
/* Buffers of the copies among packets [from, to), which were not sent, go back. */
void pmd_free_copies(struct pmd_pair *pair, const struct netvm_packet *p, uint16_t from,
	uint16_t to, uint32_t copied);
/* Makes m's requests p's; p's buffers are nobody else's. May be done again. */
void pmd_offload(const struct rte_mbuf *m, struct netvm_packet *p);

#endif
