/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Buffers that a taker keeps beyond their burst: given back in order and all of
 * them, whenever and wherever the loans come back.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <linux/virtio_config.h>
#include <cmocka.h>

#include "tests/unit/ring-guest.h"
#include "vhost/vring-hold.h"

#define VERSION_1 (1ull << VIRTIO_F_VERSION_1)
#define LARGE     1400
#define SMALL     (PACKET_HEADER_MAX + PACKET_LOAN_MIN - 1)

static struct packet_burst burst;
static struct ring_guest g;
static uint16_t head[256];
static unsigned int sent;

static void
start(uint32_t size)
{
	rg_init(&g, size, VERSION_1 | rg_event, 0xfff0, rg_ops);
	g.vq->hold = vring_hold_new((uint16_t)size);
	assert_non_null(g.vq->hold);
	sent = 0;
}

static void
stop(void)
{
	struct vring_hold *h = vring_hold_abandon(g.vq);

	assert_true(vring_hold_returned(h));
	vring_hold_free(h);
	rg_free(&g);
}

static void
send_one(uint32_t len)
{
	static uint8_t frame[LARGE];

	rg_fill(frame, len, sent);
	head[sent % 256] = rg_send(&g, frame, len);
	sent++;
}

/* Takes a burst; every packet that can be borrowed is, into loan[]. */
static unsigned int
take(struct packet_loan **loan, unsigned int want)
{
	unsigned int n = 0;

	vring_dequeue(g.vq, &burst, PACKET_BURST);
	vring_hold_offer(g.vq, &burst);
	for (unsigned int i = 0; i < burst.count && n < want; i++) {
		struct packet *p = &burst.pkt[i];
		struct packet_loan *l = p->loan;

		if (p->keep == PACKET_KEEP_LOAN && l != NULL && packet_loan_take(p))
			loan[n++] = l;
	}
	return n;
}

/* The guest has got these back by now, in order, and no other. */
static void
expect_back(unsigned int from, unsigned int to)
{
	for (unsigned int i = from; i < to; i++)
		rg_expect(&g, head[i % 256], 0);
	rg_expect_none(&g);
}

static void
nothing_lent_costs_nothing(void **state)
{
	struct packet_loan *loan[4];

	start(64);
	send_one(SMALL);
	send_one(60);
	assert_int_equal(take(loan, 4), 0);
	vring_complete(g.vq);
	expect_back(0, 2);
	assert_int_equal(g.vq->hold->tail, 0);
	send_one(SMALL + 1);
	assert_int_equal(take(loan, 0), 0);
	assert_ptr_equal(burst.pkt[0].loan, &g.vq->hold->loan[0]);
	vring_complete(g.vq);
	expect_back(2, 3);
	assert_int_equal(g.vq->hold->tail, 0);
	stop();
}

/* What a driver does that frees inside its transmit function. */
static void
back_at_once(void **state)
{
	struct packet_loan *loan[8];

	start(64);
	for (unsigned int round = 0; round < 40; round++) {
		rg_reset(&g);
		for (unsigned int i = 0; i < 8; i++)
			send_one(i % 2 ? LARGE : 60);
		assert_int_equal(take(loan, 8), 4);
		for (unsigned int i = 0; i < 4; i++)
			packet_loan_return(loan[i]);
		vring_complete(g.vq);
		expect_back(round * 8, round * 8 + 8);
		assert_false(vring_hold_busy(g.vq));
	}
	stop();
}

static void
late_and_out_of_order(void **state)
{
	struct packet_loan *loan[8];

	start(64);
	send_one(60);
	send_one(LARGE); /* loan 0 */
	send_one(60);
	send_one(LARGE); /* loan 1 */
	assert_int_equal(take(loan, 8), 2);
	vring_complete(g.vq);
	expect_back(0, 1);
	assert_true(vring_hold_busy(g.vq));
	/* What comes later waits behind, borrowed or not. */
	send_one(60);
	send_one(LARGE); /* loan 2 */
	assert_int_equal(take(loan + 2, 6), 1);
	vring_complete(g.vq);
	rg_expect_none(&g);
	packet_loan_return(loan[1]);
	vring_complete(g.vq);
	rg_expect_none(&g);
	packet_loan_return(loan[0]);
	vring_complete(g.vq);
	expect_back(1, 5);
	assert_true(vring_hold_busy(g.vq));
	packet_loan_return(loan[2]);
	vring_complete(g.vq);
	expect_back(5, 6);
	assert_false(vring_hold_busy(g.vq));
	stop();
}

