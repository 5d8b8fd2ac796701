/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cross-connects (forward=) of ports of any kind; test-steer-shm.c has shm ports.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "src/datapath/network.h"
#include "tests/unit/three-ports.h"

static struct dp_error err;

static int
setup(void **state)
{
	three_setup(state);
	three_introduce();
	return 0;
}

static void
cross(struct dp_port *p, struct dp_port *to)
{
	struct dp_port_settings s = *p->settings;

	s.cross = true;
	s.forward = to;
	assert_int_equal(dp_port_set(p, &s, &err), 0);
}

static void
test_goes_to_one_port(void **state)
{
	struct dp_network_stats before, after;

	dp_network_stats(net, &before);
	cross(A, C);
	/* To B's MAC, to everybody, tagged, and from a MAC that nobody knows. */
	fake_queue(A, MB, MA, IPV4, 60);
	fake_queue(A, BCAST, MA, ARP, 60);
	fake_queue_tagged(A, MB, MA, 77, IPV4, 64);
	fake_queue(A, MB, (const uint8_t[]){2, 9, 9, 9, 9, 9}, IPV4, 60);
	fake_run();
	assert_int_equal(got(C), 4);
	assert_int_equal(got(B), 0);
	assert_int_equal(fake_of(C)->out[2].len, 64);
	assert_int_equal(fake_of(C)->out[2].data[15], 77);
	dp_network_stats(net, &after);
	assert_int_equal(after.macs, before.macs);
	assert_int_equal(after.flooded, before.flooded);
	/* One way only. */
	fake_queue(C, MB, MC, IPV4, 60);
	fake_run();
	assert_int_equal(got(A), 0);
	assert_int_equal(got(B), 1);
}

static void
test_without_network(void **state)
{
	struct dp_port_settings s = *A->settings;

	s.network = NULL;
	s.cross = true;
	s.forward = B;
	assert_int_equal(dp_port_set(A, &s, &err), 0);
	fake_queue(A, MB, MA, IPV4, 60);
	fake_run();
	assert_int_equal(got(B), 1);
	assert_int_equal(fake_drops_all(A), 0);
}

static void
test_target_goes(void **state)
{
	struct dp_port *d = fake_port_add("d", NULL);

	cross(A, d);
	fake_queue(A, MB, MA, IPV4, 60);
	fake_run();
	assert_int_equal(got(d), 1);
	dp_port_del(d);
	assert_true(A->settings->cross);
	assert_null(A->settings->forward);
	fake_clear(A);
	fake_queue(A, MB, MA, IPV4, 60);
	fake_run();
	assert_int_equal(fake_drops(A, DROP_NO_TARGET), 1);
	assert_int_equal(got(B), 0);
	/* Down is another reason, and the target's. */
	cross(A, B);
	fake_of(B)->ready = false;
	fake_queue(A, MB, MA, IPV4, 60);
	fake_run();
	assert_int_equal(fake_drops(B, DROP_NOT_READY), 1);
}

static void
test_not_itself(void **state)
{
	struct dp_port_settings s = *A->settings;

	s.cross = true;
	s.forward = A;
	assert_int_equal(dp_port_set(A, &s, &err), -EINVAL);
	assert_non_null(strstr(err.text, "forward=a is the port itself"));
	assert_false(A->settings->cross);
}

static void
test_guard_and_mtu_stay(void **state)
{
	struct dp_port_settings s = *A->settings;
	char why[200];

	assert_int_equal(guard_parse(&s.guard, "mac=02:00:00:00:00:0a", why, sizeof(why)), 0);
	s.cross = true;
	s.forward = C;
	assert_int_equal(dp_port_set(A, &s, &err), 0);
	fake_queue(A, MB, MA, IPV4, 60);
	fake_queue(A, MB, MC, IPV4, 60);
	fake_queue_tagged(A, MB, MA, 5, 0x88b5, 64);
	fake_queue_tagged(A, MB, MC, 5, 0x88b5, 64);
	fake_queue(A, MB, MA, IPV4, 1519);
	fake_queue(A, MB, MA, IPV4, 12);
	fake_run();
	assert_int_equal(fake_drops(A, DROP_GUARD_MAC), 2);
	assert_int_equal(fake_drops(A, DROP_OVERSIZE), 1);
	assert_int_equal(fake_drops(A, DROP_RUNT), 1);
	/* An IPv4 frame of zeroes is none. */
	assert_int_equal(fake_drops(A, DROP_GUARD_IP), 1);
	assert_int_equal(got(C), 1);
	assert_int_equal(fake_of(C)->out[0].data[15], 5);
}

static void
test_too_big_for_target(void **state)
{
	struct dp_port_settings s = *C->settings;

	s.mtu = 1000;
	assert_int_equal(dp_port_set(C, &s, &err), 0);
	cross(A, C);
	fake_queue(A, MB, MA, IPV4, 1200);
	fake_queue(A, MB, MA, IPV4, 1018);
	fake_run();
	assert_int_equal(fake_drops(C, DROP_TOO_BIG), 1);
	assert_int_equal(got(C), 1);
}

static void
test_rate_and_mirror_stay(void **state)
{
	struct dp_port_settings s = *A->settings;

	s.cross = true;
	s.forward = C;
	s.rate_in = (struct dp_rate){.pps = 10, .burst_packets = 3};
	s.mirror = B;
	s.mirror_direction = DP_MIRROR_IN;
	assert_int_equal(dp_port_set(A, &s, &err), 0);
	for (unsigned int i = 0; i < 5; i++)
		fake_queue(A, MB, MA, IPV4, 60);
	fake_run();
	assert_int_equal(got(C), 3);
	assert_int_equal(fake_drops(A, DROP_POLICED), 2);
	assert_int_equal(got(B), 5);
}

static void
test_whole_burst(void **state)
{
	cross(A, B);
	cross(B, A);
	for (unsigned int i = 0; i < 2 * PACKET_BURST; i++) {
		fake_queue(A, MC, MA, IPV4, 60);
		fake_queue(B, MC, MB, IPV4, 60);
	}
	fake_run();
	assert_int_equal(got(A), 2 * PACKET_BURST);
	assert_int_equal(got(B), 2 * PACKET_BURST);
	assert_int_equal(got(C), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_goes_to_one_port, setup, three_teardown),
		cmocka_unit_test_setup_teardown(test_without_network, setup, three_teardown),
		cmocka_unit_test_setup_teardown(test_target_goes, setup, three_teardown),
		cmocka_unit_test_setup_teardown(test_not_itself, setup, three_teardown),
		cmocka_unit_test_setup_teardown(test_guard_and_mtu_stay, setup, three_teardown),
		cmocka_unit_test_setup_teardown(test_too_big_for_target, setup, three_teardown),
		cmocka_unit_test_setup_teardown(test_rate_and_mirror_stay, setup, three_teardown),
		cmocka_unit_test_setup_teardown(test_whole_burst, setup, three_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
