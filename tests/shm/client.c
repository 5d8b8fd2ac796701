/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Attaching, opening and detaching; the rings are in client-ring.c. See client.h.
 */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "tests/shm/client.h"

#define IVSHMEM_VERSION 0
#define NUMBER_NO_FD    (-1)

double
client_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

__attribute__((format(printf, 2, 3))) static bool
fail(struct client *c, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(c->error, sizeof(c->error), format, args);
	va_end(args);
	return false;
}

static int
dial(struct client *c, const char *dir, const char *port, const char *which)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd;

	if (snprintf(a.sun_path, sizeof(a.sun_path), "%s/%s.%s.sock", dir, port, which) >=
		(int)sizeof(a.sun_path)) {
		fail(c, "%s/%s: the path is too long for a socket", dir, port);
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	fail(c, "%s: cannot connect: %s", a.sun_path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

/* One message of the ivshmem protocol: a number, perhaps with a descriptor. */
static bool
receive(struct client *c, int sock, double end, int64_t *number, int *fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec io = {.iov_base = number, .iov_len = sizeof(*number)};
	struct msghdr m = {.msg_iov = &io,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	struct pollfd p = {.fd = sock, .events = POLLIN};
	double left = end - client_now();
	struct cmsghdr *h;
	ssize_t n;

	if (poll(&p, 1, left > 0 ? (int)(left * 1000) : 0) != 1)
		return fail(c, "the server does not answer");
	n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC | MSG_WAITALL);
	if (n == 0 || (n < 0 && errno == ECONNRESET))
		return fail(c, "the server refused us: it closed the connection");
	if (n != (ssize_t)sizeof(*number))
		return fail(c, "the server sent %zd bytes instead of a number", n);
	*fd = NUMBER_NO_FD;
	h = CMSG_FIRSTHDR(&m);
	if (h != NULL && h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(h), sizeof(*fd));
	return true;
}

/* Version, our ID, the memory. */
static bool
greet(struct client *c, int sock, double end, int64_t *id, int *memory)
{
	int64_t number;
	int fd;

	if (!receive(c, sock, end, &number, &fd))
		return false;
	if (number == NETVM_REFUSED)
		return fail(c, "refused: the port has another client");
	if (number != IVSHMEM_VERSION || fd >= 0)
		return fail(c, "protocol version %lld, not 0", (long long)number);
	if (!receive(c, sock, end, id, &fd))
		return false;
	if (*id < 1 || *id > 65535 || fd >= 0)
		return fail(c, "our ID is %lld, not 1..65535", (long long)*id);
	if (!receive(c, sock, end, &number, memory))
		return false;
	if (number != -1 || *memory < 0)
		return fail(c, "no memory where it should come");
	return true;
}

static bool
map(struct client *c, int fd, uint8_t **at, size_t *size)
{
	struct stat st;

	if (fstat(fd, &st) != 0 || st.st_size < 4096 || (st.st_size & (st.st_size - 1)) != 0)
		return fail(c, "the memory has %lld bytes, no power of two", (long long)st.st_size);
	*at = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (*at == MAP_FAILED)
		return fail(c, "mmap: %s", strerror(errno));
	*size = (size_t)st.st_size;
	return true;
}

/* The host's doorbells, then ours: each vector in its turn. */
static bool
bells(struct client *c, double end)
{
	unsigned int host = 0, own = 0;
	int64_t number = -1;
	int fd = NUMBER_NO_FD;

	while (own < c->seen.vectors) {
		if (!receive(c, c->ring_socket, end, &number, &fd))
			return false;
		if (fd < 0)
			continue;
		if (number == NETVM_HOST_PEER && host < NETVM_VECTORS_MAX)
			c->host_bell[host++] = fd;
		else if (number == c->id && own < NETVM_VECTORS_MAX)
			c->own_bell[own++] = fd;
		else
			return fail(c, "a doorbell of peer %lld", (long long)number);
	}
	if (host != c->seen.vectors)
		return fail(c, "%u doorbells of the host for %u vectors", host, c->seen.vectors);
	return true;
}

static bool
check_pages(struct client *c)
{
	const struct netvm_pool *p = (const struct netvm_pool *)(const void *)c->pool;

	c->dev = (struct netvm_device *)(void *)c->rings;
	c->seen = *c->dev;
	c->buffers_offset = p->buffers_offset;
	c->pairs = c->seen.queue_pairs;
	if (c->seen.magic != NETVM_DEVICE_MAGIC || c->seen.version != NETVM_ABI_VERSION)
		return fail(c, "the ring memory is no NetVM device");
	if (p->magic != NETVM_POOL_MAGIC || p->id != c->seen.pool_id)
		return fail(c, "the pool is not the one that the ring memory names");
	if (c->pairs < 1 || c->pairs > NETVM_PAIRS_MAX || c->seen.vectors < 1 ||
		c->seen.vectors > NETVM_VECTORS_MAX ||
		netvm_ring_memory(&c->seen) > c->rings_size ||
		p->buffers_offset + (uint64_t)p->buffers * p->buffer_size > c->pool_size)
		return fail(c, "the device page is not sane");
	return true;
}

bool
client_attach(struct client *c, const char *dir, const char *port, double timeout)
{
	double end = client_now() + timeout;
	int64_t pool_id;

	memset(c, 0, sizeof(*c));
	c->ring_socket = c->pool_socket = c->ring_fd = c->pool_fd = -1;
	for (unsigned int i = 0; i < NETVM_VECTORS_MAX; i++)
		c->host_bell[i] = c->own_bell[i] = -1;
	if ((c->ring_socket = dial(c, dir, port, "ring")) >= 0 &&
		greet(c, c->ring_socket, end, &c->id, &c->ring_fd) &&
		map(c, c->ring_fd, &c->rings, &c->rings_size) &&
		(c->pool_socket = dial(c, dir, port, "pool")) >= 0 &&
		greet(c, c->pool_socket, end, &pool_id, &c->pool_fd) &&
		map(c, c->pool_fd, &c->pool, &c->pool_size) && check_pages(c) && bells(c, end))
		return true;
	client_close(c, true);
	return false;
}

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void
client_close(struct client *c, bool rudely)
{
	if (!rudely && c->dev != NULL) {
		__atomic_store_n(&c->dev->guest_state, NETVM_GUEST_CLOSED, __ATOMIC_RELEASE);
		client_bell(c->host_bell[0]);
	}
	if (c->rings != NULL && c->rings != MAP_FAILED)
		munmap(c->rings, c->rings_size);
	if (c->pool != NULL && c->pool != MAP_FAILED)
		munmap(c->pool, c->pool_size);
	c->rings = c->pool = NULL;
	c->dev = NULL;
	close_fd(&c->ring_socket);
	close_fd(&c->pool_socket);
	close_fd(&c->ring_fd);
	close_fd(&c->pool_fd);
	for (unsigned int i = 0; i < NETVM_VECTORS_MAX; i++) {
		close_fd(&c->host_bell[i]);
		close_fd(&c->own_bell[i]);
	}
}

bool
client_gone(struct client *c)
{
	char byte;
	ssize_t n = recv(c->ring_socket, &byte, 1, MSG_DONTWAIT | MSG_PEEK);

	return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

bool
client_lost(const struct client *c)
{
	return __atomic_load_n(&c->dev->host_state, __ATOMIC_ACQUIRE) != NETVM_HOST_READY;
}

static void
ring_at(struct client *c, struct client_ring *r, unsigned int pair, enum netvm_ring_kind kind,
	uint32_t entries)
{
	r->ring = (struct netvm_ring *)(void *)(c->rings + netvm_ring_offset(&c->seen, pair, kind));
	r->entries = r->ring + 1;
	r->mask = entries - 1;
	r->at = r->known = 0;
}

bool
client_open(struct client *c, double timeout)
{
	double end = client_now() + timeout;
	uint32_t request;

	/* Who opens the port again after a reset finds the host in NETVM_HOST_RESET. */
	while (__atomic_load_n(&c->dev->host_state, __ATOMIC_ACQUIRE) == NETVM_HOST_DOWN) {
		if (client_now() > end)
			return fail(c, "the host is not ready");
		usleep(200);
	}
	request = c->dev->guest_request + 1;
	__atomic_store_n(&c->dev->guest_request, request, __ATOMIC_RELEASE);
	client_bell(c->host_bell[0]);
	while (__atomic_load_n(&c->dev->host_answer, __ATOMIC_ACQUIRE) != request) {
		if (client_now() > end)
			return fail(c, "the host does not answer our request");
		usleep(50);
	}
	for (unsigned int q = 0; q < c->pairs; q++) {
		ring_at(c, &c->rx[q], q, NETVM_RX, c->seen.rx_entries);
		ring_at(c, &c->tx[q], q, NETVM_TX, c->seen.tx_entries);
		ring_at(c, &c->fill[q], q, NETVM_FILL, c->seen.fill_entries);
	}
	__atomic_store_n(&c->dev->guest_state, NETVM_GUEST_OPEN, __ATOMIC_RELEASE);
	return true;
}
