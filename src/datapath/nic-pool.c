/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * NIC port: packet memory, and how it depends on the device. Control thread.
 * Neighbour: port-nic.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mempool.h>

#include "src/datapath/nic.h"
#include "src/datapath/table.h"

#define XDP_POOL_MIN    8192 /* net_af_xdp takes two rings of 2048 from the pool at once */
#define JUMBO_FRAMESZ   16384
#define AF_PACKET_FRAME 2048 /* net_af_packet's framesz when devargs name none */

static bool
is_af_packet(const char *devargs)
{
	return strncmp(devargs, "net_af_packet", 13) == 0 ||
	       strncmp(devargs, "eth_af_packet", 13) == 0;
}

/* Value of framesz= in devargs, or what net_af_packet takes without it. */
static uint32_t
af_packet_framesz(const char *devargs)
{
	const char *arg = strstr(devargs, ",framesz=");
	unsigned long n = arg == NULL ? AF_PACKET_FRAME : strtoul(arg + 9, NULL, 10);

	return n > 65536 ? 65536 : n;
}

/*
 * net_af_packet copies what the kernel has put into a ring frame, and cuts
 * longer packets off silently: jumbo frames need larger ones.
 */
void
nic_devargs(const struct dp_port_config *cfg, char *out, size_t len)
{
	bool jumbo = cfg->settings.mtu > 1500 && strstr(cfg->device, ",framesz=") == NULL &&
		     strstr(cfg->device, ",blocksz=") == NULL;

	if (is_af_packet(cfg->device) && jumbo)
		snprintf(out, len, "%s,blocksz=%u,framesz=%u", cfg->device, JUMBO_FRAMESZ,
			JUMBO_FRAMESZ);
	else
		snprintf(out, len, "%s", cfg->device);
}

/* Pools of closed NICs whose mbufs are still on their way out of another one:
 * drivers free what they sent when they come to it. Control thread. */
static struct rte_mempool *orphans[DP_PORTS_MAX];

static void
orphans_reap(void)
{
	for (unsigned int i = 0; i < DP_PORTS_MAX; i++) {
		if (orphans[i] != NULL && rte_mempool_full(orphans[i])) {
			rte_mempool_free(orphans[i]);
			orphans[i] = NULL;
		}
	}
}

void
nic_free_pool(struct rte_mempool *pool)
{
	orphans_reap();
	if (pool == NULL)
		return;
	for (unsigned int i = 0; !rte_mempool_full(pool) && i < DP_PORTS_MAX; i++) {
		if (orphans[i] == NULL) {
			orphans[i] = pool;
			return;
		}
	}
	/* With no place left it is lost, which beats being used after its end. */
	if (rte_mempool_full(pool))
		rte_mempool_free(pool);
}

/* The longest that a driver writes into one buffer. A bond has several devices. */
static uint32_t
frame_room(const struct dp_port_config *cfg)
{
	uint32_t room = RTE_MAX(cfg->settings.mtu + 22, 2048);
	char devargs[sizeof(cfg->device) + 64], *save = NULL, *device;
	struct dp_port_config one = *cfg;
	char list[sizeof(cfg->device)];

	memcpy(list, cfg->device, sizeof(list));
	for (device = strtok_r(list, cfg->bond != DP_BOND_NONE ? " " : "", &save); device != NULL;
		device = strtok_r(NULL, " ", &save)) {
		if (!is_af_packet(device))
			continue;
		snprintf(one.device, sizeof(one.device), "%s", device);
		nic_devargs(&one, devargs, sizeof(devargs));
		room = RTE_MAX(room, af_packet_framesz(devargs));
	}
	return room;
}

/* One pool per NIC: its buffers hold the longest frame that the MTU allows,
 * because not every driver chains them. */
int
nic_create_pool(struct nic *nic, const struct dp_port_config *cfg, uint16_t nrxd, uint16_t ntxd,
	struct dp_error *err)
{
	static unsigned int serial; /* an orphan may have the port's number still */
	char pool[RTE_MEMPOOL_NAMESIZE];
	uint16_t port_id[DP_MEMBERS_MAX];
	uint32_t nrx = nic->nrxq * nrxd * nic_members(nic, port_id);
	uint32_t n = nic->ntxq * ntxd * nic_members(nic, port_id) + (nic->workers + 1) * 1024;
	uint32_t room = frame_room(cfg);
	int rc;

	nic->ntxd = ntxd;
	if (cfg->trust != NULL) {
		rc = nic_join_group(nic, cfg, room, nrx, err);
		if (rc != 0)
			return rc;
	} else {
		n += nrx;
	}
	if (strcmp(nic->info.driver_name, "net_af_xdp") == 0)
		n = RTE_MAX(n, XDP_POOL_MIN);
	orphans_reap();
	snprintf(pool, sizeof(pool), "nic-%u", serial++);
	nic->pool = rte_pktmbuf_pool_create(pool, n, 256, 0,
		RTE_MIN(room + RTE_PKTMBUF_HEADROOM, UINT16_MAX),
		rte_eth_dev_socket_id(nic->port_id));
	if (nic->rx_pool == NULL)
		nic->rx_pool = nic->pool;
	if (nic->pool != NULL)
		return 0;
	return dp_fail(err, -ENOMEM,
		"port \"%s\": packet memory is used up: %u buffers of %u bytes (%.1f MiB) do not "
		"fit; raise "
		"packet-memory= in [memory]",
		cfg->name, n, room, n * (room + 384.0) / (1 << 20));
}

int
nic_create_shells(struct nic *nic)
{
	static unsigned int serial;
	char name[RTE_MEMPOOL_NAMESIZE];
	/* A payload lies in one piece, mostly; what finds no shell is copied. */
	uint32_t n = nic->ntxq * nic->ntxd + nic->workers * 512;

	snprintf(name, sizeof(name), "shells-%u", serial++);
	nic->shells =
		rte_pktmbuf_pool_create(name, n, 128, 0, 0, rte_eth_dev_socket_id(nic->port_id));
	return nic->shells != NULL ? 0 : -ENOMEM;
}
