/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is to outlive us and is not held. Everything works without a keeper but one
 * thing, which nobody notices before it is too late; so it is said when it fails.
 *
 * Thread: any.
 */
#ifndef NETVM_SHM_HELD_H
#define NETVM_SHM_HELD_H

/*
 * Says to the log that the pool or the memories of an object ("group", "blue") are not
 * held, why (error: what shm_keeper_hold() returned; 0: nothing to say), for whom
 * that is bad, and what to do about it.
 */
void shm_held_say(
	const char *kind, const char *name, const char *what, const char *whom, int error);

#endif
