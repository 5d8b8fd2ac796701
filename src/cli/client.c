/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The client side of the control socket: one connection, one request at a
 * time. Neighbours: the nouns call client_run(), the watching ones keep a
 * client open.
 */
#include "src/cli/client.h"

#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>
#include <grp.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "src/cli/say.h"
#include "src/cli/value.h"

/* The protocol's bound of a response: a peer may never end its line. */
#define LINE_MAX_BYTES (8u << 20)

/* A NIC port can take seconds to come up, and the daemon answers after it. */
#define TIMEOUT_S 30

G_DEFINE_QUARK(netvmctl - client, client_error)

struct client {
	GSocketConnection *connection;
	char *path;
	GString *input;
	gint64 id;
};

static void
set_permission_error(const char *path, const char *dir, GError **err)
{
	struct stat st;
	const char *what = path;

	if (stat(path, &st) && stat(what = dir, &st)) {
		g_set_error(err, CLIENT_ERROR, CLIENT_NO_ANSWER,
			"you may not enter the directory of %s: run netvmctl as root, or as a "
			"member of the group that [sockets] control-group= in netvmd.conf names",
			path);
		return;
	}
	struct group *gr = getgrgid(st.st_gid);
	struct passwd *pw = getpwuid(st.st_uid);
	/* Without a control-group= the socket is its owner's alone. */
	g_autofree char *who =
		st.st_mode & (what == dir ? S_IXGRP : S_IWGRP)
			? g_strdup_printf("root or as a member of group %s", gr ? gr->gr_name : "?")
			: g_strdup("root");
	g_set_error(err, CLIENT_ERROR, CLIENT_NO_ANSWER,
		"you may not open %s: %s belongs to %s:%s with mode %04o; run netvmctl as %s "
		"([sockets] control-group= in netvmd.conf names who else may)",
		path, what, pw ? pw->pw_name : "?", gr ? gr->gr_name : "?", st.st_mode & 07777,
		who);
}

static void
set_connect_error(
	const char *path, const char *run_dir, const GError *cause, bool *absent, GError **err)
{
	if (g_error_matches(cause, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED)) {
		set_permission_error(path, run_dir, err);
		return;
	}
	if (g_error_matches(cause, G_IO_ERROR, G_IO_ERROR_NOT_FOUND) ||
		g_error_matches(cause, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED)) {
		if (absent)
			*absent = true;
		g_set_error(err, CLIENT_ERROR, CLIENT_NO_ANSWER,
			"no daemon answers on %s: is netvmd running? (systemctl status netvmd, or "
			"give --run-dir)",
			path);
		return;
	}
	g_set_error(err, CLIENT_ERROR, CLIENT_NO_ANSWER, "cannot connect to %s: %s", path,
		cause->message);
}

struct client *
client_new(const char *run_dir, guint timeout_s, bool *absent, GError **err)
{
	g_autofree char *path = g_build_filename(run_dir, "control.sock", NULL);
	struct sockaddr_un sun;

	if (absent)
		*absent = false;
	if (strlen(path) >= sizeof(sun.sun_path)) {
		g_set_error(err, CLIENT_ERROR, CLIENT_NO_ANSWER,
			"the socket path %s is too long: %zu bytes, at most %zu are possible; use "
			"a shorter --run-dir",
			path, strlen(path), sizeof(sun.sun_path) - 1);
		return NULL;
	}
	g_autoptr(GSocketClient) sc = g_socket_client_new();
	g_autoptr(GSocketAddress) address = g_unix_socket_address_new(path);
	g_autoptr(GError) cause = NULL;

	g_socket_client_set_enable_proxy(sc, FALSE);
	g_socket_client_set_timeout(sc, timeout_s);
	GSocketConnection *connection =
		g_socket_client_connect(sc, G_SOCKET_CONNECTABLE(address), NULL, &cause);
	if (!connection) {
		set_connect_error(path, run_dir, cause, absent, err);
		return NULL;
	}
	struct client *c = g_new0(struct client, 1);
	c->connection = connection;
	c->path = g_steal_pointer(&path);
	c->input = g_string_new(NULL);
	return c;
}

void
client_free(struct client *c)
{
	if (!c)
		return;
	g_object_unref(c->connection);
	g_string_free(c->input, TRUE);
	g_free(c->path);
	g_free(c);
}

