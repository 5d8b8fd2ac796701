/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Live migration with real sockets: a frontend moves from port 0 to port 2
 * under traffic, with its memory compared byte by byte; and peers whose logs
 * make no sense, are too small or vanish.
 */
#include <linux/vhost_types.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/fe-traffic.h"
#include "tests/unit/migration.h"

/* --- migration ------------------------------------------------------------ */

#define WITHOUT(bit) (~FE_BIT(VIRTIO_NET_F_##bit))

#define PACKED (FE_FEATURES_DEFAULT | FE_BIT(VIRTIO_F_RING_PACKED))

static const struct fe_config shapes[] = {
	/* several buffers for a frame */
	{.rx_buffer = 256, .tx_buffer = 2048},
	/* tables */
	{.rx_buffer = 2048, .tx_buffer = 2048, .tx_segs = 3, .tx_indirect = true},
	/* one buffer of several pieces, and flags instead of events */
	{.features = FE_FEATURES_DEFAULT & WITHOUT(MRG_RXBUF) & WITHOUT(GUEST_TSO4) &
		     WITHOUT(GUEST_TSO6) & ~FE_BIT(VIRTIO_RING_F_EVENT_IDX),
		.rx_buffer = 2048,
		.rx_segs = 3,
		.tx_buffer = 2048},
	/* buffers that cross pages and regions, a small ring */
	{.ring_size = 64, .regions = 3, .rx_buffer = 700, .tx_buffer = 2048},
	/* packed rings */
	{.features = PACKED, .rx_buffer = 256, .tx_buffer = 2048},
	{.features = PACKED,
		.rx_buffer = 2048,
		.tx_buffer = 2048,
		.tx_segs = 3,
		.tx_indirect = true},
	{.features = PACKED & WITHOUT(MRG_RXBUF) & WITHOUT(GUEST_TSO4) & WITHOUT(GUEST_TSO6) &
		     ~FE_BIT(VIRTIO_RING_F_EVENT_IDX),
		.ring_size = 64,
		.regions = 3,
		.rx_buffer = 2001,
		.rx_segs = 3,
		.tx_buffer = 2048},
	/* a legacy guest, two pairs */
	{.pairs = 2,
		.features = FE_BIT(FE_F_PROTOCOL_FEATURES) | FE_BIT(VIRTIO_NET_F_MQ) |
			    FE_BIT(VIRTIO_NET_F_CTRL_VQ),
		.rx_buffer = 1530,
		.tx_buffer = 2048},
};

/* What else may happen while a guest migrates. */
static void
disturb(struct fe *fe, unsigned int round)
{
	switch (round % 5) {
	case 1:
		assert_int_equal(fe_log_base(fe, fe->log.size + 8 * round), 0);
		break;
	case 2:
		assert_int_equal(fe_set_mem_table(fe), 0);
		break;
	case 3:
		assert_int_equal(fe_ring_enable(fe, 0, false), 0);
		assert_int_equal(fe_ring_enable(fe, 0, true), 0);
		break;
	case 4:
		assert_int_equal(fe_set_vring_fd(fe, FE_SET_VRING_KICK, 1, fe->ring[1].kick), 0);
		break;
	default:
		break;
	}
}

/* Both drivers stand still, but one has just sent: what the backend writes now
 * to the other's memory nobody but the log knows of. */
static void
send_to_one_who_stopped(struct traffic *t, struct migration *m)
{
	struct fe *fe = t->fe[1];
	int64_t end = harness_ms() + 5000;

	migration_round(m);
	traffic_send(t, 1);
	for (unsigned int pair = 0; pair < fe->cfg.pairs; pair++) {
		struct fe_ring *r = fe_tx_ring(fe, pair);

		while (fe_reap(r) >= 0 && r->nfree < r->slots)
			assert_true(harness_ms() < end);
	}
}

