/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Trust groups, shm ports and cross-connects through the control socket, over a
 * data path in memory: what is taken, shown, refused, saved, and found again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <glib/gstdio.h>

#include "tests/unit/control-env.h"
#include "tests/unit/fake-datapath.h"

#define BASE "[port gone]\ntype=nic\ndevice=missing\n"

static bool
reload(struct env *e, const char *config, const char *refused)
{
	g_autoptr(GError) error = NULL;
	bool ok;

	env_write_config(e, config);
	ok = control_reload(&e->c, &error);
	if (refused != NULL) {
		assert_false(ok);
		expect(error->message, refused);
	} else if (!ok) {
		fail_msg("%s", error->message);
	}
	return ok;
}

static void
test_group_life(void **state)
{
	struct env *e = *state;
	const char *reply = ask(
		e, "group.add", "{'name':'red','pool_size':'128M','buffer_size':4096,'numa':'0'}");

	expect(reply, "'name':'red','state':'up','pool_size':134217728,'buffer_size':4096,"
		      "'numa':'0','ports':[],'memory':134217728,'page':4096,'buffers':100,"
		      "'free':90,'with_guests':7,'under_way':3,'resumed':false,"
		      "'persistent':'state'");
	assert_int_equal(fake_group_config("red")->numa, 0);
	expect(ask(e, "group.add", "{'name':'blue'}"), "'pool_size':67108864,'buffer_size':2304,"
						       "'numa':'all'");
	assert_int_equal(fake_group_config("blue")->numa, -1);
	expect(ask(e, "group.list", "{}"), "'groups':[{'name':'blue'");
	expect(ask(e, "status", "{}"), "'groups':2");
	env_restart(e);
	expect(ask(e, "group.show", "{'name':'red'}"), "'buffer_size':4096,'numa':'0'");
	assert_int_equal(fake_group_config("red")->pool_size, 128 << 20);
	expect(ask(e, "group.del", "{'name':'red'}"), "'result':{}");
	assert_null(fake_group_config("red"));
	expect_error(ask(e, "group.del", "{'name':'red'}"), 1, "there is no group");
	env_restart(e);
	assert_null(fake_group_config("red"));
	assert_non_null(fake_group_config("blue"));
}

static void
test_group_refused(void **state)
{
	struct env *e = *state;

	expect_error(ask(e, "group.add", "{'name':'none'}"), -32602, "cannot name a group");
	expect_error(ask(e, "group.add", "{'name':'a b'}"), -32602, "cannot name a group");
	expect_error(ask(e, "group.add", "{'name':'g','pool_size':'1K'}"), -32602,
		"pool-size is a size");
	expect_error(ask(e, "group.add", "{'name':'g','buffer_size':2000}"), -32602,
		"a multiple of 64, such as 2048");
	expect_error(ask(e, "group.add", "{'name':'g','buffer_size':100}"), -32602, "from 512");
	expect_error(ask(e, "group.add", "{'name':'g','numa':'some'}"), -32602,
		"numa is the number of a NUMA node or all");
	expect_error(
		ask(e, "group.add", "{'name':'g','size':1}"), -32602, "a group has no setting");
	fake_refuse_next();
	expect_error(ask(e, "group.add", "{'name':'g'}"), 4, "the test wants this");
	expect(ask(e, "group.add", "{'name':'g'}"), "'state':'up'");
	expect_error(ask(e, "group.add", "{'name':'g'}"), 2, "already");
	/* Buffers are out still: it stays, and is saved again. */
	fake_refuse_next();
	expect_error(ask(e, "group.del", "{'name':'g'}"), 3, "the test wants this");
	env_restart(e);
	assert_non_null(fake_group_config("g"));
}

