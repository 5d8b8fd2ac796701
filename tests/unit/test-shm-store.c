/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * systemd's descriptor store as the keeper. The manager is a datagram socket of
 * ours that keeps what it is told to, and passes it to a process that it starts: this
 * program again, with an argument.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/shm/shm-keeper.h"

#define STORE_MAX 64

static struct {
	int sock;
	unsigned int n;
	int fd[STORE_MAX];
	char name[STORE_MAX][128];
} manager;

static char dir[] = "/tmp/netvm-store-XXXXXX", path[64], err[256];

static void
store_remove(const char *name)
{
	for (unsigned int i = 0; i < manager.n;) {
		if (strcmp(manager.name[i], name) != 0) {
			i++;
			continue;
		}
		close(manager.fd[i]);
		manager.n--;
		manager.fd[i] = manager.fd[manager.n];
		memcpy(manager.name[i], manager.name[manager.n], sizeof(manager.name[i]));
	}
}

/* What the manager was told, in the order in which it was. */
static void
manager_reads(void)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	char text[512];
	ssize_t n;

	for (;;) {
		struct iovec io = {.iov_base = text, .iov_len = sizeof(text) - 1};
		struct msghdr msg = {.msg_iov = &io,
			.msg_iovlen = 1,
			.msg_control = &control,
			.msg_controllen = sizeof(control)};
		char *name;

		n = recvmsg(manager.sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
		if (n < 0)
			return;
		text[n] = '\0';
		name = strstr(text, "FDNAME=");
		assert_non_null(name);
		name += strlen("FDNAME=");
		name[strcspn(name, "\n")] = '\0';
		/* As systemd's fdname_is_valid(). */
		assert_null(strchr(name, ':'));
		assert_true(strlen(name) < 128);
		if (strncmp(text, "FDSTORE=1\n", 10) == 0) {
			assert_true(msg.msg_controllen >= sizeof(control.align));
			assert_true(manager.n < STORE_MAX);
			memcpy(&manager.fd[manager.n], CMSG_DATA(&control.align), sizeof(int));
			snprintf(manager.name[manager.n++], 128, "%s", name);
		} else {
			assert_int_equal(strncmp(text, "FDSTOREREMOVE=1\n", 16), 0);
			assert_true(msg.msg_controllen == 0);
			store_remove(name);
		}
	}
}

/* Starts this program with what is stored, the last one first. */
static int
manager_starts(const char *what)
{
	char names[STORE_MAX * 128] = "", number[16];
	size_t length = 0;
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		for (unsigned int i = 0; i < manager.n; i++) {
			unsigned int k = manager.n - 1 - i;

			/* Out of the way first. */
			manager.fd[k] = fcntl(manager.fd[k], F_DUPFD, 100);
		}
		for (unsigned int i = 0; i < manager.n; i++) {
			unsigned int k = manager.n - 1 - i;

			dup2(manager.fd[k], 3 + (int)i);
			length += (size_t)snprintf(names + length, sizeof(names) - length, "%s%s",
				i ? ":" : "", manager.name[k]);
		}
		setenv("LISTEN_FDNAMES", names, 1);
		snprintf(number, sizeof(number), "%u", manager.n);
		setenv("LISTEN_FDS", number, 1);
		snprintf(number, sizeof(number), "%d", (int)getpid());
		setenv("LISTEN_PID", number, 1);
		execl("/proc/self/exe", "test-shm-store", what, NULL);
		_exit(100);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool
content_is(int fd, const char *text)
{
	char got[64] = "";

	return pread(fd, got, sizeof(got) - 1, 0) >= 0 && strcmp(got, text) == 0 &&
	       (fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

static bool
is_c(const char *kind, const char *name, void *user)
{
	return strcmp(kind, "port") == 0 && strcmp(name, "c") == 0;
}

/* The daemon that the manager starts; its exit status says where it failed. */
static int
child(const char *what)
{
	int fd[SHM_KEEPER_FDS];

	if (shm_keeper_start(dir, err, sizeof(err)) != 0)
		return 10;
	if (getenv("LISTEN_FDS"))
		return 11;
	if (strcmp(what, "all") == 0) {
		if (shm_keeper_get("port/a/bells", fd) != 3)
			return 12;
		if (!content_is(fd[0], "one") || !content_is(fd[1], "two") ||
			!content_is(fd[2], "three"))
			return 13;
		if (!shm_keeper_has("port/a/") || shm_keeper_get("port/b/bells", fd) != 0)
			return 14;
		shm_keeper_settle(is_c, NULL);
		return shm_keeper_has("port/a/") || !shm_keeper_has("port/c/") ? 15 : 0;
	}
	/* One of three is missing: none of them is there. */
	return shm_keeper_get("port/a/bells", fd) == 0 ? 0 : 16;
}

static int
text_file(const char *text)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_int_equal(write(fd, text, strlen(text)), (int)strlen(text));
	return fd;
}

static void
test_store(void **state)
{
	int fd[3] = {text_file("one"), text_file("two"), text_file("three")};

	assert_int_equal(shm_keeper_start(dir, err, sizeof(err)), 0);
	assert_false(shm_keeper_has(""));
	assert_int_equal(shm_keeper_hold("port/a/bells", fd, 2), 0);
	/* Replaced. */
	assert_int_equal(shm_keeper_hold("port/a/bells", fd, 3), 0);
	assert_int_equal(shm_keeper_hold("port/c/rings", fd, 1), 0);
	manager_reads();
	assert_int_equal(manager.n, 4);
	/* We die. */
	shm_keeper_stop(false);
	manager_reads();
	assert_int_equal(manager.n, 4);
	/* What the manager lost, and what is not ours. */
	snprintf(manager.name[manager.n], 128, "netvmd.socket");
	manager.fd[manager.n++] = text_file("other");
	assert_int_equal(manager_starts("all"), 0);
	manager_reads();
	assert_int_equal(manager.n, 2);
	/* The second daemon dropped the port; the first one's successor drops all. */
	assert_int_equal(shm_keeper_start(dir, err, sizeof(err)), 0);
	assert_int_equal(shm_keeper_hold("port/a/bells", fd, 3), 0);
	manager_reads();
	store_remove("port/a/bells#1");
	assert_int_equal(manager_starts("missing"), 0);
	shm_keeper_stop(true);
	manager_reads();
	assert_int_equal(manager.n, 2);
	store_remove("port/c/rings#0");
	store_remove("netvmd.socket");
	for (unsigned int i = 0; i < 3; i++)
		close(fd[i]);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_store),
	};
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int failed;

	if (argc > 1)
		return child(argv[1]);
	if (!mkdtemp(dir))
		return 1;
	snprintf(path, sizeof(path), "%s/notify", dir);
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	manager.sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (bind(manager.sock, (struct sockaddr *)&un, sizeof(un)) != 0)
		return 1;
	setenv("NOTIFY_SOCKET", path, 1);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	close(manager.sock);
	unlink(path);
	rmdir(dir);
	return failed;
}
