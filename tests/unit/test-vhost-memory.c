/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vhost ports with peers whose memory or rings make no sense, vanish, or change
 * all the time under traffic. As in test-vhost-hostile.c, port 0 is the
 * victim; ports 2 and 3 must not notice.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/vhost-harness.h"

struct table {
	uint32_t nregions, padding;
	struct {
		uint64_t gpa, size, user, offset;
	} region[9];
};

static void
negotiated(struct fe *fe)
{
	struct fe_config cfg = {.socket = harness.socket[0]};

	if (fe_connect(fe, &cfg) != 0 || fe_negotiate(fe) != 0 || fe_make_rings(fe) != 0)
		fail_msg("%s", fe->err);
}

/* A memory table that must be refused with this sentence. */
static void
table_refused(const struct table *t, const int *fds, unsigned int nfds, const char *text)
{
	struct fe fe;

	negotiated(&fe);
	assert_int_equal(fe_request(&fe, FE_SET_MEM_TABLE, t, 8 + 32 * t->nregions, fds, nfds), -1);
	assert_true(harness_wait_error(0, text));
	fe_close(&fe);
}

static int
memfd(off_t size)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_int_equal(ftruncate(fd, size), 0);
	return fd;
}

static void
test_tables(void **state)
{
	const uint64_t M = 1 << 20;
	unsigned int open_before = harness_fds();
	int fds[9], pipes[2];
	struct table t = {.nregions = 2};

	for (unsigned int i = 0; i < 9; i++)
		fds[i] = memfd((off_t)M);
	t.region[0].size = t.region[1].size = M;
	t.region[0].user = 0x10000000;
	t.region[1].user = 0x20000000;
	t.region[1].gpa = M / 2;
	table_refused(&t, fds, 2, "overlaps another");
	t.region[1].gpa = UINT64_MAX - M + 2;
	table_refused(&t, fds, 2, "memory region 1");
	t.region[1].gpa = M;
	t.region[1].offset = UINT64_MAX - M + 2;
	table_refused(&t, fds, 2, "wraps around");
	t.region[1].offset = 4096;
	table_refused(&t, fds, 2, "region 1 ends at byte 1052672 of a file of 1048576 bytes");
	t.region[1].offset = 0;
	table_refused(&t, fds, 1, "2 regions came with 1 descriptors");
	table_refused(&t, fds, 3, "2 regions came with 3 descriptors");
	t.region[1].size = 0;
	table_refused(&t, fds, 2, "is empty");
	t.nregions = 0;
	table_refused(&t, NULL, 0, "0 regions");
	t.nregions = 1;
	assert_int_equal(pipe(pipes), 0);
	table_refused(&t, pipes, 1, "not a file");
	close(pipes[0]);
	close(pipes[1]);
	for (unsigned int i = 0; i < 9; i++)
		close(fds[i]);
	harness_wait_fds(open_before);
	harness_neighbours_are_well();
	harness_port_recovers();
}

/* Puts ring 1 at these addresses and starts the device. */
static void
ring_address(struct fe *fe, uint64_t desc, uint64_t used, uint64_t avail)
{
	struct {
		uint32_t index, flags;
		uint64_t desc, used, avail, log;
	} m = {1, 0, desc, used, avail, 0};
	struct fe_ring *r = &fe->ring[1];

	assert_int_equal(fe_set_vring(fe, FE_SET_VRING_NUM, 1, r->size), 0);
	assert_int_equal(fe_set_vring(fe, FE_SET_VRING_BASE, 1, 0), 0);
	assert_int_equal(fe_request(fe, FE_SET_VRING_ADDR, &m, sizeof(m), NULL, 0), 0);
	assert_int_equal(fe_set_vring_fd(fe, FE_SET_VRING_KICK, 1, r->kick), 0);
	assert_int_equal(fe_set_vring_fd(fe, FE_SET_VRING_CALL, 1, r->call), 0);
	assert_int_equal(fe_ring_enable(fe, 1, true), 0);
}

