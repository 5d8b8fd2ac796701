/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * NIC port, control side: any DPDK ethdev, named by a PCI address or by a
 * virtual device's devargs. Control thread only, while no worker uses the
 * port. The worker side is nic-io.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mempool.h>

#include "src/datapath/nic.h"
#include "src/datapath/table.h"

#define RING_DEFAULT 512 /* descriptors where the driver names no number */

/* Is every device behind the port of this bus, or of that driver? */
static bool
all_on_bus(const struct nic *nic, const char *bus)
{
	uint16_t port_id[DP_MEMBERS_MAX], n = nic_members(nic, port_id);
	struct rte_eth_dev_info info;

	for (uint16_t i = 0; i < n; i++)
		if (rte_eth_dev_info_get(port_id[i], &info) != 0 ||
			strcmp(rte_bus_name(rte_dev_bus(info.device)), bus) != 0)
			return false;
	return true;
}

static bool
any_tap(const struct nic *nic)
{
	uint16_t port_id[DP_MEMBERS_MAX], n = nic_members(nic, port_id);
	struct rte_eth_dev_info info;

	for (uint16_t i = 0; i < n; i++)
		if (rte_eth_dev_info_get(port_id[i], &info) == 0 &&
			strcmp(info.driver_name, "net_tap") == 0)
			return true;
	return false;
}

/* How many queues to run: as many as workers, as far as the device can. The
 * devargs of a virtual device say how many it has, and all of these receive:
 * frames in one that is not run would be lost. net_tap alone makes its queues on
 * demand. A number that was asked for holds, or the port is refused. */
static int
choose_queues(struct nic *nic, const struct dp_port_config *cfg, struct dp_error *err)
{
	bool tap = any_tap(nic);
	uint16_t want = cfg->queues != 0 ? cfg->queues : nic->workers;

	if (all_on_bus(nic, "vdev") && !tap)
		want = DP_QUEUES_MAX;
	want = RTE_MIN(want, DP_QUEUES_MAX);
	nic->nrxq = RTE_MIN(want, nic->info.max_rx_queues);
	nic->ntxq = RTE_MIN(want, nic->info.max_tx_queues);
	if (tap)
		nic->nrxq = nic->ntxq = RTE_MIN(nic->nrxq, nic->ntxq);
	if (cfg->queues == 0 || cfg->queues == nic->nrxq)
		return 0;
	return dp_fail(err, -EINVAL,
		"port \"%s\": queues=%u, but device \"%.80s\" runs with %u: leave queues out, or "
		"give a virtual device as many in its devargs (net_af_packet: qpairs=%u)",
		cfg->name, cfg->queues, cfg->device, nic->nrxq, cfg->queues);
}

static void
choose_offloads(struct nic *nic)
{
	const uint64_t l4 = RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM;
	const uint64_t tso = RTE_ETH_TX_OFFLOAD_TCP_TSO | RTE_ETH_TX_OFFLOAD_IPV4_CKSUM |
			     RTE_ETH_TX_OFFLOAD_MULTI_SEGS | l4;
	uint64_t can = nic->info.tx_offload_capa;
	bool pci = all_on_bus(nic, "pci");

	nic->rx_offloads = nic->info.rx_offload_capa &
			   (RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM |
				   RTE_ETH_RX_OFFLOAD_IPV4_CKSUM);
	nic->tx_offloads = can & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	nic->multi_seg = nic->tx_offloads != 0;
	/* A virtual device would do both in software, net_tap for IPv4 alone and
	 * with a second copy; our own are as good and take both families. */
	if (pci && (can & l4) == l4) {
		nic->l4_csum = true;
		nic->tx_offloads |= l4;
	}
	if (pci && (can & tso) == tso) {
		nic->tso = true;
		nic->tx_offloads |= tso;
	}
}

static uint16_t
ring_size(uint16_t preferred)
{
	return preferred != 0 ? preferred : RING_DEFAULT;
}

static int
setup_queues(struct nic *nic, const struct dp_port_config *cfg, struct dp_error *err)
{
	uint16_t nrxd = ring_size(nic->info.default_rxportconf.ring_size);
	uint16_t ntxd = ring_size(nic->info.default_txportconf.ring_size);
	struct rte_eth_rxconf rxconf = nic->info.default_rxconf;
	struct rte_eth_txconf txconf = nic->info.default_txconf;
	int socket = rte_eth_dev_socket_id(nic->port_id), rc;

	rc = rte_eth_dev_adjust_nb_rx_tx_desc(nic->port_id, &nrxd, &ntxd);
	if (rc == 0) {
		rc = nic_create_pool(nic, cfg, nrxd, ntxd, err);
		if (rc != 0)
			return rc;
	}
	rxconf.offloads = nic->rx_offloads & nic->info.rx_queue_offload_capa;
	txconf.offloads = nic->tx_offloads;
	nic_lent_tune(nic, &txconf);
	for (uint16_t q = 0; rc == 0 && q < nic->nrxq; q++)
		rc = rte_eth_rx_queue_setup(nic->port_id, q, nrxd, socket, &rxconf, nic->rx_pool);
	for (uint16_t q = 0; rc == 0 && q < nic->ntxq; q++)
		rc = rte_eth_tx_queue_setup(nic->port_id, q, ntxd, socket, &txconf);
	if (rc == 0)
		return 0;
	return dp_fail(err, -EIO, "port \"%s\": device \"%.80s\" refused its queues (%s)",
		cfg->name, cfg->device, rte_strerror(-rc));
}

