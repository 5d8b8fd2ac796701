/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lines over the control socket; see rpc.h. Control thread.
 *
 * Theory of operation. A client is in one of these situations, and which
 * watches it has follows from it (client_settle() is the only place that
 * sets them):
 *
 *	reply not yet sent	watches for room to write, and a stall timer. It
 *				is not read, so one reply is all that we ever
 *				hold for it.
 *	somebody takes over	it is handed over, after the reply.
 *	a whole line is here	an idle source: one line per turn of the main
 *				loop, so that nobody keeps others waiting.
 *	neither			watches for input, or is closed after its end.
 *
 * Input beyond RPC_LINE_MAX without a newline is answered once and dropped as
 * it comes, up to the newline. Memory per client is thus bounded by one
 * line and one reply, whatever it sends or does not read.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <glib-unix.h>

#include "src/control/rpc.h"

#define READ_BYTES   65536
#define ACCEPT_RETRY 1000 /* ms to wait when we are out of descriptors */
#define GROUPS_MAX   1024

struct rpc {
	int fd;
	gid_t group;
	rpc_handler handler;
	void *arg;
	guint stall_ms;
	guint accept_source;
	GPtrArray *clients; /* struct client, the one that was silent longest first */
};

struct client {
	struct rpc *rpc;
	int fd;
	GByteArray *in;
	gsize searched;  /* bytes of in without a newline */
	bool discarding; /* in the rest of a line that was too long */
	bool eof;
	char *out;
	gsize out_len, out_sent;
	guint watch, idle, stall;
	struct rpc_takeover after;
};

static void client_settle(struct client *c);

static void
remove_source(guint *id)
{
	if (*id != 0)
		g_source_remove(*id);
	*id = 0;
}

static void
client_free(gpointer data)
{
	struct client *c = data;

	remove_source(&c->watch);
	remove_source(&c->idle);
	remove_source(&c->stall);
	if (c->fd >= 0)
		close(c->fd);
	if (c->after.take != NULL)
		c->after.take(c->after.arg, -1);
	g_byte_array_unref(c->in);
	g_free(c->out);
	g_free(c);
}

static void
client_drop(struct client *c)
{
	g_ptr_array_remove(c->rpc->clients, c);
}

static void
client_hand_over(struct client *c)
{
	struct rpc_takeover after = c->after;
	int fd = c->fd;

	c->after.take = NULL;
	c->fd = -1;
	client_drop(c);
	after.take(after.arg, fd);
}

/* --- writing ------------------------------------------------------------- */

