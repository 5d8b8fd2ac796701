/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Queues: what the program sets up and releases, on its control threads while the
 * device is stopped. Pairs live as long as the device.
 */
#include <errno.h>

#include <rte_malloc.h>
#include <rte_mempool.h>

#include "guest-pmd/pmd/buffers.h"
#include "guest-pmd/pmd/pmd.h"

int
pmd_rx_queue_setup(struct rte_eth_dev *dev, uint16_t queue, uint16_t descriptors,
	unsigned int socket, const struct rte_eth_rxconf *conf, struct rte_mempool *mempool)
{
	struct pmd_pair *pair = pmd_of(dev)->pair[queue];

	if (conf->rx_deferred_start) {
		PMD_LOG(ERR, "%s: receive queue %u: queues start with the device, not later",
			dev->data->name, queue);
		return -ENOTSUP;
	}
	if (rte_pktmbuf_priv_flags(mempool) & RTE_PKTMBUF_POOL_F_PINNED_EXT_BUF) {
		PMD_LOG(ERR,
			"%s: receive queue %u: the mbufs of mempool %s have external buffers "
			"pinned "
			"to them; a mempool of plain mbufs is expected",
			dev->data->name, queue, mempool->name);
		return -EINVAL;
	}
	pair->mempool = mempool;
	dev->data->rx_queues[queue] = pair;
	return 0;
}

void
pmd_rx_queue_release(struct rte_eth_dev *dev, uint16_t queue)
{
	dev->data->rx_queues[queue] = NULL;
}

int
pmd_tx_queue_setup(struct rte_eth_dev *dev, uint16_t queue, uint16_t descriptors,
	unsigned int socket, const struct rte_eth_txconf *conf)
{
	struct pmd_tx_queue *q;

	if (conf->tx_deferred_start) {
		PMD_LOG(ERR, "%s: transmit queue %u: queues start with the device, not later",
			dev->data->name, queue);
		return -ENOTSUP;
	}
	q = rte_zmalloc_socket("netvm-txq", sizeof(*q), RTE_CACHE_LINE_SIZE, (int)socket);
	if (!q)
		return -ENOMEM;
	q->device = pmd_of(dev);
	q->number = queue;
	q->pair = q->device->pair[0]; /* until the start says how many there are */
	dev->data->tx_queues[queue] = q;
	return 0;
}

void
pmd_tx_queue_release(struct rte_eth_dev *dev, uint16_t queue)
{
	struct rte_eth_stats *base = &pmd_of(dev)->stats_base;

	/* The queue's counters go with it; the next one begins at 0. */
	if (queue < RTE_ETHDEV_QUEUE_STAT_CNTRS)
		base->q_opackets[queue] = base->q_obytes[queue] = 0;
	rte_free(dev->data->tx_queues[queue]);
	dev->data->tx_queues[queue] = NULL;
}

void
pmd_rxq_info(struct rte_eth_dev *dev, uint16_t queue, struct rte_eth_rxq_info *info)
{
	info->mp = pmd_of(dev)->pair[queue]->mempool;
	info->nb_desc = pmd_of(dev)->info.rx_entries;
	info->scattered_rx = pmd_of(dev)->options.segments;
	info->rx_buf_size = pmd_of(dev)->info.buffer_size - pmd_of(dev)->info.headroom;
	info->conf.offloads = dev->data->dev_conf.rxmode.offloads;
}

void
pmd_txq_info(struct rte_eth_dev *dev, uint16_t queue, struct rte_eth_txq_info *info)
{
	info->nb_desc = pmd_of(dev)->info.tx_entries;
	info->conf.offloads = dev->data->dev_conf.txmode.offloads;
}

void
pmd_pair_empty(struct pmd_pair *pair)
{
	if (pair->mbufs_n)
		rte_mempool_put_bulk(pair->mempool, (void **)pair->mbufs, pair->mbufs_n);
	pair->mbufs_n = 0;
	if (pair->number >= pair->device->pairs)
		return;
	pmd_drain(pair);
	netvm_free(pair->device->port, pair->number, pair->spares, pair->spares_n);
	pair->spares_n = 0;
}
