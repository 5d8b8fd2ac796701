/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The device: its state, start, stop and close, and what it says of itself. On the
 * program's control threads; see pmd.h.
 *
 * netvmd delivers to as many pairs as the guest says that it serves, and says what
 * it may deliver, when the port is opened. So a start opens the port again when the
 * program has configured something else than last time, and only then: mbufs that
 * it holds from before stay good across an ordinary stop and start.
 */
#include <errno.h>
#include <string.h>

#include <rte_ether.h>
#include <rte_malloc.h>

#include "guest-pmd/pmd/buffers.h"
#include "guest-pmd/pmd/pmd.h"

#define OVERHEAD (RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN) /* of netvm-abi.h: mtu + 18 */

bool
pmd_enter(struct pmd_device *d, enum pmd_state to)
{
	/* From which states each may be entered. */
	static const uint8_t from[] = {
		[PMD_STOPPED] = 1 << PMD_STOPPED | 1 << PMD_RUNNING | 1 << PMD_LOST,
		[PMD_RUNNING] = 1 << PMD_STOPPED | 1 << PMD_LOST,
		[PMD_LOST] = 1 << PMD_RUNNING,
		[PMD_GONE] = 1 << PMD_STOPPED | 1 << PMD_RUNNING | 1 << PMD_LOST,
	};
	enum pmd_state now = __atomic_load_n(&d->state, __ATOMIC_RELAXED);

	/* Relaxed: the pairs' locks order what bursts do with what the watch does. */
	do {
		if (!(from[to] & 1 << now))
			return now == to;
	} while (!__atomic_compare_exchange_n(
		&d->state, &now, to, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return true;
}

void
pmd_lock_all(struct pmd_device *d)
{
	uint16_t i;

	for (i = 0; i < d->max_pairs; i++) {
		rte_spinlock_lock(&d->pair[i]->rx_lock);
		rte_spinlock_lock(&d->pair[i]->tx_lock);
	}
}

void
pmd_unlock_all(struct pmd_device *d)
{
	uint16_t i;

	for (i = 0; i < d->max_pairs; i++) {
		rte_spinlock_unlock(&d->pair[i]->tx_lock);
		rte_spinlock_unlock(&d->pair[i]->rx_lock);
	}
}

uint64_t
pmd_outstanding(const struct pmd_device *d)
{
	uint64_t n = 0;
	uint16_t i;

	for (i = 0; i < d->max_pairs; i++)
		n += d->pair[i]->rx.taken - d->pair[i]->tx.passed_on - d->pair[i]->tx.returned;
	return n - d->voided;
}

int
pmd_open_again(struct pmd_device *d, const struct netvm_options *options)
{
	struct pmd_buffers *old = d->buffers, *fresh;
	uint64_t outstanding;
	uint16_t i;
	int error;

	fresh = pmd_buffers_new(d->info.pool, d->info.buffer_size, d->info.buffers);
	if (!fresh)
		return -ENOMEM;
	error = netvm_change(d->port, options);
	if (error) {
		pmd_buffers_retire(fresh, 0);
		return error;
	}
	for (i = 0; i < d->max_pairs; i++)
		d->pair[i]->spares_n = 0;
	outstanding = pmd_outstanding(d);
	d->voided += outstanding;
	d->options = *options;
	d->pairs = options->pairs;
	d->buffers = fresh;
	pmd_buffers_retire(old, outstanding);
	netvm_get_info(d->port, &d->info);
	if (outstanding)
		PMD_LOG(NOTICE, "%s: %" PRIu64 " packets that the program held are void",
			d->dev->data->name, outstanding);
	return 0;
}

/* Packets that came while the device was stopped. */
static void
discard(struct pmd_device *d)
{
	uint32_t left = d->info.rx_entries;
	struct pmd_pair *pair;
	uint16_t i;
	int n;

	for (i = 0; i < d->pairs; i++) {
		pair = d->pair[i];
		do {
			n = netvm_rx(d->port, i, pair->rx_packets, PMD_BURST);
			if (n > 0)
				netvm_free(d->port, i, pair->rx_packets, n);
		} while (n > 0 && (left -= RTE_MIN(left, (uint32_t)n)));
	}
}

static uint64_t
rearm_data(uint16_t port_id)
{
	struct rte_mbuf m = {.data_off = 0, .refcnt = 1, .nb_segs = 1, .port = port_id};
	uint64_t word;

	memcpy(&word, &m.data_off, sizeof(word));
	return word;
}

static void
set_receive_flags(struct pmd_device *d, struct pmd_pair *pair)
{
	uint64_t offloads = d->dev->data->dev_conf.rxmode.offloads;
	unsigned int i;

	for (i = 0; i < RTE_DIM(pair->rx_flags); i++) {
		pair->rx_flags[i] = 0;
		if (i & NETVM_PACKET_HASH)
			pair->rx_flags[i] |= RTE_MBUF_F_RX_RSS_HASH;
		if (!(offloads & (RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM)))
			continue;
		/* NONE: not in the packet, but the bytes are as they were sent. */
		if (i & NETVM_PACKET_CSUM)
			pair->rx_flags[i] |= RTE_MBUF_F_RX_L4_CKSUM_NONE;
		else if (i & NETVM_PACKET_CSUM_OK)
			pair->rx_flags[i] |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	}
	pair->check_ip = offloads & RTE_ETH_RX_OFFLOAD_IPV4_CKSUM;
	pair->lro = offloads & RTE_ETH_RX_OFFLOAD_TCP_LRO;
	pair->port_id = d->dev->data->port_id;
	pair->rearm = rearm_data(pair->port_id);
}

static void
set_options(const struct pmd_device *d, struct netvm_options *o)
{
	const struct rte_eth_dev_data *data = d->dev->data;
	uint64_t offloads = data->dev_conf.rxmode.offloads;

	*o = d->options;
	o->pairs = RTE_MAX(data->nb_rx_queues, 1);
	/* Programs that forward without a look at an mbuf's flags would send what has no
	 * checksum yet. Who asks for LRO knows that packets are unusual. */
	o->offloads = (offloads & RTE_ETH_RX_OFFLOAD_TCP_LRO) &&
		      (offloads & RTE_ETH_RX_OFFLOAD_TCP_CKSUM);
	o->hash = offloads & RTE_ETH_RX_OFFLOAD_RSS_HASH;
	o->segments = offloads & (RTE_ETH_RX_OFFLOAD_SCATTER | RTE_ETH_RX_OFFLOAD_TCP_LRO);
}

static bool
same_options(const struct netvm_options *a, const struct netvm_options *b)
{
	return a->timeout_ms == b->timeout_ms && a->pairs == b->pairs &&
	       a->offloads == b->offloads && a->segments == b->segments && a->hash == b->hash;
}

static int
pmd_start(struct rte_eth_dev *dev)
{
	struct pmd_device *d = pmd_of(dev);
	struct netvm_options o;
	struct pmd_tx_queue *q;
	uint16_t i;
	int error;

	if (__atomic_load_n(&d->state, __ATOMIC_RELAXED) == PMD_GONE)
		return -ENODEV;
	set_options(d, &o);
	if (!same_options(&o, &d->options) || d->reopen) {
		error = pmd_open_again(d, &o);
		if (error) {
			PMD_LOG(ERR, "%s: %s", dev->data->name, netvm_error());
			return error;
		}
		d->reopen = false;
	} else {
		discard(d);
	}
	if (!o.segments &&
		dev->data->mtu + (uint32_t)OVERHEAD > d->info.buffer_size - d->info.headroom)
		PMD_LOG(WARNING,
			"%s: packets of MTU %u do not fit a buffer of %u bytes and are dropped; "
			"the receive offload SCATTER takes them in pieces",
			dev->data->name, dev->data->mtu, d->info.buffer_size - d->info.headroom);
	if (dev->data->dev_conf.intr_conf.rxq) {
		error = pmd_interrupts_up(dev);
		if (error)
			return error;
	}
	for (i = 0; i < d->pairs; i++)
		set_receive_flags(d, d->pair[i]);
	for (i = 0; i < dev->data->nb_tx_queues; i++) {
		q = dev->data->tx_queues[i];
		/* A port that is open has at least one pair. */
		if (q && d->pairs)
			q->pair = d->pair[i % d->pairs];
	}
	memset(dev->data->rx_queue_state, RTE_ETH_QUEUE_STATE_STARTED, dev->data->nb_rx_queues);
	memset(dev->data->tx_queue_state, RTE_ETH_QUEUE_STATE_STARTED, dev->data->nb_tx_queues);
	pmd_enter(d, PMD_RUNNING);
	pmd_link_update(dev, 0);
	pmd_watch_start(d);
	return 0;
}

static int
pmd_stop(struct rte_eth_dev *dev)
{
	struct pmd_device *d = pmd_of(dev);
	struct rte_eth_link down = {.link_status = RTE_ETH_LINK_DOWN};
	uint16_t i;

	pmd_watch_stop(d);
	d->reopen |= __atomic_load_n(&d->state, __ATOMIC_RELAXED) == PMD_LOST;
	pmd_enter(d, PMD_STOPPED);
	pmd_lock_all(d);
	for (i = 0; i < d->max_pairs; i++)
		pmd_pair_empty(d->pair[i]);
	pmd_unlock_all(d);
	pmd_interrupts_down(dev);
	memset(dev->data->rx_queue_state, RTE_ETH_QUEUE_STATE_STOPPED, dev->data->nb_rx_queues);
	memset(dev->data->tx_queue_state, RTE_ETH_QUEUE_STATE_STOPPED, dev->data->nb_tx_queues);
	rte_eth_linkstatus_set(dev, &down);
	return 0;
}

static int
pmd_close(struct rte_eth_dev *dev)
{
	struct pmd_device *d = pmd_of(dev);
	uint64_t outstanding;
	uint16_t i;

	for (i = 0; i < dev->data->nb_rx_queues; i++)
		pmd_rx_queue_release(dev, i);
	for (i = 0; i < dev->data->nb_tx_queues; i++)
		pmd_tx_queue_release(dev, i);
	/* Now, not after netvm_close(): netvmd may have the memory elsewhere then. */
	outstanding = pmd_outstanding(d);
	netvm_close(d->port);
	pmd_buffers_retire(d->buffers, outstanding);
	if (pmd_buffers_waiting())
		PMD_LOG(NOTICE,
			"%s: closed while the program holds packets; they can be freed, but not "
			"looked at any more",
			dev->data->name);
	for (i = 0; i < d->max_pairs; i++)
		rte_free(d->pair[i]);
	return 0;
}

static int
pmd_configure(struct rte_eth_dev *dev)
{
	return 0;
}

static int
pmd_infos(struct rte_eth_dev *dev, struct rte_eth_dev_info *info)
{
	const struct pmd_device *d = pmd_of(dev);
	uint32_t tso = NETVM_FEATURE_TSO4 | NETVM_FEATURE_TSO6;

	info->if_index = 0;
	info->max_mac_addrs = 1;
	info->min_mtu = RTE_ETHER_MIN_MTU;
	info->max_mtu = d->info.mtu;
	info->max_rx_pktlen = d->info.mtu + OVERHEAD;
	info->max_lro_pkt_size = UINT16_MAX;
	/* The program's mbufs are attached to the pool's buffers: their own may be
	 * of any size, or none. */
	info->min_rx_bufsize = 0;
	info->max_rx_queues = d->max_pairs;
	/* As many as a program likes: they share pairs. */
	info->max_tx_queues = RTE_MAX_QUEUES_PER_PORT / 4;
	info->rx_desc_lim =
		(struct rte_eth_desc_lim){.nb_max = NETVM_RING_MAX, .nb_min = 1, .nb_align = 1};
	info->tx_desc_lim = (struct rte_eth_desc_lim){.nb_max = NETVM_RING_MAX,
		.nb_min = 1,
		.nb_align = 1,
		.nb_seg_max = NETVM_SEGS_MAX,
		.nb_mtu_seg_max = NETVM_SEGS_MAX};
	info->default_rxportconf.ring_size = d->info.rx_entries;
	info->default_txportconf.ring_size = d->info.tx_entries;
	info->default_rxportconf.burst_size = info->default_txportconf.burst_size = PMD_BURST;
	info->default_rxportconf.nb_queues = info->default_txportconf.nb_queues = 1;
	info->speed_capa = RTE_ETH_LINK_SPEED_100G;
	info->flow_type_rss_offloads = RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP;
	info->rx_offload_capa = RTE_ETH_RX_OFFLOAD_CHECKSUM | RTE_ETH_RX_OFFLOAD_SCATTER |
				RTE_ETH_RX_OFFLOAD_RSS_HASH;
	info->tx_offload_capa = RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	if (d->info.features & NETVM_FEATURE_CSUM) {
		info->rx_offload_capa |= RTE_ETH_RX_OFFLOAD_TCP_LRO;
		info->tx_offload_capa |= RTE_ETH_TX_OFFLOAD_IPV4_CKSUM |
					 RTE_ETH_TX_OFFLOAD_UDP_CKSUM |
					 RTE_ETH_TX_OFFLOAD_TCP_CKSUM;
		if ((d->info.features & tso) == tso)
			info->tx_offload_capa |= RTE_ETH_TX_OFFLOAD_TCP_TSO;
	}
	return 0;
}

/* The port's MTU is netvmd's business; a program may promise itself less. */
static int
pmd_mtu_set(struct rte_eth_dev *dev, uint16_t mtu)
{
	return mtu <= pmd_of(dev)->info.mtu ? 0 : -EINVAL;
}

/* netvmd filters nothing by address: whatever comes to the port is received. */
static int
pmd_always(struct rte_eth_dev *dev)
{
	return 0;
}

static int
pmd_mac_set(struct rte_eth_dev *dev, struct rte_ether_addr *mac)
{
	return 0;
}

static int
pmd_multicast_list(struct rte_eth_dev *dev, struct rte_ether_addr *list, uint32_t n)
{
	return 0;
}

static int
pmd_is_removed(struct rte_eth_dev *dev)
{
	return __atomic_load_n(&pmd_of(dev)->state, __ATOMIC_RELAXED) == PMD_GONE;
}

const struct eth_dev_ops pmd_ops = {
	.dev_configure = pmd_configure,
	.dev_start = pmd_start,
	.dev_stop = pmd_stop,
	.dev_close = pmd_close,
	.dev_infos_get = pmd_infos,
	.is_removed = pmd_is_removed,
	.link_update = pmd_link_update,
	.mtu_set = pmd_mtu_set,
	.mac_addr_set = pmd_mac_set,
	.set_mc_addr_list = pmd_multicast_list,
	.promiscuous_enable = pmd_always,
	.promiscuous_disable = pmd_always,
	.allmulticast_enable = pmd_always,
	.allmulticast_disable = pmd_always,
	.rx_queue_setup = pmd_rx_queue_setup,
	.rx_queue_release = pmd_rx_queue_release,
	.tx_queue_setup = pmd_tx_queue_setup,
	.tx_queue_release = pmd_tx_queue_release,
	.rxq_info_get = pmd_rxq_info,
	.txq_info_get = pmd_txq_info,
	.rx_queue_intr_enable = pmd_interrupt_enable,
	.rx_queue_intr_disable = pmd_interrupt_disable,
	.stats_get = pmd_stats_get,
	.stats_reset = pmd_stats_reset,
	.xstats_get = pmd_xstats_get,
	.xstats_get_names = pmd_xstats_names,
	.xstats_reset = pmd_xstats_reset,
};
