/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The data path as a whole: start, stop, and what is said about it.
 * Control thread. Neighbours: eal.c and machine.c below, worker.c beside.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_launch.h>
#include <rte_version.h>

#include "src/datapath/eal.h"
#include "src/datapath/group.h"
#include "src/datapath/network.h"
#include "src/datapath/nic.h"
#include "src/datapath/rcu.h"
#include "src/datapath/sleep.h"
#include "src/datapath/table.h"
#include "src/datapath/telemetry.h"
#include "vhost/vring.h"

static struct machine_memory memory;
static struct worker_counters baseline[DP_WORKERS_MAX]; /* of the last reset */

int
dp_check(const struct dp_config *cfg, struct dp_error *err)
{
	uint16_t cpu[DP_WORKERS_MAX], ncpus;
	struct machine_memory m;
	int rc = machine_worker_cpus(cfg, cpu, &ncpus, err);

	return rc != 0 ? rc : machine_memory(cfg, &m, err);
}

static void
workers_free(void)
{
	for (uint16_t i = 0; i < dp_nworkers; i++) {
		worker_free(dp_worker[i]);
		dp_worker[i] = NULL;
	}
	dp_nworkers = 0;
	dp_rcu_stop();
}

static int
workers_create(const uint16_t *cpu, uint16_t ncpus, struct dp_error *err)
{
	if (dp_rcu_start(ncpus) != 0)
		return dp_fail(err, -ENOMEM, "out of memory for %u workers", ncpus);
	for (uint16_t i = 0; i < ncpus; i++) {
		dp_worker[i] = worker_new(i, cpu[i]);
		if (dp_worker[i] == NULL) {
			int rc = errno != 0 ? -errno : -ENOMEM;

			workers_free();
			return dp_fail(err, rc, "worker %u: %s", i, strerror(-rc));
		}
		dp_nworkers++;
	}
	return 0;
}

int
dp_start(const struct dp_config *cfg, struct dp_error *err)
{
	uint16_t cpu[DP_WORKERS_MAX], ncpus;
	int rc = machine_worker_cpus(cfg, cpu, &ncpus, err);

	if (rc == 0)
		rc = machine_memory(cfg, &memory, err);
	if (rc == 0)
		rc = eal_start(cfg->run_dir, &memory, cpu, ncpus, err);
	if (rc != 0)
		return rc;
	dp_clock_init(rte_get_tsc_hz());
	port_on_change(cfg->changed, cfg->changed_arg);
	rc = workers_create(cpu, ncpus, err);
	group_init(cfg);
	if (rc == 0) {
		rc = port_vhost_init(cfg->run_dir, err);
		if (rc != 0)
			workers_free();
	}
	if (rc != 0) {
		eal_stop();
		return rc;
	}
	if (telemetry_start() != 0)
		fputs("DPDK's telemetry refuses the /netvm commands\n", stderr);
	dp_set_poll(cfg->poll, cfg->idle_us);
	for (uint16_t i = 0; i < ncpus; i++)
		rte_eal_remote_launch(worker_run, dp_worker[i], eal_lcore(i));
	return 0;
}

static bool
all_stopped(void)
{
	for (uint16_t i = 0; i < dp_nworkers; i++)
		if (__atomic_load_n(&dp_worker[i]->state, __ATOMIC_ACQUIRE) != DP_WORKER_STOPPED)
			return false;
	return true;
}

void
dp_stop(void)
{
	worker_stop_all();
	/* rte_eal_wait_lcore() spins, maybe on the very core that it waits for. */
	while (!all_stopped())
		usleep(100);
	for (uint16_t i = 0; i < dp_nworkers; i++)
		rte_eal_wait_lcore(eal_lcore(i));
	group_stop();
	workers_free();
	port_on_change(NULL, NULL);
	eal_stop();
}

void
dp_info(struct dp_info *info)
{
	info->hugepages = memory.hugepages;
	info->packet_memory = memory.packet_memory;
	info->workers = dp_nworkers;
	info->simd = vring_ops_select(NULL)->name;
	info->dpdk = rte_version();
}

void
dp_set_poll(enum dp_poll poll, uint32_t idle_us)
{
	uint64_t cycles = UINT64_MAX;

	if (poll == DP_POLL_ADAPTIVE)
		cycles = (uint64_t)((double)idle_us * (double)dp_clock_hz / 1e6);
	__atomic_store_n(&dp_idle_cycles, cycles, __ATOMIC_RELAXED);
	for (uint16_t i = 0; i < dp_nworkers; i++)
		sleep_wake(dp_worker[i]);
}

int
dp_port_add(const struct dp_port_config *cfg, struct dp_port **port, struct dp_error *err)
{
	switch (cfg->type) {
	case DP_PORT_VHOST:
		return port_add(cfg, &dp_vhost_ops, port, err);
	case DP_PORT_NIC:
		return port_add(cfg, &dp_nic_ops, port, err);
	case DP_PORT_SHM:
		return port_add(cfg, &dp_shm_ops, port, err);
	}
	return dp_fail(err, -EINVAL, "port %s: unknown type %d", cfg->name, (int)cfg->type);
}

uint16_t
dp_workers(void)
{
	return dp_nworkers;
}

static void
counters_read(uint16_t id, struct worker_counters *c)
{
	const struct worker_counters *now = &dp_worker[id]->counters;

	c->packets = __atomic_load_n(&now->packets, __ATOMIC_RELAXED);
	c->busy_cycles = __atomic_load_n(&now->busy_cycles, __ATOMIC_RELAXED);
	c->idle_cycles = __atomic_load_n(&now->idle_cycles, __ATOMIC_RELAXED);
	c->sleeps = __atomic_load_n(&now->sleeps, __ATOMIC_RELAXED);
}

void
dp_worker_status(uint16_t id, struct dp_worker_status *st)
{
	const struct worker *w = dp_worker[id];
	uint8_t state = __atomic_load_n(&w->state, __ATOMIC_RELAXED);
	struct worker_counters c;

	counters_read(id, &c);
	/* A worker books its sleep when it wakes up; until then we do. */
	if (state == DP_WORKER_SLEEPING)
		c.idle_cycles += dp_clock_tsc() - __atomic_load_n(&w->now, __ATOMIC_RELAXED);
	*st = (struct dp_worker_status){
		.id = id,
		.cpu = w->cpu,
		.state = state,
		.packets = c.packets - baseline[id].packets,
		.busy_cycles = c.busy_cycles - baseline[id].busy_cycles,
		.idle_cycles = c.idle_cycles - baseline[id].idle_cycles,
		.sleeps = c.sleeps - baseline[id].sleeps,
		.queues = (uint16_t)w->rx->count,
	};
}

void
dp_worker_counters_reset(void)
{
	for (uint16_t i = 0; i < dp_nworkers; i++)
		counters_read(i, &baseline[i]);
}

void
dp_tick(void)
{
	network_age();
	nic_lent_tick();
	nic_dma_tick();
	telemetry_update();
}

double
dp_tsc_hz(void)
{
	return (double)dp_clock_hz;
}