static gboolean
send_request(struct client *c, const char *method, JsonObject *params, GError **err)
{
	g_autoptr(JsonNode) node = json_node_new(JSON_NODE_OBJECT);
	JsonObject *request = json_object_new();
	g_autoptr(GError) cause = NULL;

	json_object_set_string_member(request, "jsonrpc", "2.0");
	json_object_set_int_member(request, "id", ++c->id);
	json_object_set_string_member(request, "method", method);
	json_object_set_object_member(request, "params", params ? params : json_object_new());
	json_node_take_object(node, request);
	g_autofree char *text = json_to_string(node, FALSE);
	g_autofree char *line = g_strconcat(text, "\n", NULL);
	GOutputStream *out = g_io_stream_get_output_stream(G_IO_STREAM(c->connection));
	if (g_output_stream_write_all(out, line, strlen(line), NULL, NULL, &cause))
		return TRUE;
	/* A daemon that refuses the peer closes; its last words may still be there. */
	if (g_error_matches(cause, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE) ||
		g_error_matches(cause, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED))
		return TRUE;
	g_set_error(err, CLIENT_ERROR, CLIENT_NO_ANSWER,
		"the daemon on %s does not take the request: %s", c->path, cause->message);
	return FALSE;
}

static char *
read_line(struct client *c, GError **err)
{
	GInputStream *in = g_io_stream_get_input_stream(G_IO_STREAM(c->connection));
	gsize searched = 0;

	for (;;) {
		char *end = memchr(c->input->str + searched, '\n', c->input->len - searched);
		char buf[16384];
		g_autoptr(GError) cause = NULL;

		if (end) {
			gsize len = end - c->input->str;
			char *line = g_strndup(c->input->str, len);

			g_string_erase(c->input, 0, len + 1);
			return line;
		}
		searched = c->input->len;
		gssize n = g_input_stream_read(in, buf, sizeof(buf), NULL, &cause);
		if (n > 0 && c->input->len + n <= LINE_MAX_BYTES) {
			g_string_append_len(c->input, buf, n);
			continue;
		}
		if (n > 0)
			g_set_error(err, CLIENT_ERROR, CLIENT_NO_ANSWER,
				"the answer on %s is longer than %u MiB", c->path,
				LINE_MAX_BYTES >> 20);
		else if (g_error_matches(cause, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
			g_set_error(err, CLIENT_ERROR, CLIENT_NO_ANSWER,
				"the daemon on %s took the request but does not answer: is it "
				"stopped or very busy?",
				c->path);
		else
			g_set_error(err, CLIENT_ERROR, CLIENT_NO_ANSWER,
				"the daemon on %s closed the connection without an answer: it "
				"serves root, its own user and the group of [sockets] "
				"control-group=; its "
				"log says more",
				c->path);
		return NULL;
	}
}

static void
set_daemon_error(JsonNode *node, const char *path, GError **err)
{
	JsonObject *error = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
	const char *message = value_string(error, "message", NULL);
	gint64 code = value_int(error, "code", 0);

	if (message)
		g_set_error_literal(err, CLIENT_ERROR, (int)code, message);
	else
		g_set_error(err, CLIENT_ERROR, CLIENT_NO_ANSWER,
			"the daemon on %s refused without a reason", path);
}

/* The result in a response line, NULL and err when it has none. */
static JsonObject *
parse_response(struct client *c, const char *line, GError **err)
{
	g_autoptr(JsonNode) root = json_from_string(line, NULL);

	if (root && JSON_NODE_HOLDS_OBJECT(root)) {
		JsonObject *response = json_node_get_object(root);
		JsonNode *result = json_object_get_member(response, "result");

		if (json_object_has_member(response, "error")) {
			set_daemon_error(json_object_get_member(response, "error"), c->path, err);
			return NULL;
		}
		if (result && JSON_NODE_HOLDS_OBJECT(result) &&
			value_int(response, "id", 0) == c->id)
			return json_object_ref(json_node_get_object(result));
	}
	g_set_error(err, CLIENT_ERROR, CLIENT_NO_ANSWER,
		"what answers on %s is not netvmd's control protocol: is it another program?",
		c->path);
	return NULL;
}

JsonObject *
client_call(struct client *c, const char *method, JsonObject *params, GError **err)
{
	if (!send_request(c, method, params, err))
		return NULL;
	g_autofree char *line = read_line(c, err);
	return line ? parse_response(c, line, err) : NULL;
}

int
client_socket(const struct client *c)
{
	return g_socket_get_fd(g_socket_connection_get_socket(c->connection));
}

gssize
client_read(struct client *c, void *buf, gsize n)
{
	gsize here = MIN(n, c->input->len);

	if (here == 0)
		return recv(client_socket(c), buf, n, MSG_DONTWAIT);
	memcpy(buf, c->input->str, here);
	g_string_erase(c->input, 0, (gssize)here);
	return (gssize)here;
}

enum cli_exit
client_run(const struct cli *cli, const char *method, JsonObject *params,
	void (*print)(JsonObject *result))
{
	g_autoptr(GError) err = NULL;
	struct client *c = client_new(cli->run_dir, TIMEOUT_S, NULL, &err);

	if (!c) {
		if (params)
			json_object_unref(params);
		return say_error(cli, err);
	}
	g_autoptr(JsonObject) result = client_call(c, method, params, &err);
	client_free(c);
	if (!result)
		return say_error(cli, err);
	if (cli->json)
		say_json(result, true);
	else if (print)
		print(result);
	return CLI_DONE;
}
