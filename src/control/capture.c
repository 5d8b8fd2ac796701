/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Captures of clients; see capture.h.
 *
 * Theory of operation. After the reply to capture.start the connection is ours
 * (rpc.h, takeover). On it we send pieces: four bytes of length, high byte
 * first, then that many bytes of pcapng, always whole blocks. A length of 0
 * says that the file is complete; a line of JSON with the result follows, and
 * the end of the stream. The client ends a capture by closing its sending side,
 * or by going away.
 *
 * Nothing here waits. A turn sends what the socket takes of the piece at hand,
 * then makes the next one, of bounded size, from the data path's records. A
 * client that does not read stops the turns; the records' rings fill up, and
 * what finds no room there is counted as lost.
 *
 * Control thread. Neighbours: pcapng.c, rpc.c, capture-call.c.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <glib-unix.h>

#include "src/control/capture.h"
#include "src/control/error.h"
#include "src/control/pcapng.h"

#define TURN_MS     20        /* between two looks at the rings */
#define PIECE_BYTES (1 << 18) /* a piece is complete when it is longer */
#define LENGTH_SIZE 4

/*
 * REPLYING	the reply is on its way; we have no connection yet. The data path
 *		records already, so that nothing is missed.
 * RUNNING	records become pieces.
 * ENDING	the data path records nothing more; what is left is sent, then the
 *		result. A client that takes nothing for STALL_MS is dropped.
 * SENT		all is made; the last piece is on its way.
 *
 * Only forward, by session_move(); then the session is freed. Any state can be
 * cut short by session_free() when the client is gone.
 */
enum session_state { REPLYING, RUNNING, ENDING, SENT };
#define STALL_MS 10000

struct session {
	struct control *control;
	enum session_state state;
	struct port *port; /* for capture_count(); not looked into */
	struct dp_capture *dp;
	uint64_t left; /* frames still to write */
	uint64_t written;
	uint64_t start_ns;
	const char *reason; /* why it ended; NULL: it did not */
	int fd;
	GByteArray *out;
	guint sent; /* bytes of out */
	guint turn, input, end_timer, stall;
};

static void session_settle(struct session *s, bool more);

static uint64_t
now_ns(void)
{
	return (uint64_t)g_get_real_time() * 1000;
}

static void
remove_source(guint *id)
{
	if (*id != 0)
		g_source_remove(*id);
	*id = 0;
}

static void
session_free(struct session *s)
{
	g_ptr_array_remove_fast(s->control->captures, s);
	remove_source(&s->turn);
	remove_source(&s->input);
	remove_source(&s->end_timer);
	remove_source(&s->stall);
	if (s->fd >= 0)
		close(s->fd);
	dp_capture_free(s->dp);
	g_byte_array_unref(s->out);
	g_free(s);
}

static gboolean
on_stall(gpointer data)
{
	struct session *s = data;

	g_message("the client of a capture that has ended reads nothing: dropped");
	s->stall = 0;
	session_free(s);
	return G_SOURCE_REMOVE;
}

static void
session_move(struct session *s, enum session_state to, const char *reason)
{
	if (to <= s->state)
		return;
	s->state = to;
	if (to != ENDING)
		return;
	s->reason = reason;
	dp_capture_end(s->dp);
	remove_source(&s->end_timer);
	if (s->fd >= 0)
		s->stall = g_timeout_add(STALL_MS, on_stall, s);
}

/* --- pieces -------------------------------------------------------------- */

static void
piece_begin(struct session *s)
{
	static const uint8_t length[LENGTH_SIZE];

	s->sent = 0;
	g_byte_array_set_size(s->out, 0);
	g_byte_array_append(s->out, length, sizeof(length));
}

static void
piece_end(struct session *s)
{
	uint32_t n = GUINT32_TO_BE(s->out->len - LENGTH_SIZE);

	memcpy(s->out->data, &n, sizeof(n));
	/* Without content it would be the end. */
	if (n == 0)
		g_byte_array_set_size(s->out, 0);
}

static void
on_frame(const struct dp_captured *f, void *arg)
{
	struct session *s = arg;

	pcapng_frame(s->out, f->ns, f->in, f->data, f->captured, f->len);
	s->left--;
	s->written++;
}

/* Makes the next piece of what the rings hold. True: there may be more. */
static bool
make_frames(struct session *s)
{
	bool more = true;

	piece_begin(s);
	while (s->left != 0 && s->out->len < PIECE_BYTES && more)
		more = dp_capture_next(s->dp, on_frame, s);
	piece_end(s);
	return more && s->left != 0;
}

static void
append_result(struct session *s, const struct dp_capture_counters *n)
{
	static const uint8_t end[LENGTH_SIZE];
	/* Our own words and numbers: nothing to escape. */
	g_autofree char *line = g_strdup_printf("{\"reason\":\"%s\",\"captured\":%" PRIu64
						",\"lost\":%" PRIu64 ",\"received\":%" PRIu64 "}\n",
		s->reason, s->written, n->lost, n->received);

	g_byte_array_append(s->out, end, sizeof(end));
	g_byte_array_append(s->out, (const guint8 *)line, (guint)strlen(line));
}

static void
make_end(struct session *s)
{
	struct pcapng_end end = {.start_ns = s->start_ns, .end_ns = now_ns(), .comment = s->reason};
	struct dp_capture_counters n;

	dp_capture_counters(s->dp, &n);
	piece_begin(s);
	pcapng_finish(s->out, &end);
	piece_end(s);
	append_result(s, &n);
	session_move(s, SENT, NULL);
}

