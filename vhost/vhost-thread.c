/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Makes rte_vhost's fd thread look at a new socket at once. Control thread.
 *
 * The thread sleeps in poll() for up to a second at a time and is woken by a pipe
 * when a connection is added, but not when a listening socket is. After a
 * restart of the daemon that second would come on top of the one that QEMU waits
 * between two attempts to connect. The library does not give its pipe away, so
 * we look for it: it is made by the first rte_vhost_driver_start(). One byte in
 * it is what the library itself writes there.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "vhost/vhost-private.h"

#define FDS_MAX 1024 /* descriptors looked at; at the first port there are few */

/* Descriptors of pipes, while the first socket is being started. */
static struct {
	bool looked;
	bool before[FDS_MAX];
	int wake; /* our duplicate of the end that is written to; -1: not found */
} thread = {.wake = -1};

/* Inode of the pipe that fd is an end of; 0: it is none. By name: to look at a
 * descriptor that another thread has just made counts as a race for
 * ThreadSanitizer. */
static ino_t
pipe_inode(int fd)
{
	char link[32], target[64] = "";
	unsigned long inode;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (readlink(link, target, sizeof(target) - 1) < 0)
		return 0;
	return sscanf(target, "pipe:[%lu]", &inode) == 1 ? inode : 0;
}

static bool
is_end(int fd, int mode)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && (flags & O_ACCMODE) == mode;
}

/* Both ends of a pipe appeared. */
static bool
is_new_pipe(int fd)
{
	ino_t inode = pipe_inode(fd);

	if (inode == 0 || !is_end(fd, O_WRONLY))
		return false;
	for (int other = 0; other < FDS_MAX; other++) {
		if (!thread.before[other] && is_end(other, O_RDONLY) && pipe_inode(other) == inode)
			return true;
	}
	return false;
}

static void
find_pipe(void)
{
	int found = -1;

	for (int fd = 0; fd < FDS_MAX; fd++) {
		if (thread.before[fd] || !is_new_pipe(fd))
			continue;
		/* Somebody else made one just now: better slow than wrong. */
		if (found >= 0)
			return;
		found = fd;
	}
	if (found >= 0)
		thread.wake = fcntl(found, F_DUPFD_CLOEXEC, 3);
}

void
vhost_thread_before(void)
{
	if (thread.looked)
		return;
	for (int fd = 0; fd < FDS_MAX; fd++)
		thread.before[fd] = pipe_inode(fd) != 0;
}

void
vhost_thread_wake(bool started)
{
	/* When the library could not start its thread it has closed the pipe again. */
	if (!thread.looked) {
		find_pipe();
		thread.looked = started || thread.wake >= 0;
	}
	if (thread.wake >= 0)
		(void)!write(thread.wake, "", 1);
}
