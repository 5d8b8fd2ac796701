/* SPDX-License-Identifier: BSD-3-Clause */
/* netvmctl stats: counters of ports and workers. watch.c repeats them. */
#include "src/cli/args.h"
#include "src/cli/client.h"
#include "src/cli/table.h"
#include "src/cli/value.h"
#include "src/cli/watch.h"
#include "src/cli/worker.h"

#include <stdio.h>

static const struct cli_option stats_options[] = {
	{"watch", NULL, NULL, "show rates each second until interrupted", false},
	{0},
};

static void
counters_line(struct libscols_table *t, const char *name, JsonObject *counters, gint64 drops)
{
	table_line(t);
	table_text(t, name);
	table_int(t, value_int(counters, "rx_packets", 0));
	table_int(t, value_int(counters, "rx_bytes", 0));
	table_int(t, value_int(counters, "tx_packets", 0));
	table_int(t, value_int(counters, "tx_bytes", 0));
	if (drops >= 0)
		table_int(t, drops);
}

static void
print_ports(GPtrArray *ports)
{
	struct libscols_table *t =
		table_new("PORT +RX_PACKETS +RX_BYTES +TX_PACKETS +TX_BYTES +DROPS");

	for (guint i = 0; i < ports->len; i++) {
		JsonObject *port = g_ptr_array_index(ports, i);

		counters_line(t, value_string(port, "name", "-"), port,
			value_sum(value_object(port, "drops")));
	}
	table_end(t);
}

static void
print_queues(JsonObject *port)
{
	g_autoptr(GPtrArray) queues = value_objects(port, "queues");
	struct libscols_table *t;

	if (queues->len < 2)
		return;
	t = table_new("QUEUE +RX_PACKETS +RX_BYTES +TX_PACKETS +TX_BYTES");
	putchar('\n');
	for (guint i = 0; i < queues->len; i++) {
		g_autofree char *id = g_strdup_printf("%u", i);

		counters_line(t, id, g_ptr_array_index(queues, i), -1);
	}
	table_end(t);
}

static void
print_drops(GPtrArray *ports)
{
	struct libscols_table *t = NULL;

	for (guint i = 0; i < ports->len; i++) {
		JsonObject *port = g_ptr_array_index(ports, i);
		JsonObject *drops = value_object(port, "drops");
		g_autoptr(GList) reasons = drops ? json_object_get_members(drops) : NULL;

		for (GList *r = reasons; r; r = r->next) {
			gint64 n = value_int(drops, r->data, 0);

			if (!n)
				continue;
			if (!t)
				t = table_new("PORT DROP_REASON +PACKETS");
			table_line(t);
			table_member(t, port, "name");
			table_text(t, r->data);
			table_int(t, n);
		}
	}
	if (t) {
		putchar('\n');
		table_end(t);
	}
}

static void
print_stats(JsonObject *result)
{
	g_autoptr(GPtrArray) ports = value_objects(result, "ports");

	print_ports(ports);
	if (ports->len == 1)
		print_queues(g_ptr_array_index(ports, 0));
	print_drops(ports);
	if (json_object_has_member(result, "workers")) {
		putchar('\n');
		worker_print(result);
	}
}

static enum cli_exit
stats(const struct cli *cli, const struct cli_verb *verb, struct cli_args *args)
{
	const char *port = args->operands->len ? g_ptr_array_index(args->operands, 0) : NULL;

	if (value_true(args->options, "watch"))
		return watch(cli, port);
	JsonObject *params = json_object_new();
	if (port)
		json_object_set_string_member(params, "port", port);
	return client_run(cli, "stats.get", params, print_stats);
}

static enum cli_exit
reset(const struct cli *cli, const struct cli_verb *verb, struct cli_args *args)
{
	return client_run(cli, "stats.reset", NULL, NULL);
}

const struct cli_verb cli_stats_verbs[] = {
	{.name = "",
		.operands = "[PORT]",
		.max = 1,
		.words = {CLI_WORDS_PORT},
		.help = "counters of all ports and workers, or of one port",
		.options = stats_options,
		.run = stats},
	{.name = "reset", .operands = "", .help = "set all counters to zero", .run = reset},
	{0},
};
