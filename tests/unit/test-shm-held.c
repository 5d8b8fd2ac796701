/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A keeper that does not start, or ends: it is said once, to whom it matters, and what
 * is served is served; when there is a keeper again, all is held again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "src/shm/keeper-message.h"
#include "tests/unit/shm-guests.h"

static char program[] = "/tmp/netvm-held-XXXXXX", text[400];

/* What netvmd starts. */
static void
keeper_is(const char *script)
{
	FILE *f = fopen(program, "w");

	assert_non_null(f);
	fprintf(f, "#!/bin/sh\n%s\n", script);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(program, 0755), 0);
}

static void
keeper_ends(void)
{
	struct keeper_message m = {.magic = KEEPER_MAGIC, .request = KEEPER_END};
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), fd[SHM_KEEPER_FDS];
	unsigned int n;

	snprintf(un.sun_path, sizeof(un.sun_path), "%s/keeper.sock", host.dir);
	assert_int_equal(connect(sock, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(keeper_send(sock, &m, NULL, 0), 0);
	(void)keeper_receive(sock, &m, fd, &n);
	close(sock);
}

static bool
holds_all(void)
{
	static const char *const names[] = {"pool/blue/memory", "pool/blue/book", "port/p0/memory",
		"port/p0/book", "port/p0/kick", "port/p0/bell", "port/p0/ring", "port/p0/pool"};

	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!shm_keeper_has(names[i]))
			return false;
	}
	return true;
}

static void
test_no_keeper(void **state)
{
	struct client a, b;
	unsigned int before;

	keeper_is("exit 1");
	assert_true(host_start(NULL));
	assert_true(host_pool(0));
	assert_true(host_wait_warning("group blue: its pool cannot be held", text));
	assert_non_null(strstr(text, "did not start"));
	before = host_warnings();
	assert_non_null(host_port(0, NULL));
	assert_non_null(host_port(1, NULL));
	assert_true(host_wait_warning("port p1: ", text));
	assert_non_null(strstr(text, "the guest on it will not survive"));
	assert_int_equal(host_warnings(), before + 2);
	/* Who comes often is not told of often, and served all the same. */
	guests_attach(&b, 1);
	for (unsigned int i = 0; i < 20; i++) {
		guests_attach(&a, 0);
		guests_exchange(&a, &b, 5);
		client_close(&a, true);
	}
	assert_int_equal(host_warnings(), before + 2);
	/* It is mended: netvmd finds out by itself. */
	guests_attach(&a, 0);
	keeper_is("exec " NETVM_BUILT_KEEPER);
	assert_true(host_wait_warning("held again", text));
	for (int64_t end = host_ms() + 20000; !holds_all(); usleep(1000))
		assert_true(host_ms() < end);
	client_close(&a, true);
	client_close(&b, true);
	guests_gave_all_back();
	assert_true(host_stop());
}

static void
test_keeper_lost(void **state)
{
	struct client a, b;
	unsigned int before;

	keeper_is("exec " NETVM_BUILT_KEEPER);
	before = host_warnings();
	assert_true(host_start(NULL));
	assert_true(host_pool(0));
	assert_non_null(host_port(0, NULL));
	assert_non_null(host_port(1, NULL));
	guests_attach(&a, 0);
	guests_attach(&b, 1);
	assert_true(holds_all());
	for (unsigned int i = 0; i < 3; i++) {
		keeper_ends();
		for (int64_t end = host_ms() + 20000; !holds_all(); usleep(1000))
			assert_true(host_ms() < end);
		guests_exchange(&a, &b, 5);
	}
	/* There was another one at once: nothing to say. */
	assert_int_equal(host_warnings(), before);
	client_close(&a, true);
	client_close(&b, true);
	guests_gave_all_back();
	assert_true(host_stop());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_keeper),
		cmocka_unit_test(test_keeper_lost),
	};
	int fd = mkstemp(program), failed;

	if (fd < 0)
		return 1;
	close(fd);
	unsetenv("NOTIFY_SOCKET");
	setenv("NETVM_KEEPER", program, 1);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(program);
	return failed;
}
