/* SPDX-License-Identifier: BSD-3-Clause */
/* See shm-two.h. */
#include "tests/unit/shm-two.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

struct rig rig;
struct packet_burst burst;
uint8_t *held[RIG_PORTS];

static int
setup_with(uint32_t features, uint32_t quota, uint32_t buffers)
{
	const struct rig_config cfg = {.ports = 2,
		.pairs = 2,
		.entries = 64,
		.buffers = buffers,
		.buffer_size = 576,
		.quota = quota,
		.features = features};

	rig_open(&rig, &cfg);
	for (unsigned int i = 0; i < rig.ports; i++)
		held[i] = calloc(1, rig.pool->buffers);
	shm_fill(rig.guest[0].port, 0, 1);
	return 0;
}

int
setup(void **state)
{
	return setup_with(NETVM_GUEST_SEGS | NETVM_GUEST_CSUM | NETVM_GUEST_HASH, 0, 1024);
}

int
setup_plain(void **state)
{
	return setup_with(0, 0, 1024);
}

int
setup_quota(void **state)
{
	return setup_with(0, 40, 1024);
}

int
setup_small(void **state)
{
	return setup_with(0, 10000, 80);
}

int
teardown(void **state)
{
	rig_check(&rig, (const uint8_t *const *)held);
	rig_close(&rig);
	for (unsigned int i = 0; i < 2; i++)
		free(held[i]);
	return 0;
}

uint32_t
fresh(void)
{
	uint32_t buffer;

	assert_int_equal(guest_fill(&rig.guest[0], 0, &buffer, 1), 1);
	return buffer;
}

uint64_t
drops(unsigned int i, enum packet_drop why)
{
	uint64_t drop[DROP_REASONS];

	shm_port_drops(rig.guest[i].port, drop);
	return drop[why];
}

void
receive(const struct netvm_desc *d, unsigned int n, unsigned int views)
{
	assert_true(guest_tx(&rig.guest[0], 0, d, n));
	shm_port_rx(rig.guest[0].port, 0, &burst);
	assert_int_equal(burst.count, views);
}

void
complete(void)
{
	shm_port_rx_complete(rig.guest[0].port, 0, &burst);
}

uint16_t
send(struct packet *p)
{
	return shm_port_tx(rig.guest[1].port, 0, &p, 1);
}

unsigned int
got(struct netvm_desc *first, uint8_t *to, unsigned int pieces)
{
	unsigned int at = 0;

	for (unsigned int i = 0; i < pieces; i++) {
		struct netvm_desc d;

		assert_int_equal(guest_rx(&rig.guest[1], 0, &d, 1), 1);
		if (i == 0)
			*first = d;
		assert_int_equal((d.flags & NETVM_DESC_F_MORE) != 0, i + 1 < pieces);
		memcpy(to + at, shm_buffer(rig.pool, d.buffer) + d.offset, d.length);
		at += d.length;
		held[1][d.buffer] = 1;
	}
	return at;
}

void
fill(uint8_t *to, unsigned int n, unsigned int seed)
{
	for (unsigned int i = 0; i < n; i++)
		to[i] = (uint8_t)(i * 7 + seed);
}
