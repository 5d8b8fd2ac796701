/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What belongs to one daemon alone: its run directory, the lock on it and on
 * its state file, the listening control socket. Control thread.
 */
#ifndef NETVM_CONTROL_RUNDIR_H
#define NETVM_CONTROL_RUNDIR_H

#include <stdbool.h>
#include <sys/types.h>

#include <glib.h>

struct rundir {
	char *path;
	char *vhost; /* PATH/vhost */
	int lock;
	int state_lock;
	char *state_lock_path;
};

/*
 * Creates the run directory and the state file's, and locks both against
 * other daemons. `group` (or -1) may make sockets in RUN_DIR/vhost, where
 * QEMU listens for ports in client mode.
 */
bool rundir_open(
	struct rundir *r, const char *path, const char *state_file, gid_t group, GError **error);
void rundir_close(struct rundir *r);

/* A listening non-blocking socket on RUN_DIR/control.sock, -1 with error set.
 * `group` (or -1: only root and the daemon's user) may connect. */
int rundir_listen(const struct rundir *r, gid_t group, GError **error);
void rundir_unlisten(const struct rundir *r, int fd);

#endif