static int
configure_device(struct nic *nic, const struct dp_port_config *cfg, bool intr, struct dp_error *err)
{
	struct rte_eth_conf conf = {
		.rxmode.offloads = nic->rx_offloads,
		.txmode.offloads = nic->tx_offloads,
		.intr_conf.rxq = intr,
	};
	uint64_t rss = nic->info.flow_type_rss_offloads &
		       (RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP);
	int rc;

	if (nic->nrxq > 1 && rss != 0) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf = rss;
	}
	if (nic->info.dev_flags != NULL && (*nic->info.dev_flags & RTE_ETH_DEV_INTR_LSC))
		conf.intr_conf.lsc = 1;
	rc = rte_eth_dev_configure(nic->port_id, nic->nrxq, nic->ntxq, &conf);
	if (rc != 0 && intr) /* the driver has no receive interrupts */
		return configure_device(nic, cfg, false, err);
	if (rc != 0) {
		return dp_fail(err, -EIO,
			"port \"%s\": device \"%.80s\" refused its configuration (%s)", cfg->name,
			cfg->device, rte_strerror(-rc));
	}
	return setup_queues(nic, cfg, err);
}

static int
link_event(uint16_t port_id, enum rte_eth_event_type event, void *arg, void *ret)
{
	dp_port_changed(arg);
	return 0;
}

static int
nic_start(struct nic *nic, struct dp_port *port, const struct dp_port_config *cfg,
	struct dp_error *err)
{
	int rc;

	/* A bond's devices are configured, and take an MTU, when it starts. */
	rc = nic->bond == NULL ? nic_set_mtu(nic, cfg->name, cfg->settings.mtu, err) : 0;
	if (rc != 0)
		return rc;
	rc = rte_eth_dev_start(nic->port_id);
	if (rc != 0) {
		return dp_fail(err, -EIO, "port \"%s\": device \"%.80s\" does not start (%s)",
			cfg->name, cfg->device, rte_strerror(-rc));
	}
	if (nic->bond != NULL)
		rc = nic_set_mtu(nic, cfg->name, cfg->settings.mtu, err);
	if (rc != 0)
		return rc;
	/* A switch port takes every frame. Devices without the notion take all. */
	(void)rte_eth_promiscuous_enable(nic->port_id);
	nic->started = true;
	rte_eth_dev_callback_register(nic->port_id, RTE_ETH_EVENT_INTR_LSC, link_event, port);
	return nic->bond != NULL ? nic_bond_watch(nic, err) : 0;
}

static void
nic_close(struct dp_port *port)
{
	struct nic *nic = port->dev;

	if (nic == NULL)
		return;
	if (nic->bond != NULL)
		nic_bond_unwatch(nic);
	nic_lent_close(port);
	if (nic->port_id != RTE_MAX_ETHPORTS) {
		rte_eth_dev_callback_unregister(
			nic->port_id, RTE_ETH_EVENT_INTR_LSC, link_event, port);
		nic_remove(nic->port_id);
	}
	if (nic->bond != NULL)
		nic_bond_close(nic);
	nic_free_pool(nic->pool);
	nic_free_pool(nic->shells);
	nic_leave_group(nic);
	free(nic);
	port->dev = NULL;
}

static int
nic_open(struct dp_port *port, const struct dp_port_config *cfg, struct dp_error *err)
{
	struct nic *nic = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*nic));
	struct nic_sockets sockets;
	int rc;

	if (nic == NULL)
		return dp_fail(err, -ENOMEM, "port \"%s\": no memory", cfg->name);
	memset(nic, 0, sizeof(*nic));
	nic->zero_copy = !cfg->copy;
	port->dev = nic;
	nic->workers = dp_workers();
	nic_sockets_list(&sockets);
	nic->port_id = RTE_MAX_ETHPORTS;
	if (cfg->bond != DP_BOND_NONE)
		rc = nic_bond_open(nic, port, cfg, err);
	else
		rc = nic_probe(cfg, &nic->port_id, err);
	if (rc == 0 && rte_eth_dev_info_get(nic->port_id, &nic->info) != 0)
		rc = dp_fail(
			err, -EIO, "port \"%s\": the device does not describe itself", cfg->name);
	if (rc == 0)
		rc = nic_check_alone(nic->port_id, cfg->name, err);
	if (rc == 0)
		rc = choose_queues(nic, cfg, err);
	if (rc == 0) {
		choose_offloads(nic);
		for (uint16_t q = 0; q < DP_QUEUES_MAX; q++)
			rte_spinlock_init(&nic->txq[q].lock);
		rc = configure_device(nic, cfg, true, err);
	}
	if (rc == 0)
		rc = nic_start(nic, port, cfg, err);
	if (rc != 0) {
		nic_close(port);
		return rc;
	}
	nic_find_wakeups(nic, &sockets);
	nic_lent_open(port);
	port->rx_queues = nic->nrxq;
	return 0;
}