static void
migrate(const struct fe_config *shape, uint64_t seed)
{
	struct fe a, b, c;
	struct migration m;
	struct traffic t;

	harness_open(&a, 0, shape);
	assert_int_equal(a.ring[0].packed, shape->features >> VIRTIO_F_RING_PACKED & 1);
	harness_open(&b, 1, shape);
	harness_open(&c, 3, shape);
	traffic_start(&t, &a, &b, seed);
	traffic_flows(&t, 300);
	migration_begin(&m, &a);
	for (unsigned int round = 0; round < 25; round++) {
		migration_round(&m);
		disturb(&a, round);
		traffic_flows(&t, 50);
	}
	/* The guest stops wherever it is, with its rings full of packets. */
	pthread_mutex_lock(&t.step);
	send_to_one_who_stopped(&t, &m);
	migration_end(&m);
	assert_true(m.logged > 25);
	migration_arrive(&m, 2);
	t.fe[1] = &c;
	pthread_mutex_unlock(&t.step);
	traffic_flows(&t, 2000);
	traffic_stop(&t);
	fe_close(&a);
	fe_close(&b);
	fe_close(&c);
}

static void
test_migration(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		print_message("shape %u\n", i);
		migrate(&shapes[i], i);
	}
}

static void
count_page(void *arg, uint64_t gpa)
{
	(void)gpa;
	++*(unsigned int *)arg;
}

/* How often this process has mapped the log: once is the frontend. */
static unsigned int
log_mappings(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	unsigned int n = 0;
	char line[512];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		n += strstr(line, "dirty log") != NULL;
	fclose(f);
	return n;
}

/* A migration that is called off: from then on nothing is logged. */
static void
test_called_off(void **state)
{
	unsigned int pages = 0, before = harness_fds();
	struct fe a, b;

	(void)state;
	harness_open(&a, 0, NULL);
	harness_open(&b, 1, NULL);
	for (unsigned int i = 0; i < 5; i++) {
		assert_int_equal(fe_log_base(&a, fe_log_size(&a)), 0);
		harness_exchange(&b, &a, 0, 10);
		fe_log_take(&a, count_page, &pages);
		assert_int_equal(pages, 0); /* a log, but not turned on */
		assert_int_equal(fe_log_all(&a, true), 0);
		assert_true(harness_status(0).features & FE_BIT(VHOST_F_LOG_ALL));
		harness_exchange(&b, &a, 0, 10);
		fe_log_take(&a, count_page, &pages);
		assert_true(pages > 0);
		assert_int_equal(log_mappings(), 2);
		assert_int_equal(fe_log_all(&a, false), 0);
		assert_int_equal(log_mappings(), 1);
		pages = 0;
		fe_log_take(&a, count_page, &pages);
		pages = 0;
		harness_exchange(&b, &a, 0, 10);
		fe_log_take(&a, count_page, &pages);
		assert_int_equal(pages, 0);
	}
	/* On without a log is no crash. */
	assert_int_equal(fe_log_all(&a, true), 0);
	harness_exchange(&b, &a, 0, 10);
	fe_close(&a);
	fe_close(&b);
	harness_wait_fds(before);
}

/* --- peers that misbehave ------------------------------------------------- */

static void
log_refused(uint64_t size, uint64_t offset, const int *fds, unsigned int nfds, const char *text)
{
	uint64_t payload[2] = {size, offset};
	struct fe a;

	harness_open(&a, 0, NULL);
	assert_int_equal(fe_request(&a, FE_SET_LOG_BASE, payload, sizeof(payload), fds, nfds), -1);
	assert_true(harness_wait_error(0, text));
	fe_close(&a);
}

static void
test_bad_logs(void **state)
{
	unsigned int before = harness_fds();
	int fd[2], pipes[2];

	(void)state;
	fd[0] = memfd_create("log", MFD_CLOEXEC);
	fd[1] = memfd_create("log", MFD_CLOEXEC);
	assert_int_equal(ftruncate(fd[0], 1 << 20), 0);
	assert_int_equal(pipe(pipes), 0);
	log_refused(1 << 20, 0, NULL, 0, "with 0 descriptors, one was expected");
	log_refused(1 << 20, 0, fd, 2, "with 2 descriptors");
	log_refused(0, 0, fd, 1, "a migration log of 0 bytes");
	log_refused(UINT64_MAX, 0, fd, 1, "a migration log of");
	log_refused((UINT64_C(1) << 33) + 1, 0, fd, 1, "a migration log of");
	log_refused(4096, UINT64_MAX - 4095, fd, 1, "a migration log of");
	log_refused(4096, 100, fd, 1, "at a multiple of 4096");
	log_refused(1 << 20, 4096, fd, 1, "the migration log ends at byte 1052672 of a file of");
	log_refused(4096, 0, pipes, 1, "the migration log is not a file");
	close(fd[0]);
	close(fd[1]);
	close(pipes[0]);
	close(pipes[1]);
	harness_wait_fds(before);
	harness_neighbours_are_well();
	harness_port_recovers();
}

