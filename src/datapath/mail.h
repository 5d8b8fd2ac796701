/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What guests of shm ports tell netvmd (netvm-abi.h, MESSAGES): from the worker that
 * meets such a frame to the control thread, through one small box per port, so that a
 * guest that talks too much is the only one who is not heard.
 *
 * Threads: mail_put() workers, the rest control; nobody is in a box that is freed, as
 * its port is out of sight.
 */
#ifndef NETVM_MAIL_H
#define NETVM_MAIL_H

#include "src/datapath/worker.h"

/* NULL: no memory. */
struct mailbox *mailbox_new(void);
void mailbox_free(struct dp_port *p);

/* The frame, a message of the port's guest to us, is copied, or dropped and counted. */
void mail_put(struct worker *w, struct dp_port *p, const struct packet *frame);

#endif
