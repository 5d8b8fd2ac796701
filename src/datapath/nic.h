/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A NIC port's own state, shared by port-nic.c (control thread: open, close,
 * status) and nic-io.c (workers: rx, tx). Internal to those two.
 */
#ifndef NETVM_NIC_H
#define NETVM_NIC_H

#include <pthread.h>

#include <rte_ethdev.h>
#include <rte_spinlock.h>

#include "src/datapath/port.h"

/* One writer at a time; relaxed for those who read while it counts. */
static inline void
nic_count(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

static inline uint64_t
nic_counted(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

/* A transmit queue. Several workers may share it; the lock is taken once per
 * burst, and not at all when each worker has a queue of its own. */
struct nic_txq {
	rte_spinlock_t lock;
	uint64_t packets, bytes; /* under the lock, or by the only worker */
	uint64_t no_mbuf;
	uint64_t zero_copy; /* packets whose payload stayed in the guest's memory */
} __rte_cache_aligned;

/* Written by the worker that owns the queue. */
struct nic_rxq {
	uint64_t packets, bytes;
	uint64_t runts; /* frames that cannot be looked at: too short, or in crumbs */
	int fd;         /* interrupt eventfd, -1: wake on a timer */
	bool arm;       /* the interrupt has to be enabled before sleep (a real NIC's) */
} __rte_cache_aligned;

struct nic {
	uint16_t port_id;
	uint16_t nrxq, ntxq;
	uint16_t ntxd; /* descriptors of a transmit queue */
	uint16_t workers;
	bool started;          /* the device runs; relaxed, false is followed by a grace period */
	bool multi_seg;        /* the driver takes chained mbufs */
	bool l4_csum;          /* it finishes TCP and UDP checksums */
	bool tso;              /* it segments TCP over IPv4 and IPv6 */
	bool lacp;             /* a bond that sends frames of its own on transmit queue 0 */
	struct nic_bond *bond; /* NULL: one device */
	struct rte_mempool *pool;    /* its own; frames that are copied to be sent */
	struct rte_mempool *rx_pool; /* what it receives into: the same, or a group's */
	struct dp_group *group;      /* whose pool that is, NULL: none */
	/* Borrowing guest memory, nic-lent.c. */
	bool zero_copy;             /* the operator wants it */
	bool borrows;               /* relaxed; only ever becomes false while workers look */
	bool lazy;                  /* it keeps what it sent until it is reaped */
	uint16_t segs_max;          /* of a frame */
	uint32_t dma;               /* least reach of the memory it can read (nic-dma.c); 0: any */
	const char *no_borrow;      /* why it does not; control thread */
	struct rte_mempool *shells; /* mbufs without memory */
	struct rte_eth_dev_info info;
	uint64_t rx_offloads, tx_offloads;
	struct nic_rxq rxq[DP_QUEUES_MAX];
	struct nic_txq txq[DP_QUEUES_MAX];
};

/* The worker side of dp_nic_ops; contracts in port.h. */
void nic_rx(struct dp_port *p, uint16_t queue, struct packet_burst *b);
void nic_rx_complete(struct dp_port *p, uint16_t queue, struct packet_burst *b);
bool nic_tx_ready(struct dp_port *p);
struct dp_tx_caps nic_tx_caps(struct dp_port *p);
uint16_t nic_tx(struct dp_port *p, uint16_t worker, struct packet *const *pkts, uint16_t n);
bool nic_reap(struct dp_port *p, uint16_t worker);
int nic_rx_fd(struct dp_port *p, uint16_t queue);
bool nic_rx_arm(struct dp_port *p, uint16_t queue);
void nic_rx_disarm(struct dp_port *p, uint16_t queue);

/* nic-probe.c: finds or creates the device that cfg names (*port_id is written
 * only when it is ours now); refuses what another port uses, also under another
 * name; takes it away. */
int nic_probe(const struct dp_port_config *cfg, uint16_t *port_id, struct dp_error *err);
int nic_check_alone(uint16_t port_id, const char *name, struct dp_error *err);
void nic_remove(uint16_t port_id);

/*
 * nic-bond.c: open makes nic->port_id of several devices; watch when it runs;
 * unwatch, then close it, then nic_bond_close(). status fills in the members and
 * says whether one carries traffic. poll: the worker of receive queue 0.
 */
int nic_bond_open(struct nic *nic, struct dp_port *port, const struct dp_port_config *cfg,
	struct dp_error *err);
int nic_bond_watch(struct nic *nic, struct dp_error *err);
void nic_bond_unwatch(struct nic *nic);
void nic_bond_close(struct nic *nic);
bool nic_bond_status(const struct nic *nic, struct dp_port_status *st);
void nic_bond_poll(struct nic *nic);
/* The devices that frames come from: one, or a bond's up to DP_MEMBERS_MAX. */
uint16_t nic_members(const struct nic *nic, uint16_t *port_id);

/* nic-pool.c: devargs with what the port's MTU asks of the driver; the pool
 * that the queues draw on. */
void nic_devargs(const struct dp_port_config *cfg, char *out, size_t len);
int nic_create_pool(struct nic *nic, const struct dp_port_config *cfg, uint16_t nrxd, uint16_t ntxd,
	struct dp_error *err);
/* nic-group.c: a group's pool as rx_pool, refused where the device cannot; n: what
 * it takes at most. Leave it when the device is closed. */
int nic_join_group(struct nic *nic, const struct dp_port_config *cfg, uint32_t room, uint32_t n,
	struct dp_error *err);
void nic_leave_group(struct nic *nic);

/* Frees the pool once its last mbuf has come back. The device is closed. */
void nic_free_pool(struct rte_mempool *pool);

/* mbufs without memory, for what transmit rings can hold; 0 or -ENOMEM. */
int nic_create_shells(struct nic *nic);

/*
 * nic-lent.c: guest memory in mbufs. open when the device runs, close before it
 * is closed. nic_borrow() makes a chain of the view's headers and its memory,
 * or returns NULL: copy. nic_lent(): n of these were sent (devices that are
 * lazy only). tick once a second, revoke from any thread but a worker.
 */
extern pthread_mutex_t nic_device_lock; /* control calls to devices, on two threads */
void nic_lent_tune(struct nic *nic, struct rte_eth_txconf *conf);
void nic_lent_open(struct dp_port *port);
void nic_lent_allow(struct dp_port *port); /* by open, and tests: it does borrow */
void nic_lent_close(struct dp_port *port);
struct rte_mbuf *nic_borrow(struct dp_port *port, uint16_t queue, struct packet *p);
void nic_lent(struct dp_port *port, uint16_t worker, uint16_t queue, uint16_t n);
/* Control thread: no more, and why. */
void nic_lent_refuse(struct nic *nic, const char *why);
void nic_lent_tick(void);
void nic_revoke(void);

/* nic-dma.c: tells devices that read memory themselves of the guests' and of pools. open returns
 * why it cannot be, or NULL; sets nic->dma. */
const char *nic_dma_open(struct nic *nic);
void nic_dma_close(struct nic *nic);
/* A device is to receive into a pool; forget: the pool goes. */
const char *nic_dma_join(const struct rte_device *device, struct shm_pool *pool);
void nic_dma_forget_pool(struct shm_pool *pool);
void nic_dma_tick(void);
void nic_dma_forget(const struct vhost_stretch *s, unsigned int n, uint32_t reach);

/* nic-wake.c: packet sockets that are open, before the device is; and then
 * what a sleeping worker can wait on, into rxq[].fd and arm. */
#define NIC_SOCKETS_MAX 1024
struct nic_sockets {
	unsigned int count;
	int fd[NIC_SOCKETS_MAX];
};
void nic_sockets_list(struct nic_sockets *s);
void nic_find_wakeups(struct nic *nic, const struct nic_sockets *before);

/* nic-mtu.c: brings the MTU to the device, or to the kernel interface behind
 * it. Returns 0 or a negative errno with a sentence. */
int nic_set_mtu(const struct nic *nic, const char *name, uint16_t mtu, struct dp_error *err);

#endif
