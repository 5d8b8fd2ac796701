/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ports and their counters as JSON; see show.h. Control thread.
 */
#include <string.h>

#include "src/control/capture.h"
#include "src/control/show.h"

/* Protocol features of vhost-user by bit, as its specification calls them. */
static const char *const protocol_names[] = {"mq", "log_shmfd", "rarp", "reply_ack", "mtu",
	"backend_req", "cross_endian", "crypto_session", "pagefault", "config", "backend_send_fd",
	"host_notifier", "inflight_shmfd", "reset_device", "inband_notifications",
	"configure_mem_slots", "status"};

static const char *
protocol_feature_name(unsigned int bit)
{
	return bit < G_N_ELEMENTS(protocol_names) ? protocol_names[bit] : NULL;
}

static const char *
rx_offload_name(unsigned int bit)
{
	return dp_offload_name(true, bit);
}

static const char *
tx_offload_name(unsigned int bit)
{
	return dp_offload_name(false, bit);
}

static JsonArray *
show_bits(uint64_t bits, const char *(*name)(unsigned int bit))
{
	JsonArray *a = json_array_new();

	for (unsigned int bit = 0; bit < 64; bit++) {
		const char *text = name(bit);
		char number[16];

		if ((bits >> bit & 1) == 0)
			continue;
		g_snprintf(number, sizeof(number), "bit-%u", bit);
		json_array_add_string_element(a, text != NULL ? text : number);
	}
	return a;
}

/* --- counters ------------------------------------------------------------ */

static void
add_queue(JsonObject *o, const struct queue_counters *c)
{
	json_object_set_int_member(o, "rx_packets", (gint64)c->rx_packets);
	json_object_set_int_member(o, "rx_bytes", (gint64)c->rx_bytes);
	json_object_set_int_member(o, "tx_packets", (gint64)c->tx_packets);
	json_object_set_int_member(o, "tx_bytes", (gint64)c->tx_bytes);
}

static JsonObject *
show_drops(const struct dp_port_counters *c)
{
	JsonObject *o = json_object_new();

	for (unsigned int i = 0; i < DROP_REASONS; i++)
		json_object_set_int_member(o, packet_drop_name(i), (gint64)c->drop[i]);
	return o;
}

static JsonArray *
show_queues(const struct dp_port_counters *c)
{
	JsonArray *a = json_array_new();

	for (uint16_t i = 0; i < c->queues && i < DP_QUEUES_MAX; i++) {
		JsonObject *o = json_object_new();

		add_queue(o, &c->queue[i]);
		json_array_add_object_element(a, o);
	}
	return a;
}

static void
port_counters(const struct port *p, struct dp_port_counters *c)
{
	memset(c, 0, sizeof(*c));
	if (p->dp != NULL)
		dp_port_counters(p->dp, c);
}

JsonObject *
show_stats(struct control *c, const struct port *only)
{
	JsonObject *o = json_object_new();
	JsonArray *ports = json_array_new();

	json_object_set_double_member(o, "time", (double)g_get_monotonic_time() / G_USEC_PER_SEC);
	for (guint i = 0; i < c->ports->len; i++) {
		const struct port *p = g_ptr_array_index(c->ports, i);
		struct dp_port_counters counters;
		JsonObject *port;

		if (only != NULL && p != only)
			continue;
		port_counters(p, &counters);
		port = json_object_new();
		json_object_set_string_member(port, "name", p->name);
		add_queue(port, &counters.total);
		json_object_set_object_member(port, "drops", show_drops(&counters));
		json_object_set_array_member(port, "queues", show_queues(&counters));
		json_array_add_object_element(ports, port);
	}
	json_object_set_array_member(o, "ports", ports);
	json_object_set_array_member(o, "workers", show_workers());
	return o;
}

/* --- ports --------------------------------------------------------------- */

static void
add_setting(JsonObject *o, const struct port *p, const char *name)
{
	const struct setting *s = settings_find(&port_table, name); /* takes underscores */
	g_autofree char *text = s->format(&p->set);

	if (text == NULL)
		return;
	if (s->json == SETTING_NUMBER)
		json_object_set_int_member(o, name, g_ascii_strtoll(text, NULL, 10));
	else if (s->json == SETTING_BOOL)
		json_object_set_boolean_member(o, name, strcmp(text, "yes") == 0);
	else
		json_object_set_string_member(o, name, text);
}