static void
no_more_than_a_quarter(void **state)
{
	struct packet_loan *loan[32];

	start(32);
	for (unsigned int i = 0; i < 20; i++)
		send_one(LARGE);
	assert_int_equal(take(loan, 32), 8);
	vring_complete(g.vq);
	for (unsigned int i = 0; i < 5; i++)
		send_one(LARGE);
	vring_dequeue(g.vq, &burst, PACKET_BURST);
	assert_int_equal(burst.count, 5);
	vring_hold_offer(g.vq, &burst);
	assert_int_equal(burst.pkt[0].keep, PACKET_KEEP_MBUF);
	vring_complete(g.vq);
	for (unsigned int i = 0; i < 8; i++)
		packet_loan_return(loan[i]);
	vring_complete(g.vq);
	expect_back(0, 25);
	stop();
}

/* A guest that makes more available than it has got back. */
static void
greedy_guest(void **state)
{
	struct packet_loan *loan[1] = {NULL};
	unsigned int taken = 0;

	start(64);
	send_one(LARGE);
	assert_int_equal(take(loan, 1), 1);
	vring_complete(g.vq);
	for (unsigned int i = 0; i < 200; i++) {
		uint16_t room = vring_hold_room(g.vq);

		rg_post(&g, head[0]);
		vring_dequeue(g.vq, &burst, room < PACKET_BURST ? room : PACKET_BURST);
		taken += burst.count;
		vring_complete(g.vq);
		if (burst.count == 0)
			break;
	}
	assert_int_equal(taken, 63);
	packet_loan_return(loan[0]);
	vring_complete(g.vq);
	assert_int_equal(vring_hold_room(g.vq), 64);
	stop();
}

static void
abandoned(void **state)
{
	struct packet_loan *loan[4];
	struct vring_hold *h;

	start(64);
	for (unsigned int i = 0; i < 6; i++)
		send_one(i % 2 ? LARGE : 60);
	assert_int_equal(take(loan, 2), 2);
	vring_complete(g.vq);
	expect_back(0, 1);
	h = vring_hold_abandon(g.vq);
	expect_back(1, 6);
	assert_false(vring_hold_returned(h));
	packet_loan_return(loan[1]);
	assert_false(vring_hold_returned(h));
	packet_loan_return(loan[0]);
	assert_true(vring_hold_returned(h));
	vring_hold_free(h);
	assert_null(vring_hold_abandon(g.vq));
	rg_free(&g);
}

/* --- a taker on a thread of its own --------------------------------------------- */

#define FRAMES 20000
#define BINS   64

static struct packet_loan *_Atomic bin[BINS];
static _Atomic bool quit;

/* Returns what lies in the bins, in an order that has nothing to do with theirs. */
static void *
late_taker(void *arg)
{
	unsigned int at = 0;

	for (;;) {
		bool last = atomic_load(&quit);

		for (unsigned int i = 0; i < BINS; i++) {
			struct packet_loan *l;

			at = (at + 29) % BINS;
			l = atomic_exchange(&bin[at], NULL);
			if (l != NULL)
				packet_loan_return(l);
		}
		if (last)
			return NULL;
	}
}

static void
hand_over(struct packet_loan *l)
{
	struct packet_loan *none = NULL;

	for (unsigned int i = (unsigned int)rand() % BINS;; i = (i + 1) % BINS) {
		none = NULL;
		if (atomic_compare_exchange_strong(&bin[i], &none, l))
			return;
	}
}

static void
from_another_thread(void **state)
{
	unsigned int reaped = 0, posted = 0, borrowed = 0;
	uint16_t slot[64];
	uint32_t h, len;
	pthread_t t;

	start(64);
	atomic_store(&quit, false);
	assert_int_equal(pthread_create(&t, NULL, late_taker, NULL), 0);
	for (unsigned int i = 0; i < 64; i++) {
		send_one(i % 3 ? LARGE : 60);
		slot[i] = head[i];
	}
	posted = 64;
	while (reaped < FRAMES) {
		struct packet_loan *loan[PACKET_BURST];
		unsigned int n = take(loan, PACKET_BURST);

		borrowed += n;
		for (unsigned int i = 0; i < n; i++)
			hand_over(loan[i]);
		vring_complete(g.vq);
		while (rg_reap(&g, &h, &len)) {
			assert_int_equal(h, slot[reaped % 64]);
			assert_int_equal(len, 0);
			reaped++;
			if (posted < FRAMES) {
				rg_post(&g, slot[posted % 64]);
				posted++;
			}
		}
	}
	atomic_store(&quit, true);
	pthread_join(t, NULL);
	vring_complete(g.vq);
	rg_expect_none(&g);
	assert_int_equal(posted, FRAMES);
	assert_true(borrowed > FRAMES / 8);
	assert_false(vring_hold_busy(g.vq));
	stop();
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_lent_costs_nothing),
		cmocka_unit_test(back_at_once),
		cmocka_unit_test(late_and_out_of_order),
		cmocka_unit_test(no_more_than_a_quarter),
		cmocka_unit_test(greedy_guest),
		cmocka_unit_test(abandoned),
		cmocka_unit_test(from_another_thread),
	};

	return rg_run_rings("vring-hold", tests, sizeof(tests) / sizeof(tests[0]));
}
