/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A group's pool: made, counted, taken apart; shm-pool-memory.c has what it stands on.
 * Control thread; shm_pool_reclaim() also the thread that serves the sockets. What
 * workers do with buffers is in shm-ring.h.
 *
 * Taking over. Buffers that owner[] says are a guest's stay away from the mempool,
 * all others are free, whoever had them: a worker, a NIC, a cache of the mempool.
 * See shm-private.h for why that is exact. The mempool itself is made anew, full, so
 * what guests have is taken out of it first.
 */
#define ALLOW_EXPERIMENTAL_API /* rte_pktmbuf_pool_create_extbuf() */

#include <errno.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/packet/refuse.h"
#include "src/shm/shm-loan.h"

#define CACHE_MOST 512 /* buffers that a worker keeps aside */

/* --- owners ------------------------------------------------------------------ */

int
shm_pool_attach(struct shm_pool *pool, const char *name)
{
	struct shm_pool_book *book = pool->book;
	int owner = 0;

	for (int i = 1; i < SHM_OWNERS; i++) {
		bool same = strncmp(book->name[i], name, NETVM_NAME_MAX) == 0;

		if (pool->taken[i])
			continue;
		if (same || (owner == 0 && book->name[i][0] == '\0'))
			owner = i;
		if (same)
			break;
	}
	if (owner == 0)
		return -ENOSPC;
	snprintf(book->name[owner], NETVM_NAME_MAX, "%s", name);
	pool->taken[owner] = true;
	pool->ports++;
	return owner;
}

void
shm_pool_detach(struct shm_pool *pool, uint8_t owner)
{
	shm_pool_reclaim(pool, owner);
	memset(pool->book->name[owner], 0, NETVM_NAME_MAX);
	pool->taken[owner] = false;
	pool->ports--;
	shm_hold_reap_orphans(pool);
}

uint32_t
shm_pool_reclaim(struct shm_pool *pool, uint8_t owner)
{
	uint32_t list[SHM_JOURNAL], n = 0, all = 0;

	for (uint32_t i = 0; i < pool->buffers; i++) {
		if (shm_owner(pool, i) != owner)
			continue;
		shm_set_owner(pool->owner, i, SHM_HOST);
		list[n++] = i;
		if (n == SHM_JOURNAL) {
			shm_pool_free(pool, list, n);
			all += n;
			n = 0;
		}
	}
	if (n != 0)
		shm_pool_free(pool, list, n);
	return all + n;
}

uint32_t
shm_pool_owned(const struct shm_pool *pool, uint8_t owner)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < pool->buffers; i++)
		n += shm_owner(pool, i) == owner;
	return n;
}

void
shm_pool_settle(struct shm_pool *pool)
{
	for (unsigned int i = 1; i < SHM_OWNERS; i++) {
		if (pool->taken[i])
			continue;
		shm_pool_reclaim(pool, (uint8_t)i);
		memset(pool->book->name[i], 0, NETVM_NAME_MAX);
	}
}

/* --- the mempool -------------------------------------------------------------- */

static void
note_mbuf(struct rte_mempool *mp, void *user, void *obj, unsigned int i)
{
	struct shm_pool *pool = user;
	struct rte_mbuf *m = obj;

	pool->mbuf[shm_buffer_of_mbuf(pool, m)] = m;
}

/* Takes what guests have out of a full mempool. */
static int
leave_guests(struct shm_pool *pool)
{
	struct rte_mbuf **all = calloc(pool->buffers, sizeof(struct rte_mbuf *));
	uint32_t n = 0;

	if (all == NULL || rte_mempool_get_bulk(pool->mempool, (void **)all, pool->buffers) != 0) {
		free(all);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < pool->buffers; i++)
		if (shm_owner(pool, shm_buffer_of_mbuf(pool, all[i])) == SHM_HOST)
			all[n++] = all[i];
	rte_mempool_put_bulk(pool->mempool, (void **)all, n);
	free(all);
	return 0;
}

static int
make_mempool(struct shm_pool *pool)
{
	struct rte_pktmbuf_extmem part = {
		.buf_ptr = pool->buffer0,
		.buf_iova = (rte_iova_t)(uintptr_t)pool->buffer0,
		.buf_len = (size_t)pool->buffers * pool->buffer_size,
		.elt_size = (uint16_t)pool->buffer_size,
	};
	uint32_t cache = pool->buffers / 16 < CACHE_MOST ? pool->buffers / 16 : CACHE_MOST;
	char name[RTE_MEMPOOL_NAMESIZE];
	static unsigned int serial;

	/* The name of a pool that is deleted and made again at once is still taken. */
	snprintf(name, sizeof(name), "shm%u", serial++);
	pool->mempool = rte_pktmbuf_pool_create_extbuf(name, pool->buffers, cache, 0,
		(uint16_t)pool->buffer_size, pool->cfg.numa >= 0 ? pool->cfg.numa : SOCKET_ID_ANY,
		&part, 1);
	pool->mbuf = calloc(pool->buffers, sizeof(struct rte_mbuf *));
	pool->seg = calloc(pool->buffers, sizeof(pool->seg[0]));
	if (pool->mempool == NULL || pool->mbuf == NULL || pool->seg == NULL)
		return -ENOMEM;
	rte_mempool_obj_iter(pool->mempool, note_mbuf, pool);
	return leave_guests(pool);
}

