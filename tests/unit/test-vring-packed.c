/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What only a packed ring has: places, its tables, chains without an end, its
 * event structures. What it shares with a split one is tested beside that,
 * and what follows a crash in test-vring-recover.c.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/ring-guest.h"
#include "vhost/vring-log.h"

#define VERSION_1 (1ull << VIRTIO_F_VERSION_1)
#define INDIRECT  (1ull << VIRTIO_RING_F_INDIRECT_DESC)
#define HDR       12

static struct packet_burst burst;
static struct rg_chain chain;

static void
setup_refuses_what_no_ring_can_be(void **state)
{
	struct ring_guest g;
	struct vring_config good, cfg;

	rg_init(&g, 300, VERSION_1, 0, rg_ops);
	good = rg_config(&g, VRING_PLACE_START);
#define WITH(result, change)                                                                       \
	do {                                                                                       \
		cfg = good;                                                                        \
		change;                                                                            \
		assert_int_equal(vring_setup(g.vq, &cfg), result);                                 \
	} while (0)
	WITH(0, );
	WITH(-EINVAL, cfg.size = 0);
	WITH(-EINVAL, cfg.size = 301);
	WITH(-EINVAL, cfg.size = 32769);
	WITH(0, cfg.size = 1);
	WITH(0, cfg.size = 299);
	WITH(-EINVAL, cfg.mem = NULL);
	WITH(-EINVAL, cfg.slot = NULL);
	WITH(-EINVAL, cfg.driver_event = NULL);
	WITH(-EINVAL, cfg.device_event = NULL);
	WITH(-EINVAL, cfg.slot = (void *)((char *)cfg.slot + 16));
	WITH(-EINVAL, (cfg.size = 9, cfg.slot = (void *)((char *)cfg.slot + 8)));
	WITH(-EINVAL, cfg.driver_event = (void *)((char *)cfg.driver_event + 2));
	WITH(-EINVAL, cfg.device_event = (void *)((char *)cfg.device_event + 2));
	WITH(-EINVAL, cfg.device_event++);
	/* Places: in the ring, and no more than its size apart. */
	WITH(-EINVAL, cfg.base = 300);
	WITH(-EINVAL, cfg.used_at = 300 | VRING_PLACE_WRAP);
	WITH(0, (cfg.base = 299, cfg.used_at = 0));
	WITH(0, (cfg.base = 7, cfg.used_at = 7 | VRING_PLACE_WRAP));
	WITH(-EINVAL, (cfg.base = 8, cfg.used_at = 7 | VRING_PLACE_WRAP));
	WITH(-EINVAL, (cfg.base = 6, cfg.used_at = 7));
	assert_int_equal(g.vq->size, 300);
	rg_free(&g);
}

static void
places_are_told(void **state)
{
	struct vring_position pos = {.count = 7};
	struct ring_guest g;
	struct vring_config cfg;
	uint8_t frame[60] = {0};

	rg_init(&g, 5, VERSION_1 | rg_event, 3, rg_ops);
	cfg = rg_config(&g, 3 | VRING_PLACE_WRAP);
	cfg.position = &pos;
	assert_int_equal(vring_setup(g.vq, &cfg), 0);
	g.vq->ops = rg_ops;
	assert_int_equal(pos.at, 3 | VRING_PLACE_WRAP);
	assert_int_equal(pos.count, 0);
	for (int i = 0; i < 4; i++)
		rg_send(&g, frame, sizeof(frame));
	vring_dequeue(g.vq, &burst, PACKET_BURST);
	assert_int_equal(burst.count, 4);
	assert_int_equal(vring_avail_place(g.vq), 2);
	assert_int_equal(vring_used_place(g.vq), 3 | VRING_PLACE_WRAP);
	assert_int_equal(pos.at, 3 | VRING_PLACE_WRAP);
	vring_complete(g.vq);
	assert_int_equal(vring_used_place(g.vq), 2);
	assert_int_equal(pos.at, 2);
	assert_int_equal(pos.count, 0);
	rg_free(&g);
}

