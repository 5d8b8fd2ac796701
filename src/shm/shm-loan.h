/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets of a queue pair that are on their way: buffers that we took from its TX
 * ring (SHM_HOST) and that views stand on. Each view offers them as a loan.
 *
 * Each view of a burst has a slot, which shm_port_rx() makes OFFERED; slots behind
 * the burst's last view mean nothing. Then one of these happens:
 *
 *	- nobody wants it: shm_port_rx_complete() frees the buffers
 *	- shm_port_tx() of a port of the same pool takes them: TAKEN
 *	- a NIC borrows them (loan.state): the slot is out until the loan is back,
 *	  longer than the burst; whoever polls the pair frees the buffers then
 *
 * Loans come back in any order: unlike a virtqueue, nothing waits behind them.
 *
 * Threads: whoever polls the pair; shm_port_tx() on that same worker. A port that
 * goes away leaves what is out to its pool (orphans).
 */
#ifndef NETVM_SHM_LOAN_H
#define NETVM_SHM_LOAN_H

#include "src/shm/shm-ring.h"

#define SHM_SLOTS (PACKET_BURST + SHM_LOANS_MOST)

enum shm_slot_state { SHM_SLOT_OFFERED, SHM_SLOT_TAKEN };

struct shm_slot {
	struct packet_loan loan; /* first */
	uint32_t buffer;         /* the packet's first; others by pool->seg[] */
	uint16_t offset, length; /* of its first piece */
	uint8_t flags;           /* of the descriptor that others of the group may see */
	uint8_t nseg;            /* buffers */
	uint8_t csum;            /* packet_offload.flags as it came */
	uint8_t state;           /* enum shm_slot_state */
	uint32_t mark;           /* of the descriptor */
};
static_assert(sizeof(struct shm_slot) == 64, "a slot is one cache line");

struct shm_hold {
	struct packet_lender lender;
	struct shm_pool *pool;
	struct packet_burst *views; /* valid while nburst is not 0 */
	uint16_t number;            /* of the port */
	uint8_t nspare, nburst, nout;
	uint8_t spare[SHM_LOANS_MOST]; /* slots that are not out, beyond those in burst[] */
	uint8_t burst[PACKET_BURST];   /* slot of each view, by packet.chain: the same ones
					  until one is out when its burst ends */
	uint8_t out[SHM_LOANS_MOST];
	struct shm_slot slot[SHM_SLOTS] __attribute__((aligned(64)));
	struct shm_hold *next; /* orphans */
};

static inline struct shm_hold *
shm_hold_of(const struct shm_slot *s)
{
	/* lender is its first member. */
	return (struct shm_hold *)s->loan.lender;
}

/* packet.hdr as it came. */
static inline uint8_t *
shm_hold_header(const struct shm_hold *h, const struct packet *p)
{
	return packet_burst_header(h->views, p->chain);
}

struct shm_hold *shm_hold_new(struct shm_pool *pool, uint16_t number);
/* Ends the burst: buffers go to who has them now, or back to the pool. */
void shm_hold_complete(struct shm_hold *h);
/* Frees what came back. */
void shm_hold_reap(struct shm_hold *h);
/* The port goes; what is out stays with the pool. NULL: nothing. */
void shm_hold_abandon(struct shm_hold *h);
void shm_hold_reap_orphans(struct shm_pool *pool);

#endif
