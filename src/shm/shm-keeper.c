/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The keeper from netvmd's side: a connection to netvm-keeper, or systemd's store
 * (keeper-store.c); see shm-keeper.h. Neighbour: keeper.c is the program.
 *
 * A keeper is started when there is something to hold for the first time, so a
 * netvmd without shared memory has none. netvmd holds the lock of its run
 * directory, so nobody else starts one there meanwhile.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/packet/refuse.h"
#include "src/shm/keeper-message.h"
#include "src/shm/keeper-store.h"

/* How long its answer may take: it does nothing that waits. */
#define ANSWER_MS 10000
#define BACKLOG   8

extern char **environ;

static struct {
	pthread_mutex_t lock;
	bool started, store;
	bool stuck; /* it did not answer: not asked again, for callers serve guests */
	int sock;   /* -1: none */
	unsigned int lost;
	struct sockaddr_un address;
	char program[PATH_MAX];
} keeper = {.lock = PTHREAD_MUTEX_INITIALIZER, .sock = -1};

static void
disconnect(void)
{
	if (keeper.sock >= 0)
		close(keeper.sock);
	keeper.sock = -1;
}

/* A socket that is connected to the keeper; -errno when nobody listens. */
static int
dial(void)
{
	struct timeval t = {.tv_sec = ANSWER_MS / 1000, .tv_usec = ANSWER_MS % 1000 * 1000};
	struct ucred who;
	socklen_t len = sizeof(who);
	int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), code;

	if (sock < 0)
		return -errno;
	(void)setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	(void)setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
	if (connect(sock, (struct sockaddr *)&keeper.address, sizeof(keeper.address)) == 0) {
		/* What another user listens on there gets none of our descriptors. */
		if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 &&
			who.uid == geteuid())
			return sock;
		errno = EPERM;
	}
	code = errno;
	close(sock);
	return -code;
}

/* One request; m, fd[] and n are the request's and become the answer's. */
static int
exchange(struct keeper_message *m, int fd[SHM_KEEPER_FDS], unsigned int *n)
{
	int ret;

	if (keeper.sock < 0)
		return -ENOTCONN;
	ret = keeper_send(keeper.sock, m, fd, *n);
	*n = 0;
	if (ret == 0)
		ret = keeper_receive(keeper.sock, m, fd, n);
	if (ret != 0) {
		keeper.stuck = ret == -EAGAIN;
		keeper.lost++;
		disconnect();
		return ret;
	}
	return m->result;
}

static int
ask(enum keeper_request request, const char *name, int fd[SHM_KEEPER_FDS], unsigned int *n)
{
	struct keeper_message m = {.magic = KEEPER_MAGIC, .request = request};

	snprintf(m.name, sizeof(m.name), "%s", name);
	return exchange(&m, fd, n);
}

/* To the keeper that is there, if one is. */
static void
connect_there(void)
{
	unsigned int n = 0;
	int fd[SHM_KEEPER_FDS];

	keeper.sock = dial();
	/* It may just be ending: then it does not answer any more. */
	if (keeper.sock >= 0)
		(void)ask(KEEPER_HAS, "", fd, &n);
}

static int
spawn(int listener)
{
	char *const argv[] = {(char *)(uintptr_t) "netvm-keeper", NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int code, status = 0;
	pid_t pid;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, listener, STDIN_FILENO);
	posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
	code = posix_spawn(&pid, keeper.program, &files, &attr, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	if (code != 0)
		return -code;
	/* The first process ends when the keeper is in the background. */
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return 0; /* somebody else collects children */
	}
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -ENOEXEC;
}

static int
start_program(void)
{
	int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), ret = 0;

	if (listener < 0)
		return -errno;
	/* Nobody answers there: what was left behind. */
	(void)unlink(keeper.address.sun_path);
	/* Before it has a name; what accept() finds in SO_PEERCRED counts anyway. */
	(void)fchmod(listener, 0600);
	if (bind(listener, (struct sockaddr *)&keeper.address, sizeof(keeper.address)) != 0 ||
		listen(listener, BACKLOG) != 0) {
		ret = -errno;
	} else {
		/* First, so that it does not find itself alone. */
		keeper.sock = dial();
		ret = keeper.sock < 0 ? keeper.sock : spawn(listener);
		if (ret != 0) {
			disconnect();
			(void)unlink(keeper.address.sun_path);
		}
	}
	close(listener);
	return ret;
}

/* There is a keeper from now on. A connection that broke says nothing of the keeper
 * behind it: a second one would take its place, and it would hold what it has for
 * ever. */
static int
reach(void)
{
	connect_there();
	if (keeper.sock >= 0)
		return 0;
	return keeper.stuck ? -ETIMEDOUT : start_program();
}

static bool
runs(const char *program)
{
	return access(program, X_OK) == 0 && snprintf(keeper.program, sizeof(keeper.program), "%s",
						     program) < (int)sizeof(keeper.program);
}

/* Beside us when we run from where we were built, else where it is installed. */
static bool
find_program(void)
{
	static const char name[] = "netvm-keeper";
	const char *said = getenv("NETVM_KEEPER");
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - sizeof(name));
	char *slash;

	if (said)
		return runs(said);
	if (n > 0) {
		path[n] = '\0';
		slash = strrchr(path, '/');
		memcpy(slash ? slash + 1 : path, name, sizeof(name));
		if (runs(path))
			return true;
	}
	return runs(NETVM_LIBEXECDIR "/netvm-keeper");
}

