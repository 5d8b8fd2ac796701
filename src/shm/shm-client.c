/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Guests that come and go: what they are given, and what is held of it. Runs on the
 * thread of shm-server.c; shm-port-state.c has the states.
 *
 * A keeper that fails or ends takes with it what it held. While a guest is attached we
 * look now and then, and hold all again: what is held at all is the same whether
 * it is held once or twice.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "src/shm/shm-held.h"
#include "src/shm/shm-server.h"

#define FIRST_TICK_MS 100
#define HOLD_MS       1000  /* between two looks whether all is held */
#define HOLD_AGAIN_MS 10000 /* after it failed */

/* --- what is held ------------------------------------------------------------------ */

static void
let_go(struct shm_port *p, const char *what)
{
	char key[SHM_KEEPER_NAME];

	shm_keeper_key(key, p, what);
	shm_keeper_drop(key);
}

static int
hold(const struct shm_port *p, const char *what, const int *fd, unsigned int n)
{
	char key[SHM_KEEPER_NAME];

	shm_keeper_key(key, p, what);
	return shm_keeper_hold(key, fd, n);
}

static int
hold_socket(const struct shm_port *p, enum shm_door_kind door)
{
	int sock = p->client->door[door].sock;

	return sock >= 0 ? hold(p, door == SHM_DOOR_RING ? "ring" : "pool", &sock, 1) : 0;
}

static int
hold_bells(struct shm_port *p)
{
	int kick[NETVM_VECTORS_MAX], bell[NETVM_VECTORS_MAX], ret;

	for (unsigned int v = 0; v < p->cfg.vectors; v++) {
		kick[v] = atomic_load_explicit(&p->kick[v], memory_order_relaxed);
		bell[v] = atomic_load_explicit(&p->bell[v], memory_order_relaxed);
	}
	ret = hold(p, "kick", kick, p->cfg.vectors);
	return ret != 0 ? ret : hold(p, "bell", bell, p->cfg.vectors);
}

/* What the control thread has held when it made them. */
static int
hold_memories(const struct shm_port *p)
{
	int ret = shm_pool_hold(p->pool);

	if (ret == 0)
		ret = hold(p, "memory", &p->memory.fd, 1);
	return ret != 0 ? ret : hold(p, "book", &p->private.fd, 1);
}

void
shm_port_held(struct shm_port *p, int error)
{
	struct shm_attachment *a = p->client;
	char text[128];

	/* Not each time that a guest comes, but when there is news. */
	if (a->unheld == error)
		return;
	a->unheld = error;
	shm_held_say(
		"port", p->cfg.name, "memory, doorbells and sockets", "the guest on it", error);
	if (error == 0 && shm_env->warn) {
		snprintf(text, sizeof(text),
			"port %s: all of it is held again; its guest survives a restart",
			p->cfg.name);
		shm_env->warn(text);
	}
}

void
shm_port_hold(struct shm_port *p, int64_t now)
{
	struct shm_attachment *a = p->client;
	unsigned int lost;
	int ret;

	if (now < a->hold_ms)
		return;
	lost = shm_keeper_lost();
	a->hold_ms = now + HOLD_MS;
	if (a->unheld == 0 && a->held_at == lost)
		return;
	ret = hold_memories(p);
	if (ret == 0)
		ret = hold_bells(p);
	for (unsigned int i = 0; i < SHM_DOORS && ret == 0; i++)
		ret = hold_socket(p, (enum shm_door_kind)i);
	a->held_at = lost;
	if (ret != 0)
		a->hold_ms = now + HOLD_AGAIN_MS;
	shm_port_held(p, ret);
}

/* --- doorbells --------------------------------------------------------------------- */

void
shm_bells_close(struct shm_port *p)
{
	shm_life_watch_bell(p, false);
	for (unsigned int v = 0; v < NETVM_VECTORS_MAX; v++) {
		int kick = atomic_exchange_explicit(&p->kick[v], -1, memory_order_acq_rel);
		int bell = atomic_exchange_explicit(&p->bell[v], -1, memory_order_acq_rel);

		if (kick >= 0)
			close(kick);
		if (bell >= 0)
			close(bell);
	}
}

/* New ones for each client, so that an earlier one cannot ring. */
static bool
bells_open(struct shm_port *p)
{
	for (unsigned int v = 0; v < p->cfg.vectors; v++) {
		int kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		int bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

		atomic_store_explicit(&p->kick[v], kick, memory_order_release);
		atomic_store_explicit(&p->bell[v], bell, memory_order_release);
		if (kick < 0 || bell < 0) {
			shm_bells_close(p);
			return false;
		}
	}
	return true;
}

