/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Trust groups: a pool of packet buffers each, that shm ports share and NIC ports
 * may receive into. Control thread.
 *
 * src/shm starts with the first group, so that a netvmd without groups has
 * neither its thread nor a keeper process.
 * Neighbours: port-shm.c and nic-pool.c use the pools, src/shm/ makes them.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_malloc.h>

#include "src/datapath/group.h"
#include "src/datapath/nic.h"
#include "src/datapath/table.h"

#define POOL_MIN            (UINT64_C(1) << 20)
#define POOL_MAX            (UINT64_C(1) << 40)
#define POOL_DEFAULT        (UINT64_C(64) << 20)
#define MBUF_BYTES          192  /* of packet memory for each buffer, at least */
#define BUFFER_SIZE_DEFAULT 2304 /* 1518 bytes and a tag, headroom, and some room to grow */

static struct dp_group *groups[DP_GROUPS_MAX];
static char dir[PATH_MAX];
static enum dp_hugepages hugepages;
static void (*warn)(const char *sentence);
static bool running, settled;
static bool wanted; /* there is a group, maybe one that could not be made */

void
group_init(const struct dp_config *cfg)
{
	snprintf(dir, sizeof(dir), "%s", cfg->run_dir);
	hugepages = cfg->hugepages;
	warn = cfg->warn;
}

void
group_stop(void)
{
	if (running)
		shm_stop();
	running = settled = wanted = false;
}

static int
config_check(struct dp_group_config *c, const struct dp_group_config *cfg, struct dp_error *err)
{
	*c = *cfg;
	if (c->pool_size == 0)
		c->pool_size = POOL_DEFAULT;
	if (c->buffer_size == 0)
		c->buffer_size = BUFFER_SIZE_DEFAULT;
	if (c->pool_size < POOL_MIN || c->pool_size > POOL_MAX)
		return dp_fail(err, -EINVAL,
			"group %s: a pool of %" PRIu64 " bytes is out of range: expected %" PRIu64
			" MiB to %" PRIu64 " GiB",
			c->name, c->pool_size, POOL_MIN >> 20, POOL_MAX >> 30);
	if (c->buffer_size < SHM_BUFFER_SIZE_MIN || c->buffer_size > SHM_BUFFER_SIZE_MAX ||
		c->buffer_size % NETVM_LINE != 0)
		return dp_fail(err, -EINVAL,
			"group %s: buffer-size=%u: expected a multiple of %u from %u to %u",
			c->name, c->buffer_size, NETVM_LINE, SHM_BUFFER_SIZE_MIN,
			SHM_BUFFER_SIZE_MAX);
	return 0;
}

/* Looked at before, as making a large pool takes a while. Memory that is not of
 * hugepages was all taken at the start. */
static int
mbufs_fit(const struct dp_group_config *c, struct dp_error *err)
{
	uint64_t n = c->pool_size / c->buffer_size, need = n * MBUF_BYTES, have = 0;
	struct rte_malloc_socket_stats st;

	if (rte_eal_has_hugepages())
		return 0;
	for (int s = 0; s < RTE_MAX_NUMA_NODES; s++)
		if (rte_malloc_get_socket_stats(s, &st) == 0)
			have += st.heap_freesz_bytes;
	if (need <= have)
		return 0;
	return dp_fail(err, -ENOMEM,
		"group %s: packet memory is used up: the mbufs of %" PRIu64 " buffers take %" PRIu64
		" MiB of it, and %" PRIu64 " MiB are free: raise packet-memory= in [memory], or "
		"make a smaller pool or larger buffers",
		c->name, n, need >> 20, have >> 20);
}

