/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where a ring begins, and what its frontend is told of it: between the library,
 * our own indices and the port's file of places. Runs in the library's callbacks
 * and message hooks. Neighbours: vhost-queue.c starts rings, vhost-msg.c has the
 * messages, vhost-position.c the file.
 */
#include <linux/virtio_config.h>
#include <rte_vhost.h>

#include "vhost/vhost-private.h"

static bool
ring_is_packed(const struct vhost_port *p)
{
	return p->features >> VIRTIO_F_RING_PACKED & 1;
}

/* Whether a ring can be found in the port's file. Its descriptor ring is looked at
 * for that, so only if vring_setup() will not refuse it. */
static bool
ring_can_be_found(
	const struct vhost_port *p, const struct vhost_ring *r, const struct vring_config *cfg)
{
	return p->position && ring_is_packed(p) && r->base_known && r->address.known &&
	       cfg->size != 0 && cfg->size <= VRING_SIZE_MAX && (uintptr_t)cfg->slot % 16 == 0 &&
	       guest_mem_contains(cfg->mem, cfg->slot, cfg->size * sizeof(*cfg->slot));
}

/* A packed ring's place in the port's file. */
static void
ring_find_place(struct vhost_port *p, unsigned int i, struct vring_config *cfg)
{
	struct vhost_ring *r = &p->ring[i];
	struct vhost_position_key key = {
		.desc = r->address.desc, .size = (uint16_t)cfg->size, .base = r->base};

	cfg->position = NULL;
	if (!ring_can_be_found(p, r, cfg))
		vhost_position_forget(p->position, i);
	else if (r->state == RING_PAUSED)
		cfg->position = vhost_position_keep(p->position, i, &key, cfg->used_at);
	else
		cfg->position = vhost_position_start(p->position, i, &key, cfg->slot, &cfg->base);
}

/* A daemon that was killed has perhaps not noted what it wrote last, and what it had
 * begun to give back may just have been finished. */
static void
ring_note_written(const struct vhost_port *p, const struct vring_config *cfg)
{
	uint64_t len = ring_is_packed(p) ? cfg->size * sizeof(struct vring_packed_desc)
					 : sizeof(struct vring_used) +
						   cfg->size * sizeof(struct vring_used_elem);

	if (cfg->log)
		cfg->log->written(cfg->log->arg, cfg->log->ring_gpa, len);
}

/*
 * Where the ring begins. A paused one goes on where it was. For one that was
 * stopped the library knows the place, once per ring start; from then on our
 * indices are the truth.
 */
bool
vhost_ring_begin(struct vhost_port *p, unsigned int i, struct vring_config *cfg)
{
	struct vhost_ring *r = &p->ring[i];
	uint16_t ignored;

	cfg->base = vring_avail_place(&r->vq);
	cfg->used_at = vring_used_place(&r->vq);
	if (r->state != RING_PAUSED &&
		rte_vhost_get_vring_base(p->vid, (uint16_t)i, &cfg->base, &ignored) != 0)
		return false;
	ring_find_place(p, i, cfg);
	r->base_started = true;
	if (r->state == RING_PAUSED)
		return true;
	cfg->used_at = cfg->base;
	/* GET_VRING_BASE may come before the ring runs, if it ever does. */
	if (ring_is_packed(p))
		(void)rte_vhost_set_vring_base(p->vid, (uint16_t)i, cfg->base, cfg->base);
	ring_note_written(p, cfg);
	return true;
}

void
vhost_ring_base_set(struct vhost_port *p, unsigned int i, uint16_t base)
{
	struct vhost_ring *r = &p->ring[i];

	/* The first one on a connection may be what a frontend knows that has lost
	 * its backend. A later one is meant. */
	if (r->base_started)
		vhost_position_forget(p->position, i);
	r->base = base;
	r->base_known = true;
	r->base_started = false;
}

void
vhost_ring_base_asked(struct vhost_port *p, unsigned int i)
{
	struct vhost_ring *r = &p->ring[i];
	struct vring_config cfg = {.mem = &p->mem};
	struct rte_vhost_vring v;

	vhost_answer_expect(ring_is_packed(p));
	/* Once it has been started the library has its place. */
	if (r->base_started || rte_vhost_get_vhost_vring(p->vid, (uint16_t)i, &v) != 0)
		return;
	cfg.slot = vhost_memory_own(p, v.desc);
	cfg.size = v.size;
	cfg.log = vhost_log_ring(p, i, &v);
	if (ring_can_be_found(p, r, &cfg))
		(void)vhost_ring_begin(p, i, &cfg);
}

void
vhost_ring_base_told(struct vhost_port *p, unsigned int i)
{
	/* Else it was told what it has sent, and will send again. */
	if (p->ring[i].base_started)
		vhost_position_forget(p->position, i);
}
