/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Captures of a port's frames, inside the data path; datapath.h has what the
 * control thread may do with them.
 */
#ifndef NETVM_CAPTURE_H
#define NETVM_CAPTURE_H

#include "src/datapath/worker.h"

/* The captures of one port. Immutable once published in dp_port.captures. */
struct capture_set {
	unsigned int count;
	struct dp_capture *capture[DP_CAPTURES_MAX];
};

/* Worker: n frames that port p received (in) or is about to be sent, for those
 * of its captures that look there. */
void capture_frames(
	struct worker *w, const struct dp_port *p, struct packet *const *pkts, uint16_t n, bool in);

/* Control thread: p is gone for workers; its captures go on without it. */
void capture_port_gone(struct dp_port *p);

#endif
