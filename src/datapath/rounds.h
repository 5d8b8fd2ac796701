/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which of its queues a worker looks at in a round: rounds.c says how.
 */
#ifndef NETVM_ROUNDS_H
#define NETVM_ROUNDS_H

#include "src/datapath/worker.h"

/* Control thread. A list for up to max queues, count 0; NULL: no memory. */
struct rx_list *rx_list_new(uint32_t max);
void rx_list_free(struct rx_list *rx);
/* The list is complete and is about to be published: all queues start busy. */
void rounds_start(struct rx_list *rx);

/* Worker. Looks at the busy queues, and at the quiet ones when it is time;
 * returns the frames moved, 0 only when all queues were found empty. */
unsigned int rounds_run(struct rounds *r, struct worker *w);

#endif