static void
expect_drop(struct ring_guest *g)
{
	uint64_t before = g->vq->drop[DROP_BAD_DESCRIPTOR];

	rg_post(g, chain.head);
	vring_dequeue(g->vq, &burst, PACKET_BURST);
	assert_int_equal(burst.count, 0);
	assert_int_equal(g->vq->drop[DROP_BAD_DESCRIPTOR], before + 1);
	vring_complete(g->vq);
	rg_expect(g, chain.head, 0);
	rg_expect_none(g);
	assert_int_equal(g->vq->fault, VRING_OK);
}

static void
bad_tables_are_refused(void **state)
{
	static const struct {
		uint64_t addr;
		uint32_t len;
	} bad[] = {
		{RG_TABLE, 0},
		{RG_TABLE, 15},
		{RG_TABLE, 33},
		{RG_TABLE, UINT32_MAX},
		{RG_TABLE, 48}, /* the third entry is none */
		{RG_TABLE - 16, 32},
		{RG_TABLE + RG_TABLE_SIZE - 8, 32},
		{0, 32},
		{UINT64_MAX - 8, 32},
	};
	struct ring_guest g;

	rg_init(&g, 16, VERSION_1 | INDIRECT | rg_event, 0, rg_ops);
	rg_chain(&g, &chain, false, true, (uint32_t[]){HDR, 60}, 2);
	memset(g.table + 32, 0xff, 16);
	for (uint32_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		rg_desc(&g, 0, bad[i].addr, bad[i].len, VRING_DESC_F_INDIRECT, 0);
		expect_drop(&g);
	}
	/* Its WRITE flag is ignored. */
	rg_desc(&g, 0, RG_TABLE, 32, VRING_DESC_F_INDIRECT | VRING_DESC_F_WRITE, 0);
	rg_post(&g, 0);
	vring_dequeue(g.vq, &burst, PACKET_BURST);
	assert_int_equal(burst.count, 1);
	assert_int_equal(burst.pkt[0].len, 60);
	vring_complete(g.vq);
	rg_expect(&g, 0, 0);
	/* Never in a list, at either end. */
	rg_desc(&g, 0, RG_TABLE, 32, VRING_DESC_F_INDIRECT | VRING_DESC_F_NEXT, 1);
	rg_desc(&g, 1, RG_DATA, 100, 0, 0);
	expect_drop(&g);
	rg_desc(&g, 0, RG_DATA, HDR, VRING_DESC_F_NEXT, 1);
	rg_desc(&g, 1, RG_TABLE, 32, VRING_DESC_F_INDIRECT, 0);
	expect_drop(&g);
	rg_free(&g);
	rg_init(&g, 16, VERSION_1 | rg_event, 0, rg_ops);
	rg_chain(&g, &chain, false, true, (uint32_t[]){HDR, 60}, 2);
	expect_drop(&g);
	rg_free(&g);
}

