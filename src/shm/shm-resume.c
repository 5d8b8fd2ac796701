/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a port stands on, made or taken over from an earlier daemon. Control thread,
 * before the port is watched. Neighbours: shm-port.c calls, shm-port-state.c goes on
 * from here, shm-keeper.c holds:
 *
 *	port/NAME/memory  the ring memory
 *	port/NAME/book    where its rings stand; nobody else sees it
 *	port/NAME/kick    doorbells of the host, one for each vector
 *	port/NAME/bell    doorbells of the guest
 *	port/NAME/ring    the connected ring socket
 *	port/NAME/pool    the connected pool socket
 *
 * None of these words begins another: the keeper forgets by prefix.
 *
 * A guest that is still there keeps its memory, doorbells and sockets as long as
 * pool and size of the ring memory are the same. When the rings have changed
 * otherwise (p->resumed is false then), it is told to open the port again. With
 * another pool or size there is nothing that it could use: it is hung up.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/shm/shm-server.h"

void
shm_keeper_key(char key[SHM_KEEPER_NAME], const struct shm_port *p, const char *what)
{
	snprintf(key, SHM_KEEPER_NAME, "port/%s/%s", p->cfg.name, what);
}

static int
kept(const struct shm_port *p, const char *what, int fd[SHM_KEEPER_FDS])
{
	char key[SHM_KEEPER_NAME];

	shm_keeper_key(key, p, what);
	return shm_keeper_get(key, fd);
}

static void
hold(struct shm_port *p, const char *what, int fd)
{
	char key[SHM_KEEPER_NAME];
	int ret;

	shm_keeper_key(key, p, what);
	/* Not held: the port does not survive us, and works. */
	ret = shm_keeper_hold(key, &fd, 1);
	if (ret != 0)
		shm_port_held(p, ret);
}

/* The one descriptor under this name, or -1. */
static int
kept_one(const struct shm_port *p, const char *what)
{
	int fd[SHM_KEEPER_FDS], n = kept(p, what, fd);

	if (n == 1)
		return fd[0];
	for (int i = 0; i < n; i++)
		close(fd[i]);
	return -1;
}

/* Doorbells, one for each vector; false: not these. */
static bool
kept_bells(const struct shm_port *p, const char *what, _Atomic int bell[NETVM_VECTORS_MAX])
{
	int fd[SHM_KEEPER_FDS], n = kept(p, what, fd);

	for (int i = 0; i < n; i++) {
		if (n == p->cfg.vectors)
			atomic_store_explicit(&bell[i], fd[i], memory_order_release);
		else
			close(fd[i]);
	}
	return n == p->cfg.vectors;
}

static void
sock_drop(int *sock)
{
	if (*sock < 0)
		return;
	(void)shutdown(*sock, SHUT_RDWR);
	close(*sock);
	*sock = -1;
}

/* Nobody can go on: who is still connected sees the end. */
void
shm_port_drop_client(struct shm_port *p)
{
	struct shm_attachment *a = p->client;

	sock_drop(&a->door[SHM_DOOR_RING].sock);
	sock_drop(&a->door[SHM_DOOR_POOL].sock);
	for (unsigned int v = 0; v < NETVM_VECTORS_MAX; v++) {
		int kick = atomic_exchange_explicit(&p->kick[v], -1, memory_order_relaxed);
		int bell = atomic_exchange_explicit(&p->bell[v], -1, memory_order_relaxed);

		if (kick >= 0)
			close(kick);
		if (bell >= 0)
			close(bell);
	}
}

/* Memory, sockets and doorbells of an earlier daemon; false: not all of them. */
static bool
take_client(struct shm_port *p, uint64_t bytes)
{
	struct shm_attachment *a = p->client;
	int memory = kept_one(p, "memory");
	char why[160];

	a->door[SHM_DOOR_RING].sock = kept_one(p, "ring");
	a->door[SHM_DOOR_POOL].sock = kept_one(p, "pool");
	if (!kept_bells(p, "kick", p->kick) || !kept_bells(p, "bell", p->bell) ||
		shm_socket_hung_up(a->door[SHM_DOOR_RING].sock) || !p->pool->resumed) {
		if (memory >= 0)
			close(memory);
		return false;
	}
	if (shm_socket_hung_up(a->door[SHM_DOOR_POOL].sock))
		sock_drop(&a->door[SHM_DOOR_POOL].sock);
	return memory >= 0 && shm_memory_adopt(&p->memory, memory, bytes, why, sizeof(why)) == 0;
}

/* The book that belongs to it; false: it is of other rings. */
static bool
take_book(struct shm_port *p)
{
	int book = kept_one(p, "book");
	char why[160];

	if (book < 0 ||
		shm_memory_adopt(&p->private, book, shm_port_book_bytes(), why, sizeof(why)) != 0)
		return false;
	p->book = (struct shm_port_book *)(void *)p->private.at;
	if (shm_port_rings_fit(p))
		return true;
	shm_memory_free(&p->private);
	return false;
}

static int
make_memory(struct shm_port *p, uint64_t bytes, char *err, size_t errlen)
{
	char key[SHM_KEEPER_NAME];
	int ret;

	shm_port_drop_client(p);
	shm_memory_free(&p->memory);
	shm_keeper_key(key, p, "");
	shm_keeper_drop(key);
	ret = shm_memory_create(
		&p->memory, p->cfg.name, bytes, false, SHM_MEMORY_ANYWHERE, err, errlen);
	if (ret == 0)
		hold(p, "memory", p->memory.fd);
	return ret;
}

int
shm_port_memories(struct shm_port *p, char *err, size_t errlen)
{
	uint64_t bytes = netvm_ring_memory(&p->client->page);
	int ret = 0;

	p->client->held_at = shm_keeper_lost();
	if (!take_client(p, bytes))
		ret = make_memory(p, bytes, err, errlen);
	else
		p->resumed = take_book(p);
	if (ret == 0 && !p->resumed) {
		ret = shm_memory_create(&p->private, p->cfg.name, shm_port_book_bytes(), false,
			SHM_MEMORY_ANYWHERE, err, errlen);
		if (ret == 0)
			hold(p, "book", p->private.fd);
	}
	if (ret != 0) {
		shm_port_drop_client(p);
		shm_memory_free(&p->memory);
		return ret;
	}
	p->device = (struct netvm_device *)(void *)p->memory.at;
	p->book = (struct shm_port_book *)(void *)p->private.at;
	return 0;
}
