/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control socket against clients that behave and clients that do not. See
 * rpc-server.h.
 */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <glib.h>
#include <glib/gstdio.h>

#include "tests/unit/rpc-server.h"

static void
test_lines(void **state)
{
	struct server *s = *state;
	int fd = client(s);

	PUT(fd, "hello\n");
	assert_string_equal(get(fd), "5 hello\n");
	/* Several in one write, and one in several writes, in order. */
	PUT(fd, "a\nbb\n\nquiet\ncc");
	assert_string_equal(get(fd), "1 a\n2 bb\n0 \n");
	PUT(fd, "c");
	assert_string_equal(get(fd), "");
	PUT(fd, "\n");
	assert_string_equal(get(fd), "3 ccc\n");
	close(fd);
	turn();
	assert_int_equal(rpc_clients(s->rpc), 0);
}

/* A client may close its side at once: it still gets its answers, but half a
 * line at the end is not carried out. */
static void
test_half_close(void **state)
{
	struct server *s = *state;
	int fd = client(s);

	PUT(fd, "one\ntwo\nthr");
	shutdown(fd, SHUT_WR);
	assert_string_equal(get(fd), "3 one\n3 two\n");
	assert_null(get(fd));
	assert_int_equal(s->lines, 2);
	assert_int_equal(rpc_clients(s->rpc), 0);
	close(fd);
}

static void
test_half_line_stays(void **state)
{
	struct server *s = *state;
	int silent = client(s), other = client(s);

	PUT(silent, "{\"half\"");
	PUT(other, "x\n");
	assert_string_equal(get(other), "1 x\n");
	assert_int_equal(rpc_clients(s->rpc), 2);
	close(silent);
	close(other);
	turn();
	assert_int_equal(rpc_clients(s->rpc), 0);
	assert_int_equal(s->lines, 1);
}

static void
test_line_limit(void **state)
{
	struct server *s = *state;
	g_autofree char *longest = g_strnfill(RPC_LINE_MAX - 1, 'y');
	int fd = client(s);

	put(fd, longest, RPC_LINE_MAX - 1);
	PUT(fd, "\n");
	assert_string_equal(get(fd), "1048575 yyyyyyyyyyyyyyyyyyyy\n");
	/* One byte more: answered once, before its end has come; then as before. */
	put(fd, longest, RPC_LINE_MAX - 1);
	PUT(fd, "y");
	assert_string_equal(get(fd), "too long\n");
	for (int i = 0; i < 5; i++)
		put(fd, longest, RPC_LINE_MAX - 1);
	assert_string_equal(get(fd), "");
	PUT(fd, "yyy\nnext\n");
	assert_string_equal(get(fd), "4 next\n");
	assert_int_equal(s->too_long, 1);
	assert_int_equal(s->lines, 3);
	/* Too long with its newline in the same read. */
	put(fd, longest, RPC_LINE_MAX - 1);
	PUT(fd, "yy\nnext\n");
	assert_string_equal(get(fd), "too long\n4 next\n");
	close(fd);
}

/* It asks and does not read: we hold one reply, read no further, and drop it. */
static void
test_reads_nothing(void **state)
{
	struct server *s = *state;
	int fd = client(s), other = client(s);
	gint64 deadline = g_get_monotonic_time() + 5 * G_USEC_PER_SEC;

	rpc_set_stall_ms(s->rpc, 1000);
	PUT(fd, "big\nbig\nbig\n");
	turn();
	assert_int_equal(s->lines, 1);
	PUT(other, "x\n");
	assert_string_equal(get(other), "1 x\n");
	assert_int_equal(rpc_clients(s->rpc), 2);
	while (rpc_clients(s->rpc) == 2 && g_get_monotonic_time() < deadline)
		g_main_context_iteration(NULL, TRUE);
	assert_int_equal(rpc_clients(s->rpc), 1);
	assert_int_equal(s->lines, 2);
	PUT(other, "x\n");
	assert_string_equal(get(other), "1 x\n");
	close(fd);
	close(other);
}

/* A slow reader that reads is not dropped, and gets every byte in order. It
 * takes what the socket holds, then pauses for a tenth of the time that it may:
 * a busy machine can add the other nine. In all it takes longer than that time,
 * so only its progress keeps it connected. */