/* Absent while no ring runs. */
static void
add_ring_sizes(JsonObject *o, const struct port *p, const struct dp_port_status *st)
{
	JsonArray *sizes = json_array_new();
	bool any = false;

	for (unsigned int i = 0; i < VHOST_QUEUE_PAIRS_MAX && i < p->set.queues; i++) {
		const uint32_t *size = st->vhost.ring_size[i];
		JsonArray *pair = json_array_new();

		any |= size[0] != 0 || size[1] != 0;
		json_array_add_int_element(pair, size[0]);
		json_array_add_int_element(pair, size[1]);
		json_array_add_array_element(sizes, pair);
	}
	if (any)
		json_object_set_array_member(o, "ring_sizes", sizes);
	else
		json_array_unref(sizes);
}

static void
add_vhost(JsonObject *o, struct control *c, const struct port *p, const struct dp_port_status *st)
{
	g_autofree char *socket = control_port_socket(c, p);

	json_object_set_string_member(o, "socket", socket);
	add_setting(o, p, "mode");
	if (p->dp == NULL)
		return;
	json_object_set_boolean_member(o, "connected", st->vhost.connected);
	json_object_set_array_member(
		o, "features", show_bits(st->vhost.features, vhost_feature_name));
	json_object_set_array_member(o, "protocol_features",
		show_bits(st->vhost.protocol_features, protocol_feature_name));
	if (st->vhost.guest_mtu != 0)
		json_object_set_int_member(o, "guest_mtu", st->vhost.guest_mtu);
	if (st->vhost.features != 0)
		json_object_set_string_member(o, "rings", st->vhost.packed ? "packed" : "split");
	add_ring_sizes(o, p, st);
	if (st->vhost.numa_node >= 0)
		json_object_set_int_member(o, "numa_node", st->vhost.numa_node);
}

static const char *
guest_feature_name(unsigned int bit)
{
	static const char *const names[] = {"csum", "tso4", "tso6", "segs"};

	return bit < G_N_ELEMENTS(names) ? names[bit] : NULL;
}

static void
add_mac(JsonObject *o, const uint8_t *mac)
{
	char text[18];

	g_snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		mac[3], mac[4], mac[5]);
	json_object_set_string_member(o, "mac", text);
}

static void
add_shm(JsonObject *o, struct control *c, const struct port *p, const struct dp_port_status *st)
{
	g_autofree char *ring = control_port_shm_socket(c, p, "ring");
	g_autofree char *pool = control_port_shm_socket(c, p, "pool");

	json_object_set_string_member(o, "ring_socket", ring);
	json_object_set_string_member(o, "pool_socket", pool);
	add_setting(o, p, "ring_size");
	add_setting(o, p, "heartbeat");
	json_object_set_int_member(
		o, "vectors", p->set.vectors != 0 ? p->set.vectors : p->set.queues);
	if (p->dp == NULL)
		return;
	json_object_set_boolean_member(o, "attached", st->shm.attached);
	if (st->shm.peer != 0)
		json_object_set_int_member(o, "peer", st->shm.peer);
	add_mac(o, st->shm.mac);
	json_object_set_array_member(
		o, "guest_features", show_bits(st->shm.guest_features, guest_feature_name));
	json_object_set_int_member(o, "owned", st->shm.owned);
	json_object_set_int_member(o, "violations", (gint64)st->shm.violations);
	json_object_set_int_member(o, "hops", (gint64)st->shm.hops);
	json_object_set_int_member(o, "messages", (gint64)p->messages_taken);
	json_object_set_int_member(o, "messages_refused", (gint64)p->messages_refused);
	json_object_set_boolean_member(o, "resumed", st->shm.resumed);
}

static JsonArray *
show_members(const struct dp_port_status *st)
{
	JsonArray *a = json_array_new();

	for (uint16_t i = 0; i < st->members; i++) {
		JsonObject *o = json_object_new();

		json_object_set_string_member(o, "device", st->member[i].device);
		json_object_set_string_member(
			o, "state", dp_member_state_name(st->member[i].state));
		json_array_add_object_element(a, o);
	}
	return a;
}

