/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The life of a ring: see enum vhost_ring_state in vhost-private.h. Runs in the
 * library's callbacks and message hooks; nothing here takes a lock of the
 * library. Neighbours: vhost-msg.c and vhost-conn.c call, vhost-worker.c is
 * the other side of `live`.
 */
#include <fcntl.h>
#include <rte_vhost.h>
#include <unistd.h>

#include "vhost/vhost-private.h"

#define RING_BIT(i) (UINT32_C(1) << (i))

/* Publishes which pairs a sender can choose from. */
static void
rings_list_tx(struct vhost_port *p)
{
	uint16_t n = 0;

	for (unsigned int qp = 0; qp < p->cfg.queues; qp++) {
		if (!atomic_load_explicit(&p->ring[2 * qp].live, memory_order_relaxed))
			continue;
		/* Relaxed: a stale entry names a pair whose ring is looked at
		 * again under its lock. */
		atomic_store_explicit(&p->tx_pair[n++], (uint8_t)qp, memory_order_relaxed);
	}
	/* Release, pairs with vhost_port_tx_queues(). */
	atomic_store_explicit(&p->tx_queues, n, memory_order_release);
}

static void
ring_tell_sleeper(struct vhost_port *p, unsigned int i, int old_fd, int new_fd)
{
	if (i % 2 == 1 && vhost_env.kick_changed)
		vhost_env.kick_changed(p->cfg.user, (uint16_t)(i / 2), old_fd, new_fd);
}

static void
fd_drop(_Atomic int *fd)
{
	int old = atomic_exchange_explicit(fd, -1, memory_order_acq_rel);

	if (old >= 0)
		close(old);
}

/* The ring's worker is gone; its descriptors go too. */
static void
ring_close_fds(struct vhost_port *p, unsigned int i)
{
	struct vhost_ring *r = &p->ring[i];
	int kick = atomic_exchange_explicit(&r->kickfd, -1, memory_order_acq_rel);

	/* Before the close: the peer has the same eventfd open, so an epoll set
	 * would keep it for ever. */
	ring_tell_sleeper(p, i, kick, -1);
	if (kick >= 0)
		close(kick);
	fd_drop(&r->callfd);
}

/* Which ring does not matter: the worker of any takes what is due. */
void
vhost_rings_wake(struct vhost_port *p)
{
	for (unsigned int i = 1; i < vhost_rings(p); i += 2) {
		int kick = atomic_load_explicit(&p->ring[i].kickfd, memory_order_relaxed);

		if (p->ring[i].state != RING_RUNNING)
			continue;
		ring_tell_sleeper(p, i, kick, kick);
		return;
	}
}

static void
ring_show_size(struct vhost_port *p, unsigned int i, uint32_t size)
{
	pthread_mutex_lock(&p->lock);
	p->shown.ring_size[i / 2][i % 2] = size;
	pthread_mutex_unlock(&p->lock);
}

/* The ring's position goes back to the library, so that GET_VRING_BASE is
 * answered with it: the library's own index never moves otherwise, or was
 * overwritten by a re-translation of addresses. */
static void
ring_stopped(struct vhost_port *p, unsigned int i)
{
	struct vhost_ring *r = &p->ring[i];

	(void)rte_vhost_set_vring_base(p->vid, (uint16_t)i, r->vq.last_avail, r->vq.used_idx);
	ring_show_size(p, i, 0);
}

void
vhost_rings_leave(struct vhost_port *p, uint32_t mask, enum vhost_ring_state to)
{
	uint32_t left = 0;

	for (unsigned int i = 0; i < vhost_rings(p); i++) {
		if (!(mask & RING_BIT(i)) || p->ring[i].state != RING_RUNNING)
			continue;
		/* Relaxed: synchronize() is the ordering. */
		atomic_store_explicit(&p->ring[i].live, false, memory_order_relaxed);
		left |= RING_BIT(i);
	}
	if (left) {
		rings_list_tx(p);
		/* One grace period for all of them. */
		vhost_env.synchronize();
	}
	for (unsigned int i = 0; i < vhost_rings(p); i++) {
		struct vhost_ring *r = &p->ring[i];

		if (left & RING_BIT(i))
			ring_close_fds(p, i);
		if (!(mask & RING_BIT(i)) || r->state == RING_STOPPED)
			continue;
		if (to == RING_STOPPED)
			ring_stopped(p, i);
		r->state = to;
	}
	if (left)
		vhost_changed(p);
}

