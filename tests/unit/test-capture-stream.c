/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * capture.start and the stream that follows its reply: refusals, every end, and
 * clients that do not read. The data path is in memory; the test plays rpc.c
 * and the client, and turns the main context.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <pcap/pcap.h>

#include "src/control/capture.h"
#include "src/control/error.h"
#include "tests/unit/control-env.h"
#include "tests/unit/fake-datapath.h"

static void
turn(unsigned int ms)
{
	gint64 end = g_get_monotonic_time() + ms * 1000;

	do {
		while (g_main_context_iteration(NULL, FALSE))
			;
		g_usleep(1000);
	} while (g_get_monotonic_time() < end);
}

/* Starts a capture as rpc.c does; returns the client's end. */
static int
start(struct env *e, const char *params)
{
	int pair[2];

	e->c.takeover = (struct rpc_takeover){NULL, NULL};
	expect(ask(e, "capture.start", params), "'format':'pcapng'");
	assert_non_null(e->c.takeover.take);
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
	e->c.takeover.take(e->c.takeover.arg, pair[0]);
	return pair[1];
}

/* Reads the whole stream, while the main context turns. */
static GByteArray *
read_stream(int fd)
{
	GByteArray *in = g_byte_array_new();
	gint64 end = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;
	guint8 buf[65536];
	ssize_t n;

	do {
		turn(0);
		n = recv(fd, buf, sizeof(buf), 0);
		if (n > 0)
			g_byte_array_append(in, buf, (guint)n);
	} while (n != 0 && g_get_monotonic_time() < end);
	close(fd);
	return in;
}

static unsigned int
frames_in(GByteArray *file)
{
	char error[PCAP_ERRBUF_SIZE];
	FILE *f = fmemopen(file->data, file->len, "rb");
	pcap_t *p = pcap_fopen_offline(f, error);
	struct pcap_pkthdr *h;
	const u_char *data;
	unsigned int n = 0;
	int rc;

	assert_non_null(p);
	while ((rc = pcap_next_ex(p, &h, &data)) == 1)
		n++;
	assert_int_equal(rc, PCAP_ERROR_BREAK);
	pcap_close(p);
	return n;
}

/* The stream is pieces of a valid file with that many frames, and a result with
 * these words. */
static void
check_stream(int fd, unsigned int frames, const char *words)
{
	g_autoptr(GByteArray) in = read_stream(fd);
	g_autoptr(GByteArray) file = g_byte_array_new();
	g_autofree char *result = NULL;
	guint at = 0;
	guint32 n;

	for (;;) {
		assert_true(in->len - at >= 4);
		memcpy(&n, in->data + at, 4);
		n = GUINT32_FROM_BE(n);
		at += 4;
		if (n == 0)
			break;
		assert_true(n <= in->len - at);
		g_byte_array_append(file, in->data + at, n);
		at += n;
		/* Whole blocks: the file is valid after every piece. */
		frames_in(file);
	}
	result = g_strndup((const char *)in->data + at, in->len - at);
	assert_true(g_str_has_suffix(result, "\n"));
	expect(g_strdelimit(result, "\"", '\''), words);
	assert_int_equal(frames_in(file), frames);
	assert_int_equal(fake_captures(), 0);
}

static void
test_ends(void **state)
{
	struct env *e = *state;
	int fd;

	fake_capture_frames(1000);
	check_stream(start(e, "{'port':'c1','count':700}"), 700,
		"{'reason':'count','captured':700,'lost':7,'received':9}");
	check_stream(start(e, "{'port':'c1','duration':1}"), 1000, "'reason':'duration'");
	fd = start(e, "{'port':'c1'}");
	expect(ask(e, "port.show", "{'name':'c1'}"), "'captures':1");
	turn(50);
	shutdown(fd, SHUT_WR);
	check_stream(fd, 1000, "'reason':'stopped'");
	expect_not(ask(e, "port.show", "{'name':'c1'}"), "captures");

	ask(e, "port.add", "{'name':'d1','type':'vhost'}");
	fd = start(e, "{'port':'d1'}");
	ask(e, "port.del", "{'name':'d1'}");
	check_stream(fd, 1000, "'reason':'port-deleted'");

	fd = start(e, "{'port':'c1','snaplen':64,'direction':'out'}");
	assert_int_equal(fake_capture_config()->snaplen, 64);
	assert_true(fake_capture_config()->out && !fake_capture_config()->in);
	capture_stop_all(&e->c);
	check_stream(fd, 1000, "'reason':'daemon-stops'");
}

