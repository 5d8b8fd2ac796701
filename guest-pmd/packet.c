/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libnetvm: what can be done with a packet. On the thread that has it. Pieces are
 * walked by the list, whose lengths netvm_rx() has bounded.
 */
#include "guest-pmd/private.h"

#include <errno.h>
#include <string.h>

#define UDP_CSUM_OFFSET 6

static uint32_t
data_offset(const struct netvm_port *port, const struct netvm_packet *p)
{
	return p->data - (port->pool + (size_t)p->buffer * port->buffer_size);
}

NETVM_API uint32_t
netvm_room(const struct netvm_port *port, const struct netvm_packet *p)
{
	uint32_t room = port->buffer_size - data_offset(port, p);

	/* A descriptor's length has 16 bits. */
	return room < UINT16_MAX ? room : UINT16_MAX;
}

NETVM_API uint32_t
netvm_headroom(const struct netvm_port *port, const struct netvm_packet *p)
{
	return data_offset(port, p);
}

NETVM_API uint8_t *
netvm_prepend(struct netvm_port *port, struct netvm_packet *p, uint32_t n)
{
	if (n > data_offset(port, p) || p->length + n > UINT16_MAX)
		return NULL;
	p->data -= n;
	p->length += n;
	p->total += n;
	/* The offload counts from the packet's first byte. */
	if (p->flags & NETVM_PACKET_CSUM)
		p->csum_start += n;
	if (p->gso_size)
		p->hdr_len += n;
	return p->data;
}

NETVM_API struct netvm_seg *
netvm_seg(struct netvm_port *port, uint32_t buffer)
{
	struct netvm_seg *s;

	if (buffer >= port->buffers)
		return NULL;
	s = &port->segs[buffer];
	s->buffer = buffer;
	s->next = NULL;
	return s;
}

NETVM_API int
netvm_append(struct netvm_port *port, struct netvm_packet *p, const struct netvm_packet *tail)
{
	struct netvm_seg **link = &p->next, *first = netvm_seg(port, tail->buffer);

	if (!first)
		return netvm_fail(EINVAL, "a packet in buffer %u cannot be: the pool has %u",
			tail->buffer, port->buffers);
	if (p->nseg + tail->nseg > NETVM_SEGS_MAX)
		return netvm_fail(EMSGSIZE, "a packet of %u pieces cannot be: %u are possible",
			p->nseg + tail->nseg, NETVM_SEGS_MAX);
	while (*link)
		link = &(*link)->next;
	first->data = tail->data;
	first->length = tail->length;
	first->next = tail->next;
	*link = first;
	p->nseg += tail->nseg;
	p->total += tail->total;
	return 0;
}

NETVM_API const uint8_t *
netvm_read(const struct netvm_packet *p, uint32_t offset, uint32_t n, uint8_t *to)
{
	const struct netvm_seg *next = p->next;
	const uint8_t *data = p->data;
	uint32_t length = p->length, done = 0, some;

	if (offset > p->total || n > p->total - offset)
		return NULL;
	for (;;) {
		if (offset < length) {
			if (!done && n <= length - offset)
				return data + offset;
			some = n - done < length - offset ? n - done : length - offset;
			memcpy(to + done, data + offset, some);
			done += some;
			offset = 0;
		} else {
			offset -= length;
		}
		if (done == n)
			return to;
		if (!next)
			return NULL;
		data = next->data;
		length = next->length;
		next = next->next;
	}
}

/* Where the byte at `offset` lies. NULL: the packet is shorter. */
static uint8_t *
byte_at(const struct netvm_packet *p, uint32_t offset)
{
	const struct netvm_seg *next = p->next;
	uint8_t *data = p->data;
	uint32_t length = p->length;

	while (offset >= length) {
		if (!next)
			return NULL;
		offset -= length;
		data = next->data;
		length = next->length;
		next = next->next;
	}
	return data + offset;
}

/* Adds the big-endian words of a piece; *odd: the piece before ended in the middle
 * of one. */
static uint64_t
add_piece(uint64_t sum, const uint8_t *data, uint32_t n, bool *odd)
{
	uint32_t i = 0;

	if (n && *odd) {
		sum += data[i++];
		*odd = false;
	}
	for (; i + 1 < n; i += 2)
		sum += (uint32_t)data[i] << 8 | data[i + 1];
	if (i < n) {
		sum += (uint32_t)data[i] << 8;
		*odd = true;
	}
	return sum;
}

NETVM_API int
netvm_finish_checksum(struct netvm_packet *p)
{
	const struct netvm_seg *next = p->next;
	const uint8_t *data = p->data;
	uint32_t skip = p->csum_start, length = p->length, at = skip + p->csum_offset;
	uint8_t *high = byte_at(p, at), *low = byte_at(p, at + 1);
	uint64_t sum = 0;
	bool odd = false;

	if (!(p->flags & NETVM_PACKET_CSUM))
		return 0;
	if (!high || !low)
		return netvm_fail(EINVAL, "a packet of %u bytes has no room for a checksum at %u",
			p->total, at);
	for (;;) {
		if (skip < length) {
			sum = add_piece(sum, data + skip, length - skip, &odd);
			skip = 0;
		} else {
			skip -= length;
		}
		if (!next)
			break;
		data = next->data;
		length = next->length;
		next = next->next;
	}
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	sum = ~sum & 0xffff;
	if (!sum && p->csum_offset == UDP_CSUM_OFFSET)
		sum = 0xffff; /* 0 says that there is none */
	*high = sum >> 8;
	*low = sum;
	p->flags = (p->flags & ~NETVM_PACKET_CSUM) | NETVM_PACKET_CSUM_OK;
	return 0;
}
