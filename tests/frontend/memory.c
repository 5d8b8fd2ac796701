/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Guest memory of the frontend: one range of our addresses and of guest
 * addresses, made of regions with a memfd each. A buffer may lie across two
 * regions; the backend maps them at places that have nothing to do with each
 * other. See frontend.h.
 */
#include <errno.h>
#include <linux/memfd.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/frontend/frontend.h"

#define PAGE_2M (UINT64_C(2) << 20)
/* Not 0, so that a guest address is never mistaken for an offset. */
#define GPA_BASE (UINT64_C(1) << 32)

struct table_entry {
	uint64_t gpa, size, uaddr, offset;
};
struct table {
	uint32_t nregions, padding;
	struct table_entry region[FE_REGIONS_MAX];
};

static int
map_region(struct fe_region *r, bool huge)
{
	unsigned int flags = MFD_CLOEXEC | (huge ? MFD_HUGETLB | MFD_HUGE_2MB : 0);

	r->fd = memfd_create("guest memory", flags);
	if (r->fd < 0)
		return -1;
	/* MAP_POPULATE: what is not there fails or costs now, not in a measurement. */
	if (ftruncate(r->fd, (off_t)r->size) == 0 &&
		mmap(r->hva, r->size, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_FIXED | (huge ? MAP_POPULATE : 0), r->fd, 0) == r->hva)
		return 0;
	close(r->fd);
	r->fd = -1;
	return -1;
}

static int
map_all(struct fe_memory *m, bool huge)
{
	for (unsigned int i = 0; i < m->nregions; i++) {
		if (map_region(&m->region[i], huge) == 0)
			continue;
		while (i-- > 0) {
			close(m->region[i].fd);
			m->region[i].fd = -1;
		}
		return -1;
	}
	m->hugepages = huge;
	return 0;
}

int
fe_memory_create(struct fe *fe, uint64_t size)
{
	struct fe_memory *m = &fe->mem;
	uint64_t part = (size / fe->cfg.regions + PAGE_2M) & ~(PAGE_2M - 1);
	uint64_t total = part * fe->cfg.regions;
	uint8_t *range = mmap(NULL, total + PAGE_2M, PROT_NONE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint8_t *base;

	if (range == MAP_FAILED)
		return fe_fail(fe, "cannot reserve %llu bytes: %s", (unsigned long long)total,
			strerror(errno));
	base = (uint8_t *)(((uintptr_t)range + PAGE_2M - 1) & ~(uintptr_t)(PAGE_2M - 1));
	if (base > range)
		munmap(range, (size_t)(base - range));
	munmap(base + total, (size_t)(range + PAGE_2M - base));
	*m = (struct fe_memory){
		.base = base, .gpa = GPA_BASE, .size = total, .nregions = fe->cfg.regions};
	for (unsigned int i = 0; i < m->nregions; i++)
		m->region[i] = (struct fe_region){
			.fd = -1, .gpa = GPA_BASE + i * part, .size = part, .hva = base + i * part};
	if (fe->cfg.hugepages && map_all(m, true) == 0)
		return 0;
	if (map_all(m, false) == 0)
		return 0;
	fe_fail(fe, "cannot map %llu bytes of guest memory: %s", (unsigned long long)total,
		strerror(errno));
	munmap(base, total);
	*m = (struct fe_memory){0};
	return -1;
}

void
fe_memory_destroy(struct fe_memory *m)
{
	if (m->base == NULL)
		return;
	for (unsigned int i = 0; i < m->nregions; i++)
		if (m->region[i].fd >= 0)
			close(m->region[i].fd);
	munmap(m->base, m->size);
	*m = (struct fe_memory){0};
}

void *
fe_memory_alloc(struct fe_memory *m, uint64_t len, uint64_t align)
{
	uint64_t at = (m->used + align - 1) & ~(align - 1);

	if (at > m->size || len > m->size - at)
		return NULL;
	m->used = at + len;
	return m->base + at;
}

uint64_t
fe_memory_gpa(const struct fe_memory *m, const void *p)
{
	return m->gpa + (uint64_t)((const uint8_t *)p - m->base);
}

int
fe_set_mem_table(struct fe *fe)
{
	const struct fe_memory *m = &fe->mem;
	struct table t = {.nregions = m->nregions};
	int fds[FE_REGIONS_MAX];

	for (unsigned int i = 0; i < m->nregions; i++) {
		const struct fe_region *r = &m->region[i];

		t.region[i] = (struct table_entry){r->gpa, r->size, (uint64_t)(uintptr_t)r->hva, 0};
		fds[i] = r->fd;
	}
	return fe_request(fe, FE_SET_MEM_TABLE, &t,
		(uint32_t)(8 + m->nregions * sizeof(struct table_entry)), fds, m->nregions);
}
