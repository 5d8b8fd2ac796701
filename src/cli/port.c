/* SPDX-License-Identifier: BSD-3-Clause */
/* netvmctl port: ports, what they are and what they carried. */
#include "src/cli/args.h"
#include "src/cli/client.h"
#include "src/cli/table.h"
#include "src/cli/value.h"

#include <stdio.h>

/* Words of a port, for add; doc/control-protocol.md names the same ones. */
static const struct cli_option port_options[] = {
	{"type", "TYPE", "vhost nic shm",
		"vhost (a guest), nic (a DPDK device) or shm (shared memory); needed", false},
	{"network", "NET", CLI_WORDS_NETWORK, "layer-2 network to be in, or none [default]", false},
	{"vlan", "ID", NULL, "access port: untagged outside, VLAN ID inside", true},
	{"trunk", "LIST", NULL, "trunk port: VLANs that pass tagged, such as 10,20-29 or all",
		false},
	{"guard", "LIST", NULL, "mac=MAC,ip=ADDR,...: only these may send", false},
	{"mtu", "N", NULL, "longest packet, up to 9216 bytes [1500]", true},
	{"queues", "N", NULL, "queue pairs, up to 16; nic: or auto", true},
	{"group", "GROUP", CLI_WORDS_GROUP,
		"shm: its trust group; nic: receive into this group's pool", false},
	{"ring-size", "N", NULL, "shm: entries of a ring, a power of two [1024]", true},
	{"vectors", "N", NULL, "shm: doorbells of a guest, up to 16 [as many as queues]", true},
	{"heartbeat", "MS", NULL, "shm: a guest silent for so long loses its buffers; 0: never [0]",
		true},
	{"forward", "PORT", CLI_WORDS_PORT, "port that all it sends goes to, or none [none]",
		false},
	{"enabled", "yes|no", "yes no", "whether the port carries traffic", false},
	{"mode", "MODE", "server client", "vhost: server (we listen) or client (QEMU listens)",
		false},
	{"socket", "PATH", CLI_WORDS_FILE, "vhost: socket other than RUN_DIR/vhost/NAME.sock",
		false},
	{"device", "DEVARGS", NULL, "nic: PCI address or DPDK devargs; of a bond several", false},
	{"bond", "MODE", "none active-backup lacp", "nic: make one port of several devices", false},
	{"zero-copy", "auto|off", "auto off",
		"nic: whether it may send from guests' memory in place [auto]", false},
	{"rate-pps", "N", NULL, "packets per second that it may send, such as 100k; 0: no limit",
		true},
	{"burst-packets", "N", NULL, "packets that may come at once [rate-pps / 10]", true},
	{"rate-bps", "N", NULL, "bits per second that it may send, such as 10M; 0: no limit", true},
	{"burst-bytes", "N", NULL, "bytes that may come at once [a tenth of a second's]", true},
	{"out-rate-pps", "N", NULL, "the same for what the port is sent", true},
	{"out-burst-packets", "N", NULL, "the same for what the port is sent", true},
	{"out-rate-bps", "N", NULL, "the same for what the port is sent", true},
	{"out-burst-bytes", "N", NULL, "the same for what the port is sent", true},
	{"mirror", "PORT", CLI_WORDS_PORT, "port that gets copies of its traffic, or none [none]",
		false},
	{"mirror-direction", "in|out|both", "in out both",
		"copies of what it sends, is sent, or both [both]", false},
	{0},
};

static const struct cli_option port_settings[] = {
	{"network", "NET", NULL, "layer-2 network to be in, or none", false},
	{"vlan", "ID", NULL, "access port: VLAN inside, 0 for untagged", true},
	{"trunk", "LIST", NULL, "trunk port: VLANs that pass tagged", false},
	{"guard", "LIST", NULL, "who may send, or none for everybody", false},
	{"mtu", "N", NULL, "longest packet", true},
	{"enabled", "yes|no", NULL, "whether the port carries traffic", false},
	{"rate-pps", "N", NULL, "packets per second that it may send, such as 100k; 0: no limit",
		true},
	{"burst-packets", "N", NULL, "packets that may come at once [rate-pps / 10]", true},
	{"rate-bps", "N", NULL, "bits per second that it may send, such as 10M; 0: no limit", true},
	{"burst-bytes", "N", NULL, "bytes that may come at once [a tenth of a second's]", true},
	{"out-rate-pps", "N", NULL, "the same for what the port is sent", true},
	{"out-burst-packets", "N", NULL, "the same for what the port is sent", true},
	{"out-rate-bps", "N", NULL, "the same for what the port is sent", true},
	{"out-burst-bytes", "N", NULL, "the same for what the port is sent", true},
	{"forward", "PORT", NULL, "port that all it sends goes to, or none [none]", false},
	{"mirror", "PORT", NULL, "port that gets copies of its traffic, or none [none]", false},
	{"mirror-direction", "in|out|both", NULL,
		"copies of what it sends, is sent, or both [both]", false},
	{0},
};

