/* SPDX-License-Identifier: BSD-3-Clause */
/* Refusals and JSON documents. The help texts are in help.c. */
#include "src/cli/say.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/cli/client.h"

static char *
json_text_of(JsonObject *object, bool pretty)
{
	g_autoptr(JsonNode) node = json_node_new(JSON_NODE_OBJECT);

	json_node_set_object(node, object);
	return json_to_string(node, pretty);
}

void
say_json(JsonObject *object, bool pretty)
{
	g_autofree char *text = json_text_of(object, pretty);

	puts(text);
}

/*
 * A sentence can carry words from the command line or the daemon; control
 * characters in them must not reach the terminal.
 */
static void
print_clean(const char *message)
{
	g_autofree char *text = g_utf8_make_valid(message, -1);

	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	fprintf(stderr, "netvmctl: %s\n", text);
}

static void
refuse(const struct cli *cli, int code, const char *message)
{
	if (!cli->json) {
		print_clean(message);
		return;
	}
	g_autoptr(JsonObject) outer = json_object_new();
	JsonObject *error = json_object_new();
	g_autofree char *valid = g_utf8_make_valid(message, -1);

	json_object_set_int_member(error, "code", code);
	json_object_set_string_member(error, "message", valid);
	json_object_set_object_member(outer, "error", error);
	g_autofree char *text = json_text_of(outer, true);
	fprintf(stderr, "%s\n", text);
}

enum cli_exit
say_usage(const struct cli *cli, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	g_autofree char *message = g_strdup_vprintf(fmt, ap);
	va_end(ap);
	refuse(cli, CLIENT_BAD_USAGE, message);
	return CLI_USAGE;
}

enum cli_exit
say_error(const struct cli *cli, const GError *err)
{
	refuse(cli, err->domain == CLIENT_ERROR ? err->code : CLIENT_NO_ANSWER, err->message);
	return CLI_FAILED;
}

enum cli_exit
say_flush(enum cli_exit result)
{
	if (!fflush(stdout) && !ferror(stdout))
		return result;
	fprintf(stderr, "netvmctl: cannot write the output: %s\n", strerror(errno));
	return CLI_FAILED;
}
