/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The table of nf-flow.h.
 *
 * THEORY OF OPERATION. Entries are one array, made at the start, so a flood costs no
 * memory beyond it. An entry is in a chain of its bucket (by seeded hash) and in the
 * list of its class, oldest first, or in the free list, which uses the chain's link.
 * Links are numbers of entries; NONE ends them.
 */
#include <stdlib.h>
#include <string.h>

#include "guest-pmd/nf/nf-flow.h"

#define NONE UINT32_MAX

struct entry {
	uint32_t chain;          /* next in the bucket, or in the free list */
	uint32_t older, younger; /* of the class */
	uint32_t bucket;
	uint64_t used;
	uint32_t class;
	uint32_t reserved;
	/* The value and then the key follow. */
};

struct nf_table {
	struct nf_table_spec spec;
	uint64_t seed;
	uint32_t count, mask, entry_size, key_at, free;
	uint32_t oldest[NF_CLASSES], youngest[NF_CLASSES];
	uint32_t *buckets;
	uint8_t *entries;
};

static struct entry *
entry_of(const struct nf_table *t, uint32_t i)
{
	return (struct entry *)(void *)(t->entries + (size_t)i * t->entry_size);
}

static uint32_t
number_of(const struct nf_table *t, const struct entry *e)
{
	return (uint32_t)(((const uint8_t *)e - t->entries) / t->entry_size);
}

static struct entry *
from_value(const void *value)
{
	return (struct entry *)(uintptr_t)((const uint8_t *)value - sizeof(struct entry));
}

static void *
value_of(struct entry *e)
{
	return e + 1;
}

struct nf_table *
nf_table_new(const struct nf_table_spec *spec)
{
	struct nf_table *t = calloc(1, sizeof(*t));
	uint32_t buckets = 16;

	if (t == NULL)
		return NULL;
	t->spec = *spec;
	t->seed = nf_random_seed();
	while (buckets < spec->capacity && buckets < UINT32_C(1) << 30)
		buckets *= 2;
	t->mask = buckets - 1;
	t->key_at = (uint32_t)sizeof(struct entry) + (spec->value_size + 7) / 8 * 8;
	t->entry_size = (t->key_at + spec->key_size + 7) / 8 * 8;
	t->buckets = malloc(buckets * sizeof(*t->buckets));
	t->entries = calloc(spec->capacity, t->entry_size);
	if (t->buckets == NULL || t->entries == NULL) {
		nf_table_free(t);
		return NULL;
	}
	memset(t->buckets, 0xff, buckets * sizeof(*t->buckets));
	for (uint32_t i = 0; i < spec->capacity; i++)
		entry_of(t, i)->chain = i + 1 < spec->capacity ? i + 1 : NONE;
	t->free = spec->capacity != 0 ? 0 : NONE;
	for (int c = 0; c < NF_CLASSES; c++)
		t->oldest[c] = t->youngest[c] = NONE;
	return t;
}

void
nf_table_free(struct nf_table *t)
{
	if (t == NULL)
		return;
	free(t->buckets);
	free(t->entries);
	free(t);
}

uint32_t
nf_table_count(const struct nf_table *t)
{
	return t->count;
}

static uint32_t
bucket_of(const struct nf_table *t, const void *key)
{
	return (uint32_t)nf_hash(t->seed, key, t->spec.key_size) & t->mask;
}

const void *
nf_table_key(const struct nf_table *t, const void *value)
{
	return (const uint8_t *)from_value(value) + t->key_at;
}

void *
nf_table_find(struct nf_table *t, const void *key)
{
	uint32_t i = t->buckets[bucket_of(t, key)];

	while (i != NONE) {
		struct entry *e = entry_of(t, i);

		if (memcmp((uint8_t *)e + t->key_at, key, t->spec.key_size) == 0)
			return value_of(e);
		i = e->chain;
	}
	return NULL;
}

void *
nf_table_find_live(struct nf_table *t, const void *key, uint64_t now)
{
	void *value = nf_table_find(t, key);

	return value != NULL && nf_table_live(t, value, now) ? value : NULL;
}

