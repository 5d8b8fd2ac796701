/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A vhost-user port: one Unix socket, one guest device, up to 16 queue pairs.
 * DPDK's rte_vhost speaks the protocol on its own thread; the rings are ours
 * (vring.h). Only this folder includes rte_vhost.h.
 *
 * Threads. create, destroy, set and status: the control thread. rx, tx and
 * notification calls: workers. Everything else happens on rte_vhost's fd
 * thread inside vhost-port.c, which unpublishes a queue, waits for env's
 * synchronize(), acts, and publishes it again.
 */
#ifndef NETVM_VHOST_PORT_H
#define NETVM_VHOST_PORT_H

#include <sys/types.h>

#include "src/packet/packet.h"

#define VHOST_QUEUE_PAIRS_MAX 16
#define VHOST_NAME_MAX        32
#define VHOST_MTU_MAX         9216

/* For a kick eventfd, where there is none. */
#define VHOST_KICK_NONE  (-1) /* the ring does not run */
#define VHOST_KICK_TIMER (-2) /* it runs, and its peer will not kick: look now and then */

/* Guest memory at its address here, in pages of this size. */
struct vhost_stretch {
	void *at;
	size_t len, page;
};

/* What this folder needs from its user; set once by vhost_init(). */
struct vhost_env {
	/* Waits until no worker can be inside a ring that was unpublished before
	 * the call. Called on the fd thread and on the control thread. Must not
	 * wait for the control thread. */
	void (*synchronize)(void);
	/* Queue pair qp of the port changed its kick eventfd or became ready or
	 * not: whoever may sleep on it has to look again (old_fd is still open
	 * during the call; negative means none, see VHOST_KICK_*). fd thread. */
	void (*kick_changed)(void *user, uint16_t qp, int old_fd, int new_fd);
	/* Anything that vhost_port_status() shows has changed. Any thread; must
	 * not block. */
	void (*changed)(void *user);
	/* A device kept memory that was lent to it beyond the deadline, and the
	 * guest has it back now: whatever reads it without us has to stop. NULL:
	 * nothing does. fd thread and control thread. */
	void (*revoke)(void);
	/* Memory that vhost_memory_walk() showed and that has a reach is about to be
	 * unmapped. Any thread but a worker. */
	void (*forget)(const struct vhost_stretch *s, unsigned int n, uint32_t reach);
};
int vhost_init(const struct vhost_env *env);

struct vhost_port_config {
	char name[VHOST_NAME_MAX];
	char socket[108]; /* sun_path; must be terminated inside */
	bool client;      /* QEMU listens and we connect, again and again */
	bool disabled;    /* neither listens nor connects before vhost_port_enable() */
	uint16_t queues;  /* queue pairs, 1..VHOST_QUEUE_PAIRS_MAX */
	uint16_t mtu;     /* largest L3 packet, 68..VHOST_MTU_MAX */
	uid_t owner;      /* of the server socket; (uid_t)-1: leave */
	gid_t group;
	mode_t mode;
	/* Folder, of our user alone, for the file NAME in which packed rings keep
	 * their places, so that they survive us. Read by vhost_port_create() only.
	 * NULL: a packed ring does not survive us. */
	const char *position_dir;
	void *user; /* for env's callbacks */
};

enum vhost_port_state {
	VHOST_DOWN,    /* created, not listening or connecting (yet) */
	VHOST_WAITING, /* no peer, or its driver has not started the rings */
	VHOST_UP,      /* at least one ring pair is running */
	VHOST_ERROR,   /* the peer broke the protocol; see status.error. Leaves it when
			  the peer reconnects or resets the device */
};

struct vhost_port_status {
	enum vhost_port_state state;
	bool connected;
	char error[160];   /* a sentence, empty unless something went wrong */
	uint64_t features; /* negotiated; 0 until then */
	uint64_t protocol_features;
	bool packed;        /* negotiated packed rings, else split ones */
	uint16_t queues;    /* ring pairs that the guest has started and enabled */
	uint16_t guest_mtu; /* from NET_SET_MTU; 0: not told */
	uint32_t ring_size[VHOST_QUEUE_PAIRS_MAX][2]; /* entries, [pair][0 guest rx, 1 guest tx] */
	int numa_node;
};

struct vhost_port;

