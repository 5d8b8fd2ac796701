/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Signals an eventfd that somebody untrusted has, too. Any thread, workers above
 * all: it never waits. bell.c says why that needs care.
 */
#ifndef NETVM_BELL_H
#define NETVM_BELL_H

/* Once, before the first bell_ring(); again does nothing. */
void bell_init(void);
/* Adds 1 to the eventfd. */
void bell_ring(int fd);

#endif
