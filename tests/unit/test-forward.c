/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where frames go: unicast, flooding, grouping, drops and their reasons,
 * changes while ports are in use.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "src/datapath/network.h"
#include "src/datapath/table.h"
#include "tests/unit/three-ports.h"

static void
test_learning(void **state)
{
	struct dp_network_stats st;

	fake_queue(A, MB, MA, IPV4, 60);
	fake_run();
	assert_int_equal(got(A), 0);
	assert_int_equal(got(B), 1);
	assert_int_equal(got(C), 1);
	fake_queue(B, MA, MB, IPV4, 61);
	fake_run();
	assert_int_equal(got(A), 1);
	assert_int_equal(got(C), 1);
	fake_queue(A, MB, MA, IPV4, 1514);
	fake_run();
	assert_int_equal(got(B), 2);
	assert_int_equal(got(C), 1);
	assert_int_equal(fake_of(B)->out[1].len, 1514);
	assert_memory_equal(fake_of(B)->out[1].data, fake_of(A)->in[1].data, 1514);
	dp_network_stats(net, &st);
	assert_int_equal(st.macs, 2);
	assert_int_equal(st.flooded, 1);
	/* A's MAC turns up at C. */
	fake_queue(C, BCAST, MA, ARP, 60);
	fake_queue(B, MA, MB, IPV4, 60);
	fake_run();
	fake_queue(B, MA, MB, IPV4, 60);
	fake_run();
	dp_network_stats(net, &st);
	assert_int_equal(st.moves, 1);
	assert_int_equal(fake_of(C)->out[got(C) - 1].len, 60);
	assert_int_equal(fake_drops_all(A) + fake_drops_all(B) + fake_drops_all(C), 0);
}

static void
test_group_sources_are_not_learned(void **state)
{
	const uint8_t group[6] = {3, 0, 0, 0, 0, 1}, zero[6] = {0};
	struct dp_network_stats st;

	fake_queue(A, BCAST, group, ARP, 60);
	fake_queue(A, BCAST, BCAST, ARP, 60);
	fake_queue(A, BCAST, zero, ARP, 60);
	fake_run();
	dp_network_stats(net, &st);
	assert_int_equal(st.macs, 0);
	assert_int_equal(got(B), 3);
}

static void
test_groups(void **state)
{
	three_introduce();
	for (unsigned int i = 0; i < PACKET_BURST; i++)
		fake_queue(A, MB, MA, IPV4, 60 + i);
	fake_run();
	assert_int_equal(fake_of(B)->tx_calls, 1);
	assert_int_equal(got(B), PACKET_BURST);
	for (unsigned int i = 0; i < PACKET_BURST; i++)
		assert_int_equal(fake_of(B)->out[i].len, 60 + i);
	fake_clear(B);
	fake_clear(A);
	for (unsigned int i = 0; i < PACKET_BURST; i++)
		fake_queue(A, i % 3 ? MB : MC, MA, IPV4, 60 + i);
	fake_run();
	assert_int_equal(fake_of(B)->tx_calls, 1);
	assert_int_equal(fake_of(C)->tx_calls, 1);
	assert_int_equal(got(C), 11);
	assert_int_equal(got(B), 21);
	/* Each destination's frames stay in order. */
	for (unsigned int i = 1; i < got(B); i++)
		assert_true(fake_of(B)->out[i].len > fake_of(B)->out[i - 1].len);
}

static void
test_drops(void **state)
{
	const uint8_t lldp[6] = {1, 0x80, 0xc2, 0, 0, 0x0e},
		      beyond[6] = {1, 0x80, 0xc2, 0, 0, 0x10};

	three_introduce();
	fake_queue(A, MB, MA, IPV4, 13);
	fake_queue(A, MB, MA, IPV4, 14);
	fake_queue(A, MB, MA, IPV4, 1518);
	fake_queue(A, MB, MA, IPV4, 1519);
	fake_queue(A, MA, MA, IPV4, 60);
	fake_queue(A, lldp, MA, 0x88cc, 60);
	fake_queue(A, beyond, MA, 0x88cc, 60);
	fake_run();
	assert_int_equal(fake_drops(A, DROP_RUNT), 1);
	assert_int_equal(fake_drops(A, DROP_OVERSIZE), 1);
	assert_int_equal(fake_drops(A, DROP_HAIRPIN), 1);
	assert_int_equal(fake_drops(A, DROP_NO_DESTINATION), 1);
	assert_int_equal(fake_drops_all(A), 4);
	assert_int_equal(got(B), 3);
	assert_int_equal(got(C), 1);
}