static int
nic_apply(struct dp_port *port, const struct dp_port_settings *s, struct dp_error *err)
{
	struct nic *nic = port->dev;

	if (s->mtu == port->settings->mtu)
		return 0;
	if (s->mtu + 22U + RTE_PKTMBUF_HEADROOM > rte_pktmbuf_data_room_size(nic->rx_pool) ||
		s->mtu + 22U + RTE_PKTMBUF_HEADROOM > rte_pktmbuf_data_room_size(nic->pool))
		return dp_fail(err, -EINVAL,
			"port \"%s\": this MTU does not fit the port's buffers; delete the port "
			"and add it "
			"again with the larger mtu",
			port->name);
	return nic_set_mtu(nic, port->name, s->mtu, err);
}

static void
nic_status(struct dp_port *port, struct dp_port_status *st)
{
	const struct nic *nic = port->dev;
	struct rte_eth_link link = {0};
	struct rte_ether_addr mac;

	snprintf(st->driver, sizeof(st->driver), "%s", nic->info.driver_name);
	pthread_mutex_lock(&nic_device_lock);
	if (rte_eth_macaddr_get(nic->port_id, &mac) == 0)
		memcpy(st->mac, mac.addr_bytes, sizeof(st->mac));
	if (rte_eth_link_get_nowait(nic->port_id, &link) == 0) {
		st->link_up = link.link_status == RTE_ETH_LINK_UP;
		if (link.link_speed != RTE_ETH_SPEED_NUM_UNKNOWN)
			st->link_mbps = link.link_speed;
	}
	if (nic->bond != NULL && !nic_bond_status(nic, st))
		st->link_up = false;
	st->no_zero_copy = nic->no_borrow;
	pthread_mutex_unlock(&nic_device_lock);
	st->state = st->link_up ? DP_PORT_UP : DP_PORT_DOWN;
	st->queues = nic->nrxq;
	st->rx_offloads = nic->rx_offloads;
	st->tx_offloads = nic->tx_offloads;
}

static void
nic_counters(struct dp_port *port, struct dp_port_counters *c)
{
	const struct nic *nic = port->dev;
	struct rte_eth_stats hw;

	c->queues = RTE_MAX(nic->nrxq, nic->ntxq);
	for (uint16_t q = 0; q < nic->ntxq; q++)
		c->nic_zero_copy += nic_counted(&nic->txq[q].zero_copy);
	for (uint16_t q = 0; q < c->queues; q++) {
		c->queue[q].rx_packets += nic_counted(&nic->rxq[q].packets);
		c->queue[q].rx_bytes += nic_counted(&nic->rxq[q].bytes);
		c->queue[q].tx_packets += nic_counted(&nic->txq[q].packets);
		c->queue[q].tx_bytes += nic_counted(&nic->txq[q].bytes);
		c->drop[DROP_RUNT] += nic_counted(&nic->rxq[q].runts);
		c->drop[DROP_NO_MBUF] += nic_counted(&nic->txq[q].no_mbuf);
	}
	pthread_mutex_lock(&nic_device_lock);
	if (rte_eth_stats_get(nic->port_id, &hw) == 0) {
		c->nic_missed += hw.imissed + hw.rx_nombuf;
		c->nic_errors += hw.ierrors + hw.oerrors;
	}
	pthread_mutex_unlock(&nic_device_lock);
}

const char *
dp_offload_name(bool rx, unsigned int bit)
{
	const char *name;

	if (bit >= 64)
		return NULL;
	name = rx ? rte_eth_dev_rx_offload_name(UINT64_C(1) << bit)
		  : rte_eth_dev_tx_offload_name(UINT64_C(1) << bit);
	/* DPDK's word for a bit without a name. */
	return strcmp(name, "UNKNOWN") != 0 ? name : NULL;
}

const struct dp_port_ops dp_nic_ops = {
	.name = "nic",
	.full = DROP_NIC_FULL,
	.open = nic_open,
	.close = nic_close,
	.apply = nic_apply,
	.status = nic_status,
	.counters = nic_counters,
	.rx = nic_rx,
	.rx_complete = nic_rx_complete,
	.tx_ready = nic_tx_ready,
	.tx_caps = nic_tx_caps,
	.tx = nic_tx,
	.tx_reap = nic_reap,
	.rx_fd = nic_rx_fd,
	.rx_arm = nic_rx_arm,
	.rx_disarm = nic_rx_disarm,
};
