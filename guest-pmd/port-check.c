/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libnetvm: believes no number of the device page and of the pool's head before
 * it was bounded. Both are copied once, and only the copy is used afterwards. Runs
 * when a port is opened, on the caller's thread.
 */
#include "guest-pmd/private.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define BUFFER_SIZE_MAX (1u << 20)

struct number {
	const char *field;
	uint64_t value, min, max;
	bool power; /* of two */
	uint64_t multiple;
};

/* One sentence for each number that cannot be. */
static int
check_numbers(const struct netvm_link *link, const char *what, const struct number *n, size_t count)
{
	for (; count--; n++) {
		if (n->value < n->min || n->value > n->max)
			return netvm_fail(EPROTO,
				"%s: %s has %s %" PRIu64 "; expected %" PRIu64 " to %" PRIu64,
				link->name, what, n->field, n->value, n->min, n->max);
		if (n->power && (n->value & (n->value - 1)))
			return netvm_fail(EPROTO,
				"%s: %s has %s %" PRIu64 "; expected a power of two", link->name,
				what, n->field, n->value);
		if (n->multiple && n->value % n->multiple)
			return netvm_fail(EPROTO,
				"%s: %s has %s %" PRIu64 "; expected a multiple of %" PRIu64,
				link->name, what, n->field, n->value, n->multiple);
	}
	return 0;
}

static int
check_version(const struct netvm_link *link, const char *what, uint32_t version)
{
	if (version == NETVM_ABI_VERSION)
		return 0;
	return netvm_fail(EPROTO,
		"%s: %s is of version %" PRIu32
		" of the layout, this library knows version %u; use a library and a netvmd of "
		"the same release",
		link->name, what, version, NETVM_ABI_VERSION);
}

static int
check_name(const struct netvm_link *link, const char *field, const char *name)
{
	if (memchr(name, 0, NETVM_NAME_MAX))
		return 0;
	return netvm_fail(EPROTO, "%s: the device page's %s has no end", link->name, field);
}

static int
check_device(const struct netvm_link *link, const struct netvm_device *d)
{
	const struct number numbers[] = {
		{"queue pairs", d->queue_pairs, 1, NETVM_PAIRS_MAX, false, 0},
		{"vectors", d->vectors, 1, NETVM_VECTORS_MAX, false, 0},
		{"RX entries", d->rx_entries, NETVM_RING_MIN, NETVM_RING_MAX, true, 0},
		{"TX entries", d->tx_entries, NETVM_RING_MIN, NETVM_RING_MAX, true, 0},
		{"FILL entries", d->fill_entries, NETVM_RING_MIN, NETVM_RING_MAX, true, 0},
		{"buffer size", d->buffer_size, NETVM_LINE, BUFFER_SIZE_MAX, false, NETVM_LINE},
		{"buffers", d->buffers, 1, INT32_MAX, false, 0},
		{"headroom", d->headroom, 0, UINT16_MAX, false, 0},
	};
	int err = check_version(link, "the device page", d->version);

	if (!err)
		err = check_numbers(
			link, "the device page", numbers, sizeof(numbers) / sizeof(numbers[0]));
	if (!err && d->headroom >= d->buffer_size)
		err = netvm_fail(EPROTO,
			"%s: the device page has headroom %" PRIu32 "; expected less than the "
			"buffer size, %" PRIu32,
			link->name, d->headroom, d->buffer_size);
	/* The sizes are bounded: netvm_ring_memory() cannot wrap. */
	if (!err && (d->size < netvm_ring_memory(d) || d->size > link->ring.size))
		err = netvm_fail(EPROTO,
			"%s: the device page has size %" PRIu64 "; its rings need %" PRIu64
			" bytes, and the memory has %zu",
			link->name, d->size, netvm_ring_memory(d), link->ring.size);
	if (!err)
		err = check_name(link, "name", d->name);
	return err ? err : check_name(link, "group", d->group);
}

static int
check_pool(const struct netvm_link *link, const struct netvm_device *d, const struct netvm_pool *p)
{
	const struct number numbers[] = {
		{"buffer size", p->buffer_size, d->buffer_size, d->buffer_size, false, 0},
		{"buffers", p->buffers, d->buffers, d->buffers, false, 0},
		{"buffers offset", p->buffers_offset, sizeof(*p), UINT32_MAX, false, NETVM_LINE},
	};
	int err;

	if (p->magic != NETVM_POOL_MAGIC)
		return netvm_fail(EPROTO,
			"%s: the pool has magic %016" PRIx64 "; expected %016" PRIx64, link->name,
			p->magic, NETVM_POOL_MAGIC);
	err = check_version(link, "the pool", p->version);
	if (!err && p->id != d->pool_id)
		err = netvm_fail(EPROTO,
			"%s: the pool has ID %016" PRIx64
			"; the port's buffers are in pool %016" PRIx64,
			link->name, p->id, d->pool_id);
	if (!err)
		err = check_numbers(
			link, "the pool", numbers, sizeof(numbers) / sizeof(numbers[0]));
	if (!err && p->buffers_offset + (uint64_t)p->buffers * p->buffer_size > link->pool.size)
		err = netvm_fail(EPROTO,
			"%s: the pool's %" PRIu32 " buffers of %" PRIu32 " bytes from %" PRIu32
			" on reach beyond its memory of %zu bytes",
			link->name, p->buffers, p->buffer_size, p->buffers_offset, link->pool.size);
	return err;
}

int
netvm_port_check(const struct netvm_link *link, struct netvm_device *device, uint8_t **pool)
{
	struct netvm_pool head;
	int err;

	if (link->ring.size < NETVM_PAIRS_AT || link->pool.size < NETVM_PAIRS_AT)
		return netvm_fail(EPROTO,
			"%s: the ring memory has %zu bytes and the pool %zu; expected at least %u",
			link->name, link->ring.size, link->pool.size, NETVM_PAIRS_AT);
	memcpy(device, link->ring.base, sizeof(*device));
	memcpy(&head, link->pool.base, sizeof(head));
	if (device->magic != NETVM_DEVICE_MAGIC)
		return netvm_fail(EPROTO,
			"%s: the device page has magic %016" PRIx64 "; expected %016" PRIx64,
			link->name, device->magic, NETVM_DEVICE_MAGIC);
	err = check_device(link, device);
	if (!err)
		err = check_pool(link, device, &head);
	if (!err)
		*pool = link->pool.base + head.buffers_offset;
	return err;
}
