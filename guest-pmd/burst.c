/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libnetvm: packets from and to the rings, in bursts. rx runs on the thread that
 * receives from a pair, tx on the one that sends to it; neither takes a lock,
 * allocates, or makes a system call but for a doorbell that is waited for.
 *
 * Theory of operation. Both rings are read and written through private indices;
 * the shared index of the other side is read only when what was known of it does
 * not satisfy the burst, and our own is written once for a burst: between two
 * busy cores the lines of the indices move once for many packets.
 *
 * What the host wrote is bounded before use: a buffer's number by the pool, offset
 * and length by the buffer, an index by the ring. A host that breaks this has lost
 * its book, so nothing is repaired: the port has to be opened again, which gives
 * every buffer back to the host.
 *
 * Neighbours: buffers.c has the sending thread's empty buffers, port.c the states.
 */
#include "guest-pmd/private.h"

#include <errno.h>
#include <string.h>

#define LONG_FLAGS (NETVM_DESC_F_MORE | NETVM_DESC_F_OFFLOAD)

_Static_assert((int)NETVM_NEXT == NETVM_ACTION_NEXT && (int)NETVM_DROP == NETVM_ACTION_DROP &&
		       (int)NETVM_TO_SERVICE == NETVM_ACTION_TO_SERVICE &&
		       (int)NETVM_TO_PORT == NETVM_ACTION_TO_PORT,
	"verdicts are actions");
_Static_assert(NETVM_DESC_F_CSUM_OK >> 1 == NETVM_PACKET_CSUM_OK &&
		       NETVM_DESC_F_HASH >> 1 == NETVM_PACKET_HASH,
	"flags of a packet are a descriptor's, moved");

static inline uint8_t *
desc_data(const struct netvm_port *port, const struct netvm_desc *d)
{
	return port->pool + (size_t)d->buffer * port->buffer_size + d->offset;
}

/* The first piece, as if it were all. */
static inline void
set_packet(const struct netvm_port *port, uint16_t pair, const struct netvm_desc *d,
	struct netvm_packet *p)
{
	p->data = desc_data(port, d);
	p->length = d->length;
	p->total = d->length;
	p->buffer = d->buffer;
	p->nseg = 1;
	p->verdict = NETVM_NEXT;
	p->flags = (d->flags >> 1) & (NETVM_PACKET_CSUM_OK | NETVM_PACKET_HASH);
	p->destination = d->destination;
	p->pair = pair;
	p->mark = d->mark;
	p->csum_start = p->csum_offset = p->gso_size = p->hdr_len = 0;
	p->gso_type = 0;
	p->next = NULL;
}

static void
set_offload(struct netvm_packet *p, const struct netvm_offload *o)
{
	p->csum_start = o->csum_start;
	p->csum_offset = o->csum_offset;
	p->gso_size = o->gso_size;
	p->hdr_len = o->hdr_len;
	p->gso_type = o->gso_type;
	if (o->csum & 1)
		p->flags |= NETVM_PACKET_CSUM;
}

/* A packet of several entries from `at` on, of which `n` are there. Returns how
 * many it took, 0: what is there is no whole packet. */
static uint32_t
take_long(const struct netvm_port *port, uint16_t pair, const struct netvm_side *rx, uint32_t at,
	uint32_t n, struct netvm_packet *p)
{
	const struct netvm_desc *ring = rx->entries;
	struct netvm_seg **link = &p->next;
	struct netvm_desc d = ring[at & rx->mask];
	struct netvm_offload o;
	bool offload = d.flags & NETVM_DESC_F_OFFLOAD;
	uint32_t used = 0;

	if (offload) {
		memcpy(&o, &d, sizeof(o));
		if (++used == n)
			return 0;
		d = ring[(at + used) & rx->mask];
	}
	if (!netvm_desc_fits(port, &d))
		return 0;
	set_packet(port, pair, &d, p);
	for (used++; d.flags & NETVM_DESC_F_MORE; used++) {
		if (used == n || p->nseg == NETVM_SEGS_MAX)
			return 0;
		d = ring[(at + used) & rx->mask];
		if (!netvm_desc_fits(port, &d))
			return 0;
		*link = &port->segs[d.buffer];
		**link = (struct netvm_seg){desc_data(port, &d), d.length, d.buffer, NULL};
		link = &(*link)->next;
		p->total += d.length;
		p->nseg++;
	}
	if (offload)
		set_offload(p, &o);
	return used;
}

