/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * netvm-keeper: holds descriptors for netvmd across its death; shm-keeper.h has the
 * why, keeper-message.h the words. netvmd starts it with a listening socket as
 * standard input; it goes into the background, into a session of its own, so that
 * whatever kills netvmd, its process group or its terminal leaves it alone.
 *
 * A program of its own and not a fork of netvmd, which would keep all that
 * netvmd has mapped (huge pages, guests' memory) and open for as long as it lives.
 *
 * It believes nobody: only processes of its own user are listened to, messages and
 * tables are bounded, and nothing it does waits for anybody.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "src/shm/keeper-message.h"

#define CLIENTS 8
#define NAMES   8192

struct held {
	struct held *next;
	unsigned int n;
	int fd[SHM_KEEPER_FDS];
	char name[SHM_KEEPER_NAME];
};

static struct held *held;
static unsigned int names;
static int client[CLIENTS]; /* -1: free */
static bool ending;

static void
close_all(const int *fd, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		close(fd[i]);
}

static struct held **
find(const char *name)
{
	struct held **at = &held;

	while (*at && strcmp((*at)->name, name) != 0)
		at = &(*at)->next;
	return at;
}

static void
forget(struct held **at)
{
	struct held *h = *at;

	*at = h->next;
	close_all(h->fd, h->n);
	free(h);
	names--;
}

/* Takes the descriptors over when it returns 0. */
static int
hold(const char *name, const int *fd, unsigned int n)
{
	struct held **at = find(name), *h;

	if (n == 0 || name[0] == '\0')
		return -EINVAL;
	/* What it replaces is old whatever happens next. */
	if (*at)
		forget(at);
	if (names == NAMES)
		return -ENOSPC;
	h = calloc(1, sizeof(*h));
	if (!h)
		return -ENOMEM;
	memcpy(h->name, name, sizeof(h->name));
	memcpy(h->fd, fd, n * sizeof(fd[0]));
	h->n = n;
	h->next = held;
	held = h;
	names++;
	return 0;
}

static bool
begins_with(const struct held *h, const char *prefix)
{
	return strncmp(h->name, prefix, strlen(prefix)) == 0;
}

static int
count(const char *prefix)
{
	int n = 0;

	for (struct held *h = held; h; h = h->next)
		n += begins_with(h, prefix);
	return n;
}

static void
drop(const char *prefix)
{
	for (struct held **at = &held; *at;) {
		if (begins_with(*at, prefix))
			forget(at);
		else
			at = &(*at)->next;
	}
}

/* The name that comes next, in its place; whether there is one. */
static bool
next(char name[SHM_KEEPER_NAME])
{
	const struct held *best = NULL;

	for (const struct held *h = held; h; h = h->next)
		if (strcmp(h->name, name) > 0 && (!best || strcmp(h->name, best->name) < 0))
			best = h;
	if (best)
		memcpy(name, best->name, SHM_KEEPER_NAME);
	return best != NULL;
}

/* One request and its answer; false: the client is done with. */
static bool
serve(int sock)
{
	struct keeper_message m;
	int fd[SHM_KEEPER_FDS];
	const int *out = NULL;
	unsigned int n, n_out = 0;
	struct held **at;
	int ret;

	if (keeper_receive(sock, &m, fd, &n) != 0)
		return false;
	m.result = 0;
	switch ((enum keeper_request)m.request) {
	case KEEPER_HOLD:
		m.result = hold(m.name, fd, n);
		if (m.result == 0)
			n = 0;
		break;
	case KEEPER_GET:
		at = find(m.name);
		if (*at) {
			out = (*at)->fd;
			n_out = (*at)->n;
		}
		m.result = (int32_t)n_out;
		break;
	case KEEPER_DROP:
		drop(m.name);
		break;
	case KEEPER_HAS:
		m.result = count(m.name);
		break;
	case KEEPER_END:
		drop("");
		ending = true;
		break;
	case KEEPER_NEXT:
		m.result = next(m.name);
		break;
	default:
		m.result = -ENOSYS;
	}
	close_all(fd, n);
	/* The socket does not block: who takes no answers loses the connection. */
	ret = keeper_send(sock, &m, out, n_out);
	return ret == 0;
}

static void
welcome(int listener)
{
	int sock = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct ucred who;
	socklen_t len = sizeof(who);

	if (sock < 0)
		return;
	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 && who.uid == geteuid()) {
		for (unsigned int i = 0; i < CLIENTS; i++) {
			if (client[i] < 0) {
				client[i] = sock;
				return;
			}
		}
	}
	close(sock);
}

/* Until it is told to end, or holds nothing and nobody is there. */
static void
run(int listener)
{
	struct pollfd p[CLIENTS + 1];
	bool wanted = true; /* whoever started us has connected already */

	for (unsigned int i = 0; i < CLIENTS; i++)
		client[i] = -1;
	while (wanted && !ending) {
		for (unsigned int i = 0; i < CLIENTS; i++)
			p[i] = (struct pollfd){.fd = client[i], .events = POLLIN};
		p[CLIENTS] = (struct pollfd){.fd = listener, .events = POLLIN};
		if (poll(p, CLIENTS + 1, -1) < 0)
			continue;
		if (p[CLIENTS].revents)
			welcome(listener);
		wanted = held != NULL;
		for (unsigned int i = 0; i < CLIENTS; i++) {
			if (p[i].fd >= 0 && p[i].revents && !ending && !serve(p[i].fd)) {
				close(p[i].fd);
				client[i] = -1;
			}
			wanted |= client[i] >= 0 || held != NULL;
		}
	}
}

/* The name goes first: who finds it gone starts another keeper, and who has found
 * it before is refused when we are gone. */
static void
remove_name(int listener)
{
	struct sockaddr_un un = {0};
	socklen_t len = sizeof(un) - 1;

	if (getsockname(listener, (struct sockaddr *)&un, &len) == 0 && un.sun_path[0] == '/')
		(void)unlink(un.sun_path);
}

static bool
is_listener(int fd)
{
	int listens = 0, type = 0;
	socklen_t len = sizeof(int);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) == 0 && listens == 1 &&
	       getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_SEQPACKET;
}

int
main(void)
{
	struct rlimit files;

	if (!is_listener(STDIN_FILENO)) {
		fputs("netvm-keeper: netvmd starts it, with a socket as standard input; "
		      "see netvmd(8)\n",
			stderr);
		return 2;
	}
	switch (fork()) {
	case -1:
		return 1;
	case 0:
		break;
	default:
		_exit(0); /* netvmd waits for this one only */
	}
	(void)setsid();
	(void)!chdir("/");
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	run(STDIN_FILENO);
	remove_name(STDIN_FILENO);
	return 0;
}
