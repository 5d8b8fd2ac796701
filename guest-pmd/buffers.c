/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libnetvm: empty buffers. netvm_alloc() takes them from the FILL ring,
 * netvm_free() gives them back as TX descriptors with NETVM_ACTION_DROP. Both run
 * on the thread that sends to the pair.
 *
 * Who allocates and frees would send each buffer around through the host: once a
 * pair has allocated, what it frees waits for its next netvm_alloc() first, up to
 * NETVM_CACHE of them. What a full ring has no room for is kept in a list through
 * the buffers' own pieces, so it needs no memory and always fits.
 */
#include "guest-pmd/private.h"
#include "guest-pmd/short.h"

#include <errno.h>
#include <string.h>

#define FREE_KEEP (NETVM_CACHE / 2) /* stay in the cache when it overflows */

/* Writes DROP descriptors for up to n buffers; returns how many fitted. */
static uint32_t
give_back(struct netvm_sender *s, const uint32_t *buffers, uint32_t n)
{
	struct netvm_desc *ring = s->tx.entries;
	uint32_t room = netvm_tx_room(s, n);

	if (room > s->tx.mask + 1) /* nonsense: the next burst says so */
		return 0;
	if (n > room)
		n = room;
	for (uint32_t i = 0; i < n; i++)
		ring[(s->tx.at + i) & s->tx.mask] =
			(struct netvm_desc){.buffer = buffers[i], .action = NETVM_ACTION_DROP};
	s->tx.at += n;
	netvm_count(&s->freed, n);
	return n;
}

static void
publish(struct netvm_port *port, uint16_t pair, struct netvm_sender *s)
{
	/* Release: the entries are there before the host sees the index. */
	__atomic_store_n(&s->tx.ring->produced, s->tx.at, __ATOMIC_RELEASE);
	netvm_tx_bell(port, pair, s);
}

static void
keep_for_later(struct netvm_port *port, struct netvm_sender *s, const uint32_t *buffers, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct netvm_seg *seg = &port->segs[buffers[i]];

		seg->buffer = buffers[i];
		seg->next = s->later;
		s->later = seg;
	}
}

int
netvm_flush_later(struct netvm_port *port, uint16_t pair, struct netvm_sender *s)
{
	uint32_t before = s->tx.at;

	while (s->later) {
		struct netvm_seg *next = s->later->next;

		if (!give_back(s, &s->later->buffer, 1))
			break;
		s->later = next;
	}
	if (s->tx.at != before)
		publish(port, pair, s);
	return 0;
}

/* Empties `n` collected buffers into cache, ring and list, in this order. */
static void
put_free(struct netvm_port *port, struct netvm_sender *s, const uint32_t *buffers, uint32_t n)
{
	uint32_t fit = 0, sent;

	if (s->allocates) {
		fit = NETVM_CACHE - s->cached < n ? NETVM_CACHE - s->cached : n;
		memcpy(&s->cache[s->cached], buffers, fit * sizeof(*buffers));
		s->cached += fit;
		if (fit < n) {
			/* Many at a time, so that the next frees find room again. */
			sent = give_back(s, &s->cache[FREE_KEEP], s->cached - FREE_KEEP);
			memmove(&s->cache[FREE_KEEP], &s->cache[FREE_KEEP + sent],
				(s->cached - FREE_KEEP - sent) * sizeof(*buffers));
			s->cached -= sent;
		}
	}
	sent = give_back(s, buffers + fit, n - fit);
	keep_for_later(port, s, buffers + fit + sent, n - fit - sent);
}

NETVM_API void
netvm_free(struct netvm_port *port, uint16_t pair, const struct netvm_packet *pkts, uint16_t n)
{
	struct netvm_sender *s;
	uint32_t buffers[NETVM_SEGS_MAX], count = 0, before;

	/* Of a port that waits for being opened again, every buffer is the host's. */
	if (NETVM_UNLIKELY(pair >= port->pairs || !netvm_served(port)))
		return;
	s = &port->senders[pair];
	before = s->tx.at;
	if (NETVM_UNLIKELY(s->later != NULL))
		netvm_flush_later(port, pair, s);
	for (uint16_t i = 0; i < n; i++) {
		const struct netvm_seg *seg = pkts[i].next;
		uint32_t buffer = pkts[i].buffer;

		for (;;) {
			if (NETVM_LIKELY(buffer < port->buffers))
				buffers[count++] = buffer;
			if (count == NETVM_SEGS_MAX) {
				put_free(port, s, buffers, count);
				count = 0;
			}
			if (!seg)
				break;
			buffer = seg->buffer;
			seg = seg->next;
		}
	}
	put_free(port, s, buffers, count);
	if (s->tx.at != before)
		publish(port, pair, s);
}