NETVM_API int
netvm_rx(struct netvm_port *port, uint16_t pair, struct netvm_packet *pkts, uint16_t max)
{
	struct netvm_receiver *r;
	struct netvm_side *rx;
	const struct netvm_desc *ring;
	uint32_t at, n, used;
	uint64_t bytes = 0;
	uint16_t got = 0;

	if (NETVM_UNLIKELY(pair >= port->pairs))
		return netvm_fail(EINVAL, "%s: there is no queue pair %u", port->name, pair);
	r = &port->receivers[pair];
	rx = &r->rx;
	ring = rx->entries;
	at = rx->at;
	netvm_beat(port, &r->beat);
	if (NETVM_UNLIKELY(!netvm_served(port)))
		return netvm_port_status(port);
	n = rx->other - at;
	if (n < max) {
		/* Acquire pairs with the host's release: the entries are there. */
		rx->other = __atomic_load_n(&rx->ring->produced, __ATOMIC_ACQUIRE);
		n = rx->other - at;
		if (n == 0)
			return 0;
		if (NETVM_UNLIKELY(n > rx->mask + 1))
			return netvm_port_broken(port, pair, "RX's index is out of bounds");
	}
	for (; got < max && n; got++, at += used, n -= used) {
		struct netvm_desc d = ring[at & rx->mask];

		used = 1;
		if (NETVM_LIKELY(!(d.flags & LONG_FLAGS) && netvm_desc_fits(port, &d)))
			set_packet(port, pair, &d, &pkts[got]);
		else
			used = d.flags & LONG_FLAGS ? take_long(port, pair, rx, at, n, &pkts[got])
						    : 0;
		if (NETVM_UNLIKELY(!used)) {
			netvm_count(&r->bad, 1);
			return netvm_port_broken(port, pair, "RX has a packet that cannot be");
		}
		bytes += pkts[got].total;
	}
	rx->at = at;
	/* Release: we have read the entries before the host may write them again. */
	__atomic_store_n(&rx->ring->consumed, at, __ATOMIC_RELEASE);
	netvm_count(&r->packets, got);
	netvm_count(&r->bytes, bytes);
	return got;
}

/* --- to the host ---------------------------------------------------------------- */

/* Where a piece begins in its buffer; UINT32_MAX: it is not inside. */
static inline uint32_t
piece_offset(const struct netvm_port *port, uint32_t buffer, const uint8_t *data, uint32_t length)
{
	size_t offset;

	if (NETVM_UNLIKELY(buffer >= port->buffers))
		return UINT32_MAX;
	/* Wraps to something large when data lies before the buffer. */
	offset = (size_t)(data - port->pool) - (size_t)buffer * port->buffer_size;
	if (NETVM_UNLIKELY(offset > UINT16_MAX || length > UINT16_MAX ||
			   offset + length > port->buffer_size))
		return UINT32_MAX;
	return offset;
}

static inline void
put_desc(struct netvm_side *tx, uint32_t at, const struct netvm_desc *d)
{
	((struct netvm_desc *)tx->entries)[at & tx->mask] = *d;
}

static inline bool
has_offload(const struct netvm_packet *p)
{
	return (p->flags & NETVM_PACKET_CSUM) || p->gso_size;
}

/* Ring entries that a packet takes. */
static inline uint32_t
entries_of(const struct netvm_packet *p)
{
	return p->nseg + (p->verdict != NETVM_DROP && has_offload(p));
}

/* Says why a packet cannot be sent, after check_packet() or put_packet() found it. */
static int
refuse(const struct netvm_port *port, const struct netvm_packet *p)
{
	if (p->verdict > NETVM_TO_PORT)
		return netvm_fail(EINVAL, "a packet with verdict %u cannot be sent", p->verdict);
	if (entries_of(p) > port->device.tx_entries || p->nseg > NETVM_SEGS_MAX)
		return netvm_fail(EMSGSIZE,
			"a packet of %u pieces cannot be sent: %u are possible, and %u ring "
			"entries",
			p->nseg, NETVM_SEGS_MAX, port->device.tx_entries);
	return netvm_fail(EINVAL,
		"a packet cannot be sent: a piece of it is empty, missing, or reaches beyond its "
		"buffer (first: buffer %u, %u bytes)",
		p->buffer, p->length);
}

/* Writes a packet's entries from `at` on. False: it is not a packet. */
static bool
put_long(const struct netvm_port *port, struct netvm_side *tx, uint32_t at,
	const struct netvm_packet *p)
{
	bool drop = p->verdict == NETVM_DROP;
	const struct netvm_seg *s = p->next;
	const uint8_t *data = p->data;
	uint32_t length = p->length, buffer = p->buffer;
	uint8_t first = (p->flags & NETVM_PACKET_HASH) << 1;

	if (!drop && has_offload(p)) {
		struct netvm_offload o = {.csum_start = p->csum_start,
			.csum_offset = p->csum_offset,
			.gso_size = p->gso_size,
			.hdr_len = p->hdr_len,
			.flags = NETVM_DESC_F_OFFLOAD,
			.csum = !!(p->flags & NETVM_PACKET_CSUM),
			.gso_type = p->gso_size ? p->gso_type : 0};
		struct netvm_desc d;

		memcpy(&d, &o, sizeof(d));
		put_desc(tx, at++, &d);
		first |= NETVM_DESC_F_OFFLOAD;
	}
	for (uint32_t left = p->nseg; left--; s = s->next) {
		uint32_t offset = drop ? 0 : piece_offset(port, buffer, data, length);

		if (offset == UINT32_MAX || buffer >= port->buffers || (!drop && !length))
			return false;
		put_desc(tx, at++,
			&(struct netvm_desc){.buffer = buffer,
				.offset = offset,
				.length = drop ? 0 : length,
				.flags = drop ? 0 : first | (left ? NETVM_DESC_F_MORE : 0),
				.action = p->verdict,
				.destination = p->destination,
				.mark = p->mark});
		first = 0;
		if (!left)
			return true;
		if (!s)
			return false;
		data = s->data;
		length = s->length;
		buffer = s->buffer;
	}
	return false;
}

