/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A peer's memory table: checked before the library maps it, taken over after.
 * Runs in the message hooks with every ring of the port left by all workers.
 * Neighbours: vhost-msg.c calls, guest-mem.h is what workers read.
 */
#include <linux/magic.h>
#include <rte_vhost.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "vhost/vhost-msg.h"
#include "vhost/vhost-private.h"

/*
 * Memory must be a plain file of a kind whose pages the kernel itself
 * provides. On a FUSE file the peer decides how long a page fault takes, and a
 * worker that touches it would hang for as long.
 */
bool
vhost_memory_file_ok(struct vhost_port *p, const char *what, int fd, uint64_t end)
{
	struct stat st;
	struct statfs fs;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		vhost_error(p, -1, "%s is not a file or memfd", what);
		return false;
	}
	if (fstatfs(fd, &fs) != 0 || (unsigned long)fs.f_type == FUSE_SUPER_MAGIC) {
		vhost_error(p, -1, "%s lies on a FUSE file system", what);
		return false;
	}
	if (end > (uint64_t)st.st_size) {
		vhost_error(p, -1, "%s ends at byte %" PRIu64 " of a file of %" PRIu64 " bytes",
			what, end, (uint64_t)st.st_size);
		return false;
	}
	return true;
}

bool
vhost_memory_check(struct vhost_port *p, const struct vhost_message *m)
{
	struct guest_mem trial = {.nregions = 0};
	uint32_t n = m->payload.memory.nregions;

	if (n == 0 || n > VHOST_MSG_REGIONS || (int)n != m->nfds ||
		m->size < 8 + n * sizeof(struct vhost_msg_region)) {
		vhost_error(p, -1,
			"a memory table of %u regions came with %d descriptors and %u bytes; "
			"1 to %d regions, one descriptor each, are possible",
			n, m->nfds, m->size, VHOST_MSG_REGIONS);
		return false;
	}
	for (uint32_t i = 0; i < n; i++) {
		struct vhost_msg_region r = m->payload.memory.region[i];
		char what[32];

		if (r.offset + r.size < r.size || r.user + r.size < r.size) {
			vhost_error(p, -1, "memory region %u wraps around", i);
			return false;
		}
		/* The address is not known yet; anything but NULL will do. */
		if (guest_mem_add(&trial, r.gpa, r.size, &trial) != 0) {
			vhost_error(p, -1,
				"memory region %u (%#" PRIx64 ", %#" PRIx64
				" bytes) is empty, wraps around, or overlaps another",
				i, r.gpa, r.size);
			return false;
		}
		snprintf(what, sizeof(what), "memory region %u", i);
		if (!vhost_memory_file_ok(p, what, m->fds[i], r.offset + r.size))
			return false;
	}
	return true;
}

void
vhost_memory_forget(struct vhost_port *p)
{
	for (uint32_t i = 0; i < p->nregions; i++)
		vhost_fault_remove(p, p->region[i].map);
	p->mem.nregions = 0;
	p->nregions = 0;
}

/*
 * Only after a successful SET_MEM_TABLE: get_mem_table() reads through a NULL
 * pointer when the library has no table. The library keeps its old mapping
 * when the table looks the same, so what we get is not what the message said.
 */
bool
vhost_memory_fetch(struct vhost_port *p)
{
	struct rte_vhost_memory *table = NULL;

	vhost_memory_forget(p);
	if (rte_vhost_get_mem_table(p->vid, &table) != 0) {
		vhost_error(p, -1, "out of memory for the peer's memory table");
		return false;
	}
	for (uint32_t i = 0; i < table->nregions && i < GUEST_MEM_REGIONS; i++) {
		const struct rte_vhost_mem_region *r = &table->regions[i];
		struct vhost_region *own = &p->region[p->nregions++];

		own->gpa = r->guest_phys_addr;
		own->size = r->size;
		own->user = r->guest_user_addr;
		own->map = r->mmap_addr;
		own->map_len = r->mmap_size;
		vhost_fault_add(p, own->map, own->map_len);
		/* A guest's secrets do not belong into our core dump. */
		(void)madvise(own->map, own->map_len, MADV_DONTDUMP);
		if (guest_mem_add(&p->mem, r->guest_phys_addr, r->size,
			    (void *)(uintptr_t)r->host_user_addr) != 0) {
			vhost_error(p, -1, "memory region %u overlaps another", i);
			free(table);
			vhost_memory_forget(p);
			return false;
		}
	}
	free(table);
	return true;
}
