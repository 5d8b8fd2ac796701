/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two threads, guest and device, that each sleep until the other wakes them:
 * a wake-up that is lost leaves both asleep, and the test says so. Sleep is a
 * spin on a flag, so that the two meet as closely as the machine allows.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <linux/virtio_config.h>
#include <cmocka.h>

#include "tests/unit/ring-guest.h"

#define ROUNDS 200000

static struct ring_guest g;
static struct packet_burst burst;
static int kicked, interrupted, lost;

/* Waits for the flag; false (and for both sides) when it does not come in 20 s. */
static bool
sleep_until(int *flag)
{
	time_t end = time(NULL) + 20;

	for (uint32_t spins = 1; __atomic_exchange_n(flag, 0, __ATOMIC_ACQUIRE) == 0; spins++) {
		if (__atomic_load_n(&lost, __ATOMIC_RELAXED))
			return false;
		if (spins % 256 != 0)
			continue;
		sched_yield();
		if (time(NULL) > end)
			__atomic_store_n(&lost, 1, __ATOMIC_RELAXED);
	}
	return true;
}

/* The device: drains the ring, arms, looks again, sleeps. */
static void *
device(void *arg)
{
	for (uint32_t done = 0; done < ROUNDS;) {
		vring_dequeue(g.vq, &burst, PACKET_BURST);
		if (burst.count != 0) {
			done += burst.count;
			vring_complete(g.vq);
			if (vring_should_signal(g.vq))
				__atomic_store_n(&interrupted, 1, __ATOMIC_RELEASE);
			continue;
		}
		vring_set_notify(g.vq, true);
		if (!vring_has_work(g.vq) && !sleep_until(&kicked))
			break;
		vring_set_notify(g.vq, false);
	}
	return NULL;
}

static void
guest_kicks(uint16_t before)
{
	uint16_t event;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	event = __atomic_load_n((uint16_t *)(void *)&g.used->ring[g.size], __ATOMIC_RELAXED);
	if (g.vq->event_idx ? vring_need_event(event, g.avail_idx, before)
			    : !(__atomic_load_n(&g.used->flags, __ATOMIC_RELAXED) & 1))
		__atomic_store_n(&kicked, 1, __ATOMIC_RELEASE);
}

/* Asks for an interrupt and says whether something is there already. */
static bool
guest_arms(void)
{
	__atomic_store_n(&g.avail->ring[g.size], g.used_seen, __ATOMIC_RELAXED);
	__atomic_store_n(&g.avail->flags, 0, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return __atomic_load_n(&g.used->idx, __ATOMIC_ACQUIRE) != g.used_seen;
}

static void
no_wake_up_is_lost(void **state)
{
	uint8_t frame[60] = {0};
	uint32_t head, len;
	pthread_t thread;

	kicked = interrupted = lost = 0;
	rg_init(&g, 4, 1ull << VIRTIO_F_VERSION_1 | rg_event, 65000, rg_ops);
	assert_int_equal(pthread_create(&thread, NULL, device, NULL), 0);
	for (uint32_t i = 0; i < ROUNDS && !__atomic_load_n(&lost, __ATOMIC_RELAXED); i++) {
		rg_reset(&g);
		/* Meet the other side at a different point each time. */
		for (uint32_t spin = i * 2654435761u >> 22; spin != 0; spin--)
			__asm__ volatile("" : "+r"(spin));
		__atomic_store_n(&g.avail->flags, VRING_AVAIL_F_NO_INTERRUPT, __ATOMIC_RELAXED);
		rg_send(&g, frame, sizeof(frame));
		guest_kicks((uint16_t)(g.avail_idx - 1));
		while (!rg_reap(&g, &head, &len))
			if (!guest_arms() && !sleep_until(&interrupted))
				break;
	}
	pthread_join(thread, NULL);
	assert_int_equal(lost, 0);
	rg_free(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_wake_up_is_lost),
	};

	/* Notification is the same code for all variants. */
	for (int event = 0; event < 2; event++) {
		rg_ops = vring_ops_select(NULL);
		rg_event = event ? 1ull << VIRTIO_RING_F_EVENT_IDX : 0;
		if (cmocka_run_group_tests_name(
			    event ? "wake event_idx" : "wake", tests, NULL, NULL) != 0)
			return 1;
	}
	return 0;
}
