/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The keeper: what a killed daemon held, the next one gets; and the program harms
 * nobody, whatever is said to it. Daemons are processes that are forked off.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/shm/keeper-message.h"

static char dir[] = "/tmp/netvm-keeper-XXXXXX", path[64], err[256];

static unsigned int
open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void
start(void)
{
	if (shm_keeper_start(dir, err, sizeof(err)) != 0)
		fail_msg("%s", err);
}

static void
wait_ended(void)
{
	for (unsigned int i = 0; i < 2000 && access(path, F_OK) == 0; i++)
		usleep(5000);
	assert_int_equal(access(path, F_OK), -1);
}

static int
text_file(const char *text)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_int_equal(write(fd, text, strlen(text)), (int)strlen(text));
	return fd;
}

static void
expect_text(int fd, const char *text)
{
	char got[64] = "";

	assert_int_equal(pread(fd, got, sizeof(got) - 1, 0), (int)strlen(text));
	assert_string_equal(got, text);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
}

/* A daemon that holds a file, two doorbells and a connected socket, and dies with
 * all of its process group. */
static void
daemon_dies(int sock)
{
	pid_t pid = fork();
	int bells[2], file, status;

	assert_true(pid >= 0);
	if (pid == 0) {
		setpgid(0, 0);
		bells[0] = eventfd(1, 0);
		bells[1] = eventfd(2, 0);
		file = memfd_create("test", 0);
		if (shm_keeper_start(dir, err, sizeof(err)) != 0 || write(file, "hello", 5) != 5 ||
			shm_keeper_hold("port/a/rings", &file, 1) != 0 ||
			shm_keeper_hold("port/a/bells", bells, 2) != 0 ||
			shm_keeper_hold("port/a/ring", &sock, 1) != 0)
			_exit(1);
		kill(0, SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
}

static void
test_survives(void **state)
{
	unsigned int before = open_fds();
	int pair[2], fd[SHM_KEEPER_FDS];
	uint64_t n;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	daemon_dies(pair[1]);
	close(pair[1]);
	start();
	assert_true(shm_keeper_has("port/a/"));
	assert_false(shm_keeper_has("port/b/"));
	assert_int_equal(shm_keeper_get("port/a/rings", fd), 1);
	expect_text(fd[0], "hello");
	/* In their order. */
	assert_int_equal(shm_keeper_get("port/a/bells", fd), 2);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(read(fd[i], &n, sizeof(n)), sizeof(n));
		assert_int_equal(n, i + 1);
		close(fd[i]);
	}
	/* The socket did not hang up meanwhile. */
	assert_int_equal(shm_keeper_get("port/a/ring", fd), 1);
	assert_int_equal(write(fd[0], "x", 1), 1);
	assert_int_equal(read(pair[0], &n, 1), 1);
	close(fd[0]);
	/* And it does when nobody holds it any more. */
	shm_keeper_drop("port/a/");
	assert_int_equal(read(pair[0], &n, 1), 0);
	assert_int_equal(shm_keeper_get("port/a/rings", fd), 0);
	close(pair[0]);
	shm_keeper_stop(false);
	wait_ended();
	assert_int_equal(open_fds(), before);
}

static void
test_replaces(void **state)
{
	int fd[SHM_KEEPER_FDS], one, two;

	start();
	/* Nothing is there, and nobody is started to say so. */
	assert_int_equal(shm_keeper_get("port/a/rings", fd), 0);
	assert_false(shm_keeper_has(""));
	assert_int_equal(access(path, F_OK), -1);
	one = text_file("one");
	two = text_file("two");
	assert_int_equal(shm_keeper_hold("x", &one, 1), 0);
	assert_int_equal(shm_keeper_hold("xy", &one, 1), 0);
	assert_int_equal(shm_keeper_hold("x", &two, 1), 0);
	assert_int_equal(shm_keeper_get("x", fd), 1);
	expect_text(fd[0], "two");
	shm_keeper_drop("xy");
	assert_int_equal(shm_keeper_get("xy", fd), 0);
	assert_int_equal(shm_keeper_get("x", fd), 1);
	expect_text(fd[0], "two");
	for (unsigned int i = 0; i < SHM_KEEPER_FDS; i++)
		fd[i] = two;
	assert_int_equal(shm_keeper_hold("many", fd, SHM_KEEPER_FDS), 0);
	assert_int_equal(shm_keeper_get("many", fd), SHM_KEEPER_FDS);
	for (unsigned int i = 0; i < SHM_KEEPER_FDS; i++)
		expect_text(fd[i], "two");
	assert_int_equal(shm_keeper_hold("none", fd, 0), -EINVAL);
	assert_int_equal(shm_keeper_hold("many", fd, SHM_KEEPER_FDS + 1), -EINVAL);
	close(one);
	close(two);
	shm_keeper_stop(true);
	wait_ended();
}

static int
dial(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	assert_int_equal(connect(sock, (struct sockaddr *)&un, sizeof(un)), 0);
	return sock;
}

static bool
hung_up(int sock)
{
	struct pollfd p = {.fd = sock, .events = POLLRDHUP};

	return poll(&p, 1, 5000) == 1 && (p.revents & (POLLHUP | POLLRDHUP)) != 0;
}

static void
test_nonsense(void **state)
{
	struct keeper_message m = {.magic = KEEPER_MAGIC, .request = KEEPER_HAS};
	char junk[4096];
	int keep = text_file("kept"), fd[SHM_KEEPER_FDS], idle, sock;
	unsigned int n;

	start();
	assert_int_equal(shm_keeper_hold("port/a/rings", &keep, 1), 0);
	idle = dial(); /* says nothing, for ever */
	for (unsigned int i = 0; i < 20; i++) {
		sock = dial();
		memset(junk, (int)i, sizeof(junk));
		(void)!send(sock, junk, i % 2 ? sizeof(junk) : i * 8, MSG_NOSIGNAL);
		assert_true(hung_up(sock));
		close(sock);
	}
	/* Not terminated, a request that does not exist, nothing to hold. */
	sock = dial();
	memset(m.name, 'a', sizeof(m.name));
	assert_int_equal(keeper_send(sock, &m, &keep, 1), 0);
	assert_true(hung_up(sock));
	close(sock);
	sock = dial();
	memset(m.name, 0, sizeof(m.name));
	m.request = 99;
	assert_int_equal(keeper_send(sock, &m, &keep, 1), 0);
	assert_int_equal(keeper_receive(sock, &m, fd, &n), 0);
	assert_int_equal(m.result, -ENOSYS);
	m.request = KEEPER_HOLD;
	m.name[0] = 'a';
	assert_int_equal(keeper_send(sock, &m, NULL, 0), 0);
	assert_int_equal(keeper_receive(sock, &m, fd, &n), 0);
	assert_int_equal(m.result, -EINVAL);
	/* Who asks and takes no answers is not waited for. */
	m.request = KEEPER_HAS;
	for (unsigned int i = 0; i < 10000; i++) {
		if (send(sock, &m, sizeof(m), MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno == EPIPE)
			break;
	}
	assert_int_equal(shm_keeper_get("port/a/rings", fd), 1);
	expect_text(fd[0], "kept");
	close(sock);
	close(idle);
	close(keep);
	shm_keeper_stop(true);
	wait_ended();
}

static void
test_other_user(void **state)
{
	int keep = text_file("kept"), fd[SHM_KEEPER_FDS], status;
	pid_t pid;

	if (geteuid() != 0) {
		print_message("[  SKIP  ] only root can be another user\n");
		close(keep);
		return;
	}
	start();
	assert_int_equal(shm_keeper_hold("port/a/rings", &keep, 1), 0);
	/* Even where the socket's mode does not stop them. */
	assert_int_equal(chmod(dir, 0755), 0);
	assert_int_equal(chmod(path, 0777), 0);
	pid = fork();
	if (pid == 0) {
		struct keeper_message m = {.magic = KEEPER_MAGIC, .request = KEEPER_GET};
		unsigned int n;
		int sock;

		if (setuid(65534) != 0)
			_exit(1);
		sock = dial();
		snprintf(m.name, sizeof(m.name), "port/a/rings");
		(void)keeper_send(sock, &m, NULL, 0);
		_exit(keeper_receive(sock, &m, fd, &n) == -EPIPE ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(shm_keeper_get("port/a/rings", fd), 1);
	expect_text(fd[0], "kept");
	close(keep);
	shm_keeper_stop(true);
	wait_ended();
}

static void
test_started_again(void **state)
{
	int keep = text_file("kept"), fd[SHM_KEEPER_FDS];
	struct ucred who;
	socklen_t len = sizeof(who);
	int sock;

	start();
	assert_int_equal(shm_keeper_hold("x", &keep, 1), 0);
	sock = dial();
	/* Who listens: the process that the socket was made in, which is us. The one
	 * that holds it is found by its answer. */
	assert_int_equal(getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &who, &len), 0);
	close(sock);
	/* A keeper that ended: the first request says so, the next starts another. */
	shm_keeper_stop(true);
	wait_ended();
	start();
	assert_int_equal(shm_keeper_hold("x", &keep, 1), 0);
	assert_int_equal(shm_keeper_get("x", fd), 1);
	expect_text(fd[0], "kept");
	shm_keeper_stop(true);
	wait_ended();
	/* What a killed one leaves behind. */
	sock = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	{
		struct sockaddr_un un = {.sun_family = AF_UNIX};

		snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
		assert_int_equal(bind(sock, (struct sockaddr *)&un, sizeof(un)), 0);
	}
	close(sock);
	start();
	assert_int_equal(shm_keeper_hold("x", &keep, 1), 0);
	shm_keeper_stop(true);
	wait_ended();
	close(keep);
}

static void
test_refused(void **state)
{
	char longer[200];
	int fd = 0;

	memset(longer, 'a', sizeof(longer));
	longer[0] = '/';
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(shm_keeper_start(longer, err, sizeof(err)), -ENAMETOOLONG);
	setenv("NETVM_KEEPER", "/nonexistent/netvm-keeper", 1);
	assert_int_equal(shm_keeper_start(dir, err, sizeof(err)), -ENOENT);
	assert_non_null(strstr(err, "netvm-keeper"));
	/* Not a keeper at all: said when it is wanted. */
	setenv("NETVM_KEEPER", "/bin/false", 1);
	start();
	assert_true(shm_keeper_hold("x", &fd, 1) < 0);
	setenv("NETVM_KEEPER", NETVM_BUILT_KEEPER, 1);
	start();
	assert_int_equal(shm_keeper_hold(longer, &fd, 1), -EINVAL);
	assert_int_equal(shm_keeper_hold("a:b", &fd, 1), -EINVAL);
	shm_keeper_stop(true);
	/* By hand it says what it is. */
	assert_int_equal(WEXITSTATUS(system(NETVM_BUILT_KEEPER " </dev/null 2>/dev/null")), 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_survives),
		cmocka_unit_test(test_replaces),
		cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_other_user),
		cmocka_unit_test(test_started_again),
		cmocka_unit_test(test_refused),
	};
	int failed;

	unsetenv("NOTIFY_SOCKET");
	setenv("NETVM_KEEPER", NETVM_BUILT_KEEPER, 1);
	if (!mkdtemp(dir))
		return 1;
	snprintf(path, sizeof(path), "%s/keeper.sock", dir);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	shm_keeper_stop(true);
	unlink(path);
	rmdir(dir);
	return failed;
}