/* The region that holds [at, at + len) of the peer's addresses. */
static bool
user_range_ok(const struct vhost_port *p, uint64_t at, uint64_t len)
{
	for (uint32_t i = 0; i < p->nregions; i++) {
		const struct vhost_region *r = &p->region[i];
		uint64_t off = at - r->user;

		if (off < r->size && len <= r->size - off)
			return true;
	}
	return false;
}

/*
 * The library leaves a ring that it cannot map unready and says nothing, so the
 * operator would look at a guest that waits for ever. This names the field.
 */
bool
vhost_ring_explain(struct vhost_port *p, unsigned int i)
{
	const struct vhost_ring_address *a = &p->ring[i].address;
	struct rte_vhost_vring v;

	if (!a->known || rte_vhost_get_vhost_vring(p->vid, (uint16_t)i, &v) != 0)
		return false;
	const struct {
		const char *name;
		uint64_t at, len, align;
	} part[] = {
		{"descriptor table", a->desc, 16ull * v.size, 16},
		{"avail ring", a->avail, 6 + 2ull * v.size, 2},
		{"used ring", a->used, 6 + 8ull * v.size, 4},
	};

	if (v.size == 0 || (v.size & (v.size - 1)) || v.size > VRING_SIZE_MAX) {
		vhost_error(p, (int)i, "ring %u: its size %u is no power of two between 1 and %d",
			i, v.size, VRING_SIZE_MAX);
		return true;
	}
	for (unsigned int k = 0; k < sizeof(part) / sizeof(part[0]); k++) {
		if (part[k].at % part[k].align == 0 && user_range_ok(p, part[k].at, part[k].len))
			continue;
		vhost_error(p, (int)i, "ring %u: its %s at %#" PRIx64 " (%" PRIu64 " bytes) %s", i,
			part[k].name, part[k].at, part[k].len,
			part[k].at % part[k].align ? "is misaligned"
						   : "lies outside the guest's memory");
		return true;
	}
	return false;
}

/* The ring's memory and position; false: it cannot run. */
static bool
ring_set_up(struct vhost_port *p, unsigned int i, const struct rte_vhost_vring *v)
{
	struct vhost_ring *r = &p->ring[i];
	bool resume = r->state == RING_PAUSED;
	struct vring_config cfg = {
		.desc = v->desc,
		.avail = v->avail,
		.used = v->used,
		.mem = &p->mem,
		.size = v->size,
		.features = p->features,
		.base = r->vq.last_avail,
		.max_frame = atomic_load_explicit(&p->max_frame, memory_order_relaxed),
	};
	uint16_t used = r->vq.used_idx, ignored;
	uint8_t fault = r->vq.fault;

	/* Once per ring start; from then on our indices are the truth. */
	if (!resume && rte_vhost_get_vring_base(p->vid, (uint16_t)i, &cfg.base, &ignored) != 0)
		return false;
	if (vring_setup(&r->vq, &cfg) != 0) {
		if (!vhost_ring_explain(p, i))
			vhost_error(p, (int)i, "ring %u: its base %u does not fit its used index",
				i, cfg.base);
		return false;
	}
	if (resume) {
		r->vq.used_idx = used;
		r->vq.fault = fault;
	} else {
		r->fault_told = false;
	}
	return true;
}

