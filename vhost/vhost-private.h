/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation of the vhost-user backend (vhost-*.c). Internal to
 * vhost/; everybody else includes vhost-port.h.
 *
 * DPDK's rte_vhost speaks the protocol: it accepts or connects, reads messages
 * on one thread for all ports (the "fd thread"), maps guest memory and keeps
 * its own idea of every ring. We use what it knows, but run the rings
 * ourselves (vring.h). What makes this hard is that the library changes
 * memory, addresses and descriptors of a live ring inside its message
 * handlers, and mostly tells nobody. So:
 *
 *   vhost-msg.c     sees every message before (pre-hook) and after (post-hook)
 *                   the library. Before: refuse what we do not offer or what
 *                   is malformed, and pause the rings that the message is about
 *                   to change. After success: fetch everything again, resume.
 *   vhost-queue.c   the state machine of a ring. Pausing means: unpublish
 *                   (`live` = false), env's synchronize() until no worker can
 *                   be inside, then act.
 *   vhost-base.c    where a ring begins.
 *   vhost-conn.c    the library's callbacks: connection, device, ring state.
 *   vhost-memory.c  the guest's memory table, checked and published.
 *   vhost-log.c     the dirty log of a migration.
 *   vhost-socket.c  files, sockets and timeouts.
 *   vhost-fault.c   SIGBUS on memory that the peer took away.
 *   vhost-explain.c  why a ring cannot run.
 *   vhost-position.c  where packed rings stand, in a file that survives us.
 *   vhost-answer.c  what the library leaves out of an answer.
 *   vhost-thread.c  makes the fd thread look at a new socket at once.
 *   vhost-receive.c descriptors that the library would lose.
 *   vhost-lend.c    our own mapping of the guest's memory, lent to NICs.
 *   vhost-worker.c  what workers call.
 *   vhost-call.c    interrupts that cannot block.
 *   vhost-port.c    create, destroy, enable, status: the control thread.
 *
 * Threads and locks. Callbacks and hooks of one port never run concurrently:
 * they run on the fd thread, on the library's reconnect thread (only
 * new_connection), or on the control thread inside driver_start (only
 * new_connection) and driver_unregister (only destroy_device); the library
 * marks a connection busy while it handles a message and unregister waits for
 * that. They hold the library's locks, therefore nothing here calls a
 * rte_vhost_driver_*() function from a callback, nor one that takes a ring's
 * access lock (vring_call, enable_guest_notification), and nothing here holds
 * a lock of ours across a call into the library. `lock` of a port guards what
 * status() copies; it is held for a few instructions only.
 *
 * Truth. While a ring runs or is paused, our position in it (vq.last_avail,
 * vq.used_idx) is the truth; while it is stopped, the library's is. The
 * hand-over is rte_vhost_get_vring_base() at the start and set_vring_base() at
 * the stop. A packed ring that the frontend starts where it was started before is
 * the exception: its file knows better (vhost-position.c).
 */
#ifndef NETVM_VHOST_PRIVATE_H
#define NETVM_VHOST_PRIVATE_H

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>

#include "vhost/vhost-port.h"
#include "vhost/vhost-position.h"
#include "vhost/vring-log.h"
#include "vhost/vring.h"

#define VHOST_RINGS_MAX (2 * VHOST_QUEUE_PAIRS_MAX)
#define VHOST_ALL_RINGS UINT32_MAX /* mask of ring numbers */

/* How long the fd thread may wait for the rest of a peer's message. QEMU and
 * DPDK send header and payload in one go, so the rest is there already. */
#define VHOST_PEER_TIMEOUT_MS 50

/*
 * Ring number 2n is the guest's receive ring of pair n (we send), 2n + 1 its
 * transmit ring.
 *
 * STOPPED  The library does not call the ring ready, or the device is not
 *          running. No worker is in it, its eventfds are closed, the library
 *          holds the position.                     start -> RUNNING
 * RUNNING  live: workers use it.                   pause -> PAUSED, stop -> STOPPED
 * PAUSED   A message is changing what the ring stands on, or such a message
 *          failed. No worker is in it, eventfds are closed, we hold the
 *          position.                               start -> RUNNING, stop -> STOPPED
 *
 * vhost_rings_leave() and vhost_rings_start() perform the transitions.
 */
