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
no_wake_up_is_lost(void **state)
{
	uint8_t frame[60] = {0};
	uint32_t head, len;
	bool done;
	pthread_t thread;

	kicked = interrupted = lost = 0;
	rg_init(&g, 4, 1ull << VIRTIO_F_VERSION_1 | rg_event, 65000, rg_ops);
	assert_int_equal(pthread_create(&thread, NULL, device, NULL), 0);
	for (uint32_t i = 0; i < ROUNDS && !__atomic_load_n(&lost, __ATOMIC_RELAXED); i++) {
		rg_reset(&g);
		/* Meet the other side at a different point each time. */
		for (uint32_t spin = i * 2654435761u >> 22; spin != 0; spin--)
			__asm__ volatile("" : "+r"(spin));
		rg_arm(&g, false);
		rg_send(&g, frame, sizeof(frame));
		if (rg_kicks(&g, 1))
			__atomic_store_n(&kicked, 1, __ATOMIC_RELEASE);
		done = rg_reap(&g, &head, &len);
		while (!done) {
			/* Asks for an interrupt, then looks again, then sleeps. */
			rg_arm(&g, true);
			done = rg_reap(&g, &head, &len);
			if (!done && !sleep_until(&interrupted))
				break;
		}
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
	for (int i = 0; i < 4; i++) {
		static const char *const name[] = {
			"wake", "wake event_idx", "wake packed", "wake packed event_idx"};

		rg_ops = vring_ops_select(NULL);
		rg_event = i & 1 ? 1ull << VIRTIO_RING_F_EVENT_IDX : 0;
		rg_ring = i & 2 ? RG_PACKED : 0;
		if (_cmocka_run_group_tests(name[i], tests, 1, NULL, NULL) != 0)
			return 1;
	}
	return 0;
}
