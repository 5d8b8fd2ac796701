/* SPDX-License-Identifier: BSD-3-Clause */
/* libnetvm: see transport-unix.h. */
#include "guest-pmd/transport-unix.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define IVSHMEM_VERSION 0
#define IVSHMEM_ID_MAX  65535

void
netvm_ivshmem_init(struct netvm_ivshmem *in)
{
	*in = (struct netvm_ivshmem){.id = -2, .file = -1};
}

/* Keeps the file that came along; more than one is against the protocol, and the
 * rest must not stay open. */
static void
keep_file(struct netvm_ivshmem *in, struct msghdr *message)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		size_t n = c->cmsg_len - CMSG_LEN(0);
		int file;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i + sizeof(file) <= n; i += sizeof(file)) {
			memcpy(&file, CMSG_DATA(c) + i, sizeof(file));
			if (in->file < 0)
				in->file = file;
			else
				close(file);
		}
	}
}

/* Reads until 8 bytes are there: 1, 0: not yet, -EPIPE. */
static int
read_part(const struct netvm_link *link, const char *path, int socket, struct netvm_ivshmem *in)
{
	while (in->have < sizeof(in->part)) {
		union {
			char bytes[CMSG_SPACE(4 * sizeof(int))];
			struct cmsghdr align;
		} control;
		struct iovec to = {in->part + in->have, sizeof(in->part) - in->have};
		struct msghdr message = {.msg_iov = &to,
			.msg_iovlen = 1,
			.msg_control = &control,
			.msg_controllen = sizeof(control)};
		ssize_t n = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return 0;
		if (n <= 0)
			return netvm_fail(EPIPE, "%s: %s was hung up", link->name, path);
		keep_file(in, &message);
		in->have += n;
	}
	return 1;
}

/* The two messages that begin a connection. */
static int
greet(const struct netvm_link *link, const char *path, struct netvm_ivshmem *in, int64_t value)
{
	if (in->state == NETVM_IVSHMEM_VERSION) {
		if (value == NETVM_REFUSED)
			return netvm_fail(EPIPE, "%s: %s refuses us", link->name, path);
		if (value != IVSHMEM_VERSION)
			return netvm_fail(EPROTO,
				"%s: %s speaks version %" PRId64
				" of the ivshmem protocol; expected %d",
				link->name, path, value, IVSHMEM_VERSION);
		in->state = NETVM_IVSHMEM_ID;
		return 0;
	}
	if (value <= NETVM_HOST_PEER || value > IVSHMEM_ID_MAX)
		return netvm_fail(EPROTO, "%s: %s gives us ID %" PRId64 "; expected %d to %d",
			link->name, path, value, NETVM_HOST_PEER + 1, IVSHMEM_ID_MAX);
	in->id = value;
	in->state = NETVM_IVSHMEM_GREETED;
	return 0;
}

int
netvm_ivshmem_read(const struct netvm_link *link, const char *path, int socket,
	struct netvm_ivshmem *in, int64_t *value, int *file)
{
	int got, err;

	while ((got = read_part(link, path, socket, in)) > 0) {
		/* Little-endian, as we are. */
		memcpy(value, in->part, sizeof(*value));
		*file = in->file;
		in->have = 0;
		in->file = -1;
		if (in->state == NETVM_IVSHMEM_GREETED)
			return 1;
		if (*file >= 0)
			close(*file);
		err = greet(link, path, in, *value);
		if (err)
			return err;
	}
	if (got < 0 && in->file >= 0) {
		close(in->file);
		in->file = -1;
	}
	return got;
}
