/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A DPDK poll-mode driver for shm ports of netvmd: an ordinary ethdev on top of
 * libnetvm.
 *
 * Theory of operation. A queue of the ethdev is a queue pair of the port: receive
 * queue n is pair n, transmit queue n is pair n modulo the number of receive
 * queues, because programs often have one transmit queue for each lcore and few
 * receive queues, and netvmd must not deliver to a pair that nobody polls.
 *
 * Received packets stay where they are. An mbuf of the program's own mempool is
 * attached to the pool's buffer as DPDK's external buffers are, so that mbufs
 * look as every program expects (its pool, its private area). The bookkeeping
 * of an attached buffer lies in our memory, never in the pool, which other guests
 * write. A transmitted mbuf whose buffer is one of this port's, and nobody else's
 * too, passes its buffer on and goes back to its mempool; of all others the bytes
 * are copied.
 *
 * Three things may happen to a pair at the same time, on different lcores: its
 * receive queue is polled, its transmit queues are, and mbufs are freed. So a pair
 * has two locks, one for each direction of libnetvm's bursts; what frees takes
 * none, but pushes the buffer onto the pair's list (buffers.h), and whoever holds
 * the transmit direction next gives the list back to netvmd. A lock that nobody
 * else wants costs some 20 cycles per burst; and it makes it possible to stop
 * all bursts without the program's help, which a reset takes (watch.c).
 *
 * Control operations are the program's main thread's, and the watch's on EAL's
 * interrupt thread while the device runs.
 */
#ifndef NETVM_PMD_H
#define NETVM_PMD_H

#include <stdint.h>

#include <ethdev_driver.h>
#include <ethdev_vdev.h>

#include <rte_mbuf.h>
#include <rte_spinlock.h>

#include "guest-pmd/netvm-abi.h"
#include "guest-pmd/netvm.h"

#define PMD_BURST  32
#define PMD_XSTATS 16  /* counters that only this driver has, see stats.c */
#define PMD_LINE   128 /* what two threads write lies this far apart */

extern int pmd_log_type;
#define PMD_LOG(level, ...)                                                                        \
	rte_log(RTE_LOG_##level, pmd_log_type,                                                     \
		"net_netvm: " RTE_FMT(                                                             \
			RTE_FMT_HEAD(__VA_ARGS__, ) "\n", RTE_FMT_TAIL(__VA_ARGS__, )))

/* Counters have one writer each, who holds the lock of their direction; readers
 * on other threads see some recent value. */
