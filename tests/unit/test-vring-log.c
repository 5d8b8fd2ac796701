/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The dirty log, to the byte: a copy of the guest's memory takes over the bytes
 * that are noted at the moment they are noted, as a migration that is as fast
 * as can be would. If a write is not noted, or noted before it is made, the
 * copy differs in the end. What was not written must not be noted either, since
 * each page too many is sent again. Random traffic; the seed is fixed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <linux/virtio_config.h>
#include <cmocka.h>

#include "tests/unit/ring-guest.h"
#include "vhost/vring-log.h"

#define ROUNDS 160
#define CHAINS 40

static uint64_t seed;
static struct packet_burst burst;
static struct rg_chain chain[CHAINS];
static uint8_t frame[PACKET_BURST][9000];

/* The other side of the migration. */
static struct replica {
	const struct guest_mem *mem;
	uint8_t *bytes[GUEST_MEM_REGIONS];
	bool *noted[GUEST_MEM_REGIONS];
	uint64_t notes;
} replica;

static uint32_t
rnd(uint32_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % below;
}

static void
written(void *arg, uint64_t gpa, uint64_t len)
{
	struct replica *m = arg;

	assert_true(len != 0);
	m->notes++;
	for (uint32_t i = 0; i < m->mem->nregions; i++) {
		const struct guest_region *r = &m->mem->region[i];
		uint64_t off = gpa - r->gpa;

		if (off >= r->size)
			continue;
		assert_true(len <= r->size - off);
		memcpy(m->bytes[i] + off, r->hva + off, len);
		memset(m->noted[i] + off, true, len);
		return;
	}
	fail_msg("%#llx is not in the guest's memory", (unsigned long long)gpa);
}

static void
replica_make(const struct guest_mem *mem)
{
	replica = (struct replica){.mem = mem};
	for (uint32_t i = 0; i < mem->nregions; i++) {
		replica.bytes[i] = malloc(mem->region[i].size);
		replica.noted[i] = malloc(mem->region[i].size);
	}
}

static void
replica_free(void)
{
	for (uint32_t i = 0; i < replica.mem->nregions; i++) {
		free(replica.bytes[i]);
		free(replica.noted[i]);
	}
}

/* All memory is the same on both sides, and nothing is dirty. */
static void
replica_begin(void)
{
	replica.notes = 0;
	for (uint32_t i = 0; i < replica.mem->nregions; i++) {
		const struct guest_region *r = &replica.mem->region[i];

		memcpy(replica.bytes[i], r->hva, r->size);
		memset(replica.noted[i], 0, r->size);
	}
}

static void
replica_is_exact(void)
{
	for (uint32_t i = 0; i < replica.mem->nregions; i++) {
		const struct guest_region *r = &replica.mem->region[i];

		assert_memory_equal(replica.bytes[i], r->hva, r->size);
	}
}

static uint64_t
noted_in(uint64_t gpa)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < replica.mem->nregions; i++) {
		if (replica.mem->region[i].gpa != gpa)
			continue;
		for (uint64_t k = 0; k < replica.mem->region[i].size; k++)
			n += replica.noted[i][k];
	}
	return n;
}

static void
random_chain(struct ring_guest *g, struct rg_chain *c, bool write)
{
	uint32_t n = 1 + rnd(4), len[4];

	for (uint32_t i = 0; i < n; i++)
		len[i] = rnd(3) ? 20 + rnd(200) : rnd(4000);
	rg_chain(g, c, write, g->vq->indirect && rnd(3) == 0, len, n);
	if (rnd(15) == 0) /* one that makes no sense */
		c->head = (uint16_t)(g->size + rnd(9));
	rg_post(g, c->head);
}

