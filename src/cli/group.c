/* SPDX-License-Identifier: BSD-3-Clause */
/* netvmctl group: trust groups, whose ports share a pool of packet buffers. */
#include "src/cli/args.h"
#include "src/cli/client.h"
#include "src/cli/table.h"
#include "src/cli/value.h"

#include <stdio.h>

static const struct cli_option group_options[] = {
	{"pool-size", "SIZE", NULL, "memory of the pool, such as 256M or 1G [64M]", true},
	{"buffer-size", "N", NULL, "bytes of a buffer, its headroom included [2304]", true},
	{"numa", "N|all", "all 0 1", "NUMA node of the pool, or a share on each [all]", false},
	{0},
};

static void
print_added(JsonObject *group)
{
	printf("group %s: %" G_GINT64_FORMAT " buffers of %" G_GINT64_FORMAT " bytes\n",
		value_string(group, "name", "?"), value_int(group, "buffers", 0),
		value_int(group, "buffer_size", 0));
}

static void
print_list(JsonObject *result)
{
	g_autoptr(GPtrArray) groups = value_objects(result, "groups");
	struct libscols_table *t =
		table_new("NAME STATE +BUFFERS +BUFFER_SIZE +FREE +WITH_GUESTS NUMA PORTS");

	for (guint i = 0; i < groups->len; i++) {
		JsonObject *group = g_ptr_array_index(groups, i);

		table_line(t);
		table_member(t, group, "name");
		table_member(t, group, "state");
		table_member(t, group, "buffers");
		table_member(t, group, "buffer_size");
		table_member(t, group, "free");
		table_member(t, group, "with_guests");
		table_member(t, group, "numa");
		table_member(t, group, "ports");
	}
	table_end(t);
}

static void
print_group(JsonObject *group)
{
	sheet_section("group");
	sheet_member(group, "name", "name");
	sheet_member(group, "state", "state");
	sheet_member(group, "error", "error");
	sheet_member(group, "ports", "ports");
	sheet_member(group, "persistent", "persistent");
	sheet_section("pool");
	sheet_member(group, "pool_size", "bytes asked for");
	sheet_member(group, "memory", "bytes of memory");
	sheet_member(group, "page", "bytes of a page");
	sheet_member(group, "numa", "NUMA node");
	sheet_member(group, "resumed", "from before a restart");
	sheet_section("buffers");
	sheet_member(group, "buffer_size", "bytes of each");
	sheet_member(group, "buffers", "number");
	sheet_member(group, "free", "free");
	sheet_member(group, "with_guests", "with guests");
	sheet_member(group, "under_way", "under way");
}

static enum cli_exit
add(const struct cli *cli, const struct cli_verb *verb, struct cli_args *args)
{
	json_object_set_string_member(args->options, "name", g_ptr_array_index(args->operands, 0));
	return client_run(cli, "group.add", json_object_ref(args->options), print_added);
}

static enum cli_exit
del(const struct cli *cli, const struct cli_verb *verb, struct cli_args *args)
{
	return client_run(cli, "group.del", args_named(args), NULL);
}

static enum cli_exit
show(const struct cli *cli, const struct cli_verb *verb, struct cli_args *args)
{
	return client_run(cli, "group.show", args_named(args), print_group);
}

static enum cli_exit
list(const struct cli *cli, const struct cli_verb *verb, struct cli_args *args)
{
	return client_run(cli, "group.list", NULL, print_list);
}

const struct cli_verb cli_group_verbs[] = {
	{.name = "add",
		.operands = "NAME",
		.min = 1,
		.max = 1,
		.help = "add a trust group, with its pool of packet buffers",
		.options = group_options,
		.run = add},
	{.name = "del",
		.operands = "NAME",
		.min = 1,
		.max = 1,
		.words = {CLI_WORDS_GROUP},
		.help = "delete a group that has no ports",
		.run = del},
	{.name = "show",
		.operands = "NAME",
		.min = 1,
		.max = 1,
		.words = {CLI_WORDS_GROUP},
		.help = "all about one group",
		.run = show},
	{.name = "list", .operands = "", .help = "one line for each group", .run = list},
	{0},
};
