/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random chains against a slow and simple reference, for each variant of the
 * hot loops. The seed is fixed: a failure comes back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <linux/virtio_config.h>
#include <cmocka.h>

#include "tests/unit/ring-reference.h"

#define ROUNDS 1500
#define CHAINS 48 /* posted per round: more than a burst */

static uint64_t seed;
static struct packet_burst burst;
static struct rg_chain chain[CHAINS];
static uint8_t frame[PACKET_BURST][1 << 15], want[REF_MAX], got[REF_MAX];

static uint32_t
rnd(uint32_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % below;
}

static uint64_t
random_features(void)
{
	return rg_event | (uint64_t)rnd(2) << VIRTIO_F_VERSION_1 |
	       (uint64_t)rnd(2) << VIRTIO_NET_F_MRG_RXBUF |
	       (uint64_t)rnd(2) << VIRTIO_RING_F_INDIRECT_DESC;
}

static uint32_t
random_len(uint32_t hdr)
{
	switch (rnd(7)) {
	case 0:
		return rnd(2) ? rnd(4) : hdr;
	case 2:
		return hdr + 14 + rnd(200);
	case 3:
		return rnd(3000);
	default:
		return rnd(160);
	}
}

static void
random_chain(struct ring_guest *g, struct rg_chain *c, bool write)
{
	uint32_t n = rnd(3) == 0 ? 1 + rnd(7) : 1 + rnd(2), len[8];

	for (uint32_t i = 0; i < n; i++)
		len[i] = random_len(g->vq->hdr_size);
	rg_chain(g, c, write, g->vq->indirect && rnd(3) == 0, len, n);
}

/* The first of c's descriptors, wherever it is. */
static struct vring_desc *
first_of(struct ring_guest *g, const struct rg_chain *c)
{
	if (!c->indirect)
		return &g->desc[c->head];
	return (struct vring_desc *)(void *)(g->table + (g->desc[c->head].addr - RG_TABLE));
}

/* The same where a descriptor has no link that could be wrong. */
static void
corrupt_packed(struct ring_guest *g, struct rg_chain *c, uint64_t addr)
{
	uint32_t i = rnd(c->n);
	struct vring_packed_desc *e = (struct vring_packed_desc *)(void *)first_of(g, c) + i;
	struct vring_desc *d = &g->desc[c->indirect ? c->head : c->head + i];
	uint16_t mean = VRING_DESC_F_NEXT | VRING_DESC_F_INDIRECT;

	switch (rnd(5)) {
	case 0:
		if (c->indirect)
			e->addr = addr;
		else
			d->addr = addr;
		break;
	case 1:
		if (c->indirect)
			e->len = rnd(4) ? e->len + rnd(20) : UINT32_MAX - rnd(100);
		else
			d->len = rnd(4) ? d->len + rnd(20) : UINT32_MAX - rnd(100);
		break;
	case 2:
		/* A link in a table means nothing. */
		if (c->indirect)
			e->flags ^= rnd(2) ? VRING_DESC_F_WRITE : mean;
		else
			d->flags ^= rnd(2) ? VRING_DESC_F_WRITE : VRING_DESC_F_INDIRECT;
		break;
	case 3:
		g->desc[c->head].len = rnd(2) ? 16 * rnd(8) : rnd(100);
		break;
	default:
		g->desc[c->head].flags ^= (uint16_t)(VRING_DESC_F_WRITE << rnd(2));
	}
}

