/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A guest's memory as the backend sees it: guest physical to our own address,
 * always bounded. The only place that turns a number from a guest into a
 * pointer. Plain data; knows nothing of rte_vhost.
 */
#ifndef NETVM_GUEST_MEM_H
#define NETVM_GUEST_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GUEST_MEM_REGIONS 8 /* vhost-user: at most 8 slots in SET_MEM_TABLE */

struct guest_region {
	uint64_t gpa;
	uint64_t size;
	uint8_t *hva;
};

/* Immutable while any worker can reach it; replaced only when quiesced. */
struct guest_mem {
	uint32_t nregions;
	struct guest_region region[GUEST_MEM_REGIONS]; /* sorted by gpa, disjoint */
};

/*
 * Adds a region. Returns 0, -ENOSPC when the table is full, -EINVAL when the
 * region is empty, wraps around, or overlaps one that is there.
 */
int guest_mem_add(struct guest_mem *m, uint64_t gpa, uint64_t size, void *hva);

/*
 * The address of [gpa, gpa + len) when all of it lies in one region, else
 * NULL. len 0 is never valid. Buffers that span two adjacent regions are
 * reached by guest_mem_chunk(). Hot path: *hint is the index of the region
 * that answered last, kept by the caller; any value is safe.
 */
static inline uint8_t *
guest_mem_ptr(const struct guest_mem *m, uint64_t gpa, uint64_t len, uint32_t *hint)
{
	uint32_t i = *hint;

	if (i >= m->nregions)
		i = 0;
	for (uint32_t tried = 0; tried < m->nregions; tried++) {
		const struct guest_region *r = &m->region[i];
		uint64_t off = gpa - r->gpa;

		/* off wraps to something huge when gpa is below the region. */
		if (off < r->size && len <= r->size - off && len != 0) {
			*hint = i;
			return r->hva + off;
		}
		i = i + 1 < m->nregions ? i + 1 : 0;
	}
	return NULL;
}

/* As above for a prefix: *len is cut to what is contiguous from gpa. */
uint8_t *guest_mem_chunk(const struct guest_mem *m, uint64_t gpa, uint32_t *len);

/* True when [p, p + len) lies inside one region: for ring addresses. */
bool guest_mem_contains(const struct guest_mem *m, const void *p, size_t len);

/* The way back: the guest physical address of p. False: p is not of m. */
bool guest_mem_gpa(const struct guest_mem *m, const void *p, uint64_t *gpa);

#endif
