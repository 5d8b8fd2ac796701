/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libnetvm: the transport of processes, unix:DIR/PORT. Two sockets,
 * DIR/PORT.ring.sock and DIR/PORT.pool.sock, that speak QEMU's ivshmem protocol:
 * messages of 8 bytes, some with a file. After version and own ID they may come in
 * any order: -1 with the memory; a peer's ID with the eventfd of its next vector; a
 * peer's ID alone when it is gone. Of the peers only the host matters, and
 * ourselves.
 *
 * An eventfd that is replaced keeps its number (dup2), so threads that sleep on one
 * or ring one need no lock. Threads: see struct netvm_transport.
 */
#include "guest-pmd/transport-unix.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define NS_OF_MS(ms) ((uint64_t)(ms)*1000000)
#define BUSY_MS      500 /* a port whose last client has just died is free soon */
#define RETRY_NS     5000000

struct conn {
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	int fd;     /* -1: cut */
	bool fresh; /* connected by service: reopen has to read the greeting */
	struct netvm_ivshmem in;
	struct netvm_shared map;
};

struct bells {
	int fd[NETVM_VECTORS_MAX]; /* -1: none yet */
	uint16_t count;
};

enum { RING, POOL };

struct unix_link {
	struct conn conn[2];
	struct bells host, own; /* of the ring socket */
};

/* --- connecting ---------------------------------------------------------------- */

static void
cut(struct conn *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->fresh = false;
}

/* Once, without waiting. */
static int
connect_once(struct conn *c)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), err;

	if (fd < 0)
		return -errno;
	memcpy(to.sun_path, c->path, sizeof(to.sun_path));
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		err = -errno;
		close(fd);
		return err;
	}
	c->fd = fd;
	netvm_ivshmem_init(&c->in);
	return 0;
}

static int
connect_until(const struct netvm_link *link, struct conn *c, uint64_t deadline)
{
	int err;

	while ((err = connect_once(c))) {
		if ((err == -ENOENT || err == -ECONNREFUSED || err == -EAGAIN) &&
			netvm_nf_now_ns() < deadline) {
			nanosleep(&(struct timespec){.tv_nsec = RETRY_NS}, NULL);
			continue;
		}
		return netvm_fail(-err, "%s: cannot connect to %s: %s%s", link->name, c->path,
			strerror(-err),
			err == -EACCES ? "; the socket's owner and mode say who may"
				       : "; is netvmd running, and has it this port?");
	}
	return 0;
}

/* --- messages ------------------------------------------------------------------- */

/* Takes an eventfd over, in the place of an earlier one of the same vector. */
static void
add_bell(struct bells *b, int fd)
{
	int *slot = &b->fd[b->count];

	if (b->count == NETVM_VECTORS_MAX) {
		close(fd);
		return;
	}
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	b->count++;
	if (*slot < 0) {
		*slot = fd;
		return;
	}
	dup3(fd, *slot, O_CLOEXEC);
	close(fd);
}

/* One message behind the greeting; takes the file over. */
static int
handle(struct netvm_link *link, struct conn *c, int64_t value, int fd)
{
	struct unix_link *u = link->state;
	struct bells *bells = value == c->in.id ? &u->own : &u->host;
	int err = 0;

	if (value == -1 && fd >= 0) {
		err = netvm_shared_map(link, c->path, fd, &c->map);
		c->in.memory = !err;
	} else if (c == &u->conn[RING] && (value == c->in.id || value == NETVM_HOST_PEER)) {
		if (fd >= 0) {
			add_bell(bells, fd);
			return 0;
		}
		bells->count = 0; /* it is gone; its next eventfds take their places */
	}
	if (fd >= 0)
		close(fd);
	return err;
}

/* Reads what is there. 0: nothing more now; else an error, with a sentence. */
static int
drain(struct netvm_link *link, struct conn *c)
{
	int64_t value;
	int fd, got, err;

	while ((got = netvm_ivshmem_read(link, c->path, c->fd, &c->in, &value, &fd)) > 0) {
		err = handle(link, c, value, fd);
		if (err)
			return err;
	}
	return got;
}

static bool
has_memory(const struct unix_link *u, const struct conn *c, uint16_t vectors)
{
	return c->in.memory;
}

static bool
has_bells(const struct unix_link *u, const struct conn *c, uint16_t vectors)
{
	return u->host.count >= vectors && u->own.count >= vectors;
}

/* Reads until `enough` is. */
static int
drain_until(struct netvm_link *link, struct conn *c, uint16_t vectors, uint64_t deadline,
	bool (*enough)(const struct unix_link *, const struct conn *, uint16_t))
{
	struct pollfd p = {.fd = c->fd, .events = POLLIN};
	const struct unix_link *u = link->state;
	uint64_t now;
	int err;

	for (;;) {
		err = drain(link, c);
		if (err || enough(u, c, vectors))
			return err;
		now = netvm_nf_now_ns();
		if (now >= deadline)
			return netvm_fail(ETIMEDOUT,
				"%s: netvmd gave no %s over %s in time (%u of its doorbells, %u of "
				"ours)",
				link->name, c->in.memory ? "doorbells" : "memory", c->path,
				u->host.count, u->own.count);
		poll(&p, 1, (deadline - now) / 1000000 + 1);
	}
}

