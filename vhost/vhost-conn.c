/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connections and devices: the library's callbacks.
 *
 * The connection number (vid) is the only handle that stays put: the library
 * moves its devices and rings between NUMA nodes. A vid is ours from
 * new_connection until we forget it; callbacks for others are ignored.
 *
 * Runs on the fd thread, on the library's reconnect thread (new_connection),
 * and on the control thread inside driver_start and driver_unregister. In the
 * last case the library never calls destroy_connection: vhost_port_destroy()
 * calls vhost_disconnect() itself.
 */
#include <rte_vhost.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "vhost/vhost-msg.h"
#include "vhost/vhost-private.h"

/*
 * A peer that made the fd thread wait for the rest of a message this often
 * within a window loses the port for the next one: at most 10 times 50 ms of 20
 * seconds. Messages that can be refused at once cost nothing and do not count;
 * a malformed header counts, as the library does not say which it was.
 */
#define STRIKES_MAX       10
#define STRIKES_WINDOW_MS 10000
/* In client mode a refusal would be final (the library connects again only
 * after a connection ended), so a striker is slowed instead. */
#define STRIKER_TIMEOUT_MS 1
#define STRIKER_PAUSE_NS   5000000

/* Release when a connection is taken, acquire in callbacks and in the SIGBUS
 * handler. */
static struct vhost_port *_Atomic by_vid[RTE_MAX_VHOST_DEVICE];

struct vhost_port *
vhost_port_by_vid(int vid)
{
	if (vid < 0 || vid >= RTE_MAX_VHOST_DEVICE)
		return NULL;
	return atomic_load_explicit(&by_vid[vid], memory_order_acquire);
}

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
conn_strike(struct vhost_port *p)
{
	int64_t now = now_ms();

	if (p->strikes >= STRIKES_MAX || now - p->strike_ms > STRIKES_WINDOW_MS) {
		p->strikes = 0;
		p->strike_ms = now;
	}
	if (++p->strikes < STRIKES_MAX)
		return;
	p->strike_ms = now;
	vhost_error(p, -1,
		"the peer sent incomplete messages on %d connections; new ones are %s "
		"for %d s",
		STRIKES_MAX, p->cfg.client ? "slowed down" : "refused", STRIKES_WINDOW_MS / 1000);
}

static bool
conn_out(struct vhost_port *p)
{
	return p->strikes >= STRIKES_MAX && now_ms() - p->strike_ms <= STRIKES_WINDOW_MS;
}

static void
conn_reset(struct vhost_port *p, int vid)
{
	for (unsigned int i = 0; i < vhost_rings(p); i++) {
		struct vhost_ring *r = &p->ring[i];

		r->state = RING_STOPPED;
		r->ready = false;
		r->reset = false;
		r->address.known = false;
		r->base_known = false;
		r->base_started = false;
	}
	p->running = false;
	p->unfinished = 0;
	p->table_fds = 0;
	p->fatal = false;
	p->features = 0;
	p->protocol_features = 0;
	p->vid = vid;
	atomic_store_explicit(&p->tx_caps, 0, memory_order_relaxed);
	atomic_store_explicit(&p->rarp, 0, memory_order_relaxed);
	pthread_mutex_lock(&p->lock);
	p->shown.connected = vid >= 0;
	p->shown.features = 0;
	p->shown.protocol_features = 0;
	p->shown.guest_mtu = 0;
	p->shown.numa_node = -1;
	pthread_mutex_unlock(&p->lock);
}

void
vhost_disconnect(struct vhost_port *p)
{
	struct vhost_port *expected = p;
	int fd;

	if (p->vid < 0)
		return;
	p->running = false;
	vhost_rings_leave(p, VHOST_ALL_RINGS, RING_STOPPED);
	/* Nobody is inside a ring any more, so no fault handler of a worker can
	 * still use the descriptor or a range. */
	vhost_log_forget(p);
	vhost_memory_forget(p);
	fd = atomic_exchange_explicit(&p->connfd, -1, memory_order_acq_rel);
	if (fd >= 0) {
		/* A close alone would reach the peer only when the fd thread's
		 * poll() lets go of the socket, up to a second later. */
		(void)shutdown(fd, SHUT_RDWR);
		close(fd);
	}
	/* After driver_unregister the library may have given the number to
	 * another port's connection already. */
	(void)atomic_compare_exchange_strong_explicit(
		&by_vid[p->vid], &expected, NULL, memory_order_acq_rel, memory_order_relaxed);
	conn_reset(p, -1);
	vhost_changed(p);
}

/* One peer at a time. False: the old one is alive, refuse the new. */
static bool
conn_replace(struct vhost_port *p)
{
	if (p->vid < 0)
		return true;
	/* A peer that died and came back at once: its first connection's end may
	 * be behind the new one in the library's poll loop. */
	if (!vhost_socket_hung_up(atomic_load_explicit(&p->connfd, memory_order_relaxed)))
		return false;
	vhost_disconnect(p);
	return true;
}

