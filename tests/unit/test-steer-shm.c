/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Trust groups, cross-connected shm ports, and frames whose sender names a port.
 * The shm ports here are in memory (fake-shm.c); what counts is which way a frame
 * takes.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "src/datapath/group.h"
#include "src/datapath/network.h"
#include "tests/unit/fake-shm.h"
#include "tests/unit/three-ports.h"

static struct dp_error err;

static void
cross(struct dp_port *p, struct dp_port *to)
{
	struct dp_port_settings s = *p->settings;

	s.cross = true;
	s.forward = to;
	assert_int_equal(dp_port_set(p, &s, &err), 0);
}

static int
setup(void **state)
{
	struct dp_config cfg = {.run_dir = "/nowhere"};

	group_init(&cfg);
	three_setup(state);
	three_introduce();
	return 0;
}

static struct dp_group *
add_group(const char *name)
{
	struct dp_group_config cfg = {.numa = -1};
	struct dp_group *g = NULL;

	snprintf(cfg.name, sizeof(cfg.name), "%s", name);
	assert_int_equal(dp_group_add(&cfg, &g, &err), 0);
	return g;
}

static struct dp_port *
add_shm(const char *name, struct dp_group *g, struct dp_network *n)
{
	struct dp_port_config cfg = {.type = DP_PORT_SHM,
		.queues = 1,
		.trust = g,
		.rx_entries = 64,
		.tx_entries = 64,
		.fill_entries = 64,
		.settings = fake_settings(n)};
	struct dp_port *p = NULL;

	snprintf(cfg.name, sizeof(cfg.name), "%s", name);
	assert_int_equal(dp_port_add(&cfg, &p, &err), 0);
	fake_shm_port(name)->source = p->index;
	return p;
}

static struct dp_group *red, *blue;
static struct dp_port *R1, *R2, *R3, *B1;

static int
setup_shm(void **state)
{
	setup(state);
	red = add_group("red");
	blue = add_group("blue");
	R1 = add_shm("r1", red, net);
	R2 = add_shm("r2", red, net);
	R3 = add_shm("r3", red, NULL);
	B1 = add_shm("b1", blue, NULL);
	return 0;
}

static int
teardown_shm(void **state)
{
	dp_port_del(R1);
	dp_port_del(R2);
	dp_port_del(R3);
	dp_port_del(B1);
	assert_int_equal(dp_group_del(red, &err), 0);
	assert_int_equal(dp_group_del(blue, &err), 0);
	assert_int_equal(fake_shm_pools(), 0);
	group_stop();
	assert_int_equal(fake_shm_starts(), 0);
	return three_teardown(state);
}

static void
test_hop(void **state)
{
	struct fake_shm *r2 = fake_shm_port("r2");

	cross(R1, R2);
	fake_shm_send("r1", 1000, PACKET_NEXT, 0);
	fake_run();
	assert_int_equal(r2->hops, 1000);
	assert_int_equal(r2->sent, 0);
	assert_true(fake_shm_signals() != 0);
}

/* Whatever wants to look makes the frames take the long way. */
static void
test_no_hop(void **state)
{
	struct fake_shm *r2 = fake_shm_port("r2"), *b1 = fake_shm_port("b1");
	struct dp_port_settings s;

	/* Another pool. */
	cross(R1, B1);
	fake_shm_send("r1", 10, PACKET_NEXT, 0);
	fake_run();
	assert_int_equal(b1->hops, 0);
	assert_int_equal(b1->sent, 10);
	/* A mirror of the target. */
	cross(R1, R2);
	s = *R2->settings;
	s.mirror = C;
	s.mirror_direction = DP_MIRROR_OUT;
	assert_int_equal(dp_port_set(R2, &s, &err), 0);
	fake_shm_send("r1", 10, PACKET_NEXT, 0);
	fake_run();
	assert_int_equal(r2->hops, 0);
	assert_int_equal(r2->sent, 10);
	assert_int_equal(got(C), 10);
	/* A smaller MTU. */
	s.mirror = NULL;
	s.mtu = 1400;
	assert_int_equal(dp_port_set(R2, &s, &err), 0);
	fake_shm_send("r1", 10, PACKET_NEXT, 0);
	fake_run();
	assert_int_equal(r2->hops, 0);
	/* A rate of the source. */
	s.mtu = 1500;
	assert_int_equal(dp_port_set(R2, &s, &err), 0);
	s = *R1->settings;
	s.rate_in = (struct dp_rate){.pps = 1, .burst_packets = 4};
	assert_int_equal(dp_port_set(R1, &s, &err), 0);
	fake_shm_send("r1", 10, PACKET_NEXT, 0);
	fake_run();
	assert_int_equal(r2->hops, 0);
	assert_int_equal(fake_drops(R1, DROP_POLICED), 6);
	/* Disabled. */
	s.rate_in = (struct dp_rate){0};
	s.enabled = false;
	assert_int_equal(dp_port_set(R1, &s, &err), 0);
	fake_shm_send("r1", 10, PACKET_NEXT, 0);
	fake_run();
	assert_int_equal(r2->hops, 0);
	assert_int_equal(fake_drops(R1, DROP_NOT_READY), 10);
}