static void
test_shm_port(void **state)
{
	struct env *e = *state;
	const struct dp_port_config *cfg;

	expect_error(ask(e, "port.add", "{'name':'f','type':'shm'}"), -32602, "group is missing");
	expect_error(ask(e, "port.add", "{'name':'f','type':'shm','group':'g'}"), 1,
		"there is no group");
	ask(e, "group.add", "{'name':'g'}");
	expect(ask(e, "port.add",
		       "{'name':'f','type':'shm','group':'g','queues':2,'ring_size':256,"
		       "'mtu':9000,'heartbeat':5000}"),
		"'name':'f','type':'shm'");
	expect(ask(e, "port.show", "{'name':'f'}"),
		"'ring_socket':'/run/x/shm/f.ring.sock','pool_socket':'/run/x/shm/f.pool.sock',"
		"'ring_size':256,'heartbeat':5000,'vectors':2,'attached':");
	expect(ask(e, "port.show", "{'name':'f'}"), "'guest_features':['csum','segs'],'owned':11,");
	expect(ask(e, "port.show", "{'name':'f'}"), "'network':'default'");
	cfg = fake_port_config("f");
	assert_int_equal(cfg->type, DP_PORT_SHM);
	assert_int_equal(cfg->rx_entries, 256);
	assert_int_equal(cfg->tx_entries, 256);
	assert_int_equal(cfg->fill_entries, 128);
	assert_int_equal(cfg->vectors, 0);
	assert_int_equal(cfg->heartbeat_ms, 5000);
	assert_int_equal(cfg->queues, 2);
	assert_string_equal(fake_port_group("f"), "g");
	expect_error(ask(e, "group.del", "{'name':'g'}"), 3, "has 1 port (f)");
	expect(ask(e, "group.show", "{'name':'g'}"), "'ports':['f']");
	expect_error(ask(e, "port.set", "{'name':'f','settings':{'group':'h'}}"), -32602,
		"group cannot change");
	/* The group comes first when everything comes back. */
	env_restart(e);
	assert_string_equal(fake_port_group("f"), "g");
	assert_int_equal(fake_port_config("f")->rx_entries, 256);
	assert_true(fake_settled() != 0);
	ask(e, "port.del", "{'name':'f'}");
	expect(ask(e, "group.del", "{'name':'g'}"), "'result':{}");
}

static void
test_shm_refused(void **state)
{
	struct env *e = *state;

	ask(e, "group.add", "{'name':'g'}");
	expect_error(ask(e, "port.add", "{'name':'f','type':'shm','group':'g','ring_size':100}"),
		-32602, "a power of two");
	expect_error(ask(e, "port.add", "{'name':'f','type':'shm','group':'g','ring_size':32}"),
		-32602, "from 64");
	expect_error(ask(e, "port.add", "{'name':'f','type':'shm','group':'g','vectors':17}"),
		-32602, "from 1 to 16");
	expect_error(ask(e, "port.add", "{'name':'f','type':'shm','group':'g','heartbeat':10}"),
		-32602, "at least 1000");
	expect_error(ask(e, "port.add", "{'name':'f','type':'shm','group':'g','queues':'auto'}"),
		-32602, "only a nic port has auto");
	expect_error(ask(e, "port.add", "{'name':'f','type':'shm','group':'g','socket':'/x'}"),
		-32602, "a shm port has no setting");
	expect_error(ask(e, "port.add", "{'name':'f','type':'vhost','group':'g'}"), -32602,
		"a vhost port has no setting");
	expect_error(ask(e, "port.add", "{'name':'f','type':'vhost','vectors':1}"), -32602,
		"a vhost port has no setting");
	/* A nic port receives into it. */
	expect(ask(e, "port.add", "{'name':'n','type':'nic','device':'x','group':'g'}"),
		"'group':'g'");
	assert_string_equal(fake_port_group("n"), "g");
	expect_error(ask(e, "group.del", "{'name':'g'}"), 3, "has 1 port (n)");
}

/* A pool that finds no memory takes its ports along, and nobody else. */
static void
test_broken_group(void **state)
{
	struct env *e = *state;

	ask(e, "group.add", "{'name':'big','pool_size':'1G'}");
	ask(e, "port.add", "{'name':'f','type':'shm','group':'big'}");
	fake_memory_short(true);
	env_restart(e);
	expect(ask(e, "group.show", "{'name':'big'}"),
		"'state':'error','error':'group big: there is no memory'");
	expect(ask(e, "port.show", "{'name':'f'}"), "'state':'error','error':'group");
	expect(ask(e, "port.show", "{'name':'f'}"), "there is no memory");
	expect(ask(e, "port.show", "{'name':'c1'}"), "'state':'waiting'");
	expect_error(
		ask(e, "port.add", "{'name':'f2','type':'shm','group':'big'}"), 4, "is in error");
	/* Neither is forgotten, and both come back. */
	fake_memory_short(false);
	reload(e, "[network blue]\n[port c1]\ntype=vhost\nnetwork=blue\n" BASE, NULL);
	expect(ask(e, "group.show", "{'name':'big'}"), "'state':'up'");
	expect(ask(e, "port.show", "{'name':'f'}"), "'state':'waiting'");
}

