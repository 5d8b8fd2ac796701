/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A ring as a whole: set-up, indices and their wrap, completion, faults,
 * and notification in both directions.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <linux/virtio_config.h>
#include <cmocka.h>

#include "tests/unit/ring-guest.h"

#define VERSION_1 (1ull << VIRTIO_F_VERSION_1)

static struct packet_burst burst;

static void
setup_refuses_bad_sizes(void **state)
{
	static const uint32_t bad[] = {0, 3, 6, 255, 257, 32767, 32769, 65536, UINT32_MAX};
	struct ring_guest g;
	struct vring_config cfg;

	rg_init(&g, 256, VERSION_1, 0, rg_ops);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cfg = rg_config(&g, 0);
		cfg.size = bad[i];
		assert_int_equal(vring_setup(g.vq, &cfg), -EINVAL);
	}
	rg_free(&g);
}

static void
setup_refuses_parts_outside_memory(void **state)
{
	struct ring_guest g;
	struct vring_config good, cfg;

	rg_init(&g, 256, VERSION_1, 0, rg_ops);
	good = rg_config(&g, 0);
#define REFUSED(change)                                                                            \
	do {                                                                                       \
		cfg = good;                                                                        \
		change;                                                                            \
		assert_int_equal(vring_setup(g.vq, &cfg), -EINVAL);                                \
	} while (0)
	REFUSED(cfg.mem = NULL);
	REFUSED(cfg.desc = NULL);
	REFUSED(cfg.avail = NULL);
	REFUSED(cfg.used = NULL);
	REFUSED(cfg.size = 512);
	REFUSED(cfg.desc = (void *)((char *)cfg.desc + 16));
	REFUSED(cfg.avail = (void *)((char *)cfg.avail + 2));
	REFUSED(cfg.used = (void *)((char *)cfg.used + 4));
	/* Half the size would fit at these places, but for their alignment. */
	REFUSED((cfg.size = 128, cfg.desc = (void *)((char *)cfg.desc + 8)));
	REFUSED((cfg.size = 128, cfg.avail = (void *)((char *)cfg.avail + 1)));
	REFUSED((cfg.size = 128, cfg.used = (void *)((char *)cfg.used + 2)));
	REFUSED(g.used->idx = 1);
	REFUSED(g.used->idx = (uint16_t)-257);
	g.used->idx = (uint16_t)-256;
	assert_int_equal(vring_setup(g.vq, &good), 0);
	assert_int_equal(g.vq->used_idx, (uint16_t)-256);
	rg_free(&g);
}

static void
setup_reads_features(void **state)
{
	struct ring_guest g;

	rg_init(&g, 256, 0, 0, rg_ops);
	assert_int_equal(g.vq->hdr_size, 10);
	assert_false(g.vq->mergeable || g.vq->indirect || g.vq->event_idx || g.vq->guest_csum);
	assert_int_equal(g.vq->max_frame, PACKET_LEN_MAX);
	rg_free(&g);
	rg_init(&g, 256, VERSION_1, 0, rg_ops);
	assert_int_equal(g.vq->hdr_size, 12);
	assert_false(g.vq->mergeable);
	rg_free(&g);
	rg_init(&g, 256,
		1ull << VIRTIO_NET_F_MRG_RXBUF | 1ull << VIRTIO_RING_F_INDIRECT_DESC |
			1ull << VIRTIO_RING_F_EVENT_IDX | 1ull << VIRTIO_NET_F_GUEST_CSUM |
			1ull << VIRTIO_NET_F_GUEST_TSO6,
		0, rg_ops);
	assert_int_equal(g.vq->hdr_size, 12);
	assert_true(g.vq->mergeable && g.vq->indirect && g.vq->event_idx && g.vq->guest_csum);
	assert_true(!g.vq->guest_tso4 && g.vq->guest_tso6);
	rg_free(&g);
}

static void
select_knows_its_variants(void **state)
{
	assert_null(vring_ops_select("mmx"));
	assert_null(vring_ops_select(""));
	assert_non_null(vring_ops_select(NULL));
	assert_string_equal(vring_ops_select("sse")->name, "sse");
	assert_ptr_equal(vring_ops_select(rg_ops->name), rg_ops);
}