static void
print_added(JsonObject *port)
{
	const char *device = value_string(port, "device", "nothing known");
	const char *where = value_string(port, "socket", value_string(port, "ring_socket", device));

	printf("port %s: %s, %s\n", value_string(port, "name", "?"),
		value_string(port, "state", "?"), where);
}

static void
print_list(JsonObject *result)
{
	g_autoptr(GPtrArray) ports = value_objects(result, "ports");
	struct libscols_table *t = table_new("NAME TYPE STATE NETWORK VLAN +RX +TX +DROPS");

	for (guint i = 0; i < ports->len; i++) {
		JsonObject *port = g_ptr_array_index(ports, i);
		JsonObject *counters = value_object(port, "counters");

		table_line(t);
		table_member(t, port, "name");
		table_member(t, port, "type");
		table_member(t, port, "state");
		table_member(t, port, "network");
		table_member(t, port, json_object_has_member(port, "trunk") ? "trunk" : "vlan");
		table_int(t, value_int(counters, "rx_packets", 0));
		table_int(t, value_int(counters, "tx_packets", 0));
		table_int(t, value_sum(value_object(port, "drops")));
	}
	table_end(t);
}

static void
print_identity(JsonObject *port)
{
	JsonObject *queues = value_object(port, "queues");

	sheet_section("port");
	sheet_member(port, "name", "name");
	sheet_member(port, "type", "type");
	sheet_member(port, "number", "number, for NFs");
	sheet_member(port, "state", "state");
	sheet_member(port, "error", "error");
	sheet_member(port, "enabled", "enabled");
	sheet_member(port, "mtu", "MTU");
	if (queues) {
		gint64 configured = value_int(queues, "configured", 0);
		g_autofree char *count = configured
						 ? g_strdup_printf("%" G_GINT64_FORMAT, configured)
						 : g_strdup("auto");
		g_autofree char *text =
			g_strdup_printf("%" G_GINT64_FORMAT " running, %s configured",
				value_int(queues, "running", 0), count);

		sheet_text("queue pairs", text);
	}
	sheet_member(port, "captures", "captures running");
	sheet_member(port, "persistent", "persistent");
}

static void
print_members(JsonObject *port)
{
	g_autoptr(GPtrArray) members = value_objects(port, "members");

	for (guint i = 0; i < members->len; i++) {
		JsonObject *m = g_ptr_array_index(members, i);
		g_autofree char *text = g_strdup_printf(
			"%s: %s", value_string(m, "device", "?"), value_string(m, "state", "?"));

		sheet_text("member", text);
	}
}

static void
print_device(JsonObject *port)
{
	JsonObject *link = value_object(port, "link");

	sheet_section("device");
	sheet_member(port, "mode", "mode");
	sheet_member(port, "socket", "socket");
	sheet_member(port, "connected", "connected");
	sheet_member(port, "group", "group");
	sheet_member(port, "ring_socket", "rings' socket");
	sheet_member(port, "pool_socket", "pool's socket");
	sheet_member(port, "attached", "attached");
	sheet_member(port, "peer", "by process");
	sheet_member(port, "resumed", "from before a restart");
	sheet_member(port, "ring_size", "ring size");
	sheet_member(port, "vectors", "doorbells");
	sheet_member(port, "heartbeat", "heartbeat, ms");
	sheet_member(port, "owned", "buffers it has");
	sheet_member(port, "violations", "violations");
	sheet_member(port, "hops", "hops without copy");
	sheet_member(port, "messages", "messages from it");
	sheet_member(port, "messages_refused", "and refused");
	sheet_member(port, "guest_mtu", "guest MTU");
	sheet_member(port, "rings", "rings");
	sheet_member(port, "ring_sizes", "ring sizes rx/tx");
	sheet_member(port, "numa_node", "NUMA node");
	sheet_member(port, "device", "device");
	sheet_member(port, "bond", "bond");
	print_members(port);
	sheet_member(port, "driver", "driver");
	sheet_member(port, "mac", "MAC");
	if (link) {
		gint64 mbps = value_int(link, "mbps", 0);
		g_autofree char *speed =
			mbps ? g_strdup_printf("up, %" G_GINT64_FORMAT " Mbit/s", mbps)
			     : g_strdup("up");

		sheet_text("link", value_true(link, "up") ? speed : "down");
	}
	sheet_member(port, "rx_offloads", "receive offloads");
	sheet_member(port, "tx_offloads", "transmit offloads");
	sheet_member(port, "zero_copy", "zero copy");
	sheet_member(port, "zero_copy_off", "copies, because");
	sheet_member(port, "zero_copy_packets", "sent without copy");
	sheet_member(port, "missed", "missed by device");
	sheet_member(port, "errors", "device errors");
}