static void
test_group_in_config(void **state)
{
	struct env *e = *state;

	reload(e,
		"[port f]\ntype=shm\ngroup=g\n[group g]\npool-size=32M\n[port h]\ntype=vhost\n"
		"forward=f\n" BASE,
		NULL);
	assert_string_equal(fake_port_group("f"), "g");
	assert_string_equal(fake_port_forward("h"), "f");
	expect_error(ask(e, "group.del", "{'name':'g'}"), 3, "has 1 port");
	/* Its pool cannot change under a port, but for one that goes, too. */
	reload(e, "[group g]\npool-size=16M\n[port f]\ntype=shm\ngroup=g\n" BASE,
		"the settings of [group g] cannot change while port f is in it");
	assert_int_equal(fake_group_config("g")->pool_size, 32 << 20);
	reload(e, "[group g]\npool-size=16M\n" BASE, NULL);
	assert_int_equal(fake_group_config("g")->pool_size, 16 << 20);
	expect_error(
		ask(e, "group.del", "{'name':'g'}"), -32602, "remove it there and reload netvmd");
	/* A run-time port holds it. */
	ask(e, "port.add", "{'name':'r','type':'shm','group':'g'}");
	reload(e, BASE, "[group g] is gone from the config, but port r");
	reload(e, "[group g]\n" BASE, "cannot change while port r is in it");
	ask(e, "port.del", "{'name':'r'}");
	reload(e, BASE, NULL);
	assert_null(fake_group_config("g"));
}

static void
test_forward(void **state)
{
	struct env *e = *state;

	assert_string_equal(fake_port_forward("c1"), "none");
	expect_error(ask(e, "port.set", "{'name':'c1','settings':{'forward':'x'}}"), 1,
		"forward=x: there is no port");
	expect_error(ask(e, "port.set", "{'name':'c1','settings':{'forward':'c1'}}"), -32602,
		"is the port itself");
	ask(e, "port.add", "{'name':'x','type':'vhost'}");
	expect(ask(e, "port.set", "{'name':'x','settings':{'forward':'c1'}}"), "'forward':'c1'");
	assert_string_equal(fake_port_forward("x"), "c1");
	/* And back: two ports, cross-connected. */
	ask(e, "port.set", "{'name':'c1','settings':{'forward':'x'}}");
	assert_string_equal(fake_port_forward("c1"), "x");
	/* A target may go; what was forwarded is dropped, and other settings change. */
	expect(ask(e, "port.del", "{'name':'x'}"), "'result':{}");
	assert_string_equal(fake_port_forward("c1"), "");
	expect(ask(e, "port.set", "{'name':'c1','settings':{'mtu':1400}}"), "'forward':'x'");
	assert_string_equal(fake_port_forward("c1"), "");
	/* Until it is back. */
	ask(e, "port.add", "{'name':'x','type':'vhost'}");
	assert_string_equal(fake_port_forward("c1"), "x");
	expect_not(ask(e, "port.set", "{'name':'c1','settings':{'forward':'none'}}"), "forward'");
	assert_string_equal(fake_port_forward("c1"), "none");
	/* Names are saved, in whatever order the ports come back. */
	ask(e, "port.add", "{'name':'a','type':'vhost','forward':'x'}");
	ask(e, "port.set", "{'name':'x','settings':{'forward':'a'}}");
	env_restart(e);
	assert_string_equal(fake_port_forward("a"), "x");
	assert_string_equal(fake_port_forward("x"), "a");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_group_life, env_setup, env_teardown),
		cmocka_unit_test_setup_teardown(test_group_refused, env_setup, env_teardown),
		cmocka_unit_test_setup_teardown(test_shm_port, env_setup, env_teardown),
		cmocka_unit_test_setup_teardown(test_shm_refused, env_setup, env_teardown),
		cmocka_unit_test_setup_teardown(test_broken_group, env_setup, env_teardown),
		cmocka_unit_test_setup_teardown(test_group_in_config, env_setup, env_teardown),
		cmocka_unit_test_setup_teardown(test_forward, env_setup, env_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
