/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A vhost-user device brought to life by the frontend, message by message in
 * QEMU's order. See frontend.h.
 */
#include <errno.h>
#include <linux/vhost_types.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/frontend/frontend.h"

/* Status bits of VIRTIO 1.2, 2.1: acknowledge, driver, features ok, driver ok. */
#define STATUS_RUNNING 0x0f

/* struct vhost_vring_addr of the protocol. */
struct ring_addr {
	uint32_t index, flags;
	uint64_t desc, used, avail, log;
};

static int
negotiate_protocol(struct fe *fe)
{
	if (!(fe->offered & FE_BIT(FE_F_PROTOCOL_FEATURES)))
		return 0;
	if (fe_get_u64(fe, FE_GET_PROTOCOL_FEATURES, &fe->protocol_offered) < 0)
		return -1;
	/* REPLY_ACK counts from the next message on. */
	uint64_t take = fe->protocol_offered & fe->cfg.protocol_features;

	if (fe_set_u64(fe, FE_SET_PROTOCOL_FEATURES, take) < 0)
		return -1;
	fe->protocol_features = take;
	if (take & FE_BIT(FE_PROTO_MQ))
		return fe_get_u64(fe, FE_GET_QUEUE_NUM, &fe->queue_num);
	return 0;
}

int
fe_negotiate(struct fe *fe)
{
	if (fe_get_u64(fe, FE_GET_FEATURES, &fe->offered) < 0)
		return -1;
	fe->queue_num = 1;
	if (negotiate_protocol(fe) < 0)
		return -1;
	if (fe->cfg.pairs > fe->queue_num)
		return fe_fail(fe, "the backend has %llu queue pairs, not %u",
			(unsigned long long)fe->queue_num, fe->cfg.pairs);
	if (fe_request(fe, FE_SET_OWNER, NULL, 0, NULL, 0) < 0)
		return -1;
	fe->features = fe->offered & fe->cfg.features;
	if (fe_set_u64(fe, FE_SET_FEATURES, fe->features) < 0)
		return -1;
	if (fe->cfg.mtu != 0 && (fe->protocol_features & FE_BIT(FE_PROTO_NET_MTU)))
		return fe_set_u64(fe, FE_NET_SET_MTU, fe->cfg.mtu);
	return 0;
}

static uint64_t
memory_needed(const struct fe *fe)
{
	uint64_t n = fe->cfg.ring_size;
	uint64_t rings = n * (16 + 2 + 8 + 16 * (uint64_t)fe->cfg.tx_segs) + 512;
	uint64_t pair = 2 * rings + n * ((uint64_t)fe->cfg.tx_buffer + fe->cfg.rx_buffer) + 8192;

	return fe->cfg.pairs * pair;
}

static void
rx_buffer_default(struct fe *fe)
{
	uint64_t tso = FE_BIT(VIRTIO_NET_F_GUEST_TSO4) | FE_BIT(VIRTIO_NET_F_GUEST_TSO6);

	if (fe->cfg.rx_buffer != 0)
		return;
	if (fe->features & FE_BIT(VIRTIO_NET_F_MRG_RXBUF))
		fe->cfg.rx_buffer = 2048;
	else
		fe->cfg.rx_buffer = fe->features & tso ? 65664 : 9728;
}

int
fe_make_rings(struct fe *fe)
{
	unsigned int n = 2 * fe->cfg.pairs;

	rx_buffer_default(fe);
	if (fe->mem.base == NULL && fe_memory_create(fe, memory_needed(fe)) < 0)
		return -1;
	/* All rings come first: each of them has to lie within one region. */
	for (unsigned int i = 0; i < n; i++)
		if (!fe_ring_layout(fe, i))
			return fe_fail(fe, "guest memory is too small for ring %u", i);
	/* An odd start lets buffers lie across the border of two regions. */
	if (fe->mem.nregions > 1)
		fe_memory_alloc(&fe->mem, 1030, 2);
	for (unsigned int i = 0; i < n; i++) {
		struct fe_ring *r = &fe->ring[i];

		r->buffer = fe_memory_alloc(&fe->mem, (uint64_t)r->slots * r->buffer_size,
			fe->mem.nregions > 1 ? 2 : 64);
		if (r->buffer == NULL)
			return fe_fail(fe, "guest memory is too small for buffers of ring %u", i);
		r->kick = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		r->call = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		if (r->kick < 0 || r->call < 0)
			return fe_fail(fe, "eventfd: %s", strerror(errno));
		fe_ring_reset(r);
	}
	return 0;
}

