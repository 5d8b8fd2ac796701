/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A ring from the host's side, and who owns a buffer: inline, for the files that
 * workers run. shm-private.h has the theory; the order of the stores here is what
 * it promises.
 *
 * What a guest can write is read once, by shm_read_*(), then bounded, then used.
 */
#ifndef NETVM_SHM_RING_H
#define NETVM_SHM_RING_H

#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_pause.h>

#include "src/shm/shm-private.h"

/* A killed process leaves its stores in program order: keep the compiler to it. */
#define shm_in_order() __asm__ volatile("" ::: "memory")

/* Written by one thread; others read it relaxed. */
static inline void
shm_count(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

static inline void
shm_lock(atomic_flag *lock)
{
	/* Acquire, pairs with the release in shm_unlock(). */
	while (atomic_flag_test_and_set_explicit(lock, memory_order_acquire))
		rte_pause();
}

static inline void
shm_unlock(atomic_flag *lock)
{
	atomic_flag_clear_explicit(lock, memory_order_release);
}

/* --- buffers ------------------------------------------------------------------ */

/* Relaxed: a guest can make two workers look at one buffer at any time; whoever
 * really gets a buffer does so by a ring, which orders. */
static inline uint8_t
shm_owner(const struct shm_pool *pool, uint32_t buffer)
{
	return __atomic_load_n(&pool->owner[buffer], __ATOMIC_RELAXED);
}

static inline void
shm_set_owner(uint8_t *owners, uint32_t buffer, uint8_t owner)
{
	__atomic_store_n(&owners[buffer], owner, __ATOMIC_RELAXED);
}

static inline uint8_t *
shm_buffer(const struct shm_pool *pool, uint32_t buffer)
{
	return pool->buffer0 + (size_t)buffer * pool->buffer_size;
}

/* offset / buffer_size, which a multiplication gives exactly: the error is
 * offset / 2^64. */
static inline uint32_t
shm_buffer_of_mbuf(const struct shm_pool *pool, const struct rte_mbuf *m)
{
	uint64_t offset = (uint64_t)((uint8_t *)m->buf_addr - pool->buffer0);

	return (uint32_t)((unsigned __int128)offset * pool->reciprocal >> 64);
}

/* Takes n free buffers, all or none. */
static inline bool
shm_pool_alloc(struct shm_pool *pool, uint32_t *buffer, unsigned int n)
{
	struct rte_mbuf *m[SHM_JOURNAL];

	if (unlikely(rte_mempool_get_bulk(pool->mempool, (void **)m, n) != 0))
		return false;
	for (unsigned int i = 0; i < n; i++)
		buffer[i] = shm_buffer_of_mbuf(pool, m[i]);
	return true;
}

/* Their mbufs are as the mempool gave them: no reference but one, no next. n is at
 * most SHM_JOURNAL. */
static inline void
shm_pool_free(struct shm_pool *pool, const uint32_t *buffer, unsigned int n)
{
	struct rte_mbuf *m[SHM_JOURNAL];

	for (unsigned int i = 0; i < n; i++)
		m[i] = pool->mbuf[buffer[i]];
	rte_mempool_put_bulk(pool->mempool, (void **)m, n);
}

/* --- reading what a guest can write --------------------------------------------- */

/* Half a descriptor, or half an offload entry. */
typedef uint64_t __attribute__((may_alias)) shm_half;

static inline struct netvm_desc
shm_read_desc(const struct netvm_desc *from)
{
	struct netvm_desc d;
	shm_half *word = (void *)&d;
	const shm_half *at = (const void *)from;

	/* Relaxed: the ring's index ordered it. Each half is read once. */
	word[0] = __atomic_load_n(&at[0], __ATOMIC_RELAXED);
	word[1] = __atomic_load_n(&at[1], __ATOMIC_RELAXED);
	return d;
}

static inline void
shm_write_desc(struct netvm_desc *to, const struct netvm_desc *d)
{
	const shm_half *word = (const void *)d;
	shm_half *at = (void *)to;

	__atomic_store_n(&at[0], word[0], __ATOMIC_RELAXED);
	__atomic_store_n(&at[1], word[1], __ATOMIC_RELAXED);
}

/* --- cache lines ------------------------------------------------------------------ */

/* A line of the ring that is to be written, from the guest's CPU and with the right to
 * write. __builtin_prefetch() for the baseline's CPU brings it without that. */
static inline void
shm_prefetch_write(void *at)
{
	__asm__ volatile("prefetchw %0" : : "m"(*(char *)at));
}

#define SHM_LINE 64

/* Starts the loads of n entries' lines. */
static inline void
shm_prefetch_desc(const struct shm_ring *r, uint32_t at, uint32_t n, bool write)
{
	for (uint32_t i = 0; i < n; i += SHM_LINE / sizeof(struct netvm_desc)) {
		struct netvm_desc *d = &r->desc[(at + i) & r->mask];

		if (write)
			shm_prefetch_write(d);
		else
			__builtin_prefetch(d);
	}
}

/* --- journal ------------------------------------------------------------------- */

static inline void
shm_mark_set(struct shm_ring *r, uint32_t at, uint16_t entries, uint16_t listed)
{
	union shm_mark m = {{.at = at, .entries = entries, .listed = listed}};

	shm_in_order();
	*(volatile uint64_t *)&r->journal->mark.word = m.word;
	shm_in_order();
}

static inline uint32_t
shm_ring_at(const struct shm_ring *r)
{
	return r->journal->mark.at;
}

/* --- take: TX -------------------------------------------------------------------- */

/* Entries that the guest has produced and we have not taken, up to max; more than the
 * ring has: *bad. */
static inline uint32_t
shm_ring_look(struct shm_ring *r, uint32_t max, bool *bad)
{
	uint32_t n = r->seen - shm_ring_at(r);

	if (n < max) {
		/* Together with the index: a guest that has just sent so many has most
		 * likely sent more. One that has not is left alone with its lines. */
		shm_prefetch_desc(r, shm_ring_at(r), r->last, false);
		/* Acquire, pairs with the guest's release: entries come before. */
		r->seen = __atomic_load_n(&r->shared->produced, __ATOMIC_ACQUIRE);
		n = r->seen - shm_ring_at(r);
		if (n == 0)
			r->last = 0;
	}
	*bad = unlikely(n > r->size);
	return n < max ? n : max;
}

/* list[0 .. listed) of the journal is written: they are being taken. */
static inline void
shm_take_begin(struct shm_ring *r, uint32_t entries, uint32_t listed)
{
	shm_mark_set(r, shm_ring_at(r), (uint16_t)entries, (uint16_t)listed);
}

/* Whether it was the guest's; then it is ours. */
static inline bool
shm_take(uint8_t *owner, uint32_t buffer, uint8_t guest)
{
	if (unlikely(__atomic_load_n(&owner[buffer], __ATOMIC_RELAXED) != guest))
		return false;
	__atomic_store_n(&owner[buffer], SHM_HOST, __ATOMIC_RELAXED);
	return true;
}

static inline void
shm_take_end(struct shm_ring *r, uint32_t entries, uint32_t taken)
{
	uint32_t at = shm_ring_at(r) + entries, next = r->seen - at;

	r->last = entries;
	/* What is known to be there is for the next time. */
	shm_prefetch_desc(r, at, next < entries ? next : entries, false);
	shm_mark_set(r, at, 0, 0);
	/* Release: our reads of the entries come before the guest writes them anew. */
	__atomic_store_n(&r->shared->consumed, at, __ATOMIC_RELEASE);
	shm_count(&r->moved, taken);
}

/* --- give: RX, FILL ---------------------------------------------------------------- */

/* A give under way: entries and list[] are written, nobody knows of them yet. */
struct shm_give {
	struct shm_ring *ring;
	uint32_t at, room; /* of the next entry; entries that are left */
	uint16_t entries, listed;
};

/* Free entries of the ring, up to what one give can move; `want` is how many would
 * be nice. More than the ring has are under way: *bad. */
static inline struct shm_give
shm_give_begin(struct shm_ring *r, uint32_t want, bool *bad)
{
	struct shm_give g = {.ring = r, .at = shm_ring_at(r)};
	uint32_t used = g.at - r->seen;

	if (used > r->size || r->size - used < want) {
		/* Acquire: the guest's reads of the entries come before our writes. */
		r->seen = __atomic_load_n(&r->shared->consumed, __ATOMIC_ACQUIRE);
		used = g.at - r->seen;
	}
	*bad = unlikely(used > r->size);
	g.room = *bad ? 0 : r->size - used;
	if (g.room > SHM_JOURNAL)
		g.room = SHM_JOURNAL;
	return g;
}

/* The caller has looked at g->room. */
static inline void
shm_give_desc(struct shm_give *g, const struct netvm_desc *d)
{
	struct shm_ring *r = g->ring;

	shm_write_desc(&r->desc[g->at++ & r->mask], d);
	r->journal->list[g->listed++] = d->buffer;
	g->entries++;
	g->room--;
}

/*
 * A descriptor that is made at this moment, word by word: of a struct that it fills field
 * by field gcc makes small stores that it loads as words at once, and the CPU waits for
 * each (15 cycles).
 */
static inline void
shm_write_fields(struct netvm_desc *desc, uint32_t buffer, uint32_t offset, uint32_t length,
	uint32_t flags, uint32_t from, uint32_t mark)
{
	shm_half *to = (void *)desc;

	static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "fields from the low bits on");
	__atomic_store_n(
		&to[0], buffer | (uint64_t)offset << 32 | (uint64_t)length << 48, __ATOMIC_RELAXED);
	__atomic_store_n(
		&to[1], flags | (uint64_t)from << 16 | (uint64_t)mark << 32, __ATOMIC_RELAXED);
}

