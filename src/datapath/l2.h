/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The forwarding database of one network: which port a MAC was last heard on,
 * per VLAN. Plain data structure: knows no ports (numbers only), no packets,
 * no clock (callers pass seconds).
 *
 * Theory of operation. A hash table of buckets, each one cache line with four
 * entries and a sequence number. An entry lives in one of two buckets. Readers
 * take no lock: they read the sequence number, the entry, and the number
 * again; an odd or changed number means that a writer was there, and they read
 * once more, so a half-written entry is never believed. Writers (learning,
 * moving, forgetting) hold the table's lock. The one thing that readers write
 * is `seen` of an entry that they found, at most once per second: it stands
 * outside the sequence, because a wrong one only ages an entry later.
 *
 * Full buckets: an entry goes to the emptier of its two buckets; when both are
 * full, one of the eight moves to its own other bucket, copied before it is
 * removed, so that readers find it at all times.
 *
 * Threads: lookup, learn: any worker. forget, sweep and walk: one other
 * thread, while workers go on.
 */
#ifndef NETVM_L2_H
#define NETVM_L2_H

#include <nmmintrin.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define FDB_WAYS     4
#define FDB_NONE     (-1)
#define FDB_MAC_MASK UINT64_C(0xffffffffffff)

/* MAC in bits 0..47 (first byte lowest), VID in 48..59. 0 is no key. */
typedef uint64_t fdb_key;

struct fdb_bucket {
	uint32_t seq; /* odd: being written */
	uint32_t unused;
	fdb_key key[FDB_WAYS]; /* 0: free */
	uint32_t seen[FDB_WAYS];
	uint16_t port[FDB_WAYS];
} __attribute__((aligned(64)));
_Static_assert(sizeof(struct fdb_bucket) == 64, "a bucket is one cache line");

struct fdb {
	struct fdb_bucket *bucket;
	uint32_t mask;   /* buckets - 1 */
	uint32_t max;    /* entries that may be learned */
	uint32_t ageing; /* seconds; relaxed, changes live */
	/* writers; readers of the statistics take what they find */
	uint32_t lock __attribute__((aligned(64)));
	uint32_t count;
	uint64_t moves, full;
	uint64_t displaced; /* entries that made room, see above */
};

/* Returns 0 or -ENOMEM. */
int fdb_init(struct fdb *f, uint32_t max, uint32_t ageing);
void fdb_fini(struct fdb *f);

static inline fdb_key
fdb_key_of(const uint8_t *mac, uint16_t vlan)
{
	uint32_t low;
	uint16_t high;

	memcpy(&low, mac, sizeof(low));
	memcpy(&high, mac + 4, sizeof(high));
	return low | (uint64_t)high << 32 | (uint64_t)vlan << 48;
}

static inline uint32_t
fdb_hash(fdb_key key)
{
	return (uint32_t)_mm_crc32_u64(0, key);
}

static inline struct fdb_bucket *
fdb_first(const struct fdb *f, uint32_t hash)
{
	return &f->bucket[hash & f->mask];
}

/* The other bucket of an entry; an odd factor keeps every bit of the hash. */
static inline struct fdb_bucket *
fdb_second(const struct fdb *f, uint32_t hash)
{
	return &f->bucket[((hash * UINT32_C(0x9e3779b1)) >> 7 ^ hash) & f->mask];
}

/* The entry's port, or FDB_NONE. *seen points at its time stamp. Acquire loads
 * pair with the release stores of l2.c's bucket_set(). */
static inline int
fdb_bucket_find(struct fdb_bucket *b, fdb_key key, uint32_t **seen)
{
	for (;;) {
		uint32_t seq = __atomic_load_n(&b->seq, __ATOMIC_ACQUIRE);
		int port = FDB_NONE;

		for (unsigned int i = 0; i < FDB_WAYS; i++) {
			if (__atomic_load_n(&b->key[i], __ATOMIC_ACQUIRE) != key)
				continue;
			port = __atomic_load_n(&b->port[i], __ATOMIC_ACQUIRE);
			*seen = &b->seen[i];
			break;
		}
		if (__builtin_expect(
			    (seq & 1) == 0 && __atomic_load_n(&b->seq, __ATOMIC_RELAXED) == seq, 1))
			return port;
		_mm_pause();
	}
}

/* True when an entry that was seen then has aged out. Workers' clocks may
 * differ by a second, so `seen` can lie ahead of now. */
static inline bool
fdb_expired(const struct fdb *f, uint32_t seen, uint32_t now)
{
	return (int32_t)(now - seen) > (int32_t)__atomic_load_n(&f->ageing, __ATOMIC_RELAXED);
}

static inline int
fdb_find(const struct fdb *f, fdb_key key, uint32_t now, uint32_t **seen)
{
	uint32_t hash = fdb_hash(key);
	int port = fdb_bucket_find(fdb_first(f, hash), key, seen);

	if (port == FDB_NONE)
		port = fdb_bucket_find(fdb_second(f, hash), key, seen);
	if (port != FDB_NONE && fdb_expired(f, __atomic_load_n(*seen, __ATOMIC_RELAXED), now))
		port = FDB_NONE;
	return port;
}

/* Port of a destination, or FDB_NONE. */
static inline int
fdb_lookup(const struct fdb *f, fdb_key key, uint32_t now)
{
	uint32_t *seen;

	return fdb_find(f, key, now, &seen);
}

/* True when the entry is there and fresh: the usual case of learning. */
static inline bool
fdb_refresh(const struct fdb *f, fdb_key key, uint16_t port, uint32_t now)
{
	uint32_t *seen;

	if (fdb_find(f, key, now, &seen) != port)
		return false;
	if (__atomic_load_n(seen, __ATOMIC_RELAXED) != now)
		__atomic_store_n(seen, now, __ATOMIC_RELAXED);
	return true;
}

/*
 * Writes what fdb_refresh() did not find: a new entry, or one that moved.
 * Returns false when the table is full. MAC 0 and group MACs are not for here.
 */
bool fdb_learn(struct fdb *f, fdb_key key, uint16_t port, uint32_t now);

/* Forgets everything that was learned on port. */
void fdb_forget_port(struct fdb *f, uint16_t port);
/* Forgets the entries that match names. */
void fdb_forget_if(struct fdb *f, bool (*match)(fdb_key key, uint16_t port, void *arg), void *arg);
/* Frees aged entries; takes the lock for short stretches. */
void fdb_sweep(struct fdb *f, uint32_t now);

/* Calls cb for each live entry, without the lock. */
void fdb_walk(struct fdb *f, uint32_t now,
	void (*cb)(fdb_key key, uint16_t port, uint32_t age_s, void *arg), void *arg);

#endif
