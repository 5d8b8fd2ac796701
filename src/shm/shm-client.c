/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Guests that come and go: what they are given, and what is held of it. Runs on the
 * thread of shm-server.c; shm-port-state.c has the states.
 */
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "src/shm/shm-server.h"

#define FIRST_TICK_MS 100

static void
keep(struct shm_port *p, const char *what, const int *fd, unsigned int n)
{
	char key[SHM_KEEPER_NAME];

	shm_keeper_key(key, p, what);
	if (n)
		(void)shm_keeper_hold(key, fd, n);
	else
		shm_keeper_drop(key);
}

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

/* The host's, then the client's own, as QEMU's server does. */
static int
bells_send(struct shm_port *p, int sock)
{
	int ret = 0;

	for (unsigned int v = 0; v < p->cfg.vectors && ret == 0; v++)
		ret = shm_ivshmem_send(sock, NETVM_HOST_PEER, p->kick[v]);
	for (unsigned int v = 0; v < p->cfg.vectors && ret == 0; v++)
		ret = shm_ivshmem_send(sock, SHM_CLIENT_ID, p->bell[v]);
	return ret;
}

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
	keep(p, "ring", NULL, 0);
	keep(p, "kick", NULL, 0);
	keep(p, "bell", NULL, 0);
	shm_life_enter(p, a->enabled ? SHM_WAITING : SHM_DOWN, NULL);
}

static void
ring_attach(struct shm_port *p, int sock)
{
	struct shm_attachment *a = p->client;
	struct shm_door *d = &a->door[SHM_DOOR_RING];
	int kick[NETVM_VECTORS_MAX], bell[NETVM_VECTORS_MAX];

	if (!bells_open(p)) {
		close(sock);
		shm_life_enter(
			p, SHM_WAITING, "no file descriptor is left for a guest's doorbells");
		return;
	}
	shm_page_clear(p);
	a->answered = 0;
	a->bells = 0;
	a->wait_ms = 0;
	if (shm_ivshmem_greet(sock, SHM_CLIENT_ID, p->memory.fd) != 0 || bells_send(p, sock) != 0) {
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
	for (unsigned int v = 0; v < p->cfg.vectors; v++) {
		kick[v] = p->kick[v];
		bell[v] = p->bell[v];
	}
	keep(p, "kick", kick, p->cfg.vectors);
	keep(p, "bell", bell, p->cfg.vectors);
	keep(p, "ring", &sock, 1);
}

static void
pool_attach(struct shm_port *p, int sock)
{
	struct shm_door *d = &p->client->door[SHM_DOOR_POOL];

	if (shm_ivshmem_greet(sock, SHM_CLIENT_ID, p->pool->memory.fd) != 0) {
		close(sock);
		return;
	}
	d->sock = sock;
	shm_server_poll(sock, EPOLLRDHUP, &d->on_sock);
	keep(p, "pool", &sock, 1);
}

static void
detach(struct shm_port *p, enum shm_door_kind door)
{
	if (door == SHM_DOOR_RING) {
		ring_detach(p);
	} else {
		/* The guest may have the pool by another port of the group. */
		shm_door_hang_up(&p->client->door[SHM_DOOR_POOL]);
		keep(p, "pool", NULL, 0);
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
