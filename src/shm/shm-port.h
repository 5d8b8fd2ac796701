/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An shm port: rings in a sealed memfd of its own, buffers in its group's pool,
 * two ivshmem sockets through which one guest gets both. What guest and host
 * say to each other is in guest-pmd/netvm-abi.h.
 *
 * Threads. create, destroy, set, status: control thread. rx, tx, hop and the
 * notification calls: workers. Sockets, doorbells of requests and heartbeats are
 * served by one thread of this folder's own, which unpublishes a port's queues,
 * waits for env's synchronize(), takes buffers back, and publishes them again; it
 * never waits for the control thread.
 *
 * States, shown as shm_port_status.state; only shm-port-state.c moves between them:
 *
 *	SHM_DOWN     not enabled: nobody can attach, and who is attached (he stays, as
 *	             QEMU would not come again) is not served
 *	SHM_WAITING  nobody is attached, or the one who is has not opened the port
 *	SHM_UP       open: rings are served
 *	SHM_ERROR    quarantined, see error; leaves it when the guest opens it again or
 *	             its socket closes
 *
 * All buffers that a port owns go back to the pool when it leaves SHM_UP.
 */
#ifndef NETVM_SHM_PORT_H
#define NETVM_SHM_PORT_H

#include <sys/types.h>

#include "src/packet/packet.h"
#include "src/shm/shm-pool.h"

#define SHM_PORT_MTU_MAX 9216

struct shm_env {
	/* As in struct vhost_env. */
	void (*synchronize)(void);
	void (*changed)(void *user);
	void (*kick_changed)(void *user, uint16_t qp, int old_fd, int new_fd);
	/* A sentence for the log; NULL: not wanted. Any thread, must not block. */
	void (*warn)(const char *sentence);
};
/* Once, before the first pool. run_dir: sockets go to run_dir/shm, the keeper's is
 * run_dir/keeper.sock. 0 or -errno with a sentence. */
int shm_init(const struct shm_env *env, const char *run_dir, char *err, size_t errlen);
/* Ends the thread; ports and pools are gone. The keeper ends, too, unless it is
 * told to hold on (a restart: end without shm_stop()). */
void shm_stop(void);

/* All ports of an earlier daemon have been made, and those that they forward to as
 * well: until then nobody serves those that were taken over, from then on each is
 * served when it is made. */
void shm_resume(void);

/* Forgets what an earlier daemon had and this one has not: ports ("port") and groups
 * ("pool") that `exists` does not know. Guests that are still on them see the end. */
void shm_settle(bool (*exists)(const char *kind, const char *name, void *user), void *user);
/* The same for all of them, where there is no group: instead of shm_init(). */
void shm_discard(const char *run_dir);

struct shm_port_config {
	char name[NETVM_NAME_MAX];
	struct shm_pool *pool;
	uint16_t number;                               /* dp_port_index() */
	uint16_t queues;                               /* 1..NETVM_PAIRS_MAX */
	uint16_t vectors;                              /* 1..NETVM_VECTORS_MAX, as the device has */
	uint32_t rx_entries, tx_entries, fill_entries; /* powers of two */
	uint16_t mtu;                                  /* 68..SHM_PORT_MTU_MAX */
	uint8_t mac[6];                                /* all zero: made from the name */
	uint32_t quota;        /* buffers that the guest may own; 0: as many as its rings hold */
	uint32_t heartbeat_ms; /* 0: a silent guest is none of our business */
	bool disabled;
	uid_t owner; /* of the sockets; (uid_t)-1: leave */
	gid_t group;
	mode_t mode;
	void *user; /* for env's callbacks */
};

enum shm_port_state { SHM_DOWN, SHM_WAITING, SHM_UP, SHM_ERROR };

struct shm_port_status {
	enum shm_port_state state;
	bool attached; /* somebody has the sockets */
	pid_t peer;    /* who connected: the NF, or QEMU; 0: unknown */
	char error[160];
	uint16_t queues; /* in use, 0 until it is open */
	uint32_t owned;  /* buffers that the guest has */
	uint32_t guest_features;
	uint8_t mac[6];
	uint64_t violations; /* descriptors that made no sense, since it was opened */
	uint64_t hops;       /* packets that went on without a copy */
	bool resumed;        /* taken over from an earlier daemon */
};

struct shm_port;

/* Makes the port, or takes over what the keeper holds for this name when the
 * rings fit the config. NULL: a sentence in err, errno set. */
struct shm_port *shm_port_create(const struct shm_port_config *cfg, char *err, size_t errlen);
/* Disconnects, takes all buffers back, removes the sockets. Unpublished before. */
void shm_port_destroy(struct shm_port *p);
int shm_port_enable(struct shm_port *p, bool on, char *err, size_t errlen);
void shm_port_set_mtu(struct shm_port *p, uint16_t mtu);
void shm_port_status(struct shm_port *p, struct shm_port_status *st);
struct shm_pool *shm_port_pool(struct shm_port *p);

/* --- workers ------------------------------------------------------------- */

/*
 * Packets from the guest. The descriptors have been checked against owner[], and
 * the buffers are ours (SHM_HOST) from here on; views have private copies of
 * headers, as every view has. Each offers its buffers as a loan
 * (PACKET_KEEP_POOL): a NIC borrows them as it does a stock guest's memory, and
 * shm_port_tx() of a port of the same pool takes them. What nobody took is freed
 * by rx_complete.
 */
void shm_port_rx(struct shm_port *p, uint16_t qp, struct packet_burst *b);
void shm_port_rx_complete(struct shm_port *p, uint16_t qp, struct packet_burst *b);
bool shm_port_rx_held(struct shm_port *p, uint16_t qp);

/* Queue pairs that take packets now; 0: not up. */
uint16_t shm_port_tx_queues(struct shm_port *p);
void shm_port_tx_caps(struct shm_port *p, bool *csum, bool *tso4, bool *tso6);
/* Takes buffers of its own pool (loans, and mbufs of the pool's mempool), copies
 * everything else into buffers of the pool. Returns how many from the front. */
uint16_t shm_port_tx(struct shm_port *p, uint16_t queue, struct packet *const *pkts, uint16_t n);

/*
 * The straight way, for a port whose packets all go to one port of the same group
 * (forward=): descriptors from p's ring to `to`'s, checked and owned, without a
 * look at the packets. Returns how many were moved or dropped; 0: nothing there.
 * *other: descriptors that ask for something else (TO_PORT, TO_SERVICE) are at
 * the front now: use shm_port_rx().
 */
uint16_t shm_port_hop(
	struct shm_port *p, uint16_t qp, struct shm_port *to, uint16_t max, bool *other);

/* Doorbells for what this thread published; before it reports quiescent. */
void shm_signal(void);
bool shm_port_rx_arm(struct shm_port *p, uint16_t qp);
void shm_port_rx_disarm(struct shm_port *p, uint16_t qp);
#define SHM_KICK_TIMER (-1) /* no doorbell: look now and then; less: not running */
int shm_port_kick_fd(struct shm_port *p, uint16_t qp);

/* --- counters: any thread -------------------------------------------------- */

void shm_port_counters(struct shm_port *p, uint16_t qp, struct queue_counters *c);
void shm_port_drops(struct shm_port *p, uint64_t drop[DROP_REASONS]);

#endif