void
netvm_free_buffers(struct netvm_port *port, uint16_t pair, const uint32_t *buffers, uint16_t n)
{
	struct netvm_sender *s = &port->senders[pair];
	uint32_t before = s->tx.at;

	if (NETVM_UNLIKELY(!netvm_served(port)))
		return;
	if (NETVM_UNLIKELY(s->later != NULL))
		netvm_flush_later(port, pair, s);
	put_free(port, s, buffers, n);
	if (s->tx.at != before)
		publish(port, pair, s);
}

/* Moves up to n numbers from FILL to `buffers`; -ENOTCONN: FILL is nonsense. */
static int
take_fill(struct netvm_port *port, uint16_t pair, struct netvm_sender *s, uint32_t *buffers,
	uint32_t n)
{
	struct netvm_side *fill = &s->fill;
	const uint32_t *ring = fill->entries;
	uint32_t there = fill->other - fill->at;

	if (there < n) {
		/* Acquire pairs with the host's release: the numbers are there. */
		fill->other = __atomic_load_n(&fill->ring->produced, __ATOMIC_ACQUIRE);
		there = fill->other - fill->at;
		if (NETVM_UNLIKELY(there > fill->mask + 1))
			return netvm_port_broken(port, pair, "FILL's index is out of bounds");
		if (there < n)
			n = there;
	}
	if (!n)
		return 0;
	for (uint32_t i = 0; i < n; i++) {
		buffers[i] = ring[(fill->at + i) & fill->mask];
		if (NETVM_UNLIKELY(buffers[i] >= port->buffers))
			return netvm_port_broken(port, pair, "FILL has a buffer that is not there");
	}
	fill->at += n;
	/* Release: we have read the numbers before the host may write them again. */
	__atomic_store_n(&fill->ring->consumed, fill->at, __ATOMIC_RELEASE);
	return n;
}

static void
set_empty(const struct netvm_port *port, uint16_t pair, uint32_t buffer, struct netvm_packet *p)
{
	*p = (struct netvm_packet){
		.data = port->pool + (size_t)buffer * port->buffer_size + port->device.headroom,
		.buffer = buffer,
		.nseg = 1,
		.pair = pair};
}

/* One of the own buffers: freed a while ago. False: there is none. */
static bool
take_own(struct netvm_sender *s, uint32_t *buffer)
{
	if (s->cached) {
		*buffer = s->cache[--s->cached];
		return true;
	}
	if (!s->later)
		return false;
	*buffer = s->later->buffer;
	s->later = s->later->next;
	return true;
}

NETVM_API int
netvm_alloc(struct netvm_port *port, uint16_t pair, struct netvm_packet *pkts, uint16_t n)
{
	struct netvm_sender *s;
	uint32_t buffers[NETVM_BURST], buffer;
	uint16_t got = 0;
	int filled = 1;

	if (NETVM_UNLIKELY(pair >= port->pairs))
		return netvm_fail(EINVAL, "%s: there is no queue pair %u", port->name, pair);
	if (NETVM_UNLIKELY(!netvm_served(port)))
		return netvm_port_status(port);
	s = &port->senders[pair];
	s->allocates = true;
	while (got < n && take_own(s, &buffer))
		set_empty(port, pair, buffer, &pkts[got++]);
	while (got < n && filled > 0) {
		filled = take_fill(
			port, pair, s, buffers, n - got < NETVM_BURST ? n - got : NETVM_BURST);
		for (int i = 0; i < filled; i++)
			set_empty(port, pair, buffers[i], &pkts[got++]);
	}
	if (NETVM_UNLIKELY(filled < 0))
		return filled;
	if (NETVM_UNLIKELY(got < n)) {
		netvm_count(&s->no_buffers, 1);
		/* A host that sleeps does not see that FILL ran empty. */
		if (!s->starved)
			netvm_tx_bell(port, pair, s);
	}
	s->starved = got < n;
	return got;
}
