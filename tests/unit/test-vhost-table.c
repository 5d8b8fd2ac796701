/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vhost ports with peers whose memory makes no sense, cannot be mapped, or
 * vanishes. As in test-vhost-hostile.c, port 0 is the victim; ports 2 and 3 must
 * not notice.
 */
#include <fcntl.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/vhost-harness.h"

#define M (UINT64_C(1) << 20)

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
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_int_equal(ftruncate(fd, size), 0);
	return fd;
}

static void
test_tables(void **state)
{
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

/* Two regions of good memory that the frontend itself has mapped. */
static struct table
good_table(const struct fe *fe)
{
	struct table t = {.nregions = fe->mem.nregions};

	for (uint32_t i = 0; i < t.nregions; i++) {
		t.region[i].gpa = fe->mem.region[i].gpa;
		t.region[i].size = fe->mem.region[i].size;
		t.region[i].user = (uintptr_t)fe->mem.region[i].hva;
	}
	return t;
}

/* The first region is fine, the second is not, and traffic runs. */
static void
test_half_a_table(void **state)
{
	struct fe_config cfg = {.regions = 2};
	unsigned int open_before = harness_fds();
	int sealed = memfd(64 * M), fds[2];
	char path[32];

	assert_int_equal(fcntl(sealed, F_ADD_SEALS, F_SEAL_FUTURE_WRITE), 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", sealed);
	for (unsigned int i = 0; i < 3; i++) {
		int second = i == 0 ? sealed : i == 1 ? open(path, O_RDONLY) : memfd((off_t)M);
		struct table t;
		struct fe a, b;

		harness_open(&a, 0, &cfg);
		harness_open(&b, 1, NULL);
		harness_exchange(&a, &b, 0, 20);
		t = good_table(&a);
		fds[0] = a.mem.region[0].fd;
		fds[1] = second;
		assert_int_equal(fe_request(&a, FE_SET_MEM_TABLE, &t, 8 + 32 * 2, fds, 2), -1);
		assert_true(harness_wait_error(0, "memory region 1"));
		harness_neighbours_are_well();
		/* It was refused before anything changed: the old table serves. */
		harness_exchange(&a, &b, 0, 20);
		fe_close(&a);
		fe_close(&b);
		if (second != sealed)
			close(second);
	}
	close(sealed);
	harness_wait_fds(open_before);
	harness_port_recovers();
}

/* A file that turns unmappable between our check and the library's attempt: the
 * library then forgets to close it. Some of these rounds hit that moment. */
static void
test_seal_race(void **state)
{
	unsigned int open_before = harness_fds();

	for (unsigned int i = 0; i < 600; i++) {
		struct table t = {.nregions = 2};
		int fds[2] = {memfd((off_t)M), memfd((off_t)M)}, unread;
		struct fe fe;

		t.region[0].size = t.region[1].size = M;
		t.region[1].gpa = t.region[1].user = M;
		negotiated(&fe);
		assert_int_equal(
			fe_send(&fe, FE_SET_MEM_TABLE, 8 * (i & 1), &t, 8 + 32 * 2, fds, 2), 0);
		/* It has been read: the check comes next. */
		while (ioctl(fe.fd, SIOCOUTQ, &unread) == 0 && unread > 0)
			;
		for (volatile unsigned int k = i % 60 * 200; k > 0; k--)
			;
		assert_int_equal(fcntl(fds[1], F_ADD_SEALS, F_SEAL_FUTURE_WRITE), 0);
		fe_close(&fe);
		close(fds[0]);
		close(fds[1]);
	}
	harness_wait_fds(open_before);
	harness_neighbours_are_well();
	harness_port_recovers();
}

/* Files may be mostly holes; the address space is for all ports. */
static void
test_huge_table(void **state)
{
	struct table t = {.nregions = 2};
	int fds[2] = {memfd((off_t)M), memfd((off_t)(M << 22))};

	t.region[0].size = M;
	t.region[1].size = M << 22;
	t.region[1].gpa = t.region[1].user = M << 23;
	table_refused(&t, fds, 2, "larger than 4 TiB");
	t.region[1].size = M;
	t.region[1].offset = (M << 22) - M;
	table_refused(&t, fds, 2, "larger than 4 TiB");
	close(fds[0]);
	close(fds[1]);
	harness_neighbours_are_well();
	harness_port_recovers();
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

/* What a worker does with a ring whose memory has just gone, one at a time: the
 * test is the worker. */
enum step { STEP_RX, STEP_COMPLETE, STEP_TX, STEP_ARM, STEP_DISARM, STEP_SIGNAL, STEPS };

static void
shrink_before(enum step step, struct fe *fe)
{
	struct vhost_port *p = harness.port[0];
	static struct packet_burst b;
	uint8_t frame[60] = {2};
	struct packet pkt = {.hdr = frame, .hdr_len = 60, .len = 60}, *pkts[] = {&pkt};

	assert_true(fe_transmit(fe_tx_ring(fe, 0), NULL, frame, sizeof(frame)));
	for (enum step i = 0; i < STEPS; i++) {
		if (i == step) {
			assert_int_equal(harness_status(0).queues, 1);
			assert_int_equal(ftruncate(fe->mem.region[0].fd, 0), 0);
		}
		switch (i) {
		case STEP_RX:
			vhost_port_rx(p, 0, &b);
			break;
		case STEP_COMPLETE:
			vhost_port_rx_complete(p, 0);
			break;
		case STEP_TX:
			vhost_port_tx(p, 0, pkts, 1);
			break;
		case STEP_ARM:
			vhost_port_rx_arm(p, 0);
			break;
		case STEP_DISARM:
			vhost_port_rx_disarm(p, 0);
			break;
		default:
			vhost_signal();
		}
		/* It was this step that met the hole. */
		assert_int_equal(fe_hung_up(fe, 0), i >= step);
	}
}

static void
test_shrink_at_each_step(void **state)
{
	harness_sigbus();
	for (enum step step = 0; step < STEPS; step++) {
		struct fe a;

		harness_open(&a, 0, NULL);
		harness_take_over();
		/* The first interrupt is not asked for. */
		shrink_before(STEPS, &a);
		shrink_before(step, &a);
		harness_give_back();
		assert_true(harness_wait_error(0, "took memory away"));
		harness_neighbours_are_well();
		fe_close(&a);
	}
	harness_port_recovers();
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, harness_neighbours, harness_neighbours_drop)
	const struct CMUnitTest tests[] = {
		T(test_tables),
		T(test_half_a_table),
		T(test_seal_race),
		T(test_huge_table),
		T(test_shrink),
		T(test_shrink_at_each_step),
	};
	int failed;

	if (!harness_start("test-vhost-table"))
		return 77;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	harness_stop();
	return failed != 0;
}
