/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A group's pool: made, taken over from an earlier daemon, counted, taken apart.
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
#include <fcntl.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "src/shm/shm-keeper.h"
#include "src/shm/shm-loan.h"

#define BUFFERS_AT  4096 /* of buffer 0 in the pool: behind struct netvm_pool */
#define CACHE_MOST  512  /* buffers that a worker keeps aside */
#define BUFFERS_MIN 64

static int
fail(char *err, size_t errlen, int rc, const char *group, const char *why)
{
	snprintf(err, errlen, "group %s: %s", group, why);
	return rc;
}

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
		shm_set_owner(pool, i, SHM_HOST);
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

/* --- memory ------------------------------------------------------------------- */

static uint64_t
book_bytes(uint32_t buffers)
{
	return sizeof(struct shm_pool_book) + buffers;
}

static void
keeper_name(char name[SHM_KEEPER_NAME], const struct shm_pool *pool, const char *what)
{
	snprintf(name, SHM_KEEPER_NAME, "pool/%s/%s", pool->cfg.name, what);
}

/* The pool's page is what guests read; from our own book, never from there. Every member
 * can spoil it, so it is written again for those who come later: the words that
 * differ, and the magic number, which is first, last. */
void
shm_pool_repair(struct shm_pool *pool)
{
	union {
		struct netvm_pool pool;
		uint64_t word[sizeof(struct netvm_pool) / sizeof(uint64_t)];
	} good = {.pool = {
			  .magic = NETVM_POOL_MAGIC,
			  .id = pool->book->id,
			  .version = NETVM_ABI_VERSION,
			  .buffer_size = pool->buffer_size,
			  .buffers = pool->buffers,
			  .buffers_offset = BUFFERS_AT,
			  .size = BUFFERS_AT + (uint64_t)pool->buffers * pool->buffer_size,
		  }};
	uint64_t *to = (void *)pool->memory.at;

	memcpy(good.pool.group, pool->cfg.name, NETVM_NAME_MAX);
	for (size_t i = sizeof(good.word) / sizeof(*good.word); i-- > 0;) {
		/* Release: who finds the magic number finds the rest. */
		if (__atomic_load_n(&to[i], __ATOMIC_RELAXED) != good.word[i])
			__atomic_store_n(&to[i], good.word[i], __ATOMIC_RELEASE);
	}
}

/* Points to the parts of memory, once its size is known. */
static void
lay_out(struct shm_pool *pool)
{
	uint64_t room = (pool->memory.size - BUFFERS_AT) / pool->cfg.buffer_size;

	pool->buffer_size = pool->cfg.buffer_size;
	pool->reciprocal = UINT64_MAX / pool->buffer_size + 1;
	pool->buffers = room < UINT32_MAX / 2 ? (uint32_t)room : UINT32_MAX / 2;
	pool->buffer0 = pool->memory.at + BUFFERS_AT;
}

/* Whether the keeper has this pool, as it is configured. */
static bool
take_over(struct shm_pool *pool)
{
	char name[SHM_KEEPER_NAME], err[160];
	int fd[SHM_KEEPER_FDS];

	keeper_name(name, pool, "memory");
	if (shm_keeper_get(name, fd) != 1 ||
		shm_memory_adopt(&pool->memory, fd[0], pool->cfg.size, err, sizeof(err)) != 0)
		return false;
	lay_out(pool);
	keeper_name(name, pool, "book");
	if (shm_keeper_get(name, fd) != 1 ||
		shm_memory_adopt(
			&pool->private, fd[0], book_bytes(pool->buffers), err, sizeof(err)) != 0)
		return false;
	pool->book = (void *)pool->private.at;
	return pool->book->magic == SHM_BOOK_MAGIC && pool->book->buffers == pool->buffers &&
	       pool->book->buffer_size == pool->buffer_size;
}

static int
make_fresh(struct shm_pool *pool, char *err, size_t errlen)
{
	const struct shm_pool_config *cfg = &pool->cfg;
	char name[SHM_KEEPER_NAME];
	int rc;

	shm_memory_free(&pool->memory);
	shm_memory_free(&pool->private);
	rc = shm_memory_create(
		&pool->memory, cfg->name, cfg->size, cfg->hugepages, cfg->numa, err, errlen);
	if (rc != 0)
		return rc;
	lay_out(pool);
	if (pool->buffers < BUFFERS_MIN)
		return fail(
			err, errlen, -EINVAL, cfg->name, "its pool has room for too few buffers");
	rc = shm_memory_create(&pool->private, cfg->name, book_bytes(pool->buffers), false,
		cfg->numa, err, errlen);
	if (rc != 0)
		return rc;
	pool->book = (void *)pool->private.at;
	pool->book->buffers = pool->buffers;
	pool->book->buffer_size = pool->buffer_size;
	if (getrandom(&pool->book->id, sizeof(pool->book->id), 0) != sizeof(pool->book->id))
		return fail(err, errlen, -EIO, cfg->name, "there are no random numbers");
	pool->book->magic = SHM_BOOK_MAGIC;
	/* Not held: it does not survive us, and everything else works. */
	keeper_name(name, pool, "memory");
	(void)shm_keeper_hold(name, &pool->memory.fd, 1);
	keeper_name(name, pool, "book");
	(void)shm_keeper_hold(name, &pool->private.fd, 1);
	return 0;
}

static int
check(const struct shm_pool_config *cfg, char *err, size_t errlen)
{
	if (memchr(cfg->name, '\0', sizeof(cfg->name)) == NULL || cfg->name[0] == '\0')
		return fail(err, errlen, -EINVAL, "?", "its name is empty or too long");
	if (cfg->buffer_size < SHM_BUFFER_SIZE_MIN || cfg->buffer_size > SHM_BUFFER_SIZE_MAX ||
		cfg->buffer_size % NETVM_LINE != 0) {
		snprintf(err, errlen,
			"group %s: the buffer size is %u, but must be a multiple of %u from %u to "
			"%u",
			cfg->name, cfg->buffer_size, NETVM_LINE, SHM_BUFFER_SIZE_MIN,
			SHM_BUFFER_SIZE_MAX);
		return -EINVAL;
	}
	if (cfg->size < BUFFERS_AT + (uint64_t)BUFFERS_MIN * cfg->buffer_size) {
		snprintf(err, errlen,
			"group %s: the pool's size is %llu bytes, but must have room for %u "
			"buffers",
			cfg->name, (unsigned long long)cfg->size, BUFFERS_MIN);
		return -EINVAL;
	}
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
		errno = -fail(err, errlen, -ENOMEM, cfg->name, "no memory");
		return NULL;
	}
	pool->cfg = *cfg;
	pool->memory.fd = pool->private.fd = -1;
	pool->resumed = take_over(pool);
	if (!pool->resumed)
		rc = make_fresh(pool, err, errlen);
	if (rc == 0) {
		pool->owner = pool->book->owner;
		shm_pool_repair(pool);
		rc = make_mempool(pool);
		if (rc != 0)
			fail(err, errlen, rc, cfg->name,
				"no memory for the records of its buffers (see memory in "
				"netvmd.conf)");
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
	char name[SHM_KEEPER_NAME];

	if (pool == NULL)
		return;
	keeper_name(name, pool, "");
	shm_keeper_drop(name);
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
