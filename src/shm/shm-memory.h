/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory that others map: memfds sealed against shrinking, growing and more
 * seals, so that nobody can pull pages from under us; in huge pages where there
 * are enough. Their size is a power of two, because they become PCI BARs (QEMU ends
 * itself otherwise), so whoever makes one had better use all of it.
 *
 * What is left to those who have the descriptor is to punch holes into it. In
 * ordinary memory a hole is zeroes; where no page is left to fill it, whoever
 * touches it gets SIGBUS, which src/packet/fault.c turns into zeroes and `torn`.
 *
 * Thread: any, one at a time for each memory.
 */
#ifndef NETVM_SHM_MEMORY_H
#define NETVM_SHM_MEMORY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct shm_memory {
	int fd;            /* -1: none */
	uint8_t *at;       /* all of it */
	uint64_t size;     /* of file and mapping, a power of two */
	uint64_t page;     /* bytes of a page */
	_Atomic bool torn; /* there are zeroes where memory should be (relaxed) */
};

/* For `numa` below. */
#define SHM_MEMORY_ANYWHERE (-1)
#define SHM_MEMORY_LATER    (-2) /* takes no page yet: shm_memory_bind(), shm_memory_fill() */

/* The size that a memory of at least that many bytes has in ordinary pages. */
uint64_t shm_memory_size(uint64_t bytes);
/*
 * Makes one of at least `bytes` bytes, all zero, and maps it, with all its pages
 * taken, from NUMA node `numa` as far as that has some. With hugepages it lies in
 * pages of 2 MiB when as many are free as the whole file has, for QEMU reserves
 * all of them; else in ordinary pages. `name` is for people (/proc/PID/maps). Not
 * in core dumps. 0, or -errno with a sentence.
 */
int shm_memory_create(struct shm_memory *m, const char *name, uint64_t bytes, bool hugepages,
	int numa, char *err, size_t errlen);
/* Maps what the keeper gave back; takes fd over, also when it fails. -EINVAL: not
 * what shm_memory_create() makes for that many bytes. */
int shm_memory_adopt(struct shm_memory *m, int fd, uint64_t bytes, char *err, size_t errlen);
#define SHM_MEMORY_NODES 64 /* NUMA nodes that we know of */
/* Bit n: there is NUMA node n. Node 0 alone where the kernel tells of none. */
uint64_t shm_memory_nodes(void);
/* The part of `size` bytes in pages of `page` that the i-th of n nodes has: whole pages,
 * each in one part; one may have a page more than another. Returns its length, maybe 0. */
uint64_t shm_memory_share(
	uint64_t size, uint64_t page, unsigned int n, unsigned int i, uint64_t *offset);
/* Binds a share to each node. Before shm_memory_fill(). */
void shm_memory_spread(struct shm_memory *m);
/* Pages of this range shall come from the node, if it has some. `offset` begins a
 * page. 0 or -errno; the memory is fine without. */
int shm_memory_bind(struct shm_memory *m, uint64_t offset, uint64_t len, int node);
/* Takes all pages: 0, or -errno with a sentence when there are not enough. */
int shm_memory_fill(struct shm_memory *m, char *err, size_t errlen);
/* Unmaps and closes; nothing when there is none (fd -1, or all zero). */
void shm_memory_free(struct shm_memory *m);

#endif
