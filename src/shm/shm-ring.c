/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A port's rings: where they lie, how they begin, how they go on after a crash, and
 * how they end. shm-private.h has the theory and says who calls what; at the end of
 * the file stands what workers do seldom.
 */
#include "src/shm/shm-plain.h"
#include "src/shm/shm-ring.h"

#include <errno.h>
#include <stdlib.h>

#include "src/shm/shm-loan.h"

#define FILL_BATCH 32

size_t
shm_port_book_bytes(void)
{
	return sizeof(struct shm_port_book);
}

/* --- begin and end -------------------------------------------------------------- */

bool
shm_port_rings_fit(const struct shm_port *p)
{
	const struct shm_port_book *b = p->book;
	const struct shm_port_config *c = &p->cfg;

	return b->magic == SHM_BOOK_MAGIC && b->pool_id == p->pool->book->id &&
	       b->pairs == c->queues && b->owner == p->owner && b->rx_entries == c->rx_entries &&
	       b->tx_entries == c->tx_entries && b->fill_entries == c->fill_entries;
}

static void
book_init(struct shm_port *p)
{
	struct shm_port_book *b = p->book;

	b->pool_id = p->pool->book->id;
	b->pairs = p->cfg.queues;
	b->owner = p->owner;
	b->rx_entries = p->cfg.rx_entries;
	b->tx_entries = p->cfg.tx_entries;
	b->fill_entries = p->cfg.fill_entries;
	shm_in_order();
	b->magic = SHM_BOOK_MAGIC;
}

/* Its rings' entries, but at most half of the pool: others need some, too. */
static uint32_t
quota_of(const struct shm_port *p)
{
	const struct shm_port_config *c = &p->cfg;
	uint64_t rings = (uint64_t)c->queues * (c->rx_entries + c->tx_entries + c->fill_entries);
	uint64_t most = p->pool->buffers / 2;

	if (c->quota != 0)
		return c->quota;
	return (uint32_t)(rings < most ? rings : most);
}

int
shm_port_rings_init(struct shm_port *p)
{
	/* Not the page's own numbers: the guest can write there. */
	const struct netvm_device d = {
		.queue_pairs = p->cfg.queues,
		.rx_entries = p->cfg.rx_entries,
		.tx_entries = p->cfg.tx_entries,
		.fill_entries = p->cfg.fill_entries,
	};
	const uint32_t entries[SHM_RING_KINDS] = {d.rx_entries, d.tx_entries, d.fill_entries};
	size_t bytes = p->cfg.queues * sizeof(struct shm_pair);

	if (p->book->magic != SHM_BOOK_MAGIC)
		book_init(p);
	p->pair = aligned_alloc(64, bytes);
	if (p->pair == NULL)
		return -ENOMEM;
	memset(p->pair, 0, bytes);
	p->number = p->cfg.number;
	p->quota = quota_of(p);
	p->vectors = p->cfg.vectors;
	p->plain = shm_plain_of(wide_machine());
	for (unsigned int q = 0; q < p->cfg.queues; q++) {
		p->pair[q].hold = shm_hold_new(p->pool, p->number);
		if (p->pair[q].hold == NULL) {
			shm_port_rings_free(p);
			return -ENOMEM;
		}
		for (unsigned int k = 0; k < SHM_RING_KINDS; k++) {
			struct shm_ring *r = &p->pair[q].ring[k];

			r->shared = (void *)(p->memory.at +
					     netvm_ring_offset(&d, q, (enum netvm_ring_kind)k));
			r->desc = (void *)(r->shared + 1);
			r->journal = &p->book->journal[q][k];
			r->size = entries[k];
			r->mask = entries[k] - 1;
			r->seen = shm_ring_at(r);
		}
	}
	return 0;
}

void
shm_port_rings_free(struct shm_port *p)
{
	if (p->pair == NULL)
		return;
	for (unsigned int q = 0; q < p->cfg.queues; q++)
		shm_hold_abandon(p->pair[q].hold);
	free(p->pair);
	p->pair = NULL;
}

