/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What ends a guest's port: an index that cannot be, and too much that makes no sense.
 * Nobody serves it from then on, it is told once, and every buffer is found again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/shm-wrong.h"

static void
faulty(struct netvm_ring *r, bool producer, void (*touch)(void))
{
	uint32_t *index = producer ? &r->produced : &r->consumed, was = *index;

	*index = was + 1000;
	touch();
	*index = was;
	assert_int_equal(rig_faults, 1);
	assert_false(atomic_load(&wrong_rig.guest[0].port->live));
	assert_int_equal(wrong_rig.guest[0].port->fault, SHM_FAULT_INDEX);
	/* Nothing more happens, and it is told once. */
	touch();
	assert_int_equal(rig_faults, 1);
}

static void
touch_rx(void)
{
	wrong_hop = false;
	assert_int_equal(wrong_take(), 0);
}

static void
touch_hop(void)
{
	wrong_hop = true;
	assert_int_equal(wrong_take(), 0);
}

static void
touch_tx(void)
{
	static uint8_t frame[64];
	struct packet p = {.hdr = frame, .hdr_len = 60, .len = 60}, *list[65];

	for (unsigned int i = 0; i < 65; i++)
		list[i] = &p;
	assert_int_not_equal(shm_port_tx(wrong_rig.guest[0].port, 0, list, 65), 65);
}

static void
test_index_tx(void **state)
{
	faulty(wrong_rig.guest[0].pair[0].ring[NETVM_TX], true, touch_rx);
}

static void
test_index_tx_hop(void **state)
{
	faulty(wrong_rig.guest[0].pair[0].ring[NETVM_TX], true, touch_hop);
}

static void
test_index_rx(void **state)
{
	faulty(wrong_rig.guest[0].pair[0].ring[NETVM_RX], false, touch_tx);
}

static void
test_index_fill(void **state)
{
	faulty(wrong_rig.guest[0].pair[0].ring[NETVM_FILL], false, touch_rx);
}

static void
test_quarantine(void **state)
{
	struct shm_port *p = wrong_rig.guest[0].port;
	struct netvm_desc d = {.buffer = UINT32_MAX, .length = 60};

	for (unsigned int i = 0; i < SHM_VIOLATIONS; i++) {
		assert_int_equal(rig_faults, 0);
		wrong_send(0, &d, 1);
		(void)wrong_take();
	}
	assert_int_equal(rig_faults, 1);
	assert_int_equal(p->fault, SHM_FAULT_VIOLATIONS);
	assert_int_equal(shm_port_tx_queues(p), 0);
	/* What the server does then, and the guest when it opens the port again. */
	shm_port_unpublish(p);
	assert_true(shm_port_reclaim(p) > 0);
	shm_port_rings_reset(p);
	rig_guest_reset(&wrong_rig.guest[0]);
	assert_int_equal(shm_port_owned(p), 0);
	shm_port_publish(p, 0, 0);
	shm_fill(p, 0, 1);
	d = wrong_packet(0);
	wrong_send(0, &d, 1);
	assert_int_equal(wrong_take(), 1);
	assert_int_equal(shm_port_violations(p), 0);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, wrong_setup, wrong_teardown)
	const struct CMUnitTest tests[] = {
		T(test_index_tx),
		T(test_index_tx_hop),
		T(test_index_rx),
		T(test_index_fill),
		T(test_quarantine),
	};

	rig_eal();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
