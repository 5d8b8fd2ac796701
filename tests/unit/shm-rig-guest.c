/* SPDX-License-Identifier: BSD-3-Clause */
/* The guests of shm-rig.h, and the sum of all buffers. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/shm-rig.h"

void
rig_give_up(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fprintf(stderr, "shm-rig: ");
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	va_end(args);
	abort();
}

/* --- guests ------------------------------------------------------------------------------ */

static uint32_t
size_of(const struct guest *g, unsigned int kind)
{
	return g->port->pair[0].ring[kind].size;
}

static void *
entry(const struct guest *g, unsigned int pair, unsigned int kind, uint32_t i)
{
	uint8_t *first = (uint8_t *)(g->pair[pair].ring[kind] + 1);

	return first + (i % size_of(g, kind)) *
			       (kind == NETVM_FILL ? sizeof(uint32_t) : sizeof(struct netvm_desc));
}

unsigned int
guest_rx(struct guest *g, unsigned int pair, struct netvm_desc *d, unsigned int max)
{
	struct netvm_ring *r = g->pair[pair].ring[NETVM_RX];
	uint32_t *at = &g->pair[pair].at[NETVM_RX];
	uint32_t produced = __atomic_load_n(&r->produced, __ATOMIC_ACQUIRE);
	unsigned int n = 0;

	for (; n < max && *at != produced; n++)
		d[n] = shm_read_desc(entry(g, pair, NETVM_RX, (*at)++));
	__atomic_store_n(&r->consumed, *at, __ATOMIC_RELEASE);
	return n;
}

unsigned int
guest_fill(struct guest *g, unsigned int pair, uint32_t *buffer, unsigned int max)
{
	struct netvm_ring *r = g->pair[pair].ring[NETVM_FILL];
	uint32_t *at = &g->pair[pair].at[NETVM_FILL];
	uint32_t produced = __atomic_load_n(&r->produced, __ATOMIC_ACQUIRE);
	unsigned int n = 0;

	for (; n < max && *at != produced; n++)
		buffer[n] = __atomic_load_n(
			(uint32_t *)entry(g, pair, NETVM_FILL, (*at)++), __ATOMIC_RELAXED);
	__atomic_store_n(&r->consumed, *at, __ATOMIC_RELEASE);
	return n;
}

bool
guest_tx(struct guest *g, unsigned int pair, const struct netvm_desc *d, unsigned int n)
{
	struct netvm_ring *r = g->pair[pair].ring[NETVM_TX];
	uint32_t *at = &g->pair[pair].at[NETVM_TX];
	uint32_t used = *at - __atomic_load_n(&r->consumed, __ATOMIC_ACQUIRE);

	if (size_of(g, NETVM_TX) - used < n)
		return false;
	for (unsigned int i = 0; i < n; i++)
		shm_write_desc(entry(g, pair, NETVM_TX, (*at)++), &d[i]);
	__atomic_store_n(&r->produced, *at, __ATOMIC_RELEASE);
	return true;
}

struct netvm_desc
guest_packet(const struct guest *g, uint32_t buffer, uint16_t len)
{
	uint8_t *data = shm_buffer(g->port->pool, buffer) + SHM_HEADROOM;

	memset(data, (int)buffer, len);
	memcpy(data, (uint8_t[14]){2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8}, 14);
	return (struct netvm_desc){.buffer = buffer, .offset = SHM_HEADROOM, .length = len};
}

/* --- the sum of it all --------------------------------------------------------------------- */

/* Who has what: 0 nobody said, else 1 + guest, or FREE. */
#define FREE 255

static void
claim(uint8_t *who, const struct rig *rig, uint32_t buffer, uint8_t by)
{
	want(buffer < rig->pool->buffers);
	if (who[buffer] != 0)
		rig_give_up("buffer %u: %u and %u have it", buffer, who[buffer], by);
	who[buffer] = by;
}

static void
claim_rings(uint8_t *who, const struct rig *rig, unsigned int i)
{
	const struct guest *g = &rig->guest[i];

	for (unsigned int q = 0; q < g->port->cfg.queues; q++) {
		const struct guest_pair *p = &g->pair[q];

		for (uint32_t k = p->at[NETVM_RX]; k != p->ring[NETVM_RX]->produced; k++) {
			struct netvm_desc *d = entry(g, q, NETVM_RX, k);

			if ((d->flags & NETVM_DESC_F_OFFLOAD) != 0)
				d = entry(g, q, NETVM_RX, ++k);
			claim(who, rig, d->buffer, (uint8_t)(1 + i));
		}
		for (uint32_t k = p->at[NETVM_FILL]; k != p->ring[NETVM_FILL]->produced; k++)
			claim(who, rig, *(uint32_t *)entry(g, q, NETVM_FILL, k), (uint8_t)(1 + i));
		for (uint32_t k = p->ring[NETVM_TX]->consumed; k != p->at[NETVM_TX]; k++)
			claim(who, rig, ((struct netvm_desc *)entry(g, q, NETVM_TX, k))->buffer,
				(uint8_t)(1 + i));
	}
}

static void
claim_free(uint8_t *who, const struct rig *rig)
{
	struct shm_pool *pool = rig->pool;
	uint32_t *list = calloc(pool->buffers, sizeof(*list)), n = 0;

	while (n < pool->buffers && shm_pool_alloc(pool, &list[n], 1))
		n++;
	for (uint32_t i = 0; i < n; i++) {
		claim(who, rig, list[i], FREE);
		shm_pool_free(pool, &list[i], 1);
	}
	free(list);
}

void
rig_check(const struct rig *rig, const uint8_t *const held[RIG_PORTS])
{
	uint8_t *who = calloc(rig->pool->buffers, 1);

	want(who != NULL);
	claim_free(who, rig);
	for (unsigned int i = 0; i < rig->ports; i++) {
		claim_rings(who, rig, i);
		for (uint32_t b = 0; held != NULL && held[i] != NULL && b < rig->pool->buffers; b++)
			if (held[i][b])
				claim(who, rig, b, (uint8_t)(1 + i));
	}
	for (uint32_t b = 0; b < rig->pool->buffers; b++) {
		uint8_t owner = shm_owner(rig->pool, b);

		if (who[b] == 0)
			rig_give_up("buffer %u of owner %u is lost", b, owner);
		if (who[b] == FREE)
			want(owner == SHM_HOST);
		else
			want(owner == rig->guest[who[b] - 1].port->owner);
	}
	free(who);
}
