/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vhost ports: connections that come and go in both modes, ports that are
 * destroyed under their peer, and the socket files.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit/vhost-harness.h"

static void
test_reconnect_server(void **state)
{
	unsigned int fds = harness_fds();
	struct fe a, b;

	harness_open(&b, 1, NULL);
	for (unsigned int i = 0; i < 10; i++) {
		/* Without a pause: the end of the old connection may be behind the
		 * beginning of the new one. */
		harness_open(&a, 0, NULL);
		harness_exchange(&a, &b, 0, 20);
		fe_close(&a);
	}
	fe_close(&b);
	assert_true(harness_wait(0, VHOST_WAITING));
	assert_true(harness_wait(1, VHOST_WAITING));
	harness_wait_fds(fds);
}

static void
test_second_peer_refused(void **state)
{
	struct fe_config cfg = {.socket = harness.socket[0]};
	struct fe a, b, second;

	harness_open(&a, 0, NULL);
	harness_open(&b, 1, NULL);
	assert_int_equal(fe_connect(&second, &cfg), 0);
	assert_true(fe_hung_up(&second, 2000));
	fe_close(&second);
	harness_exchange(&a, &b, 0, 50);
	assert_int_equal(harness_status(0).state, VHOST_UP);
	fe_close(&a);
	fe_close(&b);
}

static void
test_client(void **state)
{
	struct vhost_port_config cfg = harness_config(7);
	struct fe_config fc = {.listen = true, .socket = cfg.socket};
	char err[320];
	struct vhost_port *own = harness.port[0];
	struct fe a, b;

	/* Nobody listens yet: the first attempt fails and is repeated. */
	cfg.client = true;
	harness_attach(0, NULL);
	harness.port[0] = vhost_port_create(&cfg, err, sizeof(err));
	assert_non_null(harness.port[0]);
	harness_attach(0, harness.port[0]);
	harness_open(&b, 1, NULL);
	assert_int_equal(harness_status(0).state, VHOST_WAITING);
	for (unsigned int i = 0; i < 3; i++) {
		int64_t start = harness_ms();

		unlink(cfg.socket);
		if (fe_open(&a, &fc) != 0)
			fail_msg("%s", a.err);
		assert_true(harness_wait(0, VHOST_UP));
		assert_true(harness_ms() - start < 2500);
		harness_exchange(&a, &b, 0, 20);
		fe_close(&a);
	}
	fe_close(&b);
	harness_attach(0, NULL);
	vhost_port_destroy(harness.port[0]);
	harness.port[0] = own;
	harness_attach(0, own);
}

/* Destroyed under traffic, with the peer in place, and made again. */
static void
test_destroy(void **state)
{
	struct vhost_port_config cfg = harness_config(0);
	unsigned int fds;
	char err[320];
	struct fe a, b;

	cfg.queues = 2;
	harness_open(&b, 1, NULL);
	fds = harness_fds();
	for (unsigned int i = 0; i < 5; i++) {
		harness_open(&a, 0, NULL);
		harness_exchange(&a, &b, 0, 20);
		harness_attach(0, NULL);
		vhost_port_destroy(harness.port[0]);
		harness.port[0] = NULL;
		assert_true(fe_hung_up(&a, 1000));
		assert_int_equal(access(cfg.socket, F_OK), -1);
		fe_close(&a);
		harness.port[0] = vhost_port_create(&cfg, err, sizeof(err));
		assert_non_null(harness.port[0]);
		harness_attach(0, harness.port[0]);
	}
	harness_wait_fds(fds);
	harness_open(&a, 0, NULL);
	harness_exchange(&b, &a, 0, 20);
	fe_close(&a);
	fe_close(&b);
}

static void
refused(struct vhost_port_config *cfg, int code, const char *text)
{
	char err[320] = "";

	assert_null(vhost_port_create(cfg, err, sizeof(err)));
	assert_int_equal(errno, code);
	if (!strstr(err, text))
		fail_msg("\"%s\" does not say \"%s\"", err, text);
}

