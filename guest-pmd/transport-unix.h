/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages of QEMU's ivshmem protocol (docs/specs/ivshmem-spec), client's side:
 * reading them from a non-blocking socket, and the two that begin each connection;
 * and the memory that comes with one of them.
 * Used by transport-unix.c alone, on the thread that it is on.
 */
#ifndef GUEST_PMD_TRANSPORT_UNIX_H
#define GUEST_PMD_TRANSPORT_UNIX_H

#include "guest-pmd/private.h"

#include <sys/types.h>

/* GREETED once version and ID were read; nothing leads back but init. */
enum netvm_ivshmem_state { NETVM_IVSHMEM_VERSION, NETVM_IVSHMEM_ID, NETVM_IVSHMEM_GREETED };

struct netvm_ivshmem {
	enum netvm_ivshmem_state state;
	int64_t id;  /* ours */
	bool memory; /* was received */
	uint8_t part[8];
	uint32_t have; /* bytes of part */
	int file;      /* that came with part, or -1 */
};

void netvm_ivshmem_init(struct netvm_ivshmem *in);

/* The next message behind the greeting, with a file (the caller's from now on) or
 * -1. 1: one was read, 0: none is there, -EPIPE: the peer hung up, else it does not
 * keep to the protocol; with a sentence. */
int netvm_ivshmem_read(const struct netvm_link *link, const char *path, int socket,
	struct netvm_ivshmem *in, int64_t *value, int *file);

/* A mapped memfd, and which one it is. */
struct netvm_shared {
	struct netvm_memory memory;
	dev_t device;
	ino_t inode;
};

/* Maps the memory behind fd, which stays the caller's. What was mapped before is
 * replaced at its address, if it has the same size. */
int netvm_shared_map(
	const struct netvm_link *link, const char *path, int fd, struct netvm_shared *map);
void netvm_shared_unmap(struct netvm_shared *map);

#endif