static void
test_reads_slowly(void **state)
{
	const guint stall_ms = 2000;
	struct server *s = *state;
	int fd = client(s);
	size_t got = 0;
	gint64 started = g_get_monotonic_time();

	rpc_set_stall_ms(s->rpc, stall_ms);
	PUT(fd, "big\nlast\n");
	while (g_get_monotonic_time() - started < stall_ms * 1200) {
		const char *text = get(fd);

		assert_non_null(text);
		got += strlen(text);
		g_usleep(stall_ms * 100);
	}
	assert_int_equal(rpc_clients(s->rpc), 1);
	for (;;) {
		const char *text = get(fd);

		assert_non_null(text);
		got += strlen(text);
		if (g_str_has_suffix(text, "4 last\n"))
			break;
	}
	assert_int_equal(got, BIG_REPLY + strlen("4 last\n"));
	close(fd);
}

static void
test_too_many(void **state)
{
	struct server *s = *state;
	int fd[RPC_CLIENTS_MAX + 1];

	for (int i = 0; i < RPC_CLIENTS_MAX; i++) {
		fd[i] = client(s);
		turn();
	}
	/* The first has spoken since, so the second is the most silent one. */
	PUT(fd[0], "x\n");
	assert_string_equal(get(fd[0]), "1 x\n");
	fd[RPC_CLIENTS_MAX] = client(s);
	PUT(fd[RPC_CLIENTS_MAX], "new\n");
	assert_string_equal(get(fd[RPC_CLIENTS_MAX]), "3 new\n");
	assert_null(get(fd[1]));
	PUT(fd[0], "x\n");
	assert_string_equal(get(fd[0]), "1 x\n");
	assert_int_equal(rpc_clients(s->rpc), RPC_CLIENTS_MAX);
	for (int i = 0; i <= RPC_CLIENTS_MAX; i++)
		close(fd[i]);
}

/* Nobody waits for a client that keeps us busy. */
static void
test_fair(void **state)
{
	struct server *s = *state;
	int busy = client(s), other = client(s);
	g_autoptr(GString) many = g_string_new(NULL);
	unsigned int before;

	turn();
	for (int i = 0; i < 5000; i++)
		g_string_append(many, "quiet\n");
	assert_int_equal(send(busy, many->str, many->len, 0), (ssize_t)many->len);
	for (int i = 0; i < 10; i++)
		g_main_context_iteration(NULL, FALSE);
	assert_true(s->lines > 0);
	before = s->lines;
	assert_int_equal(send(other, "x\n", 2, 0), 2);
	for (int i = 0; i < 10; i++)
		g_main_context_iteration(NULL, FALSE);
	assert_true(s->lines < before + 50);
	{
		char buf[16] = "";

		assert_int_equal(recv(other, buf, sizeof(buf), 0), 4);
		assert_string_equal(buf, "1 x\n");
	}
	close(busy);
	close(other);
}

/* Gone before its answer is ready or read. */
static void
test_gone(void **state)
{
	struct server *s = *state;

	for (int i = 0; i < 3; i++) {
		int fd = client(s);

		if (i == 1)
			turn();
		send(fd, "big\nbig\n", 8, 0);
		if (i == 2)
			turn();
		close(fd);
		turn();
	}
	assert_int_equal(rpc_clients(s->rpc), 0);
}

static void
test_who_may(void **state)
{
	const gid_t groups[] = {5, 6};
	const uid_t stranger = geteuid() + 1000;

	assert_true(rpc_may_connect(0, 0, NULL, 0, (gid_t)-1));
	assert_true(rpc_may_connect(geteuid(), 99, NULL, 0, (gid_t)-1));
	assert_false(rpc_may_connect(stranger, 0, groups, 2, (gid_t)-1));
	assert_false(rpc_may_connect(stranger, (gid_t)-1, groups, 2, (gid_t)-1));
	assert_true(rpc_may_connect(stranger, 7, groups, 2, 6));
	assert_true(rpc_may_connect(stranger, 7, NULL, 0, 7));
	assert_false(rpc_may_connect(stranger, 7, groups, 2, 8));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_lines, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(test_half_close, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(
			test_half_line_stays, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(test_line_limit, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(test_reads_nothing, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(test_reads_slowly, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(test_too_many, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(test_fair, server_setup, server_teardown),
		cmocka_unit_test_setup_teardown(test_gone, server_setup, server_teardown),
		cmocka_unit_test(test_who_may),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
