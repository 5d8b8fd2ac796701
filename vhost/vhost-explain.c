/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Says why a ring cannot run. Callbacks only.
 */
#include <inttypes.h>
#include <linux/virtio_config.h>
#include <rte_vhost.h>

#include "vhost/vhost-private.h"

struct ring_part {
	const char *name;
	uint64_t at, len, align;
};

#define RING_PARTS 3

/* The region that holds [at, at + len) of the peer's addresses. */
static bool
user_range_ok(const struct vhost_port *p, uint64_t at, uint64_t len)
{
	for (uint32_t i = 0; i < p->nregions; i++) {
		const struct vhost_region *r = &p->region[i];
		uint64_t off = at - r->user;

		if (off < r->size && len <= r->size - off)
			return true;
	}
	return false;
}

/* VIRTIO 1.2, 2.7 (split) and 2.8.10 (packed; its events are one word each). */
static bool
size_ok(uint32_t size, bool packed)
{
	return size != 0 && size <= VRING_SIZE_MAX && (packed || (size & (size - 1)) == 0);
}

bool
vhost_ring_explain_parts(struct vhost_port *p, unsigned int i)
{
	const bool packed = p->features >> VIRTIO_F_RING_PACKED & 1;
	const struct vhost_ring_address *a = &p->ring[i].address;
	struct rte_vhost_vring v;

	if (!a->known || rte_vhost_get_vhost_vring(p->vid, (uint16_t)i, &v) != 0)
		return false;
	const struct ring_part split_part[RING_PARTS] = {
		{"descriptor table", a->desc, 16ull * v.size, 16},
		{"avail ring", a->avail, 6 + 2ull * v.size, 2},
		{"used ring", a->used, 6 + 8ull * v.size, 4},
	};
	const struct ring_part packed_part[RING_PARTS] = {
		{"descriptor ring", a->desc, 16ull * v.size, 16},
		{"driver event structure", a->avail, 4, 4},
		{"device event structure", a->used, 4, 4},
	};
	const struct ring_part *part = packed ? packed_part : split_part;

	if (!size_ok(v.size, packed)) {
		vhost_error(p, (int)i, "ring %u: its size %u is no %s between 1 and %d", i, v.size,
			packed ? "number" : "power of two", VRING_SIZE_MAX);
		return true;
	}
	for (unsigned int k = 0; k < RING_PARTS; k++) {
		if (part[k].at % part[k].align == 0 && user_range_ok(p, part[k].at, part[k].len))
			continue;
		vhost_error(p, (int)i, "ring %u: its %s at %#" PRIx64 " (%" PRIu64 " bytes) %s", i,
			part[k].name, part[k].at, part[k].len,
			part[k].at % part[k].align ? "is misaligned"
						   : "lies outside the guest's memory");
		return true;
	}
	return false;
}

void
vhost_ring_explain(struct vhost_port *p, unsigned int i, uint16_t base)
{
	if (vhost_ring_explain_parts(p, i))
		return;
	if (p->features >> VIRTIO_F_RING_PACKED & 1)
		vhost_error(p, (int)i,
			"ring %u: its base %#x names slot %u, which it does not have", i, base,
			base & VRING_PLACE_SLOT);
	else
		vhost_error(p, (int)i, "ring %u: its base %u does not fit its used index", i, base);
}
