/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the objects of a daemon live through: restart, reload, a state file that
 * cannot be written, a device that comes late.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <glib/gstdio.h>

#include "tests/unit/control-env.h"
#include "tests/unit/fake-datapath.h"

static void
test_restart(void **state)
{
	struct env *e = *state;

	ask(e, "network.add", "{'name':'red','max_macs':99}");
	ask(e, "network.set", "{'name':'default','settings':{'ageing_s':77}}");
	ask(e, "port.add", "{'name':'a','type':'vhost','network':'red','trunk':'1-9','queues':2}");
	ask(e, "port.add", "{'name':'b','type':'vhost'}");
	ask(e, "port.add", "{'name':'z','type':'nic','device':'there'}");
	ask(e, "port.set", "{'name':'a','settings':{'mtu':2000}}");
	ask(e, "port.set", "{'name':'c1','settings':{'mtu':2000}}");
	ask(e, "port.del", "{'name':'b'}");
	env_restart(e);
	expect(ask(e, "port.show", "{'name':'a'}"), "'network':'red','trunk':'1-9','mtu':2000");
	expect(ask(e, "port.show", "{'name':'a'}"), "'configured':2");
	expect(ask(e, "port.show", "{'name':'z'}"), "'queues':{'configured':0,");
	expect_error(ask(e, "port.show", "{'name':'b'}"), 1, "there is no port");
	expect(ask(e, "network.show", "{'name':'red'}"), "'max_macs':99");
	expect(ask(e, "network.show", "{'name':'default'}"), "'ageing_s':77");
	expect(ask(e, "network.show", "{'name':'default'}"), "'persistent':'state'");
	/* The config's port is what the config says, and not in the state file. */
	expect(ask(e, "port.show", "{'name':'c1'}"), "'mtu':1500");
	expect(ask(e, "port.show", "{'name':'c1'}"), "'persistent':'config'");
	/* The config wins over the state file. */
	env_stop(e);
	env_write_config(e, "[port a]\ntype=vhost\nmtu=3000\n[network red]\nageing-s=33\n");
	env_start(e);
	expect(ask(e, "network.show", "{'name':'red'}"), "'ageing_s':33,'max_macs':8192");
	expect(ask(e, "network.show", "{'name':'red'}"), "'persistent':'config'");
	expect(ask(e, "port.show", "{'name':'a'}"), "'mtu':3000");
	env_write_config(e, "");
	env_restart(e);
	expect_error(ask(e, "port.show", "{'name':'a'}"), 1, "there is no port");
}

static void
test_plugged_later(void **state)
{
	struct env *e = *state;

	fake_plug_missing(true);
	expect(ask(e, "port.add", "{'name':'r','type':'nic','device':'missing'}"),
		"'state':'waiting'");
	expect(ask(e, "port.set", "{'name':'gone','settings':{'mtu':1000}}"), "'state':'waiting'");
	assert_int_equal(fake_port_settings("gone")->mtu, 1000);
	fake_plug_missing(false);
	env_restart(e);
	expect(ask(e, "port.show", "{'name':'r'}"),
		"'state':'error','error':'device missing is not there'");
	/* Nor is it named twice after one more try. */
	assert_true(control_reload(&e->c, NULL));
	expect(ask(e, "port.show", "{'name':'r'}"),
		"'state':'error','error':'device missing is not there'");
	expect(ask(e, "port.show", "{'name':'gone'}"), "'state':'error'");
	fake_plug_missing(true);
	assert_true(control_reload(&e->c, NULL));
	expect(ask(e, "port.show", "{'name':'r'}"), "'state':'waiting'");
	expect(ask(e, "port.show", "{'name':'gone'}"), "'state':'waiting'");
	fake_plug_missing(false);
}