static int
pool_open(struct dp_group *g, struct dp_error *err)
{
	struct shm_pool_config pc = {
		.size = g->config.pool_size,
		.buffer_size = g->config.buffer_size,
		.numa = g->config.numa,
		.hugepages = hugepages != DP_HUGE_NEVER,
	};
	struct shm_pool_status st;
	int rc;

	_Static_assert(sizeof(pc.name) == sizeof(g->config.name), "names fit");
	memcpy(pc.name, g->config.name, sizeof(pc.name));
	rc = mbufs_fit(&g->config, err);
	if (rc != 0)
		return rc;
	g->pool = shm_pool_create(&pc, err->text, sizeof(err->text));
	if (g->pool == NULL)
		return errno != 0 ? -errno : -ENOMEM;
	shm_pool_status(g->pool, &st);
	if (hugepages != DP_HUGE_REQUIRED || st.page > (uint64_t)sysconf(_SC_PAGESIZE))
		return 0;
	shm_pool_destroy(g->pool);
	return dp_fail(err, -ENOMEM,
		"group %s: [memory] hugepages=required, but too few are free for a pool of %" PRIu64
		" MiB: add some (sysctl vm.nr_hugepages) or lower pool-size",
		g->config.name, st.size >> 20);
}

int
dp_group_add(const struct dp_group_config *cfg, struct dp_group **group, struct dp_error *err)
{
	struct dp_group_config c;
	struct dp_group *g;
	unsigned int slot = 0;
	int rc = config_check(&c, cfg, err);

	wanted = true;
	if (rc != 0)
		return rc;
	while (slot < DP_GROUPS_MAX && groups[slot] != NULL)
		slot++;
	if (slot == DP_GROUPS_MAX)
		return dp_fail(err, -ENOSPC, "group %s: there are %u groups already, the limit",
			c.name, DP_GROUPS_MAX);
	if (!running) {
		rc = port_shm_init(dir, warn, err);
		if (rc != 0)
			return rc;
		running = true;
		if (settled)
			shm_resume();
	}
	g = calloc(1, sizeof(*g));
	if (g == NULL)
		return dp_fail(err, -ENOMEM, "group %s: out of memory", c.name);
	g->config = c;
	rc = pool_open(g, err);
	if (rc != 0) {
		free(g);
		return rc;
	}
	groups[slot] = g;
	*group = g;
	return 0;
}

int
dp_group_del(struct dp_group *g, struct dp_error *err)
{
	struct shm_pool_status st;
	uint32_t users = g->ports + g->nics;

	if (users != 0)
		return dp_fail(err, -EBUSY,
			"group %s is in use by %u port%s: delete them or move them first",
			g->config.name, users, users == 1 ? "" : "s");
	shm_pool_status(g->pool, &st);
	if (st.free + st.guests < st.buffers)
		return dp_fail(err, -EBUSY,
			"group %s: %u of its buffers are still in the transmit ring of a nic port: "
			"try again when that port has sent something else, or is gone",
			g->config.name, st.buffers - st.free - st.guests);
	for (unsigned int i = 0; i < DP_GROUPS_MAX; i++)
		if (groups[i] == g)
			groups[i] = NULL;
	nic_dma_forget_pool(g->pool);
	shm_pool_destroy(g->pool);
	free(g);
	return 0;
}

void
dp_group_status(struct dp_group *g, struct dp_group_status *st)
{
	shm_pool_status(g->pool, &st->pool);
	st->nics = g->nics;
}

void
dp_group_walk(void (*cb)(const char *name, struct dp_group *group, void *arg), void *arg)
{
	for (unsigned int i = 0; i < DP_GROUPS_MAX; i++)
		if (groups[i] != NULL)
			cb(groups[i]->config.name, groups[i], arg);
}

void
dp_groups_settle(bool (*exists)(const char *kind, const char *name, void *user), void *user)
{
	if (running)
		shm_settle(exists, user);
	else if (!wanted)
		shm_discard(dir);
	for (unsigned int i = 0; i < DP_GROUPS_MAX; i++)
		if (groups[i] != NULL)
			shm_pool_settle(groups[i]->pool);
	settled = true;
	if (running)
		shm_resume();
}