static inline void
pmd_count(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

/* rte_spinlock_unlock() without its exchange, which would wait for every store of
 * the burst. Release: pairs with the lock's acquire. */
static inline void
pmd_unlock(rte_spinlock_t *lock)
{
	__atomic_store_n(&lock->locked, 0, __ATOMIC_RELEASE);
}

struct pmd_rx_counters {
	uint64_t packets, bytes;
	uint64_t no_mbufs; /* packets that found no mbuf in the program's pool */
	uint64_t bad_ip;   /* IPv4 headers with a wrong checksum */
	uint64_t taken;    /* buffers that became the program's */
};

struct pmd_tx_counters {
	uint64_t packets, bytes;
	uint64_t zero_copy;  /* packets */
	uint64_t copied;     /* packets */
	uint64_t no_buffers; /* packets that stayed with the program for want of a buffer */
	uint64_t refused;    /* packets that cannot be sent: empty, void, too many pieces */
	uint64_t passed_on;  /* buffers that went without a copy */
	uint64_t returned;   /* buffers that mbufs' frees gave back */
};

/* A queue pair of the port. */
struct pmd_pair {
	struct pmd_device *device;
	uint16_t number;

	/* The receive direction. */
	rte_spinlock_t rx_lock __rte_aligned(PMD_LINE);
	uint32_t empty_polls;
	uint16_t mbufs_n; /* mbufs in store, from the end */
	uint16_t port_id;
	struct rte_mempool *mempool; /* the program's; NULL: the queue is not set up */
	uint64_t rx_flags[8];        /* mbuf flags for each combination of NETVM_PACKET_ flags */
	uint64_t rearm;              /* an mbuf's data_off (0), refcnt, nb_segs and port */
	bool check_ip;
	bool lro;
	struct pmd_rx_counters rx;
	struct netvm_packet rx_packets[PMD_BURST];
	struct rte_mbuf *mbufs[PMD_BURST];

	/* The transmit direction. */
	rte_spinlock_t tx_lock __rte_aligned(PMD_LINE);
	uint16_t spares_n;
	struct pmd_tx_counters tx;
	struct netvm_packet spares[PMD_BURST]; /* empty buffers for copies */
	struct netvm_packet tx_packets[PMD_BURST];
} __rte_aligned(PMD_LINE);

/* A transmit queue: several may share a pair. */
struct pmd_tx_queue {
	struct pmd_pair *pair;
	struct pmd_device *device;
	uint16_t number;
	uint64_t packets, bytes, dropped; /* written under the pair's lock */
};

/*
 * What bursts may do.
 *
 *	STOPPED   the port is open; no bursts. start: RUNNING
 *	RUNNING   bursts pass. stop: STOPPED; a burst that netvmd answered with
 *	          -ENOTCONN: LOST; with -EPIPE: GONE
 *	LOST      bursts do nothing, until the watch has opened the port again:
 *	          RUNNING. stop: STOPPED, the next start opens it again
 *	GONE      the port was deleted. Bursts do nothing; only close is left.
 *
 * pmd_enter() performs all of them.
 */
enum pmd_state { PMD_STOPPED, PMD_RUNNING, PMD_LOST, PMD_GONE };

struct pmd_device {
	struct netvm_port *port;
	struct netvm_info info;
	struct netvm_options options; /* that the port was opened with */
	enum pmd_state state;         /* atomic */
	struct pmd_buffers *buffers;  /* of this opening; changes under all locks */
	struct rte_eth_dev *dev;
	uint16_t pairs;            /* in use: options.pairs */
	uint16_t max_pairs;        /* that the port has, or the argument pairs= allows */
	bool told_lost, told_gone; /* the operator was told */
	bool reopen;               /* the next start has to open the port again */
	uint32_t timeout_ms;
	uint64_t voided; /* buffers that were attached when a port was opened again */
	struct rte_eth_stats stats_base;
	uint64_t xstats_base[PMD_XSTATS];
	struct pmd_pair *pair[NETVM_PAIRS_MAX];
	int bell[NETVM_PAIRS_MAX];  /* interrupts: epoll of the pair's doorbell and... */
	int nudge[NETVM_PAIRS_MAX]; /* ...an eventfd of our own; -1: none */
};

static inline struct pmd_device *
pmd_of(const struct rte_eth_dev *dev)
{
	return dev->data->dev_private;
}

/* device.c: state, start and stop, what the device is. */
extern const struct eth_dev_ops pmd_ops;
bool pmd_enter(struct pmd_device *d, enum pmd_state to);
/* Opens the port again; all locks are held, or no burst runs. 0 or negative errno. */
int pmd_open_again(struct pmd_device *d, const struct netvm_options *options);
/* Buffers that mbufs are attached to; exact when no burst runs. */
uint64_t pmd_outstanding(const struct pmd_device *d);
void pmd_lock_all(struct pmd_device *d);
void pmd_unlock_all(struct pmd_device *d);

/* queues.c */
int pmd_rx_queue_setup(struct rte_eth_dev *dev, uint16_t queue, uint16_t descriptors,
	unsigned int socket, const struct rte_eth_rxconf *conf, struct rte_mempool *mempool);
int pmd_tx_queue_setup(struct rte_eth_dev *dev, uint16_t queue, uint16_t descriptors,
	unsigned int socket, const struct rte_eth_txconf *conf);
void pmd_rx_queue_release(struct rte_eth_dev *dev, uint16_t queue);
void pmd_tx_queue_release(struct rte_eth_dev *dev, uint16_t queue);
void pmd_rxq_info(struct rte_eth_dev *dev, uint16_t queue, struct rte_eth_rxq_info *info);
void pmd_txq_info(struct rte_eth_dev *dev, uint16_t queue, struct rte_eth_txq_info *info);
/* Gives what the pair has in store to whom it belongs. Both locks are held. */
void pmd_pair_empty(struct pmd_pair *pair);

/* interrupts.c */
int pmd_interrupts_up(struct rte_eth_dev *dev);
void pmd_interrupts_down(struct rte_eth_dev *dev);
/* The doorbells' files may be other ones after netvmd has come back. */
void pmd_interrupts_renew(struct pmd_device *d);
int pmd_interrupt_enable(struct rte_eth_dev *dev, uint16_t queue);
int pmd_interrupt_disable(struct rte_eth_dev *dev, uint16_t queue);

/* watch.c: the link, resets. */
int pmd_link_update(struct rte_eth_dev *dev, int wait);
void pmd_watch_start(struct pmd_device *d);
void pmd_watch_stop(struct pmd_device *d);

/* rx.c, tx.c: bursts. */
uint16_t pmd_rx(void *queue, struct rte_mbuf **mbufs, uint16_t n);
uint16_t pmd_tx(void *queue, struct rte_mbuf **mbufs, uint16_t n);
uint16_t pmd_tx_prepare(void *queue, struct rte_mbuf **mbufs, uint16_t n);
/* tx-short.c: the front of up to a burst, as far as each is one piece that asks for
 * nothing. Returns how many mbufs are the caller's no more; *more: there is room for
 * more; *other: the next one is not for this way. The transmit lock is held. */
uint16_t pmd_tx_short(
	struct pmd_tx_queue *q, struct rte_mbuf **mbufs, uint16_t n, bool *more, bool *other);
/* netvmd has taken the first n packets of a run; of those in `copied`, the bytes. */
void pmd_sent(struct pmd_tx_queue *q, struct rte_mbuf **mbufs, uint16_t n, uint32_t copied);
/* Gives the pair's freed buffers back. The transmit lock is held. */
void pmd_drain(struct pmd_pair *pair);
/* What netvmd answered to a burst, when negative. */
void pmd_burst_failed(struct pmd_device *d, int error);

/* stats.c */
int pmd_stats_get(struct rte_eth_dev *dev, struct rte_eth_stats *stats);
int pmd_stats_reset(struct rte_eth_dev *dev);
int pmd_xstats_get(struct rte_eth_dev *dev, struct rte_eth_xstat *stats, unsigned int n);
int pmd_xstats_names(struct rte_eth_dev *dev, struct rte_eth_xstat_name *names, unsigned int n);
int pmd_xstats_reset(struct rte_eth_dev *dev);

#endif
