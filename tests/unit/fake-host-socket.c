/* SPDX-License-Identifier: BSD-3-Clause */
/* The sockets of fake-host.h. */
#include "tests/unit/fake-host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char *const names[] = {"ring", "pool"};

static void
path_of(const struct fake_host *h, int which, struct sockaddr_un *at)
{
	memset(at, 0, sizeof(*at));
	at->sun_family = AF_UNIX;
	snprintf(at->sun_path, sizeof(at->sun_path), "%s/p.%s.sock", h->dir, names[which]);
}

void
fake_host_listen(struct fake_host *h)
{
	for (int i = 0; i < 2; i++) {
		struct sockaddr_un at;
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

		path_of(h, i, &at);
		unlink(at.sun_path);
		if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) || listen(fd, 4)) {
			perror("fake_host_listen");
			abort();
		}
		h->listen[i] = fd;
	}
}

static void
send_message(int socket, int64_t value, int file)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {.bytes = {0}};
	struct iovec from = {&value, sizeof(value)};
	struct msghdr m = {.msg_iov = &from, .msg_iovlen = 1};

	if (file >= 0) {
		struct cmsghdr *c;

		m.msg_control = &control;
		m.msg_controllen = sizeof(control);
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &file, sizeof(file));
	}
	/* A client that is gone already is no concern of ours. */
	if (sendmsg(socket, &m, MSG_NOSIGNAL) < 0)
		return;
}

static void
send_bells(struct fake_host *h, int socket, int64_t id)
{
	for (int i = 0; i < h->config.vectors; i++)
		send_message(socket, NETVM_HOST_PEER, h->host_bell[i]);
	for (int i = 0; i < h->config.vectors; i++)
		send_message(socket, id, h->guest_bell[i]);
}

void
fake_host_accept(struct fake_host *h, int which)
{
	int fd = accept4(h->listen[which], NULL, NULL, SOCK_CLOEXEC);
	int64_t id = h->next_id++;

	if (fd < 0)
		return;
	if (h->client[which] >= 0) {
		close(fd);
		__atomic_store_n(&h->refused, h->refused + 1, __ATOMIC_RELAXED);
		return;
	}
	h->client[which] = fd;
	send_message(fd, 0, -1);
	send_message(fd, id, -1);
	if (which == 0 && h->config.bells_first)
		send_bells(h, fd, id);
	send_message(fd, -1, which ? h->pool_memory : h->ring_memory);
	if (which == 0 && !h->config.bells_first)
		send_bells(h, fd, id);
}

bool
fake_host_hung_up(struct fake_host *h, int which)
{
	char byte;
	ssize_t n = h->client[which] < 0 ? -1 : recv(h->client[which], &byte, 1, MSG_DONTWAIT);

	if (h->client[which] < 0 || n > 0 || (n < 0 && errno == EAGAIN))
		return false;
	close(h->client[which]);
	h->client[which] = -1;
	return true;
}

void
fake_host_cut(struct fake_host *h)
{
	for (int i = 0; i < 2; i++) {
		if (h->client[i] >= 0)
			close(h->client[i]);
		h->client[i] = -1;
	}
}

void
fake_host_hang_up(struct fake_host *h, bool listening)
{
	struct sockaddr_un at;

	pthread_mutex_lock(&h->lock);
	for (int i = 0; i < 2; i++) {
		path_of(h, i, &at);
		if (h->listen[i] >= 0)
			close(h->listen[i]);
		unlink(at.sun_path);
		h->listen[i] = -1;
	}
	fake_host_cut(h);
	if (listening)
		fake_host_listen(h);
	pthread_mutex_unlock(&h->lock);
}