static void
test_destination_drops(void **state)
{
	struct dp_port_settings s = fake_settings(net);
	struct dp_error err;

	three_introduce();
	fake_of(B)->room = 3;
	for (int i = 0; i < 10; i++)
		fake_queue(A, MB, MA, IPV4, 60);
	fake_run();
	assert_int_equal(fake_drops(B, DROP_RING_FULL), 7);
	fake_of(B)->room = 100;

	s.mtu = 1000;
	assert_int_equal(dp_port_set(B, &s, &err), 0);
	fake_queue(A, MB, MA, IPV4, 1018);
	fake_queue(A, MB, MA, IPV4, 1019);
	fake_queue(A, BCAST, MA, IPV4, 1019);
	fake_run();
	assert_int_equal(fake_drops(B, DROP_TOO_BIG), 2);
	assert_int_equal(got(B), 4);
	assert_int_equal(got(C), 1);

	fake_of(B)->ready = false;
	fake_queue(A, MB, MA, IPV4, 60);
	fake_queue(A, MB, MA, IPV4, 60);
	fake_queue(A, BCAST, MA, IPV4, 60);
	fake_run();
	assert_int_equal(fake_drops(B, DROP_NOT_READY), 2);
	fake_of(C)->ready = false;
	fake_queue(A, BCAST, MA, IPV4, 60);
	fake_run();
	assert_int_equal(fake_drops(A, DROP_NO_DESTINATION), 1);
	assert_int_equal(fake_drops_all(A), 1);

	fake_of(B)->ready = true;
	s.enabled = false;
	assert_int_equal(dp_port_set(B, &s, &err), 0);
	fake_queue(A, MB, MA, IPV4, 60);
	fake_queue(B, MA, MB, IPV4, 60);
	fake_run();
	assert_int_equal(fake_drops(B, DROP_NOT_READY), 4);
	assert_int_equal(got(A), 0);
	dp_port_counters_reset(B);
	assert_int_equal(fake_drops_all(B), 0);
	fake_queue(A, MB, MA, IPV4, 60);
	fake_run();
	assert_int_equal(fake_drops_all(B), 1);
}

static void
test_networks_are_apart(void **state)
{
	struct dp_network *other = fake_network_add("other", 0);
	struct dp_port_settings s = fake_settings(other);
	struct dp_error err;

	three_introduce();
	assert_int_equal(dp_port_set(C, &s, &err), 0);
	assert_int_equal(dp_network_del(other, &err), -EBUSY);
	fake_queue(A, MC, MA, IPV4, 60);
	fake_queue(A, BCAST, MA, ARP, 60);
	fake_queue(C, MA, MC, IPV4, 60);
	fake_run();
	assert_int_equal(got(C), 0);
	assert_int_equal(got(A), 0);
	assert_int_equal(got(B), 2);
	assert_int_equal(fake_drops(C, DROP_NO_DESTINATION), 1);
	s.network = NULL;
	assert_int_equal(dp_port_set(C, &s, &err), 0);
	fake_queue(C, MA, MC, IPV4, 60);
	fake_run();
	assert_int_equal(fake_drops(C, DROP_NO_NETWORK), 1);
	assert_int_equal(dp_network_del(other, &err), 0);
}

/* What a worker may still find just after a port went elsewhere. */
static void
test_stale_tables(void **state)
{
	struct dp_network *other = fake_network_add("other", 0);
	struct dp_port_settings s = fake_settings(other);
	const struct dp_port_settings *real = C->settings;
	struct dp_error err;

	three_introduce();
	/* The table knows C, the view has it, its settings name another network. */
	C->settings = &s;
	fake_queue(A, MC, MA, IPV4, 60);
	fake_queue(A, BCAST, MA, IPV4, 60);
	fake_run();
	assert_int_equal(got(C), 0);
	assert_int_equal(got(B), 2);
	/* It left the VLAN. */
	s.network = net;
	s.vlan.access = 9;
	fake_queue(A, MC, MA, IPV4, 60);
	fake_run();
	assert_int_equal(got(C), 0);
	assert_int_equal(got(B), 3);
	C->settings = real;
	/* It left the table of ports. */
	dp_ports[C->index] = NULL;
	fake_queue(A, MC, MA, IPV4, 60);
	fake_queue(A, BCAST, MA, IPV4, 60);
	fake_run();
	assert_int_equal(got(B), 5);
	dp_ports[C->index] = C;
	assert_int_equal(dp_network_del(other, &err), 0);
}

static void
count(const struct dp_fdb_entry *e, void *arg)
{
	++*(unsigned int *)arg;
}

static void
test_deleted_port(void **state)
{
	unsigned int n = 0;
	uint16_t index = dp_port_index(B);

	three_introduce();
	fake_of(B)->ready = false;
	fake_queue(A, MB, MA, IPV4, 60);
	fake_run();
	assert_int_equal(fake_drops_all(B), 1);
	dp_port_del(B);
	assert_string_equal(dp_port_name(index), "");
	dp_network_fdb(net, count, &n);
	assert_int_equal(n, 2);
	fake_queue(A, MB, MA, IPV4, 60);
	fake_run();
	assert_int_equal(got(C), 1);
	/* It does not come back: its number is free. */
	port_number_forget("b");
	B = fake_port_add("b2", net);
	assert_int_equal(dp_port_index(B), index);
	assert_int_equal(fake_drops_all(B), 0);
	fake_queue(A, MC, MA, IPV4, 60);
	fake_run();
	assert_int_equal(got(B), 0);
	assert_int_equal(got(C), 2);
}

/* MAC 0 is nobody: it is neither learned nor found. */
static void
test_no_mac(void **state)
{
	static const uint8_t none[6];

	three_introduce();
	fake_queue(A, BCAST, none, ARP, 60);
	fake_run();
	fake_clear(B);
	fake_clear(C);
	fake_queue(B, none, MB, IPV4, 60);
	fake_queue(C, none, MC, IPV4, 60);
	fake_run();
	assert_int_equal(got(A), 2);
	assert_int_equal(got(B), 1);
	assert_int_equal(got(C), 1);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, three_setup, three_teardown)
	const struct CMUnitTest tests[] = {
		T(test_learning),
		T(test_group_sources_are_not_learned),
		T(test_no_mac),
		T(test_groups),
		T(test_drops),
		T(test_destination_drops),
		T(test_networks_are_apart),
		T(test_stale_tables),
		T(test_deleted_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