int
fe_set_vring_addr(struct fe *fe, unsigned int index)
{
	const struct fe_ring *r = &fe->ring[index];
	struct ring_addr a = {.index = index,
		.desc = (uint64_t)(uintptr_t)r->desc,
		.used = (uint64_t)(uintptr_t)r->used,
		.avail = (uint64_t)(uintptr_t)r->avail};

	if (r->packed) {
		a.desc = (uint64_t)(uintptr_t)r->pdesc;
		a.used = (uint64_t)(uintptr_t)r->device_event;
		a.avail = (uint64_t)(uintptr_t)r->driver_event;
	}
	if (fe->log.on) {
		a.flags = 1u << VHOST_VRING_F_LOG;
		a.log = fe_memory_gpa(
			&fe->mem, r->packed ? (const void *)r->device_event : r->used);
	}

	return fe_request(fe, FE_SET_VRING_ADDR, &a, sizeof(a), NULL, 0);
}

int
fe_ring_start(struct fe *fe, unsigned int index)
{
	struct fe_ring *r = &fe->ring[index];

	if (fe_set_vring(fe, FE_SET_VRING_NUM, index, r->size) < 0 ||
		fe_set_vring(fe, FE_SET_VRING_BASE, index, r->base) < 0 ||
		fe_set_vring_addr(fe, index) < 0 ||
		fe_set_vring_fd(fe, FE_SET_VRING_KICK, index, r->kick) < 0 ||
		fe_set_vring_fd(fe, FE_SET_VRING_CALL, index, r->call) < 0)
		return -1;
	r->running = true;
	return 0;
}

int
fe_ring_enable(struct fe *fe, unsigned int index, bool on)
{
	return fe_set_vring(fe, FE_SET_VRING_ENABLE, index, on);
}

int
fe_ring_stop(struct fe *fe, unsigned int index, uint16_t *base)
{
	uint32_t state[2] = {index, 0};

	if (fe_send(fe, FE_GET_VRING_BASE, 0, state, sizeof(state), NULL, 0) < 0 ||
		fe_reply(fe, FE_GET_VRING_BASE, state, sizeof(state)) < 0)
		return -1;
	fe->ring[index].running = false;
	fe->ring[index].base = state[1];
	if (base != NULL)
		*base = (uint16_t)state[1];
	return 0;
}

int
fe_start(struct fe *fe)
{
	unsigned int n = 2 * fe->cfg.pairs;

	if (fe_set_mem_table(fe) < 0)
		return -1;
	for (unsigned int i = 0; i < n; i++)
		if (fe_ring_start(fe, i) < 0)
			return -1;
	/* Without protocol features a ring is born enabled. */
	for (unsigned int i = 0; i < n && (fe->features & FE_BIT(FE_F_PROTOCOL_FEATURES)); i++)
		if (fe_ring_enable(fe, i, true) < 0)
			return -1;
	if (fe->protocol_features & FE_BIT(FE_PROTO_STATUS))
		return fe_set_u64(fe, FE_SET_STATUS, STATUS_RUNNING);
	return 0;
}

int
fe_open(struct fe *fe, const struct fe_config *cfg)
{
	if (fe_connect(fe, cfg) < 0)
		return -1;
	if (fe_negotiate(fe) < 0 || fe_make_rings(fe) < 0)
		return -1;
	for (unsigned int i = 0; i < 2 * fe->cfg.pairs; i += 2)
		fe_fill(&fe->ring[i]);
	return fe_start(fe);
}

int
fe_reconnect(struct fe *fe)
{
	uint64_t features = fe->features;

	for (unsigned int i = 0; i < 2 * fe->cfg.pairs; i++) {
		struct fe_ring *r = &fe->ring[i];

		if (r->running)
			r->base = fe_ring_base_after_crash(r);
	}
	fe->cfg.features = features; /* no more either: the driver knows nothing of it */
	if (fe_dial(fe) < 0 || fe_negotiate(fe) < 0)
		return -1;
	if (fe->features != features) {
		fe_fail(fe, "the backend lacks features %#llx, which the guest uses",
			(unsigned long long)(features & ~fe->features));
		fe->features = features;
		return -1;
	}
	return fe_start(fe);
}

int
fe_stop(struct fe *fe)
{
	for (unsigned int i = 0; i < 2 * fe->cfg.pairs; i++)
		if (fe->ring[i].running && fe_ring_stop(fe, i, NULL) < 0)
			return -1;
	if (fe->protocol_features & FE_BIT(FE_PROTO_STATUS))
		return fe_set_u64(fe, FE_SET_STATUS, 0);
	return 0;
}

void
fe_close(struct fe *fe)
{
	if (fe->fd >= 0)
		close(fe->fd);
	fe->fd = -1;
	for (unsigned int i = 0; i < 2 * FE_PAIRS_MAX; i++) {
		struct fe_ring *r = &fe->ring[i];

		if (r->kick >= 0)
			close(r->kick);
		if (r->call >= 0)
			close(r->call);
		free(r->free);
		free(r->order);
		free(r->slot);
		*r = (struct fe_ring){.kick = -1, .call = -1};
	}
	fe_memory_destroy(&fe->mem);
	fe_log_destroy(fe);
}