static void
add_nic(JsonObject *o, const struct port *p, const struct dp_port_status *st,
	const struct dp_port_counters *counters)
{
	JsonObject *link;

	add_setting(o, p, "zero_copy");
	add_setting(o, p, "device");
	add_setting(o, p, "bond");
	if (p->dp == NULL)
		return;
	if (p->set.bond != DP_BOND_NONE)
		json_object_set_array_member(o, "members", show_members(st));
	json_object_set_string_member(o, "driver", st->driver);
	add_mac(o, st->mac);
	link = json_object_new();
	json_object_set_boolean_member(link, "up", st->link_up);
	if (st->link_mbps != 0)
		json_object_set_int_member(link, "mbps", st->link_mbps);
	json_object_set_object_member(o, "link", link);
	json_object_set_array_member(o, "rx_offloads", show_bits(st->rx_offloads, rx_offload_name));
	json_object_set_array_member(o, "tx_offloads", show_bits(st->tx_offloads, tx_offload_name));
	if (st->no_zero_copy != NULL)
		json_object_set_string_member(o, "zero_copy_off", st->no_zero_copy);
	json_object_set_int_member(o, "zero_copy_packets", (gint64)counters->nic_zero_copy);
	json_object_set_int_member(o, "missed", (gint64)counters->nic_missed);
	json_object_set_int_member(o, "errors", (gint64)counters->nic_errors);
}

static void
add_state(JsonObject *o, const struct port *p, const struct dp_port_status *st)
{
	const char *error = p->dp != NULL ? st->error : p->problem;
	JsonObject *queues = json_object_new();

	json_object_set_string_member(o, "state", dp_port_state_name(st->state));
	if (p->dp != NULL)
		json_object_set_int_member(o, "number", dp_port_index(p->dp));
	if (error[0] != '\0')
		json_object_set_string_member(o, "error", error);
	json_object_set_int_member(queues, "configured", p->set.queues);
	json_object_set_int_member(queues, "running", st->queues);
	json_object_set_object_member(o, "queues", queues);
}

static void
add_mirror_of(JsonObject *o, struct control *c, const struct port *p)
{
	g_autoptr(GPtrArray) users = control_mirror_users(c, p);
	JsonArray *names;

	if (users->len == 0)
		return;
	names = json_array_new();
	for (guint i = 0; i < users->len; i++)
		json_array_add_string_element(names, g_ptr_array_index(users, i));
	json_object_set_array_member(o, "mirror_of", names);
}

JsonObject *
show_port(struct control *c, const struct port *p)
{
	static const char *const settings[] = {"type", "enabled", "network", "vlan", "trunk",
		"guard", "mtu", "rate_pps", "burst_packets", "rate_bps", "burst_bytes",
		"out_rate_pps", "out_burst_packets", "out_rate_bps", "out_burst_bytes", "mirror",
		"mirror_direction", "forward", "group"};
	struct dp_port_status st = {.state = DP_PORT_ERROR};
	struct dp_port_counters counters;
	JsonObject *o = json_object_new();
	JsonObject *total = json_object_new();

	if (p->dp != NULL)
		dp_port_status(p->dp, &st);
	port_counters(p, &counters);
	json_object_set_string_member(o, "name", p->name);
	for (gsize i = 0; i < G_N_ELEMENTS(settings); i++)
		add_setting(o, p, settings[i]);
	add_mirror_of(o, c, p);
	add_state(o, p, &st);
	if (p->set.type == DP_PORT_VHOST)
		add_vhost(o, c, p, &st);
	else if (p->set.type == DP_PORT_SHM)
		add_shm(o, c, p, &st);
	else
		add_nic(o, p, &st, &counters);
	if (capture_count(c, p) != 0)
		json_object_set_int_member(o, "captures", capture_count(c, p));
	add_queue(total, &counters.total);
	json_object_set_object_member(o, "counters", total);
	json_object_set_object_member(o, "drops", show_drops(&counters));
	json_object_set_array_member(o, "queue_counters", show_queues(&counters));
	json_object_set_string_member(o, "persistent", origin_name(p->origin));
	return o;
}