/* --- turns --------------------------------------------------------------- */

/* Sends what the client takes now. False: it is gone. */
static bool
session_send(struct session *s)
{
	while (s->sent < s->out->len) {
		ssize_t n = send(s->fd, s->out->data + s->sent, s->out->len - s->sent,
			MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN || errno == EWOULDBLOCK;
		s->sent += (guint)n;
		if (s->stall != 0) {
			remove_source(&s->stall);
			s->stall = g_timeout_add(STALL_MS, on_stall, s);
		}
	}
	return true;
}

/* What to send next, into s->out. True: there may be more at once. */
static bool
session_make(struct session *s)
{
	bool more;

	if (s->state == RUNNING && !dp_capture_running(s->dp))
		session_move(s, ENDING, "port-deleted");
	more = make_frames(s);
	if (s->left == 0)
		session_move(s, ENDING, "count");
	if (s->out->len == 0 && s->state == ENDING)
		make_end(s);
	return more || s->state != RUNNING;
}

/* Makes one piece, unless one is on its way, and sends of it what the client
 * takes. False: the session is over, and freed. */
static bool
session_turn(struct session *s, bool *more)
{
	*more = true;
	if (s->sent == s->out->len)
		*more = session_make(s);
	if (session_send(s) && (s->state != SENT || s->sent < s->out->len))
		return true;
	session_free(s);
	return false;
}

static gboolean
on_turn(gpointer data)
{
	struct session *s = data;
	bool more;

	s->turn = 0;
	if (session_turn(s, &more))
		session_settle(s, more);
	return G_SOURCE_REMOVE;
}

static gboolean
on_writable(int fd, GIOCondition condition, gpointer s)
{
	return on_turn(s);
}

/* Sets when the next turn is: when the client takes more, at once (others of
 * the main loop first), or in a while. */
static void
session_settle(struct session *s, bool more)
{
	remove_source(&s->turn);
	if (s->sent < s->out->len)
		s->turn = g_unix_fd_add_full(G_PRIORITY_LOW, s->fd, G_IO_OUT, on_writable, s, NULL);
	else if (more)
		s->turn = g_idle_add_full(G_PRIORITY_LOW, on_turn, s, NULL);
	else
		s->turn = g_timeout_add(TURN_MS, on_turn, s);
}

static gboolean
on_input(int fd, GIOCondition condition, gpointer data)
{
	struct session *s = data;
	char buf[512];
	ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);

	/* What a client says meanwhile means nothing; that it closes does. */
	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return G_SOURCE_CONTINUE;
	s->input = 0;
	session_move(s, ENDING, "stopped");
	session_settle(s, true);
	return G_SOURCE_REMOVE;
}

static gboolean
on_duration(gpointer data)
{
	struct session *s = data;

	s->end_timer = 0;
	session_move(s, ENDING, "duration");
	return G_SOURCE_REMOVE;
}

/* --- start and end ------------------------------------------------------- */

/* rpc.h, takeover. */
static void
on_connection(void *arg, int fd)
{
	struct session *s = arg;

	s->fd = fd;
	if (fd < 0) {
		session_free(s);
		return;
	}
	session_move(s, RUNNING, NULL);
	if (s->state == ENDING)
		s->stall = g_timeout_add(STALL_MS, on_stall, s);
	s->input = g_unix_fd_add(fd, G_IO_IN, on_input, s);
	session_settle(s, true);
}

bool
capture_start(struct control *c, const struct capture_request *rq, GError **error)
{
	struct dp_error why = {""};
	struct dp_capture *dp;
	struct session *s;
	int rc;

	if (rq->port->dp == NULL)
		return netvm_refuse(error, NETVM_ERROR_SYSTEM,
			"port \"%s\" is in error, so it has no traffic: %s", rq->port->name,
			rq->port->problem);
	rc = dp_capture_start(rq->port->dp, &rq->config, &dp, &why);
	if (rc != 0) {
		netvm_error_from_errno(error, rc, why.text);
		return false;
	}
	s = g_new0(struct session, 1);
	s->control = c;
	s->port = rq->port;
	s->dp = dp;
	s->left = rq->count != 0 ? rq->count : UINT64_MAX;
	s->start_ns = now_ns();
	s->fd = -1;
	s->out = g_byte_array_new();
	if (rq->duration_s != 0)
		s->end_timer = g_timeout_add(rq->duration_s * 1000, on_duration, s);
	piece_begin(s);
	pcapng_begin(s->out, rq->port->name, rq->config.snaplen, rq->filter);
	piece_end(s);
	g_ptr_array_add(c->captures, s);
	c->takeover = (struct rpc_takeover){.take = on_connection, .arg = s};
	return true;
}

unsigned int
capture_count(const struct control *c, const struct port *p)
{
	unsigned int n = 0;

	for (guint i = 0; i < c->captures->len; i++) {
		const struct session *s = g_ptr_array_index(c->captures, i);

		n += s->port == p && dp_capture_running(s->dp);
	}
	return n;
}

/* Sends what the client takes now; one that takes less loses the rest, not the
 * file. */
static void
session_hurry(struct session *s)
{
	bool more;

	session_move(s, ENDING, "daemon-stops");
	do {
		if (!session_turn(s, &more))
			return;
	} while (s->sent == s->out->len);
	session_free(s);
}

void
capture_stop_all(struct control *c)
{
	while (c->captures->len != 0) {
		struct session *s = g_ptr_array_index(c->captures, c->captures->len - 1);

		if (s->fd >= 0)
			session_hurry(s);
		else
			session_free(s);
	}
}
