/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the keeper still holds that nobody has any more; and that there is one keeper,
 * not two, when a connection to it breaks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "src/shm/shm-keeper.h"

static char dir[] = "/tmp/netvm-settle-XXXXXX", path[64], err[256];

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

/* What nobody has any more goes, and what begins alike stays. */
static bool
is_a(const char *kind, const char *name, void *user)
{
	unsigned int *asked = user;

	(*asked)++;
	return strcmp(kind, "port") != 0 || strcmp(name, "a") == 0;
}

static void
test_settle(void **state)
{
	static const char *const names[] = {"pool/a/book", "port/a/memory", "port/aa/bell",
		"port/aa/book", "port/b/memory", "x"};
	int fd = memfd_create("test", MFD_CLOEXEC);
	unsigned int asked = 0;

	start();
	for (unsigned int i = 0; i < 6; i++)
		assert_int_equal(shm_keeper_hold(names[i], &fd, 1), 0);
	shm_keeper_settle(is_a, &asked);
	/* Once for what goes; "x" is no object. */
	assert_int_equal(asked, 4);
	for (unsigned int i = 0; i < 6; i++)
		assert_int_equal(shm_keeper_has(names[i]), i != 2 && i != 3 && i != 4);
	shm_keeper_stop(true);
	wait_ended();
	close(fd);
}

/* A connection that breaks is made again, to the keeper that is there. */
static void
test_broken(void **state)
{
	int fd = memfd_create("test", MFD_CLOEXEC), got[SHM_KEEPER_FDS];
	struct rlimit before, few;

	start();
	assert_int_equal(shm_keeper_hold("port/a/memory", &fd, 1), 0);
	/* No descriptor is left for what it answers. */
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = (rlim_t)fd + 1;
	for (int i = 0; i < fd; i++)
		assert_true(fcntl(i, F_GETFD) >= 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	assert_true(shm_keeper_get("port/a/memory", got) < 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(shm_keeper_hold("port/b/memory", &fd, 1), 0);
	assert_true(shm_keeper_has("port/a/memory"));
	assert_int_equal(shm_keeper_get("port/a/memory", got), 1);
	close(got[0]);
	shm_keeper_stop(true);
	wait_ended();
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_settle),
		cmocka_unit_test(test_broken),
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