/* Breaks something, or not: the reference has to find out. */
static void
corrupt(struct ring_guest *g, struct rg_chain *c)
{
	struct vring_desc *d = first_of(g, c) + rnd(c->n);
	const uint64_t addr[] = {0, RG_DATA + rnd(RG_HALF), RG_SEAM - rnd(64),
		RG_DATA + 2 * RG_HALF - rnd(64), RG_TABLE + rnd(999), UINT64_MAX - rnd(64)};

	if (g->packed) {
		corrupt_packed(g, c, addr[rnd(6)]);
		return;
	}
	switch (rnd(7)) {
	case 0:
		d->addr = addr[rnd(6)];
		break;
	case 1:
		d->len = rnd(4) ? d->len + rnd(20) : UINT32_MAX - rnd(100);
		break;
	case 2:
		d->flags ^= (uint16_t)(1u << rnd(4));
		break;
	case 3:
		d->next = rnd(2) ? (uint16_t)rnd(65536) : (uint16_t)rnd(8);
		break;
	case 4:
		g->desc[c->head].len = rnd(2) ? 16 * rnd(8) : rnd(100);
		break;
	case 5:
		g->desc[c->head].flags ^= (uint16_t)(1u << rnd(3));
		break;
	default:
		/* In order, a head that stands there twice cannot be told from its twin. */
		if (g->in_order)
			break;
		c->head = rnd(2) ? (uint16_t)rnd(65536) : (uint16_t)rnd(g->size);
	}
}

static void
take_round(struct ring_guest *g)
{
	uint64_t drop[DROP_REASONS];
	uint32_t n = 1 + rnd(CHAINS), at = 0;

	rg_reset(g);
	memcpy(drop, g->vq->drop, sizeof(drop));
	for (uint32_t i = 0; i < n; i++) {
		random_chain(g, &chain[i], false);
		for (uint32_t k = 0; k < g->vq->hdr_size && chain[i].len[0] > k; k++)
			*rg_ptr(g, chain[i].addr[0] + k) = rnd(40) == 0;
		if (rnd(6) == 0)
			corrupt(g, &chain[i]);
		rg_post(g, chain[i].head);
	}
	while (at < n) {
		uint16_t max = (uint16_t)(1 + rnd(40)), expect = 0;
		uint32_t batch = n - at < max ? n - at : max;

		batch = batch < PACKET_BURST ? batch : PACKET_BURST;
		vring_dequeue(g->vq, &burst, max);
		/* A chain that does not fit beside the others comes in the next burst. */
		assert_true(g->vq->npending == batch ||
			    (g->vq->npending > 0 && g->vq->npending < batch && burst.nseg > 0));
		batch = g->vq->npending;
		for (uint32_t i = 0; i < batch; i++) {
			uint32_t len;
			enum packet_drop why = ref_take(g, chain[at + i].head, want, &len);

			if (why != DROP_REASONS) {
				drop[why]++;
				continue;
			}
			assert_true(expect < burst.count);
			assert_int_equal(burst.pkt[expect].len, len);
			rg_flatten(&burst.pkt[expect++], got);
			assert_memory_equal(got, want + g->vq->hdr_size, len);
		}
		assert_int_equal(burst.count, expect);
		assert_memory_equal(drop, g->vq->drop, sizeof(drop));
		vring_complete(g->vq);
		for (uint32_t i = 0; i < batch; i++)
			rg_expect(g, chain[at + i].head, 0);
		rg_expect_none(g);
		at += batch;
	}
}

static void
take_agrees_with_the_reference(void **state)
{
	struct ring_guest g;

	seed = 1;
	for (int round = 0; round < ROUNDS; round++) {
		if (round % 100 == 0) {
			rg_init(&g, 512, random_features(), (uint16_t)rnd(65536), rg_ops);
			rg_fill(g.data[0], RG_HALF, (uint32_t)round);
			rg_fill(g.data[1], RG_HALF, (uint32_t)round + 1);
			g.vq->max_frame = 200 + rnd(3000);
		}
		take_round(&g);
		if (round % 100 == 99)
			rg_free(&g);
	}
}

/* --- to the guest --------------------------------------------------------- */

struct model {
	uint32_t posted, pos; /* chains */
	uint32_t bad;         /* met in this call */
	uint64_t cap[CHAINS]; /* 0: makes no sense */
};