/* Connects and reads the greeting up to the memory. A server that hangs up at
 * once has another client; it may not have noticed yet that this one is dead. */
static int
greet(struct netvm_link *link, struct conn *c, uint64_t deadline)
{
	uint64_t busy = netvm_nf_now_ns() + NS_OF_MS(BUSY_MS);
	struct unix_link *u = link->state;
	int err;

	if (busy > deadline)
		busy = deadline;
	for (;;) {
		err = c->fd >= 0 ? 0 : connect_until(link, c, deadline);
		if (err)
			return err;
		if (c == &u->conn[RING])
			u->host.count = u->own.count = 0;
		err = drain_until(link, c, 0, deadline, has_memory);
		if (!err) {
			c->fresh = false;
			return 0;
		}
		cut(c);
		if (err != -EPIPE)
			return err;
		if (netvm_nf_now_ns() >= busy)
			return netvm_fail(EBUSY, "%s: %s hangs up: the port has another client",
				link->name, c->path);
		nanosleep(&(struct timespec){.tv_nsec = RETRY_NS}, NULL);
	}
}

/* --- the transport ---------------------------------------------------------------- */

static void
unix_close(struct netvm_link *link)
{
	struct unix_link *u = link->state;

	if (!u)
		return;
	for (int i = RING; i <= POOL; i++) {
		cut(&u->conn[i]);
		netvm_ivshmem_init(&u->conn[i].in);
		netvm_shared_unmap(&u->conn[i].map);
	}
	for (int i = 0; i < NETVM_VECTORS_MAX; i++) {
		if (u->host.fd[i] >= 0)
			close(u->host.fd[i]);
		if (u->own.fd[i] >= 0)
			close(u->own.fd[i]);
	}
	free(u);
	link->state = NULL;
}

static int
unix_open(struct netvm_link *link, const char *where, uint64_t deadline)
{
	static const char *const names[] = {"ring", "pool"};
	struct unix_link *u = calloc(1, sizeof(*u));
	int err = 0;

	if (!u)
		return netvm_fail(ENOMEM, "%s: no memory", link->name);
	link->state = u;
	memset(u->host.fd, 0xff, sizeof(u->host.fd));
	memset(u->own.fd, 0xff, sizeof(u->own.fd));
	u->conn[RING].fd = u->conn[POOL].fd = -1;
	for (int i = RING; i <= POOL; i++) {
		struct conn *c = &u->conn[i];

		netvm_ivshmem_init(&c->in);
		if (snprintf(c->path, sizeof(c->path), "%s.%s.sock", where, names[i]) >=
			(int)sizeof(c->path))
			return netvm_fail(ENAMETOOLONG,
				"%s: the socket's path is longer than %zu bytes", link->name,
				sizeof(c->path) - 1);
	}
	for (int i = RING; i <= POOL && !err; i++)
		err = greet(link, &u->conn[i], deadline);
	link->ring = u->conn[RING].map.memory;
	link->pool = u->conn[POOL].map.memory;
	return err;
}

static int
unix_bells(struct netvm_link *link, uint16_t vectors, uint64_t deadline)
{
	struct unix_link *u = link->state;

	return drain_until(link, &u->conn[RING], vectors, deadline, has_bells);
}

static int
unix_reopen(struct netvm_link *link, uint64_t deadline)
{
	struct unix_link *u = link->state;
	int err = 0;

	for (int i = RING; i <= POOL && !err; i++)
		if (u->conn[i].fd < 0 || u->conn[i].fresh)
			err = greet(link, &u->conn[i], deadline);
	return err;
}

static int
unix_service(struct netvm_link *link)
{
	struct unix_link *u = link->state;
	int result = 0;

	for (int i = RING; i <= POOL; i++) {
		struct conn *c = &u->conn[i];

		if (c->fd >= 0 && !c->fresh && drain(link, c))
			cut(c);
		if (c->fd < 0 && !connect_once(c))
			c->fresh = true;
		if (c->fd < 0)
			result = -EPIPE;
		else if (c->fresh && !result)
			result = -ENOTCONN;
	}
	return result;
}

static void
write_bell(int fd)
{
	uint64_t one = 1;

	/* Full means rung already. */
	if (fd >= 0 && write(fd, &one, sizeof(one)) < 0)
		return;
}

static void
unix_ring(struct netvm_link *link, uint16_t vector)
{
	write_bell(((struct unix_link *)link->state)->host.fd[vector]);
}

static void
unix_wake(const struct netvm_link *link, uint16_t vector)
{
	write_bell(((struct unix_link *)link->state)->own.fd[vector]);
}

static int
unix_fd(const struct netvm_link *link, uint16_t vector)
{
	return ((struct unix_link *)link->state)->own.fd[vector];
}

static void
unix_rest(const struct netvm_link *link, uint16_t vector)
{
	uint64_t count;

	if (read(unix_fd(link, vector), &count, sizeof(count)) < 0)
		return; /* it was empty */
}

const struct netvm_transport netvm_transport_unix = {
	.prefix = "unix:",
	.open = unix_open,
	.bells = unix_bells,
	.reopen = unix_reopen,
	.service = unix_service,
	.ring = unix_ring,
	.fd = unix_fd,
	.rest = unix_rest,
	.wake = unix_wake,
	.close = unix_close,
};