static void
print_limits(JsonObject *port)
{
	static const char *const rows[][2] = {{"rate_pps", "packets/s sent"},
		{"burst_packets", "burst, packets"}, {"rate_bps", "bits/s sent"},
		{"burst_bytes", "burst, bytes"}, {"out_rate_pps", "packets/s received"},
		{"out_burst_packets", "burst, packets"}, {"out_rate_bps", "bits/s received"},
		{"out_burst_bytes", "burst, bytes"}};
	bool any = false;

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
		any |= json_object_has_member(port, rows[i][0]);
	if (any)
		sheet_section("limits");
	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
		sheet_member(port, rows[i][0], rows[i][1]);
}

static void
print_features(JsonObject *port)
{
	if (!json_object_has_member(port, "features") &&
		!json_object_has_member(port, "guest_features"))
		return;
	sheet_section("features of the guest");
	sheet_member(port, "guest_features", "netvm");
	sheet_member(port, "features", "virtio");
	sheet_member(port, "protocol_features", "vhost-user");
}

static void
counters_line(struct libscols_table *t, const char *who, JsonObject *counters)
{
	table_line(t);
	table_text(t, who);
	table_int(t, value_int(counters, "rx_packets", 0));
	table_int(t, value_int(counters, "rx_bytes", 0));
	table_int(t, value_int(counters, "tx_packets", 0));
	table_int(t, value_int(counters, "tx_bytes", 0));
}

static void
print_counters(JsonObject *port)
{
	g_autoptr(GPtrArray) queues = value_objects(port, "queue_counters");
	struct libscols_table *t = table_new("__QUEUE +RX_PACKETS +RX_BYTES +TX_PACKETS +TX_BYTES");

	sheet_section("counters");
	counters_line(t, "  all", value_object(port, "counters"));
	for (guint i = 0; i < queues->len; i++) {
		g_autofree char *who = g_strdup_printf("  %u", i);

		counters_line(t, who, g_ptr_array_index(queues, i));
	}
	table_end(t);
}

static void
print_drops(JsonObject *port)
{
	JsonObject *drops = value_object(port, "drops");
	g_autoptr(GList) reasons = drops ? json_object_get_members(drops) : NULL;

	sheet_section("drops");
	if (!value_sum(drops))
		sheet_text("none", "");
	for (GList *r = reasons; r; r = r->next)
		if (value_int(drops, r->data, 0))
			sheet_member(drops, r->data, r->data);
}

static void
print_port(JsonObject *port)
{
	print_identity(port);
	sheet_section("network");
	sheet_member(port, "network", "name");
	sheet_member(port, "vlan", "VLAN");
	sheet_member(port, "trunk", "trunk");
	sheet_member(port, "guard", "guard");
	sheet_member(port, "forward", "forward");
	sheet_member(port, "mirror", "mirror");
	sheet_member(port, "mirror_direction", "mirror direction");
	sheet_member(port, "mirror_of", "mirror of");
	print_limits(port);
	print_device(port);
	print_features(port);
	print_counters(port);
	print_drops(port);
}

static enum cli_exit
add(const struct cli *cli, const struct cli_verb *verb, struct cli_args *args)
{
	json_object_set_string_member(args->options, "name", g_ptr_array_index(args->operands, 0));
	return client_run(cli, "port.add", json_object_ref(args->options), print_added);
}

static enum cli_exit
del(const struct cli *cli, const struct cli_verb *verb, struct cli_args *args)
{
	return client_run(cli, "port.del", args_named(args), NULL);
}

static enum cli_exit
show(const struct cli *cli, const struct cli_verb *verb, struct cli_args *args)
{
	return client_run(cli, "port.show", args_named(args), print_port);
}

static enum cli_exit
list(const struct cli *cli, const struct cli_verb *verb, struct cli_args *args)
{
	return client_run(cli, "port.list", NULL, print_list);
}

static enum cli_exit
set(const struct cli *cli, const struct cli_verb *verb, struct cli_args *args)
{
	JsonObject *params = args_settings(cli, verb, args);

	return params ? client_run(cli, "port.set", params, NULL) : CLI_USAGE;
}

const struct cli_verb cli_port_verbs[] = {
	{.name = "add",
		.operands = "NAME",
		.min = 1,
		.max = 1,
		.help = "add a port",
		.options = port_options,
		.run = add},
	{.name = "del",
		.operands = "NAME",
		.min = 1,
		.max = 1,
		.words = {CLI_WORDS_PORT},
		.help = "delete a port",
		.run = del},
	{.name = "show",
		.operands = "NAME",
		.min = 1,
		.max = 1,
		.words = {CLI_WORDS_PORT},
		.help = "all about one port",
		.run = show},
	{.name = "list", .operands = "", .help = "one line for each port", .run = list},
	{.name = "messages",
		.operands = "NAME",
		.min = 1,
		.max = 1,
		.words = {CLI_WORDS_PORT},
		.help = "what its network function told netvmd",
		.run = cli_port_messages},
	{.name = "set",
		.operands = "NAME KEY=VALUE...",
		.min = 2,
		.max = G_MAXUINT,
		.words = {CLI_WORDS_PORT, CLI_WORDS_SETTINGS},
		.help = "change a port while it carries traffic",
		.settings = port_settings,
		.run = set},
	{0},
};
