/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libnetvm: what a port is and has counted. Any thread: counters belong to the
 * threads that serve the pairs and are read with relaxed loads, so that a sum is
 * a moment's view, never a torn number.
 */
#include "guest-pmd/private.h"

#include <errno.h>
#include <string.h>

#define READ(field) __atomic_load_n(&(field), __ATOMIC_RELAXED)

NETVM_API void
netvm_get_info(const struct netvm_port *port, struct netvm_info *info)
{
	const struct netvm_device *d = &port->device;

	memset(info, 0, sizeof(*info));
	memcpy(info->name, d->name, sizeof(info->name));
	memcpy(info->group, d->group, sizeof(info->group));
	info->port = d->port;
	info->pairs = port->pairs;
	memcpy(info->mac, d->mac, sizeof(info->mac));
	info->mtu = READ(port->page->mtu);
	info->headroom = d->headroom;
	info->buffer_size = port->buffer_size;
	info->buffers = port->buffers;
	info->rx_entries = d->rx_entries;
	info->tx_entries = d->tx_entries;
	info->features = READ(port->page->features);
	info->can_sleep = port->link.transport->fd(&port->link, 0) >= 0;
	info->pool = port->pool;
}

NETVM_API bool
netvm_link_up(const struct netvm_port *port)
{
	return netvm_served(port) && (READ(port->page->features) & NETVM_FEATURE_LINK_UP);
}

static void
add_pair(const struct netvm_port *port, uint16_t pair, struct netvm_stats *st)
{
	const struct netvm_receiver *r = &port->receivers[pair];
	const struct netvm_sender *s = &port->senders[pair];

	st->rx_packets += READ(r->packets);
	st->rx_bytes += READ(r->bytes);
	st->rx_bad += READ(r->bad);
	st->waits += READ(r->waits);
	st->tx_packets += READ(s->packets);
	st->tx_bytes += READ(s->bytes);
	st->freed += READ(s->freed);
	st->tx_full += READ(s->full);
	st->no_buffers += READ(s->no_buffers);
}

NETVM_API void
netvm_get_stats(const struct netvm_port *port, uint16_t pair, struct netvm_stats *st)
{
	memset(st, 0, sizeof(*st));
	st->reopened = READ(port->reopened);
	for (uint16_t i = 0; i < port->pairs; i++)
		if (pair == NETVM_ALL_PAIRS || pair == i)
			add_pair(port, i, st);
}
