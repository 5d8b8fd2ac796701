/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Buffers that a NIC reads in place: see vring-hold.h for the theory. Workers,
 * and whoever sets a ring up or takes it down.
 */
#include "vhost/vring-hold.h"

#include <stdlib.h>

/* Loans of one ring at a time. What is lent cannot be used by the guest, and
 * what comes behind it neither, so it is a quarter of the ring at most. */
#define LOANS_MOST 64

static uint16_t
place(const struct vring_hold *h, uint16_t pos)
{
	return pos & (h->size - 1);
}

struct vring_hold *
vring_hold_new(uint16_t slots)
{
	struct vring_hold *h = calloc(1, sizeof(*h));
	uint16_t size = 1;

	if (h == NULL)
		return NULL;
	while (size < slots)
		size = (uint16_t)(size * 2);
	h->size = size;
	h->lender.most = slots / 4 < LOANS_MOST ? slots / 4 : LOANS_MOST;
	/* Large rings' arrays are fresh pages that nobody has touched: a ring that
	 * never lends has them for nothing. */
	h->chain = calloc(size, sizeof(h->chain[0]));
	h->loan = calloc(size, sizeof(h->loan[0]));
	if (h->chain == NULL || h->loan == NULL) {
		vring_hold_free(h);
		return NULL;
	}
	return h;
}

void
vring_hold_free(struct vring_hold *h)
{
	if (h == NULL)
		return;
	free(h->chain);
	free(h->loan);
	free(h);
}

void
vring_hold_offer(struct vring_queue *vq, struct packet_burst *b)
{
	struct vring_hold *h = vq->hold;

	if (h->lender.out >= h->lender.most)
		return;
	for (unsigned int i = 0; i < b->count; i++) {
		struct packet *p = &b->pkt[i];

		if (p->len - p->hdr_len < PACKET_LOAN_MIN)
			continue;
		p->loan = &h->loan[place(h, (uint16_t)(h->tail + p->chain))];
		p->loan->lender = &h->lender;
		p->keep = PACKET_KEEP_LOAN;
	}
}

/* Whether the front may be given back; a loan that is back is booked. */
static bool
front_is_free(struct vring_hold *h)
{
	struct packet_loan *l = &h->loan[place(h, h->head)];

	/* Acquire, pairs with packet_loan_return(). */
	switch (__atomic_load_n(&l->state, __ATOMIC_ACQUIRE)) {
	case PACKET_LOAN_OUT:
		return false;
	case PACKET_LOAN_BACK:
		__atomic_store_n(&l->state, PACKET_LOAN_FREE, __ATOMIC_RELAXED);
		h->lender.out--;
		return true;
	default:
		return true;
	}
}

void
vring_hold_settle(struct vring_queue *vq)
{
	struct vring_chain done[PACKET_BURST];
	struct vring_hold *h = vq->hold;
	uint16_t n = 0;

	for (uint16_t i = 0; i < vq->npending; i++)
		h->chain[place(h, h->tail++)] = vq->pending[i];
	vq->npending = 0;
	while (h->head != h->tail && front_is_free(h)) {
		done[n++] = h->chain[place(h, h->head++)];
		if (n == PACKET_BURST) {
			vring_give_back(vq, done, n);
			n = 0;
		}
	}
	if (n != 0)
		vring_give_back(vq, done, n);
}

struct vring_hold *
vring_hold_abandon(struct vring_queue *vq)
{
	struct vring_hold *h = vq->hold;

	vq->hold = NULL;
	if (h == NULL)
		return NULL;
	while (h->head != h->tail) {
		vring_give_back(vq, &h->chain[place(h, h->head)], 1);
		h->head++;
	}
	return h;
}

bool
vring_hold_returned(const struct vring_hold *h)
{
	for (uint32_t i = 0; i < h->size; i++)
		if (__atomic_load_n(&h->loan[i].state, __ATOMIC_ACQUIRE) == PACKET_LOAN_OUT)
			return false;
	return true;
}
