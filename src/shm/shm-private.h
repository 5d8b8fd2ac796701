/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What src/shm's files share. Theory of operation.
 *
 *   shm-pool.c        a group's pool: mempool, owner[], reclaim
 *   shm-pool-memory.c what it stands on, and its resume
 *   shm-ring.c        where a port's rings lie; reset and resume
 *   shm-ring.h        a ring from the host's side: take and give, in bursts
 *   shm-rx.c, shm-plain.c, shm-tx.c, shm-copy.c, shm-hop.c, shm-loan.c, shm-notify.c
 *                     what workers call (shm-port.h)
 *   shm-port-state.c  create, destroy, enable, status; a port's life
 *   shm-server.c      ivshmem sockets and their thread
 *   shm-keeper.c      descriptors that survive us; shm-held.c says when they do not
 *   shm-memory.c      sealed memfds
 *
 * Publishing. A worker reads port->live once per burst (acquire). While it is
 * true, `pairs`, `guest_features`, the rings' pointers and eventfds are constant.
 * shm_port_unpublish() clears it and waits for env's synchronize(): then no worker is
 * inside, and whoever called (the thread of this folder, or the control thread)
 * may reset rings and take buffers back. Workers may clear it, too
 * (shm_port_fault()): nobody serves the port from then on, and the thread is woken
 * to do the rest.
 *
 * Books. Two kinds of private memfds survive us, and no guest ever sees them: a
 * pool's (owner[], names of the owners) and a port's (where its rings stand, and
 * what was being moved). Everything else that we know is rebuilt from them.
 *
 * A crash at any instant. Processes that are killed leave their stores in program
 * order, so the compiler is kept in order and no fence is needed. A buffer that
 * owner[] says is SHM_HOST is free after a crash, wherever it was. Each ring has a
 * journal, whose word {at, entries, listed} changes by one store:
 *
 *	take (TX)    1. list[] = buffers of the entries from `at` on; then the word
 *	             2. owner[] of each that was the guest's becomes SHM_HOST
 *	             3. the word: at + entries, nothing listed
 *	             4. the guest sees `consumed`
 *	give (RX,    1. list[] = buffers, all SHM_HOST; then the word
 *	FILL)        2. owner[] of each becomes the guest's; entries are written
 *	             3. the guest sees `produced`
 *	             4. the word: at + entries, nothing listed
 *
 * Who finds something listed in a TX ring finishes steps 2 to 4: the packets are
 * lost, the buffers are free. In the others, `produced` tells whether step 3 was
 * done; if so only 4 is left, else each that is the guest's already becomes
 * SHM_HOST again. All of this looks at owner[] first, so it may be done twice,
 * and a guest that writes other numbers to `produced` changes what it owns
 * itself and nothing else.
 */
#ifndef NETVM_SHM_PRIVATE_H
#define NETVM_SHM_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "src/shm/shm-memory.h"
#include "src/shm/shm-port.h"

#define SHM_OWNERS           256  /* values of owner[]: SHM_HOST and the ports of a group */
#define SHM_JOURNAL          128  /* ring entries that one take or give moves at most */
#define SHM_POOL_BUFFERS_AT  4096 /* of buffer 0 in the pool: behind struct netvm_pool */
#define SHM_POOL_BUFFERS_MIN 64
#define SHM_VIOLATIONS       256 /* a port may have before it is quarantined */
#define SHM_LOANS_MOST       64  /* of a queue pair, at any one time */
#define SHM_BOOK_MAGIC       UINT64_C(0x316b6f6f4d56654e)
#define SHM_RING_KINDS       3
#define SHM_KICK_NONE        (-2) /* shm_port_kick_fd(): not running */

/* --- pools ------------------------------------------------------------------- */

/* The pool's private memfd. */
struct shm_pool_book {
	uint64_t magic; /* SHM_BOOK_MAGIC, written last */
	uint64_t id;    /* struct netvm_pool.id */
	uint32_t buffers, buffer_size;
	char name[SHM_OWNERS][NETVM_NAME_MAX]; /* of the port that is this owner */
	uint8_t owner[];
};

struct rte_mbuf;
struct shm_hold;
struct shm_plain;

/* A buffer of a packet in pieces, while it is ours. */
struct shm_seg {
	uint32_t next; /* buffer of the next piece */
	uint16_t offset, length;
};