/* Sends what the peer takes now. False: the peer is gone. */
static bool
client_send(struct client *c)
{
	while (c->out_sent < c->out_len) {
		ssize_t n =
			send(c->fd, c->out + c->out_sent, c->out_len - c->out_sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN || errno == EWOULDBLOCK;
		c->out_sent += (gsize)n;
		remove_source(&c->stall); /* Progress: the clock starts again. */
	}
	g_clear_pointer(&c->out, g_free);
	c->out_len = c->out_sent = 0;
	return true;
}

static gboolean
on_writable(int fd, GIOCondition condition, gpointer data)
{
	struct client *c = data;

	if (client_send(c))
		client_settle(c);
	else
		client_drop(c);
	/* Both removed or replaced this source by its id. */
	return G_SOURCE_CONTINUE;
}

static gboolean
on_stall(gpointer data)
{
	struct client *c = data;

	g_message("a client of the control socket reads nothing: dropped");
	c->stall = 0;
	client_drop(c);
	return G_SOURCE_REMOVE;
}

/* --- lines --------------------------------------------------------------- */

/* A turn for this client: it is now the last that would be dropped. */
static void
client_answer(struct client *c, const char *line, gsize len)
{
	GPtrArray *clients = c->rpc->clients;
	guint at = 0;

	g_ptr_array_find(clients, c, &at);
	g_ptr_array_add(clients, g_ptr_array_steal_index(clients, at));
	c->out = c->rpc->handler(c->rpc->arg, line, len, &c->out_len, &c->after);
	c->out_sent = 0;
}

/* Length of the first whole line in the buffer, or -1. */
static gssize
client_line(struct client *c)
{
	const guint8 *nl = c->in->len > c->searched ? memchr(c->in->data + c->searched, '\n',
							      c->in->len - c->searched)
						    : NULL;

	if (nl != NULL)
		return nl - c->in->data;
	c->searched = c->in->len;
	return -1;
}

/* Takes one line, or what is too long for one, out of the buffer. */
static void
client_take(struct client *c)
{
	gssize len = client_line(c);

	if (len < 0 || len >= RPC_LINE_MAX || c->discarding) {
		bool answer = !c->discarding;

		c->discarding = len < 0;
		g_byte_array_remove_range(c->in, 0, len < 0 ? c->in->len : (guint)len + 1);
		c->searched = 0;
		if (answer)
			client_answer(c, NULL, 0);
		return;
	}
	c->in->data[len] = '\0';
	client_answer(c, (const char *)c->in->data, (gsize)len);
	g_byte_array_remove_range(c->in, 0, (guint)len + 1);
	c->searched = 0;
}

static gboolean
on_idle(gpointer data)
{
	struct client *c = data;

	c->idle = 0;
	client_take(c);
	if (client_send(c))
		client_settle(c);
	else
		client_drop(c);
	return G_SOURCE_REMOVE;
}

static gboolean
on_readable(int fd, GIOCondition condition, gpointer data)
{
	struct client *c = data;
	guint8 buf[READ_BYTES];
	ssize_t n = recv(fd, buf, sizeof(buf), 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return G_SOURCE_CONTINUE;
	if (n < 0) {
		client_drop(c);
		return G_SOURCE_CONTINUE;
	}
	if (n == 0)
		c->eof = true;
	else
		g_byte_array_append(c->in, buf, (guint)n);
	client_settle(c);
	return G_SOURCE_CONTINUE;
}

/* Sets the watches that fit the client's situation, or drops it. */
static void
client_settle(struct client *c)
{
	remove_source(&c->watch);
	if (c->out != NULL) {
		c->watch = g_unix_fd_add(c->fd, G_IO_OUT, on_writable, c);
		if (c->stall == 0)
			c->stall = g_timeout_add(c->rpc->stall_ms, on_stall, c);
		return;
	}
	remove_source(&c->stall);
	if (c->after.take != NULL) {
		client_hand_over(c);
		return;
	}
	if (client_line(c) >= 0 || c->in->len >= RPC_LINE_MAX ||
		(c->discarding && c->in->len != 0)) {
		if (c->idle == 0)
			c->idle = g_idle_add_full(G_PRIORITY_DEFAULT, on_idle, c, NULL);
		return;
	}
	if (c->eof)
		client_drop(c);
	else
		c->watch = g_unix_fd_add(c->fd, G_IO_IN, on_readable, c);
}

/* --- clients come -------------------------------------------------------- */

bool
rpc_may_connect(
	uid_t uid, gid_t gid, const gid_t *groups, unsigned int ngroups, gid_t control_group)
{
	if (uid == 0 || uid == geteuid())
		return true;
	if (control_group == (gid_t)-1)
		return false;
	for (unsigned int i = 0; i < ngroups; i++)
		if (groups[i] == control_group)
			return true;
	return gid == control_group;
}

static bool
peer_allowed(int fd, gid_t control_group)
{
	struct ucred cred;
	gid_t groups[GROUPS_MAX];
	socklen_t len = sizeof(cred), groups_len = sizeof(groups);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0)
		return false;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &groups_len) != 0)
		groups_len = 0;
	if (rpc_may_connect(cred.uid, cred.gid, groups, groups_len / sizeof(gid_t), control_group))
		return true;
	g_warning("control socket: a process of user %u (pid %d) is not allowed to connect",
		(unsigned int)cred.uid, (int)cred.pid);
	return false;
}

static gboolean on_accept(int fd, GIOCondition condition, gpointer data);

static gboolean
on_accept_again(gpointer data)
{
	struct rpc *r = data;

	r->accept_source = g_unix_fd_add(r->fd, G_IO_IN, on_accept, r);
	return G_SOURCE_REMOVE;
}

static gboolean
on_accept(int listen_fd, GIOCondition condition, gpointer data)
{
	struct rpc *r = data;
	struct client *c;
	int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0) {
		if (errno != EMFILE && errno != ENFILE && errno != ENOMEM && errno != ENOBUFS)
			return G_SOURCE_CONTINUE;
		/* The connection stays pending; looking again at once would spin. */
		g_warning("control socket: cannot accept a client: %s", g_strerror(errno));
		r->accept_source = g_timeout_add(ACCEPT_RETRY, on_accept_again, r);
		return G_SOURCE_REMOVE;
	}
	if (!peer_allowed(fd, r->group)) {
		close(fd);
		return G_SOURCE_CONTINUE;
	}
	if (r->clients->len >= RPC_CLIENTS_MAX)
		client_drop(g_ptr_array_index(r->clients, 0));
	c = g_new0(struct client, 1);
	c->rpc = r;
	c->fd = fd;
	c->in = g_byte_array_new();
	g_ptr_array_add(r->clients, c);
	client_settle(c);
	return G_SOURCE_CONTINUE;
}

struct rpc *
rpc_new(int fd, gid_t group, rpc_handler handler, void *arg)
{
	struct rpc *r = g_new0(struct rpc, 1);

	r->fd = fd;
	r->group = group;
	r->handler = handler;
	r->arg = arg;
	r->stall_ms = RPC_STALL_MS;
	r->clients = g_ptr_array_new_with_free_func(client_free);
	r->accept_source = g_unix_fd_add(fd, G_IO_IN, on_accept, r);
	return r;
}

void
rpc_free(struct rpc *r)
{
	remove_source(&r->accept_source);
	g_ptr_array_unref(r->clients);
	g_free(r);
}

unsigned int
rpc_clients(const struct rpc *r)
{
	return r->clients->len;
}

void
rpc_set_stall_ms(struct rpc *r, guint ms)
{
	r->stall_ms = ms;
}
