/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A port inside the data path: what its kind (vhost, nic) must provide, and
 * what workers read. Internal to src/datapath.
 */
#ifndef NETVM_PORT_H
#define NETVM_PORT_H

#include "src/datapath/bucket.h"
#include "src/datapath/datapath.h"

struct capture_set;
struct dp_port;

/* What a destination can finish itself; the rest is done in software before
 * tx (packet_checksum, packet_gso_*). */
struct dp_tx_caps {
	bool csum, tso4, tso6;
};

#define DP_FD_TIMER (-1)
#define DP_FD_LATER (-2)

/*
 * One table per kind of port.
 *
 * Control thread: open, close, apply, status, counters. close is called after
 * the port was unpublished and every worker has passed a quiescent state.
 * Workers: the rest. rx fills b (b->count views, which stay valid until
 * rx_complete by the same worker in the same loop iteration). tx takes
 * packets from the front and returns how many; for the others the caller
 * counts the reason that `full` names. A tx that keeps a view's mbuf sets
 * pkt->mbuf to NULL; it may only be kept when it is not NULL.
 */
struct dp_port_ops {
	const char *name;      /* "vhost", "nic" */
	enum packet_drop full; /* reason for what tx did not take */
	int (*open)(struct dp_port *p, const struct dp_port_config *cfg, struct dp_error *err);
	void (*close)(struct dp_port *p);
	/* Brings a changed MTU or `enabled` to the device; the rest of the settings
	 * is the workers' affair. */
	int (*apply)(struct dp_port *p, const struct dp_port_settings *s, struct dp_error *err);
	void (*status)(struct dp_port *p, struct dp_port_status *st);
	/* Adds the device's absolute counters (and its own drops) to c: queue[]
	 * and queues, or total where the device does not count by queue (port.c
	 * sums the queues when total stays 0). */
	void (*counters)(struct dp_port *p, struct dp_port_counters *c);

	void (*rx)(struct dp_port *p, uint16_t queue, struct packet_burst *b);
	void (*rx_complete)(struct dp_port *p, uint16_t queue, struct packet_burst *b);
	/* NULL, or: true while buffers of the queue wait for a taker that borrowed
	 * them (struct packet_loan); its worker then sleeps only on a timer. */
	bool (*rx_held)(struct dp_port *p, uint16_t queue);
	/* False: not up, count DROP_NOT_READY and do not call tx. */
	bool (*tx_ready)(struct dp_port *p);
	struct dp_tx_caps (*tx_caps)(struct dp_port *p);
	uint16_t (*tx)(struct dp_port *p, uint16_t worker, struct packet *const *pkts, uint16_t n);
	/* Views of this kind say themselves where they want to go: packet.action. */
	bool directs;
	/* NULL, or: moves up to max packets of the queue to another port of this kind
	 * without a look at them; 0: there are none. False in *whole: what is next has
	 * to be looked at, use rx. May only be called when may_hop said yes. */
	bool (*may_hop)(const struct dp_port *p, const struct dp_port *to);
	uint16_t (*hop)(
		struct dp_port *p, uint16_t queue, struct dp_port *to, uint16_t max, bool *whole);
	/* NULL, or: makes the device let go of what this worker lent it and was sent;
	 * true when nothing is left. Called in each round after worker_reap_later(). */
	bool (*tx_reap)(struct dp_port *p, uint16_t worker);
	/* Sleep: rx_fd is an eventfd-like descriptor for an edge-triggered epoll,
	 * DP_FD_TIMER when the queue has none (the worker then wakes on a timer),
	 * DP_FD_LATER when it is not running and dp_port_kick_changed() will tell.
	 * rx_arm asks for a wake-up and returns true when there is work already. */
	int (*rx_fd)(struct dp_port *p, uint16_t queue);
	bool (*rx_arm)(struct dp_port *p, uint16_t queue);
	void (*rx_disarm)(struct dp_port *p, uint16_t queue);
};

extern const struct dp_port_ops dp_vhost_ops; /* port-vhost.c */
extern const struct dp_port_ops dp_nic_ops;   /* port-nic.c */
extern const struct dp_port_ops dp_shm_ops;   /* port-shm.c */

/* Where a receive queue's wake-ups go; see sleep.c. */
struct dp_kick {
	int worker; /* who polls the queue, -1: nobody */
	int fd;     /* in that worker's epoll, or DP_FD_*; valid while told */
	bool told;  /* dp_port_kick_changed() named fd; rx_fd need not be asked */
};

/* Rates of one direction; see police.h. */
struct police {
	struct bucket packets, bytes;
};

struct mailbox;

struct dp_port {
	const struct dp_port_ops *ops;
	void *dev;          /* the kind's own state */
	uint16_t index;     /* place in the port table */
	uint16_t rx_queues; /* receive queues to poll; set by open */
	/* What else happens to the port's bursts, TAP_* of tap.h. The control thread
	 * writes it (relaxed), workers look once per burst (relaxed): what a bit
	 * promises is checked again where it is acted on. */
	uint32_t taps;
	char name[DP_NAME_MAX];
	/* Published by pointer swap, freed after a grace period. Workers read it
	 * once per burst with acquire order. */
	const struct dp_port_settings *settings;
	/* Who watches its frames, NULL: nobody. Published likewise; see capture.h. */
	const struct capture_set *captures;
	struct mailbox *mailbox; /* see mail.h; NULL: the port's guest has nothing to tell */
	/* Storm control: when the allowance of flooded frames is used up to, in
	 * TSC cycles. Workers advance it by compare-and-swap (relaxed). */
	uint64_t storm_until;
	/* Written by every worker that meets a rate, so on lines of their own. */
	struct police police_in __attribute__((aligned(64)));
	struct police police_out __attribute__((aligned(64)));
	struct dp_kick kick[DP_QUEUES_MAX] __attribute__((aligned(64))); /* under sleep.c's lock */
	struct dp_port_config config;     /* as added; control thread only */
	struct dp_port_counters baseline; /* of the last reset; control thread only */
};

/* Tells the control plane that the port's status changed. Any thread. */
void dp_port_changed(struct dp_port *p);

/* Receive queue `queue` has another wake-up descriptor (DP_FD_LATER: none any
 * more), or started or stopped. old_fd is still open. Any thread. */
void dp_port_kick_changed(struct dp_port *p, uint16_t queue, int old_fd, int new_fd);

#endif
