/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The hostile peer's connection and messages; see vhost-peer.h.
 */
#include "tests/fuzz/vhost-peer.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <linux/vhost_types.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "tests/frontend/frontend.h"

/* The peer's own addresses; nothing lies there. */
#define USER_BASE UINT64_C(0x7000000000)
#define STUCK_S   8 /* a thread of the backend that needs longer is stuck */

enum { KINDS = 14, KIND_EVENT = 0, KIND_MEM = 12 };

static int kinds[KIND_MEM];

void
peer_check(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "hostile peer: %s\n", what);
	abort();
}

uint64_t
peer_take(struct peer *p, unsigned int bytes)
{
	uint64_t v = 0;

	for (unsigned int i = 0; i < bytes; i++)
		v |= p->in.at < p->in.end ? (uint64_t)*p->in.at++ << 8 * i : 0;
	return v;
}

static int
sealed(unsigned int seals, const char *open_as, int flags)
{
	int fd = memfd_create("sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING), again = fd;
	char path[32];

	peer_check(fd >= 0 && ftruncate(fd, PEER_REGION_BYTES) == 0, "memfd");
	peer_check(fcntl(fd, F_ADD_SEALS, seals) == 0, "seals");
	if (open_as) {
		snprintf(path, sizeof(path), open_as, fd);
		again = open(path, flags | O_CLOEXEC);
		close(fd);
	}
	return again;
}

void
peer_kinds_open(void)
{
	int pipes[2], pair[2];

	peer_check(pipe2(pipes, O_CLOEXEC) == 0, "pipe");
	peer_check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0, "socketpair");
	kinds[KIND_EVENT] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	kinds[1] = eventfd(1, EFD_CLOEXEC);
	kinds[2] = pipes[0];
	kinds[3] = pipes[1];
	kinds[4] = pair[0];
	kinds[5] = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	kinds[6] = open("/dev/zero", O_RDWR | O_CLOEXEC);
	kinds[7] = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	kinds[8] = epoll_create1(EPOLL_CLOEXEC);
	kinds[9] = sealed(F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL, NULL, 0);
	kinds[10] = sealed(F_SEAL_FUTURE_WRITE, NULL, 0);
	kinds[11] = sealed(0, "/proc/self/fd/%d", O_RDONLY);
	for (unsigned int i = 0; i < KIND_MEM; i++)
		peer_check(kinds[i] >= 0, "descriptors");
}

static int
kind(const struct peer *p, uint8_t which)
{
	which %= KINDS;
	return which < KIND_MEM ? kinds[which] : p->mem[which - KIND_MEM];
}

/* --- the connection --------------------------------------------------------- */

void
peer_hang_up(struct peer *p)
{
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
}

int
peer_dial(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct timeval t = {.tv_sec = 1};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(a.sun_path, path, strlen(path));
	peer_check(fd >= 0, "socket");
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
	peer_check(connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0, "nobody listens");
	return fd;
}

static void
drain(struct peer *p)
{
	char skip[512];

	while (recv(p->fd, skip, sizeof(skip), MSG_DONTWAIT) > 0)
		;
}

static void
put(struct peer *p, const void *bytes, size_t len, const int *fds, unsigned int nfds)
{
	struct fe fe = {.fd = p->fd};

	drain(p);
	(void)fe_send_raw(&fe, bytes, len, fds, nfds);
}

/* The backend has read what was sent, and the worker has seen what came of it. */
void
peer_settle(struct peer *p)
{
	time_t end = time(NULL) + STUCK_S;
	int unread = 1;

	while (ioctl(p->fd, SIOCOUTQ, &unread) == 0 && unread > 0) {
		struct pollfd pfd = {.fd = p->fd, .events = POLLRDHUP};

		drain(p);
		if (poll(&pfd, 1, 0) == 1 && (pfd.revents & (POLLRDHUP | POLLHUP)))
			break;
		peer_check(time(NULL) < end, "the backend does not read any more");
		usleep(20);
	}
	p->settle();
}

/* --- messages --------------------------------------------------------------- */

struct message {
	uint32_t request, flags, size;
	uint8_t payload[FE_PAYLOAD_MAX];
	uint32_t len; /* bytes of payload that are sent */
	int fds[FE_FDS_MAX];
	unsigned int nfds;
};

static void
payload_is(struct message *m, const void *payload, uint32_t len)
{
	memcpy(m->payload, payload, len);
	m->size = m->len = len;
}

static void
payload_memory(const struct peer *p, struct message *m)
{
	struct {
		uint32_t n, pad;
		struct {
			uint64_t gpa, size, user, offset;
		} region[PEER_REGIONS];
	} t = {.n = PEER_REGIONS};

	for (unsigned int i = 0; i < PEER_REGIONS; i++) {
		t.region[i].gpa = (uint64_t)i * PEER_REGION_BYTES;
		t.region[i].size = PEER_REGION_BYTES;
		t.region[i].user = USER_BASE + (uint64_t)i * PEER_REGION_BYTES;
		m->fds[i] = p->mem[i];
	}
	m->nfds = PEER_REGIONS;
	payload_is(m, &t, sizeof(t));
}

