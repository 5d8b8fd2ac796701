/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages between netvmd and its keeper, on either side; see keeper-message.h.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/shm/keeper-message.h"

union control {
	char bytes[CMSG_SPACE(SHM_KEEPER_FDS * sizeof(int))];
	struct cmsghdr align;
};

int
keeper_send(int sock, const struct keeper_message *m, const int *fd, unsigned int n)
{
	union control control = {0};
	struct iovec io = {.iov_base = (void *)(uintptr_t)m, .iov_len = sizeof(*m)};
	struct msghdr msg = {.msg_iov = &io, .msg_iovlen = 1};

	if (n > 0) {
		struct cmsghdr *h;

		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
		h = CMSG_FIRSTHDR(&msg);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(h), fd, n * sizeof(int));
	}
	return sendmsg(sock, &msg, MSG_NOSIGNAL) == (ssize_t)sizeof(*m) ? 0 : -errno;
}

/* The descriptors of a message, of which the kernel may have cut some off. */
static unsigned int
take_fds(struct msghdr *msg, int fd[SHM_KEEPER_FDS])
{
	unsigned int n = 0;

	for (struct cmsghdr *h = CMSG_FIRSTHDR(msg); h; h = CMSG_NXTHDR(msg, h)) {
		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = 0;
			at + sizeof(int) <= h->cmsg_len - CMSG_LEN(0) && n < SHM_KEEPER_FDS;
			at += sizeof(int))
			memcpy(&fd[n++], CMSG_DATA(h) + at, sizeof(int));
	}
	return n;
}

int
keeper_receive(int sock, struct keeper_message *m, int fd[SHM_KEEPER_FDS], unsigned int *n)
{
	union control control;
	struct iovec io = {.iov_base = m, .iov_len = sizeof(*m)};
	struct msghdr msg = {
		.msg_iov = &io,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t len;

	*n = 0;
	do {
		len = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	} while (len < 0 && errno == EINTR);
	if (len <= 0)
		return len < 0 && errno != ECONNRESET ? -errno : -EPIPE;
	*n = take_fds(&msg, fd);
	if (len == (ssize_t)sizeof(*m) && !(msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) &&
		m->magic == KEEPER_MAGIC && m->name[sizeof(m->name) - 1] == '\0')
		return 0;
	for (unsigned int i = 0; i < *n; i++)
		close(fd[i]);
	*n = 0;
	return -EPROTO;
}