static void
unlink_class(struct nf_table *t, struct entry *e)
{
	if (e->older != NONE)
		entry_of(t, e->older)->younger = e->younger;
	else
		t->oldest[e->class] = e->younger;
	if (e->younger != NONE)
		entry_of(t, e->younger)->older = e->older;
	else
		t->youngest[e->class] = e->older;
}

static void
link_class(struct nf_table *t, struct entry *e, unsigned int class, uint64_t now)
{
	uint32_t i = number_of(t, e);

	e->class = class;
	e->used = now;
	e->younger = NONE;
	e->older = t->youngest[class];
	if (e->older != NONE)
		entry_of(t, e->older)->younger = i;
	else
		t->oldest[class] = i;
	t->youngest[class] = i;
}

void *
nf_table_add(struct nf_table *t, const void *key, unsigned int class, uint64_t now)
{
	struct entry *e;
	uint32_t i = t->free;

	if (i == NONE)
		return NULL;
	e = entry_of(t, i);
	t->free = e->chain;
	memset(value_of(e), 0, t->spec.value_size);
	memcpy((uint8_t *)e + t->key_at, key, t->spec.key_size);
	e->bucket = bucket_of(t, key);
	e->chain = t->buckets[e->bucket];
	t->buckets[e->bucket] = i;
	link_class(t, e, class, now);
	t->count++;
	return value_of(e);
}

void
nf_table_touch(struct nf_table *t, void *value, unsigned int class, uint64_t now)
{
	struct entry *e = from_value(value);

	if (e->younger == NONE && e->class == class) {
		e->used = now;
		return;
	}
	unlink_class(t, e);
	link_class(t, e, class, now);
}

void
nf_table_remove(struct nf_table *t, void *value)
{
	struct entry *e = from_value(value);
	uint32_t i = number_of(t, e), *link = &t->buckets[e->bucket];

	if (t->spec.gone != NULL)
		t->spec.gone(t->spec.arg, nf_table_key(t, value), value);
	while (*link != i)
		link = &entry_of(t, *link)->chain;
	*link = e->chain;
	unlink_class(t, e);
	e->chain = t->free;
	t->free = i;
	t->count--;
}

static bool
is_over(const struct nf_table *t, const struct entry *e, uint64_t now)
{
	return now >= e->used && now - e->used >= t->spec.timeout_ns[e->class];
}

bool
nf_table_live(struct nf_table *t, void *value, uint64_t now)
{
	bool over = is_over(t, from_value(value), now);

	if (over)
		nf_table_remove(t, value);
	return !over;
}

uint32_t
nf_table_expire(struct nf_table *t, uint64_t now, uint32_t max)
{
	uint32_t n = 0;

	for (int c = 0; c < NF_CLASSES; c++) {
		while (n < max && t->oldest[c] != NONE) {
			struct entry *e = entry_of(t, t->oldest[c]);

			if (!is_over(t, e, now))
				break;
			nf_table_remove(t, value_of(e));
			n++;
		}
	}
	return n;
}

void *
nf_table_oldest(struct nf_table *t, unsigned int classes)
{
	struct entry *oldest = NULL;

	for (unsigned int c = 0; c < NF_CLASSES; c++) {
		struct entry *e;

		if ((classes >> c & 1) == 0 || t->oldest[c] == NONE)
			continue;
		e = entry_of(t, t->oldest[c]);
		if (oldest == NULL || e->used < oldest->used)
			oldest = e;
	}
	return oldest != NULL ? value_of(oldest) : NULL;
}

void
nf_table_each(struct nf_table *t, void (*fn)(void *arg, const void *key, void *value), void *arg)
{
	for (int c = 0; c < NF_CLASSES; c++) {
		for (uint32_t i = t->oldest[c]; i != NONE; i = entry_of(t, i)->younger)
			fn(arg, nf_table_key(t, value_of(entry_of(t, i))),
				value_of(entry_of(t, i)));
	}
}
