/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The frontend's rings (tests/frontend/ring*.c) against a device of a few lines: what the driver
 * makes available and takes back, in either format, with buffers in order or not. A frontend that
 * accepted what it should not would let every other test pass.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/ring-device.h"

#define RING 16

struct rig {
	struct fe fe;
	struct ring_device dev;
};

struct kind {
	bool packed, in_order, indirect;
	uint16_t segs;
};

static void
rig_up(struct rig *rig, const struct kind *k, bool receive)
{
	struct fe_config c = {.socket = "none",
		.ring_size = RING,
		.tx_buffer = 2048,
		.rx_buffer = 2048,
		.tx_segs = k->segs,
		.rx_segs = k->segs,
		.tx_indirect = k->indirect};

	assert_int_equal(fe_init(&rig->fe, &c), 0);
	rig->fe.features = FE_FEATURES_DEFAULT | (k->packed ? FE_BIT(VIRTIO_F_RING_PACKED) : 0) |
			   (k->in_order ? FE_BIT(VIRTIO_F_IN_ORDER) : 0);
	assert_int_equal(fe_make_rings(&rig->fe), 0);
	ring_device_begin(&rig->dev, &rig->fe.ring[receive ? 0 : 1]);
}

static const struct kind kinds[] = {
	{false, false, false, 1},
	{false, false, false, 3},
	{false, false, true, 3},
	{false, true, false, 3},
	{false, true, true, 3},
	{true, false, false, 1},
	{true, false, false, 3},
	{true, false, true, 3},
	{true, true, false, 3},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* Many times around the ring, one to all of its slots under way. */
static void
test_transmit(void **state)
{
	static struct rig rig;
	uint8_t frame[100] = {1, 2, 3};

	(void)state;
	for (size_t k = 0; k < KINDS; k++) {
		struct fe_ring *r;
		struct ring_taken t[RING];
		uint64_t sent = 0;

		rig_up(&rig, &kinds[k], false);
		r = rig.dev.r;
		for (unsigned int round = 0; round < 200; round++) {
			uint16_t n = 1 + round % r->slots;

			for (uint16_t i = 0; i < n; i++)
				assert_true(fe_transmit(r, NULL, frame, 60 + round % 40));
			for (uint16_t i = 0; i < n; i++) {
				assert_true(ring_device_take(&rig.dev, &t[i]));
				assert_int_equal(t[i].bytes, 12 + 60 + round % 40);
			}
			assert_false(ring_device_take(&rig.dev, &t[0]));
			assert_int_equal(fe_reap(r), 0);
			for (uint16_t i = 0; i < n; i++)
				ring_device_give(&rig.dev, t[i].id, 0, 1, t[i].ndesc);
			assert_int_equal(fe_reap(r), n);
			assert_int_equal(r->nfree, r->slots);
			sent += n;
		}
		assert_int_equal(r->packets, sent);
		assert_int_equal(r->out_of_order, 0);
		fe_close(&rig.fe);
	}
}

/* All of a receive ring comes back, and can be filled again. */
static void
test_receive(void **state)
{
	static struct rig rig;
	uint8_t frame[2048];

	(void)state;
	for (size_t k = 0; k < KINDS; k++) {
		struct virtio_net_hdr_mrg_rxbuf hdr;
		struct fe_ring *r;
		struct ring_taken t;

		if (kinds[k].in_order)
			continue; /* a device may not skip there; see test_batch */
		rig_up(&rig, &kinds[k], true);
		r = rig.dev.r;
		fe_fill(r);
		for (unsigned int n = 0; n < 10u * r->slots; n++) {
			assert_true(ring_device_take(&rig.dev, &t));
			assert_int_equal(t.bytes, 2048);
			for (uint16_t s = 0; s < r->slots; s++)
				((struct virtio_net_hdr_mrg_rxbuf *)(void *)(r->buffer + s * 2048u))
					->num_buffers = 1;
			ring_device_give(&rig.dev, t.id, 12 + 64, 1, t.ndesc);
			assert_int_equal(fe_receive(r, &hdr, frame, sizeof(frame)), 64);
		}
		for (uint16_t s = 0; s < r->slots; s++)
			assert_true(ring_device_take(&rig.dev, &t));
		assert_false(ring_device_take(&rig.dev, &t));
		fe_close(&rig.fe);
	}
}

/* In order, one entry with the last buffer's ID stands for all before it. */
static void
test_batch(void **state)
{
	static struct rig rig;
	uint8_t frame[100] = {0};

	(void)state;
	for (size_t k = 0; k < KINDS; k++) {
		struct fe_ring *r;

		if (!kinds[k].in_order)
			continue;
		rig_up(&rig, &kinds[k], false);
		r = rig.dev.r;
		for (unsigned int round = 0; round < 50; round++) {
			uint16_t n = 1 + round % r->slots, slots = 0;
			struct ring_taken t = {0};

			for (uint16_t i = 0; i < n; i++)
				assert_true(fe_transmit(r, NULL, frame, 60));
			for (uint16_t i = 0; i < n; i++) {
				assert_true(ring_device_take(&rig.dev, &t));
				slots += t.ndesc;
			}
			ring_device_give(&rig.dev, t.id, 0, n, slots);
			assert_int_equal(fe_reap(r), n);
			assert_int_equal(r->nfree, r->slots);
		}
		assert_int_equal(r->out_of_order, 0);
		fe_close(&rig.fe);
	}
}

/* Buffers in another order than posted are noticed, and none is lost. */
static void
test_out_of_order(void **state)
{
	static struct rig rig;
	uint8_t frame[100] = {0};

	(void)state;
	for (int packed = 0; packed < 2; packed++) {
		struct kind k = {packed, false, false, 1};
		struct ring_taken t[2];

		rig_up(&rig, &k, false);
		assert_true(fe_transmit(rig.dev.r, NULL, frame, 60));
		assert_true(fe_transmit(rig.dev.r, NULL, frame, 60));
		assert_true(ring_device_take(&rig.dev, &t[0]) && ring_device_take(&rig.dev, &t[1]));
		ring_device_give(&rig.dev, t[1].id, 0, 1, 1);
		ring_device_give(&rig.dev, t[0].id, 0, 1, 1);
		assert_int_equal(fe_reap(rig.dev.r), 2);
		assert_int_equal(rig.dev.r->out_of_order, 2);
		assert_int_equal(rig.dev.r->nfree, rig.dev.r->slots);
		fe_close(&rig.fe);
	}
}

/* What the backend does not have cannot come back. */
static void
test_nonsense(void **state)
{
	static const struct {
		uint16_t id;
		bool twice;
	} bad[] = {{RING, false}, {5, false}, {UINT16_MAX, false}, {0, true}};
	static struct rig rig;
	uint8_t frame[100] = {0};

	(void)state;
	for (int packed = 0; packed < 2; packed++)
		for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
			struct kind k = {packed, false, false, 1};
			struct ring_taken t;

			rig_up(&rig, &k, false);
			assert_true(fe_transmit(rig.dev.r, NULL, frame, 60));
			assert_true(ring_device_take(&rig.dev, &t));
			if (bad[i].twice)
				ring_device_give(&rig.dev, t.id, 0, 1, 1);
			ring_device_give(&rig.dev, bad[i].id, 0, 1, 1);
			assert_int_equal(fe_reap(rig.dev.r), -1);
			fe_close(&rig.fe);
		}
}

