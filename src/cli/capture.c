/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * netvmctl capture: a port's frames into a file.
 *
 * The daemon sends pieces of pcapng (doc/control-protocol.md, capture.start)
 * and we write them down, whole ones only, so that the file is valid whenever
 * it ends. The first signal asks the daemon for the end of the file by closing
 * our sending side; the second one kills us.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pcap/pcap.h>

#include "src/cli/args.h"
#include "src/cli/client.h"
#include "src/cli/say.h"
#include "src/cli/value.h"

#define TIMEOUT_S   30
#define PIECE_MAX   (16u << 20) /* more than any piece of netvmd */
#define RESULT_MAX  4096
#define SNAPLEN_MAX 262144

static const struct cli_option capture_options[] = {
	{"count", "N", NULL, "end after N frames", true},
	{"duration", "S", NULL, "end after S seconds", true},
	{"snaplen", "N", NULL, "keep the first N bytes of a frame [262144]", true},
	{"filter", "EXPR", NULL, "only frames that match, see pcap-filter(7)", false},
	{"direction", "in|out|both", "in out both",
		"in: what the port sends, out: what it is sent [both]", false},
	{0},
};

struct stream {
	struct client *client;
	const char *name; /* of the file, for people */
	int out;
	off_t written;
	bool reader_gone; /* who reads our output has closed it */
};

static volatile sig_atomic_t signal_socket = -1;

static void
on_signal(int number)
{
	shutdown(signal_socket, SHUT_WR);
}

static void
end_by_signal(int socket)
{
	/* Once: the next signal finds the default again. */
	struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_RESTART | SA_RESETHAND};

	signal_socket = socket;
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
}

/* --- from the daemon ----------------------------------------------------- */

/* Like read(2), with waiting; also ends when nobody reads what we write. */
static gssize
receive(struct stream *s, void *buf, gsize n)
{
	for (;;) {
		struct pollfd fds[2] = {
			{.fd = client_socket(s->client), .events = POLLIN}, {.fd = s->out}};
		gssize got = client_read(s->client, buf, n);

		if (got >= 0 || (errno != EAGAIN && errno != EINTR))
			return got;
		(void)!poll(fds, 2, -1);
		if (fds[1].revents & (POLLERR | POLLHUP)) {
			s->reader_gone = true;
			return 0;
		}
	}
}

static bool
receive_all(struct stream *s, void *buf, gsize n)
{
	for (gsize at = 0; at < n;) {
		gssize got = receive(s, (char *)buf + at, n - at);

		if (got <= 0)
			return false;
		at += (gsize)got;
	}
	return true;
}

/* The line after the last piece. */
static JsonObject *
receive_result(struct stream *s)
{
	char line[RESULT_MAX];
	g_autoptr(JsonNode) node = NULL;
	gsize len = 0;

	while (len < sizeof(line) - 1 && receive_all(s, line + len, 1) && line[len] != '\n')
		len++;
	line[len] = '\0';
	node = json_from_string(line, NULL);
	return node && JSON_NODE_HOLDS_OBJECT(node) ? json_object_ref(json_node_get_object(node))
						    : NULL;
}

/* --- to the file --------------------------------------------------------- */

/* The whole piece, or none of it where a file can be cut. */
static bool
write_piece(struct stream *s, const char *data, gsize n, GError **err)
{
	for (gsize at = 0; at < n;) {
		ssize_t done = write(s->out, data + at, n - at);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0) {
			int why = errno;

			s->reader_gone = why == EPIPE;
			(void)!ftruncate(s->out, s->written);
			g_set_error(err, CLIENT_ERROR, CLIENT_NO_ANSWER, "cannot write %s: %s",
				s->name, g_strerror(why));
			return false;
		}
		at += (gsize)done;
	}
	s->written += (off_t)n;
	return true;
}

/* Copies pieces until the last one; NULL when there was none. */
static JsonObject *
copy_pieces(struct stream *s, GError **err)
{
	g_autofree char *piece = NULL;
	guint32 length;

	while (receive_all(s, &length, sizeof(length))) {
		length = GUINT32_FROM_BE(length);
		if (length == 0) {
			JsonObject *result = receive_result(s);

			if (result)
				return result;
			break;
		}
		if (length > PIECE_MAX)
			break;
		piece = g_realloc(piece, length);
		if (!receive_all(s, piece, length))
			break;
		if (!write_piece(s, piece, length, err))
			return NULL;
	}
	g_set_error(err, CLIENT_ERROR, CLIENT_NO_ANSWER,
		"the daemon closed the connection in the middle: %s is valid, but lacks what came "
		"last",
		s->name);
	return NULL;
}

static enum cli_exit
finish(const struct cli *cli, const char *port, const struct stream *s, JsonObject *result)
{
	const char *reason = value_string(result, "reason", "");
	gint64 captured = value_int(result, "captured", 0), lost = value_int(result, "lost", 0);
	g_autoptr(GError) err = NULL;

	if (cli->json)
		say_json(result, true);
	else
		fprintf(stderr,
			"%" G_GINT64_FORMAT " frame%s captured, %" G_GINT64_FORMAT " lost\n",
			captured, captured == 1 ? "" : "s", lost);
	if (g_str_equal(reason, "port-deleted"))
		g_set_error(&err, CLIENT_ERROR, 1,
			"port \"%s\" was deleted: %s has what came before", port, s->name);
	else if (g_str_equal(reason, "daemon-stops"))
		g_set_error(&err, CLIENT_ERROR, CLIENT_NO_ANSWER,
			"netvmd stopped: %s has what came before", s->name);
	return err ? say_error(cli, err) : CLI_DONE;
}