void
shm_port_rings_reset(struct shm_port *p)
{
	for (unsigned int q = 0; q < p->cfg.queues; q++) {
		__atomic_store_n(&p->pair[q].violations, 0, __ATOMIC_RELAXED);
		for (unsigned int k = 0; k < SHM_RING_KINDS; k++) {
			struct shm_ring *r = &p->pair[q].ring[k];

			shm_mark_set(r, 0, 0, 0);
			r->seen = 0;
			__atomic_store_n(&r->moved, 0, __ATOMIC_RELAXED);
			/* Relaxed: the guest learns of it by host_answer. */
			__atomic_store_n(&r->shared->produced, 0, __ATOMIC_RELAXED);
			__atomic_store_n(&r->shared->consumed, 0, __ATOMIC_RELAXED);
			__atomic_store_n(&r->shared->wait, 0, __ATOMIC_RELAXED);
		}
	}
	atomic_store_explicit(&p->fault, SHM_OK, memory_order_relaxed);
}

/* --- after a crash ---------------------------------------------------------------- */

/* What is listed and still the guest's is free. */
static void
free_listed(struct shm_port *p, struct shm_ring *r, unsigned int listed)
{
	for (unsigned int i = 0; i < listed && i < SHM_JOURNAL; i++) {
		uint32_t buffer = r->journal->list[i];

		if (buffer < p->pool->buffers && shm_owner(p->pool, buffer) == p->owner) {
			shm_set_owner(p->pool->owner, buffer, SHM_HOST);
			shm_pool_free(p->pool, &buffer, 1);
		}
	}
}

static void
resume_take(struct shm_port *p, struct shm_ring *r)
{
	union shm_mark m = r->journal->mark;

	free_listed(p, r, m.listed);
	shm_mark_set(r, m.at + m.entries, 0, 0);
	__atomic_store_n(&r->shared->consumed, m.at + m.entries, __ATOMIC_RELEASE);
}

static void
resume_give(struct shm_port *p, struct shm_ring *r)
{
	union shm_mark m = r->journal->mark;
	uint32_t produced = __atomic_load_n(&r->shared->produced, __ATOMIC_RELAXED);

	if (produced == m.at + m.entries) {
		m.at += m.entries;
	} else {
		free_listed(p, r, m.listed);
	}
	shm_mark_set(r, m.at, 0, 0);
	__atomic_store_n(&r->shared->produced, m.at, __ATOMIC_RELEASE);
}

void
shm_port_rings_resume(struct shm_port *p)
{
	for (unsigned int q = 0; q < p->cfg.queues; q++) {
		struct shm_ring *r = p->pair[q].ring;

		resume_take(p, &r[NETVM_TX]);
		resume_give(p, &r[NETVM_RX]);
		resume_give(p, &r[NETVM_FILL]);
		for (unsigned int k = 0; k < SHM_RING_KINDS; k++)
			r[k].seen = shm_ring_at(&r[k]);
		/* Their indices are read when they are needed: give sees a full ring. */
		r[NETVM_RX].seen -= r[NETVM_RX].size;
		r[NETVM_FILL].seen -= r[NETVM_FILL].size;
	}
	p->pair[0].ring[NETVM_RX].moved = shm_pool_owned(p->pool, p->owner);
}

uint32_t
shm_port_reclaim(struct shm_port *p)
{
	uint32_t n = shm_pool_reclaim(p->pool, p->owner);

	for (unsigned int q = 0; q < p->cfg.queues; q++) {
		for (unsigned int k = 0; k < SHM_RING_KINDS; k++)
			__atomic_store_n(&p->pair[q].ring[k].moved, 0, __ATOMIC_RELAXED);
	}
	return n;
}

/* --- publishing --------------------------------------------------------------------- */

void
shm_port_publish_to(struct shm_port *p, uint16_t pairs, uint32_t guest_features)
{
	p->pairs = pairs == 0 || pairs > p->cfg.queues ? p->cfg.queues : pairs;
	p->guest_features = guest_features;
	/* Release, pairs with shm_live(). */
	atomic_store_explicit(&p->live, true, memory_order_release);
}

void
shm_port_publish_from(struct shm_port *p)
{
	/* Release, pairs with shm_heard(): who hears this port reaches all others. */
	atomic_store_explicit(&p->heard, true, memory_order_release);
}

void
shm_port_publish(struct shm_port *p, uint16_t pairs, uint32_t guest_features)
{
	shm_port_publish_to(p, pairs, guest_features);
	shm_port_publish_from(p);
}

void
shm_port_unpublish(struct shm_port *p)
{
	atomic_store_explicit(&p->live, false, memory_order_relaxed);
	atomic_store_explicit(&p->heard, false, memory_order_relaxed);
	shm_env->synchronize();
}

