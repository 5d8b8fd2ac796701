/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * NIC port, control side: any DPDK ethdev, named by a PCI address or by a
 * virtual device's devargs. Control thread only, while no worker uses the
 * port. The worker side is nic-io.c.
 */
#include <errno.h>
#include <net/if.h>
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

/* The device's name: devargs up to the first comma. */
static void
device_name(const char *devargs, char *name, size_t len)
{
	snprintf(name, len, "%.*s", (int)strcspn(devargs, ","), devargs);
}

/* Creates the device and finds its ethdev. */
static int
nic_probe(struct nic *nic, const struct dp_port_config *cfg, struct dp_error *err)
{
	char devargs[sizeof(cfg->device) + 64], name[RTE_ETH_NAME_MAX_LEN];
	int rc;

	device_name(cfg->device, name, sizeof(name));
	if (name[0] == '\0')
		return dp_fail(err, -EINVAL,
			"port \"%s\": device is empty; give a PCI address or devargs such as "
			"net_af_packet0,iface=eth1",
			cfg->name);
	if (rte_eth_dev_get_port_by_name(name, &nic->port_id) == 0) {
		return dp_fail(err, -EBUSY,
			"port \"%s\": device \"%s\" is in use by another port (virtual devices are "
			"numbered: net_af_packet0, net_af_packet1 ...)",
			cfg->name, name);
	}
	nic_devargs(cfg, devargs, sizeof(devargs));
	rc = rte_dev_probe(devargs);
	if (rc == 0)
		rc = rte_eth_dev_get_port_by_name(name, &nic->port_id);
	/* Drivers say why in the log, and mostly return -1. */
	if (rc != 0)
		return dp_fail(err, rc == -EEXIST ? -EBUSY : -ENODEV,
			"port \"%s\": DPDK could not open device \"%.80s\"; check its name, that "
			"the "
			"interface or file exists, and for PCI that it is bound to vfio-pci "
			"(netvmd's log has the driver's reason)",
			cfg->name, cfg->device);
	return 0;
}

/* Two ports on one kernel interface would both get each of its frames. */
static int
check_alone(const struct nic *nic, const char *name, struct dp_error *err)
{
	char ifname[IF_NAMESIZE] = "?";
	struct rte_eth_dev_info other;
	uint16_t id;

	RTE_ETH_FOREACH_DEV (id) {
		if (id == nic->port_id || nic->info.if_index == 0 ||
			rte_eth_dev_info_get(id, &other) != 0 ||
			other.if_index != nic->info.if_index)
			continue;
		if_indextoname(nic->info.if_index, ifname);
		return dp_fail(err, -EBUSY,
			"port \"%s\": interface %s is in use by another port, as device %s", name,
			ifname, rte_dev_name(other.device));
	}
	return 0;
}

/* How many queues to run: as many as workers, as far as the device can. The
 * devargs of a virtual device say how many it has, and all of these receive;
 * net_tap alone makes its queues on demand. */
static void
choose_queues(struct nic *nic, const struct dp_port_config *cfg)
{
	const char *bus = rte_bus_name(rte_dev_bus(nic->info.device));
	bool fixed = strcmp(bus, "vdev") == 0 && strcmp(nic->info.driver_name, "net_tap") != 0;
	uint16_t want = cfg->queues != 0 ? cfg->queues : nic->workers;

	if (fixed)
		want = DP_QUEUES_MAX;
	want = RTE_MIN(want, DP_QUEUES_MAX);
	nic->nrxq = RTE_MIN(want, nic->info.max_rx_queues);
	nic->ntxq = RTE_MIN(want, nic->info.max_tx_queues);
	if (strcmp(nic->info.driver_name, "net_tap") == 0)
		nic->nrxq = nic->ntxq = RTE_MIN(nic->nrxq, nic->ntxq);
}