static inline void
shm_give_fields(struct shm_give *g, uint32_t buffer, uint32_t offset, uint32_t length,
	uint32_t flags, uint32_t from, uint32_t mark)
{
	struct shm_ring *r = g->ring;

	shm_write_fields(&r->desc[g->at++ & r->mask], buffer, offset, length, flags, from, mark);
	r->journal->list[g->listed++] = buffer;
	g->entries++;
	g->room--;
}

/* n more, a buffer each, that the caller wrote to desc[at ...] and list[listed ...]. */
static inline void
shm_give_more(struct shm_give *g, uint32_t n)
{
	g->at += n;
	g->listed = (uint16_t)(g->listed + n);
	g->entries = (uint16_t)(g->entries + n);
	g->room -= n;
}

static inline void
shm_give_offload(struct shm_give *g, const struct netvm_offload *o)
{
	struct shm_ring *r = g->ring;

	shm_write_desc(&r->desc[g->at++ & r->mask], (const void *)o);
	g->entries++;
	g->room--;
}

static inline void
shm_give_fill(struct shm_give *g, uint32_t buffer)
{
	struct shm_ring *r = g->ring;

	__atomic_store_n(&r->fill[g->at++ & r->mask], buffer, __ATOMIC_RELAXED);
	r->journal->list[g->listed++] = buffer;
	g->entries++;
	g->room--;
}

