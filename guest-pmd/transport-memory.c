/* SPDX-License-Identifier: BSD-3-Clause */
/* libnetvm: see transport-unix.h. */
#include "guest-pmd/transport-unix.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* Memory that its owner can shrink would kill who touches it. */
static int
check(const struct netvm_link *link, const char *path, int fd, struct stat *st)
{
	int seals = fcntl(fd, F_GET_SEALS);

	if (fstat(fd, st) < 0)
		return netvm_fail(errno, "%s: cannot ask for the size of the memory behind %s: %s",
			link->name, path, strerror(errno));
	if (seals < 0 || !(seals & F_SEAL_SHRINK))
		return netvm_fail(EPERM,
			"%s: the memory behind %s could be shrunk; expected a memfd that is sealed "
			"against it",
			link->name, path);
	if (st->st_size < NETVM_PAIRS_AT)
		return netvm_fail(EPROTO,
			"%s: the memory behind %s has %jd bytes; expected %u at least", link->name,
			path, (intmax_t)st->st_size, NETVM_PAIRS_AT);
	return 0;
}

int
netvm_shared_map(const struct netvm_link *link, const char *path, int fd, struct netvm_shared *map)
{
	struct netvm_memory *m = &map->memory;
	struct stat st;
	void *base;
	int err = check(link, path, fd, &st);

	if (err)
		return err;
	if (m->base && map->device == st.st_dev && map->inode == st.st_ino)
		return 0;
	if (m->base && (size_t)st.st_size != m->size)
		return netvm_fail(ESTALE,
			"%s: the memory behind %s had %zu bytes and has %jd now; close the port "
			"and open it",
			link->name, path, m->size, (intmax_t)st.st_size);
	base = mmap(m->base, st.st_size, PROT_READ | PROT_WRITE,
		MAP_SHARED | (m->base ? MAP_FIXED : 0), fd, 0);
	if (base == MAP_FAILED)
		return netvm_fail(errno, "%s: cannot map the memory behind %s: %s", link->name,
			path, strerror(errno));
	m->base = base;
	m->size = st.st_size;
	map->device = st.st_dev;
	map->inode = st.st_ino;
	return 0;
}

void
netvm_shared_unmap(struct netvm_shared *map)
{
	if (map->memory.base)
		munmap(map->memory.base, map->memory.size);
	map->memory.base = NULL;
}