static void
choose_offloads(struct nic *nic)
{
	const uint64_t l4 = RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM;
	const uint64_t tso = RTE_ETH_TX_OFFLOAD_TCP_TSO | RTE_ETH_TX_OFFLOAD_IPV4_CKSUM |
			     RTE_ETH_TX_OFFLOAD_MULTI_SEGS | l4;
	uint64_t can = nic->info.tx_offload_capa;
	bool pci = strcmp(rte_bus_name(rte_dev_bus(nic->info.device)), "pci") == 0;

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
	for (uint16_t q = 0; rc == 0 && q < nic->nrxq; q++)
		rc = rte_eth_rx_queue_setup(nic->port_id, q, nrxd, socket, &rxconf, nic->pool);
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

	rc = nic_set_mtu(nic, cfg->name, cfg->settings.mtu, err);
	if (rc != 0)
		return rc;
	rc = rte_eth_dev_start(nic->port_id);
	if (rc != 0) {
		return dp_fail(err, -EIO, "port \"%s\": device \"%.80s\" does not start (%s)",
			cfg->name, cfg->device, rte_strerror(-rc));
	}
	/* A switch port takes every frame. Devices without the notion take all. */
	(void)rte_eth_promiscuous_enable(nic->port_id);
	nic->started = true;
	rte_eth_dev_callback_register(nic->port_id, RTE_ETH_EVENT_INTR_LSC, link_event, port);
	return 0;
}

static void
nic_close(struct dp_port *port)
{
	struct nic *nic = port->dev;
	struct rte_device *device;

	if (nic == NULL)
		return;
	if (nic->port_id != RTE_MAX_ETHPORTS) {
		device = nic->info.device;
		rte_eth_dev_callback_unregister(
			nic->port_id, RTE_ETH_EVENT_INTR_LSC, link_event, port);
		if (nic->started)
			rte_eth_dev_stop(nic->port_id);
		rte_eth_dev_close(nic->port_id);
		if (device != NULL)
			rte_dev_remove(device);
	}
	nic_free_pool(nic->pool);
	free(nic);
	port->dev = NULL;
}

static int
nic_open(struct dp_port *port, const struct dp_port_config *cfg, struct dp_error *err)
{
	struct nic *nic = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*nic));
	uint16_t port_id = RTE_MAX_ETHPORTS;
	struct nic_sockets sockets;
	int rc;

	if (nic == NULL)
		return dp_fail(err, -ENOMEM, "port \"%s\": no memory", cfg->name);
	memset(nic, 0, sizeof(*nic));
	port->dev = nic;
	nic->workers = dp_workers();
	nic_sockets_list(&sockets);
	rc = nic_probe(nic, cfg, err);
	port_id = rc == 0 ? nic->port_id : RTE_MAX_ETHPORTS;
	nic->port_id = port_id;
	if (rc == 0 && rte_eth_dev_info_get(nic->port_id, &nic->info) != 0)
		rc = dp_fail(
			err, -EIO, "port \"%s\": the device does not describe itself", cfg->name);
	if (rc == 0)
		rc = check_alone(nic, cfg->name, err);
	if (rc == 0) {
		choose_queues(nic, cfg);
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
	port->rx_queues = nic->nrxq;
	return 0;
}

static int
nic_apply(struct dp_port *port, const struct dp_port_settings *s, struct dp_error *err)
{
	struct nic *nic = port->dev;

	if (s->mtu == port->settings->mtu)
		return 0;
	if (s->mtu + 22U + RTE_PKTMBUF_HEADROOM > rte_pktmbuf_data_room_size(nic->pool))
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
	if (rte_eth_macaddr_get(nic->port_id, &mac) == 0)
		memcpy(st->mac, mac.addr_bytes, sizeof(st->mac));
	if (rte_eth_link_get_nowait(nic->port_id, &link) == 0) {
		st->link_up = link.link_status == RTE_ETH_LINK_UP;
		if (link.link_speed != RTE_ETH_SPEED_NUM_UNKNOWN)
			st->link_mbps = link.link_speed;
	}
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
	for (uint16_t q = 0; q < c->queues; q++) {
		c->queue[q].rx_packets += nic->rxq[q].packets;
		c->queue[q].rx_bytes += nic->rxq[q].bytes;
		c->queue[q].tx_packets += nic->txq[q].packets;
		c->queue[q].tx_bytes += nic->txq[q].bytes;
		c->drop[DROP_RUNT] += nic->rxq[q].runts;
		c->drop[DROP_NO_MBUF] += nic->txq[q].no_mbuf;
	}
	if (rte_eth_stats_get(nic->port_id, &hw) == 0) {
		c->nic_missed += hw.imissed + hw.rx_nombuf;
		c->nic_errors += hw.ierrors + hw.oerrors;
	}
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
	.rx_fd = nic_rx_fd,
	.rx_arm = nic_rx_arm,
	.rx_disarm = nic_rx_disarm,
};
