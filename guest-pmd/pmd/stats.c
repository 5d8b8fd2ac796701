/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Counters, on any thread of the program: sums over pairs whose lcores go on
 * counting. A reset remembers what they were, so that lcores stay their only writers.
 */
#include <stdio.h>
#include <string.h>

#include "guest-pmd/pmd/pmd.h"

#define READ(field) __atomic_load_n(&(field), __ATOMIC_RELAXED)

enum origin { RX, TX, LIBRARY };

static const struct {
	const char *name;
	enum origin origin;
	size_t offset;
} counters[] = {
	{"rx_bad_ip_checksum_packets", RX, offsetof(struct pmd_rx_counters, bad_ip)},
	{"rx_attached_buffers", RX, offsetof(struct pmd_rx_counters, taken)},
	{"tx_zero_copy_packets", TX, offsetof(struct pmd_tx_counters, zero_copy)},
	{"tx_copied_packets", TX, offsetof(struct pmd_tx_counters, copied)},
	{"tx_no_buffer_packets", TX, offsetof(struct pmd_tx_counters, no_buffers)},
	{"tx_refused_packets", TX, offsetof(struct pmd_tx_counters, refused)},
	{"tx_passed_on_buffers", TX, offsetof(struct pmd_tx_counters, passed_on)},
	{"returned_buffers", TX, offsetof(struct pmd_tx_counters, returned)},
	{"port_freed_buffers", LIBRARY, offsetof(struct netvm_stats, freed)},
	{"port_tx_full_packets", LIBRARY, offsetof(struct netvm_stats, tx_full)},
	{"port_alloc_failures", LIBRARY, offsetof(struct netvm_stats, no_buffers)},
	{"port_bad_descriptors", LIBRARY, offsetof(struct netvm_stats, rx_bad)},
	{"port_resets", LIBRARY, offsetof(struct netvm_stats, reopened)},
};

_Static_assert(RTE_DIM(counters) <= PMD_XSTATS, "pmd.h has room for them");

static uint64_t
read_counter(const void *counts, size_t offset)
{
	return READ(*(const uint64_t *)((const uint8_t *)counts + offset));
}

static uint64_t
sum(const struct pmd_device *d, const struct netvm_stats *library, unsigned int i)
{
	uint64_t n = 0;
	uint16_t q;

	if (counters[i].origin == LIBRARY)
		return read_counter(library, counters[i].offset);
	for (q = 0; q < d->max_pairs; q++)
		n += read_counter(counters[i].origin == RX ? (const void *)&d->pair[q]->rx
							   : (const void *)&d->pair[q]->tx,
			counters[i].offset);
	return n;
}

/* Since the device was probed. */
static void
totals(const struct rte_eth_dev *dev, struct rte_eth_stats *s)
{
	const struct pmd_device *d = pmd_of(dev);
	const struct pmd_tx_queue *t;
	int i;

	memset(s, 0, sizeof(*s));
	for (i = 0; i < d->max_pairs; i++) {
		const struct pmd_pair *pair = d->pair[i];

		s->ipackets += READ(pair->rx.packets);
		s->ibytes += READ(pair->rx.bytes);
		s->rx_nombuf += READ(pair->rx.no_mbufs);
		s->opackets += READ(pair->tx.packets);
		s->obytes += READ(pair->tx.bytes);
		s->oerrors += READ(pair->tx.refused);
		if (i < RTE_ETHDEV_QUEUE_STAT_CNTRS) {
			s->q_ipackets[i] = READ(pair->rx.packets);
			s->q_ibytes[i] = READ(pair->rx.bytes);
		}
	}
	for (i = 0; i < RTE_MIN(dev->data->nb_tx_queues, RTE_ETHDEV_QUEUE_STAT_CNTRS); i++) {
		t = dev->data->tx_queues[i];
		if (!t)
			continue;
		s->q_opackets[i] = READ(t->packets);
		s->q_obytes[i] = READ(t->bytes);
	}
}

int
pmd_stats_get(struct rte_eth_dev *dev, struct rte_eth_stats *stats)
{
	const struct rte_eth_stats *base = &pmd_of(dev)->stats_base;
	struct rte_eth_stats now;
	unsigned int i;

	totals(dev, &now);
	stats->ipackets = now.ipackets - base->ipackets;
	stats->ibytes = now.ibytes - base->ibytes;
	stats->rx_nombuf = now.rx_nombuf - base->rx_nombuf;
	stats->opackets = now.opackets - base->opackets;
	stats->obytes = now.obytes - base->obytes;
	stats->oerrors = now.oerrors - base->oerrors;
	for (i = 0; i < RTE_ETHDEV_QUEUE_STAT_CNTRS; i++) {
		stats->q_ipackets[i] = now.q_ipackets[i] - base->q_ipackets[i];
		stats->q_ibytes[i] = now.q_ibytes[i] - base->q_ibytes[i];
		stats->q_opackets[i] = now.q_opackets[i] - base->q_opackets[i];
		stats->q_obytes[i] = now.q_obytes[i] - base->q_obytes[i];
	}
	return 0;
}

int
pmd_stats_reset(struct rte_eth_dev *dev)
{
	totals(dev, &pmd_of(dev)->stats_base);
	return 0;
}

int
pmd_xstats_get(struct rte_eth_dev *dev, struct rte_eth_xstat *stats, unsigned int n)
{
	const struct pmd_device *d = pmd_of(dev);
	struct netvm_stats library;
	unsigned int i;

	if (n < RTE_DIM(counters) || !stats)
		return RTE_DIM(counters);
	netvm_get_stats(d->port, NETVM_ALL_PAIRS, &library);
	for (i = 0; i < RTE_DIM(counters); i++) {
		stats[i].id = i;
		stats[i].value = sum(d, &library, i) - d->xstats_base[i];
	}
	return RTE_DIM(counters);
}

int
pmd_xstats_names(struct rte_eth_dev *dev, struct rte_eth_xstat_name *names, unsigned int n)
{
	unsigned int i;

	if (!names || n < RTE_DIM(counters))
		return RTE_DIM(counters);
	for (i = 0; i < RTE_DIM(counters); i++)
		snprintf(names[i].name, sizeof(names[i].name), "%s", counters[i].name);
	return RTE_DIM(counters);
}

int
pmd_xstats_reset(struct rte_eth_dev *dev)
{
	struct pmd_device *d = pmd_of(dev);
	struct netvm_stats library;
	unsigned int i;

	netvm_get_stats(d->port, NETVM_ALL_PAIRS, &library);
	for (i = 0; i < RTE_DIM(counters); i++)
		d->xstats_base[i] = sum(d, &library, i);
	return pmd_stats_reset(dev);
}
