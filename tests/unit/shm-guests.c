/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Guests for cmocka tests; see shm-guests.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/shm-guests.h"

void
guests_attach(struct client *c, unsigned int i)
{
	if (!client_attach(c, host.shm, host.name[i], 20) || !client_open(c, 20))
		fail_msg("%s", c->error);
	assert_true(host_wait(i, SHM_UP));
}

uint32_t
guests_buffer(struct client *c)
{
	int64_t end = host_ms() + 20000;
	uint32_t buffer;

	while (client_fill(c, 0, &buffer, 1) == 0) {
		client_signal(c, 0);
		assert_true(host_ms() < end);
		sched_yield();
	}
	return buffer;
}

void
guests_transmit(struct client *c, const struct netvm_desc *d)
{
	int64_t end = host_ms() + 20000;

	while (client_tx(c, 0, d, 1) == 0) {
		assert_true(host_ms() < end);
		sched_yield();
	}
	client_signal(c, 0);
}

static void
lost(unsigned int i)
{
	for (unsigned int k = 0; k < HOST_PORTS; k++) {
		struct shm_port_status st;
		uint64_t drop[DROP_REASONS];

		if (!host.port[k])
			continue;
		st = host_status(k);
		shm_port_drops(host.port[k], drop);
		print_message("port %u: state %d, owns %u, %s\n", k, st.state, st.owned, st.error);
		for (unsigned int d = 0; d < DROP_REASONS; d++) {
			if (drop[d])
				print_message("\tdropped for reason %u: %lu\n", d, drop[d]);
		}
	}
	fail_msg("frame %u did not arrive", i);
}

void
guests_exchange(struct client *a, struct client *b, unsigned int n)
{
	int64_t end = host_ms() + 20000;

	for (unsigned int i = 0; i < n; i++) {
		struct netvm_desc d = {.buffer = guests_buffer(a), .offset = 128, .length = 100};

		memset(client_buffer(a, d.buffer) + 128, (int)i, 100);
		guests_transmit(a, &d);
		while (client_rx(b, 0, &d, 1) == 0) {
			if (host_ms() > end)
				lost(i);
			sched_yield();
		}
		assert_int_equal(d.length, 100);
		assert_int_equal(client_buffer(b, d.buffer)[d.offset + 99], (uint8_t)i);
		d.action = NETVM_ACTION_DROP;
		guests_transmit(b, &d);
	}
}

void
guests_gave_all_back(void)
{
	struct shm_pool_status st;
	int64_t end = host_ms() + 20000;

	do {
		shm_pool_status(host.pool, &st);
		if (st.free == st.buffers && st.guests == 0)
			return;
		usleep(1000);
	} while (host_ms() < end);
	fail_msg("%u of %u buffers are free, guests have %u", st.free, st.buffers, st.guests);
}