static void
test_cannot_save(void **state)
{
	struct env *e = *state;

	ask(e, "port.add", "{'name':'a','type':'vhost'}");
	assert_int_equal(g_remove(e->c.state_file), 0);
	assert_int_equal(g_mkdir(e->c.state_file, 0700), 0);
	expect_error(ask(e, "port.add", "{'name':'b','type':'vhost'}"), 4, "cannot write");
	assert_null(fake_port_config("b"));
	expect_error(ask(e, "port.set", "{'name':'a','settings':{'mtu':2000}}"), 4, "cannot write");
	assert_int_equal(fake_port_settings("a")->mtu, 1500);
	expect_error(ask(e, "port.del", "{'name':'a'}"), 4, "cannot write");
	assert_non_null(fake_port_config("a"));
	expect_error(ask(e, "network.add", "{'name':'n'}"), 4, "cannot write");
	expect_error(ask(e, "network.show", "{'name':'n'}"), 1, "there is no network");
	expect_error(ask(e, "network.set", "{'name':'default','settings':{'ageing_s':50}}"), 4,
		"cannot write");
	expect(ask(e, "network.show", "{'name':'default'}"), "'ageing_s':300");
	expect(ask(e, "network.show", "{'name':'default'}"), "'persistent':'builtin'");
}

static void
test_reload(void **state)
{
	struct env *e = *state;
	g_autoptr(GError) error = NULL;
	unsigned int adds;
	uint32_t idle_us;

	ask(e, "port.add", "{'name':'a','type':'vhost','network':'blue'}");
	ask(e, "port.add", "{'name':'same','type':'vhost','mtu':1111}");
	/* Wrong: nothing changes. */
	env_write_config(e, "[port c2]\ntype=vhost\nmtu=1\n");
	assert_false(control_reload(&e->c, &error));
	expect(error->message, "netvmd.conf:3: [port c2] mtu");
	g_clear_error(&error);
	/* A network in use would go. */
	env_write_config(e, "[port c2]\ntype=vhost\n");
	assert_false(control_reload(&e->c, &error));
	expect(error->message, "port a, which was added at run time, is in it");
	g_clear_error(&error);
	env_write_config(e, "[network blue]\nmax-macs=50\n");
	assert_false(control_reload(&e->c, &error));
	expect(error->message, "max-macs cannot change while port a");
	g_clear_error(&error);
	expect(ask(e, "port.show", "{'name':'c1'}"), "'name':'c1'");
	expect_error(ask(e, "port.show", "{'name':'c2'}"), 1, "there is no port");
	adds = fake_port_adds();
	env_write_config(e, "[workers]\npoll=always\nidle-us=7\n[network blue]\nageing-s=11\n"
			    "[network red]\n[port c1]\ntype=vhost\nnetwork=red\n"
			    "[port same]\ntype=vhost\nmtu=1111\n[port c2]\ntype=vhost\n");
	assert_true(control_reload(&e->c, &error));
	assert_int_equal(fake_port_adds(), adds + 1); /* c2 only; c1 moved live */
	assert_int_equal(fake_poll(&idle_us), DP_POLL_ALWAYS);
	assert_int_equal(idle_us, 7);
	expect(ask(e, "status", "{}"), "'poll':'always','idle_us':7");
	expect(ask(e, "network.show", "{'name':'blue'}"), "'ageing_s':11");
	expect(ask(e, "network.show", "{'name':'red'}"), "'ports':['c1']");
	expect(ask(e, "port.show", "{'name':'same'}"), "'persistent':'config'");
	expect(ask(e, "port.show", "{'name':'c2'}"), "'persistent':'config'");
	expect_error(ask(e, "port.show", "{'name':'gone'}"), 1, "there is no port");
	expect(ask(e, "port.show", "{'name':'a'}"), "'persistent':'state'");

	/* What cannot change live is deleted and added; networks go last. */
	ask(e, "port.del", "{'name':'a'}");
	env_write_config(e, "[port c1]\ntype=vhost\nqueues=4\n");
	assert_true(control_reload(&e->c, &error));
	assert_int_equal(fake_port_adds(), adds + 2);
	assert_int_equal(fake_port_config("c1")->queues, 4);
	assert_string_not_equal(fake_port_forgotten(), "c1");
	expect_error(ask(e, "network.show", "{'name':'red'}"), 1, "there is no network");
	expect_error(ask(e, "network.show", "{'name':'blue'}"), 1, "there is no network");
	/* A reload is also what brings the config's values back. */
	ask(e, "port.set", "{'name':'c1','settings':{'mtu':2222}}");
	assert_true(control_reload(&e->c, &error));
	assert_int_equal(fake_port_settings("c1")->mtu, 1500);
	/* An absent file is fine only when nobody named it. */
	assert_int_equal(g_remove(e->c.config_file), 0);
	assert_false(control_reload(&e->c, NULL));
	e->c.config_must_exist = false;
	assert_true(control_reload(&e->c, NULL));
	expect(ask(e, "port.list", "{}"), "'ports':[]");
}

