/* SPDX-License-Identifier: BSD-3-Clause */
/* netvmctl port messages: what a port's network function told netvmd. */
#include "src/cli/args.h"
#include "src/cli/client.h"
#include "src/cli/table.h"
#include "src/cli/value.h"

static void
print_messages(JsonObject *result)
{
	g_autoptr(GPtrArray) messages = value_objects(result, "messages");
	struct libscols_table *t = table_new("TIME TYPE TEXT");

	for (guint i = 0; i < messages->len; i++) {
		JsonObject *m = g_ptr_array_index(messages, i);
		g_autoptr(GDateTime) time =
			g_date_time_new_from_unix_local(value_int(m, "time", 0));
		g_autofree char *text = time ? g_date_time_format(time, "%F %T") : g_strdup("?");

		table_line(t);
		table_text(t, text);
		table_member(t, m, "type");
		table_member(t, m, "text");
	}
	table_end(t);
}

enum cli_exit
cli_port_messages(const struct cli *cli, const struct cli_verb *verb, struct cli_args *args)
{
	return client_run(cli, "port.messages", args_named(args), print_messages);
}
