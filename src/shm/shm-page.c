/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The device page from the host's side. The guest can write to all of it at any
 * time, so nothing here is read back but by a comparison. Runs on the thread, and
 * on the control thread before the port is watched; see shm-server.h.
 */
#include <stdio.h>
#include <string.h>

#include "src/shm/shm-server.h"

#define CONSTANT offsetof(struct netvm_device, reserved0)

_Static_assert(CONSTANT % sizeof(uint64_t) == 0, "copied by words");

/* A unicast address of nobody's, always the same for a name (FNV-1a). */
static void
mac_of(const char *name, uint8_t mac[6])
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (; *name; name++)
		hash = (hash ^ (uint8_t)*name) * UINT64_C(0x100000001b3);
	mac[0] = 0x02;
	for (unsigned int i = 1; i < 6; i++)
		mac[i] = (uint8_t)(hash >> (8 * i));
}

void
shm_page_build(struct shm_port *p)
{
	static const uint8_t none[6];
	const struct shm_pool *pool = p->pool;
	struct netvm_device *d = &p->client->page;

	if (memcmp(p->cfg.mac, none, sizeof(none)) == 0)
		mac_of(p->cfg.name, p->cfg.mac);
	*d = (struct netvm_device){
		.magic = NETVM_DEVICE_MAGIC,
		.version = NETVM_ABI_VERSION,
		.queue_pairs = p->cfg.queues,
		.vectors = p->cfg.vectors,
		.rx_entries = p->cfg.rx_entries,
		.tx_entries = p->cfg.tx_entries,
		.fill_entries = p->cfg.fill_entries,
		.buffer_size = pool->buffer_size,
		.buffers = pool->buffers,
		.headroom = SHM_HEADROOM,
		.pool_id = pool->book->id,
		.port = p->cfg.number,
	};
	d->size = netvm_ring_memory(d);
	memcpy(d->mac, p->cfg.mac, sizeof(d->mac));
	snprintf(d->name, sizeof(d->name), "%s", p->cfg.name);
	snprintf(d->group, sizeof(d->group), "%s", pool->cfg.name);
}

static uint64_t *
word(struct netvm_device *d, size_t i)
{
	return (uint64_t *)(void *)d + i;
}

void
shm_page_repair(struct shm_port *p)
{
	struct netvm_device *good = &p->client->page;

	/* The magic number, which is first, is written last. */
	for (size_t i = CONSTANT / sizeof(uint64_t); i-- > 0;) {
		/* Relaxed: whoever spoils the page reads what he deserves. */
		if (__atomic_load_n(word(p->device, i), __ATOMIC_RELAXED) != *word(good, i))
			__atomic_store_n(word(p->device, i), *word(good, i), __ATOMIC_RELEASE);
	}
	shm_page_mtu(p);
	shm_pool_repair(p->pool);
}

void
shm_page_host_state(struct shm_port *p, enum netvm_host_state state)
{
	/* Release, pairs with the guest's acquire: it sees all that was written before. */
	__atomic_store_n(&p->device->host_state, (uint32_t)state, __ATOMIC_RELEASE);
}

void
shm_page_link(struct shm_port *p, bool up)
{
	uint32_t features = NETVM_FEATURE_CSUM | NETVM_FEATURE_TSO4 | NETVM_FEATURE_TSO6;

	__atomic_store_n(&p->device->features, features | (up ? NETVM_FEATURE_LINK_UP : 0),
		__ATOMIC_RELAXED);
}

void
shm_page_mtu(struct shm_port *p)
{
	__atomic_store_n(&p->device->mtu,
		atomic_load_explicit(&p->client->mtu, memory_order_relaxed), __ATOMIC_RELAXED);
}

void
shm_page_clear(struct shm_port *p)
{
	struct netvm_device *d = p->device;

	shm_page_host_state(p, NETVM_HOST_DOWN);
	__atomic_store_n(&d->guest_state, NETVM_GUEST_CLOSED, __ATOMIC_RELAXED);
	__atomic_store_n(&d->guest_request, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&d->guest_features, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&d->guest_pairs, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&d->guest_beat, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&d->host_answer, 0, __ATOMIC_RELAXED);
	shm_page_repair(p);
	shm_page_link(p, p->client->enabled);
	shm_page_host_state(p, NETVM_HOST_READY);
}