/* Among a socket's ivshmem peers, of which the host is NETVM_HOST_PEER, any other would do.
 * But a guest with several ports of a group tells by it which pool came with which port. */
static int64_t
client_id(const struct shm_port *p)
{
	return NETVM_HOST_PEER + 1 + p->number;
}

/* The host's, then the client's own, as QEMU's server does. */
static int
bells_send(struct shm_port *p, int sock)
{
	int ret = 0;

	for (unsigned int v = 0; v < p->cfg.vectors && ret == 0; v++)
		ret = shm_ivshmem_send(sock, NETVM_HOST_PEER, p->kick[v]);
	for (unsigned int v = 0; v < p->cfg.vectors && ret == 0; v++)
		ret = shm_ivshmem_send(sock, client_id(p), p->bell[v]);
	return ret;
}

/* --- coming and going -------------------------------------------------------------- */

void
shm_life_attached(struct shm_port *p, bool is, pid_t peer)
{
	pthread_mutex_lock(&p->lock);
	p->attached = is;
	p->peer = peer;
	p->resumed = p->resumed && is;
	pthread_mutex_unlock(&p->lock);
}

static void
ring_detach(struct shm_port *p)
{
	struct shm_attachment *a = p->client;

	shm_life_leave(p);
	shm_bells_close(p);
	shm_door_hang_up(&a->door[SHM_DOOR_RING]);
	shm_life_attached(p, false, 0);
	a->tick_ms = 0;
	let_go(p, "ring");
	let_go(p, "kick");
	let_go(p, "bell");
	shm_life_enter(p, a->enabled ? SHM_WAITING : SHM_DOWN, NULL);
}

static void
ring_attach(struct shm_port *p, int sock)
{
	struct shm_attachment *a = p->client;
	struct shm_door *d = &a->door[SHM_DOOR_RING];
	int ret;

	if (!bells_open(p)) {
		shm_door_refuse(sock);
		shm_life_enter(
			p, SHM_WAITING, "no file descriptor is left for a guest's doorbells");
		return;
	}
	shm_page_clear(p);
	a->answered = 0;
	a->bells = 0;
	a->wait_ms = 0;
	if (shm_ivshmem_greet(sock, client_id(p), p->memory.fd) != 0 || bells_send(p, sock) != 0) {
		shm_bells_close(p);
		close(sock);
		return;
	}
	d->sock = sock;
	shm_server_poll(sock, EPOLLRDHUP, &d->on_sock);
	shm_life_attached(p, true, shm_socket_peer(sock));
	a->tick_ms = shm_now_ms() + FIRST_TICK_MS;
	shm_life_watch_bell(p, true);
	shm_life_enter(p, p->state, NULL);
	ret = hold_bells(p);
	if (ret == 0)
		ret = hold_socket(p, SHM_DOOR_RING);
	if (ret != 0)
		shm_port_held(p, ret);
}

static void
pool_attach(struct shm_port *p, int sock)
{
	struct shm_door *d = &p->client->door[SHM_DOOR_POOL];
	int ret;

	if (shm_ivshmem_greet(sock, client_id(p), p->pool->memory.fd) != 0) {
		close(sock);
		return;
	}
	d->sock = sock;
	shm_server_poll(sock, EPOLLRDHUP, &d->on_sock);
	ret = hold_socket(p, SHM_DOOR_POOL);
	if (ret != 0)
		shm_port_held(p, ret);
}

static void
detach(struct shm_port *p, enum shm_door_kind door)
{
	if (door == SHM_DOOR_RING) {
		ring_detach(p);
	} else {
		/* The guest may have the pool by another port of the group. */
		shm_door_hang_up(&p->client->door[SHM_DOOR_POOL]);
		let_go(p, "pool");
	}
}

void
shm_life_client(struct shm_port *p, enum shm_door_kind door)
{
	int sock = p->client->door[door].sock;

	if (sock >= 0 && shm_socket_hung_up(sock))
		detach(p, door);
}

void
shm_life_knock(struct shm_port *p, enum shm_door_kind door)
{
	int sock;

	/* The end of the one before may be behind the beginning of this one. */
	shm_life_client(p, door);
	sock = shm_door_accept(&p->client->door[door]);
	if (sock < 0)
		return;
	if (door == SHM_DOOR_RING)
		ring_attach(p, sock);
	else
		pool_attach(p, sock);
}