struct shm_pool {
	/* workers */
	uint8_t *buffer0;
	uint8_t *owner; /* the book's; relaxed atomics: guests decide who looks when */
	uint32_t buffers, buffer_size;
	uint64_t reciprocal;         /* of buffer_size */
	struct rte_mempool *mempool; /* the free buffers */
	struct rte_mbuf **mbuf;      /* of each buffer */
	struct shm_seg *seg;         /* of each buffer */
	uint32_t dma;                /* struct packet_lender.dma of its loans */
	/* control thread */
	struct shm_pool_config cfg;
	struct shm_memory memory, private;
	struct shm_pool_book *book; /* private.at */
	bool taken[SHM_OWNERS];     /* a port of this daemon is that owner */
	uint32_t ports;
	struct shm_hold *orphans; /* loans whose port is gone */
	bool resumed;
};

/* memory, private, book and owner[], of an earlier daemon (pool->resumed) or fresh. 0, or
 * -errno with a sentence. */
int shm_pool_memories(struct shm_pool *pool, char *err, size_t errlen);
/* The keeper has its memory and book from now on: 0 or -errno. Any thread. */
int shm_pool_hold(const struct shm_pool *pool);
void shm_pool_unhold(const struct shm_pool *pool);
/* Writes struct netvm_pool where it is not what it should be. Control thread, before
 * the pool has ports; then the thread that serves sockets. */
void shm_pool_repair(struct shm_pool *pool);
/* Control thread. A port becomes an owner: 1 .. SHM_OWNERS - 1, the one that it had
 * in an earlier daemon if the book knows the name; -ENOSPC. */
int shm_pool_attach(struct shm_pool *pool, const char *name);
/* The port is gone: takes all of its buffers back and forgets its name. */
void shm_pool_detach(struct shm_pool *pool, uint8_t owner);
/* Takes back what the owner has; no worker is in its port. Returns how many. */
uint32_t shm_pool_reclaim(struct shm_pool *pool, uint8_t owner);
/* How many it has, by counting. */
uint32_t shm_pool_owned(const struct shm_pool *pool, uint8_t owner);

/* --- rings ------------------------------------------------------------------- */

/* One word, so that one store moves it. */
union shm_mark {
	struct {
		uint32_t at;      /* entries that were taken or given since the reset */
		uint16_t entries; /* under way from `at` on */
		uint16_t listed;  /* buffers of them in list[] */
	};
	uint64_t word;
};

struct shm_journal {
	union shm_mark mark;
	uint64_t reserved[7];
	uint32_t list[SHM_JOURNAL];
} __attribute__((aligned(64)));

/* The port's private memfd. */
struct shm_port_book {
	uint64_t magic; /* SHM_BOOK_MAGIC, written last */
	uint64_t pool_id;
	uint16_t pairs;
	uint8_t owner; /* what it is in the pool's book */
	uint32_t rx_entries, tx_entries, fill_entries;
	struct shm_journal journal[NETVM_PAIRS_MAX][SHM_RING_KINDS];
};

struct shm_ring {
	/* constant while the port is live */
	struct netvm_ring *shared;
	union {
		struct netvm_desc *desc;
		uint32_t *fill;
	};
	struct shm_journal *journal;
	uint32_t size, mask;
	/* whoever runs the ring */
	uint32_t seen;    /* the guest's index when we last read it */
	uint32_t last;    /* TX: entries of the last take, 0: there was nothing */
	atomic_flag lock; /* RX: workers that send to it */
	bool due;         /* RX, FILL: published, doorbell not decided yet */
	/* buffers that were taken or given since the port exists; one writer, others
	 * read them relaxed */
	uint64_t moved;
} __attribute__((aligned(64)));

struct shm_pair {
	struct shm_ring ring[SHM_RING_KINDS]; /* enum netvm_ring_kind */
	struct shm_hold *hold;                /* shm-loan.h: packets on their way */
	/* one writer each (tx_: who holds the RX ring's lock), read relaxed */
	uint64_t rx_packets, rx_bytes, hops_in;
	uint64_t rx_drop[DROP_REASONS];
	uint64_t violations;
	uint64_t tx_packets __attribute__((aligned(64)));
	uint64_t tx_bytes, hops;
	uint64_t tx_drop[DROP_REASONS];
} __attribute__((aligned(64)));

/* --- ports --------------------------------------------------------------------- */