/* What must have happened to one packet; false: it was not taken. */
static bool
ref_put(struct ring_guest *g, struct model *m, const struct packet *p)
{
	uint32_t hdr = g->vq->hdr_size, need = hdr + p->len, n = 0, have = 0;
	uint32_t least = g->vq->mergeable ? hdr : hdr + PACKET_LEN_MIN;

	while (have < need) {
		uint64_t cap;

		if (m->pos + n == m->posted)
			return false;
		cap = m->cap[m->pos + n++];
		if (cap < least) {
			while (n-- != 0)
				rg_expect(g, chain[m->pos++].head, 0);
			if (++m->bad == PACKET_BURST)
				return false;
			n = have = 0;
			continue;
		}
		if (!g->vq->mergeable && cap < need)
			return true;
		have += cap < need - have ? (uint32_t)cap : need - have;
	}
	have = 0;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t k = need - have;

		k = m->cap[m->pos] < k ? (uint32_t)m->cap[m->pos] : k;
		rg_expect(g, chain[m->pos].head, k);
		rg_chain_read(g, &chain[m->pos++], got + have, k);
		have += k;
	}
	if (hdr == 12)
		assert_int_equal(got[10] | got[11] << 8, n);
	rg_flatten(p, want);
	assert_memory_equal(got + hdr, want, p->len);
	return true;
}

static void
post_random_buffers(struct ring_guest *g, struct model *m)
{
	rg_reset(g);
	*m = (struct model){.posted = rnd(CHAINS)};
	for (uint32_t i = 0; i < m->posted; i++) {
		struct vring_desc *d;

		random_chain(g, &chain[i], true);
		for (uint32_t k = 0; k < chain[i].n; k++)
			m->cap[i] += chain[i].len[k];
		d = first_of(g, &chain[i]);
		if (rnd(20) == 0) {
			m->cap[i] = 0;
			d->addr = 1;
			d->len = 9;
		}
		rg_post(g, chain[i].head);
	}
}

static void
put_round(struct ring_guest *g)
{
	static struct packet_seg seg[PACKET_BURST][3];
	struct packet p[PACKET_BURST], *pkts[PACKET_BURST];
	uint32_t n = 1 + rnd(PACKET_BURST), taken, i;
	struct model m;

	post_random_buffers(g, &m);
	for (i = 0; i < n; i++) {
		uint32_t len = 14 + (rnd(3) ? rnd(150) : rnd(5000)), at = 0, left;

		pkts[i] = &p[i];
		p[i] = (struct packet){.hdr = frame[i], .len = len};
		p[i].hdr_len = (uint16_t)(len < 128 ? len : 128);
		left = len - p[i].hdr_len;
		p[i].rest_len = rnd(2) ? left : (left + 1) / 2;
		p[i].rest = left != 0 ? frame[i] + p[i].hdr_len : NULL;
		at = p[i].hdr_len + p[i].rest_len;
		while (at < len) {
			uint32_t k = p[i].nmore == 2 ? len - at : 1 + rnd(len - at);

			seg[i][p[i].nmore++] = (struct packet_seg){frame[i] + at, k};
			at += k;
		}
		p[i].more = p[i].nmore != 0 ? seg[i] : NULL;
	}
	taken = vring_enqueue(g->vq, pkts, (uint16_t)n);
	i = 0;
	while (i < n && ref_put(g, &m, pkts[i]))
		i++;
	assert_int_equal(taken, i);
	rg_expect_none(g);
	/* One more buffer, and the smallest frames use up all that is left. */
	m.cap[m.posted] = 64;
	rg_post_buffer(g, &chain[m.posted++], 64);
	p[0] = (struct packet){.hdr = frame[0], .len = 14, .hdr_len = 14};
	while (m.pos < m.posted) {
		m.bad = 0;
		taken = vring_enqueue(g->vq, pkts, 1);
		assert_int_equal(taken, ref_put(g, &m, pkts[0]));
	}
}

static void
put_agrees_with_the_reference(void **state)
{
	struct ring_guest g;

	seed = 2;
	rg_fill(frame[0], sizeof(frame), 1);
	for (int round = 0; round < ROUNDS; round++) {
		if (round % 100 == 0)
			rg_init(&g, 512, random_features(), (uint16_t)rnd(65536), rg_ops);
		put_round(&g);
		if (round % 100 == 99)
			rg_free(&g);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(take_agrees_with_the_reference),
		cmocka_unit_test(put_agrees_with_the_reference),
	};
	return rg_run_rings("random", tests, sizeof(tests) / sizeof(tests[0]));
}
