/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Run directory, locks, control socket; see rundir.h. Control thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "src/control/error.h"
#include "src/control/rundir.h"
#include "src/control/values.h"

#define refuse(error, ...) netvm_refuse(error, NETVM_ERROR_SYSTEM, __VA_ARGS__)

#define BACKLOG 16

/* Tells who holds the lock; the pid in it is for people only. */
static bool
refuse_locked(const char *path, int fd, const char *what, GError **error)
{
	char pid[16] = "";
	ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);

	pid[n > 0 ? n : 0] = '\0';
	g_set_error(error, NETVM_ERROR, NETVM_ERROR_BUSY,
		"%s is in use by another netvmd (pid %s, lock %s)", what, g_strstrip(pid), path);
	return false;
}

/* An open, locked file with our pid, or -1. */
static int
lock_file(const char *path, const char *what, GError **error)
{
	for (;;) {
		int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
		struct stat ours, there;

		if (fd < 0) {
			refuse(error, "cannot open the lock %s: %s", path, g_strerror(errno));
			return -1;
		}
		if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
			refuse_locked(path, fd, what, error);
			close(fd);
			return -1;
		}
		/* The one before us removes its file when it goes: what we locked
		 * may not be what the next one would find. */
		if (fstat(fd, &ours) == 0 && stat(path, &there) == 0 &&
			ours.st_dev == there.st_dev && ours.st_ino == there.st_ino) {
			if (ftruncate(fd, 0) == 0)
				dprintf(fd, "%d\n", (int)getpid());
			return fd;
		}
		close(fd);
	}
}

static bool
make_dir(const char *path, const char *what, GError **error)
{
	if (g_mkdir_with_parents(path, 0755) == 0)
		return true;
	return refuse(error, "cannot create %s %s: %s", what, path, g_strerror(errno));
}

/* Members of the group may add sockets; the sticky bit keeps each one's own. */
static bool
share_vhost_dir(const char *path, gid_t group, GError **error)
{
	if (group == (gid_t)-1)
		return true;
	if (chown(path, (uid_t)-1, group) == 0 && chmod(path, 01775) == 0)
		return true;
	return refuse(error, "cannot give %s to group %u: %s", path, (unsigned int)group,
		g_strerror(errno));
}

bool
rundir_open(struct rundir *r, const char *path, const char *state_file, gid_t group, GError **error)
{
	g_autofree char *socket = g_build_filename(path, "control.sock", NULL);
	g_autofree char *lock = g_build_filename(path, "netvmd.lock", NULL);
	g_autofree char *state_dir = g_path_get_dirname(state_file);

	*r = (struct rundir){.path = g_strdup(path), .lock = -1, .state_lock = -1};
	r->vhost = g_build_filename(path, "vhost", NULL);
	r->state_lock_path = g_strconcat(state_file, ".lock", NULL);
	if (!value_socket("the control socket", socket, error) ||
		!make_dir(r->path, "the run directory", error))
		goto fail;
	r->lock = lock_file(lock, r->path, error);
	if (r->lock < 0 || !make_dir(r->vhost, "the directory", error) ||
		!share_vhost_dir(r->vhost, group, error))
		goto fail;
	if (!make_dir(state_dir, "the state file's directory", error))
		goto fail_hint;
	r->state_lock = lock_file(r->state_lock_path, state_file, error);
	if (r->state_lock >= 0)
		return true;
fail_hint:
	g_prefix_error(error, "give another --state-file: ");
fail:
	rundir_close(r);
	return false;
}

void
rundir_close(struct rundir *r)
{
	if (r->state_lock >= 0) {
		unlink(r->state_lock_path);
		close(r->state_lock);
	}
	if (r->lock >= 0) {
		g_autofree char *lock = g_build_filename(r->path, "netvmd.lock", NULL);

		unlink(lock);
		close(r->lock);
	}
	g_free(r->state_lock_path);
	g_free(r->vhost);
	g_free(r->path);
	*r = (struct rundir){.lock = -1, .state_lock = -1};
}

int
rundir_listen(const struct rundir *r, gid_t group, GError **error)
{
	g_autofree char *path = g_build_filename(r->path, "control.sock", NULL);
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int rc = -1;

	g_strlcpy(sun.sun_path, path, sizeof(sun.sun_path));
	/* We hold the lock: what lies there is left over from a crash. */
	unlink(path);
	/* On Linux the path gets the mode that the socket has when it is bound. */
	if (fd >= 0 && fchmod(fd, 0600) == 0)
		rc = bind(fd, (const struct sockaddr *)&sun, sizeof(sun));
	if (rc == 0 && group != (gid_t)-1)
		rc = chown(path, (uid_t)-1, group) == 0 ? chmod(path, 0660) : -1;
	if (rc == 0)
		rc = listen(fd, BACKLOG);
	if (rc == 0)
		return fd;
	refuse(error, "cannot listen on %s: %s", path, g_strerror(errno));
	if (fd >= 0)
		close(fd);
	unlink(path);
	return -1;
}

void
rundir_unlisten(const struct rundir *r, int fd)
{
	g_autofree char *path = g_build_filename(r->path, "control.sock", NULL);

	unlink(path);
	close(fd);
}
