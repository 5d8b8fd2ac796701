/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a pool stands on: its memory and its book, made or taken over from an earlier
 * daemon, and held for the next one. Control thread, but for shm_pool_hold() and
 * shm_pool_repair(), which the thread that serves sockets calls, too. Neighbours:
 * shm-pool.c calls, shm-memory.c makes memory, shm-held.c holds:
 *
 *	pool/NAME/memory  the buffers
 *	pool/NAME/book    who owns them; nobody else sees it
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "src/packet/refuse.h"
#include "src/shm/shm-held.h"
#include "src/shm/shm-keeper.h"
#include "src/shm/shm-private.h"

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
			  .buffers_offset = SHM_POOL_BUFFERS_AT,
			  .size = SHM_POOL_BUFFERS_AT + (uint64_t)pool->buffers * pool->buffer_size,
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
	uint64_t room = (pool->memory.size - SHM_POOL_BUFFERS_AT) / pool->cfg.buffer_size;

	pool->buffer_size = pool->cfg.buffer_size;
	pool->reciprocal = UINT64_MAX / pool->buffer_size + 1;
	pool->buffers = room < UINT32_MAX / 2 ? (uint32_t)room : UINT32_MAX / 2;
	pool->buffer0 = pool->memory.at + SHM_POOL_BUFFERS_AT;
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

int
shm_pool_hold(const struct shm_pool *pool)
{
	char name[SHM_KEEPER_NAME];
	int rc;

	keeper_name(name, pool, "memory");
	rc = shm_keeper_hold(name, &pool->memory.fd, 1);
	if (rc != 0)
		return rc;
	keeper_name(name, pool, "book");
	return shm_keeper_hold(name, &pool->private.fd, 1);
}

void
shm_pool_unhold(const struct shm_pool *pool)
{
	char name[SHM_KEEPER_NAME];

	keeper_name(name, pool, "");
	shm_keeper_drop(name);
}

static int
make_fresh(struct shm_pool *pool, char *err, size_t errlen)
{
	const struct shm_pool_config *cfg = &pool->cfg;
	int rc;

	shm_memory_free(&pool->memory);
	shm_memory_free(&pool->private);
	rc = shm_memory_create(&pool->memory, cfg->name, cfg->size, cfg->hugepages,
		cfg->numa >= 0 ? cfg->numa : SHM_MEMORY_LATER, err, errlen);
	if (rc != 0)
		return rc;
	if (cfg->numa < 0) {
		shm_memory_spread(&pool->memory);
		rc = shm_memory_fill(&pool->memory, err, errlen);
		if (rc != 0)
			return rc;
	}
	lay_out(pool);
	if (pool->buffers < SHM_POOL_BUFFERS_MIN)
		return refuse(err, errlen, EINVAL,
			"group %s: its pool has room for too few buffers", cfg->name);
	rc = shm_memory_create(&pool->private, cfg->name, book_bytes(pool->buffers), false,
		cfg->numa, err, errlen);
	if (rc != 0)
		return rc;
	pool->book = (void *)pool->private.at;
	pool->book->buffers = pool->buffers;
	pool->book->buffer_size = pool->buffer_size;
	if (getrandom(&pool->book->id, sizeof(pool->book->id), 0) != sizeof(pool->book->id))
		return refuse(err, errlen, EIO, "group %s: there are no random numbers", cfg->name);
	pool->book->magic = SHM_BOOK_MAGIC;
	/* Not held: it does not survive us, and everything else works. */
	shm_held_say("group", cfg->name, "pool", "guests of its ports", shm_pool_hold(pool));
	return 0;
}

int
shm_pool_memories(struct shm_pool *pool, char *err, size_t errlen)
{
	int rc;

	pool->resumed = take_over(pool);
	if (!pool->resumed) {
		rc = make_fresh(pool, err, errlen);
		if (rc != 0)
			return rc;
	}
	pool->owner = pool->book->owner;
	return 0;
}

void
shm_pool_memory(const struct shm_pool *pool, void **at, uint64_t *len, uint64_t *page)
{
	*at = pool->memory.at;
	*len = pool->memory.size;
	*page = pool->memory.page;
}

uint32_t
shm_pool_reach(const struct shm_pool *pool)
{
	return __atomic_load_n(&pool->dma, __ATOMIC_RELAXED);
}

void
shm_pool_set_reach(struct shm_pool *pool, uint32_t reach)
{
	/* Release, pairs with the acquire of who takes a loan: the device knows. */
	__atomic_store_n(&pool->dma, reach, __ATOMIC_RELEASE);
}
