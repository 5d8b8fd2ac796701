/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The writing side of the forwarding database; l2.h has the theory of
 * operation and the readers. Neighbour: network.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "src/datapath/l2.h"

#define SWEEP_BUCKETS 256 /* buckets per turn under the lock: some 10 us */

static void
fdb_lock(struct fdb *f)
{
	/* Acquire pairs with the release in fdb_unlock(). */
	while (__atomic_exchange_n(&f->lock, 1, __ATOMIC_ACQUIRE) != 0) {
		while (__atomic_load_n(&f->lock, __ATOMIC_RELAXED) != 0)
			_mm_pause();
	}
}

static void
fdb_unlock(struct fdb *f)
{
	__atomic_store_n(&f->lock, 0, __ATOMIC_RELEASE);
}

/* Statistics have one writer at a time (the lock's holder); others only read. */
static void
bump(uint64_t *counter)
{
	__atomic_store_n(counter, *counter + 1, __ATOMIC_RELAXED);
}

static void
set_count(struct fdb *f, uint32_t count)
{
	__atomic_store_n(&f->count, count, __ATOMIC_RELAXED);
}

int
fdb_init(struct fdb *f, uint32_t max, uint32_t ageing)
{
	uint32_t buckets = 16;

	/* At most half of the entries in use, so that two buckets suffice. */
	while (buckets < max / (FDB_WAYS / 2))
		buckets *= 2;
	memset(f, 0, sizeof(*f));
	/* Fresh pages are zero (all entries free) and cost nothing until used. */
	f->bucket = mmap(NULL, buckets * sizeof(*f->bucket), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (f->bucket == MAP_FAILED) {
		f->bucket = NULL;
		return -ENOMEM;
	}
	f->mask = buckets - 1;
	f->max = max;
	f->ageing = ageing;
	return 0;
}

void
fdb_fini(struct fdb *f)
{
	if (f->bucket != NULL)
		munmap(f->bucket, (f->mask + (size_t)1) * sizeof(*f->bucket));
	f->bucket = NULL;
}

/* The one function that changes an entry. Each release store keeps the odd
 * sequence number before it; pairs with fdb_bucket_find(). */
static void
bucket_set(struct fdb_bucket *b, unsigned int i, fdb_key key, uint16_t port, uint32_t seen)
{
	uint32_t seq = b->seq;

	__atomic_store_n(&b->seq, seq + 1, __ATOMIC_RELAXED);
	__atomic_store_n(&b->key[i], key, __ATOMIC_RELEASE);
	__atomic_store_n(&b->port[i], port, __ATOMIC_RELEASE);
	__atomic_store_n(&b->seen[i], seen, __ATOMIC_RELEASE);
	__atomic_store_n(&b->seq, seq + 2, __ATOMIC_RELEASE);
}

/* Lock held. Where key stands in b, or -1. */
static int
bucket_slot(const struct fdb_bucket *b, fdb_key key)
{
	for (int i = 0; i < FDB_WAYS; i++)
		if (b->key[i] == key)
			return i;
	return -1;
}

static unsigned int
bucket_used(const struct fdb_bucket *b)
{
	unsigned int n = 0;

	for (int i = 0; i < FDB_WAYS; i++)
		n += b->key[i] != 0;
	return n;
}

static uint32_t
bucket_seen(const struct fdb_bucket *b, int i)
{
	return __atomic_load_n(&b->seen[i], __ATOMIC_RELAXED);
}

/* Lock held. */
static void
bucket_free(struct fdb *f, struct fdb_bucket *b, int i)
{
	bucket_set(b, i, 0, 0, 0);
	set_count(f, f->count - 1);
}

/* Lock held. Frees the aged entries of b. */
static void
bucket_expire(struct fdb *f, struct fdb_bucket *b, uint32_t now)
{
	for (int i = 0; i < FDB_WAYS; i++) {
		if (b->key[i] != 0 && fdb_expired(f, bucket_seen(b, i), now))
			bucket_free(f, b, i);
	}
}

/* Lock held; b is full. Moves one of its entries to that entry's other bucket
 * and returns the slot it left, or -1. Copy first, remove then: for a moment it
 * stands in both, never in none. */
static int
bucket_make_room(struct fdb *f, struct fdb_bucket *b)
{
	for (int i = 0; i < FDB_WAYS; i++) {
		uint32_t hash = fdb_hash(b->key[i]);
		struct fdb_bucket *other = fdb_first(f, hash);
		int to;

		if (other == b)
			other = fdb_second(f, hash);
		to = bucket_slot(other, 0);
		if (to < 0)
			continue;
		bucket_set(other, to, b->key[i], b->port[i], bucket_seen(b, i));
		bucket_set(b, i, 0, 0, 0);
		bump(&f->displaced);
		return i;
	}
	return -1;
}

/* Lock held. Adds an entry that is in neither bucket. */
static bool
fdb_insert(struct fdb *f, fdb_key key, uint16_t port, uint32_t now)
{
	uint32_t hash = fdb_hash(key);
	struct fdb_bucket *b = fdb_first(f, hash);
	struct fdb_bucket *second = fdb_second(f, hash);
	int i;

	bucket_expire(f, b, now);
	bucket_expire(f, second, now);
	if (f->count >= f->max)
		return false;
	if (bucket_used(second) < bucket_used(b))
		b = second;
	i = bucket_slot(b, 0);
	if (i < 0)
		i = bucket_make_room(f, b);
	if (i < 0 && b != second)
		i = bucket_make_room(f, b = second);
	if (i < 0)
		return false;
	bucket_set(b, i, key, port, now);
	set_count(f, f->count + 1);
	return true;
}

bool
fdb_learn(struct fdb *f, fdb_key key, uint16_t port, uint32_t now)
{
	uint32_t hash = fdb_hash(key);
	struct fdb_bucket *b = fdb_first(f, hash);
	bool learned = true;
	int i;

	fdb_lock(f);
	i = bucket_slot(b, key);
	if (i < 0)
		i = bucket_slot(b = fdb_second(f, hash), key);
	if (i < 0) {
		learned = fdb_insert(f, key, port, now);
		if (!learned)
			bump(&f->full);
	} else {
		/* An aged entry is as good as none: coming back is no move. */
		if (b->port[i] != port && !fdb_expired(f, bucket_seen(b, i), now))
			bump(&f->moves);
		bucket_set(b, i, key, port, now);
	}
	fdb_unlock(f);
	return learned;
}

/* One pass; whole: under one lock, else a few buckets at a time. */
static void
forget_pass(struct fdb *f, bool whole, bool (*match)(fdb_key key, uint16_t port, void *arg),
	void *arg, uint32_t now)
{
	for (uint32_t n = 0; n <= f->mask; n++) {
		struct fdb_bucket *b = &f->bucket[n];

		if (n == 0 || (!whole && n % SWEEP_BUCKETS == 0))
			fdb_lock(f);
		if (match == NULL)
			bucket_expire(f, b, now);
		for (int i = 0; match != NULL && i < FDB_WAYS; i++) {
			if (b->key[i] != 0 && match(b->key[i], b->port[i], arg))
				bucket_free(f, b, i);
		}
		if (n == f->mask || (!whole && n % SWEEP_BUCKETS == SWEEP_BUCKETS - 1))
			fdb_unlock(f);
	}
}

void
fdb_forget_if(struct fdb *f, bool (*match)(fdb_key key, uint16_t port, void *arg), void *arg)
{
	uint64_t displaced = __atomic_load_n(&f->displaced, __ATOMIC_RELAXED);

	if (__atomic_load_n(&f->count, __ATOMIC_RELAXED) == 0)
		return;
	forget_pass(f, false, match, arg, 0);
	/* A learner may have moved an entry from a bucket still to come into one
	 * that was done. That is rare; then nobody may move anything. */
	if (__atomic_load_n(&f->displaced, __ATOMIC_RELAXED) != displaced)
		forget_pass(f, true, match, arg, 0);
}

static bool
on_port(fdb_key key, uint16_t port, void *arg)
{
	return port == *(const uint16_t *)arg;
}

void
fdb_forget_port(struct fdb *f, uint16_t port)
{
	fdb_forget_if(f, on_port, &port);
}

void
fdb_sweep(struct fdb *f, uint32_t now)
{
	if (__atomic_load_n(&f->count, __ATOMIC_RELAXED) != 0)
		forget_pass(f, false, NULL, NULL, now);
}

void
fdb_walk(struct fdb *f, uint32_t now,
	void (*cb)(fdb_key key, uint16_t port, uint32_t age_s, void *arg), void *arg)
{
	for (uint32_t n = 0; n <= f->mask; n++) {
		struct fdb_bucket *b = &f->bucket[n];

		for (int i = 0; i < FDB_WAYS; i++) {
			fdb_key key = __atomic_load_n(&b->key[i], __ATOMIC_ACQUIRE);
			uint32_t *seen, age;
			int port;

			if (key == 0)
				continue;
			/* A key that a writer is replacing is found again, or not. */
			port = fdb_bucket_find(b, key, &seen);
			if (port == FDB_NONE)
				continue;
			age = now - __atomic_load_n(seen, __ATOMIC_RELAXED);
			if ((int32_t)age < 0)
				age = 0;
			if (age <= __atomic_load_n(&f->ageing, __ATOMIC_RELAXED))
				cb(key, (uint16_t)port, age, arg);
		}
	}
}