/*
 * Creates the port and starts to listen or connect. Returns NULL with a
 * sentence in err and errno set: EINVAL (field out of range), ENAMETOOLONG,
 * EADDRINUSE (somebody answers on that socket), EACCES and others from the
 * system. A stale socket of ours that nobody serves is replaced.
 */
struct vhost_port *vhost_port_create(const struct vhost_port_config *cfg, char *err, size_t errlen);

/* Disconnects, waits for workers, frees. Removes the server socket. The file in
 * position_dir stays: the port may be created again, by us or by another process. */
void vhost_port_destroy(struct vhost_port *p);

/* A destroyed port does not come back: removes its file from position_dir. */
void vhost_port_forget(const char *position_dir, const char *name);

/*
 * The link: off, the peer is disconnected and the socket is gone, which is how a
 * guest loses its carrier; on, the port listens or connects again, and a peer
 * that reconnects brings the carrier back. 0, or -errno and a sentence as
 * vhost_port_create() has them; the port is then off.
 */
int vhost_port_enable(struct vhost_port *p, bool on, char *err, size_t errlen);

/* Live change of vhost_port_config.mtu. A guest that was told a larger one is
 * not asked; its longer frames are dropped. */
void vhost_port_set_mtu(struct vhost_port *p, uint16_t mtu);

void vhost_port_status(struct vhost_port *p, struct vhost_port_status *st);
/* Name of a negotiated-feature bit ("mrg_rxbuf"), NULL for bits without one. */
const char *vhost_feature_name(unsigned int bit);

/* --- workers ------------------------------------------------------------ */

/* Packets that the guest sent on queue pair qp; 0 when the ring is not
 * running. The views stay valid until vhost_port_rx_complete(), which the
 * same worker calls before it reports quiescent, also when it got 0. */
void vhost_port_rx(struct vhost_port *p, uint16_t qp, struct packet_burst *b);
void vhost_port_rx_complete(struct vhost_port *p, uint16_t qp);

/* Whether buffers of queue pair qp are lent, or wait behind one that is: rx_complete
 * has to be called again soon, although no kick will come. The ring's worker. */
bool vhost_port_rx_held(struct vhost_port *p, uint16_t qp);

/* Control thread: one more (on) or less of those who borrow guest memory from
 * views (struct packet_loan). With none, rings do not offer it. */
void vhost_lend(bool on);

/* Control thread: shows each peer's memory table, with what visit() returned for it
 * the last time, 0 at first. Loans show the same number (packet_lender.dma). The
 * memory stays during the visit; nobody waits for it. */
void vhost_memory_walk(
	uint32_t (*visit)(const struct vhost_stretch *s, unsigned int n, uint32_t reach, void *arg),
	void *arg);

/* Ring pairs that can take packets now; queue numbers below are indices into
 * them (0 .. n-1). 0: the port is not up. */
uint16_t vhost_port_tx_queues(struct vhost_port *p);

/* What the guest's receive side takes: whether a partial checksum may be left
 * to it, and which GSO types. */
struct vhost_tx_caps {
	bool csum, tso4, tso6;
};
struct vhost_tx_caps vhost_port_tx_caps(struct vhost_port *p);

/* Sends to the guest; takes the ring's lock. Returns how many from the front
 * were taken. */
uint16_t vhost_port_tx(
	struct vhost_port *p, uint16_t queue, struct packet *const *pkts, uint16_t n);

/* Interrupts the guests that want it for what vhost_port_tx() and
 * vhost_port_rx_complete() did on this thread. To be called before the worker
 * reports quiescent. */
void vhost_signal(void);

/* Before sleep: ask to be kicked for qp; returns true when there is work
 * already (do not sleep). off: back to polling. */
bool vhost_port_rx_arm(struct vhost_port *p, uint16_t qp);
void vhost_port_rx_disarm(struct vhost_port *p, uint16_t qp);
/* The kick eventfd of qp for an edge-triggered epoll, or VHOST_KICK_*. */
int vhost_port_kick_fd(struct vhost_port *p, uint16_t qp);

/* --- counters: any thread, values may be a few packets apart ------------- */
void vhost_port_counters(struct vhost_port *p, uint16_t qp, struct queue_counters *c);
/* Sum over all rings of what the rings themselves dropped. */
void vhost_port_drops(struct vhost_port *p, uint64_t drop[DROP_REASONS]);

#endif
