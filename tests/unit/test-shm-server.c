/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The ivshmem server: what is sent in which order, who may come, and that nobody is
 * harmed by who connects and misbehaves.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/shm/client.h"
#include "tests/unit/shm-host.h"

static int
try_dial(unsigned int i, const char *kind)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(un.sun_path, sizeof(un.sun_path), "%s/%s.%s.sock", host.shm, host.name[i], kind);
	if (connect(sock, (struct sockaddr *)&un, sizeof(un)) == 0)
		return sock;
	close(sock);
	return -1;
}

static int
dial(unsigned int i, const char *kind)
{
	int sock = try_dial(i, kind);

	assert_true(sock >= 0);
	return sock;
}

/* A message as QEMU reads it: 8 bytes, with a descriptor or without (-1). */
static int64_t
message(int sock, int *fd)
{
	union {
		char bytes[CMSG_SPACE(4 * sizeof(int))];
		struct cmsghdr align;
	} control;
	int64_t number = -1000;
	struct iovec io = {.iov_base = &number, .iov_len = sizeof(number)};
	struct msghdr m = {.msg_iov = &io,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	struct pollfd p = {.fd = sock, .events = POLLIN};
	struct cmsghdr *h;

	*fd = -1;
	assert_int_equal(poll(&p, 1, 20000), 1);
	assert_int_equal(recvmsg(sock, &m, MSG_CMSG_CLOEXEC), sizeof(number));
	h = CMSG_FIRSTHDR(&m);
	if (h) {
		assert_int_equal(h->cmsg_type, SCM_RIGHTS);
		assert_int_equal(h->cmsg_len, CMSG_LEN(sizeof(int)));
		memcpy(fd, CMSG_DATA(h), sizeof(int));
	}
	return number;
}

static void
expect(int sock, int64_t number, bool with_fd)
{
	int fd;

	assert_int_equal(message(sock, &fd), number);
	assert_int_equal(fd >= 0, with_fd);
	if (fd >= 0)
		close(fd);
}

static bool
hung_up(int sock)
{
	struct pollfd p = {.fd = sock, .events = POLLRDHUP};

	return poll(&p, 1, 20000) == 1 && (p.revents & (POLLHUP | POLLRDHUP)) != 0;
}

static void
wait_attached(unsigned int i, bool attached)
{
	for (int64_t end = host_ms() + 20000; host_status(i).attached != attached; usleep(500))
		assert_true(host_ms() < end);
}

static void
wait_fds(unsigned int n)
{
	for (int64_t end = host_ms() + 20000; host_fds() != n; usleep(1000)) {
		if (host_ms() > end)
			fail_msg("%u descriptors are open, %u were expected", host_fds(), n);
	}
}

static void
test_order(void **state)
{
	struct shm_port_config cfg = host_config(3);
	unsigned int fds = host_fds();
	struct stat st;
	int ring, pool, fd;

	cfg.vectors = 3;
	assert_non_null(host_port(3, &cfg));
	ring = dial(3, "ring");
	expect(ring, 0, false);     /* protocol version */
	expect(ring, 1 + 3, false); /* our ID, the same at both sockets */
	assert_int_equal(message(ring, &fd), -1);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size & (st.st_size - 1), 0);
	/* Nobody can take the memory away from the daemon. */
	assert_int_equal(ftruncate(fd, 0), -1);
	close(fd);
	for (unsigned int v = 0; v < 3; v++)
		expect(ring, NETVM_HOST_PEER, true);
	for (unsigned int v = 0; v < 3; v++)
		expect(ring, 1 + 3, true);
	/* And nothing more: QEMU complains of vectors that its device has not. */
	assert_int_equal(poll(&(struct pollfd){.fd = ring, .events = POLLIN}, 1, 50), 0);
	pool = dial(3, "pool");
	expect(pool, 0, false);
	expect(pool, 1 + 3, false);
	assert_int_equal(message(pool, &fd), -1);
	assert_int_equal(ftruncate(fd, 0), -1);
	close(fd);
	assert_int_equal(poll(&(struct pollfd){.fd = pool, .events = POLLIN}, 1, 50), 0);
	wait_attached(3, true);
	assert_int_equal(host_status(3).peer, getpid());
	close(ring);
	wait_attached(3, false);
	close(pool);
	host_port_gone(3);
	wait_fds(fds);
}

static void
test_second_refused(void **state)
{
	struct client c;
	int second[20];

	assert_true(client_attach(&c, host.shm, host.name[0], 20));
	assert_true(client_open(&c, 20));
	for (unsigned int i = 0; i < 20; i++) {
		struct pollfd p;

		second[i] = dial(0, i % 2 ? "pool" : "ring");
		/* QEMU needs a number to go on, and that the connection does not end before it
		 * has read it. */
		expect(second[i], NETVM_REFUSED, false);
		p = (struct pollfd){.fd = second[i], .events = POLLIN | POLLRDHUP};
		assert_int_equal(poll(&p, 1, 20), 0);
	}
	/* They are not kept for ever. */
	assert_true(hung_up(second[0]));
	for (unsigned int i = 0; i < 20; i++)
		close(second[i]);
	assert_false(client_gone(&c));
	assert_false(client_lost(&c));
	assert_int_equal(host_status(0).state, SHM_UP);
	client_close(&c, true);
	wait_attached(0, false);
}

/* The next one comes without a pause: the end of the one before may be behind. */
static void
test_again_at_once(void **state)
{
	struct client c;
	unsigned int fds = 0;

	for (unsigned int i = 0; i < 30; i++) {
		if (!client_attach(&c, host.shm, host.name[0], 20) || !client_open(&c, 20))
			fail_msg("%s", c.error);
		if (i == 0)
			fds = host_fds();
		client_close(&c, i % 2);
		if (i % 3 == 0)
			wait_attached(0, false);
	}
	assert_true(client_attach(&c, host.shm, host.name[0], 20));
	assert_true(client_open(&c, 20));
	wait_fds(fds);
	client_close(&c, true);
	wait_attached(0, false);
	assert_int_equal(host_status(0).owned, 0);
}