static void
test_sockets(void **state)
{
	struct vhost_port_config cfg = harness_config(9);
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct vhost_port *p;
	struct stat st;
	char err[320];
	int fd;

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", cfg.socket);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(listen(fd, 1), 0);
	refused(&cfg, EADDRINUSE, "already served");
	assert_int_equal(access(cfg.socket, F_OK), 0);
	/* The server dies, its socket stays. */
	close(fd);
	cfg.mode = 0620;
	cfg.owner = getuid();
	p = vhost_port_create(&cfg, err, sizeof(err));
	assert_non_null(p);
	assert_int_equal(stat(cfg.socket, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0620);
	refused(&cfg, EADDRINUSE, "belongs to port port9");
	vhost_port_destroy(p);
	assert_int_equal(access(cfg.socket, F_OK), -1);

	close(open(cfg.socket, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	refused(&cfg, EEXIST, "not a socket");
	unlink(cfg.socket);
	snprintf(cfg.socket, sizeof(cfg.socket), "%s/no/such.sock", harness.dir);
	refused(&cfg, ENOENT, "No such file");
	memset(cfg.socket, 'x', sizeof(cfg.socket));
	refused(&cfg, ENAMETOOLONG, "longer than 107");
	cfg = harness_config(9);
	cfg.queues = 17;
	refused(&cfg, EINVAL, "1 to 16");
	cfg = harness_config(9);
	cfg.mtu = 67;
	refused(&cfg, EINVAL, "68 to 9216");
}

/* A port that is switched off hangs up and has no socket; its guest, which
 * connects again and again, is back when it is on. */
static void
test_enable(void **state)
{
	unsigned int fds = harness_fds();
	char err[320] = "";
	struct stat st;
	struct fe a, b;

	(void)state;
	harness_open(&b, 1, NULL);
	for (unsigned int i = 0; i < 5; i++) {
		harness_open(&a, 0, NULL);
		harness_exchange(&a, &b, 0, 20);
		for (unsigned int again = 0; again < 2; again++)
			assert_int_equal(
				vhost_port_enable(harness.port[0], false, err, sizeof(err)), 0);
		assert_true(fe_hung_up(&a, 5000));
		assert_int_equal(harness_status(0).state, VHOST_WAITING);
		assert_false(harness_status(0).connected);
		assert_int_equal(harness_status(0).features, 0);
		assert_int_equal(stat(harness.socket[0], &st), -1);
		fe_close(&a);
		for (unsigned int again = 0; again < 2; again++)
			assert_int_equal(
				vhost_port_enable(harness.port[0], true, err, sizeof(err)), 0);
	}
	harness_open(&a, 0, NULL);
	harness_exchange(&b, &a, 0, 20);
	fe_close(&a);
	fe_close(&b);
	harness_wait_fds(fds);
}

/* Somebody took the path while the port was off. */
static void
test_enable_refused(void **state)
{
	struct vhost_port_config cfg = harness_config(0);
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	char err[320] = "";
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct stat st;
	struct fe a;

	(void)state;
	harness_attach(0, NULL);
	vhost_port_destroy(harness.port[0]);
	cfg.disabled = true;
	harness.port[0] = vhost_port_create(&cfg, err, sizeof(err));
	assert_non_null(harness.port[0]);
	harness_attach(0, harness.port[0]);
	assert_int_equal(stat(cfg.socket, &st), -1);
	memcpy(at.sun_path, cfg.socket, sizeof(at.sun_path));
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(vhost_port_enable(harness.port[0], true, err, sizeof(err)), -EADDRINUSE);
	assert_non_null(strstr(err, cfg.socket));
	close(fd);
	/* What it left behind is stale and in nobody's way. */
	assert_int_equal(vhost_port_enable(harness.port[0], true, err, sizeof(err)), 0);
	harness_open(&a, 0, NULL);
	fe_close(&a);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, harness_ports, harness_drop)
	const struct CMUnitTest tests[] = {
		T(test_reconnect_server),
		T(test_second_peer_refused),
		T(test_client),
		T(test_destroy),
		T(test_sockets),
		T(test_enable),
		T(test_enable_refused),
	};
	int failed;

	if (!harness_start("test-vhost-socket"))
		return 77;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	harness_stop();
	return failed != 0;
}
