/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vhost ports with peers that break the protocol. Each case drives port 0; the
 * process lives, ports 2 and 3 carry traffic, and their messages are answered
 * soon. Cases about rings and memory are in test-vhost-memory.c.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit/vhost-harness.h"

static void
hostile_connect(struct fe *fe)
{
	struct fe_config cfg = {.socket = harness.socket[0]};

	if (fe_connect(fe, &cfg) != 0)
		fail_msg("%s", fe->err);
}

static void
wait_connected(void)
{
	int64_t end = harness_ms() + 5000;

	while (!harness_status(0).connected) {
		assert_true(harness_ms() < end);
		usleep(1000);
	}
}

/* How long the backend waits on its end of port 0's connection: the time limits
 * of this file are generous, this is what they stand for. */
static long
backend_waits_ms(void)
{
	struct sockaddr_un own, peer;

	for (int fd = 3; fd < 1024; fd++) {
		socklen_t own_len = sizeof(own), peer_len = sizeof(peer), len;
		struct timeval t;

		memset(&own, 0, sizeof(own));
		len = sizeof(t);
		if (getsockname(fd, (struct sockaddr *)&own, &own_len) == 0 &&
			strcmp(own.sun_path, harness.socket[0]) == 0 &&
			getpeername(fd, (struct sockaddr *)&peer, &peer_len) == 0 &&
			getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, &len) == 0)
			return t.tv_sec * 1000 + t.tv_usec / 1000;
	}
	return -1;
}

static void
test_half_message(void **state)
{
	struct {
		uint32_t request, flags, size;
		uint64_t payload;
	} m = {FE_SET_FEATURES, FE_FLAG_VERSION, 8, 0};
	const size_t sent[] = {1, 11, 12, 13, 19};

	for (unsigned int i = 0; i < 4; i++) {
		struct fe fe;

		hostile_connect(&fe);
		wait_connected();
		/* 50, which the kernel rounds up to its ticks. */
		assert_in_range(backend_waits_ms(), 1, 60);
		assert_int_equal(fe_send_raw(&fe, &m, sent[i], NULL, 0), 0);
		harness_neighbours_are_well();
		assert_true(fe_hung_up(&fe, 5000));
		assert_true(harness_wait_error(0, "incomplete"));
		fe_close(&fe);
	}
	harness_port_recovers();
}

static void
test_strikes(void **state)
{
	const uint32_t half[3] = {FE_SET_FEATURES, FE_FLAG_VERSION, 8};
	int64_t end;
	struct fe fe;

	for (unsigned int i = 0; i < 10; i++) {
		hostile_connect(&fe);
		assert_int_equal(fe_send_raw(&fe, half, sizeof(half), NULL, 0), 0);
		assert_true(fe_hung_up(&fe, 5000));
		fe_close(&fe);
	}
	assert_true(harness_wait_error(0, "refused for 10 s"));
	end = harness_ms() + 500;
	while (harness_ms() < end) {
		hostile_connect(&fe);
		assert_true(fe_hung_up(&fe, 5000));
		fe_close(&fe);
	}
	harness_neighbours_are_well();
	assert_true(harness_wait_error(0, "refused for 10 s"));
}

static void
test_drip(void **state)
{
	const uint32_t head[3] = {FE_GET_FEATURES, FE_FLAG_VERSION, 8};
	const uint64_t payload = 0;
	struct fe fe;

	hostile_connect(&fe);
	for (unsigned int i = 0; i < 5; i++) {
		/* Whichever comes first, the payload or our timeout. */
		if (fe_send_raw(&fe, head, sizeof(head), NULL, 0) != 0)
			break;
		usleep(20000);
		harness_neighbours_are_well();
		(void)fe_send_raw(&fe, &payload, sizeof(payload), NULL, 0);
	}
	fe_close(&fe);
}

/* Sends one message and expects to be thrown out with this sentence. */
static void
thrown_out(uint32_t request, uint32_t size, const void *payload, uint32_t len, const int *fds,
	unsigned int nfds, const char *text)
{
	uint8_t raw[12 + FE_PAYLOAD_MAX] = {0};
	const uint32_t head[3] = {request, FE_FLAG_VERSION, size};
	struct fe fe;

	hostile_connect(&fe);
	memcpy(raw, head, sizeof(head));
	if (len > 0)
		memcpy(raw + sizeof(head), payload, len);
	assert_int_equal(fe_send_raw(&fe, raw, sizeof(head) + len, fds, nfds), 0);
	if (!fe_hung_up(&fe, 5000))
		fail_msg("request %u of %u bytes was taken", request, size);
	assert_true(harness_wait_error(0, text));
	fe_close(&fe);
}

