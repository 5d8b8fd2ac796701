/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A guest's memory table: set-up and the slower look-ups. The table is filled
 * by whoever owns the connection (vhost-port.c) before workers can reach it;
 * the look-ups run on workers. The fast look-up is inline in guest-mem.h.
 */
#include "vhost/guest-mem.h"

#include <errno.h>

int
guest_mem_add(struct guest_mem *m, uint64_t gpa, uint64_t size, void *hva)
{
	uint32_t at = 0;

	if (m->nregions >= GUEST_MEM_REGIONS)
		return -ENOSPC;
	/* An end of exactly 2^64 counts as a wrap: no guest has memory there, and
	 * address arithmetic below never has to think about it. */
	if (size == 0 || size > UINT64_MAX - gpa || size > UINTPTR_MAX - (uintptr_t)hva)
		return -EINVAL;
	while (at < m->nregions && m->region[at].gpa < gpa)
		at++;
	if (at > 0 && gpa - m->region[at - 1].gpa < m->region[at - 1].size)
		return -EINVAL;
	if (at < m->nregions && m->region[at].gpa - gpa < size)
		return -EINVAL;
	for (uint32_t i = m->nregions; i > at; i--)
		m->region[i] = m->region[i - 1];
	m->region[at] = (struct guest_region){.gpa = gpa, .size = size, .hva = hva};
	m->nregions++;
	return 0;
}

uint8_t *
guest_mem_chunk(const struct guest_mem *m, uint64_t gpa, uint32_t *len)
{
	for (uint32_t i = 0; i < m->nregions; i++) {
		const struct guest_region *r = &m->region[i];
		uint64_t off = gpa - r->gpa;

		/* off wraps to something huge when gpa is below the region. */
		if (off >= r->size)
			continue;
		if (*len > r->size - off)
			*len = (uint32_t)(r->size - off);
		return *len != 0 ? r->hva + off : NULL;
	}
	return NULL;
}

bool
guest_mem_contains(const struct guest_mem *m, const void *p, size_t len)
{
	for (uint32_t i = 0; i < m->nregions; i++) {
		const struct guest_region *r = &m->region[i];
		uint64_t off = (uintptr_t)p - (uintptr_t)r->hva;

		if (off < r->size && len != 0 && len <= r->size - off)
			return true;
	}
	return false;
}

bool
guest_mem_gpa(const struct guest_mem *m, const void *p, uint64_t *gpa)
{
	for (uint32_t i = 0; i < m->nregions; i++) {
		const struct guest_region *r = &m->region[i];
		uint64_t off = (uintptr_t)p - (uintptr_t)r->hva;

		if (off >= r->size)
			continue;
		*gpa = r->gpa + off;
		return true;
	}
	return false;
}