/* A descriptor's halves, for who writes one as two whole words: put together in memory
 * from its fields, it would not be there yet when it is copied to the ring, which
 * stalls for a dozen cycles. */
typedef uint64_t __attribute__((may_alias)) half;
_Static_assert(offsetof(struct netvm_desc, offset) == 4 &&
		       offsetof(struct netvm_desc, length) == 6 &&
		       offsetof(struct netvm_desc, flags) == 8 &&
		       offsetof(struct netvm_desc, action) == 9 &&
		       offsetof(struct netvm_desc, destination) == 10 &&
		       offsetof(struct netvm_desc, mark) == 12,
	"put_short() knows where the fields are");

/* Writes a packet of one entry. False: it is not a packet. */
static inline bool
put_short(const struct netvm_port *port, struct netvm_side *tx, uint32_t at,
	const struct netvm_packet *p)
{
	uint32_t offset = piece_offset(port, p->buffer, p->data, p->length);
	half *to = (void *)((struct netvm_desc *)tx->entries + (at & tx->mask));

	to[0] = p->buffer | (uint64_t)(uint16_t)offset << 32 | (uint64_t)p->length << 48;
	to[1] = (p->flags & NETVM_PACKET_HASH) << 1 | (uint64_t)p->verdict << 8 |
		(uint64_t)p->destination << 16 | (uint64_t)p->mark << 32;
	return offset != UINT32_MAX && p->length;
}

/* Writes what there is room for and returns how many packets that was; *end is
 * where the ring goes on, *refused the packet that is none. */
static uint16_t
put_packets(struct netvm_port *port, struct netvm_sender *s, const struct netvm_packet *pkts,
	uint16_t n, uint32_t room, uint32_t *end, const struct netvm_packet **refused)
{
	struct netvm_side *tx = &s->tx;
	uint64_t bytes = 0, drops = 0, dropped = 0;
	uint32_t at = tx->at;
	uint16_t i;

	for (i = 0; i < n; i++) {
		const struct netvm_packet *p = &pkts[i];
		uint32_t need = entries_of(p);
		bool drop = p->verdict == NETVM_DROP;

		if (NETVM_UNLIKELY(p->verdict > NETVM_TO_PORT || p->nseg > NETVM_SEGS_MAX ||
				   need > tx->mask + 1)) {
			*refused = p;
			break;
		}
		if (need > room) {
			s->tx.other = __atomic_load_n(&tx->ring->consumed, __ATOMIC_ACQUIRE);
			room = tx->mask + 1 - (at - tx->other);
			if (need > room || room > tx->mask + 1)
				break;
		}
		if (NETVM_UNLIKELY(!(need == 1 && !drop ? put_short(port, tx, at, p)
							: put_long(port, tx, at, p)))) {
			*refused = p;
			break;
		}
		at += need;
		room -= need;
		bytes += drop ? 0 : p->total;
		drops += drop;
		dropped += drop ? p->nseg : 0;
	}
	netvm_count(&s->packets, i - drops);
	netvm_count(&s->bytes, bytes);
	netvm_count(&s->freed, dropped);
	*end = at;
	return i;
}

NETVM_API int
netvm_tx(struct netvm_port *port, uint16_t pair, const struct netvm_packet *pkts, uint16_t n)
{
	struct netvm_sender *s;
	const struct netvm_packet *refused = NULL;
	uint32_t room, end;
	uint16_t sent;

	if (NETVM_UNLIKELY(pair >= port->pairs))
		return netvm_fail(EINVAL, "%s: there is no queue pair %u", port->name, pair);
	s = &port->senders[pair];
	netvm_beat(port, &s->beat);
	if (NETVM_UNLIKELY(!netvm_served(port)))
		return netvm_port_status(port);
	if (NETVM_UNLIKELY(s->later != NULL) && netvm_flush_later(port, pair, s) < 0)
		return netvm_port_status(port);
	/* Most packets are one entry; long ones find out below. */
	room = netvm_tx_room(s, n);
	if (NETVM_UNLIKELY(room > s->tx.mask + 1))
		return netvm_port_broken(port, pair, "TX's index is out of bounds");
	sent = put_packets(port, s, pkts, n, room, &end, &refused);
	if (NETVM_UNLIKELY(sent < n && !refused)) {
		netvm_count(&s->full, n - sent);
		if (!sent)
			return 0;
	}
	if (NETVM_UNLIKELY(refused && !sent))
		return refuse(port, refused);
	if (!sent)
		return 0;
	s->tx.at = end;
	/* Release: the entries are there before the host sees the index. */
	__atomic_store_n(&s->tx.ring->produced, end, __ATOMIC_RELEASE);
	netvm_tx_bell(port, pair, s);
	return sent;
}