/* Packets to the guest: exactly what the used entries speak of is noted. */
static void
put_round(struct ring_guest *g)
{
	struct packet p[PACKET_BURST], *pkts[PACKET_BURST];
	uint32_t posted = 1 + rnd(CHAINS), n = 1 + rnd(PACKET_BURST), id, len;
	uint16_t before = g->vq->used_idx, entries;
	uint64_t bytes = 0;

	rg_reset(g);
	for (uint32_t i = 0; i < posted; i++)
		random_chain(g, &chain[i], true);
	for (uint32_t i = 0; i < n; i++) {
		p[i] = (struct packet){.hdr = frame[i], .len = 14 + rnd(rnd(3) ? 200 : 8900)};
		p[i].hdr_len = (uint16_t)(p[i].len < 128 ? p[i].len : 128);
		p[i].rest_len = p[i].len - p[i].hdr_len;
		p[i].rest = p[i].rest_len != 0 ? frame[i] + p[i].hdr_len : NULL;
		rg_fill(frame[i], p[i].len, (uint32_t)seed);
		pkts[i] = &p[i];
	}
	replica_begin();
	vring_enqueue(g->vq, pkts, (uint16_t)n);
	replica_is_exact();
	while (rg_reap(g, &id, &len))
		bytes += len;
	assert_int_equal(noted_in(RG_DATA) + noted_in(RG_SEAM), bytes);
	entries = (uint16_t)(g->vq->used_idx - before);
	assert_int_equal(noted_in(RG_USED), entries != 0 ? 4 + 8u * entries : 0);
	assert_int_equal(noted_in(RG_DESC) + noted_in(RG_AVAIL) + noted_in(RG_TABLE), 0);
	/* The driver takes back what it has posted beyond that. */
	g->vq->last_avail = g->avail_idx;
}

static void
take_round(struct ring_guest *g)
{
	uint32_t id, len;

	rg_reset(g);
	for (uint32_t i = 1 + rnd(CHAINS); i > 0; i--)
		random_chain(g, &chain[0], false);
	do {
		uint16_t n;

		replica_begin();
		vring_dequeue(g->vq, &burst, PACKET_BURST);
		assert_int_equal(replica.notes, 0);
		n = g->vq->npending;
		vring_complete(g->vq);
		replica_is_exact();
		assert_int_equal(noted_in(RG_USED), n != 0 ? 4 + 8u * n : 0);
		assert_int_equal(noted_in(RG_DATA) + noted_in(RG_SEAM), 0);
		while (rg_reap(g, &id, &len))
			continue;
	} while (vring_has_work(g->vq));
}

static void
notify_round(struct ring_guest *g)
{
	replica_begin();
	vring_set_notify(g->vq, rnd(2));
	replica_is_exact();
	assert_int_equal(noted_in(RG_USED), 2);
}

static void
test_every_write_is_noted(void **state)
{
	struct vring_log log = {.written = written, .arg = &replica, .ring_gpa = RG_USED};

	(void)state;
	seed = 3;
	for (int lap = 0; lap < 8; lap++) {
		struct ring_guest g;
		uint64_t features = rg_event | (uint64_t)(lap & 1) << VIRTIO_NET_F_MRG_RXBUF |
				    (uint64_t)(lap >> 1 & 1) << VIRTIO_RING_F_INDIRECT_DESC |
				    (uint64_t)(lap >> 2) << VIRTIO_F_VERSION_1;

		rg_init(&g, 256, features, (uint16_t)rnd(65536), rg_ops);
		g.vq->log = &log;
		replica_make(&g.mem);
		for (int round = 0; round < ROUNDS / 8; round++) {
			put_round(&g);
			take_round(&g);
			notify_round(&g);
		}
		replica_free();
		rg_free(&g);
	}
}

/* A ring whose log goes back to the hot loops, and at once. */
static void
test_without_a_log(void **state)
{
	struct ring_guest g;
	uint64_t gpa;

	(void)state;
	rg_init(&g, 256, rg_event, 0, rg_ops);
	replica_make(&g.mem);
	replica_begin();
	rg_post_buffer(&g, &chain[0], 2000);
	vring_enqueue(g.vq,
		(struct packet *[]){&(struct packet){.hdr = frame[0], .len = 60, .hdr_len = 60}},
		1);
	vring_log_buffer(g.vq, g.data[0], 10);
	vring_log_ring(g.vq, 0, 10);
	assert_int_equal(replica.notes, 0);
	assert_true(guest_mem_gpa(&g.mem, g.data[1] + 5, &gpa));
	assert_int_equal(gpa, RG_SEAM + 5);
	assert_false(guest_mem_gpa(&g.mem, &g, &gpa));
	replica_free();
	rg_free(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_write_is_noted),
		cmocka_unit_test(test_without_a_log),
	};
	return rg_run_variants("log", tests, sizeof(tests) / sizeof(tests[0]));
}
