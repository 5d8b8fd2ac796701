/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sealed memories; see shm-memory.h. Neighbours: shm-pool.c and shm-port-state.c
 * lay things out in them, shm-fault.c stands behind the mapping.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <linux/mempolicy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "src/packet/fault.h"
#include "src/packet/refuse.h"
#include "src/shm/shm-memory.h"

#define HUGE_PAGE  (UINT64_C(2) << 20)
#define HUGE_PAGES "/sys/kernel/mm/hugepages/hugepages-2048kB/"
/* More than that is nobody's pool, and rounding up must not overflow. */
#define BYTES_MAX (UINT64_C(1) << 46)
#define SEALS     (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

uint64_t
shm_memory_size(uint64_t bytes)
{
	uint64_t size = (uint64_t)sysconf(_SC_PAGESIZE);

	while (size < bytes)
		size *= 2;
	return size;
}

/* A number in a file of sysfs, 0 where there is none. */
static uint64_t
read_number(const char *path)
{
	char text[32] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	return n > 0 ? strtoull(text, NULL, 10) : 0;
}

static bool
enough_huge_pages(uint64_t size)
{
	uint64_t left = read_number(HUGE_PAGES "free_hugepages");
	uint64_t promised = read_number(HUGE_PAGES "resv_hugepages");

	return left >= promised && (left - promised) >= size / HUGE_PAGE;
}

/* Ordinary pages that can be had without taking them from others, in bytes. */
static uint64_t
ordinary_bytes(void)
{
	static const char key[] = "MemAvailable:";
	char text[256] = ""; /* it is the third line */
	int fd = open("/proc/meminfo", O_RDONLY | O_CLOEXEC);
	const char *at = NULL;

	if (fd >= 0) {
		if (read(fd, text, sizeof(text) - 1) > 0)
			at = strstr(text, key);
		close(fd);
	}
	return at ? strtoull(at + strlen(key), NULL, 10) * 1024 : UINT64_MAX;
}

/* A file of its final size, sealed and mapped; 0 or -errno. */
static int
memory_make(
	struct shm_memory *m, const char *name, uint64_t bytes, uint64_t page, unsigned int flags)
{
	int code;

	m->page = page;
	m->size = shm_memory_size(bytes < page ? page : bytes);
	m->fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | flags);
	if (m->fd < 0)
		return -errno;
	if (ftruncate(m->fd, (off_t)m->size) == 0 && fcntl(m->fd, F_ADD_SEALS, SEALS) == 0) {
		m->at = mmap(NULL, m->size, PROT_READ | PROT_WRITE, MAP_SHARED, m->fd, 0);
		if (m->at != MAP_FAILED)
			return 0;
	}
	code = errno;
	close(m->fd);
	m->fd = -1;
	m->at = NULL;
	return -code;
}

/* In a signal handler. */
static void
set_torn(void *torn)
{
	atomic_store_explicit((_Atomic bool *)torn, true, memory_order_relaxed);
}

/* The mapping is there: what is to be so for all of them. */
static int
memory_finish(struct shm_memory *m, char *err, size_t errlen)
{
	int ret = fault_add(m->at, m->size, set_torn, &m->torn);

	if (ret != 0) {
		shm_memory_free(m);
		return refuse(err, errlen, -ret, "cannot guard shared memory: %s", strerror(-ret));
	}
	/* Packets are not for core dumps, which would be as large as the pool. */
	(void)madvise(m->at, m->size, MADV_DONTDUMP);
	return 0;
}

int
shm_memory_create(struct shm_memory *m, const char *name, uint64_t bytes, bool hugepages, int numa,
	char *err, size_t errlen)
{
	int ret = -ENOMEM;

	memset(m, 0, sizeof(*m));
	m->fd = -1;
	if (bytes == 0 || bytes > BYTES_MAX)
		return refuse(err, errlen, EINVAL,
			"shared memory of %llu bytes; 1 to %llu are possible",
			(unsigned long long)bytes, (unsigned long long)BYTES_MAX);
	if (hugepages && enough_huge_pages(shm_memory_size(bytes < HUGE_PAGE ? HUGE_PAGE : bytes)))
		ret = memory_make(m, name, bytes, HUGE_PAGE, MFD_HUGETLB | MFD_HUGE_2MB);
	/* The kernel promises more than it has, and would end somebody for it. */
	if (ret != 0 && shm_memory_size(bytes) > ordinary_bytes())
		return refuse(err, errlen, ENOMEM,
			"there is no memory for %llu MiB, only for %llu MiB: make it smaller",
			(unsigned long long)shm_memory_size(bytes) >> 20,
			(unsigned long long)ordinary_bytes() >> 20);
	if (ret != 0)
		ret = memory_make(m, name, bytes, (uint64_t)sysconf(_SC_PAGESIZE), 0);
	if (ret != 0)
		return refuse(err, errlen, -ret, "cannot make %llu bytes of shared memory: %s",
			(unsigned long long)bytes, strerror(-ret));
	ret = memory_finish(m, err, errlen);
	if (ret != 0 || numa == SHM_MEMORY_LATER)
		return ret;
	if (numa >= 0)
		(void)shm_memory_bind(m, 0, m->size, numa);
	ret = shm_memory_fill(m, err, errlen);
	if (ret != 0)
		shm_memory_free(m);
	return ret;
}

