/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The dirty log that a migrating peer gives us: one bit for each page of the
 * guest's memory. vring-log.h says what is noted, this file where.
 *
 * Theory of operation. The peer announces a log with SET_LOG_BASE and turns it
 * on and off with the feature LOG_ALL; rings write to it when there are both.
 * The library would map it for its own packet path, which is not used, so
 * SET_LOG_BASE never gets there: our mapping is the only one, its size has been
 * checked, and the SIGBUS guard knows it (a peer can shrink its file). The
 * library's copies of ring addresses are kept from it for the same reason.
 *
 * The peer's word on where a ring's log address lies (VHOST_VRING_F_LOG) is not
 * needed: without an IOMMU, which is not offered, that address is where the
 * ring is, and the memory table says so. QEMU gives the address of the event
 * structure for a packed ring, which is not where we write most. While LOG_ALL
 * is on, rings are noted with or without that flag; a page too many does no harm.
 *
 * Threads: message hooks and callbacks map and unmap while no worker is in a
 * ring of the port; workers, and the fd thread when it starts a ring, note.
 */
#include <errno.h>
#include <linux/vhost_types.h>
#include <linux/virtio_config.h>
#include <rte_vhost.h>
#include <string.h>
#include <sys/mman.h>

#include "src/packet/fault.h"
#include "vhost/vhost-msg.h"
#include "vhost/vhost-private.h"

#define LOG_PAGE     4096u               /* vhost-user, "Migration": VHOST_LOG_PAGE */
#define LOG_SIZE_MAX (UINT64_C(1) << 33) /* covers 48 bits of addresses */

/* Bytes of [gpa, gpa + len) have been written; called after they were. */
static void
log_written(void *arg, uint64_t gpa, uint64_t len)
{
	const struct vhost_log *log = arg;
	uint64_t page = gpa / LOG_PAGE, end;

	if (len == 0 || page >= log->pages)
		return;
	end = (gpa + len - 1) / LOG_PAGE + 1;
	if (end > log->pages)
		end = log->pages;
	for (; page < end; page++) {
		/* Release: the page was written before, pairs with the exchange that
		 * the peer clears bits with. Not skipped when the bit is set already:
		 * our look at it could pass our write to the page, and the peer would
		 * clear it and copy the page between the two. */
		(void)__atomic_fetch_or(
			&log->bits[page / 8], (uint8_t)(1u << page % 8), __ATOMIC_RELEASE);
	}
}

const struct vring_log *
vhost_log_ring(struct vhost_port *p, unsigned int i, const struct rte_vhost_vring *v)
{
	bool packed = p->features >> VIRTIO_F_RING_PACKED & 1;
	struct vring_log *log = &p->ring[i].log;

	if (p->log.map == NULL || !(p->features >> VHOST_F_LOG_ALL & 1))
		return NULL;
	*log = (struct vring_log){.written = log_written, .arg = &p->log};
	/* Not in the guest's memory: then the ring does not start at all. */
	if (!guest_mem_gpa(&p->mem, vhost_memory_own(p, packed ? (const void *)v->desc : v->used),
		    &log->ring_gpa))
		return NULL;
	return log;
}

void
vhost_log_check(struct vhost_port *p)
{
	const struct guest_region *last;

	if (p->log.map == NULL || p->mem.nregions == 0)
		return;
	last = &p->mem.region[p->mem.nregions - 1];
	if ((last->gpa + last->size - 1) / LOG_PAGE >= p->log.pages)
		vhost_error(p, -1,
			"the peer's migration log covers %" PRIu64
			" MiB, but its memory ends at %#" PRIx64 "; what is written beyond is "
			"lost in the migration",
			p->log.pages * LOG_PAGE >> 20, last->gpa + last->size);
}

bool
vhost_log_message_ok(struct vhost_port *p, const struct vhost_message *m)
{
	uint64_t size = m->payload.log.size, offset = m->payload.log.offset;

	if (m->nfds != 1) {
		vhost_error(p, -1, "a migration log came with %d descriptors, one was expected",
			m->nfds);
		return false;
	}
	if (size == 0 || size > LOG_SIZE_MAX || offset % LOG_PAGE != 0 ||
		offset > (uint64_t)INT64_MAX - size) {
		vhost_error(p, -1,
			"a migration log of %" PRIu64 " bytes at byte %" PRIu64
			" of its file; 1 to %" PRIu64 " at a multiple of %u are possible",
			size, offset, LOG_SIZE_MAX, LOG_PAGE);
		return false;
	}
	return vhost_memory_file_ok(p, "the migration log", m->fds[0], offset + size);
}

bool
vhost_log_map(struct vhost_port *p, const struct vhost_message *m)
{
	void *map;

	map = mmap(NULL, m->payload.log.size, PROT_READ | PROT_WRITE, MAP_SHARED, m->fds[0],
		(off_t)m->payload.log.offset);
	if (map == MAP_FAILED) {
		vhost_error(p, -1, "the migration log cannot be mapped: %s", strerror(errno));
		return false;
	}
	if (vhost_fault_add(p, map, m->payload.log.size) != 0) {
		munmap(map, m->payload.log.size);
		vhost_error(p, -1, "the migration log cannot be guarded: too many mappings");
		return false;
	}
	vhost_log_forget(p);
	p->log = (struct vhost_log){.map = map,
		.map_len = m->payload.log.size,
		.bits = map,
		.pages = m->payload.log.size * 8};
	return true;
}

void
vhost_log_forget(struct vhost_port *p)
{
	if (p->log.map == NULL)
		return;
	fault_remove(p->log.map);
	(void)munmap(p->log.map, p->log.map_len);
	p->log = (struct vhost_log){.map = NULL};
}
