/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Descriptors of messages that never get to the message hooks.
 *
 * Theory of operation. Before it calls a hook, the library makes sure that the
 * ring which a message names exists. When the number is out of range it ends
 * the connection and forgets to close the descriptors that came with the message,
 * eight at most. No callback sees them: a peer that connects again and again
 * could use up all of the daemon's. None of these requests carries descriptors (of
 * those that do, the number cannot be out of range), so they are closed as soon
 * as they have been received: the library's recvmsg() is ours. A program's own
 * definition comes before the C library's for all that it is linked with;
 * vhost_receive_init() checks that it did. All other calls pass through.
 *
 * Any thread. Neighbours: vhost-port.c calls the init.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vhost/vhost-msg.h"
#include "vhost/vhost-private.h"

typedef ssize_t (*receive)(int fd, struct msghdr *m, int flags);

/* The C library's, or a sanitizer's. Relaxed: every thread finds the same. */
static _Atomic(receive) next;

static receive
receive_next(void)
{
	receive r = atomic_load_explicit(&next, memory_order_relaxed);

	if (r == NULL) {
		r = (receive)dlsym(RTLD_NEXT, "recvmsg");
		atomic_store_explicit(&next, r, memory_order_relaxed);
	}
	return r;
}

/* The library reads the header of a message: nobody else in this process
 * receives that many bytes with room for that many descriptors. */
static bool
is_header(const struct msghdr *m)
{
	return m->msg_iovlen == 1 &&
	       m->msg_iov[0].iov_len == offsetof(struct vhost_message, payload) &&
	       m->msg_controllen == CMSG_SPACE(VHOST_MSG_REGIONS * sizeof(int));
}

static bool
carries_none(uint32_t request)
{
	switch (request) {
	case VHOST_MSG_SET_VRING_NUM:
	case VHOST_MSG_SET_VRING_ADDR:
	case VHOST_MSG_SET_VRING_BASE:
	case VHOST_MSG_GET_VRING_BASE:
	case VHOST_MSG_SET_VRING_ENABLE:
	case VHOST_MSG_SET_INFLIGHT_FD: /* does, but is not offered */
		return true;
	default:
		return false;
	}
}

static void
drop_descriptors(struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		int fd;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
			close(fd);
		}
	}
	m->msg_controllen = 0;
}

ssize_t
recvmsg(int fd, struct msghdr *m, int flags)
{
	bool header = is_header(m);
	ssize_t n = receive_next()(fd, m, flags);
	uint32_t request;

	if (!header || n != (ssize_t)offsetof(struct vhost_message, payload))
		return n;
	memcpy(&request, m->msg_iov[0].iov_base, sizeof(request));
	if (carries_none(request))
		drop_descriptors(m);
	return n;
}

int
vhost_receive_init(void)
{
	return receive_next() && dlsym(RTLD_DEFAULT, "recvmsg") == (void *)recvmsg ? 0 : -ENOSYS;
}
