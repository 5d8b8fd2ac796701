/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ports: create, destroy, status. Control thread; vhost_error() and the
 * look-up also run in callbacks. Neighbours: vhost-private.h has the map.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_config.h>
#include <rte_log.h>
#include <rte_vhost.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/packet/refuse.h"
#include "vhost/vhost-private.h"

/* Ethernet header and two VLAN tags; the worker judges more strictly. */
#define FRAME_OVERHEAD (14 + 2 * 4)

struct vhost_env vhost_env;

static struct vhost_port *ports;
static pthread_mutex_t ports_lock = PTHREAD_MUTEX_INITIALIZER;

int
vhost_init(const struct vhost_env *env)
{
	int ret;

	vhost_env = *env;
	/* A peer that sends nonsense must not fill our log: what matters is in
	 * the port's status. */
	(void)rte_log_set_level_pattern("lib.vhost.*", RTE_LOG_CRIT);
	vhost_call_init();
	ret = vhost_receive_init();
	if (ret == 0)
		ret = vhost_answer_init();
	return ret != 0 ? ret : vhost_fault_init();
}

struct vhost_port *
vhost_port_by_path(const char *path)
{
	struct vhost_port *p;

	pthread_mutex_lock(&ports_lock);
	for (p = ports; p && strcmp(p->cfg.socket, path) != 0; p = p->next)
		;
	pthread_mutex_unlock(&ports_lock);
	return p;
}

void
vhost_changed(struct vhost_port *p)
{
	if (vhost_env.changed)
		vhost_env.changed(p->cfg.user);
}

void
vhost_error(struct vhost_port *p, int ring, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	pthread_mutex_lock(&p->lock);
	vsnprintf(p->shown.error, sizeof(p->shown.error), fmt, ap);
	p->error_ring = ring;
	pthread_mutex_unlock(&p->lock);
	va_end(ap);
	vhost_changed(p);
}

void
vhost_error_clear(struct vhost_port *p, int ring)
{
	pthread_mutex_lock(&p->lock);
	if (ring < 0 || ring == p->error_ring) {
		p->shown.error[0] = '\0';
		p->error_ring = -1;
	}
	pthread_mutex_unlock(&p->lock);
}

static int
port_check(const struct vhost_port_config *cfg, char *err, size_t errlen)
{
	struct vhost_port *other;

	if (cfg->name[0] == '\0' || !memchr(cfg->name, '\0', sizeof(cfg->name)))
		return refuse(err, errlen, EINVAL, "a port's name has 1 to %d characters",
			VHOST_NAME_MAX - 1);
	if (cfg->socket[0] == '\0')
		return refuse(err, errlen, EINVAL, "port %s has no socket path", cfg->name);
	if (!memchr(cfg->socket, '\0', sizeof(cfg->socket)))
		return refuse(err, errlen, ENAMETOOLONG,
			"the socket path of port %s is longer than %zu characters", cfg->name,
			sizeof(cfg->socket) - 1);
	if (cfg->queues < 1 || cfg->queues > VHOST_QUEUE_PAIRS_MAX)
		return refuse(err, errlen, EINVAL, "port %s: %u queue pairs, 1 to %d are possible",
			cfg->name, cfg->queues, VHOST_QUEUE_PAIRS_MAX);
	if (cfg->mtu < 68 || cfg->mtu > VHOST_MTU_MAX)
		return refuse(err, errlen, EINVAL, "port %s: MTU %u, 68 to %d are possible",
			cfg->name, cfg->mtu, VHOST_MTU_MAX);
	/* The library would take a path twice and confuse the two. */
	other = vhost_port_by_path(cfg->socket);
	if (other)
		return refuse(err, errlen, EADDRINUSE, "socket %s already belongs to port %s",
			cfg->socket, other->cfg.name);
	return 0;
}

