/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * NIC port that receives into a trust group's pool, so that the group's shm ports
 * get its frames without a copy. Control thread. Neighbours: nic-pool.c calls,
 * nic-io.c sets the mbufs right, src/shm/ has the pool.
 *
 * Every member of the group can read and write what such a device receives. What
 * leaves the group is judged from, and sent with, private copies of its headers,
 * as with frames from guests.
 */
#include <errno.h>
#include <string.h>

#include <rte_mempool.h>

#include "src/datapath/group.h"
#include "src/datapath/nic.h"
#include "src/datapath/table.h"

/* Drivers that cannot receive into memory which is not the mempool's own. */
static const struct {
	const char *driver, *why;
} cannot[] = {
	{"net_af_xdp", "its buffers have to lie in the memory of their mempool (umem)"},
	{"net_memif", "its zero copy works with DPDK's own memory only"},
	{"net_vhost", "guests have vhost ports"},
};

static int
check_drivers(const struct nic *nic, const struct dp_port_config *cfg, struct dp_error *err)
{
	uint16_t port_id[DP_MEMBERS_MAX], n = nic_members(nic, port_id);
	struct rte_eth_dev_info info;
	const char *why;

	for (uint16_t i = 0; i < n; i++) {
		if (rte_eth_dev_info_get(port_id[i], &info) != 0)
			continue;
		why = nic_dma_join(info.device, cfg->trust->pool);
		if (why != NULL)
			return dp_fail(err, -ENOTSUP,
				"port \"%s\": driver %s cannot receive into group %s: %s; leave "
				"group away",
				cfg->name, info.driver_name, cfg->trust->config.name, why);
		for (unsigned int d = 0; d < RTE_DIM(cannot); d++)
			if (strcmp(info.driver_name, cannot[d].driver) == 0)
				return dp_fail(err, -ENOTSUP,
					"port \"%s\": driver %s cannot receive into group %s: %s; "
					"leave group away",
					cfg->name, info.driver_name, cfg->trust->config.name,
					cannot[d].why);
	}
	return 0;
}

int
nic_join_group(struct nic *nic, const struct dp_port_config *cfg, uint32_t room, uint32_t n,
	struct dp_error *err)
{
	struct dp_group *g = cfg->trust;
	struct rte_mempool *pool = shm_pool_mempool(g->pool);
	struct shm_pool_status st;
	int rc = check_drivers(nic, cfg, err);

	if (rc != 0)
		return rc;
	shm_pool_status(g->pool, &st);
	if (rte_pktmbuf_data_room_size(pool) < room + RTE_PKTMBUF_HEADROOM)
		return dp_fail(err, -EINVAL,
			"port \"%s\": group %s has buffers of %u bytes, and the device needs %u "
			"for "
			"this mtu: make the group with a larger buffer-size",
			cfg->name, g->config.name, st.buffer_size, room + RTE_PKTMBUF_HEADROOM);
	/* As many again for what is under way. */
	if (st.free / 2 < n)
		return dp_fail(err, -ENOMEM,
			"port \"%s\": group %s has %u free buffers, and the device takes %u of "
			"them: "
			"make the group with a larger pool-size",
			cfg->name, g->config.name, st.free, n);
	nic->rx_pool = pool;
	nic->group = g;
	g->nics++;
	return 0;
}

void
nic_leave_group(struct nic *nic)
{
	if (nic->group != NULL)
		nic->group->nics--;
	nic->group = NULL;
}
