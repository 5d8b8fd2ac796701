/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control socket's settings of what a port's traffic meets: rates, mirrors,
 * bonds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/control-env.h"
#include "tests/unit/fake-datapath.h"

static void
test_rates(void **state)
{
	struct env *e = *state;
	const char *r;

	ask(e, "port.add", "{'name':'a','type':'vhost','rate_bps':'10M','out_rate_pps':500}");
	r = ask(e, "port.set", "{'name':'a','settings':{'burst-bytes':'64k'}}");
	expect(r, "'rate_bps':10000000,'burst_bytes':64000,'out_rate_pps':500");
	assert_int_equal(fake_port_settings("a")->rate_in.bps, 10000000);
	assert_int_equal(fake_port_settings("a")->rate_in.burst_bytes, 64000);
	assert_int_equal(fake_port_settings("a")->rate_in.pps, 0);
	assert_int_equal(fake_port_settings("a")->rate_out.pps, 500);
	expect_error(ask(e, "port.set", "{'name':'a','settings':{'rate-pps':-1}}"), -32602,
		"rate-pps is 0 or a number");
	expect_error(ask(e, "port.set", "{'name':'a','settings':{'out_burst_bytes':9}}"), -32602,
		"out-burst-bytes means nothing without out-rate-bps");
	r = ask(e, "port.add", "{'name':'u','type':'nic','bond':'lacp','device':'x y'}");
	expect(r, "'device':'x y','bond':'lacp','members':[{'device':'one','state':'active'},"
		  "{'device':'two','state':'backup'}]");
	r = ask(e, "port.set", "{'name':'a','settings':{'rate-bps':0}}");
	expect_not(r, "rate_bps");
	expect_not(r, "burst_bytes");
	assert_int_equal(fake_port_settings("a")->rate_in.burst_bytes, 0);
}

static void
test_mirror(void **state)
{
	struct env *e = *state;
	const char *r;

	ask(e, "port.add", "{'name':'tap','type':'vhost','network':'none'}");
	expect(ask(e, "port.add", "{'name':'a','type':'vhost','mirror':'tap'}"),
		"'mirror':'tap','mirror_direction':'both'");
	assert_string_equal(fake_port_mirror("a"), "tap");
	expect(ask(e, "port.show", "{'name':'tap'}"), "'mirror_of':['a']");
	expect(ask(e, "port.set", "{'name':'a','settings':{'mirror-direction':'in'}}"),
		"'mirror_direction':'in'");
	assert_int_equal(fake_port_settings("a")->mirror_direction, DP_MIRROR_IN);
	expect_error(ask(e, "port.del", "{'name':'tap'}"), 3, "is the mirror of port a");
	expect_error(ask(e, "port.add", "{'name':'b','type':'vhost','mirror':'x'}"), 1,
		"there is no port");
	expect_error(ask(e, "port.add", "{'name':'b','type':'vhost','mirror':'b'}"), -32602,
		"the port itself");
	ask(e, "port.add", "{'name':'b','type':'vhost','mirror':'a'}");
	r = ask(e, "port.set", "{'name':'tap','settings':{'mirror':'b'}}");
	expect_error(r, -32602, "circle");
	assert_string_equal(fake_port_mirror("tap"), "");
	r = ask(e, "port.set", "{'name':'a','settings':{'mirror':'none'}}");
	expect_not(r, "'mirror'");
	assert_string_equal(fake_port_mirror("a"), "");
	expect(ask(e, "port.del", "{'name':'tap'}"), "'result':{}");
	/* A mirror in error gets copies when it comes up. */
	ask(e, "port.set", "{'name':'a','settings':{'mirror':'gone'}}");
	assert_string_equal(fake_port_mirror("a"), "");
	fake_plug_missing(true);
	ask(e, "port.set", "{'name':'gone','settings':{'mtu':1000}}");
	fake_plug_missing(false);
	assert_string_equal(fake_port_mirror("a"), "gone");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_rates, env_setup, env_teardown),
		cmocka_unit_test_setup_teardown(test_mirror, env_setup, env_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