static void
send_junk(int sock)
{
	char junk[4096] = {1, 2, 3};
	int fd[2] = {memfd_create("junk", MFD_CLOEXEC), memfd_create("junk", MFD_CLOEXEC)};
	union {
		char bytes[CMSG_SPACE(sizeof(fd))];
		struct cmsghdr align;
	} control = {0};
	struct iovec io = {.iov_base = junk, .iov_len = sizeof(junk)};
	struct msghdr m = {.msg_iov = &io,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(h), fd, sizeof(fd));
	while (sendmsg(sock, &m, MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
		;
	close(fd[0]);
	close(fd[1]);
}

/* Says what nobody asked for, or nothing, and reads nothing: the others do not notice. */
static void
test_misbehaves(void **state)
{
	unsigned int fds = host_fds();
	int ring, pool;
	struct client c;

	for (unsigned int i = 0; i < 5; i++) {
		ring = dial(0, "ring");
		pool = dial(0, "pool");
		send_junk(ring);
		send_junk(pool);
		assert_true(client_attach(&c, host.shm, host.name[1], 20));
		assert_true(client_open(&c, 20));
		client_close(&c, false);
		wait_attached(1, false);
		close(ring);
		close(pool);
	}
	wait_attached(0, false);
	/* Half a hang-up is one. */
	ring = dial(0, "ring");
	wait_attached(0, true);
	shutdown(ring, SHUT_WR);
	assert_true(hung_up(ring));
	wait_attached(0, false);
	close(ring);
	wait_fds(fds);
}

static void
test_socket_files(void **state)
{
	struct shm_port_config cfg = host_config(3);
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct stat st;
	int sock, file;

	cfg.mode = 0660;
	cfg.owner = getuid();
	snprintf(un.sun_path, sizeof(un.sun_path), "%.60s/p3.pool.sock", host.shm);
	/* Somebody listens there. */
	sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(sock, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(listen(sock, 1), 0);
	assert_null(host_port(3, &cfg));
	assert_int_equal(errno, EADDRINUSE);
	assert_non_null(strstr(host_err, "already served"));
	/* Nothing is left of the attempt. */
	assert_true(try_dial(3, "ring") < 0);
	close(sock);
	/* Nobody does any more. */
	assert_non_null(host_port(3, &cfg));
	assert_int_equal(stat(un.sun_path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	host_port_gone(3);
	assert_int_equal(stat(un.sun_path, &st), -1);
	file = open(un.sun_path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(file);
	assert_null(host_port(3, &cfg));
	assert_int_equal(errno, EEXIST);
	unlink(un.sun_path);
}

static void
test_refused_config(void **state)
{
	static const struct {
		size_t at;
		unsigned int bytes;
		uint32_t value;
		const char *says;
	} bad[] = {
		{offsetof(struct shm_port_config, queues), 2, 0, "queue pairs"},
		{offsetof(struct shm_port_config, queues), 2, 17, "queue pairs"},
		{offsetof(struct shm_port_config, vectors), 2, 0, "vectors"},
		{offsetof(struct shm_port_config, vectors), 2, 17, "vectors"},
		{offsetof(struct shm_port_config, rx_entries), 4, 32, "32 entries"},
		{offsetof(struct shm_port_config, tx_entries), 4, 100, "100 entries"},
		{offsetof(struct shm_port_config, fill_entries), 4, 65536, "65536 entries"},
		{offsetof(struct shm_port_config, mtu), 2, 67, "MTU 67"},
		{offsetof(struct shm_port_config, mtu), 2, 9300, "MTU 9300"},
		{offsetof(struct shm_port_config, name), 4, 0, "name"},
		{offsetof(struct shm_port_config, name), 2, '/', "name"},
	};
	unsigned int fds = host_fds();

	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct shm_port_config cfg = host_config(3);

		memcpy((char *)&cfg + bad[i].at, &bad[i].value, bad[i].bytes);
		assert_null(host_port(3, &cfg));
		assert_int_equal(errno, EINVAL);
		if (!strstr(host_err, bad[i].says))
			fail_msg("%s", host_err);
	}
	assert_int_equal(host_fds(), fds);
}

static void
test_destroyed(void **state)
{
	unsigned int fds = host_fds();
	struct client c;

	assert_non_null(host_port(2, NULL));
	assert_true(client_attach(&c, host.shm, host.name[2], 20));
	assert_true(client_open(&c, 20));
	host_port_gone(2);
	assert_true(hung_up(c.ring_socket));
	assert_true(hung_up(c.pool_socket));
	assert_int_equal(c.dev->host_state, NETVM_HOST_DOWN);
	assert_true(try_dial(2, "ring") < 0);
	client_close(&c, true);
	wait_fds(fds);
}

static int
set_up(void **state)
{
	if (!host_start(NULL) || !host_pool(0) || !host_port(0, NULL) || !host_port(1, NULL))
		return -1;
	return 0;
}

static int
tear_down(void **state)
{
	return host_stop() ? 0 : -1;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_second_refused),
		cmocka_unit_test(test_again_at_once),
		cmocka_unit_test(test_misbehaves),
		cmocka_unit_test(test_socket_files),
		cmocka_unit_test(test_refused_config),
		cmocka_unit_test(test_destroyed),
	};

	unsetenv("NOTIFY_SOCKET");
	setenv("NETVM_KEEPER", NETVM_BUILT_KEEPER, 1);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