/* Why workers stopped serving a port. */
enum shm_fault {
	SHM_OK = 0,
	SHM_FAULT_INDEX,      /* an index beyond its ring */
	SHM_FAULT_VIOLATIONS, /* SHM_VIOLATIONS descriptors that made no sense */
};

struct shm_port {
	/* workers; constant while live */
	atomic_bool live;
	atomic_bool heard;       /* what its guest sends is taken, too; nothing without live */
	uint8_t owner;           /* in the pool */
	uint16_t pairs;          /* in use */
	uint16_t number;         /* cfg.number */
	uint32_t guest_features; /* enum netvm_guest_features, as it opened */
	uint32_t quota;          /* buffers that it may own */
	struct shm_pool *pool;
	const struct shm_plain *plain;       /* loops in the width of the machine */
	_Atomic uint32_t max_frame;          /* longest frame from the guest unless it is GSO */
	atomic_flag take_lock;               /* pairs > 1: who takes from owner[] */
	_Atomic int bell[NETVM_VECTORS_MAX]; /* eventfds to the guest, -1: none; they stay
						open until no worker can use them */
	_Atomic int kick[NETVM_VECTORS_MAX]; /* eventfds from the guest, likewise */
	uint16_t vectors;
	_Atomic uint8_t fault; /* enum shm_fault; set by workers, cleared by a reset */
	struct shm_pair *pair; /* [cfg.queues] */

	/* everybody else: shm-port-state.c, shm-server.c */
	struct shm_port_config cfg;
	struct shm_memory memory; /* rings and device page */
	struct shm_memory private;
	struct netvm_device *device; /* memory.at */
	struct shm_port_book *book;  /* private.at */
	pthread_mutex_t lock;        /* what shm_port_status() copies */
	enum shm_port_state state;
	char error[160];
	bool attached, resumed;
	pid_t peer;
	struct shm_attachment *client; /* shm-server.c */
	struct shm_port *next;
};

extern const struct shm_env *shm_env; /* set by shm_init() */

/* Data path, for shm-port-state.c and shm-server.c. No worker is in the port. */

/* Bytes of a port's book. */
size_t shm_port_book_bytes(void);
/*
 * Points the rings to p->memory and p->book, for cfg's numbers, and makes what
 * workers need besides. cfg, pool, owner, memory, private, device, book are set; the
 * book is a fresh one (all zero) or one that shm_port_rings_fit() accepted.
 * 0, -ENOMEM.
 */
int shm_port_rings_init(struct shm_port *p);
/* Before shm_port_rings_init(), with cfg, pool and book set: whether the book is one
 * of this pool with these rings. */
bool shm_port_rings_fit(const struct shm_port *p);
/* Frees what shm_port_rings_init() made. Loans that are out stay with the pool. */
void shm_port_rings_free(struct shm_port *p);
/* All rings empty, all indices 0, no fault, violations 0. After shm_port_reclaim(). */
void shm_port_rings_reset(struct shm_port *p);
/* After a crash: finishes what was being moved; rings and guest go on from there.
 * Once, after shm_port_rings_init(). */
void shm_port_rings_resume(struct shm_port *p);
/* Every buffer that the guest owns is free again. Returns how many. */
uint32_t shm_port_reclaim(struct shm_port *p);
uint32_t shm_port_owned(struct shm_port *p);      /* any thread */
uint64_t shm_port_violations(struct shm_port *p); /* any thread; since the last reset */
uint64_t shm_port_hops(struct shm_port *p);       /* any thread */
/* Workers serve this many pairs from now on, for a guest with these features: give it
 * packets; take packets from it; both. */
void shm_port_publish_to(struct shm_port *p, uint16_t pairs, uint32_t guest_features);
void shm_port_publish_from(struct shm_port *p);
void shm_port_publish(struct shm_port *p, uint16_t pairs, uint32_t guest_features);
/* Nobody serves it when this returns. */
void shm_port_unpublish(struct shm_port *p);
/* Rings every doorbell of the guest, whatever it wished (after a resume). */
void shm_port_ring_all(struct shm_port *p);
/* A sentence, for shm_port_status.error. */
const char *shm_fault_text(enum shm_fault fault);

/* shm-server.c, for workers: p->fault was set and p->live cleared; the thread takes
 * it from there. Must not block. */
void shm_server_fault(struct shm_port *p);

#endif
