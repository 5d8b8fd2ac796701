/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Daemons of shm-host.h as processes that a test starts, kills and starts again: this
 * program with arguments. For cmocka tests.
 */
#ifndef NETVM_SHM_DAEMON_H
#define NETVM_SHM_DAEMON_H

#include <stdbool.h>

extern char daemon_dir[], daemon_shm[64]; /* run directory, and where its sockets are */

/* What main() does when it has arguments: ends with 0 on SIGTERM when every buffer is
 * back. The variant is what it has changed in its config: pool, rings, vectors. */
int daemon_main(const char *dir, const char *variant);
/* Makes the directory; false: it cannot. Removes it; false: something is left in it. */
bool daemon_begin(void);
bool daemon_over(void);
/* Returns which of its two ports it resumed: "00", "11". */
const char *daemon_start(const char *variant);
/* Its pool's buffers: free, with guests, all. */
void daemon_counts(unsigned int counts[3]);
/* Takes all that there is for these two guests, the only ones, who are quiet: in the end
 * every buffer is in the hands of one of them, and the daemon's book says so, or free. */
struct client;
void daemon_count_all(struct client *a, struct client *b);
/* SIGKILL. */
void daemon_die(void);
/* It ends, and has all buffers back. */
void daemon_end(void);
/* When a test failed. */
int daemon_tear_down(void **state);

#endif