/* The rings go on after a refused log, where the connection outlives it. */
static void
test_refused_and_on(void **state)
{
	uint64_t payload[2] = {0, 0};
	struct fe a, b;

	(void)state;
	harness_open(&a, 0, NULL);
	harness_open(&b, 1, NULL);
	assert_int_equal(fe_request(&a, FE_SET_LOG_BASE, payload, sizeof(payload), NULL, 0), -1);
	assert_int_equal(fe_set_u64(&a, FE_SET_LOG_FD, 0), -1);
	a.err[0] = '\0';
	assert_int_equal(fe_request(&a, FE_SET_LOG_FD, NULL, 0, &a.ring[0].call, 1), 0);
	harness_exchange(&a, &b, 0, 20);
	harness_exchange(&b, &a, 0, 20);
	fe_close(&a);
	fe_close(&b);
}

/* What lies beyond the log is not noted, nothing behind the log is touched, and
 * the operator is told. The end comes anywhere in the receive buffers. */
static void
test_small_log(void **state)
{
	const struct fe_config shape = {.rx_buffer = 1700};
	struct fe a, b;

	(void)state;
	harness_open(&a, 0, &shape);
	harness_open(&b, 1, NULL);
	for (uint64_t more = 1; more < 12; more++) {
		uint64_t size = a.mem.gpa / FE_PAGE / 8 + more;
		const uint8_t *bits;

		assert_int_equal(fe_log_base(&a, size), 0);
		assert_int_equal(fe_log_all(&a, true), 0);
		assert_true(harness_wait_error(0, "migration log covers 4096 MiB, but its memory"));
		harness_exchange(&b, &a, 0, 260);
		harness_exchange(&a, &b, 0, 20);
		assert_int_equal(fe_log_all(&a, false), 0);
		bits = (const uint8_t *)a.log.bits;
		assert_int_not_equal(bits[size - 1], 0);
		for (uint64_t i = size; i < (size + FE_PAGE - 1) / FE_PAGE * FE_PAGE; i++)
			assert_int_equal(bits[i], 0);
	}
	fe_close(&a);
	fe_close(&b);
}

/* The log's file is cut under traffic: SIGBUS, for which the peer pays alone. */
static void
test_log_taken_away(void **state)
{
	unsigned int before = harness_fds();

	(void)state;
	for (unsigned int i = 0; i < 5; i++) {
		struct traffic t;
		struct fe a, b;
		int64_t end = harness_ms() + 5000;

		harness_sigbus();
		harness_open(&a, 0, NULL);
		harness_open(&b, 1, NULL);
		assert_int_equal(fe_log_base(&a, fe_log_size(&a)), 0);
		assert_int_equal(fe_log_all(&a, true), 0);
		/* A new memory table takes nothing from the log. */
		if (i % 2)
			assert_int_equal(fe_set_mem_table(&a), 0);
		traffic_start(&t, &a, &b, i);
		traffic_flows(&t, 100);
		assert_int_equal(ftruncate(a.log.fd, 0), 0);
		assert_true(harness_wait_error(0, "took memory away that it had shared"));
		while (!fe_hung_up(&a, 100))
			assert_true(harness_ms() < end);
		traffic_stop(&t);
		fe_close(&a);
		fe_close(&b);
	}
	harness_wait_fds(before);
	harness_neighbours_are_well();
	harness_port_recovers();
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, harness_ports, harness_drop)
#define N(name) cmocka_unit_test_setup_teardown(name, harness_neighbours, harness_neighbours_drop)
	const struct CMUnitTest tests[] = {
		T(test_migration),
		T(test_called_off),
		N(test_bad_logs),
		T(test_refused_and_on),
		T(test_small_log),
		N(test_log_taken_away),
	};
	int failed;

	if (!harness_start("test-vhost-log"))
		return 77;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	harness_stop();
	return failed != 0;
}
