/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * systemd's descriptor store; see keeper-store.h. Neighbour: shm-keeper.c calls.
 *
 * Theory of operation. The manager keeps single descriptors with a name each, in
 * no order that it promises, and does not answer. So descriptor i of NAME is
 * stored as "NAME#i", all that might be there under the name is removed first, and
 * what we have stored is remembered here. After our death the next one
 * gets all of them with their names. A name of which one is missing (the manager
 * drops sockets that hang up, and what is beyond FileDescriptorStoreMax=) is not
 * there at all.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "src/shm/keeper-store.h"

#define FIRST_FD 3 /* as sd_listen_fds(3) says */
#define FDS_MAX  65536

struct stored {
	struct stored *next;
	unsigned int n;         /* descriptors that there should be */
	int fd[SHM_KEEPER_FDS]; /* what an earlier daemon stored; -1: not here */
	char name[SHM_KEEPER_NAME];
};

static struct stored *stored;

bool
keeper_store_there(void)
{
	const char *path = getenv("NOTIFY_SOCKET");

	return path && (path[0] == '/' || path[0] == '@') && path[1] != '\0';
}

static int
notify(const char *text, const int *fd)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct iovec io = {.iov_base = (void *)(uintptr_t)text, .iov_len = strlen(text)};
	struct msghdr msg = {.msg_name = &un, .msg_iov = &io, .msg_iovlen = 1};
	struct timeval patience = {.tv_sec = 1};
	size_t len = path ? strlen(path) : 0;
	int sock, ret;

	if (len == 0 || len >= sizeof(un.sun_path))
		return -ENOENT;
	memcpy(un.sun_path, path, len);
	if (path[0] == '@')
		un.sun_path[0] = '\0';
	msg.msg_namelen = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	if (fd) {
		struct cmsghdr *h;

		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		h = CMSG_FIRSTHDR(&msg);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(h), fd, sizeof(int));
	}
	sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return -errno;
	(void)setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	ret = sendmsg(sock, &msg, MSG_NOSIGNAL) >= 0 ? 0 : -errno;
	close(sock);
	return ret;
}

static struct stored **
find(const char *name)
{
	struct stored **at = &stored;

	while (*at && strcmp((*at)->name, name) != 0)
		at = &(*at)->next;
	return at;
}

static struct stored *
add(const char *name)
{
	struct stored *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	snprintf(s->name, sizeof(s->name), "%s", name);
	for (unsigned int i = 0; i < SHM_KEEPER_FDS; i++)
		s->fd[i] = -1;
	s->next = stored;
	stored = s;
	return s;
}

/* Removes what is stored under the name, and our memory of it. */
static void
forget(struct stored **at, bool remove)
{
	struct stored *s = *at;
	char text[SHM_KEEPER_NAME + 64];

	for (unsigned int i = 0; i < s->n; i++) {
		snprintf(text, sizeof(text), "FDSTOREREMOVE=1\nFDNAME=%s#%u", s->name, i);
		if (remove)
			(void)notify(text, NULL);
		if (s->fd[i] >= 0)
			close(s->fd[i]);
	}
	*at = s->next;
	free(s);
}

/* One that the manager passed: "NAME#i". Others (socket activation) are not ours. */
static void
take(const char *text, size_t len, int fd)
{
	char name[SHM_KEEPER_NAME + 8];
	struct stored *s;
	unsigned long i;
	char *mark, *end;

	if (len >= sizeof(name))
		return;
	memcpy(name, text, len);
	name[len] = '\0';
	mark = strrchr(name, '#');
	if (!mark || mark == name || mark - name >= SHM_KEEPER_NAME)
		return;
	i = strtoul(mark + 1, &end, 10);
	if (*end != '\0' || end == mark + 1 || i >= SHM_KEEPER_FDS)
		return;
	*mark = '\0';
	s = *find(name);
	if (!s)
		s = add(name);
	if (!s || s->fd[i] >= 0)
		return;
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	s->fd[i] = fd;
	if (i >= s->n)
		s->n = (unsigned int)i + 1;
}

void
keeper_store_start(void)
{
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
	const char *name = getenv("LISTEN_FDNAMES");
	unsigned long n = pid && count && name ? strtoul(count, NULL, 10) : 0;

	if (n == 0 || n > FDS_MAX || strtoul(pid, NULL, 10) != (unsigned long)getpid())
		return;
	for (unsigned long i = 0; i < n && name; i++) {
		const char *end = strchrnul(name, ':');

		take(name, (size_t)(end - name), FIRST_FD + (int)i);
		name = *end ? end + 1 : NULL;
	}
	/* They are taken: nobody else in this process shall do so. */
	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_FDNAMES");
}

int
keeper_store_hold(const char *name, const int *fd, unsigned int n)
{
	struct stored **at = find(name), *s;
	char text[SHM_KEEPER_NAME + 64];
	int ret = 0;

	if (*at)
		forget(at, true);
	s = add(name);
	if (!s)
		return -ENOMEM;
	for (s->n = 0; s->n < n && ret == 0;) {
		snprintf(text, sizeof(text), "FDSTORE=1\nFDNAME=%s#%u", name, s->n);
		ret = notify(text, &fd[s->n]);
		s->n++;
	}
	if (ret != 0)
		forget(find(name), true);
	return ret;
}

int
keeper_store_get(const char *name, int fd[SHM_KEEPER_FDS])
{
	struct stored *s = *find(name);
	unsigned int n = s ? s->n : 0;

	for (unsigned int i = 0; i < n; i++) {
		fd[i] = s->fd[i] < 0 ? -1 : fcntl(s->fd[i], F_DUPFD_CLOEXEC, FIRST_FD);
		if (fd[i] < 0) {
			while (i-- > 0)
				close(fd[i]);
			return 0;
		}
	}
	return (int)n;
}

void
keeper_store_drop(const char *prefix)
{
	for (struct stored **at = &stored; *at;) {
		if (strncmp((*at)->name, prefix, strlen(prefix)) == 0)
			forget(at, true);
		else
			at = &(*at)->next;
	}
}

bool
keeper_store_has(const char *prefix)
{
	for (struct stored *s = stored; s; s = s->next) {
		if (strncmp(s->name, prefix, strlen(prefix)) == 0)
			return true;
	}
	return false;
}

bool
keeper_store_next(char name[SHM_KEEPER_NAME])
{
	const struct stored *best = NULL;

	for (const struct stored *s = stored; s; s = s->next)
		if (strcmp(s->name, name) > 0 && (!best || strcmp(s->name, best->name) < 0))
			best = s;
	if (best)
		memcpy(name, best->name, SHM_KEEPER_NAME);
	return best != NULL;
}

void
keeper_store_stop(void)
{
	while (stored)
		forget(&stored, false);
}
