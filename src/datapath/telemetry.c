/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Counters as DPDK telemetry commands, so that exporters which know DPDK see
 * ports, groups and workers without knowing NetVM:
 *
 *	/netvm/ports         names
 *	/netvm/port,NAME     counters, and drops by reason where there are any
 *	/netvm/groups        names
 *	/netvm/group,NAME    its pool's buffers and where they are
 *	/netvm/workers       numbers
 *	/netvm/worker,N      packets, cycles, sleeps
 *
 * Theory of operation. DPDK answers on a thread of its own, which must not meet
 * a port that the control thread is deleting. So the control thread leaves a
 * copy of all counters here each second, under a lock that is held for the copy
 * only, and the commands answer from that copy.
 *
 * Threads: telemetry_*() the control thread, answer_*() DPDK's.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_telemetry.h>

#include "src/datapath/table.h"
#include "src/datapath/telemetry.h"

struct seen_port {
	char name[DP_NAME_MAX];
	struct dp_port_counters counters;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct seen_port ports[DP_PORTS_MAX];
static unsigned int nports;
static struct seen_group {
	char name[DP_NAME_MAX];
	struct dp_group_status status;
} groups[DP_GROUPS_MAX];
static unsigned int ngroups;
static struct dp_worker_status workers[DP_WORKERS_MAX];
static unsigned int nworkers;

static void
see_group(const char *name, struct dp_group *group, void *arg)
{
	struct seen_group *g = &groups[ngroups++];

	snprintf(g->name, sizeof(g->name), "%s", name);
	dp_group_status(group, &g->status);
}

void
telemetry_update(void)
{
	pthread_mutex_lock(&lock);
	nports = 0;
	for (uint16_t i = 0; i < DP_PORTS_MAX; i++) {
		if (dp_ports[i] == NULL)
			continue;
		memcpy(ports[nports].name, dp_ports[i]->name, DP_NAME_MAX);
		dp_port_counters(dp_ports[i], &ports[nports].counters);
		nports++;
	}
	ngroups = 0;
	dp_group_walk(see_group, NULL);
	nworkers = dp_workers();
	for (unsigned int i = 0; i < nworkers; i++)
		dp_worker_status(i, &workers[i]);
	pthread_mutex_unlock(&lock);
}

static int
answer_ports(const char *cmd, const char *params, struct rte_tel_data *d)
{
	int rc = rte_tel_data_start_array(d, RTE_TEL_STRING_VAL);

	pthread_mutex_lock(&lock);
	for (unsigned int i = 0; rc == 0 && i < nports; i++)
		rc = rte_tel_data_add_array_string(d, ports[i].name);
	pthread_mutex_unlock(&lock);
	return rc;
}

static int
fill_port(const struct dp_port_counters *c, struct rte_tel_data *d)
{
	int rc = rte_tel_data_start_dict(d);

	rc |= rte_tel_data_add_dict_u64(d, "rx_packets", c->total.rx_packets);
	rc |= rte_tel_data_add_dict_u64(d, "rx_bytes", c->total.rx_bytes);
	rc |= rte_tel_data_add_dict_u64(d, "tx_packets", c->total.tx_packets);
	rc |= rte_tel_data_add_dict_u64(d, "tx_bytes", c->total.tx_bytes);
	rc |= rte_tel_data_add_dict_u64(d, "zero_copy", c->nic_zero_copy);
	rc |= rte_tel_data_add_dict_u64(d, "missed", c->nic_missed);
	rc |= rte_tel_data_add_dict_u64(d, "errors", c->nic_errors);
	for (unsigned int r = 0; r < DROP_REASONS; r++) {
		char name[RTE_TEL_MAX_STRING_LEN];

		if (c->drop[r] == 0)
			continue;
		snprintf(name, sizeof(name), "drop_%s", packet_drop_name(r));
		/* Names in DPDK's answers have letters, digits, '_' and '/'. */
		for (char *s = strchr(name, '-'); s != NULL; s = strchr(s, '-'))
			*s = '_';
		rc |= rte_tel_data_add_dict_u64(d, name, c->drop[r]);
	}
	return rc;
}

static int
answer_port(const char *cmd, const char *params, struct rte_tel_data *d)
{
	int rc = -ENOENT;

	pthread_mutex_lock(&lock);
	for (unsigned int i = 0; params != NULL && i < nports; i++) {
		if (strcmp(ports[i].name, params) == 0) {
			rc = fill_port(&ports[i].counters, d);
			break;
		}
	}
	pthread_mutex_unlock(&lock);
	return rc;
}

static int
answer_groups(const char *cmd, const char *params, struct rte_tel_data *d)
{
	int rc = rte_tel_data_start_array(d, RTE_TEL_STRING_VAL);

	pthread_mutex_lock(&lock);
	for (unsigned int i = 0; rc == 0 && i < ngroups; i++)
		rc = rte_tel_data_add_array_string(d, groups[i].name);
	pthread_mutex_unlock(&lock);
	return rc;
}

static int
fill_group(const struct dp_group_status *st, struct rte_tel_data *d)
{
	uint32_t there = st->pool.free + st->pool.guests;
	int rc = rte_tel_data_start_dict(d);

	rc |= rte_tel_data_add_dict_u64(d, "memory", st->pool.size);
	rc |= rte_tel_data_add_dict_u64(d, "page", st->pool.page);
	rc |= rte_tel_data_add_dict_u64(d, "buffer_size", st->pool.buffer_size);
	rc |= rte_tel_data_add_dict_u64(d, "buffers", st->pool.buffers);
	rc |= rte_tel_data_add_dict_u64(d, "free", st->pool.free);
	rc |= rte_tel_data_add_dict_u64(d, "with_guests", st->pool.guests);
	/* Counted one after the other while they move. */
	rc |= rte_tel_data_add_dict_u64(
		d, "under_way", st->pool.buffers > there ? st->pool.buffers - there : 0);
	rc |= rte_tel_data_add_dict_u64(d, "shm_ports", st->pool.ports);
	rc |= rte_tel_data_add_dict_u64(d, "nic_ports", st->nics);
	return rc;
}

static int
answer_group(const char *cmd, const char *params, struct rte_tel_data *d)
{
	int rc = -ENOENT;

	pthread_mutex_lock(&lock);
	for (unsigned int i = 0; params != NULL && i < ngroups; i++) {
		if (strcmp(groups[i].name, params) == 0) {
			rc = fill_group(&groups[i].status, d);
			break;
		}
	}
	pthread_mutex_unlock(&lock);
	return rc;
}

static int
answer_workers(const char *cmd, const char *params, struct rte_tel_data *d)
{
	int rc = rte_tel_data_start_array(d, RTE_TEL_INT_VAL);

	pthread_mutex_lock(&lock);
	for (unsigned int i = 0; rc == 0 && i < nworkers; i++)
		rc = rte_tel_data_add_array_int(d, workers[i].id);
	pthread_mutex_unlock(&lock);
	return rc;
}

static int
answer_worker(const char *cmd, const char *params, struct rte_tel_data *d)
{
	char *end = NULL;
	unsigned long n = params != NULL ? strtoul(params, &end, 10) : 0;
	struct dp_worker_status w;
	int rc;

	pthread_mutex_lock(&lock);
	rc = end == NULL || end == params || *end != '\0' || n >= nworkers ? -ENOENT : 0;
	if (rc == 0)
		w = workers[n];
	pthread_mutex_unlock(&lock);
	if (rc != 0)
		return rc;
	rc = rte_tel_data_start_dict(d);
	rc |= rte_tel_data_add_dict_u64(d, "cpu", w.cpu);
	rc |= rte_tel_data_add_dict_u64(d, "packets", w.packets);
	rc |= rte_tel_data_add_dict_u64(d, "busy_cycles", w.busy_cycles);
	rc |= rte_tel_data_add_dict_u64(d, "idle_cycles", w.idle_cycles);
	rc |= rte_tel_data_add_dict_u64(d, "sleeps", w.sleeps);
	return rc;
}

int
telemetry_start(void)
{
	static const struct {
		const char *cmd, *help;
		telemetry_cb fn;
	} commands[] = {
		{"/netvm/ports", "Names of NetVM's ports. Takes no parameters", answer_ports},
		{"/netvm/port", "Counters of a port. Parameters: name", answer_port},
		{"/netvm/groups", "Names of NetVM's trust groups. Takes no parameters",
			answer_groups},
		{"/netvm/group", "Buffers of a trust group's pool. Parameters: name", answer_group},
		{"/netvm/workers", "NetVM's workers. Takes no parameters", answer_workers},
		{"/netvm/worker", "Counters of a worker. Parameters: number", answer_worker},
	};
	int rc = 0;

	for (unsigned int i = 0; rc == 0 && i < sizeof(commands) / sizeof(commands[0]); i++)
		rc = rte_telemetry_register_cmd(commands[i].cmd, commands[i].fn, commands[i].help);
	return rc;
}
