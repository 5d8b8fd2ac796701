/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Buffers of a transmit ring that a NIC still reads after their burst was
 * completed (struct packet_loan).
 *
 * Theory of operation. A ring gives its buffers back in the order in which it
 * took them. As long as no loan is out, that is done at the end of each burst
 * and nothing here runs. Once one is, the chains of that burst and of all later
 * ones queue up here, and each call of vring_hold_settle() gives back as many
 * from the front as are not lent any more. When the queue is empty and every
 * loan has been seen back, the ring is on its fast path again.
 *
 *	loan[i] belongs to chain[i]. The chains of the burst at hand, which are
 *	not in the queue yet, will go to tail, tail + 1 ..., so their loans are
 *	those of these places.
 *
 * A place is used again only after its chain was given back, hence after its
 * loan was back: a late return never meets a new loan in its place.
 *
 * Threads: the worker that runs the ring; packet_loan_return() any. After
 * synchronize() whoever has taken the ring away from workers. libc only.
 */
#ifndef NETVM_VRING_HOLD_H
#define NETVM_VRING_HOLD_H

#include "vhost/vring.h"

struct vring_hold {
	struct packet_lender lender;
	uint16_t size;       /* places, at least as many as the ring has slots */
	uint16_t head, tail; /* free running */
	struct vring_chain *chain;
	struct packet_loan *loan;
};

/* For a ring of this many slots, at most VRING_SIZE_MAX. NULL: no memory. */
struct vring_hold *vring_hold_new(uint16_t slots);
/* Only when vring_hold_returned(). */
void vring_hold_free(struct vring_hold *h);

/* Offers the memory of a burst's larger packets to takers, right after its dequeue. */
void vring_hold_offer(struct vring_queue *vq, struct packet_burst *b);

/* How many chains the next dequeue may take: they must all fit into the queue. */
static inline uint16_t
vring_hold_room(const struct vring_queue *vq)
{
	const struct vring_hold *h = vq->hold;

	return h == NULL ? PACKET_BURST : (uint16_t)(h->size - (uint16_t)(h->tail - h->head));
}

/* Whether completion goes through here: something is lent or queued. */
static inline bool
vring_hold_busy(const struct vring_queue *vq)
{
	return vq->hold != NULL && vq->hold->lender.out != 0;
}

/* Completes vq's pending chains and gives back what has become free. */
void vring_hold_settle(struct vring_queue *vq);

/* Gives everything back, lent or not, and takes the hold off the ring: no worker
 * is in it. Returns the hold, whose loans may still be out, or NULL. */
struct vring_hold *vring_hold_abandon(struct vring_queue *vq);

/* Whether all loans are back. */
bool vring_hold_returned(const struct vring_hold *h);

#endif