static void
test_ring_addresses(void **state)
{
	struct fe a;
	uint64_t desc, avail, used, end;

	negotiated(&a);
	assert_int_equal(fe_set_mem_table(&a), 0);
	assert_int_equal(fe_ring_start(&a, 0), 0);
	assert_int_equal(fe_ring_enable(&a, 0, true), 0);
	assert_int_equal(fe_set_u64(&a, FE_SET_STATUS, 0xf), 0);
	desc = (uintptr_t)a.ring[1].desc;
	avail = (uintptr_t)a.ring[1].avail;
	used = (uintptr_t)a.ring[1].used;
	end = (uintptr_t)a.mem.base + a.mem.size;
	ring_address(&a, desc, 0x1000, avail);
	assert_true(harness_wait_error(0, "ring 1: its used ring at 0x1000 (2054 bytes) lies"));
	ring_address(&a, desc, used, end - 8);
	assert_true(harness_wait_error(0, "ring 1: its avail ring"));
	ring_address(&a, end - 16, used, avail);
	assert_true(harness_wait_error(0, "ring 1: its descriptor table"));
	ring_address(&a, desc + 8, used, avail);
	assert_true(harness_wait_error(0, "is misaligned"));
	ring_address(&a, desc, used + 2, avail);
	assert_true(harness_wait_error(0, "used ring"));
	ring_address(&a, UINT64_MAX - 15, used, avail);
	assert_true(harness_wait_error(0, "descriptor table"));
	assert_int_equal(harness_status(0).queues, 0);
	/* Once it makes sense, it runs. */
	ring_address(&a, desc, used, avail);
	assert_true(harness_wait(0, VHOST_UP));
	harness_neighbours_are_well();
	fe_close(&a);
	harness_port_recovers();
}

static void
test_ring_sizes(void **state)
{
	const uint32_t sizes[] = {3, 65535, 65536, 0, 0x80000000};
	struct fe a;

	negotiated(&a);
	assert_int_equal(fe_set_mem_table(&a), 0);
	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		assert_int_equal(fe_set_vring(&a, FE_SET_VRING_NUM, 0, sizes[i]), -1);
	assert_int_equal(fe_start(&a), 0);
	assert_true(harness_wait(0, VHOST_UP));
	/* Also on a running ring, which then waits for a size that works. */
	assert_int_equal(fe_set_vring(&a, FE_SET_VRING_NUM, 0, 3), -1);
	assert_int_equal(harness_status(0).queues, 0);
	assert_int_equal(fe_set_vring(&a, FE_SET_VRING_NUM, 0, a.ring[0].size), 0);
	harness_wait_queues(0, 1);
	fe_close(&a);
	harness_neighbours_are_well();
	harness_port_recovers();
}

static void
test_not_eventfds(void **state)
{
	int pipes[2];
	struct fe a;

	assert_int_equal(pipe(pipes), 0);
	harness_open(&a, 0, NULL);
	assert_int_equal(fe_set_vring_fd(&a, FE_SET_VRING_CALL, 0, pipes[1]), 0);
	assert_true(harness_wait_error(0, "ring 0: its call descriptor is not an eventfd"));
	assert_int_equal(fe_set_vring_fd(&a, FE_SET_VRING_KICK, 1, pipes[0]), 0);
	assert_true(harness_wait_error(0, "ring 1: its kick descriptor is not an eventfd"));
	fe_close(&a);
	close(pipes[0]);
	close(pipes[1]);
	harness_neighbours_are_well();
	harness_port_recovers();
}

/* A call eventfd whose counter is full would block a worker's write. */
static void
test_full_eventfd(void **state)
{
	uint64_t full = UINT64_MAX - 1;
	struct fe a, b;
	int fd = eventfd(0, EFD_CLOEXEC);

	harness_open(&a, 0, NULL);
	harness_open(&b, 1, NULL);
	assert_int_equal(write(fd, &full, sizeof(full)), sizeof(full));
	assert_int_equal(fe_set_vring_fd(&b, FE_SET_VRING_CALL, 0, fd), 0);
	/* Interrupts wanted: avail->flags and used_event stay at 0. */
	harness_exchange(&a, &b, 0, 300);
	close(fd);
	fe_close(&a);
	fe_close(&b);
	harness_neighbours_are_well();
}

static void
test_avail_jump(void **state)
{
	struct fe a, b;

	harness_open(&a, 0, NULL);
	harness_open(&b, 1, NULL);
	harness_exchange(&a, &b, 0, 20);
	__atomic_store_n(&a.ring[1].avail->idx, 20 + 257, __ATOMIC_RELEASE);
	assert_true(harness_wait_error(0, "ring 1: the guest's avail index"));
	harness_neighbours_are_well();
	/* A reset by the guest's driver cures it. */
	assert_int_equal(fe_stop(&a), 0);
	fe_ring_reset(&a.ring[0]);
	fe_ring_reset(&a.ring[1]);
	fe_fill(&a.ring[0]);
	assert_int_equal(fe_start(&a), 0);
	assert_true(harness_wait(0, VHOST_UP));
	harness_exchange(&a, &b, 0, 20);
	fe_close(&a);
	fe_close(&b);
}