/* Publishes; the buffers are the guest's. */
static inline void
shm_give_end(struct shm_give *g, struct shm_port *p)
{
	struct shm_ring *r = g->ring;
	/* In locals: a store to a byte may change anything, to the compiler. */
	const uint32_t *list = r->journal->list;
	const uint8_t owner = p->owner;
	uint8_t *owners = p->pool->owner;
	const uint32_t n = g->listed;

	if (g->entries == 0)
		return;
	shm_mark_set(r, shm_ring_at(r), g->entries, g->listed);
	for (uint32_t i = 0; i < n; i++)
		shm_set_owner(owners, list[i], owner);
	shm_in_order();
	/* Release, pairs with the guest's acquire: entries and packets come before. */
	__atomic_store_n(&r->shared->produced, g->at, __ATOMIC_RELEASE);
	shm_mark_set(r, g->at, 0, 0);
	shm_count(&r->moved, g->listed);
	g->entries = g->listed = 0;
}

/* --- ports --------------------------------------------------------------------- */

/* Acquire, pairs with shm_port_publish_to(). */
static inline bool
shm_live(struct shm_port *p)
{
	return atomic_load_explicit(&p->live, memory_order_acquire);
}

/* Whether what the guest sends is taken. Acquire, pairs with shm_port_publish_from(). */
static inline bool
shm_heard(struct shm_port *p)
{
	return atomic_load_explicit(&p->heard, memory_order_acquire) && shm_live(p);
}

/* How many more buffers the guest may get; nearly: others give and take, too. */
static inline uint32_t
shm_quota_left(struct shm_port *p)
{
	uint64_t owned = 0;

	for (unsigned int i = 0; i < p->pairs; i++) {
		const struct shm_ring *r = p->pair[i].ring;

		owned += __atomic_load_n(&r[NETVM_RX].moved, __ATOMIC_RELAXED) +
			 __atomic_load_n(&r[NETVM_FILL].moved, __ATOMIC_RELAXED) -
			 __atomic_load_n(&r[NETVM_TX].moved, __ATOMIC_RELAXED);
	}
	return (int64_t)owned >= (int64_t)p->quota ? 0 : p->quota - (uint32_t)owned;
}

/* shm-notify.c: the ring has news, shm_signal() decides. */
void shm_due(struct shm_port *p, uint16_t qp, struct shm_ring *r);
/* shm-ring.c: the port is given up; and n descriptors made no sense. */
void shm_port_fault(struct shm_port *p, enum shm_fault fault);
void shm_violated(struct shm_port *p, struct shm_pair *pair, enum packet_drop why, uint32_t n);
/* shm-ring.c: keeps FILL full, when it is worth it. Whoever polls the pair. */
void shm_fill(struct shm_port *p, uint16_t qp, uint32_t least);

#endif
