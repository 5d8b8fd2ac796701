/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A scripted control socket for test-cli.sh: fake-netvmd SOCKET DIR.
 *
 * Appends {"method", "params"} of each request to DIR/requests and answers
 * with what DIR/METHOD.json holds: an object with "result" or "error", which
 * gets its "jsonrpc" and "id" here. A file that begins with "raw " is sent as
 * it is; one that begins with "close" closes, one with "hang" never answers.
 * One client at a time; ends on SIGTERM.
 */
#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>
#include <json-glib/json-glib.h>
#include <stdio.h>

static char *
answer_of(const char *dir, JsonObject *request)
{
	g_autofree char *name =
		g_strconcat(json_object_get_string_member(request, "method"), ".json", NULL);
	g_autofree char *path = g_build_filename(dir, name, NULL);
	g_autofree char *text = NULL;

	if (!g_file_get_contents(path, &text, NULL, NULL))
		text = g_strdup("{\"error\":{\"code\":-32601,\"message\":\"unknown method\"}}");
	if (*text != '{')
		return g_steal_pointer(&text);
	g_autoptr(JsonNode) node = json_from_string(text, NULL);
	JsonObject *answer = json_node_get_object(node);
	json_object_set_string_member(answer, "jsonrpc", "2.0");
	json_object_set_int_member(answer, "id", json_object_get_int_member(request, "id"));
	return json_to_string(node, FALSE);
}

static void
record(const char *dir, JsonObject *request)
{
	g_autofree char *path = g_build_filename(dir, "requests", NULL);
	g_autoptr(JsonNode) node = json_node_new(JSON_NODE_OBJECT);
	FILE *f = fopen(path, "a");

	json_object_remove_member(request, "id");
	json_object_remove_member(request, "jsonrpc");
	json_node_set_object(node, request);
	g_autofree char *text = json_to_string(node, FALSE);
	if (!f || fprintf(f, "%s\n", text) < 0 || fclose(f))
		g_error("cannot write %s", path);
}

/* False ends the connection. */
static gboolean
serve_line(const char *dir, const char *line, GOutputStream *out)
{
	g_autoptr(JsonNode) node = json_from_string(line, NULL);
	g_autofree char *answer = NULL;

	if (!node || !JSON_NODE_HOLDS_OBJECT(node))
		g_error("the request is not a JSON object: %s", line);
	answer = answer_of(dir, json_node_get_object(node));
	record(dir, json_node_get_object(node));
	if (g_str_has_prefix(answer, "close"))
		return FALSE;
	if (g_str_has_prefix(answer, "hang"))
		return TRUE;
	g_autofree char *text =
		g_strconcat(g_str_has_prefix(answer, "raw ") ? answer + 4 : answer, "\n", NULL);
	return g_output_stream_write_all(out, text, strlen(text), NULL, NULL, NULL);
}

int
main(int argc, char **argv)
{
	g_autoptr(GSocketListener) listener = g_socket_listener_new();
	g_autoptr(GError) err = NULL;

	if (argc != 3)
		g_error("usage: fake-netvmd SOCKET DIR");
	g_autoptr(GSocketAddress) address = g_unix_socket_address_new(argv[1]);
	if (!g_socket_listener_add_address(listener, address, G_SOCKET_TYPE_STREAM,
		    G_SOCKET_PROTOCOL_DEFAULT, NULL, NULL, &err))
		g_error("%s", err->message);
	for (;;) {
		g_autoptr(GSocketConnection) c =
			g_socket_listener_accept(listener, NULL, NULL, NULL);
		g_autoptr(GDataInputStream) in =
			g_data_input_stream_new(g_io_stream_get_input_stream(G_IO_STREAM(c)));
		GOutputStream *out = g_io_stream_get_output_stream(G_IO_STREAM(c));

		for (;;) {
			g_autofree char *line = g_data_input_stream_read_line(in, NULL, NULL, NULL);

			if (!line || !serve_line(argv[2], line, out))
				break;
		}
	}
}