static void
chain_without_an_end_is_a_fault(void **state)
{
	struct ring_guest g;
	struct packet p = {.hdr = (uint8_t[60]){0}, .len = 60, .hdr_len = 60}, *pkts[] = {&p};
	uint8_t frame[60] = {0};

	rg_init(&g, 8, VERSION_1 | rg_event, 6, rg_ops);
	rg_send(&g, frame, sizeof(frame));
	vring_dequeue(g.vq, &burst, PACKET_BURST);
	/* One slot is taken; all others go on and on. */
	for (uint32_t i = 0; i < 8; i++)
		if (i != 6)
			g.slot[i] = (struct vring_packed_desc){.addr = RG_DATA,
				.len = 100,
				.flags = VRING_DESC_F_NEXT | (i == 7 ? 0x80 : 0x8000)};
	vring_complete(g.vq);
	/* Given back, and made available again as the last of the chain: an end. */
	rg_expect(&g, 0, 0);
	g.slot[6] = g.slot[5];
	g.slot[6].flags &= (uint16_t)~VRING_DESC_F_NEXT;
	vring_dequeue(g.vq, &burst, PACKET_BURST);
	assert_int_equal(burst.count, 1);
	assert_int_equal(burst.pkt[0].len, 800 - HDR);
	assert_int_equal(g.vq->fault, VRING_OK);
	/* Not given back: nothing there can be an end. */
	vring_dequeue(g.vq, &burst, PACKET_BURST);
	vring_complete(g.vq);
	for (uint32_t i = 0; i < 8; i++)
		g.slot[i].flags = VRING_DESC_F_NEXT | VRING_DESC_F_WRITE | (i == 7 ? 0x8000 : 0x80);
	assert_true(vring_has_work(g.vq));
	if (rg_event != 0)
		vring_dequeue(g.vq, &burst, PACKET_BURST);
	else
		assert_int_equal(vring_enqueue(g.vq, pkts, 1), 0);
	assert_int_equal(burst.count, 0);
	assert_int_equal(g.vq->fault, VRING_FAULT_CHAIN);
	assert_false(vring_has_work(g.vq));
	vring_dequeue(g.vq, &burst, PACKET_BURST);
	assert_int_equal(vring_enqueue(g.vq, pkts, 1), 0);
	assert_int_equal(burst.count, 0);
	assert_int_equal(g.vq->npending, 0);
	rg_free(&g);
}

/* What is held cannot be taken a second time, whatever the guest writes there. */
static void
what_was_taken_is_not_taken_again(void **state)
{
	struct ring_guest g;
	uint8_t frame[60] = {0};

	rg_init(&g, 4, VERSION_1 | rg_event, 1, rg_ops);
	for (int i = 0; i < 4; i++)
		rg_send(&g, frame, sizeof(frame));
	vring_dequeue(g.vq, &burst, PACKET_BURST);
	assert_int_equal(burst.count, 4);
	g.vq->npending = 0; /* somebody else holds them */
	for (uint32_t i = 0; i < 4; i++)
		g.slot[i].flags ^= 0x8080;
	assert_false(vring_has_work(g.vq));
	vring_dequeue(g.vq, &burst, PACKET_BURST);
	assert_int_equal(burst.count, 0);
	rg_free(&g);
	/* Nor does a chain go on into it. */
	rg_init(&g, 4, VERSION_1 | rg_event, 0, rg_ops);
	rg_send(&g, frame, sizeof(frame));
	rg_send(&g, frame, sizeof(frame));
	vring_dequeue(g.vq, &burst, PACKET_BURST);
	g.vq->npending = 0;
	g.slot[2].flags = g.slot[3].flags = VRING_DESC_F_NEXT | 0x80;
	vring_dequeue(g.vq, &burst, PACKET_BURST);
	assert_int_equal(burst.count, 0);
	assert_int_equal(g.vq->npending, 0);
	assert_int_equal(g.vq->fault, VRING_FAULT_CHAIN);
	rg_free(&g);
}

static void
guest_is_told_when_to_kick(void **state)
{
	for (uint16_t base = 0; base < 14; base++) {
		uint8_t frame[60] = {0};
		struct ring_guest g;

		for (uint16_t n = 1; n <= 7; n++) {
			rg_init(&g, 7, VERSION_1 | rg_event, base, rg_ops);
			vring_set_notify(g.vq, true);
			assert_false(vring_has_work(g.vq));
			for (uint16_t i = 0; i < n; i++)
				rg_send(&g, frame, sizeof(frame));
			assert_true(vring_has_work(g.vq));
			assert_true(rg_kicks(&g, n));
			/* One that was told of the first is not told of the next. */
			assert_int_equal(rg_kicks(&g, n - 1), rg_event == 0 && n > 0);
			vring_set_notify(g.vq, false);
			assert_false(rg_kicks(&g, n));
			rg_free(&g);
		}
	}
}

