/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Files and sockets around the library: what it leaves to its user (a stale
 * socket, ownership) and what it does not give away (a connection's
 * descriptor). Control thread, except vhost_socket_find(), _timeouts(),
 * _hung_up() and vhost_fd_is_eventfd(), which run in callbacks.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "src/packet/refuse.h"
#include "vhost/vhost-private.h"

static struct sockaddr_un
socket_address(const char *path)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};

	memcpy(un.sun_path, path, strnlen(path, sizeof(un.sun_path) - 1));
	return un;
}

/* 0: nobody answers; else the error that says who or what does. */
static int
socket_probe(const char *path)
{
	struct sockaddr_un un = socket_address(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int code = EADDRINUSE;

	if (fd < 0)
		return errno;
	/* EAGAIN is a full backlog: somebody listens. */
	if (connect(fd, (struct sockaddr *)&un, sizeof(un)) != 0 && errno != EAGAIN)
		code = errno == ECONNREFUSED || errno == ENOENT ? 0 : errno;
	close(fd);
	return code;
}

/*
 * Binds and removes a socket of our own. The library's bind says only that it
 * failed, and cleans up after a failure in a way that closes a descriptor
 * twice; after this it does not fail.
 */
static int
socket_try(const char *path)
{
	struct sockaddr_un un = socket_address(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int code = 0;

	if (fd < 0)
		return errno;
	if (bind(fd, (struct sockaddr *)&un, sizeof(un)) != 0)
		code = errno;
	else
		unlink(path);
	close(fd);
	return code;
}

int
vhost_socket_prepare(const struct vhost_port_config *cfg, char *err, size_t errlen)
{
	const char *path = cfg->socket;
	struct stat st;
	int code;

	if (lstat(path, &st) == 0) {
		if (!S_ISSOCK(st.st_mode))
			return refuse(err, errlen, EEXIST,
				"%s exists and is not a socket; choose another path or remove it",
				path);
		code = socket_probe(path);
		if (code == EADDRINUSE)
			return refuse(err, errlen, code,
				"socket %s is already served by another process", path);
		if (code)
			return refuse(err, errlen, code,
				"cannot tell whether socket %s is in use: %s", path,
				strerror(code));
		/* Nobody answers: left behind by a process that was killed. */
		if (unlink(path) != 0 && errno != ENOENT) {
			code = errno;
			return refuse(err, errlen, code, "cannot remove the stale socket %s: %s",
				path, strerror(code));
		}
	}
	code = socket_try(path);
	if (code)
		return refuse(err, errlen, code, "cannot make socket %s: %s", path, strerror(code));
	return 0;
}

int
vhost_socket_own(const struct vhost_port_config *cfg, char *err, size_t errlen)
{
	int code;

	if (lchown(cfg->socket, cfg->owner, cfg->group) == 0 &&
		(cfg->mode == 0 || chmod(cfg->socket, cfg->mode & 07777) == 0))
		return 0;
	code = errno;
	return refuse(err, errlen, code, "cannot set owner, group or mode of socket %s: %s",
		cfg->socket, strerror(code));
}

/* A connected socket whose own end (server) or peer (client) has this name. */
static bool
socket_is_ours(int fd, const struct vhost_port_config *cfg)
{
	struct sockaddr_un own = {0}, peer = {0};
	socklen_t own_len = sizeof(own) - 1, peer_len = sizeof(peer) - 1;

	if (getpeername(fd, (struct sockaddr *)&peer, &peer_len) != 0 ||
		peer.sun_family != AF_UNIX ||
		getsockname(fd, (struct sockaddr *)&own, &own_len) != 0)
		return false;
	/* The length counts: an unnamed end leaves sun_path unwritten (zero). */
	return strcmp(cfg->client ? peer.sun_path : own.sun_path, cfg->socket) == 0;
}

/*
 * The library does not give the connection's descriptor away, so look for it.
 * This is sound: the name is ours alone (one port per path), a listening socket
 * has no peer, and a port has one connection at a time whose duplicate was
 * closed before the next one comes, so what matches is the new connection or,
 * after conn_replace(), also one that has ended, to which the options do no
 * harm. The newest descriptor is not always the highest number, therefore the
 * one that has not hung up is preferred.
 */
int
vhost_socket_find(const struct vhost_port_config *cfg)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	int found = -1, copy;

	if (!dir)
		return -1;
	while ((entry = readdir(dir))) {
		char *end;
		long fd = strtol(entry->d_name, &end, 10);

		if (*end != '\0' || end == entry->d_name || fd == dirfd(dir) ||
			!socket_is_ours((int)fd, cfg))
			continue;
		if (found < 0 || vhost_socket_hung_up(found))
			found = (int)fd;
	}
	copy = found < 0 ? -1 : fcntl(found, F_DUPFD_CLOEXEC, 3);
	closedir(dir);
	return copy;
}

void
vhost_socket_timeouts(int fd, unsigned int ms)
{
	struct timeval t = {.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000};

	/* Cannot fail on a socket; the values are in range. */
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
}

bool
vhost_socket_hung_up(int fd)
{
	struct pollfd pfd = {.fd = fd, .events = POLLRDHUP};

	return fd < 0 || (poll(&pfd, 1, 0) == 1 && (pfd.revents & (POLLRDHUP | POLLHUP | POLLERR)));
}

/* Whether it can be used as call or kick descriptor. A kick is only waited
 * for, and a call only signalled as vhost-call.c does it: neither blocks. */
bool
vhost_fd_is_eventfd(int fd)
{
	static const char want[] = "anon_inode:[eventfd]";
	char link[32], target[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, target, sizeof(target));
	return n == (ssize_t)sizeof(want) - 1 && memcmp(target, want, (size_t)n) == 0;
}