static enum cli_exit
copy(const struct cli *cli, const char *port, struct stream *s)
{
	g_autoptr(GError) err = NULL;
	g_autoptr(JsonObject) result = copy_pieces(s, &err);

	if (result)
		return finish(cli, port, s, result);
	/* `| tcpdump -c 5 -r -` has seen enough: that is no failure. */
	if (s->reader_gone && s->out == STDOUT_FILENO)
		return CLI_DONE;
	return say_error(cli, err);
}

/* --- the command --------------------------------------------------------- */

/* Adds what libpcap makes of the filter; names in it are looked up here. */
static enum cli_exit
add_program(const struct cli *cli, JsonObject *params)
{
	const char *text = value_string(params, "filter", NULL);
	pcap_t *dead = text ? pcap_open_dead(DLT_EN10MB, SNAPLEN_MAX) : NULL;
	enum cli_exit rc = CLI_DONE;
	struct bpf_program program;
	JsonArray *numbers;

	if (!dead)
		return CLI_DONE;
	if (pcap_compile(dead, &program, text, 1, PCAP_NETMASK_UNKNOWN) != 0) {
		rc = say_usage(cli, "filter \"%s\": %s", text, pcap_geterr(dead));
		pcap_close(dead);
		return rc;
	}
	numbers = json_array_new();
	for (u_int i = 0; i < program.bf_len; i++) {
		json_array_add_int_element(numbers, program.bf_insns[i].code);
		json_array_add_int_element(numbers, program.bf_insns[i].jt);
		json_array_add_int_element(numbers, program.bf_insns[i].jf);
		json_array_add_int_element(numbers, program.bf_insns[i].k);
	}
	json_object_set_array_member(params, "program", numbers);
	pcap_freecode(&program);
	pcap_close(dead);
	return rc;
}

/* Also when who started us has closed it: see stdfds.h. */
static bool
is_writable(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && (flags & O_ACCMODE) != O_RDONLY;
}

/* Usage that makes no sense before the daemon is asked. */
static enum cli_exit
check_file(const struct cli *cli, const char *path)
{
	if (path[0] == '\0')
		return say_usage(
			cli, "FILE is empty: give the file's name, or - for standard output");
	if (strcmp(path, "-") != 0)
		return CLI_DONE;
	if (cli->json)
		return say_usage(
			cli, "--json and a capture both want standard output: give a FILE");
	if (isatty(STDOUT_FILENO))
		return say_usage(cli, "a terminal cannot show a capture: give a FILE, or pipe "
				      "\"-\" into tcpdump -r - or wireshark -k -i -");
	if (!is_writable(STDOUT_FILENO))
		return say_usage(cli, "standard output is closed or cannot be written to: give a "
				      "FILE, or pipe \"-\" into tcpdump -r -");
	return CLI_DONE;
}

/* Two captures would write over each other. Where the file's system knows no locks,
 * it is the operator who sees to it; a pipe or a device may have many writers. */
static bool
claim_file(int fd, const char *path, GError **err)
{
	struct stat st;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return true;
	if (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
		g_set_error(err, CLIENT_ERROR, CLIENT_NO_ANSWER,
			"another capture writes to %s: give another file", path);
		return false;
	}
	if (ftruncate(fd, 0) == 0)
		return true;
	g_set_error(err, CLIENT_ERROR, CLIENT_NO_ANSWER, "cannot empty %s: %s", path,
		g_strerror(errno));
	return false;
}

/* What guests send is nobody else's business: the file is its owner's. */
static bool
open_file(struct stream *s, const char *path, GError **err)
{
	if (!strcmp(path, "-")) {
		s->name = "standard output";
		s->out = STDOUT_FILENO;
		return true;
	}
	s->name = path;
	s->out = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (s->out < 0) {
		g_set_error(err, CLIENT_ERROR, CLIENT_NO_ANSWER, "cannot open %s: %s", path,
			g_strerror(errno));
		return false;
	}
	if (claim_file(s->out, path, err))
		return true;
	close(s->out);
	return false;
}

static enum cli_exit
capture(const struct cli *cli, const struct cli_verb *verb, struct cli_args *args)
{
	const char *port = g_ptr_array_index(args->operands, 0);
	const char *path = g_ptr_array_index(args->operands, 1);
	g_autoptr(GError) err = NULL;
	struct stream s = {.out = -1};
	enum cli_exit rc;

	rc = check_file(cli, path);
	if (rc == CLI_DONE)
		rc = add_program(cli, args->options);
	if (rc != CLI_DONE)
		return rc;
	g_autoptr(Client) c = client_new(cli->run_dir, TIMEOUT_S, NULL, &err);
	if (!c)
		return say_error(cli, err);
	s.client = c;
	json_object_set_string_member(args->options, "port", port);
	g_autoptr(JsonObject) started =
		client_call(c, "capture.start", json_object_ref(args->options), &err);
	if (!started || !open_file(&s, path, &err))
		return say_error(cli, err);
	end_by_signal(client_socket(c));
	rc = copy(cli, port, &s);
	if (s.out != STDOUT_FILENO && close(s.out) != 0 && rc == CLI_DONE) {
		g_set_error(&err, CLIENT_ERROR, CLIENT_NO_ANSWER, "cannot write %s: %s", path,
			g_strerror(errno));
		return say_error(cli, err);
	}
	return rc;
}

const struct cli_verb cli_capture_verbs[] = {
	{.name = "",
		.operands = "PORT FILE",
		.min = 2,
		.max = 2,
		.words = {CLI_WORDS_PORT, CLI_WORDS_FILE},
		.help = "a port's frames into a pcapng file, - for standard output",
		.options = capture_options,
		.run = capture},
	{0},
};