static void
test_garbage(void **state)
{
	const uint8_t zero[64] = {0};

	thrown_out(9999, 0, NULL, 0, NULL, 0, "request 9999");
	thrown_out(0, 0, NULL, 0, NULL, 0, "request 0");
	thrown_out(FE_SET_FEATURES, 0xffffffff, zero, 64, NULL, 0, "malformed");
	thrown_out(FE_SET_FEATURES, 4, zero, 4, NULL, 0, "SET_FEATURES with 4 bytes");
	harness_neighbours_are_well();
	harness_port_recovers();
}

static void
test_sizes(void **state)
{
	const uint8_t zero[64] = {0};

	thrown_out(FE_SET_VRING_ADDR, 8, zero, 8, NULL, 0, "SET_VRING_ADDR with 8 bytes");
	thrown_out(FE_SET_MEM_TABLE, 0, NULL, 0, NULL, 0, "SET_MEM_TABLE with 0 bytes");
	thrown_out(FE_SET_VRING_KICK, 64, zero, 64, NULL, 0, "SET_VRING_KICK with 64 bytes");
	harness_neighbours_are_well();
	harness_port_recovers();
}

static void
test_not_offered(void **state)
{
	/* IOTLB, config, crypto, postcopy, inflight, backend channel */
	const uint32_t requests[] = {22, 25, 26, 28, 29, 31, 32, 21};
	const uint64_t payload[3] = {4096, 0, 1 | 256 << 16}, none[3] = {0};
	const uint32_t far[10] = {256};
	unsigned int fds = harness_fds();
	int fd[2] = {eventfd(0, 0), eventfd(0, 0)};

	for (unsigned int i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		thrown_out(requests[i], 24, payload, 24, fd, 2, "was not offered");
	}
	/* No ring has these numbers: the library throws the peer out by itself. */
	thrown_out(32, 24, none, 24, fd, 2, "");
	thrown_out(FE_SET_VRING_NUM, 8, far, 8, fd, 2, "malformed");
	thrown_out(FE_GET_VRING_BASE, 8, far, 8, fd, 2, "malformed");
	thrown_out(FE_SET_VRING_ENABLE, 8, far, 8, fd, 2, "malformed");
	thrown_out(FE_SET_VRING_BASE, 8, far, 8, fd, 2, "malformed");
	thrown_out(FE_SET_VRING_ADDR, 40, far, 40, fd, 2, "malformed");
	close(fd[0]);
	close(fd[1]);
	harness_neighbours_are_well();
	/* The refused messages' descriptors are closed. */
	harness_wait_fds(fds);
}

static void
test_descriptors(void **state)
{
	const uint64_t ring0 = 0;
	unsigned int fds = harness_fds();
	int fd[9];

	for (unsigned int i = 0; i < 9; i++)
		fd[i] = eventfd(0, 0);
	thrown_out(FE_SET_VRING_KICK, 8, &ring0, 8, NULL, 0, "SET_VRING_KICK was malformed");
	thrown_out(FE_SET_VRING_CALL, 8, &ring0, 8, fd, 2, "SET_VRING_CALL was malformed");
	thrown_out(FE_SET_FEATURES, 8, &ring0, 8, fd, 9, "SET_FEATURES was malformed");
	thrown_out(FE_GET_QUEUE_NUM, 9, &ring0, 8, fd, 8, "");
	for (unsigned int i = 0; i < 9; i++)
		close(fd[i]);
	harness_neighbours_are_well();
	harness_wait_fds(fds);
	harness_port_recovers();
}

static void
test_ring_numbers(void **state)
{
	const uint32_t num[2] = {4, 256}, far[2] = {0xffffffff, 256};
	const uint64_t kick = 255;
	int fd = eventfd(0, 0);

	thrown_out(FE_SET_VRING_NUM, 8, num, 8, NULL, 0, "ring 4, but the port has 2 queue pairs");
	thrown_out(FE_SET_VRING_NUM, 8, far, 8, NULL, 0, "malformed");
	thrown_out(FE_SET_VRING_KICK, 8, &kick, 8, &fd, 1, "ring 255");
	close(fd);
	harness_neighbours_are_well();
	harness_port_recovers();
}