static struct vhost_port *
port_new(const struct vhost_port_config *cfg)
{
	struct vhost_port *p;

	if (posix_memalign((void **)&p, 64, sizeof(*p)) != 0)
		return NULL;
	memset(p, 0, sizeof(*p));
	p->cfg = *cfg;
	p->vid = -1;
	p->error_ring = -1;
	p->shown.numa_node = -1;
	atomic_init(&p->connfd, -1);
	pthread_mutex_init(&p->lock, NULL);
	for (unsigned int i = 0; i < VHOST_RINGS_MAX; i++) {
		atomic_init(&p->ring[i].callfd, -1);
		atomic_init(&p->ring[i].kickfd, -1);
		atomic_flag_clear(&p->ring[i].lock);
	}
	vhost_port_set_mtu(p, cfg->mtu);
	return p;
}

static void
port_link(struct vhost_port *p)
{
	pthread_mutex_lock(&ports_lock);
	p->next = ports;
	ports = p;
	pthread_mutex_unlock(&ports_lock);
}

static void
port_free(struct vhost_port *p)
{
	struct vhost_port **at;

	pthread_mutex_lock(&ports_lock);
	for (at = &ports; *at && *at != p; at = &(*at)->next)
		;
	if (*at)
		*at = p->next;
	pthread_mutex_unlock(&ports_lock);
	vhost_position_close(p->position);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

static int
port_open_position(struct vhost_port *p, char *err, size_t errlen)
{
	if (!p->cfg.position_dir)
		return 0;
	p->position = vhost_position_open(p->cfg.position_dir, p->cfg.name, err, errlen);
	p->cfg.position_dir = NULL;
	return p->position ? 0 : -errno;
}

/*
 * When driver_start fails in server mode the library closes the listening
 * socket, and driver_unregister closes the same number again. Occupy it in
 * between, so that nobody else's descriptor is closed.
 */
static void
port_unregister_failed(const struct vhost_port *p)
{
	int guard = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)rte_vhost_driver_unregister(p->cfg.socket);
	if (guard >= 0 && fcntl(guard, F_GETFD) >= 0)
		close(guard);
}

static int
port_register(struct vhost_port *p, char *err, size_t errlen)
{
	const char *path = p->cfg.socket;
	/* Nothing but the direction: EXTBUF, LINEARBUF, ASYNC_COPY, COMPLIANT_OL
	 * and STATS are about the library's own data path, IOMMU and POSTCOPY we
	 * do not offer, and without NO_RECONNECT a client tries once a second for
	 * ever, also when the first attempt failed. */
	uint64_t flags = p->cfg.client ? RTE_VHOST_USER_CLIENT : 0;
	mode_t mask;
	int ret;

	if (rte_vhost_driver_register(path, flags) != 0)
		return refuse(err, errlen, ENOMEM, "rte_vhost takes no more sockets (port %s)",
			p->cfg.name);
	if (rte_vhost_driver_disable_features(path, vhost_features_off) != 0 ||
		rte_vhost_driver_set_protocol_features(path, vhost_protocol_features) != 0 ||
		rte_vhost_driver_callback_register(path, &vhost_device_ops) != 0) {
		(void)rte_vhost_driver_unregister(path);
		return refuse(err, errlen, EIO, "rte_vhost refused port %s", p->cfg.name);
	}
	/* Until vhost_socket_own() nobody else may connect. */
	mask = umask(0177);
	vhost_thread_before();
	ret = rte_vhost_driver_start(path);
	vhost_thread_wake(ret == 0);
	umask(mask);
	if (ret != 0) {
		port_unregister_failed(p);
		return refuse(err, errlen, EIO, "rte_vhost cannot %s %s",
			p->cfg.client ? "connect to" : "listen on", path);
	}
	return 0;
}

/* Nobody is connected or can connect any more. */
static void
port_hang_up(struct vhost_port *p)
{
	/* From here on messages and connections are refused. */
	atomic_store_explicit(&p->closing, true, memory_order_release);
	/* Waits for callbacks that run now, runs device_destroy() on this thread
	 * under the library's locks, unmaps the guest's memory, removes the
	 * socket. It never calls destroy_connection, so we forget the
	 * connection ourselves. No callback comes after it. */
	(void)rte_vhost_driver_unregister(p->cfg.socket);
	vhost_disconnect(p);
	p->listening = false;
}