static void
test_to_port(void **state)
{
	struct fake_shm *r2 = fake_shm_port("r2"), *r3 = fake_shm_port("r3"),
			*b1 = fake_shm_port("b1");

	/* A member of the group, in no network. */
	fake_shm_send("r1", 3, PACKET_TO_PORT, R3->index);
	fake_run();
	assert_int_equal(r3->sent, 3);
	/* A stock guest of the same network. */
	fake_shm_send("r1", 4, PACKET_TO_PORT, B->index);
	fake_run();
	assert_int_equal(got(B), 4);
	assert_int_equal(got(A), 0);
	/* Neither group nor network. */
	fake_shm_send("r1", 5, PACKET_TO_PORT, B1->index);
	fake_run();
	assert_int_equal(b1->sent, 0);
	assert_int_equal(fake_drops(R1, DROP_NO_TARGET), 5);
	/* In no network, to one who is. */
	fake_shm_send("r3", 2, PACKET_TO_PORT, B->index);
	fake_run();
	assert_int_equal(got(B), 4);
	assert_int_equal(fake_drops(R3, DROP_NO_TARGET), 2);
	/* Nobody, itself, a number beyond. */
	fake_shm_send("r1", 1, PACKET_TO_PORT, DP_PORTS_MAX - 1);
	fake_run();
	fake_shm_send("r1", 1, PACKET_TO_PORT, UINT16_MAX - 1);
	fake_run();
	assert_int_equal(fake_drops(R1, DROP_NO_TARGET), 7);
	fake_shm_send("r1", 1, PACKET_TO_PORT, R1->index);
	fake_run();
	assert_int_equal(fake_drops(R1, DROP_HAIRPIN), 1);
	fake_shm_send("r1", 6, PACKET_TO_SERVICE, 1);
	fake_run();
	assert_int_equal(fake_drops(R1, DROP_NO_SERVICE), 6);
	/* The sender's word counts for more than its cross-connect. */
	cross(R1, R2);
	fake_shm_send("r1", 7, PACKET_TO_PORT, R3->index);
	fake_run();
	assert_int_equal(r3->sent, 10);
	assert_int_equal(r2->sent + r2->hops, 0);
}

/* A port in another VLAN of the network is out of reach. */
static void
test_to_port_vlan(void **state)
{
	struct dp_port_settings s = *B->settings;

	s.vlan.access = 20;
	assert_int_equal(dp_port_set(B, &s, &err), 0);
	fake_shm_send("r1", 4, PACKET_TO_PORT, B->index);
	fake_run();
	assert_int_equal(got(B), 0);
	assert_int_equal(fake_drops(R1, DROP_NO_TARGET), 4);
}

/* Only who has such frames is asked: other kinds of port leave the field alone. */
static void
test_by_address(void **state)
{
	fake_shm_send("r1", 2, PACKET_NEXT, B->index);
	fake_run();
	assert_int_equal(got(A), 2);
	assert_int_equal(got(B), 2);
	assert_int_equal(fake_shm_port("r2")->sent, 2);
	assert_int_equal(fake_shm_port("r3")->sent, 0);
}

/* --- groups ------------------------------------------------------------------ */

static void
count_group(const char *name, struct dp_group *g, void *arg)
{
	(*(unsigned int *)arg)++;
}

static void
test_groups(void **state)
{
	struct dp_group_config cfg = {.name = "green", .numa = -1};
	struct dp_group_status st;
	struct dp_group *g = NULL;
	unsigned int n = 0;

	assert_int_equal(dp_group_del(red, &err), -EBUSY);
	assert_non_null(strstr(err.text, "3 ports"));
	cfg.buffer_size = 2000;
	assert_int_equal(dp_group_add(&cfg, &g, &err), -EINVAL);
	assert_non_null(strstr(err.text, "multiple of 64"));
	cfg.buffer_size = 2048;
	cfg.pool_size = 4096;
	assert_int_equal(dp_group_add(&cfg, &g, &err), -EINVAL);
	cfg.pool_size = 1 << 20;
	fake_shm_refuse_pool();
	assert_int_equal(dp_group_add(&cfg, &g, &err), -ENOMEM);
	assert_non_null(strstr(err.text, "the test refuses it"));
	assert_int_equal(dp_group_add(&cfg, &g, &err), 0);
	dp_group_status(g, &st);
	assert_int_equal(st.pool.buffers, 512);
	dp_group_walk(count_group, &n);
	assert_int_equal(n, 3);
	/* A NIC has some of its buffers still. */
	fake_shm_stuck(2);
	assert_int_equal(dp_group_del(g, &err), -EBUSY);
	assert_non_null(strstr(err.text, "2 of its buffers"));
	fake_shm_stuck(0);
	assert_int_equal(dp_group_del(g, &err), 0);
	assert_int_equal(fake_shm_starts(), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_hop, setup_shm, teardown_shm),
		cmocka_unit_test_setup_teardown(test_no_hop, setup_shm, teardown_shm),
		cmocka_unit_test_setup_teardown(test_to_port, setup_shm, teardown_shm),
		cmocka_unit_test_setup_teardown(test_to_port_vlan, setup_shm, teardown_shm),
		cmocka_unit_test_setup_teardown(test_by_address, setup_shm, teardown_shm),
		cmocka_unit_test_setup_teardown(test_groups, setup_shm, teardown_shm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
