/* SPDX-License-Identifier: BSD-3-Clause */
/* netvmctl network: layer-2 networks and the MACs they know. */
#include "src/cli/args.h"
#include "src/cli/client.h"
#include "src/cli/table.h"
#include "src/cli/value.h"

#include <stdio.h>

static const struct cli_option network_options[] = {
	{"ageing-s", "N", NULL, "forget a silent MAC after N seconds", true},
	{"max-macs", "N", NULL, "size of the MAC table", true},
	{"storm-pps", "N", NULL, "packets a port may flood per second; 0: no limit", true},
	{0},
};

static void
print_list(JsonObject *result)
{
	g_autoptr(GPtrArray) networks = value_objects(result, "networks");
	struct libscols_table *t = table_new("NAME +MACS +MAX_MACS +AGEING_S +STORM_PPS PORTS");

	for (guint i = 0; i < networks->len; i++) {
		JsonObject *net = g_ptr_array_index(networks, i);

		table_line(t);
		table_member(t, net, "name");
		table_member(t, net, "macs");
		table_member(t, net, "max_macs");
		table_member(t, net, "ageing_s");
		table_member(t, net, "storm_pps");
		table_member(t, net, "ports");
	}
	table_end(t);
}

static void
print_network(JsonObject *net)
{
	sheet_section("network");
	sheet_member(net, "name", "name");
	sheet_member(net, "ports", "ports");
	sheet_member(net, "persistent", "persistent");
	sheet_member(net, "ageing_s", "ageing, seconds");
	sheet_member(net, "max_macs", "MACs at most");
	sheet_member(net, "storm_pps", "flood limit, pps");
	sheet_section("counters");
	sheet_member(net, "macs", "MACs learned");
	sheet_member(net, "moves", "MACs moved");
	sheet_member(net, "full", "table was full");
	sheet_member(net, "flooded", "frames flooded");
}

static void
print_fdb(JsonObject *result)
{
	g_autoptr(GPtrArray) entries = value_objects(result, "entries");
	struct libscols_table *t = table_new("MAC +VLAN PORT +AGE_S");

	for (guint i = 0; i < entries->len; i++) {
		JsonObject *e = g_ptr_array_index(entries, i);

		table_line(t);
		table_member(t, e, "mac");
		table_member(t, e, "vlan");
		table_member(t, e, "port");
		table_member(t, e, "age_s");
	}
	table_end(t);
	if (json_object_has_member(result, "more"))
		fprintf(stderr, "netvmctl: %" G_GINT64_FORMAT " more entries are not shown\n",
			value_int(result, "more", 0));
}

static enum cli_exit
add(const struct cli *cli, const struct cli_verb *verb, struct cli_args *args)
{
	json_object_set_string_member(args->options, "name", g_ptr_array_index(args->operands, 0));
	return client_run(cli, "network.add", json_object_ref(args->options), NULL);
}

static enum cli_exit
del(const struct cli *cli, const struct cli_verb *verb, struct cli_args *args)
{
	return client_run(cli, "network.del", args_named(args), NULL);
}

static enum cli_exit
show(const struct cli *cli, const struct cli_verb *verb, struct cli_args *args)
{
	return client_run(cli, "network.show", args_named(args), print_network);
}

static enum cli_exit
list(const struct cli *cli, const struct cli_verb *verb, struct cli_args *args)
{
	return client_run(cli, "network.list", NULL, print_list);
}

static enum cli_exit
fdb(const struct cli *cli, const struct cli_verb *verb, struct cli_args *args)
{
	return client_run(cli, "network.fdb", args_named(args), print_fdb);
}

static enum cli_exit
set(const struct cli *cli, const struct cli_verb *verb, struct cli_args *args)
{
	JsonObject *params = args_settings(cli, verb, args);

	return params ? client_run(cli, "network.set", params, NULL) : CLI_USAGE;
}

const struct cli_verb cli_network_verbs[] = {
	{.name = "add",
		.operands = "NAME",
		.min = 1,
		.max = 1,
		.help = "add a network",
		.options = network_options,
		.run = add},
	{.name = "del",
		.operands = "NAME",
		.min = 1,
		.max = 1,
		.words = {CLI_WORDS_NETWORK},
		.help = "delete a network that has no ports",
		.run = del},
	{.name = "show",
		.operands = "NAME",
		.min = 1,
		.max = 1,
		.words = {CLI_WORDS_NETWORK},
		.help = "all about one network",
		.run = show},
	{.name = "list", .operands = "", .help = "one line for each network", .run = list},
	{.name = "set",
		.operands = "NAME KEY=VALUE...",
		.min = 2,
		.max = G_MAXUINT,
		.words = {CLI_WORDS_NETWORK, CLI_WORDS_SETTINGS},
		.help = "change a network",
		.settings = network_options,
		.run = set},
	{.name = "fdb",
		.operands = "NAME",
		.min = 1,
		.max = 1,
		.words = {CLI_WORDS_NETWORK},
		.help = "the MAC addresses it learned",
		.run = fdb},
	{0},
};
