/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where rings begin when the daemon that ran them is gone: what a frontend is told
 * of a ring that has not been started again, and what the log of a migration says.
 */
#include <string.h>

#include "tests/unit/vhost-harness.h"

#define PACKED    (FE_FEATURES_DEFAULT | FE_BIT(VIRTIO_F_RING_PACKED))
#define DRIVER_OK 0xf /* and all that comes before it */
#define FRAMES    50
#define STALE     0x8000 /* the base that the frontend sent first */
#define PLACE     (STALE | FRAMES)

static void
port_drop(void)
{
	harness_attach(0, NULL);
	vhost_port_destroy(harness.port[0]);
}

static void
port_make(void)
{
	struct vhost_port_config cfg = harness_config(0);
	char err[320] = "";

	cfg.queues = 2;
	cfg.position_dir = harness.dir;
	harness.port[0] = vhost_port_create(&cfg, err, sizeof(err));
	if (!harness.port[0])
		fail_msg("%s", err);
	harness_attach(0, harness.port[0]);
}

static int
setup(void **state)
{
	if (harness_ports(state) != 0)
		return -1;
	port_drop();
	port_make();
	return 0;
}

static int
teardown(void **state)
{
	vhost_port_forget(harness.dir, "port0");
	return harness_drop(state);
}

/* A new daemon: both of a's pairs have run, and the second one is off now. */
static void
come_back(struct fe *a, struct fe *b)
{
	const struct fe_config cfg = {.features = PACKED, .pairs = 2};

	harness_open(a, 0, &cfg);
	harness_open(b, 1, &cfg);
	assert_true(a->ring[3].packed);
	harness_wait_queues(0, 2);
	harness_wait_queues(1, 2);
	harness_exchange(a, b, 1, FRAMES);
	assert_int_equal(fe_ring_enable(a, 2, false), 0);
	assert_int_equal(fe_ring_enable(a, 3, false), 0);
	harness_wait_queues(0, 1);
	port_drop();
	port_make();
	assert_int_equal(fe_dial(a), 0);
	assert_int_equal(fe_negotiate(a), 0);
	assert_int_equal(fe_set_mem_table(a), 0);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(fe_ring_start(a, i), 0);
		if (i < 2)
			assert_int_equal(fe_ring_enable(a, i, true), 0);
	}
	assert_int_equal(fe_set_u64(a, FE_SET_STATUS, DRIVER_OK), 0);
	harness_wait_queues(0, 1);
}

/* The second pair is turned on; it works. */
static void
turn_on(struct fe *a, struct fe *b)
{
	assert_int_equal(fe_ring_start(a, 3), 0);
	/* Stopping one ring stopped the device. */
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(fe_ring_enable(a, i, true), 0);
	harness_wait_queues(0, 2);
	harness_exchange(a, b, 1, FRAMES);
	harness_exchange(b, a, 1, FRAMES);
	fe_close(a);
	fe_close(b);
}

static void
test_ring_that_is_off(void **state)
{
	struct fe a, b;
	uint16_t base;

	(void)state;
	come_back(&a, &b);
	assert_int_equal((uint16_t)a.ring[3].base, STALE);
	assert_int_equal(fe_ring_start(&a, 3), 0);
	assert_int_equal(fe_ring_stop(&a, 3, &base), 0);
	assert_int_equal(base, PLACE);
	turn_on(&a, &b);
}

/* No address, so nobody can look: the frontend keeps what it has, and so do we. */
static void
test_ring_that_nobody_can_see(void **state)
{
	struct fe a, b;
	uint16_t base;

	(void)state;
	come_back(&a, &b);
	assert_int_equal(fe_set_vring(&a, FE_SET_VRING_NUM, 3, a.ring[3].size), 0);
	assert_int_equal(fe_set_vring(&a, FE_SET_VRING_BASE, 3, a.ring[3].base), 0);
	assert_int_equal(fe_ring_stop(&a, 3, &base), 0);
	assert_int_equal(base, STALE);
	turn_on(&a, &b);
}

