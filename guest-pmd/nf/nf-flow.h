/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Flows: their keys, and a table of entries with a bounded number and ages. The
 * table serves whatever has a key of fixed size (flows, addresses, MACs).
 *
 * Not safe for several threads at once; the programs lock once per burst.
 */
#ifndef NF_FLOW_H
#define NF_FLOW_H

#include "guest-pmd/nf/nf-packet.h"

/* Both addresses with 4 or 16 bytes used and the rest 0. Ports are those of TCP and
 * UDP; an echo has its identifier in both; everything else 0. No padding: keys are
 * compared as bytes. */
struct nf_key {
	uint8_t source[16], destination[16];
	uint16_t sport, dport;
	uint8_t proto, version;
	uint16_t reserved;
};

/* False: not IP. */
bool nf_key_of(const struct nf_headers *h, struct nf_key *key);
void nf_key_reverse(const struct nf_key *key, struct nf_key *reverse);
/* Writes "tcp 10.0.0.1:80 > 10.0.0.2:1234". */
#define NF_KEY_TEXT 128
const char *nf_key_text(const struct nf_key *key, char text[NF_KEY_TEXT]);
const char *nf_proto_name(uint8_t proto, char number[8]);

/* A seeded hash: who sends cannot choose which bucket a flow falls into. */
uint64_t nf_hash(uint64_t seed, const void *key, uint32_t n);
/* A number that nobody outside knows. */
uint64_t nf_random_seed(void);

/*
 * A table. Each entry is in a class with a timeout of its own (a handshake's is short, a
 * connection's long); entries of a class lie in the order of their last use, so expiry
 * looks at the oldest only. A value is the caller's, 8-byte aligned, and stays where
 * it is until its entry goes.
 */
#define NF_CLASSES     5
#define NF_CLASSES_ALL ((1u << NF_CLASSES) - 1)

struct nf_table;

struct nf_table_spec {
	uint32_t capacity;
	uint32_t key_size, value_size;
	uint64_t timeout_ns[NF_CLASSES];
	/* Before an entry goes, for whatever reason; or NULL. */
	void (*gone)(void *arg, const void *key, void *value);
	void *arg;
};

struct nf_table *nf_table_new(const struct nf_table_spec *spec); /* NULL: no memory */
void nf_table_free(struct nf_table *t);
uint32_t nf_table_count(const struct nf_table *t);
void *nf_table_find(struct nf_table *t, const void *key);
/* The same, but an entry whose time is over goes, and is none. */
void *nf_table_find_live(struct nf_table *t, const void *key, uint64_t now);
/* False: its time is over, and it is gone now. */
bool nf_table_live(struct nf_table *t, void *value, uint64_t now);
/* A new entry, its value all 0; the key is not there yet. NULL: the table is full. */
void *nf_table_add(struct nf_table *t, const void *key, unsigned int class, uint64_t now);
/* It was used: moves it to a class and makes it the youngest there. */
void nf_table_touch(struct nf_table *t, void *value, unsigned int class, uint64_t now);
void nf_table_remove(struct nf_table *t, void *value);
const void *nf_table_key(const struct nf_table *t, const void *value);
/* Removes up to max entries whose time is over; returns how many. */
uint32_t nf_table_expire(struct nf_table *t, uint64_t now, uint32_t max);
/* The entry of these classes (a bit for each) that was not used for longest, or NULL. */
void *nf_table_oldest(struct nf_table *t, unsigned int classes);
void nf_table_each(
	struct nf_table *t, void (*fn)(void *arg, const void *key, void *value), void *arg);

#endif
