/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A port's sockets, and what is said on them: QEMU's ivshmem protocol (QEMU,
 * docs/specs/ivshmem-spec), which only the server speaks. Listening is the control
 * thread's, all else the thread's; see shm-server.h.
 *
 * Nothing waits here. What a client sends is not read; it stays in his socket and
 * stops him. What he does not read is at most 3 numbers and 32 doorbells, which a
 * socket's buffer has room for.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "src/shm/shm-server.h"

#define IVSHMEM_VERSION 0
#define IVSHMEM_MEMORY  (-1)
#define BACKLOG         8

#define REFUSED 16

static int spare = -1; /* see shm_door_accept() */

/* Who was refused last; see shm_door_refuse(). */
static int refused[REFUSED];
static unsigned int nrefused;

static void
refused_end(void)
{
	while (nrefused > 0)
		close(refused[--nrefused]);
}

void
shm_door_spare(bool have)
{
	if (spare >= 0)
		close(spare);
	spare = have ? open("/dev/null", O_RDONLY | O_CLOEXEC) : -1;
	refused_end();
}

int
shm_door_path(
	struct shm_door *d, const char *name, enum shm_door_kind kind, char *err, size_t errlen)
{
	if (snprintf(d->path, sizeof(d->path), "%s/shm/%s.%s.sock", shm_run_dir, name,
		    kind == SHM_DOOR_RING ? "ring" : "pool") < (int)sizeof(d->path))
		return 0;
	snprintf(err, errlen, "port %s: the path of its sockets in %s/shm is longer than %d", name,
		shm_run_dir, SHM_SOCKET_PATH - 1);
	return -ENAMETOOLONG;
}

static int
door_error(const struct shm_door *d, int code, const char *what, char *err, size_t errlen)
{
	snprintf(err, errlen, "%s %s: %s", what, d->path, strerror(code));
	return -code;
}

/* Removes a socket that nobody listens on. */
static int
door_clear(const struct shm_door *d, const struct sockaddr_un *un, char *err, size_t errlen)
{
	struct stat st;
	int fd, code = 0;

	if (lstat(d->path, &st) != 0)
		return 0;
	if (!S_ISSOCK(st.st_mode)) {
		snprintf(err, errlen, "%s exists and is not a socket; remove it", d->path);
		return -EEXIST;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return door_error(d, errno, "cannot make a socket for", err, errlen);
	/* EAGAIN is a full backlog: somebody listens. */
	if (connect(fd, (const struct sockaddr *)un, sizeof(*un)) == 0 || errno == EAGAIN)
		code = EADDRINUSE;
	else if (errno != ECONNREFUSED && errno != ENOENT)
		code = errno;
	close(fd);
	if (code == EADDRINUSE) {
		snprintf(err, errlen, "socket %s is already served by another process", d->path);
		return -code;
	}
	if (code)
		return door_error(d, code, "cannot tell whether somebody listens on", err, errlen);
	if (unlink(d->path) != 0 && errno != ENOENT)
		return door_error(d, errno, "cannot remove the stale socket", err, errlen);
	return 0;
}

int
shm_door_open(struct shm_door *d, const struct shm_port_config *cfg, char *err, size_t errlen)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd, ret;

	memcpy(un.sun_path, d->path, sizeof(d->path));
	ret = door_clear(d, &un, err, errlen);
	if (ret != 0)
		return ret;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return door_error(d, errno, "cannot make a socket for", err, errlen);
	/* The file gets its mode from the socket, and nobody may connect before it
	 * belongs to whom it should. */
	if (fchmod(fd, 0) != 0 || bind(fd, (struct sockaddr *)&un, sizeof(un)) != 0) {
		ret = door_error(d, errno, "cannot make socket", err, errlen);
		close(fd);
		return ret;
	}
	if (listen(fd, BACKLOG) != 0 || lchown(d->path, cfg->owner, cfg->group) != 0 ||
		chmod(d->path, cfg->mode ? cfg->mode & 07777 : 0600) != 0) {
		ret = door_error(
			d, errno, "cannot set owner, group or mode of socket", err, errlen);
		close(fd);
		(void)unlink(d->path);
		return ret;
	}
	d->listener = fd;
	return 0;
}

void
shm_door_shut(struct shm_door *d)
{
	if (d->listener < 0)
		return;
	(void)unlink(d->path);
	close(d->listener);
	d->listener = -1;
}

bool
shm_socket_hung_up(int sock)
{
	struct pollfd p = {.fd = sock, .events = POLLRDHUP};

	return sock < 0 || (poll(&p, 1, 0) == 1 && p.revents != 0);
}

pid_t
shm_socket_peer(int sock)
{
	struct ucred who;
	socklen_t len = sizeof(who);

	return getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 ? who.pid : 0;
}

int
shm_door_accept(struct shm_door *d)
{
	int sock = accept4(d->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (sock < 0 && (errno == EMFILE || errno == ENFILE)) {
		/* No descriptor is left to accept him with, nor to refuse him, and he would
		 * wait, and we be woken, for ever: this one is for that. */
		close(spare);
		spare = accept4(d->listener, NULL, NULL, SOCK_CLOEXEC);
		close(spare);
		spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	}
	if (sock < 0)
		return -1;
	if (d->sock >= 0) {
		/* One at a time. */
		shm_door_refuse(sock);
		return -1;
	}
	return sock;
}

void
shm_door_refuse(int sock)
{
	/* QEMU 7.2 reads on and on, with its guest stopped, where the connection ends before
	 * it has read the first number, even if that was sent: its socket forgets what came
	 * when it sees the end. A version that it does not know, it takes for an answer,
	 * and closes the connection. So the last ones stay open; who comes here this often on
	 * purpose harms others that are refused. */
	(void)shm_ivshmem_send(sock, NETVM_REFUSED, -1);
	if (nrefused == REFUSED) {
		close(refused[0]);
		memmove(refused, refused + 1, (REFUSED - 1) * sizeof(*refused));
		nrefused--;
	}
	refused[nrefused++] = sock;
}

void
shm_door_hang_up(struct shm_door *d)
{
	if (d->sock < 0)
		return;
	shm_server_unpoll(d->sock);
	/* The keeper may have the socket as well, so closing is not enough. */
	(void)shutdown(d->sock, SHUT_RDWR);
	close(d->sock);
	d->sock = -1;
}

int
shm_ivshmem_send(int sock, int64_t number, int fd)
{
	/* Little-endian, as this machine is. */
	struct iovec io = {.iov_base = &number, .iov_len = sizeof(number)};
	struct msghdr msg = {.msg_iov = &io, .msg_iovlen = 1};
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	ssize_t n;

	if (fd >= 0) {
		struct cmsghdr *h;

		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		h = CMSG_FIRSTHDR(&msg);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(h), &fd, sizeof(int));
	}
	n = sendmsg(sock, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n == (ssize_t)sizeof(number))
		return 0;
	return n < 0 ? -errno : -EPIPE;
}

int
shm_ivshmem_greet(int sock, int64_t id, int memory)
{
	int ret = shm_ivshmem_send(sock, IVSHMEM_VERSION, -1);

	if (ret == 0)
		ret = shm_ivshmem_send(sock, id, -1);
	/* QEMU waits for this one before it starts the guest, and takes no doorbells
	 * before it. */
	if (ret == 0)
		ret = shm_ivshmem_send(sock, IVSHMEM_MEMORY, memory);
	return ret;
}