/* Sends and completes `count` frames in bursts of `step` from position base. */
static void
pump(uint32_t size, uint16_t base, uint32_t count, uint16_t step)
{
	struct ring_guest g;
	uint8_t frame[64];

	rg_init(&g, size, VERSION_1 | rg_event, base, rg_ops);
	for (uint32_t at = 0; at < count; at += step) {
		uint16_t head[PACKET_BURST];

		rg_reset(&g);
		for (uint16_t i = 0; i < step; i++) {
			rg_fill(frame, sizeof(frame), at + i);
			head[i] = rg_send(&g, frame, sizeof(frame));
		}
		vring_dequeue(g.vq, &burst, PACKET_BURST);
		assert_int_equal(burst.count, step);
		for (uint16_t i = 0; i < step; i++) {
			rg_fill(frame, sizeof(frame), at + i);
			assert_memory_equal(burst.pkt[i].hdr, frame, sizeof(frame));
		}
		rg_expect_none(&g);
		vring_complete(g.vq);
		for (uint16_t i = 0; i < step; i++)
			rg_expect(&g, head[i], 0);
		rg_expect_none(&g);
	}
	assert_int_equal(g.vq->packets, count);
	assert_int_equal(g.vq->bytes, count * sizeof(frame));
	rg_free(&g);
}

static void
indices_wrap(void **state)
{
	for (uint32_t size = 1; size <= VRING_SIZE_MAX; size *= 2)
		pump(size, (uint16_t)-40, 128, size < PACKET_BURST ? (uint16_t)size : PACKET_BURST);
	/* Only a packed ring may have any size. */
	for (uint32_t size = 3; rg_ring & RG_PACKED && size < VRING_SIZE_MAX; size = size * 3 / 2)
		for (uint16_t base = 0; base < 3; base++)
			pump(size, (uint16_t)(2 * size - base), 3 * size, 3);
	pump(4, 7, 3 * 65536 / 2, 3);
	pump(32768, 32767, 65536 + 64, 32);
}

static void
dequeue_takes_at_most_max(void **state)
{
	struct ring_guest g;
	uint8_t frame[60] = {0};

	rg_init(&g, 64, VERSION_1 | rg_event, 0, rg_ops);
	for (int i = 0; i < 64; i++)
		rg_send(&g, frame, sizeof(frame));
	vring_dequeue(g.vq, &burst, 0);
	assert_int_equal(burst.count, 0);
	vring_dequeue(g.vq, &burst, 5);
	assert_int_equal(burst.count, 5);
	/* Nothing more before the burst is given back. */
	vring_dequeue(g.vq, &burst, 5);
	assert_int_equal(burst.count, 0);
	vring_complete(g.vq);
	for (uint16_t i = 0; i < 5; i++)
		rg_expect(&g, i, 0);
	rg_expect_none(&g);
	vring_complete(g.vq);
	rg_expect_none(&g);
	vring_dequeue(g.vq, &burst, UINT16_MAX);
	assert_int_equal(burst.count, PACKET_BURST);
	rg_free(&g);
}

static void
avail_too_far_ahead_is_a_fault(void **state)
{
	struct ring_guest g;
	struct vring_config cfg;
	uint8_t frame[60] = {0};
	struct packet p = {.hdr = frame, .len = 60, .hdr_len = 60};
	struct packet *pkts[] = {&p};

	rg_init(&g, 16, VERSION_1 | rg_event, 100, rg_ops);
	rg_send(&g, frame, sizeof(frame));
	g.avail->idx = 100 + 17;
	vring_dequeue(g.vq, &burst, PACKET_BURST);
	assert_int_equal(burst.count, 0);
	assert_int_equal(g.vq->fault, VRING_FAULT_AVAIL);
	/* Looking sane again does not help. */
	g.avail->idx = 101;
	assert_false(vring_has_work(g.vq));
	vring_dequeue(g.vq, &burst, PACKET_BURST);
	assert_int_equal(burst.count, 0);
	assert_int_equal(vring_enqueue(g.vq, pkts, 1), 0);
	vring_complete(g.vq);
	rg_expect_none(&g);
	cfg = rg_config(&g, 100);
	assert_int_equal(vring_setup(g.vq, &cfg), 0);
	assert_true(vring_has_work(g.vq));
	vring_dequeue(g.vq, &burst, PACKET_BURST);
	assert_int_equal(burst.count, 1);
	vring_complete(g.vq);
	/* Going back is as far ahead as 65,535, and enqueue sees it, too. */
	g.avail->idx = 100;
	assert_int_equal(vring_enqueue(g.vq, pkts, 1), 0);
	assert_int_equal(g.vq->fault, VRING_FAULT_AVAIL);
	rg_free(&g);
}

