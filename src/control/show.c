/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The daemon, networks, groups and workers as JSON; see show.h, and show-port.c for
 * ports and their counters. Control thread.
 */
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "src/control/show.h"

JsonObject *
show_status(struct control *c)
{
	JsonObject *o = json_object_new();
	struct dp_info info;
	guint up = 0;

	dp_info(&info);
	for (guint i = 0; i < c->ports->len; i++)
		up += control_port_state(g_ptr_array_index(c->ports, i)) == DP_PORT_UP;
	json_object_set_string_member(o, "version", PACKAGE_VERSION);
	json_object_set_string_member(o, "dpdk", info.dpdk);
	json_object_set_int_member(o, "pid", getpid());
	json_object_set_string_member(o, "run_dir", c->run_dir);
	if (c->config->file != NULL)
		json_object_set_string_member(o, "config_file", c->config->file);
	json_object_set_string_member(o, "state_file", c->state_file);
	json_object_set_int_member(
		o, "uptime_s", (g_get_monotonic_time() - c->started) / G_USEC_PER_SEC);
	json_object_set_boolean_member(o, "hugepages", info.hugepages);
	json_object_set_int_member(o, "packet_memory", (gint64)info.packet_memory);
	json_object_set_string_member(o, "simd", info.simd);
	json_object_set_int_member(o, "workers", info.workers);
	json_object_set_string_member(o, "poll", config_poll_name(c->config->poll));
	json_object_set_int_member(o, "idle_us", c->config->idle_us);
	json_object_set_int_member(o, "ports", c->ports->len);
	json_object_set_int_member(o, "ports_up", up);
	json_object_set_int_member(o, "networks", c->networks->len);
	json_object_set_int_member(o, "groups", c->groups->len);
	return o;
}

JsonObject *
show_network(struct control *c, const struct network *n)
{
	JsonObject *o = json_object_new();
	JsonArray *ports = json_array_new();
	struct dp_network_stats st;

	dp_network_stats(n->dp, &st);
	for (guint i = 0; i < c->ports->len; i++) {
		const struct port *p = g_ptr_array_index(c->ports, i);

		if (strcmp(p->set.network, n->name) == 0)
			json_array_add_string_element(ports, p->name);
	}
	json_object_set_string_member(o, "name", n->name);
	json_object_set_int_member(o, "ageing_s", n->set.ageing_s);
	json_object_set_int_member(o, "max_macs", n->set.max_macs);
	json_object_set_int_member(o, "storm_pps", n->set.storm_pps);
	json_object_set_array_member(o, "ports", ports);
	json_object_set_int_member(o, "macs", st.macs);
	json_object_set_int_member(o, "moves", (gint64)st.moves);
	json_object_set_int_member(o, "full", (gint64)st.full);
	json_object_set_int_member(o, "flooded", (gint64)st.flooded);
	json_object_set_string_member(o, "persistent", origin_name(n->origin));
	return o;
}

static void
add_pool(JsonObject *o, const struct trust_group *g)
{
	struct dp_group_status st;

	dp_group_status(g->dp, &st);
	json_object_set_int_member(o, "memory", (gint64)st.pool.size);
	json_object_set_int_member(o, "page", (gint64)st.pool.page);
	json_object_set_int_member(o, "buffers", st.pool.buffers);
	json_object_set_int_member(o, "free", st.pool.free);
	json_object_set_int_member(o, "with_guests", st.pool.guests);
	json_object_set_int_member(
		o, "under_way", (gint64)st.pool.buffers - st.pool.free - st.pool.guests);
	json_object_set_boolean_member(o, "resumed", st.pool.resumed);
}

JsonObject *
show_group(struct control *c, const struct trust_group *g)
{
	g_autofree char *numa = settings_find(&group_table, "numa")->format(&g->set);
	JsonObject *o = json_object_new();
	JsonArray *ports = json_array_new();

	for (guint i = 0; i < c->ports->len; i++) {
		const struct port *p = g_ptr_array_index(c->ports, i);

		if (strcmp(p->set.group, g->name) == 0)
			json_array_add_string_element(ports, p->name);
	}
	json_object_set_string_member(o, "name", g->name);
	json_object_set_string_member(o, "state", g->dp != NULL ? "up" : "error");
	if (g->dp == NULL)
		json_object_set_string_member(o, "error", g->problem);
	json_object_set_int_member(o, "pool_size", (gint64)g->set.pool_size);
	json_object_set_int_member(o, "buffer_size", g->set.buffer_size);
	json_object_set_string_member(o, "numa", numa);
	json_object_set_array_member(o, "ports", ports);
	if (g->dp != NULL)
		add_pool(o, g);
	json_object_set_string_member(o, "persistent", origin_name(g->origin));
	return o;
}

struct fdb {
	JsonArray *entries;
	guint64 more;
};

static void
add_fdb_entry(const struct dp_fdb_entry *e, void *arg)
{
	struct fdb *fdb = arg;
	JsonObject *o;
	char mac[18];

	if (json_array_get_length(fdb->entries) == SHOW_FDB_MAX) {
		fdb->more++;
		return;
	}
	o = json_object_new();
	g_snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", e->mac[0], e->mac[1],
		e->mac[2], e->mac[3], e->mac[4], e->mac[5]);
	json_object_set_string_member(o, "mac", mac);
	json_object_set_int_member(o, "vlan", e->vlan);
	json_object_set_string_member(o, "port", dp_port_name(e->port));
	json_object_set_int_member(o, "age_s", e->age_s);
	json_array_add_object_element(fdb->entries, o);
}

JsonObject *
show_fdb(const struct network *n)
{
	JsonObject *o = json_object_new();
	struct fdb fdb = {.entries = json_array_new()};

	dp_network_fdb(n->dp, add_fdb_entry, &fdb);
	json_object_set_array_member(o, "entries", fdb.entries);
	if (fdb.more != 0)
		json_object_set_int_member(o, "more", (gint64)fdb.more);
	return o;
}

static const char *
worker_state_name(enum dp_worker_state s)
{
	static const char *const names[] = {[DP_WORKER_POLLING] = "polling",
		[DP_WORKER_SLEEPING] = "sleeping",
		[DP_WORKER_STOPPED] = "stopped"};

	return names[s];
}

static JsonObject *
show_worker(uint16_t id)
{
	JsonObject *o = json_object_new();
	struct dp_worker_status st;
	double cycles;

	dp_worker_status(id, &st);
	cycles = (double)st.busy_cycles + (double)st.idle_cycles;
	json_object_set_int_member(o, "id", st.id);
	json_object_set_int_member(o, "cpu", st.cpu);
	json_object_set_string_member(o, "state", worker_state_name(st.state));
	json_object_set_int_member(o, "packets", (gint64)st.packets);
	json_object_set_int_member(o, "busy_cycles", (gint64)st.busy_cycles);
	json_object_set_int_member(o, "idle_cycles", (gint64)st.idle_cycles);
	if (st.packets != 0)
		json_object_set_int_member(o, "busy_cycles_per_packet",
			(gint64)((st.busy_cycles + st.packets / 2) / st.packets));
	json_object_set_int_member(o, "idle_percent",
		cycles > 0 ? (gint64)(100 * (double)st.idle_cycles / cycles + 0.5) : 100);
	json_object_set_int_member(o, "sleeps", (gint64)st.sleeps);
	json_object_set_int_member(o, "queues", st.queues);
	return o;
}

JsonArray *
show_workers(void)
{
	JsonArray *a = json_array_new();

	for (uint16_t i = 0; i < dp_workers(); i++)
		json_array_add_object_element(a, show_worker(i));
	return a;
}
