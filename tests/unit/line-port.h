/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A kind of port for tests with threads. It behaves as a guest's ring does:
 * the producer publishes a frame, then, behind a full fence, kicks if it was
 * asked to. Every frame is a broadcast; what is sent to it is counted. A port
 * whose name begins with "timer" has no descriptor to sleep on.
 */
#ifndef NETVM_LINE_PORT_H
#define NETVM_LINE_PORT_H

#include "src/datapath/table.h"

struct line {
	uint32_t published; /* frames that the producer made available */
	uint32_t taken;     /* by the worker */
	uint32_t sent;      /* frames that came out of this port */
	uint32_t kick_wanted;
	int kick_fd;
	bool no_fd; /* wakes on the timer */
	uint8_t frame[60];
};

extern const struct dp_port_ops line_ops;

/* The guest's side: one more frame. Any thread. */
void line_produce(struct line *l);

#endif
