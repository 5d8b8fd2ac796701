/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SIGBUS on memory that others can take away: a guest that shrinks the file its
 * memory is, a member that punches holes into a pool. Any thread calls these, but
 * not from a signal handler.
 */
#ifndef NETVM_FAULT_H
#define NETVM_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Says that the memory of `who` is zeroes from now on. Runs in a signal handler, on the
 * thread that touched the memory: calls async-signal-safe functions only. */
typedef void fault_torn_fn(void *who);

/* From now on, whoever touches a missing page of the mapping finds zeroes in all of it,
 * and torn(who) is called. 0, -ENOSPC when the table is full, or -errno of
 * sigaction(). */
int fault_add(void *start, size_t len, fault_torn_fn *torn, void *who);
/* Before the mapping goes, and after everybody has left it. */
void fault_remove(const void *start);
/* The memory stays, `who` goes. */
void fault_disown(const void *start);

/* One more place to ask about an address that is in no mapping of the table, in the
 * signal handler: true when the memory is there now. From now on there is a handler.
 * 0 or -errno of sigaction(). */
int fault_ask(bool (*fn)(uintptr_t at));
/* For such a function: puts zero pages there. */
bool fault_zero(void *start, size_t len);

#endif
