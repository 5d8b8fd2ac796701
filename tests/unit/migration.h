/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A live migration of a frontend, as QEMU does it but to the byte: memory is
 * copied while driver and backend write to it, then copied again where either
 * says that it has changed, and when both have stopped the copy must be equal.
 * The backend's word is the dirty log; the driver's writes are seen with the
 * help of page protection, as KVM does for a real guest.
 *
 * One migration at a time. The threads of the driver may run between
 * migration_begin() and migration_end(), which a test calls on another one.
 */
#ifndef NETVM_MIGRATION_H
#define NETVM_MIGRATION_H

#include "tests/unit/vhost-harness.h"

struct migration {
	struct fe *fe;
	uint8_t *copy;
	bool *dirty; /* per page: the driver has written since it was copied */
	uint64_t pages;
	uint64_t logged; /* pages that the backend told of, over all rounds */
};

/* Turns the log on and copies everything. */
void migration_begin(struct migration *m, struct fe *fe);
/* Copies what has changed. */
void migration_round(struct migration *m);
/* The driver stands still: stops the rings, copies the rest, and fails the test
 * unless the copy is what the memory is. */
void migration_end(struct migration *m);
/* The frontend goes on at another port, where the rings stopped. */
void migration_arrive(struct migration *m, unsigned int port);

#endif