/* Listens or connects. */
static int
port_listen(struct vhost_port *p, char *err, size_t errlen)
{
	int ret = p->cfg.client ? 0 : vhost_socket_prepare(&p->cfg, err, errlen);

	if (ret != 0)
		return ret;
	/* Release: whoever sees it open sees the port as it is now. */
	atomic_store_explicit(&p->closing, false, memory_order_release);
	ret = port_register(p, err, errlen);
	if (ret != 0)
		return ret;
	p->listening = true;
	if (!p->cfg.client && (ret = vhost_socket_own(&p->cfg, err, errlen)) != 0)
		port_hang_up(p);
	return ret;
}

struct vhost_port *
vhost_port_create(const struct vhost_port_config *cfg, char *err, size_t errlen)
{
	struct vhost_port *p;
	int ret;

	ret = port_check(cfg, err, errlen);
	if (ret != 0) {
		errno = -ret;
		return NULL;
	}
	p = port_new(cfg);
	if (!p) {
		errno = -refuse(err, errlen, ENOMEM, "out of memory for port %s", cfg->name);
		return NULL;
	}
	port_link(p);
	ret = port_open_position(p, err, errlen);
	if (ret == 0 && !cfg->disabled)
		ret = port_listen(p, err, errlen);
	if (ret != 0) {
		port_free(p);
		errno = -ret;
		return NULL;
	}
	return p;
}

void
vhost_port_destroy(struct vhost_port *p)
{
	if (p->listening)
		port_hang_up(p);
	port_free(p);
}

int
vhost_port_enable(struct vhost_port *p, bool on, char *err, size_t errlen)
{
	if (on == p->listening)
		return 0;
	if (on)
		return port_listen(p, err, errlen);
	port_hang_up(p);
	vhost_error_clear(p, -1);
	return 0;
}

void
vhost_port_set_mtu(struct vhost_port *p, uint16_t mtu)
{
	uint32_t frame = mtu + FRAME_OVERHEAD;

	/* Relaxed: a limit that one packet earlier or later obeys. Rings that
	 * start take it from the port; the order pairs with ring_take_mtu(). */
	atomic_store_explicit(&p->mtu, mtu, memory_order_relaxed);
	atomic_store_explicit(&p->max_frame, frame, memory_order_seq_cst);
	for (unsigned int i = 0; i < VHOST_RINGS_MAX; i++)
		__atomic_store_n(&p->ring[i].vq.max_frame, frame, __ATOMIC_SEQ_CST);
}

/* The first running ring that gave up, or -1. */
static int
port_faulty_ring(struct vhost_port *p)
{
	for (unsigned int i = 0; i < vhost_rings(p); i++) {
		struct vhost_ring *r = &p->ring[i];

		if (atomic_load_explicit(&r->live, memory_order_acquire) &&
			__atomic_load_n(&r->vq.fault, __ATOMIC_RELAXED) != VRING_OK)
			return (int)i;
	}
	return -1;
}

void
vhost_port_status(struct vhost_port *p, struct vhost_port_status *st)
{
	int faulty = port_faulty_ring(p);

	pthread_mutex_lock(&p->lock);
	*st = p->shown;
	pthread_mutex_unlock(&p->lock);
	if (st->error[0] == '\0' && faulty >= 0)
		snprintf(st->error, sizeof(st->error),
			"ring %d: %s; reset the guest's network device", faulty,
			__atomic_load_n(&p->ring[faulty].vq.fault, __ATOMIC_RELAXED) ==
					VRING_FAULT_CHAIN
				? "the guest made a chain of descriptors available that has no end"
				: "the guest's avail index is further ahead than the ring is long");
	st->packed = st->features >> VIRTIO_F_RING_PACKED & 1;
	st->queues = 0;
	for (unsigned int qp = 0; qp < p->cfg.queues; qp++) {
		/* Relaxed: a snapshot. */
		st->queues += atomic_load_explicit(&p->ring[2 * qp].live, memory_order_relaxed) &&
			      atomic_load_explicit(&p->ring[2 * qp + 1].live, memory_order_relaxed);
	}
	if (st->error[0] != '\0')
		st->state = VHOST_ERROR;
	else
		st->state = st->queues > 0 ? VHOST_UP : VHOST_WAITING;
}
