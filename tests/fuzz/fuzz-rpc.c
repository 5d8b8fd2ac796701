/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any lines as requests to a daemon over a data path in memory: every reply is
 * one line of JSON of bounded length, and the daemon can still be stopped.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "src/control/control.h"
#include "src/control/json.h"
#include "src/control/jsonrpc.h"
#include "src/control/methods.h"
#include "tests/unit/fake-datapath.h"

#define REPLY_MAX (8 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static GLogWriterOutput
quiet(GLogLevelFlags level, const GLogField *fields, gsize n, gpointer arg)
{
	return G_LOG_WRITER_HANDLED;
}

/* In memory, where a sync costs nothing. */
static char *
state_file(void)
{
	static char *file;

	if (file == NULL) {
		g_log_set_writer_func(quiet, NULL, NULL);
		file = g_strdup_printf("/dev/shm/netvm-fuzz-rpc.%d", (int)getpid());
	}
	g_unlink(file);
	return file;
}

static void
ask(struct control *c, const char *line, size_t len)
{
	gsize reply_len = 0;
	g_autofree char *reply = jsonrpc_handle(control_methods, c, line, len, &reply_len);
	g_autoptr(JsonNode) node = NULL;

	/* The client goes before it has its reply. */
	if (c->takeover.take != NULL)
		c->takeover.take(c->takeover.arg, -1);
	c->takeover.take = NULL;
	if (reply == NULL)
		return;
	if (reply_len > REPLY_MAX || memchr(reply, '\n', reply_len) != reply + reply_len - 1)
		abort();
	node = json_parse_bounded(reply, reply_len, UINT32_MAX, NULL);
	if (node == NULL)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct control c = {.config = config_new(), .run_dir = (char *)"/run/x"};
	g_autofree char *text = g_strndup((const char *)data, size);
	const char *line = text;
	const char *end;

	memcpy(text, data, size);
	c.state_file = state_file();
	if (!control_start(&c, NULL))
		abort();
	while ((end = memchr(line, '\n', size - (size_t)(line - text))) != NULL) {
		ask(&c, line, (size_t)(end - line));
		line = end + 1;
	}
	ask(&c, line, size - (size_t)(line - text));
	control_stop(&c);
	config_free(c.config);
	g_unlink(c.state_file);
	return 0;
}
