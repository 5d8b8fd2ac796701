/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory that others map: memfds sealed against shrinking, growing and more
 * seals, so that nobody can pull pages from under us. Control thread.
 */
#ifndef NETVM_SHM_MEMORY_H
#define NETVM_SHM_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct shm_memory {
	int fd; /* -1: none */
	uint8_t *at;
	uint64_t size; /* of file and mapping */
	uint64_t page; /* bytes of a page */
};

/*
 * Makes one of at least `size` bytes, all zero, and maps it: a power of two (a
 * PCI BAR), of huge pages where that is asked for and enough are free, on NUMA
 * node `numa` (-1: wherever). Not in core dumps. 0, or -errno with a sentence.
 */
int shm_memory_create(struct shm_memory *m, const char *name, uint64_t size, bool hugepages,
	int numa, char *err, size_t errlen);
/* Maps what the keeper gave back; takes fd over, also when it fails. -EINVAL: not a
 * sealed memfd of at least `size` bytes. */
int shm_memory_adopt(struct shm_memory *m, int fd, uint64_t size, char *err, size_t errlen);
/* Unmaps and closes; nothing when there is none. */
void shm_memory_free(struct shm_memory *m);

#endif
