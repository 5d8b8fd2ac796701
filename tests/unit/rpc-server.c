/* SPDX-License-Identifier: BSD-3-Clause */
/* See rpc-server.h. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <glib.h>
#include <glib/gstdio.h>

#include "tests/unit/rpc-server.h"

static void
take(void *arg, int fd)
{
	struct server *s = arg;

	s->taken = fd;
	s->takes++;
}

static char *
answer(void *arg, const char *line, gsize len, gsize *reply_len, struct rpc_takeover *after)
{
	struct server *s = arg;
	char *reply;

	s->lines++;
	if (line == NULL) {
		s->too_long++;
		reply = g_strdup("too long\n");
	} else if (strcmp(line, "mine") == 0 || strcmp(line, "big mine") == 0) {
		*after = (struct rpc_takeover){.take = take, .arg = s};
		reply = line[0] == 'm' ? g_strdup("yours\n") : g_strnfill(BIG_REPLY, 'x');
	} else if (strcmp(line, "quiet") == 0) {
		return NULL;
	} else if (strcmp(line, "big") == 0) {
		reply = g_strnfill(BIG_REPLY, 'x');
		reply[BIG_REPLY - 1] = '\n';
	} else {
		reply = g_strdup_printf("%zu %.20s\n", len, line);
	}
	*reply_len = strlen(reply);
	return reply;
}

int
server_setup(void **state)
{
	struct server *s = g_new0(struct server, 1);
	struct sockaddr_un sun = {.sun_family = AF_UNIX};

	s->dir = g_dir_make_tmp("netvm-rpc-XXXXXX", NULL);
	s->path = g_build_filename(s->dir, "s", NULL);
	g_strlcpy(sun.sun_path, s->path, sizeof(sun.sun_path));
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (bind(s->fd, (struct sockaddr *)&sun, sizeof(sun)) != 0 || listen(s->fd, 100) != 0)
		return -1;
	s->rpc = rpc_new(s->fd, (gid_t)-1, answer, s);
	*state = s;
	return 0;
}

int
server_teardown(void **state)
{
	struct server *s = *state;

	rpc_free(s->rpc);
	while (g_main_context_iteration(NULL, FALSE))
		;
	close(s->fd);
	g_remove(s->path);
	g_rmdir(s->dir);
	g_free(s->path);
	g_free(s->dir);
	g_free(s);
	return 0;
}

int
client(const struct server *s)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	g_strlcpy(sun.sun_path, s->path, sizeof(sun.sun_path));
	assert_int_equal(connect(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	return fd;
}

void
turn(void)
{
	while (g_main_context_iteration(NULL, FALSE))
		;
}

void
put(int fd, const char *text, size_t len)
{
	while (len != 0) {
		ssize_t n = send(fd, text, len, MSG_NOSIGNAL);

		if (n < 0)
			assert_true(errno == EAGAIN);
		turn();
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
}

char *
get(int fd)
{
	static char buf[1 << 20];
	ssize_t n;

	turn();
	n = recv(fd, buf, sizeof(buf) - 1, 0);
	if (n == 0 || (n < 0 && errno == ECONNRESET))
		return NULL;
	buf[n > 0 ? n : 0] = '\0';
	return buf;
}