/* What the driver would decide after moving its index from before to now. */
static bool
driver_kicks(struct ring_guest *g, uint16_t now, uint16_t before)
{
	uint16_t avail_event;

	if (!g->vq->event_idx)
		return !(g->used->flags & VRING_USED_F_NO_NOTIFY);
	memcpy(&avail_event, &g->used->ring[g->size], 2);
	assert_int_equal(g->used->flags, 0);
	return vring_need_event(avail_event, now, before);
}

static void
guest_is_told_when_to_kick(void **state)
{
	static const uint16_t bases[] = {0, 1, 65535, 65280, 32768};

	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
		uint16_t base = bases[i];
		uint8_t frame[60] = {0};
		struct ring_guest g;

		rg_init(&g, 256, VERSION_1 | rg_event, base, rg_ops);
		vring_set_notify(g.vq, true);
		assert_false(vring_has_work(g.vq));
		assert_true(driver_kicks(&g, (uint16_t)(base + 1), base));
		assert_true(driver_kicks(&g, (uint16_t)(base + 256), base));
		vring_set_notify(g.vq, false);
		assert_false(driver_kicks(&g, (uint16_t)(base + 1), base));
		assert_false(driver_kicks(&g, (uint16_t)(base + 256), base));
		/* Work that came before the wish is seen after it. */
		rg_send(&g, frame, sizeof(frame));
		vring_set_notify(g.vq, true);
		assert_true(vring_has_work(g.vq));
		rg_free(&g);
	}
}

static void
use_one(struct ring_guest *g)
{
	uint8_t frame[60] = {0};
	uint32_t head, len;

	rg_reset(g);
	rg_send(g, frame, sizeof(frame));
	vring_dequeue(g->vq, &burst, 1);
	vring_complete(g->vq);
	assert_true(rg_reap(g, &head, &len));
}

static void
interrupts_from(uint16_t base)
{
	struct ring_guest g;

	rg_init(&g, 256, VERSION_1 | rg_event, base, rg_ops);
	g.avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
	assert_true(vring_should_signal(g.vq)); /* once after a set-up */
	for (int i = 0; i < 20; i++) {
		uint16_t used = g.used_seen;

		assert_false(vring_should_signal(g.vq)); /* nothing new */
		/* With EVENT_IDX flags mean nothing; without it, the event does not. */
		g.avail->flags = rg_event != 0 ? VRING_AVAIL_F_NO_INTERRUPT : 0;
		g.avail->ring[256] = rg_event != 0 ? used : (uint16_t)(used + 5);
		use_one(&g);
		assert_true(vring_should_signal(g.vq));
		g.avail->flags = rg_event != 0 ? 0 : VRING_AVAIL_F_NO_INTERRUPT;
		g.avail->ring[256] = (uint16_t)(used + (rg_event != 0 ? 3 : 1));
		use_one(&g);
		assert_false(vring_should_signal(g.vq));
		use_one(&g);
		use_one(&g);
		assert_int_equal(vring_should_signal(g.vq), rg_event != 0);
	}
	rg_free(&g);
}

static void
guest_is_interrupted_when_it_asks(void **state)
{
	for (uint16_t base = 65520; base != 1; base++)
		interrupts_from(base);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(setup_reads_features),
		cmocka_unit_test(select_knows_its_variants),
		cmocka_unit_test(indices_wrap),
		cmocka_unit_test(dequeue_takes_at_most_max),
	};
	const struct CMUnitTest split[] = {
		cmocka_unit_test(setup_refuses_bad_sizes),
		cmocka_unit_test(setup_refuses_parts_outside_memory),
		cmocka_unit_test(avail_too_far_ahead_is_a_fault),
		cmocka_unit_test(guest_is_told_when_to_kick),
		cmocka_unit_test(guest_is_interrupted_when_it_asks),
	};

	return rg_run_rings("ring", tests, sizeof(tests) / sizeof(tests[0])) +
	       rg_run_variants("ring split", split, sizeof(split) / sizeof(split[0]));
}
