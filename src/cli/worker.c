/* SPDX-License-Identifier: BSD-3-Clause */
/* netvmctl worker: the polling threads and how busy they are. */
#include "src/cli/worker.h"

#include "src/cli/client.h"
#include "src/cli/table.h"
#include "src/cli/value.h"

void
worker_print(JsonObject *result)
{
	static const char *const keys[] = {"id", "cpu", "state", "queues", "packets", "busy_cycles",
		"idle_cycles", "busy_cycles_per_packet", "idle_percent", "sleeps"};
	g_autoptr(GPtrArray) workers = value_objects(result, "workers");
	struct libscols_table *t = table_new("+WORKER +CPU STATE +QUEUES +PACKETS +BUSY_CYCLES "
					     "+IDLE_CYCLES +CYCLES/PACKET +IDLE_% +SLEEPS");

	for (guint i = 0; i < workers->len; i++) {
		table_line(t);
		for (guint k = 0; k < G_N_ELEMENTS(keys); k++)
			table_member(t, g_ptr_array_index(workers, i), keys[k]);
	}
	table_end(t);
}

static enum cli_exit
list(const struct cli *cli, const struct cli_verb *verb, struct cli_args *args)
{
	return client_run(cli, "worker.list", NULL, worker_print);
}

const struct cli_verb cli_worker_verbs[] = {
	{.name = "list", .operands = "", .help = "one line for each worker thread", .run = list},
	{0},
};
