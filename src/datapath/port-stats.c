/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A port's counters: what its device counted plus what workers dropped, less
 * what stood there at the last reset. Nothing that counts is ever set back, so
 * a reset needs no worker. Control thread.
 */
#include <string.h>

#include "src/datapath/table.h"
#include "src/datapath/worker.h"

static void
sum_queues(struct dp_port_counters *c)
{
	if ((c->total.rx_packets | c->total.tx_packets) != 0)
		return;
	for (unsigned int i = 0; i < c->queues; i++) {
		c->total.rx_packets += c->queue[i].rx_packets;
		c->total.rx_bytes += c->queue[i].rx_bytes;
		c->total.tx_packets += c->queue[i].tx_packets;
		c->total.tx_bytes += c->queue[i].tx_bytes;
	}
}

static void
counters_absolute(struct dp_port *p, struct dp_port_counters *c)
{
	memset(c, 0, sizeof(*c));
	p->ops->counters(p, c);
	sum_queues(c);
	for (uint16_t w = 0; w < dp_nworkers; w++)
		for (unsigned int r = 0; r < DROP_REASONS; r++)
			c->drop[r] +=
				__atomic_load_n(&dp_worker[w]->drop[p->index][r], __ATOMIC_RELAXED);
}

static void
queue_subtract(struct queue_counters *q, const struct queue_counters *base)
{
	q->rx_packets -= base->rx_packets;
	q->rx_bytes -= base->rx_bytes;
	q->tx_packets -= base->tx_packets;
	q->tx_bytes -= base->tx_bytes;
}

void
dp_port_counters(struct dp_port *p, struct dp_port_counters *c)
{
	const struct dp_port_counters *base = &p->baseline;

	counters_absolute(p, c);
	queue_subtract(&c->total, &base->total);
	for (unsigned int i = 0; i < DP_QUEUES_MAX; i++)
		queue_subtract(&c->queue[i], &base->queue[i]);
	for (unsigned int r = 0; r < DROP_REASONS; r++)
		c->drop[r] -= base->drop[r];
	c->nic_missed -= base->nic_missed;
	c->nic_errors -= base->nic_errors;
	c->nic_zero_copy -= base->nic_zero_copy;
}

void
dp_port_counters_reset(struct dp_port *p)
{
	counters_absolute(p, &p->baseline);
}

/* Workers count by the port's index, and an earlier port may have had it. */
void
port_baseline(struct dp_port *p)
{
	for (uint16_t w = 0; w < dp_nworkers; w++)
		for (unsigned int r = 0; r < DROP_REASONS; r++)
			p->baseline.drop[r] +=
				__atomic_load_n(&dp_worker[w]->drop[p->index][r], __ATOMIC_RELAXED);
}
