/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A peer's memory table: checked before the library maps it, taken over after.
 * Runs in the message hooks with every ring of the port left by all workers.
 * Neighbours: vhost-msg.c calls, guest-mem.h is what workers read.
 */
#include <errno.h>
#include <linux/magic.h>
#include <rte_vhost.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "src/packet/fault.h"
#include "vhost/vhost-msg.h"
#include "vhost/vhost-private.h"

/* A peer can announce more than it has: files may be mostly holes. All ports
 * share one address space of 128 TiB, and none may use it up. */
#define MEMORY_MAX (UINT64_C(4) << 40)

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

/* The library maps a region from the start of its file, and leaves a mess when
 * it cannot (vhost_memory_failed()). Sealed or read-only files cannot. */
static bool
memory_map_ok(struct vhost_port *p, unsigned int i, int fd, uint64_t end)
{
	void *at = mmap(NULL, end, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (at == MAP_FAILED) {
		vhost_error(p, -1, "memory region %u cannot be mapped to read and write: %s", i,
			strerror(errno));
		return false;
	}
	munmap(at, end);
	return true;
}

/* The connection ends because of it, and nothing was received in between: a
 * number that still stands for the same file was lost. */
void
vhost_memory_failed(struct vhost_port *p)
{
	struct stat st;

	for (unsigned int i = 0; i < p->table_fds; i++) {
		const struct vhost_table_fd *t = &p->table_fd[i];

		if (fstat(t->fd, &st) == 0 && st.st_dev == t->dev && st.st_ino == t->ino)
			close(t->fd);
	}
	p->table_fds = 0;
}

bool
vhost_memory_check(struct vhost_port *p, const struct vhost_message *m)
{
	struct guest_mem trial = {.nregions = 0};
	uint64_t total = 0;
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
		if (r.offset + r.size > MEMORY_MAX - total) {
			vhost_error(p, -1, "the memory regions are larger than %d TiB in all",
				(int)(MEMORY_MAX >> 40));
			return false;
		}
		total += r.offset + r.size;
		snprintf(what, sizeof(what), "memory region %u", i);
		if (!vhost_memory_file_ok(p, what, m->fds[i], r.offset + r.size) ||
			!memory_map_ok(p, i, m->fds[i], r.offset + r.size))
			return false;
	}
	return true;
}

void
vhost_memory_forget(struct vhost_port *p)
{
	for (uint32_t i = 0; i < p->nregions; i++)
		fault_remove(p->region[i].map);
	p->mem.nregions = 0;
	p->nregions = 0;
	vhost_map_leave(p->map);
	p->map = NULL;
}

void *
vhost_memory_own(const struct vhost_port *p, const void *theirs)
{
	for (uint32_t i = 0; i < p->nregions; i++) {
		uint64_t off = (uintptr_t)theirs - (uintptr_t)p->region[i].map;

		if (off < p->region[i].map_len)
			return p->region[i].own + off;
	}
	return NULL;
}

/* Takes one region of the library's table over; false: it cannot be. */
static bool
memory_take(struct vhost_port *p, const struct rte_vhost_mem_region *r)
{
	struct vhost_region *region = &p->region[p->nregions++];
	uint64_t off = r->host_user_addr - (uintptr_t)r->mmap_addr;

	*region = (struct vhost_region){
		.gpa = r->guest_phys_addr,
		.size = r->size,
		.user = r->guest_user_addr,
		.map = r->mmap_addr,
		.map_len = r->mmap_size,
	};
	if (vhost_fault_add(p, region->map, region->map_len) != 0)
		return false;
	/* A guest's secrets do not belong into our core dump. */
	(void)madvise(region->map, region->map_len, MADV_DONTDUMP);
	region->own = vhost_map_add(p->map, p, r->fd, r->mmap_size);
	return region->own &&
	       guest_mem_add(&p->mem, region->gpa, region->size, region->own + off) == 0;
}

/*
 * Only after a successful SET_MEM_TABLE: get_mem_table() reads through a NULL
 * pointer when the library has no table. The library keeps its old mapping
 * when the table looks the same, so what we get is not what the message said.
 */
static bool
memory_fetch(struct vhost_port *p)
{
	struct rte_vhost_memory *table = NULL;

	vhost_memory_forget(p);
	p->map = vhost_map_new();
	if (!p->map || rte_vhost_get_mem_table(p->vid, &table) != 0) {
		vhost_error(p, -1, "out of memory for the peer's memory table");
		return false;
	}
	for (uint32_t i = 0; i < table->nregions && i < GUEST_MEM_REGIONS; i++) {
		if (memory_take(p, &table->regions[i]))
			continue;
		vhost_error(p, -1, "memory region %u overlaps another, or cannot be mapped", i);
		free(table);
		vhost_memory_forget(p);
		return false;
	}
	free(table);
	vhost_map_show(p->map);
	return true;
}

/*
 * The library unmaps the old table first; should it then fail, there is none.
 * It also loses the descriptor of a region whose mmap() fails, and keeps
 * pointers to rings in the memory that it has unmapped; so a failure has to end
 * the connection, as it does for a message without a wish for a reply.
 */
void
vhost_memory_begin(struct vhost_port *p, struct vhost_message *m)
{
	struct stat st;

	p->table_reply = m->flags & VHOST_MSG_NEED_REPLY;
	m->flags &= ~VHOST_MSG_NEED_REPLY;
	p->fatal = true;
	p->table_fds = 0;
	for (int i = 0; i < m->nfds && i < VHOST_MSG_REGIONS; i++) {
		if (fstat(m->fds[i], &st) == 0)
			p->table_fd[p->table_fds++] =
				(struct vhost_table_fd){m->fds[i], st.st_dev, st.st_ino};
	}
	vhost_memory_forget(p);
	vhost_fault_blame(p->vid);
}

void
vhost_memory_done(struct vhost_port *p, struct vhost_message *m)
{
	m->flags |= p->table_reply;
	p->table_fds = 0;
	(void)memory_fetch(p);
	vhost_fault_blame(-1);
}