enum vhost_ring_state { RING_STOPPED, RING_RUNNING, RING_PAUSED };

/* What SET_VRING_ADDR said, to name the field that makes no sense. */
struct vhost_ring_address {
	uint64_t desc, avail, used; /* in the peer's address space */
	bool known;
};

struct vhost_ring {
	/* Workers. */
	struct vring_queue vq;
	/* Release when the set-up is complete, acquire by workers. Cleared before
	 * synchronize(), whose grace period is the other half of the pairing. */
	_Atomic bool live;
	atomic_flag lock;   /* receive rings: workers share them */
	bool held;          /* the worker has taken packets and not completed them */
	bool fault_told;    /* the worker has reported vq.fault */
	_Atomic int callfd; /* our duplicate, -1: none. Acquire by workers, exchanged
			       (acq_rel) and closed after synchronize() */
	/* Whoever runs the callbacks. */
	enum vhost_ring_state state __attribute__((aligned(64)));
	bool ready;         /* the library's last vring_state_changed() */
	bool reset;         /* RESET_OWNER disabled it; the peer has not enabled it again */
	_Atomic int kickfd; /* our duplicate, -1: none */
	struct vhost_ring_address address;
	uint16_t base;        /* what SET_VRING_BASE said on this connection */
	bool base_known;      /* it came */
	bool base_started;    /* and the ring has been started with it */
	struct vring_log log; /* what vq.log points to; workers read it */
} __attribute__((aligned(64)));

struct vhost_region {
	uint64_t gpa, size;
	uint64_t user; /* address in the peer, which ring addresses are given in */
	void *map;     /* what the library mmapped, for the fault guard */
	size_t map_len;
	uint8_t *own; /* the same bytes in our own mapping, which workers use */
};

/* The peer's dirty log. Changes only with all rings left; workers set bits. */
struct vhost_log {
	void *map; /* NULL: none */
	size_t map_len;
	uint8_t *bits;
	uint64_t pages; /* that it has bits for */
};

/* A descriptor of a memory table, and which file it stands for. */
struct vhost_table_fd {
	int fd;
	dev_t dev;
	ino_t ino;
};

struct vhost_port {
	struct vhost_port_config cfg;
	struct vhost_port *next; /* list of ports, guarded by its lock */
	bool listening;          /* or connecting: the library has our socket. Control thread */

	/* Workers. */
	_Atomic uint16_t tx_queues;
	_Atomic uint8_t tx_pair[VHOST_QUEUE_PAIRS_MAX]; /* relaxed; any value is a valid pair */
	_Atomic uint8_t tx_caps;                        /* VHOST_CAP_*; relaxed */
	_Atomic uint32_t max_frame;                     /* relaxed */
	_Atomic uint64_t rarp; /* MAC to announce in the low 48 bits, VHOST_RARP_DUE above */

	/* Whoever runs the callbacks. */
	int vid;             /* -1: no connection */
	bool running;        /* between new_device and destroy_device */
	uint32_t unfinished; /* request whose post-hook has not come; 0: none */
	bool fatal;          /* the library ends the connection unless the message succeeds */
	uint64_t features, protocol_features;
	struct vhost_position *position; /* NULL: packed rings keep no file */
	struct guest_mem mem;            /* nregions 0: none. Changes only with all rings left */
	uint32_t nregions;
	struct vhost_region region[GUEST_MEM_REGIONS];
	struct vhost_log log;
	unsigned int table_fds; /* of a SET_MEM_TABLE that the library is handling */
	struct vhost_table_fd table_fd[GUEST_MEM_REGIONS];
	uint32_t table_reply;      /* VHOST_MSG_NEED_REPLY when that message has it */
	struct vhost_map *map;     /* what mem points into; NULL when nregions is 0 */
	int64_t distrust_until_ms; /* monotonic; no loans before */
	unsigned int strikes;
	int64_t strike_ms; /* monotonic clock of the first (counting) or last (refusing) */

	/* Callbacks, the control thread and the SIGBUS handler. */
	_Atomic bool closing; /* being destroyed or disabled: take nothing more */
	_Atomic int connfd;   /* our duplicate of the connection, -1: none */
	_Atomic bool bus_error;
	_Atomic uint16_t mtu;

	/* What status() shows, guarded by lock. */
	pthread_mutex_t lock;
	struct vhost_port_status shown; /* state and queues are computed */
	int error_ring;                 /* ring that error is about, -1: other */