int
shm_memory_adopt(struct shm_memory *m, int fd, uint64_t bytes, char *err, size_t errlen)
{
	struct stat st;
	int seals, code;

	memset(m, 0, sizeof(*m));
	m->fd = fd;
	seals = fcntl(fd, F_GET_SEALS);
	if (seals < 0 || (seals & SEALS) != SEALS || fstat(fd, &st) != 0 || bytes == 0 ||
		bytes > BYTES_MAX)
		goto other;
	m->size = (uint64_t)st.st_size;
	/* For memfds this is the size of a page, also of a huge one. */
	m->page = (uint64_t)st.st_blksize;
	if (m->size != shm_memory_size(bytes < m->page ? m->page : bytes))
		goto other;
	m->at = mmap(NULL, m->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (m->at == MAP_FAILED) {
		code = errno;
		m->at = NULL;
		shm_memory_free(m);
		return refuse(err, errlen, code, "cannot map the memory that was kept: %s",
			strerror(code));
	}
	return memory_finish(m, err, errlen);
other:
	shm_memory_free(m);
	return refuse(err, errlen, EINVAL, "what was kept is no sealed memory of %llu bytes",
		(unsigned long long)bytes);
}

uint64_t
shm_memory_nodes(void)
{
	char path[64];
	uint64_t nodes = 0;

	for (unsigned int i = 0; i < SHM_MEMORY_NODES; i++) {
		snprintf(path, sizeof(path), "/sys/devices/system/node/node%u", i);
		if (access(path, F_OK) == 0)
			nodes |= UINT64_C(1) << i;
	}
	return nodes != 0 ? nodes : 1;
}

uint64_t
shm_memory_share(uint64_t size, uint64_t page, unsigned int n, unsigned int i, uint64_t *offset)
{
	uint64_t pages = size / page, begin = pages * i / n, end = pages * (i + 1) / n;

	*offset = begin * page;
	return (end - begin) * page;
}

void
shm_memory_spread(struct shm_memory *m)
{
	uint64_t nodes = shm_memory_nodes(), offset, len;
	unsigned int n = (unsigned int)__builtin_popcountll(nodes), i = 0;

	/* With one node there is nothing to choose. */
	for (int node = 0; n > 1 && node < SHM_MEMORY_NODES; node++) {
		if ((nodes >> node & 1) == 0)
			continue;
		len = shm_memory_share(m->size, m->page, n, i++, &offset);
		if (len != 0)
			(void)shm_memory_bind(m, offset, len, node);
	}
}

int
shm_memory_bind(struct shm_memory *m, uint64_t offset, uint64_t len, int node)
{
	unsigned long nodes = 0;

	if (node < 0 || node >= (int)(8 * sizeof(nodes)) || offset % m->page || offset > m->size)
		return -EINVAL;
	if (len > m->size - offset)
		len = m->size - offset;
	nodes = 1ul << node;
	/* Preferred, not bound: a page of another node is slower, none is a SIGBUS.
	 * The kernel takes one bit less than it is told. */
	if (syscall(SYS_mbind, m->at + offset, len, MPOL_PREFERRED, &nodes, 8 * sizeof(nodes) + 1,
		    0) != 0)
		return -errno;
	return 0;
}

int
shm_memory_fill(struct shm_memory *m, char *err, size_t errlen)
{
	int code;

	if (madvise(m->at, m->size, MADV_POPULATE_WRITE) == 0)
		return 0;
	code = errno;
	/* Before Linux 5.14 there is no such call; pages come as they are touched. */
	if (code == EINVAL)
		return 0;
	if (code == EFAULT) /* huge pages that went elsewhere */
		code = ENOMEM;
	return refuse(err, errlen, code, "there is no memory for %llu bytes of shared memory: %s",
		(unsigned long long)m->size, strerror(code));
}

void
shm_memory_free(struct shm_memory *m)
{
	if (m->at) {
		/* First: the handler must not fill a place that is somebody else's. */
		fault_remove(m->at);
		munmap(m->at, m->size);
		close(m->fd);
	} else if (m->fd > 0) {
		close(m->fd);
	}
	memset(m, 0, sizeof(*m));
	m->fd = -1;
}
