/* SPDX-License-Identifier: BSD-3-Clause */
/* A handler that takes a client's connection over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/rpc-server.h"

/* After its reply, and exactly once. */
static void
test_takeover(void **state)
{
	struct server *s = *state;
	int fd = client(s);

	PUT(fd, "mine\nlost\n");
	assert_string_equal(get(fd), "yours\n");
	assert_int_equal(s->takes, 1);
	assert_int_equal(s->lines, 1);
	assert_int_equal(rpc_clients(s->rpc), 0);
	assert_int_equal(send(s->taken, "stream", 6, 0), 6);
	assert_string_equal(get(fd), "stream");
	close(s->taken);
	assert_null(get(fd));
	close(fd);
	/* The client goes before it has the whole reply. */
	fd = client(s);
	PUT(fd, "big mine\n");
	turn();
	assert_int_equal(s->takes, 1);
	close(fd);
	turn();
	assert_int_equal(s->takes, 2);
	assert_int_equal(s->taken, -1);
	/* It half-closes before it is taken over. */
	fd = client(s);
	PUT(fd, "mine");
	send(fd, "\n", 1, 0);
	shutdown(fd, SHUT_WR);
	turn();
	assert_int_equal(s->takes, 3);
	assert_true(s->taken >= 0);
	close(s->taken);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_takeover, server_setup, server_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