/* The peer shrinks its memory while the worker polls it. */
static void
test_shrink(void **state)
{
	struct fe a, b;

	harness_sigbus();
	for (unsigned int i = 0; i < 4; i++) {
		struct fe_config cfg = {.regions = 4};

		harness_open(&a, 0, &cfg);
		harness_open(&b, 1, NULL);
		harness_exchange(&a, &b, 0, 20);
		assert_int_equal(ftruncate(a.mem.region[0].fd, 0), 0);
		assert_true(harness_wait_error(0, "took memory away"));
		assert_true(fe_hung_up(&a, 1000));
		harness_neighbours_are_well();
		fe_close(&a);
		fe_close(&b);
		assert_true(harness_wait(1, VHOST_WAITING));
	}
	harness_port_recovers();
}

struct flood {
	struct fe *a, *b;
	_Atomic bool stop;
	_Atomic uint64_t received;
};

/* Both frontends move packets as fast as they can, one thread. */
static void *
flood(void *arg)
{
	static uint8_t frame[1000] = {2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 0x88, 0xb5};
	struct virtio_net_hdr_mrg_rxbuf hdr;
	uint8_t got[2048];
	struct flood *f = arg;

	while (!atomic_load(&f->stop)) {
		struct fe_ring *tx[2] = {fe_tx_ring(f->a, 0), fe_tx_ring(f->b, 0)};
		struct fe_ring *rx[2] = {fe_rx_ring(f->b, 0), fe_rx_ring(f->a, 0)};

		for (unsigned int i = 0; i < 2; i++) {
			if (fe_reap(tx[i]) < 0)
				return (void *)"a used ring makes no sense";
			while (fe_transmit(tx[i], NULL, frame, sizeof(frame)))
				;
			fe_kick(tx[i]);
			for (;;) {
				int n = fe_receive(rx[i], &hdr, got, sizeof(got));

				if (n == 0)
					break;
				if (n != (int)sizeof(frame) ||
					memcmp(got, frame, sizeof(frame)) != 0)
					return (void *)"a frame arrived damaged";
				f->received++;
			}
		}
		sched_yield();
	}
	return NULL;
}

/* Whatever is changed under traffic, rings go on exactly where they were. */
static void
test_changes_under_traffic(void **state)
{
	struct fe a, b;
	struct flood f = {.a = &a, .b = &b};
	pthread_t thread;
	int64_t end = harness_ms() + 2000;
	uint64_t before;
	void *complaint;

	harness_open(&a, 0, NULL);
	harness_open(&b, 1, NULL);
	assert_int_equal(pthread_create(&thread, NULL, flood, &f), 0);
	for (unsigned int i = 0; harness_ms() < end; i++) {
		unsigned int ring = i % 2;

		assert_int_equal(fe_ring_enable(&a, ring, false), 0);
		assert_int_equal(fe_ring_enable(&a, ring, true), 0);
		assert_int_equal(fe_set_vring_addr(&a, ring), 0);
		assert_int_equal(fe_set_mem_table(&a), 0);
		assert_int_equal(
			fe_set_vring_fd(&a, FE_SET_VRING_CALL, ring, a.ring[ring].call), 0);
		assert_int_equal(
			fe_set_vring_fd(&a, FE_SET_VRING_KICK, ring, a.ring[ring].kick), 0);
		assert_int_equal(fe_set_u64(&a, FE_SET_FEATURES, a.features), 0);
	}
	/* Traffic goes on by itself; a busy machine may take its time. */
	before = f.received;
	end = harness_ms() + 5000;
	while (f.received == before && harness_ms() < end)
		usleep(10000);
	atomic_store(&f.stop, true);
	pthread_join(thread, &complaint);
	if (complaint)
		fail_msg("%s", (char *)complaint);
	assert_true(f.received > before);
	assert_int_equal(a.ring[1].out_of_order, 0);
	harness_neighbours_are_well();
	fe_close(&a);
	fe_close(&b);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, harness_neighbours, harness_neighbours_drop)
	const struct CMUnitTest tests[] = {
		T(test_tables),
		T(test_ring_addresses),
		T(test_ring_sizes),
		T(test_not_eventfds),
		T(test_full_eventfd),
		T(test_avail_jump),
		T(test_shrink),
		T(test_changes_under_traffic),
	};
	int failed;

	if (!harness_start("test-vhost-memory"))
		return 77;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	harness_stop();
	return failed != 0;
}