static void
payload_address(struct message *m, unsigned int ring)
{
	uint64_t at = USER_BASE + (uint64_t)(ring % PEER_RINGS) * PEER_RING_BYTES;
	struct vhost_vring_addr a = {.index = ring,
		.desc_user_addr = at,
		.avail_user_addr = at + 0x1000,
		.used_user_addr = at + 0x2000};

	payload_is(m, &a, sizeof(a));
}

/* A message as a good peer sends it. */
static void
compose(const struct peer *p, struct message *m, uint32_t request, unsigned int ring,
	uint64_t value)
{
	const uint32_t state[2] = {ring, (uint32_t)value};
	const uint64_t file = ring | (value & 1 ? 0x100 : 0);

	memset(m, 0, offsetof(struct message, payload));
	m->nfds = 0;
	m->len = 0;
	m->request = request;
	m->flags = FE_FLAG_VERSION;
	switch (request) {
	case FE_SET_MEM_TABLE:
		payload_memory(p, m);
		break;
	case FE_SET_VRING_NUM:
	case FE_SET_VRING_BASE:
	case FE_GET_VRING_BASE:
	case FE_SET_VRING_ENABLE:
		payload_is(m, state, sizeof(state));
		break;
	case FE_SET_VRING_ADDR:
		payload_address(m, ring);
		break;
	case FE_SET_VRING_KICK:
	case FE_SET_VRING_CALL:
	case FE_SET_VRING_ERR:
		payload_is(m, &file, sizeof(file));
		m->nfds = !(value & 1);
		m->fds[0] = kinds[KIND_EVENT];
		break;
	case FE_SET_LOG_BASE:
		payload_is(m, (const uint64_t[]){PEER_REGION_BYTES, value}, 16);
		m->nfds = 1;
		m->fds[0] = p->mem[1];
		break;
	case FE_SET_LOG_FD:
		m->nfds = 1;
		m->fds[0] = kinds[KIND_EVENT];
		break;
	default:
		payload_is(m, &value, sizeof(value));
	}
}

/* Bits of `how`: 0,1 flags; 2,3 size; 4,5 descriptors; 6 payload. */
static void
spoil(struct peer *p, struct message *m, uint8_t how)
{
	static const uint32_t flags[] = {1, 9, 0, 5};
	unsigned int n;

	m->flags = flags[how & 3];
	if (how & 0x40) {
		uint64_t value = peer_take(p, 8);

		n = (unsigned int)peer_take(p, 1) % 64;
		memcpy(m->payload + n, &value, sizeof(value));
	}
	switch (how >> 2 & 3) {
	case 1:
		m->size = m->len = (uint32_t)peer_take(p, 2) % FE_PAYLOAD_MAX;
		break;
	case 2:
		m->size = (uint32_t)peer_take(p, 4);
		break;
	case 3:
		if (p->pauses++ == 0)
			m->len = m->len * (uint32_t)peer_take(p, 1) / 256;
		break;
	}
	switch (how >> 4 & 3) {
	case 1:
		m->nfds = 0;
		break;
	case 2:
		m->nfds = (unsigned int)peer_take(p, 1) % FE_FDS_MAX;
		for (n = 0; n < m->nfds; n++)
			m->fds[n] = kind(p, (uint8_t)peer_take(p, 1));
		break;
	case 3:
		if (m->nfds > 0)
			m->fds[m->nfds - 1] = kind(p, (uint8_t)peer_take(p, 1));
		break;
	}
}

static void
transmit(struct peer *p, const struct message *m)
{
	uint8_t bytes[12 + FE_PAYLOAD_MAX];

	memcpy(bytes, &m->request, 4);
	memcpy(bytes + 4, &m->flags, 4);
	memcpy(bytes + 8, &m->size, 4);
	memcpy(bytes + 12, m->payload, m->len);
	put(p, bytes, 12 + m->len, m->fds, m->nfds);
}

void
peer_tell(struct peer *p, uint32_t request, unsigned int ring, uint64_t value)
{
	struct message m;

	memset(m.payload, 0, 128);
	compose(p, &m, request, ring, value);
	transmit(p, &m);
}

void
peer_any_message(struct peer *p)
{
	uint32_t request = (uint32_t)peer_take(p, 1);
	unsigned int ring = (unsigned int)peer_take(p, 1);
	uint8_t how = (uint8_t)peer_take(p, 1);
	struct message m;

	memset(m.payload, 0, sizeof(m.payload));
	compose(p, &m, request, ring < 0xf0 ? ring % 5 : ring, peer_take(p, 2));
	spoil(p, &m, how);
	transmit(p, &m);
}

/* Bytes that are no message, with a descriptor or two. */
void
peer_send(struct peer *p, const void *bytes, uint32_t len)
{
	put(p, bytes, len, kinds, len & 3);
}
