/* SPDX-License-Identifier: BSD-3-Clause */
/* The guest driver of the ring tests; see ring-guest.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/ring-guest.h"

const struct vring_ops *rg_ops;
uint64_t rg_event, rg_ring;

static void *
block(struct ring_guest *g, uint64_t gpa, size_t size)
{
	void *p = calloc(1, size);

	assert_non_null(p);
	assert_int_equal(guest_mem_add(&g->mem, gpa, size, p), 0);
	return p;
}

struct vring_config
rg_config(const struct ring_guest *g, uint16_t base)
{
	struct vring_config cfg = {
		.desc = g->desc,
		.avail = g->avail,
		.used = g->used,
		.mem = &g->mem,
		.size = g->size,
		.features = g->features,
		.base = base,
	};

	if (g->packed) {
		cfg.slot = g->slot;
		cfg.driver_event = g->driver_event;
		cfg.device_event = g->device_event;
		cfg.used_at = base;
	}
	return cfg;
}

static void
init_split(struct ring_guest *g, uint16_t base)
{
	g->desc = block(g, RG_DESC, g->size * sizeof(struct vring_desc));
	g->avail = block(g, RG_AVAIL, 6 + 2 * g->size);
	g->used = block(g, RG_USED, 6 + 8 * g->size);
	g->avail->idx = g->used->idx = base;
}

/* Slots before base were used this time round, those from there on the time before. */
static uint16_t
init_packed(struct ring_guest *g, uint16_t base)
{
	bool wrap = (base / g->size) % 2 == 0;
	uint16_t first = (uint16_t)(base % g->size);
	uint16_t flags[2] = {wrap ? 0x8080 : 0, wrap ? 0 : 0x8080};

	g->desc = calloc(g->size, sizeof(struct vring_desc));
	assert_non_null(g->desc);
	g->slot = block(g, RG_DESC, g->size * sizeof(struct vring_packed_desc));
	g->driver_event = block(g, RG_AVAIL, sizeof(*g->driver_event));
	g->device_event = block(g, RG_USED, sizeof(*g->device_event));
	for (uint32_t i = 0; i < g->size; i++)
		g->slot[i].flags = flags[i >= first];
	return (uint16_t)(first | (wrap ? VRING_PLACE_WRAP : 0));
}

void
rg_init(struct ring_guest *g, uint32_t size, uint64_t features, uint16_t base,
	const struct vring_ops *ops)
{
	struct vring_config cfg;

	features |= rg_ring;
	assert_int_not_equal(size, 0);
	*g = (struct ring_guest){.size = size, .features = features};
	g->packed = features & RG_PACKED;
	g->in_order = features & RG_ORDER;
	if (g->packed)
		base = init_packed(g, base);
	else
		init_split(g, base);
	g->posted = calloc(VRING_SIZE_MAX, sizeof(*g->posted));
	assert_non_null(g->posted);
	g->table = block(g, RG_TABLE, RG_TABLE_SIZE);
	g->data[0] = block(g, RG_DATA, RG_HALF);
	g->data[1] = block(g, RG_SEAM, RG_HALF);
	g->avail_idx = g->used_seen = base;
	g->vq = aligned_alloc(64, sizeof(*g->vq));
	assert_non_null(g->vq);
	memset(g->vq, 0, sizeof(*g->vq));
	cfg = rg_config(g, base);
	assert_int_equal(vring_setup(g->vq, &cfg), 0);
	g->vq->ops = ops;
}

void
rg_free(struct ring_guest *g)
{
	free(g->desc);
	free(g->avail);
	free(g->used);
	free(g->slot);
	free(g->driver_event);
	free(g->device_event);
	free(g->posted);
	free(g->table);
	free(g->data[0]);
	free(g->data[1]);
	free(g->vq);
}

void
rg_reset(struct ring_guest *g)
{
	g->next_desc = 0;
	g->next_data = 0;
	g->next_table = 0;
}

uint64_t
rg_alloc(struct ring_guest *g, uint32_t len)
{
	uint32_t at = g->next_data;

	if (at < RG_HALF && len > RG_HALF - at)
		at = RG_HALF;
	assert_true(len <= 2 * RG_HALF - at);
	g->next_data = at + len;
	return RG_DATA + at;
}

uint8_t *
rg_ptr(struct ring_guest *g, uint64_t addr)
{
	assert_in_range(addr, RG_DATA, RG_DATA + 2 * RG_HALF - 1);
	return addr < RG_SEAM ? g->data[0] + (addr - RG_DATA) : g->data[1] + (addr - RG_SEAM);
}

void
rg_write(struct ring_guest *g, uint64_t addr, const void *src, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		*rg_ptr(g, addr + i) = ((const uint8_t *)src)[i];
}

void
rg_read(struct ring_guest *g, uint64_t addr, void *dst, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		((uint8_t *)dst)[i] = *rg_ptr(g, addr + i);
}

void
rg_desc(struct ring_guest *g, uint32_t i, uint64_t addr, uint32_t len, uint16_t flags,
	uint16_t next)
{
	assert_true(i < g->size);
	g->desc[i] = (struct vring_desc){.addr = addr, .len = len, .flags = flags, .next = next};
}

