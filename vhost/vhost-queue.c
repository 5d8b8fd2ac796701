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
#include "vhost/vring-hold.h"

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

/* What a sleeper on a running ring waits for. */
static int
ring_kick(struct vhost_ring *r)
{
	int fd = atomic_load_explicit(&r->kickfd, memory_order_relaxed);

	return fd >= 0 ? fd : VHOST_KICK_TIMER;
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
	ring_tell_sleeper(p, i, kick, VHOST_KICK_NONE);
	if (kick >= 0)
		close(kick);
	fd_drop(&r->callfd);
}

/* Which ring does not matter: the worker of any takes what is due. */
void
vhost_rings_wake(struct vhost_port *p)
{
	for (unsigned int i = 1; i < vhost_rings(p); i += 2) {
		int kick = ring_kick(&p->ring[i]);

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

	(void)rte_vhost_set_vring_base(
		p->vid, (uint16_t)i, vring_avail_place(&r->vq), vring_used_place(&r->vq));
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
		vhost_holds_drain(p, left);
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

/* vhost_port_set_mtu() writes the port's limit, then the rings'. One of us is the
 * last to write the ring's, and has seen the other's. */
static void
ring_take_mtu(struct vhost_port *p, struct vhost_ring *r)
{
	uint32_t frame;

	do {
		frame = atomic_load_explicit(&p->max_frame, memory_order_seq_cst);
		__atomic_store_n(&r->vq.max_frame, frame, __ATOMIC_SEQ_CST);
	} while (frame != atomic_load_explicit(&p->max_frame, memory_order_seq_cst));
}

/* The ring's memory and position; false: it cannot run. */
static bool
ring_set_up(struct vhost_port *p, unsigned int i, const struct rte_vhost_vring *v)
{
	struct vhost_ring *r = &p->ring[i];
	bool resume = r->state == RING_PAUSED;
	struct vring_config cfg = {
		.desc = vhost_memory_own(p, v->desc),
		.avail = vhost_memory_own(p, v->avail),
		.used = vhost_memory_own(p, v->used),
		.mem = &p->mem,
		.size = v->size,
		.features = p->features,
		.max_frame = atomic_load_explicit(&p->max_frame, memory_order_relaxed),
		.log = vhost_log_ring(p, i, v),
	};
	uint16_t used = r->vq.used_idx;
	uint8_t fault = r->vq.fault;

	if (!vhost_ring_begin(p, i, &cfg))
		return false;
	cfg.hold = vhost_hold_new(p, i, v->size);
	if (vring_setup(&r->vq, &cfg) != 0) {
		vring_hold_free(cfg.hold);
		vhost_ring_explain(p, i, cfg.base);
		return false;
	}
	if (resume) {
		r->vq.used_idx = used;
		r->vq.fault = fault;
	} else {
		r->fault_told = false;
	}
	ring_take_mtu(p, r);
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
	if (p->mem.nregions == 0 || !ring_set_up(p, i, &v))
		return false;
	if (!ring_open_fds(p, i, &v)) {
		vring_hold_free(vring_hold_abandon(&r->vq));
		return false;
	}
	vhost_error_clear(p, (int)i);
	ring_show_size(p, i, v.size);
	r->state = RING_RUNNING;
	/* Nobody waits for a kick until vhost_port_rx_arm(), and for one on a
	 * receive ring never: each costs the guest a system call or an exit. */
	vring_set_notify(&r->vq, false);
	/* Release, pairs with the workers' acquire: they see all of the above. */
	atomic_store_explicit(&r->live, true, memory_order_release);
	/* Before its pair's other ring makes the port "up", which promises that it
	 * takes packets. */
	if (i % 2 == 0)
		rings_list_tx(p);
	/* An interrupt that may have been lost while nobody looked is made up for;
	 * a spurious one is harmless. */
	vhost_ring_call(r);
	ring_tell_sleeper(p, i, VHOST_KICK_NONE, ring_kick(r));
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
	if (any)
		vhost_changed(p);
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
