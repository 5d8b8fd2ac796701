/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libnetvm: packets of one ring entry, see short.h. What burst.c says of rings, indices
 * and what the host wrote holds here, too.
 */
#include "guest-pmd/short.h"

#include <errno.h>
#include <string.h>

#include "guest-pmd/private.h"

typedef uint64_t __attribute__((may_alias)) half;

/* Each half is read once: the host writes there. Relaxed: the ring's index orders. */
static inline struct netvm_desc
read_desc(const struct netvm_desc *from)
{
	const half *at = (const void *)from;
	half word[2] = {__atomic_load_n(&at[0], __ATOMIC_RELAXED),
		__atomic_load_n(&at[1], __ATOMIC_RELAXED)};
	struct netvm_desc d;

	memcpy(&d, word, sizeof(d));
	return d;
}

int
netvm_rx_short(
	struct netvm_port *port, uint16_t pair, struct netvm_desc *desc, uint16_t max, bool *other)
{
	struct netvm_receiver *r = &port->receivers[pair];
	struct netvm_side *rx = &r->rx;
	const struct netvm_desc *ring = rx->entries;
	uint32_t at = rx->at, n = rx->other - at, i;
	uint64_t bytes = 0;

	*other = false;
	netvm_beat(port, &r->beat);
	if (NETVM_UNLIKELY(!netvm_served(port)))
		return netvm_port_status(port);
	if (n < max) {
		/* Acquire pairs with the host's release: the entries are there. */
		rx->other = __atomic_load_n(&rx->ring->produced, __ATOMIC_ACQUIRE);
		n = rx->other - at;
		if (n == 0)
			return 0;
		if (NETVM_UNLIKELY(n > rx->mask + 1))
			return netvm_port_broken(port, pair, "RX's index is out of bounds");
	}
	if (n > max)
		n = max;
	for (i = 0; i < n; i++) {
		struct netvm_desc d = read_desc(&ring[(at + i) & rx->mask]);

		if (NETVM_UNLIKELY((d.flags & (NETVM_DESC_F_MORE | NETVM_DESC_F_OFFLOAD)) ||
				   !netvm_desc_fits(port, &d))) {
			*other = true;
			break;
		}
		desc[i] = d;
		bytes += d.length;
	}
	rx->at = at + i;
	/* Release: we have read the entries before the host may write them again. */
	__atomic_store_n(&rx->ring->consumed, rx->at, __ATOMIC_RELEASE);
	netvm_count(&r->packets, i);
	netvm_count(&r->bytes, bytes);
	return i;
}

uint16_t
netvm_tx_space(struct netvm_port *port, uint16_t pair, uint16_t n)
{
	struct netvm_sender *s = &port->senders[pair];
	uint32_t room = netvm_tx_room(s, n);

	if (NETVM_LIKELY(room >= n))
		return n;
	netvm_count(&s->full, n - room);
	return room;
}

int
netvm_tx_short(struct netvm_port *port, uint16_t pair, const struct netvm_desc *desc, uint16_t n)
{
	struct netvm_sender *s = &port->senders[pair];
	struct netvm_desc *ring = s->tx.entries;
	uint64_t bytes = 0;
	uint32_t room, i;

	/* The host has written there since: netvm_tx_bell() shall not wait for the line. */
	__builtin_prefetch(&s->tx.ring->wait);
	netvm_beat(port, &s->beat);
	if (NETVM_UNLIKELY(!netvm_served(port)))
		return netvm_port_status(port);
	if (NETVM_UNLIKELY(s->later != NULL) && netvm_flush_later(port, pair, s) < 0)
		return netvm_port_status(port);
	room = netvm_tx_room(s, n);
	if (NETVM_UNLIKELY(room > s->tx.mask + 1))
		return netvm_port_broken(port, pair, "TX's index is out of bounds");
	if (NETVM_UNLIKELY(room < n)) {
		netvm_count(&s->full, n - room);
		n = room;
	}
	if (!n)
		return 0;
	for (i = 0; i < n; i++) {
		ring[(s->tx.at + i) & s->tx.mask] = desc[i];
		bytes += desc[i].length;
	}
	s->tx.at += n;
	netvm_count(&s->packets, n);
	netvm_count(&s->bytes, bytes);
	/* Release: the entries are there before the host sees the index. */
	__atomic_store_n(&s->tx.ring->produced, s->tx.at, __ATOMIC_RELEASE);
	netvm_tx_bell(port, pair, s);
	return n;
}