void
rg_chain_store(struct ring_guest *g, struct rg_chain *c)
{
	uint16_t flags = c->write ? VRING_DESC_F_WRITE : 0;

	for (uint32_t i = 0; i < c->n; i++) {
		bool last = i + 1 == c->n;
		struct vring_desc d = {
			.addr = c->addr[i],
			.len = c->len[i],
			.flags = last ? flags : flags | VRING_DESC_F_NEXT,
		};

		if (c->indirect) {
			uint64_t table = g->desc[c->head].addr - RG_TABLE;
			/* What a device has to ignore there is not 0. */
			struct vring_packed_desc e = {.addr = d.addr,
				.len = d.len,
				.id = 0xdead,
				.flags = flags | 0x8080};

			if (g->packed) {
				memcpy(g->table + table + i * sizeof(e), &e, sizeof(e));
				continue;
			}
			d.next = last ? 0xffff : (uint16_t)(i + 1);
			memcpy(g->table + table + i * sizeof(d), &d, sizeof(d));
		} else {
			d.next = last ? 0xffff : (uint16_t)(c->head + i + 1);
			g->desc[c->head + i] = d;
		}
	}
}

void
rg_chain(struct ring_guest *g, struct rg_chain *c, bool write, bool indirect, const uint32_t *len,
	uint32_t n)
{
	assert_true(n <= RG_PIECES_MAX);
	c->head = (uint16_t)g->next_desc;
	c->write = write;
	c->indirect = indirect;
	c->n = n;
	for (uint32_t i = 0; i < n; i++) {
		c->len[i] = len[i];
		c->addr[i] = len[i] != 0 ? rg_alloc(g, len[i]) : 0;
	}
	g->next_desc += indirect ? 1 : n;
	assert_true(g->next_desc <= g->size);
	if (indirect) {
		rg_desc(g, c->head, RG_TABLE + g->next_table, n * 16, VRING_DESC_F_INDIRECT, 0);
		g->next_table += n * 16;
		assert_true(g->next_table <= RG_TABLE_SIZE);
	}
	rg_chain_store(g, c);
}

void
rg_chain_write(struct ring_guest *g, const struct rg_chain *c, const void *src, uint32_t len)
{
	const uint8_t *from = src;

	for (uint32_t i = 0; i < c->n && len != 0; i++) {
		uint32_t k = c->len[i] < len ? c->len[i] : len;

		rg_write(g, c->addr[i], from, k);
		from += k;
		len -= k;
	}
	assert_int_equal(len, 0);
}

void
rg_chain_read(struct ring_guest *g, const struct rg_chain *c, void *dst, uint32_t len)
{
	uint8_t *to = dst;

	for (uint32_t i = 0; i < c->n && len != 0; i++) {
		uint32_t k = c->len[i] < len ? c->len[i] : len;

		rg_read(g, c->addr[i], to, k);
		to += k;
		len -= k;
	}
	assert_int_equal(len, 0);
}

uint16_t
rg_send(struct ring_guest *g, const void *frame, uint32_t len)
{
	uint32_t total = g->vq->hdr_size + len;
	struct rg_chain *c = malloc(sizeof(*c));
	uint16_t head;

	rg_chain(g, c, false, false, &total, 1);
	for (uint32_t i = 0; i < g->vq->hdr_size; i++)
		*rg_ptr(g, c->addr[0] + i) = 0;
	rg_write(g, c->addr[0] + g->vq->hdr_size, frame, len);
	head = c->head;
	free(c);
	rg_post(g, head);
	return head;
}

void
rg_post_buffer(struct ring_guest *g, struct rg_chain *c, uint32_t len)
{
	rg_chain(g, c, true, false, &len, 1);
	rg_post(g, c->head);
}

void
rg_fill(uint8_t *dst, uint32_t len, uint32_t seed)
{
	uint32_t x = seed * 2654435761u + 1;

	for (uint32_t i = 0; i < len; i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		dst[i] = (uint8_t)x;
	}
}

void
rg_flatten(const struct packet *p, uint8_t *dst)
{
	uint32_t at = 0;

	memcpy(dst, p->hdr, p->hdr_len);
	at += p->hdr_len;
	if (p->rest_len != 0)
		memcpy(dst + at, p->rest, p->rest_len);
	at += p->rest_len;
	for (uint32_t i = 0; i < p->nmore; i++) {
		memcpy(dst + at, p->more[i].data, p->more[i].len);
		at += p->more[i].len;
	}
	assert_int_equal(at, p->len);
}

int
rg_run_variants(const char *name, const struct CMUnitTest *tests, size_t n)
{
	static const char *const variants[] = {"sse", "avx2", "avx512"};
	int failed = 0;

	for (size_t i = 0; i < 2 * sizeof(variants) / sizeof(variants[0]); i++) {
		char group[64];

		rg_ops = vring_ops_select(variants[i / 2]);
		rg_event = i % 2 != 0 ? 1ull << VIRTIO_RING_F_EVENT_IDX : 0;
		snprintf(group, sizeof(group), "%s%s%s %s%s", name,
			rg_ring & RG_PACKED ? " packed" : "", rg_ring & RG_ORDER ? " in-order" : "",
			variants[i / 2], rg_event != 0 ? " event_idx" : "");
		if (rg_ops == NULL) {
			printf("%s: skipped, this machine or build does not have it\n", group);
			continue;
		}
		failed += _cmocka_run_group_tests(group, tests, n, NULL, NULL);
	}
	return failed;
}

int
rg_run_rings(const char *name, const struct CMUnitTest *tests, size_t n)
{
	static const uint64_t rings[] = {0, RG_PACKED, RG_ORDER, RG_PACKED | RG_ORDER};
	int failed = 0;

	for (size_t i = 0; i < sizeof(rings) / sizeof(rings[0]); i++) {
		rg_ring = rings[i];
		failed += rg_run_variants(name, tests, n);
	}
	rg_ring = 0;
	return failed;
}