struct page {
	uint64_t gpa;
	bool noted;
};

static void
look_for_page(void *arg, uint64_t gpa)
{
	struct page *p = arg;

	p->noted |= gpa == p->gpa;
}

/* Whoever ran the ring before may have written there last. */
static void
test_start_notes_the_ring(void **state)
{
	(void)state;
	for (int packed = 0; packed < 2; packed++) {
		const struct fe_config cfg = {
			.features = packed ? PACKED : FE_FEATURES_DEFAULT, .ring_size = 1024};
		const uint8_t *ring;
		struct page page;
		struct fe a;

		harness_open(&a, 0, &cfg);
		ring = packed ? (const uint8_t *)a.ring[0].pdesc : (const uint8_t *)a.ring[0].used;
		/* Neither its ends nor what a start writes. */
		page = (struct page){.gpa = fe_memory_gpa(&a.mem, ring + 4096) & ~UINT64_C(4095)};
		assert_int_equal(fe_log_base(&a, fe_log_size(&a)), 0);
		assert_int_equal(fe_log_all(&a, true), 0);
		fe_log_take(&a, look_for_page, &(struct page){0});
		assert_int_equal(fe_ring_enable(&a, 0, false), 0);
		harness_wait_queues(0, 0);
		assert_int_equal(fe_ring_enable(&a, 0, true), 0);
		harness_wait_queues(0, 1);
		fe_log_take(&a, look_for_page, &page);
		assert_true(page.noted);
		fe_close(&a);
		assert_true(harness_wait(0, VHOST_WAITING));
	}
}

/* The place to take in the lower half, the place to give back in the upper one. */
static void
test_both_places_are_told(void **state)
{
	(void)state;
	for (int packed = 0; packed < 2; packed++) {
		const struct fe_config cfg = {.features = packed ? PACKED : FE_FEATURES_DEFAULT};
		struct fe a, b;

		harness_open(&a, 0, &cfg);
		harness_open(&b, 1, &cfg);
		harness_exchange(&a, &b, 0, FRAMES);
		for (unsigned int i = 0; i < 2; i++)
			assert_int_equal(fe_ring_stop(&a, i, NULL), 0);
		assert_int_equal(a.ring[1].base, packed ? (uint32_t)PLACE << 16 | PLACE : FRAMES);
		assert_int_equal(a.ring[0].base, packed ? (uint32_t)STALE << 16 | STALE : 0);
		fe_close(&a);
		fe_close(&b);
		assert_true(harness_wait(0, VHOST_WAITING));
	}
}

/* The operator is told what is wrong with a packed ring, not with a split one. */
static void
test_chain_without_an_end(void **state)
{
	const struct fe_config cfg = {.features = PACKED};
	struct fe_ring *r;
	struct fe a;

	(void)state;
	harness_open(&a, 0, &cfg);
	r = fe_tx_ring(&a, 0);
	for (unsigned int i = r->size; i-- > 0;)
		__atomic_store_n(&r->pdesc[i].flags,
			VRING_DESC_F_NEXT | 1u << VRING_PACKED_DESC_F_AVAIL, __ATOMIC_RELEASE);
	assert_true(harness_wait_error(0, "ring 1: the guest made a chain of descriptors"));
	fe_close(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_ring_that_is_off, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ring_that_nobody_can_see, setup, teardown),
		cmocka_unit_test_setup_teardown(test_start_notes_the_ring, setup, teardown),
		cmocka_unit_test_setup_teardown(test_both_places_are_told, setup, teardown),
		cmocka_unit_test_setup_teardown(test_chain_without_an_end, setup, teardown),
	};
	int failed;

	if (!harness_start("test-vhost-base"))
		return 77;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	harness_stop();
	return failed != 0;
}