/* --- begin and end ------------------------------------------------------------ */

static int
check(const struct shm_pool_config *cfg, char *err, size_t errlen)
{
	if (memchr(cfg->name, '\0', sizeof(cfg->name)) == NULL || cfg->name[0] == '\0')
		return refuse(err, errlen, EINVAL, "a group's name is empty or too long");
	if (cfg->buffer_size < SHM_BUFFER_SIZE_MIN || cfg->buffer_size > SHM_BUFFER_SIZE_MAX ||
		cfg->buffer_size % NETVM_LINE != 0)
		return refuse(err, errlen, EINVAL,
			"group %s: the buffer size is %u, but must be a multiple of %u from %u to "
			"%u",
			cfg->name, cfg->buffer_size, NETVM_LINE, SHM_BUFFER_SIZE_MIN,
			SHM_BUFFER_SIZE_MAX);
	if (cfg->numa >= SHM_MEMORY_NODES ||
		(cfg->numa >= 0 && (shm_memory_nodes() >> cfg->numa & 1) == 0))
		return refuse(err, errlen, EINVAL,
			"group %s: numa=%d: there is no NUMA node %d on this machine; lscpu lists "
			"them, and numa=all is right for most",
			cfg->name, cfg->numa, cfg->numa);
	if (cfg->size < SHM_POOL_BUFFERS_AT + (uint64_t)SHM_POOL_BUFFERS_MIN * cfg->buffer_size)
		return refuse(err, errlen, EINVAL,
			"group %s: the pool's size is %llu bytes, but must have room for %u "
			"buffers",
			cfg->name, (unsigned long long)cfg->size, SHM_POOL_BUFFERS_MIN);
	return 0;
}

static void
dismantle(struct shm_pool *pool)
{
	rte_mempool_free(pool->mempool);
	free(pool->mbuf);
	free(pool->seg);
	shm_memory_free(&pool->memory);
	shm_memory_free(&pool->private);
	free(pool);
}

struct shm_pool *
shm_pool_create(const struct shm_pool_config *cfg, char *err, size_t errlen)
{
	int rc = check(cfg, err, errlen);
	struct shm_pool *pool;

	if (rc != 0) {
		errno = -rc;
		return NULL;
	}
	pool = calloc(1, sizeof(*pool));
	if (pool == NULL) {
		errno = -refuse(err, errlen, ENOMEM, "group %s: no memory", cfg->name);
		return NULL;
	}
	pool->cfg = *cfg;
	pool->memory.fd = pool->private.fd = -1;
	rc = shm_pool_memories(pool, err, errlen);
	if (rc == 0) {
		shm_pool_repair(pool);
		rc = make_mempool(pool);
		if (rc != 0)
			refuse(err, errlen, -rc,
				"group %s: no memory for the records of its buffers (see memory in "
				"netvmd.conf)",
				cfg->name);
	}
	if (rc != 0) {
		dismantle(pool);
		errno = -rc;
		return NULL;
	}
	return pool;
}

void
shm_pool_destroy(struct shm_pool *pool)
{
	if (pool == NULL)
		return;
	shm_pool_unhold(pool);
	shm_hold_reap_orphans(pool);
	/* Somebody still reads what was lent, or sends what was taken: their records
	 * must not go. */
	if (pool->orphans != NULL || rte_mempool_avail_count(pool->mempool) != pool->buffers)
		return;
	dismantle(pool);
}

void
shm_pool_status(struct shm_pool *pool, struct shm_pool_status *st)
{
	/* What ports lent that are gone is free when it is back; nobody polls them. */
	shm_hold_reap_orphans(pool);
	*st = (struct shm_pool_status){
		.size = pool->memory.size,
		.page = pool->memory.page,
		.buffers = pool->buffers,
		.buffer_size = pool->buffer_size,
		.free = rte_mempool_avail_count(pool->mempool),
		.ports = pool->ports,
		.resumed = pool->resumed,
	};
	for (uint32_t i = 0; i < pool->buffers; i++)
		st->guests += shm_owner(pool, i) != SHM_HOST;
}

struct rte_mempool *
shm_pool_mempool(struct shm_pool *pool)
{
	return pool->mempool;
}