/* Duplicates, because the library closes its own when it pleases. */
static bool
ring_open_fds(struct vhost_port *p, unsigned int i, const struct rte_vhost_vring *v)
{
	struct vhost_ring *r = &p->ring[i];
	int call = -1, kick = -1;

	if ((v->callfd >= 0 && !vhost_fd_is_eventfd(v->callfd)) ||
		(v->kickfd >= 0 && !vhost_fd_is_eventfd(v->kickfd))) {
		vhost_error(p, (int)i, "ring %u: its %s descriptor is not an eventfd", i,
			v->callfd >= 0 && !vhost_fd_is_eventfd(v->callfd) ? "call" : "kick");
		return false;
	}
	if (v->callfd >= 0)
		call = fcntl(v->callfd, F_DUPFD_CLOEXEC, 3);
	if (v->kickfd >= 0)
		kick = fcntl(v->kickfd, F_DUPFD_CLOEXEC, 3);
	if ((v->callfd >= 0 && call < 0) || (v->kickfd >= 0 && kick < 0)) {
		vhost_error(p, (int)i, "ring %u: no file descriptor left for its eventfds", i);
		if (call >= 0)
			close(call);
		if (kick >= 0)
			close(kick);
		return false;
	}
	atomic_store_explicit(&r->callfd, call, memory_order_release);
	atomic_store_explicit(&r->kickfd, kick, memory_order_release);
	return true;
}

static bool
ring_start(struct vhost_port *p, unsigned int i)
{
	struct vhost_ring *r = &p->ring[i];
	struct rte_vhost_vring v;

	/* SET_FEATURES without MQ frees rings and calls nobody. */
	if (rte_vhost_get_vhost_vring(p->vid, (uint16_t)i, &v) != 0) {
		r->ready = false;
		return false;
	}
	if (p->mem.nregions == 0 || !ring_set_up(p, i, &v) || !ring_open_fds(p, i, &v))
		return false;
	vhost_error_clear(p, (int)i);
	ring_show_size(p, i, v.size);
	r->state = RING_RUNNING;
	/* Nobody waits for a kick until vhost_port_rx_arm(), and for one on a
	 * receive ring never: each costs the guest a system call or an exit. */
	vring_set_notify(&r->vq, false);
	/* Release, pairs with the workers' acquire: they see all of the above. */
	atomic_store_explicit(&r->live, true, memory_order_release);
	/* An interrupt that may have been lost while nobody looked is made up for;
	 * a spurious one is harmless. */
	vhost_ring_call(r);
	ring_tell_sleeper(p, i, -1, atomic_load_explicit(&r->kickfd, memory_order_relaxed));
	return true;
}

void
vhost_rings_start(struct vhost_port *p, uint32_t mask)
{
	bool any = false;

	if (!p->running || atomic_load_explicit(&p->closing, memory_order_acquire))
		return;
	for (unsigned int i = 0; i < vhost_rings(p); i++) {
		struct vhost_ring *r = &p->ring[i];

		if ((mask & RING_BIT(i)) && r->ready && !r->reset && r->state != RING_RUNNING)
			any |= ring_start(p, i);
	}
	if (any) {
		rings_list_tx(p);
		vhost_changed(p);
	}
}

void
vhost_ring_swap_call(struct vhost_port *p, unsigned int i)
{
	struct vhost_ring *r = &p->ring[i];
	struct rte_vhost_vring v;
	int fd = -1, old;

	if (r->state != RING_RUNNING || rte_vhost_get_vhost_vring(p->vid, (uint16_t)i, &v) != 0)
		return;
	if (v.callfd >= 0) {
		fd = vhost_fd_is_eventfd(v.callfd) ? fcntl(v.callfd, F_DUPFD_CLOEXEC, 3) : -1;
		if (fd < 0)
			vhost_error(p, (int)i, "ring %u: its call descriptor is not an eventfd", i);
	}
	old = atomic_exchange_explicit(&r->callfd, fd, memory_order_acq_rel);
	if (old >= 0) {
		/* A worker may be about to write to the old one. */
		vhost_env.synchronize();
		close(old);
	}
	vhost_ring_call(r);
}
