/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two workers and two guests at once: both workers serve both ports, one pair each,
 * and send to one ring; the guests send what they got back by any pair. Under the
 * thread sanitizer every buffer must come from one thread to the next by a ring.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/shm-rig.h"

#define ROUNDS 1000

static struct rig rig;
static uint8_t *held[RIG_PORTS];
static _Atomic bool done;

static void *
work(void *arg)
{
	static __thread struct packet_burst burst;
	uint16_t q = (uint16_t)(uintptr_t)arg;
	struct packet *list[PACKET_BURST];
	bool other;

	while (!done) {
		for (unsigned int i = 0; i < 2; i++) {
			struct shm_port *p = rig.guest[i].port, *to = rig.guest[!i].port;

			/* Both ways end in pair 0 of the other port. */
			(void)shm_port_hop(p, q, to, 8, &other);
			shm_port_rx(p, q, &burst);
			for (unsigned int k = 0; k < burst.count; k++)
				list[k] = &burst.pkt[k];
			(void)shm_port_tx(to, 0, list, burst.count);
			shm_port_rx_complete(p, q, &burst);
		}
		shm_signal();
		sched_yield();
	}
	return NULL;
}

/* A look at all bytes, and new ones, as an NF does it. */
static void
touch(const struct netvm_desc *d)
{
	uint8_t *data = shm_buffer(rig.pool, d->buffer) + d->offset;

	for (unsigned int i = 0; i < d->length; i++)
		data[i]++;
}

static void *
run_guest(void *arg)
{
	unsigned int i = (unsigned int)(uintptr_t)arg;
	struct guest *g = &rig.guest[i];

	for (unsigned int round = 0; round < ROUNDS; round++) {
		for (unsigned int q = 0; q < 2; q++) {
			struct netvm_desc d;
			uint32_t buffer;

			while (guest_rx(g, q, &d, 1) == 1) {
				touch(&d);
				d.action = round % 8 == 0;
				if (!guest_tx(g, round % 2, &d, 1))
					held[i][d.buffer] = 1;
			}
			if (guest_fill(g, q, &buffer, 1) == 1) {
				d = guest_packet(g, buffer, 100);
				if (!guest_tx(g, q, &d, 1))
					held[i][buffer] = 1;
			}
		}
		sched_yield();
	}
	return NULL;
}

static void
test_threads(void **state)
{
	const struct rig_config cfg = {
		.ports = 2, .pairs = 2, .entries = 64, .buffers = 2048, .buffer_size = 512};
	pthread_t worker[2], guest[2];

	rig_open(&rig, &cfg);
	for (unsigned int i = 0; i < 2; i++)
		held[i] = calloc(1, rig.pool->buffers);
	for (uintptr_t i = 0; i < 2; i++) {
		assert_int_equal(pthread_create(&worker[i], NULL, work, (void *)i), 0);
		assert_int_equal(pthread_create(&guest[i], NULL, run_guest, (void *)i), 0);
	}
	for (unsigned int i = 0; i < 2; i++)
		pthread_join(guest[i], NULL);
	done = true;
	for (unsigned int i = 0; i < 2; i++)
		pthread_join(worker[i], NULL);
	rig_check(&rig, (const uint8_t *const *)held);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(shm_port_violations(rig.guest[i].port), 0);
		assert_true(rig.guest[i].port->pair[0].tx_packets > 0);
	}
	rig_close(&rig);
	for (unsigned int i = 0; i < 2; i++)
		free(held[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threads),
	};

	rig_eal();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