int
shm_keeper_start(const char *run_dir, char *err, size_t errlen)
{
	int ret = 0;

	pthread_mutex_lock(&keeper.lock);
	keeper.store = keeper_store_there();
	keeper.stuck = false;
	keeper.address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (keeper.store)
		keeper_store_start();
	else if (snprintf(keeper.address.sun_path, sizeof(keeper.address.sun_path),
			 "%s/keeper.sock", run_dir) >= (int)sizeof(keeper.address.sun_path))
		ret = refuse(err, errlen, ENAMETOOLONG,
			"the run directory %s is too long for a socket in it", run_dir);
	else if (!find_program())
		ret = refuse(err, errlen, ENOENT,
			"the program netvm-keeper is neither beside netvmd nor in %s; install it",
			NETVM_LIBEXECDIR);
	else
		connect_there();
	keeper.started = ret == 0;
	pthread_mutex_unlock(&keeper.lock);
	return ret;
}

/* For the calls below, all with the lock held. */
static bool
name_ok(const char *name)
{
	return keeper.started && strlen(name) < SHM_KEEPER_NAME && !strpbrk(name, ":#\n");
}

int
shm_keeper_hold(const char *name, const int *fd, unsigned int n)
{
	int copy[SHM_KEEPER_FDS];
	int ret = -EINVAL;

	pthread_mutex_lock(&keeper.lock);
	if (name_ok(name) && n > 0 && n <= SHM_KEEPER_FDS) {
		if (keeper.store) {
			ret = keeper_store_hold(name, fd, n);
		} else {
			ret = keeper.sock >= 0 ? 0 : keeper.stuck ? -ETIMEDOUT : reach();
			memcpy(copy, fd, n * sizeof(fd[0]));
			if (ret == 0)
				ret = ask(KEEPER_HOLD, name, copy, &n);
		}
	}
	pthread_mutex_unlock(&keeper.lock);
	return ret;
}

unsigned int
shm_keeper_lost(void)
{
	struct pollfd p = {.events = POLLRDHUP};
	unsigned int lost;

	pthread_mutex_lock(&keeper.lock);
	p.fd = keeper.sock;
	if (p.fd >= 0 && poll(&p, 1, 0) == 1) {
		keeper.lost++;
		disconnect();
	}
	lost = keeper.lost;
	pthread_mutex_unlock(&keeper.lock);
	return lost;
}

int
shm_keeper_get(const char *name, int fd[SHM_KEEPER_FDS])
{
	unsigned int n = 0;
	int ret = -EINVAL;

	pthread_mutex_lock(&keeper.lock);
	if (name_ok(name)) {
		ret = keeper.store ? keeper_store_get(name, fd) : ask(KEEPER_GET, name, fd, &n);
		if (ret == -ENOTCONN)
			ret = 0;
	}
	pthread_mutex_unlock(&keeper.lock);
	return ret;
}

void
shm_keeper_drop(const char *prefix)
{
	unsigned int n = 0;
	int fd[SHM_KEEPER_FDS];

	pthread_mutex_lock(&keeper.lock);
	if (keeper.store)
		keeper_store_drop(prefix);
	else if (name_ok(prefix))
		(void)ask(KEEPER_DROP, prefix, fd, &n);
	pthread_mutex_unlock(&keeper.lock);
}

bool
shm_keeper_has(const char *prefix)
{
	unsigned int n = 0;
	int fd[SHM_KEEPER_FDS];
	bool has = false;

	pthread_mutex_lock(&keeper.lock);
	if (keeper.store)
		has = keeper_store_has(prefix);
	else if (name_ok(prefix))
		has = ask(KEEPER_HAS, prefix, fd, &n) > 0;
	pthread_mutex_unlock(&keeper.lock);
	return has;
}

bool
shm_keeper_next(char name[SHM_KEEPER_NAME])
{
	struct keeper_message m = {.magic = KEEPER_MAGIC, .request = KEEPER_NEXT};
	int fd[SHM_KEEPER_FDS];
	unsigned int n = 0;
	bool found;

	pthread_mutex_lock(&keeper.lock);
	if (keeper.store) {
		found = keeper_store_next(name);
	} else {
		memcpy(m.name, name, sizeof(m.name));
		/* Names come in order, so this ends whatever is answered. */
		found = exchange(&m, fd, &n) == 1 && strcmp(m.name, name) > 0;
		memcpy(name, m.name, sizeof(m.name));
	}
	pthread_mutex_unlock(&keeper.lock);
	return found;
}

void
shm_keeper_stop(bool end)
{
	unsigned int n = 0;
	int fd[SHM_KEEPER_FDS];

	pthread_mutex_lock(&keeper.lock);
	if (keeper.store) {
		if (end)
			keeper_store_drop("");
		keeper_store_stop();
	} else {
		if (end)
			(void)ask(KEEPER_END, "", fd, &n);
		disconnect();
	}
	keeper.started = false;
	pthread_mutex_unlock(&keeper.lock);
}