static int
conn_new(int vid)
{
	char path[sizeof(((struct vhost_port_config *)0)->socket)];
	unsigned int timeout = VHOST_PEER_TIMEOUT_MS;
	struct vhost_port *p;
	int fd;

	if (rte_vhost_get_ifname(vid, path, sizeof(path)) != 0)
		return -1;
	p = vhost_port_by_path(path);
	if (!p || atomic_load_explicit(&p->closing, memory_order_acquire))
		return -1;
	if (conn_out(p)) {
		struct timespec pause = {.tv_nsec = STRIKER_PAUSE_NS};

		nanosleep(&pause, NULL);
		if (!p->cfg.client)
			return -1;
		timeout = STRIKER_TIMEOUT_MS;
	}
	if (!conn_replace(p))
		return -1;
	/* The library reads payloads with a blocking read(), on the one thread
	 * that serves all ports: a peer that sends half a message would stop them
	 * all. The option makes that read fail, and the library then closes. */
	fd = vhost_socket_find(&p->cfg);
	if (fd < 0) {
		vhost_error(p, -1, "no file descriptor left for the connection%s",
			p->cfg.client ? "; delete the port and add it again" : "");
		return -1;
	}
	vhost_socket_timeouts(fd, timeout);
	conn_reset(p, vid);
	atomic_store_explicit(&p->bus_error, false, memory_order_relaxed);
	atomic_store_explicit(&p->connfd, fd, memory_order_release);
	atomic_store_explicit(&by_vid[vid], p, memory_order_release);
	if (!conn_out(p))
		vhost_error_clear(p, -1);
	(void)rte_vhost_extern_callback_register(vid, &vhost_message_hooks, NULL);
	vhost_changed(p);
	return 0;
}

/* Why a connection ended, when the peer had not simply closed it. */
static void
conn_explain_end(struct vhost_port *p)
{
	int fd = atomic_load_explicit(&p->connfd, memory_order_relaxed);

	if (atomic_load_explicit(&p->bus_error, memory_order_relaxed)) {
		vhost_error(p, -1, "the peer took memory away that it had shared with us");
		return;
	}
	if (p->fatal && p->unfinished)
		vhost_error(p, -1, "the peer's %s was malformed and has been refused",
			vhost_request_name(p->unfinished));
	/* The library closed its end, the peer is still there, and no message was
	 * refused: it gave up waiting for one. */
	if (p->fatal || vhost_socket_hung_up(fd))
		return;
	vhost_error(p, -1, "the peer sent a malformed or incomplete message");
	conn_strike(p);
}

static void
conn_destroy(int vid)
{
	struct vhost_port *p = vhost_port_by_vid(vid);

	vhost_fault_blame(-1);
	if (!p)
		return;
	conn_explain_end(p);
	vhost_memory_failed(p);
	vhost_disconnect(p);
}

/* The device is ready: at least the first pair. Other pairs come (and go, with
 * ethtool -L) through ring_changed(). */
static int
device_new(int vid)
{
	struct vhost_port *p = vhost_port_by_vid(vid);
	int node = rte_vhost_get_numa_node(vid);

	if (!p)
		return -1;
	/* A device that starts again has been reset. */
	vhost_error_clear(p, -1);
	p->running = true;
	pthread_mutex_lock(&p->lock);
	p->shown.numa_node = node;
	pthread_mutex_unlock(&p->lock);
	vhost_rings_start(p, VHOST_ALL_RINGS);
	return 0;
}

static void
device_destroy(int vid)
{
	struct vhost_port *p = vhost_port_by_vid(vid);

	if (!p)
		return;
	p->running = false;
	/* Gives every ring's position back, not only that of the ring which the
	 * coming GET_VRING_BASE names: the others are asked for later, when the
	 * device does not run any more and this is not called again. */
	vhost_rings_leave(p, VHOST_ALL_RINGS, RING_STOPPED);
}

static int
ring_changed(int vid, uint16_t i, int enable)
{
	struct vhost_port *p = vhost_port_by_vid(vid);

	if (!p || i >= vhost_rings(p))
		return -1;
	p->ring[i].ready = enable;
	if (enable)
		vhost_rings_start(p, UINT32_C(1) << i);
	/* During SET_VRING_CALL the library calls a ring unready and then ready
	 * again; nothing that we use has changed. */
	else if (p->unfinished != VHOST_MSG_SET_VRING_CALL)
		vhost_rings_leave(p, UINT32_C(1) << i, RING_STOPPED);
	return 0;
}

const struct rte_vhost_device_ops vhost_device_ops = {
	.new_connection = conn_new,
	.destroy_connection = conn_destroy,
	.new_device = device_new,
	.destroy_device = device_destroy,
	.vring_state_changed = ring_changed,
};