/* What was found is sent while the capture goes on. */
static void
test_live(void **state)
{
	struct env *e = *state;
	uint8_t buf[65536];
	ssize_t n;
	int fd;

	fake_capture_frames(3);
	fd = start(e, "{'port':'c1'}");
	turn(100);
	n = recv(fd, buf, sizeof(buf), 0);
	assert_true(n > 3 * FAKE_FRAME_LEN);
	assert_int_equal(fake_captures(), 1);
	/* Words of the client mean nothing. */
	assert_int_equal(send(fd, "stop\n", 5, 0), 5);
	turn(50);
	assert_int_equal(fake_captures(), 1);
	close(fd);
	turn(100);
	assert_int_equal(fake_captures(), 0);
	/* The client went before it had the reply. */
	ask(e, "capture.start", "{'port':'c1'}");
	assert_int_equal(fake_captures(), 1);
	e->c.takeover.take(e->c.takeover.arg, -1);
	assert_int_equal(fake_captures(), 0);
	/* The time was over before it had. */
	ask(e, "capture.start", "{'port':'c1','duration':1}");
	turn(1200);
	assert_int_equal(fake_captures(), 0);
	e->c.takeover.take(e->c.takeover.arg, -1);
}

/* A client that does not read holds one piece, whatever there is, and the
 * daemon goes on; it can stop too. */
static void
test_stuck(void **state)
{
	struct env *e = *state;
	int fd[3];

	fake_capture_frames(UINT64_MAX);
	for (unsigned int i = 0; i < 3; i++)
		fd[i] = start(e, "{'port':'c1'}");
	turn(200);
	expect(ask(e, "status", "{}"), "'result'");
	close(fd[0]);
	turn(50);
	assert_int_equal(fake_captures(), 2);
	capture_stop_all(&e->c);
	assert_int_equal(e->c.captures->len, 0);
	close(fd[1]);
	close(fd[2]);
}

static void
test_refusals(void **state)
{
	struct env *e = *state;
	static const struct {
		const char *params, *words;
	} bad[] = {
		{"{'port':'c1','snaplen':0}", "snaplen is a number from 1 to 262144"},
		{"{'port':'c1','snaplen':262145}", "snaplen"},
		{"{'port':'c1','count':-1}", "count"},
		{"{'port':'c1','count':1.5}", "count is a string, a whole number"},
		{"{'port':'c1','duration':99999999}", "duration"},
		{"{'port':'c1','direction':'up'}", "direction"},
		{"{'port':'c1','direction':3}", "direction is a string"},
		{"{'port':3}", "port is a string"},
		{"{}", "port"},
		{"{'port':'c1','colour':3}", "colour"},
		{"{'port':'c1','filter':'tcp'}", "only the text"},
		{"{'port':'c1','program':7}", "program is an array"},
		{"{'port':'c1','program':[]}", "program has 0 numbers"},
		{"{'port':'c1','program':[6,0,0]}", "program has 3 numbers"},
		{"{'port':'c1','program':[6,0,'x',1]}", "else than a whole number at 2"},
		{"{'port':'c1','program':[65536,0,0,1]}", "65536 at 0: expected 0 to 65535"},
		{"{'port':'c1','program':[6,0,256,1]}", "256 at 2"},
		{"{'port':'c1','program':[6,0,0,-1]}", "-1 at 3"},
		{"{'port':'c1','program':[6,0,0,4294967296]}", "4294967296 at 3"},
	};

	for (unsigned int i = 0; i < G_N_ELEMENTS(bad); i++)
		expect_error(
			ask(e, "capture.start", bad[i].params), NETVM_ERROR_PARAMS, bad[i].words);
	expect_error(
		ask(e, "capture.start", "{'port':'z'}"), NETVM_ERROR_NOT_FOUND, "there is no port");
	expect_error(ask(e, "capture.start", "{'port':'gone'}"), NETVM_ERROR_SYSTEM,
		"in error, so it has no traffic: device missing is not there");
	assert_int_equal(fake_captures(), 0);
	assert_int_equal(e->c.captures->len, 0);
	assert_null(e->c.takeover.take);
	for (unsigned int i = 0; i < DP_CAPTURES_MAX; i++)
		close(start(e, "{'port':'c1','filter':'ip','program':[6,0,0,1]}"));
	expect_error(ask(e, "capture.start", "{'port':'c1'}"), NETVM_ERROR_BUSY, "captures");
	assert_int_equal(fake_capture_config()->nprogram, 1);
	turn(50);
	assert_int_equal(fake_captures(), 0);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, env_setup, env_teardown)
	const struct CMUnitTest tests[] = {
		T(test_ends),
		T(test_live),
		T(test_stuck),
		T(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