/* --- counts --------------------------------------------------------------------------- */

uint32_t
shm_port_owned(struct shm_port *p)
{
	return shm_pool_owned(p->pool, p->owner);
}

uint64_t
shm_port_violations(struct shm_port *p)
{
	uint64_t n = 0;

	for (unsigned int q = 0; q < p->cfg.queues; q++)
		n += __atomic_load_n(&p->pair[q].violations, __ATOMIC_RELAXED);
	return n;
}

uint64_t
shm_port_hops(struct shm_port *p)
{
	uint64_t n = 0;

	for (unsigned int q = 0; q < p->cfg.queues; q++)
		n += __atomic_load_n(&p->pair[q].hops, __ATOMIC_RELAXED);
	return n;
}

void
shm_port_counters(struct shm_port *p, uint16_t qp, struct queue_counters *c)
{
	const struct shm_pair *pair = &p->pair[qp];

	c->rx_packets = __atomic_load_n(&pair->rx_packets, __ATOMIC_RELAXED);
	c->rx_bytes = __atomic_load_n(&pair->rx_bytes, __ATOMIC_RELAXED);
	c->tx_packets = __atomic_load_n(&pair->tx_packets, __ATOMIC_RELAXED);
	c->tx_bytes = __atomic_load_n(&pair->tx_bytes, __ATOMIC_RELAXED);
}

void
shm_port_drops(struct shm_port *p, uint64_t drop[DROP_REASONS])
{
	memset(drop, 0, DROP_REASONS * sizeof(drop[0]));
	for (unsigned int q = 0; q < p->cfg.queues; q++)
		for (unsigned int k = 0; k < DROP_REASONS; k++)
			drop[k] += __atomic_load_n(&p->pair[q].rx_drop[k], __ATOMIC_RELAXED) +
				   __atomic_load_n(&p->pair[q].tx_drop[k], __ATOMIC_RELAXED);
}

/* --- workers, seldom ------------------------------------------------------------------- */

const char *
shm_fault_text(enum shm_fault fault)
{
	switch (fault) {
	case SHM_OK:
		return "";
	case SHM_FAULT_INDEX:
		return "the guest wrote an index that is further away than its ring is long";
	case SHM_FAULT_VIOLATIONS:
		return "the guest sent too many descriptors of buffers that it does not own, or "
		       "that leave their buffer";
	}
	return "unknown fault";
}

void
shm_port_fault(struct shm_port *p, enum shm_fault fault)
{
	uint8_t none = SHM_OK;

	/* Relaxed: shm_server_fault() orders. The first reason counts, and is told. */
	if (!atomic_compare_exchange_strong_explicit(
		    &p->fault, &none, (uint8_t)fault, memory_order_relaxed, memory_order_relaxed))
		return;
	atomic_store_explicit(&p->live, false, memory_order_relaxed);
	shm_server_fault(p);
}

void
shm_violated(struct shm_port *p, struct shm_pair *pair, enum packet_drop why, uint32_t n)
{
	shm_count(&pair->rx_drop[why], n);
	shm_count(&pair->violations, n);
	if (shm_port_violations(p) >= SHM_VIOLATIONS)
		shm_port_fault(p, SHM_FAULT_VIOLATIONS);
}

void
shm_fill(struct shm_port *p, uint16_t qp, uint32_t least)
{
	struct shm_ring *r = &p->pair[qp].ring[NETVM_FILL];
	uint32_t left = UINT32_MAX;
	bool bad, news = false;

	for (;;) {
		struct shm_give g = shm_give_begin(r, least, &bad);
		uint32_t buffer[FILL_BATCH], n = g.room;

		if (unlikely(bad)) {
			shm_port_fault(p, SHM_FAULT_INDEX);
			return;
		}
		if (n < least)
			break;
		if (left == UINT32_MAX) {
			/* A quarter stays for packets to the guest. */
			left = shm_quota_left(p);
			left = left > p->quota / 4 ? left - p->quota / 4 : 0;
		}
		n = n < FILL_BATCH ? n : FILL_BATCH;
		n = n < left ? n : left;
		if (n == 0 || !shm_pool_alloc(p->pool, buffer, n))
			break;
		for (unsigned int i = 0; i < n; i++)
			shm_give_fill(&g, buffer[i]);
		shm_give_end(&g, p);
		left -= n;
		news = true;
	}
	if (news)
		shm_due(p, qp, r);
}