/* Mirrors come back whatever the order in which ports do, and whoever was made
 * anew; a circle in between, while the config turns one round, is none. */
static void
test_mirrors(void **state)
{
	struct env *e = *state;
	g_autoptr(GError) error = NULL;

	ask(e, "port.add", "{'name':'z','type':'vhost'}");
	ask(e, "port.add", "{'name':'a','type':'vhost','mirror':'z','mirror-direction':'out'}");
	ask(e, "port.add", "{'name':'b','type':'vhost','mirror':'c1','rate-pps':'7k'}");
	env_restart(e);
	assert_string_equal(fake_port_mirror("a"), "z");
	assert_int_equal(fake_port_settings("a")->mirror_direction, DP_MIRROR_OUT);
	assert_string_equal(fake_port_mirror("b"), "c1");
	assert_int_equal(fake_port_settings("b")->rate_in.pps, 7000);
	/* A mirror that is added anew. */
	env_write_config(e, "[port c1]\ntype=vhost\nqueues=3\n[network blue]\n");
	assert_true(control_reload(&e->c, &error));
	assert_string_equal(fake_port_mirror("b"), "c1");
	env_write_config(e, "[network blue]\n");
	assert_false(control_reload(&e->c, &error));
	expect(error->message, "[port c1] is gone from the config, but port b");
	g_clear_error(&error);
	/* Of two in the config, the first is the second's mirror, and then not. */
	env_write_config(e, "[port c1]\ntype=vhost\nmirror=c2\n[port c2]\ntype=vhost\n");
	assert_true(control_reload(&e->c, &error));
	assert_string_equal(fake_port_mirror("c1"), "c2");
	env_write_config(e, "[port c2]\ntype=vhost\nmirror=c1\n[port c1]\ntype=vhost\n");
	assert_true(control_reload(&e->c, &error));
	assert_string_equal(fake_port_mirror("c2"), "c1");
	assert_string_equal(fake_port_mirror("c1"), "");
	env_write_config(e, "[port c2]\ntype=vhost\nmirror=c1\n[port c1]\ntype=vhost\n"
			    "mirror=c2\n");
	assert_false(control_reload(&e->c, &error));
	expect(error->message, "netvmd.conf:1: [port c2] mirror=c1 closes a circle");
	g_clear_error(&error);
	env_write_config(e, "[port c2]\ntype=vhost\nmirror=z\n");
	assert_false(control_reload(&e->c, &error));
	expect(error->message, "[port c2] mirror is the name of a [port] in this file");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_restart, env_setup, env_teardown),
		cmocka_unit_test_setup_teardown(test_plugged_later, env_setup, env_teardown),
		cmocka_unit_test_setup_teardown(test_cannot_save, env_setup, env_teardown),
		cmocka_unit_test_setup_teardown(test_reload, env_setup, env_teardown),
		cmocka_unit_test_setup_teardown(test_mirrors, env_setup, env_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