	struct vhost_ring ring[VHOST_RINGS_MAX];
};

enum { VHOST_CAP_CSUM = 1, VHOST_CAP_TSO4 = 2, VHOST_CAP_TSO6 = 4 };
#define VHOST_RARP_DUE (UINT64_C(1) << 63)

static inline unsigned int
vhost_rings(const struct vhost_port *p)
{
	return 2u * p->cfg.queues;
}

/* --- vhost-port.c --------------------------------------------------------- */

extern struct vhost_env vhost_env;
/* The port that owns this socket path, or NULL. */
struct vhost_port *vhost_port_by_path(const char *path);
void vhost_changed(struct vhost_port *p);
/* Records a sentence for the operator; ring -1: not about one ring. */
void vhost_error(struct vhost_port *p, int ring, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Forgets the error; with a ring only an error about that one. */
void vhost_error_clear(struct vhost_port *p, int ring);

/* --- vhost-conn.c --------------------------------------------------------- */

extern const struct rte_vhost_device_ops vhost_device_ops;
/* The port of a connection, NULL when it is not (any more) ours. */
struct vhost_port *vhost_port_by_vid(int vid);
/* Forgets the connection: rings, memory, descriptors. */
void vhost_disconnect(struct vhost_port *p);

/* --- vhost-msg.c ---------------------------------------------------------- */

extern const struct rte_vhost_user_extern_ops vhost_message_hooks;
const char *vhost_request_name(uint32_t request);

/* --- vhost-queue.c -------------------------------------------------------- */

/* Takes the rings of the mask away from workers: to is STOPPED or PAUSED. */
void vhost_rings_leave(struct vhost_port *p, uint32_t mask, enum vhost_ring_state to);
/* Starts or resumes those rings of the mask that can run. */
void vhost_rings_start(struct vhost_port *p, uint32_t mask);
/* Wakes a worker of the port for something that no kick of the guest announces. */
void vhost_rings_wake(struct vhost_port *p);
/* SET_VRING_CALL on a running ring: new eventfd without a pause. */
void vhost_ring_swap_call(struct vhost_port *p, unsigned int i);

/* --- vhost-answer.c ------------------------------------------------------- */

/* 0, or -ENOSYS when the library's sendmsg() is not ours. */
int vhost_answer_init(void);
/* On the thread that is about to answer GET_VRING_BASE. */
void vhost_answer_expect(bool packed);

/* --- vhost-base.c --------------------------------------------------------- */

/* Ring i is about to start or to be resumed: fills in base, used_at and position of
 * cfg, which has its memory and log. False: the library has no such ring. */
bool vhost_ring_begin(struct vhost_port *p, unsigned int i, struct vring_config *cfg);
/* GET_VRING_BASE is about to be answered: for a ring that has not been started on
 * this connection, say one of a pair that is off, the file may know better. */
void vhost_ring_base_asked(struct vhost_port *p, unsigned int i);
/* SET_VRING_BASE and GET_VRING_BASE were answered. */
void vhost_ring_base_set(struct vhost_port *p, unsigned int i, uint16_t base);
void vhost_ring_base_told(struct vhost_port *p, unsigned int i);

/* --- vhost-explain.c ------------------------------------------------------ */

/* The library leaves a ring that it cannot map unready and says nothing, so the
 * operator would look at a guest that waits for ever. This makes the part of the
 * ring that cannot be used the port's error; false: all can. */
bool vhost_ring_explain_parts(struct vhost_port *p, unsigned int i);
/* A ring that vring_setup() refused to start at this base. */
void vhost_ring_explain(struct vhost_port *p, unsigned int i, uint16_t base);

/* --- vhost-memory.c ------------------------------------------------------- */

struct vhost_message;
/* Checks a SET_MEM_TABLE before the library maps it; false: error is set. */
bool vhost_memory_check(struct vhost_port *p, const struct vhost_message *m);
/* Around the library's handler of a SET_MEM_TABLE, all rings left: before it;
 * when it succeeded, takes the new table over; when it failed and the
 * connection ends. */
void vhost_memory_begin(struct vhost_port *p, struct vhost_message *m);
void vhost_memory_done(struct vhost_port *p, struct vhost_message *m);
void vhost_memory_failed(struct vhost_port *p);
/* All rings left: there is no table any more. */
void vhost_memory_forget(struct vhost_port *p);
/* A file of the peer's, `what`, may be mapped up to byte end; false: error is set. */
bool vhost_memory_file_ok(struct vhost_port *p, const char *what, int fd, uint64_t end);

/* --- vhost-log.c ---------------------------------------------------------- */

/* SET_LOG_BASE before anything is done for it; false: error is set. */
bool vhost_log_message_ok(struct vhost_port *p, const struct vhost_message *m);
/* It, with all rings left: takes the log over; false: error is set. */
bool vhost_log_map(struct vhost_port *p, const struct vhost_message *m);
/* All rings left: no log any more. */
void vhost_log_forget(struct vhost_port *p);
/* What vring_config.log is for ring i, which lies at v. NULL: none. */
struct rte_vhost_vring;
const struct vring_log *vhost_log_ring(
	struct vhost_port *p, unsigned int i, const struct rte_vhost_vring *v);
/* After a new log or memory table: says so when the one is too small for the other. */
void vhost_log_check(struct vhost_port *p);
/* Our address for one of the library's, NULL for NULL or outside. */
void *vhost_memory_own(const struct vhost_port *p, const void *theirs);

/* --- vhost-lend.c --------------------------------------------------------- */

extern _Atomic unsigned int vhost_borrowers; /* NICs that borrow; relaxed */
/* An empty mapping that the caller holds, or NULL. */
struct vhost_map *vhost_map_new(void);
/* Maps len bytes of a file from its start, guarded for p. NULL: errno. */
void *vhost_map_add(struct vhost_map *m, struct vhost_port *p, int fd, size_t len);
/* All of it was added: vhost_memory_walk() may show it. */
void vhost_map_show(struct vhost_map *m);
/* The port lets go of it; it lasts until the last loan in it is back. */
void vhost_map_leave(struct vhost_map *m);
/* What a ring of this size lends from; NULL: nothing. */
struct vring_hold *vhost_hold_new(struct vhost_port *p, unsigned int ring, uint32_t size);
/* No worker is in these rings any more: waits for their loans, up to a deadline,
 * and completes every chain. */
void vhost_holds_drain(struct vhost_port *p, uint32_t mask);

/* --- vhost-socket.c ------------------------------------------------------- */

/* Server mode, before the library binds: nobody serves the path, a stale
 * socket is gone, a socket can be made there. 0 or -errno and a sentence. */
int vhost_socket_prepare(const struct vhost_port_config *cfg, char *err, size_t errlen);
/* Owner, group and mode of the socket that the library made. */
int vhost_socket_own(const struct vhost_port_config *cfg, char *err, size_t errlen);
/* A duplicate of the library's descriptor of a new connection, or -1. */
int vhost_socket_find(const struct vhost_port_config *cfg);
void vhost_socket_timeouts(int fd, unsigned int ms);
bool vhost_socket_hung_up(int fd);
bool vhost_fd_is_eventfd(int fd);

/* --- vhost-thread.c ------------------------------------------------------- */

/* Before and after each rte_vhost_driver_start(). Control thread. */
void vhost_thread_before(void);
void vhost_thread_wake(bool started);

/* vhost-call.c: interrupts the guest, if it gave an eventfd for that. Never
 * waits, whatever the peer does to it. */
void vhost_ring_call(struct vhost_ring *r);
void vhost_call_init(void); /* by vhost_init() */

/* --- vhost-receive.c ------------------------------------------------------ */

/* 0, or -ENOSYS when the library's recvmsg() is not ours. */
int vhost_receive_init(void);

/* --- vhost-fault.c -------------------------------------------------------- */

int vhost_fault_init(void);
/* fault_add() (src/packet/fault.h) for memory of the port's peer. */
int vhost_fault_add(struct vhost_port *p, void *start, size_t len);
/* The library maps memory for this connection on this thread and may touch it
 * before we know the mapping; -1: not any more. */
void vhost_fault_blame(int vid);

/* --- vhost-feature.c ------------------------------------------------------ */

/* Bits that the library offers by default and we do not. */
extern const uint64_t vhost_features_off;
/* Protocol features that we offer. */
extern const uint64_t vhost_protocol_features;
uint8_t vhost_caps(uint64_t features);

#endif