static void
test_does_not_read(void **state)
{
	struct fe fe;
	int64_t end = harness_ms() + 3000;

	hostile_connect(&fe);
	fcntl(fe.fd, F_SETFL, O_NONBLOCK);
	while (harness_ms() < end) {
		const uint32_t get[3] = {FE_GET_FEATURES, FE_FLAG_VERSION, 0};

		if (send(fe.fd, get, sizeof(get), MSG_NOSIGNAL) < 0)
			break;
	}
	assert_true(harness_wait_error(0, "does not read"));
	harness_neighbours_are_well();
	fe_close(&fe);
	harness_port_recovers();
}

static void
test_mtu(void **state)
{
	struct fe_config cfg = {.socket = harness.socket[0], .mtu = 9000};
	struct fe fe;

	assert_int_equal(fe_connect(&fe, &cfg), 0);
	assert_int_equal(fe_negotiate(&fe), -1);
	assert_true(harness_wait_error(0, "MTU is 9000, this port allows 68 to 1500"));
	vhost_port_set_mtu(harness.port[0], 9000);
	assert_int_equal(fe_set_u64(&fe, FE_NET_SET_MTU, 9000), 0);
	fe_close(&fe);
	harness_neighbours_are_well();
	harness_port_recovers();
}

/* O_NONBLOCK is the peer's to take off, and the counter its to fill: a write to
 * such an eventfd never returns. */
static void
test_call_blocks(void **state)
{
	struct fe_config cfg = {.socket = harness.socket[0],
		.features = FE_FEATURES_DEFAULT & ~FE_BIT(VIRTIO_RING_F_EVENT_IDX)};
	uint64_t count = UINT64_MAX - 1;
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	uint8_t frame[60] = {0xff};
	struct fe fe;

	harness_open(&fe, 0, &cfg);
	assert_int_equal(fe_set_vring_fd(&fe, FE_SET_VRING_CALL, 1, fd), 0);
	/* The backend makes up for interrupts that may have been lost: that one
	 * would leave no room. */
	(void)!read(fd, &count, sizeof(count));
	count = UINT64_MAX - 1;
	assert_int_equal(write(fd, &count, sizeof(count)), sizeof(count));
	assert_int_equal(fcntl(fd, F_SETFL, 0), 0);
	fe_tx_ring(&fe, 0)->avail->flags = 0;
	for (unsigned int i = 0; i < 4; i++) {
		assert_true(fe_transmit(fe_tx_ring(&fe, 0), NULL, frame, sizeof(frame)));
		harness_neighbours_are_well();
	}
	close(fd);
	fe_close(&fe);
	harness_port_recovers();
}

static void
test_storm(void **state)
{
	for (unsigned int i = 0; i < 100; i++) {
		struct fe fe;

		hostile_connect(&fe);
		if (i % 3 == 1)
			(void)fe_get_u64(&fe, FE_GET_FEATURES, &fe.offered);
		if (i % 3 == 2)
			(void)fe_send_raw(&fe, "\2\0\0\0\1\0\0\0\10\0\0\0", 12, NULL, 0);
		fe_close(&fe);
		if (i % 20 == 0)
			harness_neighbours_are_well();
	}
	harness_port_recovers();
}

/* Gone in the middle of everything. */
static void
test_disconnect(void **state)
{
	struct fe a, b;

	harness_open(&b, 1, NULL);
	for (unsigned int i = 0; i < 20; i++) {
		struct fe_config cfg = {.socket = harness.socket[0]};

		assert_int_equal(fe_connect(&a, &cfg), 0);
		assert_int_equal(fe_negotiate(&a), 0);
		assert_int_equal(fe_make_rings(&a), 0);
		if (i % 4 > 0)
			assert_int_equal(fe_set_mem_table(&a), 0);
		if (i % 4 > 1)
			assert_int_equal(fe_ring_start(&a, 1), 0);
		if (i % 4 > 2)
			assert_int_equal(fe_start(&a), 0);
		fe_close(&a);
	}
	fe_close(&b);
	harness_neighbours_are_well();
	harness_port_recovers();
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, harness_neighbours, harness_neighbours_drop)
	const struct CMUnitTest tests[] = {
		T(test_half_message),
		T(test_strikes),
		T(test_drip),
		T(test_garbage),
		T(test_sizes),
		T(test_not_offered),
		T(test_descriptors),
		T(test_ring_numbers),
		T(test_does_not_read),
		T(test_mtu),
		T(test_call_blocks),
		T(test_storm),
		T(test_disconnect),
	};
	int failed;

	if (!harness_start("test-vhost-hostile"))
		return 77;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	harness_stop();
	return failed != 0;
}
