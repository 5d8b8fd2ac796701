/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The packet pool of a trust group: one sealed memfd with a struct netvm_pool and
 * buffers in it, and, private to us, who owns each buffer.
 *
 * Every buffer has an rte_mbuf (rte_pktmbuf_pool_create_extbuf(): the mbufs lie
 * in our own memory, only their data in the pool), and the mempool of these
 * mbufs is the list of free buffers. So a NIC can receive straight into the
 * pool, and a buffer that a guest sends is an mbuf that a NIC can take.
 *
 *	owner[buffer]   SHM_HOST: free, or on its way through us or a NIC;
 *	                else which of the group's ports has it
 *
 * owner[] and what else is needed to go on after our own death lie in a second
 * memfd that no guest ever sees; the keeper holds both (shm-keeper.h).
 *
 * Threads. create, destroy, status: control thread. Buffers change owners on
 * workers, and on the thread that serves a port's socket while no worker is in
 * that port.
 */
#ifndef NETVM_SHM_POOL_H
#define NETVM_SHM_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest-pmd/netvm-abi.h"

#define SHM_GROUPS_MAX      32
#define SHM_BUFFER_SIZE_MIN 512
#define SHM_BUFFER_SIZE_MAX 65472 /* a descriptor's offset and length are 16 bits */
#define SHM_HEADROOM        128   /* before a packet's first byte */
#define SHM_HOST            0     /* owner[]: nobody outside */

struct rte_mempool;
struct shm_pool;

struct shm_pool_config {
	char name[NETVM_NAME_MAX]; /* of the group */
	uint64_t size;             /* bytes of its memory; rounded up to a power of two */
	uint32_t buffer_size;      /* with its headroom; a multiple of 64 */
	int numa;                  /* node of all buffers, -1: a range for each node */
	bool hugepages;            /* use them where there are enough */
};

/*
 * Makes the pool, or takes over the one that the keeper holds under this name
 * when its size and buffer size are the same. NULL: a sentence in err, errno set
 * (EINVAL, ENOMEM).
 */
struct shm_pool *shm_pool_create(const struct shm_pool_config *cfg, char *err, size_t errlen);
/*
 * All ports that an earlier daemon had in this pool and that still exist have been
 * created: takes back what the others owned. Without it those buffers stay away, and
 * a port that comes later finds its own still there.
 */
void shm_pool_settle(struct shm_pool *pool);
/* Its ports are gone, and so are NICs that receive into it. The keeper forgets it. */
void shm_pool_destroy(struct shm_pool *pool);

struct shm_pool_status {
	uint64_t size; /* of the memfd */
	uint64_t page; /* bytes of a page */
	uint32_t buffers, buffer_size;
	uint32_t free;   /* in the mempool, its caches included */
	uint32_t guests; /* owned by ports */
	uint32_t ports;
	bool resumed;
};
void shm_pool_status(struct shm_pool *pool, struct shm_pool_status *st);

/* What a device that reads memory itself has to be told of, and how far it was told
 * (packet_lender.dma of the pool's loans); 0 at first. Control thread. */
void shm_pool_memory(const struct shm_pool *pool, void **at, uint64_t *len, uint64_t *page);
uint32_t shm_pool_reach(const struct shm_pool *pool);
void shm_pool_set_reach(struct shm_pool *pool, uint32_t reach);

/* For NICs that receive into the pool. Their mbufs come with
 * RTE_MBUF_F_EXTERNAL, which most drivers lose on receive: set it again. */
struct rte_mempool *shm_pool_mempool(struct shm_pool *pool);

#endif
