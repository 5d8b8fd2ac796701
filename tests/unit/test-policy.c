/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a port or a network is configured to refuse: the guard, storm control,
 * and configurations themselves.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "src/datapath/network.h"
#include "tests/unit/three-ports.h"

static void
test_refusals(void **state)
{
	struct dp_port_config cfg = {.name = "a", .queues = 1, .settings = fake_settings(net)};
	struct dp_network_config nc = {.name = "x", .ageing_s = 9};
	struct dp_network *n;
	struct dp_error err;
	struct dp_port *p;

	assert_int_equal(port_add(&cfg, &fake_ops, &p, &err), -EEXIST);
	cfg.name[0] = 'z';
	cfg.queues = 17;
	assert_int_equal(port_add(&cfg, &fake_ops, &p, &err), -EINVAL);
	assert_non_null(strstr(err.text, "queues=17"));
	cfg.queues = 1;
	cfg.settings.mtu = 9217;
	assert_int_equal(port_add(&cfg, &fake_ops, &p, &err), -EINVAL);
	assert_non_null(strstr(err.text, "mtu=9217"));
	cfg.settings.mtu = 1500;
	cfg.settings.vlan.access = 4095;
	assert_int_equal(port_add(&cfg, &fake_ops, &p, &err), -EINVAL);
	assert_int_equal(dp_network_add(&nc, &n, &err), -EINVAL);
	nc.ageing_s = 10;
	nc.max_macs = 15;
	assert_int_equal(dp_network_add(&nc, &n, &err), -EINVAL);
	nc.max_macs = 4096;
	assert_int_equal(dp_network_set(net, &nc, &err), -EBUSY);
}

static void
test_guard(void **state)
{
	struct dp_port_settings s = fake_settings(net);
	struct fake_frame *f;
	struct dp_error err;
	char text[200];

	three_introduce();
	/* B speaks as A before A is guarded: that entry has to go. */
	fake_queue(B, BCAST, MA, ARP, 60);
	fake_run();
	assert_int_equal(
		guard_parse(&s.guard, "mac=02:00:00:00:00:0a,ip=10.0.0.1", text, sizeof(text)), 0);
	assert_int_equal(dp_port_set(A, &s, &err), 0);
	fake_clear(A);
	fake_clear(B);
	fake_clear(C);
	fake_queue(C, MA, MC, IPV4, 60);
	fake_run();
	assert_int_equal(got(A), 1); /* flooded: nobody knows where A is */
	assert_int_equal(got(B), 1);

	/* A train of equal heads, only one of which has the right address. */
	for (int i = 0; i < 3; i++) {
		f = fake_queue(A, MC, MA, IPV4, 60);
		memset(f->data + 14, 0, 46);
		f->data[14] = 0x45;
		f->data[17] = 46;
		f->data[23] = 17;
		memcpy(f->data + 26, i == 1 ? "\x0a\0\0\1" : "\x0a\0\0\2", 4);
	}
	fake_queue(A, MC, MB, IPV4, 60);
	fake_run();
	assert_int_equal(got(C), 1);
	assert_int_equal(fake_drops(A, DROP_GUARD_IP), 2);
	assert_int_equal(fake_drops(A, DROP_GUARD_MAC), 1);
	/* A is known now, and B cannot take its address away. */
	fake_queue(B, BCAST, MA, ARP, 60);
	fake_run();
	fake_clear(A);
	fake_clear(B);
	fake_queue(C, MA, MC, IPV4, 60);
	fake_run();
	assert_int_equal(got(A), 1);
	assert_int_equal(got(B), 0);
}

static void
test_storm(void **state)
{
	struct dp_network_config cfg = {.ageing_s = 300, .max_macs = 64, .storm_pps = 400};
	struct dp_error err;

	three_introduce();
	assert_int_equal(dp_network_set(net, &cfg, &err), 0);
	/* A tenth of a second's worth may come at once; the clock is one that
	 * hardly moves meanwhile. */
	dp_clock_hz = UINT64_C(1) << 50;
	assert_int_equal(dp_network_set(net, &cfg, &err), 0);
	for (int i = 0; i < 100; i++)
		fake_queue(A, BCAST, MA, ARP, 60);
	fake_queue(A, MB, MA, IPV4, 60);
	for (int i = 0; i < 5; i++)
		fake_queue(C, BCAST, MC, ARP, 60);
	fake_run();
	assert_int_equal(fake_drops(A, DROP_STORM), 60);
	assert_int_equal(fake_drops(C, DROP_STORM), 0);
	assert_int_equal(got(B), 40 + 1 + 5);
	/* What was spent by a low limit (32 seconds' worth) does not silence the
	 * port for long when the limit is raised. */
	cfg.storm_pps = 1;
	assert_int_equal(dp_network_set(net, &cfg, &err), 0);
	for (int i = 0; i < 40; i++)
		fake_queue(B, BCAST, MB, ARP, 60);
	fake_run();
	assert_int_equal(fake_drops(B, DROP_STORM), 8);
	cfg.storm_pps = 400;
	assert_int_equal(dp_network_set(net, &cfg, &err), 0);
	for (int i = 0; i < 41; i++)
		fake_queue(B, BCAST, MB, ARP, 60);
	fake_run();
	assert_int_equal(fake_drops(B, DROP_STORM), 8 + 1);
	cfg.storm_pps = 0;
	assert_int_equal(dp_network_set(net, &cfg, &err), 0);
	fake_queue(A, BCAST, MA, ARP, 60);
	fake_run();
	assert_int_equal(fake_drops(A, DROP_STORM), 60);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, three_setup, three_teardown)
	const struct CMUnitTest tests[] = {
		T(test_refusals),
		T(test_guard),
		T(test_storm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