/* As QEMU has it: a split ring goes on at its used index, a packed one at the
 * base of its start. */
static void
test_base(void **state)
{
	static struct rig rig;
	uint8_t frame[100] = {0};

	(void)state;
	for (int packed = 0; packed < 2; packed++) {
		struct kind k = {packed, false, false, 1};
		struct ring_taken t;

		rig_up(&rig, &k, false);
		assert_int_equal(rig.dev.r->base, packed ? 0x80008000 : 0);
		for (int i = 0; i < 3; i++) {
			assert_true(fe_transmit(rig.dev.r, NULL, frame, 60));
			assert_true(ring_device_take(&rig.dev, &t));
			ring_device_give(&rig.dev, t.id, 0, 1, 1);
		}
		assert_int_equal(fe_ring_base_after_crash(rig.dev.r), packed ? 0x80008000 : 3);
		fe_close(&rig.fe);
	}
}

/* The device wants a kick at one place of the packed ring: it comes when that is
 * passed, and not before or after, over the wrap as well. */
static void
test_packed_kick(void **state)
{
	static struct rig rig;
	struct kind k = {true, false, false, 1};
	uint8_t frame[100] = {0};

	(void)state;
	for (int place = 0; place < 2 * RING; place++) {
		struct fe_ring *r;
		struct ring_taken t;

		rig_up(&rig, &k, false);
		r = rig.dev.r;
		r->device_event->flags = VRING_PACKED_EVENT_FLAG_DESC;
		r->device_event->off_wrap = (uint16_t)(place % RING | (place < RING ? 0x8000 : 0));
		for (int i = 0; i < 2 * RING - 1; i++) {
			assert_true(fe_transmit(r, NULL, frame, 60));
			fe_kick(r);
			/* On the scale of two rounds; the place of the round after is
			 * that of the round before as well. */
			if (place < RING || i >= RING)
				assert_int_equal(r->kicks, i >= place);
			assert_true(ring_device_take(&rig.dev, &t));
			ring_device_give(&rig.dev, t.id, 0, 1, 1);
		}
		r->device_event->flags = VRING_PACKED_EVENT_FLAG_DISABLE;
		r->kicks = 0;
		assert_true(fe_transmit(r, NULL, frame, 60));
		fe_kick(r);
		assert_int_equal(r->kicks, 0);
		fe_close(&rig.fe);
	}
}

/* The driver's wish for an interrupt: off, but while it waits. */
static void
test_wait(void **state)
{
	static struct rig rig;
	struct kind k = {true, false, false, 1};
	struct ring_taken t;
	uint8_t frame[100] = {0};

	(void)state;
	rig_up(&rig, &k, false);
	assert_int_equal(rig.dev.r->driver_event->flags, VRING_PACKED_EVENT_FLAG_DISABLE);
	assert_true(fe_transmit(rig.dev.r, NULL, frame, 60));
	assert_true(ring_device_take(&rig.dev, &t));
	assert_false(fe_wait(rig.dev.r, 1));
	assert_int_equal(rig.dev.r->driver_event->off_wrap, 0x8000);
	ring_device_give(&rig.dev, t.id, 0, 1, 1);
	assert_true(fe_wait(rig.dev.r, 10000));
	assert_int_equal(rig.dev.r->driver_event->flags, VRING_PACKED_EVENT_FLAG_DISABLE);
	fe_close(&rig.fe);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_transmit),
		cmocka_unit_test(test_receive),
		cmocka_unit_test(test_batch),
		cmocka_unit_test(test_out_of_order),
		cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_base),
		cmocka_unit_test(test_packed_kick),
		cmocka_unit_test(test_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
