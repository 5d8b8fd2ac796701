/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vhost ports with peers whose rings make no sense or change all the time under
 * traffic. As in test-vhost-hostile.c, port 0 is the victim; ports 2 and 3 must
 * not notice.
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

static void
negotiated(struct fe *fe)
{
	struct fe_config cfg = {.socket = harness.socket[0]};

	if (fe_connect(fe, &cfg) != 0 || fe_negotiate(fe) != 0 || fe_make_rings(fe) != 0)
		fail_msg("%s", fe->err);
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
		T(test_ring_addresses),
		T(test_ring_sizes),
		T(test_not_eventfds),
		T(test_full_eventfd),
		T(test_avail_jump),
		T(test_changes_under_traffic),
	};
	int failed;

	if (!harness_start("test-vhost-memory"))
		return 77;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	harness_stop();
	return failed != 0;
}
