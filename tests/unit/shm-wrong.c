/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Three guests of which one does wrong; see shm-wrong.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/shm-wrong.h"

struct rig wrong_rig;
struct packet_burst wrong_burst;
uint8_t *wrong_held[RIG_PORTS];
bool wrong_hop;

static int
setup_rings(unsigned int entries)
{
	const struct rig_config cfg = {.ports = 3,
		.pairs = 2,
		.entries = entries,
		.buffers = 1024,
		.buffer_size = 512,
		.features = NETVM_GUEST_SEGS | NETVM_GUEST_CSUM};

	rig_open(&wrong_rig, &cfg);
	for (unsigned int i = 0; i < wrong_rig.ports; i++) {
		wrong_held[i] = calloc(1, wrong_rig.pool->buffers);
		for (unsigned int q = 0; q < 2; q++)
			shm_fill(wrong_rig.guest[i].port, (uint16_t)q, 1);
	}
	rig_faults = 0;
	return 0;
}

int
wrong_setup(void **state)
{
	return setup_rings(64);
}

int
wrong_setup_128(void **state)
{
	return setup_rings(128);
}

int
wrong_teardown(void **state)
{
	rig_check(&wrong_rig, (const uint8_t *const *)wrong_held);
	rig_close(&wrong_rig);
	for (unsigned int i = 0; i < 3; i++)
		free(wrong_held[i]);
	return 0;
}

struct netvm_desc
wrong_packet(unsigned int i)
{
	uint32_t buffer;

	assert_int_equal(guest_fill(&wrong_rig.guest[i], 0, &buffer, 1), 1);
	return guest_packet(&wrong_rig.guest[i], buffer, 100);
}

void
wrong_send(unsigned int i, const struct netvm_desc *d, unsigned int n)
{
	assert_true(guest_tx(&wrong_rig.guest[i], 0, d, n));
}

unsigned int
wrong_take(void)
{
	struct shm_port *p = wrong_rig.guest[0].port;
	unsigned int n = 0;
	bool other;

	if (wrong_hop) {
		uint64_t before = wrong_rig.guest[1].port->pair[0].tx_packets;

		while (shm_port_hop(p, 0, wrong_rig.guest[1].port, 64, &other) != 0)
			;
		n = (unsigned int)(wrong_rig.guest[1].port->pair[0].tx_packets - before);
		if (!other)
			return n;
	}
	shm_port_rx(p, 0, &wrong_burst);
	n += wrong_burst.count;
	shm_port_rx_complete(p, 0, &wrong_burst);
	return n;
}

uint64_t
wrong_drops(enum packet_drop why)
{
	uint64_t drop[DROP_REASONS];

	shm_port_drops(wrong_rig.guest[0].port, drop);
	return drop[why];
}