/* n slots were used since the last news, and the guest waits for the one at `event`. */
static bool
wanted(struct ring_guest *g, uint16_t n, vring_place event)
{
	struct vring_news news = {
		.before = g->vq->used_idx, .now = vring_place_add(g->vq->used_idx, n, g->size)};

	g->driver_event->off_wrap = event;
	g->driver_event->flags = VRING_PACKED_EVENT_FLAG_DESC;
	return vring_wanted(g->vq, &news);
}

static void
guest_is_interrupted_when_it_asks(void **state)
{
	for (uint16_t base = 0; base < 14; base++) {
		struct vring_news news = {0};
		struct ring_guest g;

		rg_init(&g, 7, VERSION_1 | rg_event, base, rg_ops);
		g.driver_event->flags = VRING_PACKED_EVENT_FLAG_DISABLE;
		assert_false(vring_wanted(g.vq, &news));
		g.driver_event->flags = VRING_PACKED_EVENT_FLAG_ENABLE;
		assert_true(vring_wanted(g.vq, &news));
		for (uint16_t n = 1; n <= 7 && rg_event != 0; n++) {
			for (uint16_t ahead = 0; ahead < 14; ahead++) {
				vring_place event = vring_place_add(
					vring_place_add(g.vq->used_idx, ahead / 2, 7),
					(uint32_t)(ahead - ahead / 2), 7);

				assert_int_equal(wanted(&g, n, event), ahead < n);
			}
			assert_true(wanted(&g, n, 7));
			assert_true(wanted(&g, n, 0xffff));
		}
		/* Once after a set-up, then with each burst. */
		g.driver_event->flags = VRING_PACKED_EVENT_FLAG_DISABLE;
		assert_true(vring_should_signal(g.vq));
		assert_false(vring_should_signal(g.vq));
		rg_free(&g);
	}
}

static struct {
	uint64_t gpa, len;
} note[8];
static uint32_t notes;

static void
noted(void *arg, uint64_t gpa, uint64_t len)
{
	assert_true(notes < 8);
	note[notes].gpa = gpa;
	note[notes++].len = len;
}

static void
log_has_the_slots(void **state)
{
	const struct vring_log log = {.written = noted, .ring_gpa = RG_DESC};
	struct ring_guest g;
	struct vring_config cfg;
	uint8_t frame[60] = {0};

	rg_init(&g, 8, VERSION_1 | rg_event, 6, rg_ops);
	cfg = rg_config(&g, g.avail_idx);
	cfg.log = &log;
	assert_int_equal(vring_setup(g.vq, &cfg), 0);
	for (int i = 0; i < 5; i++)
		rg_send(&g, frame, sizeof(frame));
	vring_dequeue(g.vq, &burst, PACKET_BURST);
	assert_int_equal(notes, 0);
	vring_complete(g.vq);
	assert_int_equal(notes, 2);
	assert_int_equal(note[0].gpa, RG_DESC + 6 * 16);
	assert_int_equal(note[0].len, 2 * 16);
	assert_int_equal(note[1].gpa, RG_DESC);
	assert_int_equal(note[1].len, 3 * 16);
	vring_set_notify(g.vq, true);
	assert_int_equal(notes, 3);
	assert_int_equal(note[2].gpa, RG_USED);
	assert_int_equal(note[2].len, 4);
	notes = 0;
	rg_free(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(setup_refuses_what_no_ring_can_be),
		cmocka_unit_test(places_are_told),
		cmocka_unit_test(bad_tables_are_refused),
		cmocka_unit_test(chain_without_an_end_is_a_fault),
		cmocka_unit_test(what_was_taken_is_not_taken_again),
		cmocka_unit_test(guest_is_told_when_to_kick),
		cmocka_unit_test(guest_is_interrupted_when_it_asks),
		cmocka_unit_test(log_has_the_slots),
	};

	rg_ring = RG_PACKED;
	return rg_run_variants("packed", tests, sizeof(tests) / sizeof(tests[0]));
}
