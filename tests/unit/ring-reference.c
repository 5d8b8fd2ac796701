/* SPDX-License-Identifier: BSD-3-Clause */
/* What must come out of a chain, byte by byte; see ring-reference.h. */
#include <string.h>

#include "tests/unit/ring-reference.h"

static const uint8_t *
ref_byte(const struct ring_guest *g, uint64_t addr)
{
	for (uint32_t i = 0; i < g->mem.nregions; i++) {
		const struct guest_region *r = &g->mem.region[i];

		if (addr >= r->gpa && addr - r->gpa < r->size)
			return r->hva + (addr - r->gpa);
	}
	return NULL;
}

static bool
ref_bytes(const struct ring_guest *g, uint64_t addr, uint8_t *dst, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		const uint8_t *p = ref_byte(g, addr + i);

		if (p == NULL)
			return false;
		dst[i] = *p;
	}
	return true;
}

/* All bytes of a readable chain of a packed ring; -1: it makes no sense. */
static int64_t
ref_chain_packed(const struct ring_guest *g, uint32_t head, uint8_t *want)
{
	struct vring_desc d = g->desc[head];
	bool table = d.flags & VRING_DESC_F_INDIRECT;
	uint64_t entries = table ? d.len / 16 : g->size, total = 0;

	if (table &&
		(!g->vq->indirect || (d.flags & VRING_DESC_F_NEXT) || d.len == 0 || d.len % 16))
		return -1;
	for (uint64_t i = 0; i < entries; i++) {
		struct vring_packed_desc e;

		if (table) {
			if (!ref_bytes(g, g->desc[head].addr + 16 * i, (uint8_t *)&e, 16))
				return -1;
			d = (struct vring_desc){e.addr, e.len, e.flags & VRING_DESC_F_WRITE, 0};
		} else {
			d = g->desc[head + i];
		}
		if (d.flags & (VRING_DESC_F_INDIRECT | VRING_DESC_F_WRITE))
			return -1;
		if (d.len > REF_MAX - total || !ref_bytes(g, d.addr, want + total, d.len))
			return -1;
		total += d.len;
		if (total > (uint64_t)PACKET_LEN_MAX + g->vq->hdr_size ||
			(!table && !(d.flags & VRING_DESC_F_NEXT)))
			break;
	}
	return (int64_t)total;
}

/* All bytes of a readable chain into want; -1: it makes no sense. */
static int64_t
ref_chain(const struct ring_guest *g, uint32_t head, uint8_t *want)
{
	uint64_t table = 0, entries = g->size, total = 0;
	uint32_t i = head;

	for (uint32_t buffers = 0;;) {
		struct vring_desc d;

		if (i >= entries || buffers == (table == 0 ? g->size : VRING_CHAIN_MAX))
			return -1;
		if (table == 0)
			d = g->desc[i];
		else if (!ref_bytes(g, table + 16 * i, (uint8_t *)&d, 16))
			return -1;
		if (d.flags & VRING_DESC_F_INDIRECT) {
			if (table != 0 || !g->vq->indirect || (d.flags & VRING_DESC_F_NEXT) ||
				d.len == 0 || d.len % 16 != 0)
				return -1;
			table = d.addr;
			entries = d.len / 16;
			i = 0;
			if (table == 0)
				return -1;
			continue;
		}
		buffers++;
		if (d.flags & VRING_DESC_F_WRITE)
			return -1;
		if (d.len > REF_MAX - total || !ref_bytes(g, d.addr, want + total, d.len))
			return -1;
		total += d.len;
		/* Too long already: whatever follows is not looked at. */
		if (total > (uint64_t)PACKET_LEN_MAX + g->vq->hdr_size ||
			!(d.flags & VRING_DESC_F_NEXT))
			return (int64_t)total;
		i = d.next;
	}
}

enum packet_drop
ref_take(const struct ring_guest *g, uint32_t head, uint8_t *want, uint32_t *len)
{
	int64_t total = g->packed ? ref_chain_packed(g, head, want) : ref_chain(g, head, want);
	uint32_t hdr = g->vq->hdr_size;

	if (total < hdr)
		return DROP_BAD_DESCRIPTOR;
	*len = (uint32_t)total - hdr;
	if (*len < PACKET_LEN_MIN)
		return DROP_RUNT;
	if (*len > (want[1] != 0 ? PACKET_LEN_MAX : g->vq->max_frame))
		return DROP_OVERSIZE;
	/* The frames are noise, so that no offload request can be right. */
	if ((want[0] & 1) || want[1] != 0)
		return DROP_BAD_OFFLOAD;
	return DROP_REASONS;
}
