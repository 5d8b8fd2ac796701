/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The methods of the control socket over a data path in memory: what they
 * take, show and refuse.
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

#include "src/control/jsonrpc.h"
#include "src/control/methods.h"
#include "tests/unit/control-env.h"
#include "tests/unit/fake-datapath.h"

static void
test_envelope(void **state)
{
	static const struct {
		const char *line, *words;
	} cases[] = {
		{"", "'id':null,'error':{'code':-32700"},
		{"{", "-32700"},
		{"nonsense", "-32700"},
		{"\xff", "-32700"},
		{"7", "'code':-32600"},
		{"null", "'code':-32600"},
		{"[{'jsonrpc':'2.0','id':1,'method':'status'}]", "batches are not served"},
		{"{}", "jsonrpc is missing"},
		{"{'jsonrpc':2.0,'id':1,'method':'status'}", "jsonrpc is missing"},
		{"{'jsonrpc':'1.0','id':1,'method':'status'}", "jsonrpc is missing"},
		{"{'jsonrpc':'2.0','id':1}", "'id':1,'error':{'code':-32600,'message':'method is"},
		{"{'jsonrpc':'2.0','id':{},'method':'status'}", "id is a string or a number"},
		{"{'jsonrpc':'2.0','id':'a','method':'nope'}", "'id':'a','error':{'code':-32601"},
		{"{'jsonrpc':'2.0','id':1,'method':7}", "method is missing"},
		{"{'jsonrpc':'2.0','id':1,'method':'status','params':[]}", "'code':-32602"},
		{"{'jsonrpc':'2.0','id':1,'method':'status','params':{'x':1}}",
			"status has no parameter 'x'"},
		{"{'jsonrpc':'2.0','id':1,'method':'port.show'}", "port.show needs the parameter"},
		{"{'jsonrpc':'2.0','id':1,'method':'port.show','params':{'name':7}}",
			"name is a string"},
		{"{'jsonrpc':'2.0','id':1.5,'method':'status'}", "'id':1.5,'result'"},
		{"{'jsonrpc':'2.0','id':null,'method':'status'}", "'id':null,'result'"},
	};
	struct env *e = *state;

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *line = g_strdelimit(g_strdup(cases[i].line), "'", '"');
		g_autofree char *reply = NULL;
		gsize len;

		reply = jsonrpc_handle(control_methods, &e->c, line, strlen(line), &len);
		assert_int_equal(len, strlen(reply));
		/* The escaped quotes of a message look like the others then. */
		g_strdelimit(reply, "\"", '\'');
		{
			g_auto(GStrv) parts = g_strsplit(reply, "\\", -1);
			g_autofree char *plain = g_strjoinv("", parts);

			expect(plain, cases[i].words);
		}
	}
}

static void
test_too_deep(void **state)
{
	struct env *e = *state;
	g_autofree char *deep = g_strnfill(1000000, '[');
	g_autofree char *reply = NULL;
	gsize len;

	reply = jsonrpc_handle(control_methods, &e->c, deep, 1000000, &len);
	expect(reply, "-32700");
	g_free(reply);
	reply = jsonrpc_handle(control_methods, &e->c, NULL, 0, &len);
	expect(reply, "longer than 1048576 bytes");
}

static void
test_notification(void **state)
{
	static const char add[] = "{\"jsonrpc\":\"2.0\",\"method\":\"port.add\",\"params\":"
				  "{\"name\":\"n\",\"type\":\"vhost\"}}";
	static const char bad[] = "{\"jsonrpc\":\"2.0\",\"method\":\"port.add\",\"params\":[]}";
	struct env *e = *state;
	gsize len;

	assert_null(jsonrpc_handle(control_methods, &e->c, add, strlen(add), &len));
	assert_null(jsonrpc_handle(control_methods, &e->c, add, strlen(add), &len));
	assert_null(jsonrpc_handle(control_methods, &e->c, bad, strlen(bad), &len));
	expect(ask(e, "port.show", "{'name':'n'}"), "'name':'n'");
}

static void
test_port_life(void **state)
{
	struct env *e = *state;
	const char *r;

	r = ask(e, "port.add",
		"{'name':'a','type':'vhost','queues':2,'mtu':'9000','vlan':7,'enabled':true,"
		"'guard':'mac=52:54:00:00:00:01'}");
	expect(r, "'result':{'name':'a','type':'vhost'");
	expect(r, "'number':");
	expect(r, "'state':'waiting'");
	expect(r, "'network':'default'");
	expect(r, "'vlan':7");
	expect_not(r, "trunk");
	expect(r, "'mtu':9000");
	expect(r, "'socket':'/run/x/vhost/a.sock'");
	expect(r, "'mode':'server'");
	expect(r, "'queues':{'configured':2,'running':0}");
	expect(r, "'features':['mrg_rxbuf','bit-63']");
	expect(r, "'protocol_features':['mq','mtu']");
	expect(r, "'rings':'split'");
	expect(r, "'counters':{'rx_packets':7,");
	expect(r, "'storm':5");
	expect(r, "'persistent':'state'");
	expect_not(r, "null");
	expect_not(r, "'error'");
	assert_int_equal(fake_port_config("a")->mode, 0660);

	expect_error(ask(e, "port.add", "{'name':'a','type':'vhost'}"), 2, "already");
	expect_error(ask(e, "port.add", "{'name':'-a','type':'vhost'}"), -32602, "cannot name");
	expect_error(ask(e, "port.add", "{'name':'b','type':'vhost','network':'no'}"), 1,
		"there is no network");
	expect_error(
		ask(e, "port.add", "{'name':'b','type':'vhost','colour':1}"), -32602, "no setting");
	expect_error(
		ask(e, "port.add", "{'name':'b','type':'vhost','mtu':1.5}"), -32602, "mtu is a");
	expect_error(
		ask(e, "port.add", "{'name':'b','type':'vhost','mtu':[]}"), -32602, "mtu is a");
	expect_error(ask(e, "port.add", "{'name':'b'}"), -32602, "type is missing");
	expect_error(ask(e, "port.add", "{'name':'b','type':'nic','device':'missing'}"), 4,
		"is not there");
	expect_error(ask(e, "port.show", "{'name':'b'}"), 1, "there is no port");

	/* A port that comes back finds its guest's rings. */
	env_restart(e);
	assert_string_equal(fake_port_forgotten(), "");
	expect(ask(e, "port.del", "{'name':'a'}"), "'result':{}");
	expect_error(ask(e, "port.del", "{'name':'a'}"), 1, "there is no port");
	assert_null(fake_port_config("a"));
	assert_string_equal(fake_port_forgotten(), "a");
}

static void
test_port_set(void **state)
{
	struct env *e = *state;
	unsigned int adds;
	const char *r;

	ask(e, "port.add", "{'name':'a','type':'vhost','trunk':'5'}");
	adds = fake_port_adds();
	r = ask(e, "port.set",
		"{'name':'a','settings':{'vlan':9,'network':'none','enabled':false,'mtu':1000}}");
	expect(r, "'vlan':9");
	expect(r, "'network':'none'");
	expect(r, "'state':'down'");
	assert_null(fake_port_settings("a")->network);
	assert_false(fake_port_settings("a")->vlan.trunk);
	assert_int_equal(fake_port_settings("a")->mtu, 1000);

	/* All or nothing. */
	expect_error(ask(e, "port.set", "{'name':'a','settings':{'mtu':1200,'vlan':5000}}"), -32602,
		"vlan is a number");
	expect_error(ask(e, "port.set", "{'name':'a','settings':{'mtu':1200,'queues':2}}"), -32602,
		"queues cannot change");
	expect_error(ask(e, "port.set", "{'name':'a','settings':{'mtu':1200,'network':'x'}}"), 1,
		"there is no network");
	fake_refuse_next();
	expect_error(ask(e, "port.set", "{'name':'a','settings':{'mtu':1200}}"), 4, "refused");
	expect_error(ask(e, "port.set", "{'name':'a','settings':{}}"), -32602, "at least one");
	expect_error(ask(e, "port.set", "{'name':'a','settings':7}"), -32602, "settings is");
	assert_int_equal(fake_port_settings("a")->mtu, 1000);
	expect(ask(e, "port.show", "{'name':'a'}"), "'mtu':1000");
	assert_int_equal(fake_port_adds(), adds);
}

static void
test_networks(void **state)
{
	struct env *e = *state;

	expect(ask(e, "network.list", "{}"), "'name':'blue'");
	expect(ask(e, "network.show", "{'name':'default'}"), "'persistent':'builtin'");
	expect(ask(e, "network.add", "{'name':'red','ageing_s':20,'storm_pps':'100'}"),
		"'ageing_s':20,'max_macs':8192,'storm_pps':100,'ports':[],'macs':3");
	expect_error(ask(e, "network.add", "{'name':'red'}"), 2, "already");
	expect_error(ask(e, "network.add", "{'name':'none'}"), -32602, "cannot name");
	expect_error(ask(e, "network.add", "{'name':'x','ageing_s':1}"), -32602, "ageing-s is");
	ask(e, "port.add", "{'name':'a','type':'vhost','network':'red'}");
	expect(ask(e, "network.show", "{'name':'red'}"), "'ports':['a']");
	expect_error(ask(e, "network.del", "{'name':'red'}"), 3, "has 1 port (a)");
	expect_error(
		ask(e, "network.set", "{'name':'red','settings':{'max_macs':99}}"), 3, "max_macs");
	expect(ask(e, "network.set", "{'name':'red','settings':{'ageing_s':99}}"), "'ageing_s':99");
	expect_error(ask(e, "network.del", "{'name':'default'}"), -32602, "built in");
	expect_error(ask(e, "network.del", "{'name':'nope'}"), 1, "there is no network");
	ask(e, "port.del", "{'name':'a'}");
	expect(ask(e, "network.del", "{'name':'red'}"), "'result':{}");
	expect_error(ask(e, "network.fdb", "{'name':'red'}"), 1, "there is no network");
	expect(ask(e, "network.fdb", "{'name':'blue'}"),
		"{'mac':'02:00:00:00:00:00','vlan':4094,'port':'c1','age_s':0}");
}

static void
test_fdb_bound(void **state)
{
	struct env *e = *state;
	const char *r;

	ask(e, "network.add", "{'name':'red','max_macs':1048576}");
	ask(e, "port.add", "{'name':'a','type':'vhost','network':'red'}");
	r = ask(e, "network.fdb", "{'name':'red'}");
	expect(r, "'more':998576");
	assert_true(strlen(r) < 8 << 20);
}

static void
test_config_objects(void **state)
{
	struct env *e = *state;
	const char *r;

	expect_error(ask(e, "port.del", "{'name':'c1'}"), -32602, "netvmd.conf: remove it there");
	expect_error(ask(e, "network.del", "{'name':'blue'}"), 3, "c1");
	/* What could not be brought up is kept, and shown without null. */
	r = ask(e, "port.show", "{'name':'gone'}");
	expect(r, "'state':'error','error':'device missing is not there'");
	expect(r, "'device':'missing'");
	expect_not(r, "null");
	expect_not(r, "driver");
	expect(ask(e, "port.list", "{}"), "'name':'gone'");
	expect(ask(e, "stats.get", "{'port':'gone'}"), "'rx_packets':0");
	expect_error(
		ask(e, "port.set", "{'name':'gone','settings':{'mtu':1000}}"), 4, "is not there");
}

/* Lines about port c1. */
static unsigned int log_lines;

static GLogWriterOutput
count_log(GLogLevelFlags level, const GLogField *fields, gsize n, gpointer arg)
{
	for (gsize i = 0; i < n; i++)
		if (strcmp(fields[i].key, "MESSAGE") == 0 &&
			strstr(fields[i].value, "port c1: ") != NULL)
			log_lines++;
	return G_LOG_WRITER_HANDLED;
}

/* A guest that flaps is logged a few times, not as often as it likes. How often
 * the control thread looks depends on the machine, so it flaps until some lines
 * are there, and a second more. Ten lines may come at once, then one every six
 * seconds, with one that counts what was left out. */
static void
test_flapping(void **state)
{
	struct env *e = *state;
	gint64 started = g_get_monotonic_time(), until = 0;
	unsigned int more;

	log_lines = 0;
	for (int i = 0; until == 0 || g_get_monotonic_time() < until; i++) {
		gint64 now = g_get_monotonic_time();

		fake_port_state("c1", i % 2 ? DP_PORT_UP : DP_PORT_ERROR, "the peer flaps");
		g_main_context_iteration(NULL, FALSE);
		if (until == 0 && log_lines == 5)
			until = now + G_USEC_PER_SEC;
		assert_true(now - started < 60 * G_USEC_PER_SEC);
	}
	more = (unsigned int)((g_get_monotonic_time() - started) / (6 * G_USEC_PER_SEC));
	assert_true(log_lines <= 10 + 2 * more);
	fake_port_state("c1", DP_PORT_UP, "");
	expect(ask(e, "status", "{}"), "'ports':2,'ports_up':1,'networks':2");
}

static void
test_tick(void **state)
{
	unsigned int before = fake_ticks();
	gint64 deadline = g_get_monotonic_time() + 5 * G_USEC_PER_SEC;

	while (fake_ticks() == before && g_get_monotonic_time() < deadline)
		g_main_context_iteration(NULL, TRUE);
	assert_true(fake_ticks() > before);
}

static void
test_the_rest(void **state)
{
	struct env *e = *state;
	const char *r;

	r = ask(e, "stats.get", "{}");
	expect(r, "'time':");
	expect(r, "{'name':'c1','rx_packets':7,'rx_bytes':0,'tx_packets':0,'tx_bytes':0,'drops':{");
	expect(r, "'queues':[{'rx_packets':0");
	expect(r, "'workers':[{'id':0,'cpu':0,'state':'sleeping','packets':0,");
	expect(r, "'busy_cycles_per_packet':100,'idle_percent':75");
	expect(ask(e, "stats.get", "{'port':'gone'}"), "'ports':[{'name':'gone'");
	expect_error(ask(e, "stats.get", "{'port':'nope'}"), 1, "there is no port");
	expect(ask(e, "stats.reset", "{}"), "'result':{}");
	expect(ask(e, "worker.list", "{}"), "'result':{'workers':[{'id':0");
	expect(ask(e, "status", "{}"), "'dpdk':'no DPDK'");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_envelope, env_setup, env_teardown),
		cmocka_unit_test_setup_teardown(test_too_deep, env_setup, env_teardown),
		cmocka_unit_test_setup_teardown(test_notification, env_setup, env_teardown),
		cmocka_unit_test_setup_teardown(test_port_life, env_setup, env_teardown),
		cmocka_unit_test_setup_teardown(test_port_set, env_setup, env_teardown),
		cmocka_unit_test_setup_teardown(test_networks, env_setup, env_teardown),
		cmocka_unit_test_setup_teardown(test_fdb_bound, env_setup, env_teardown),
		cmocka_unit_test_setup_teardown(test_config_objects, env_setup, env_teardown),
		cmocka_unit_test_setup_teardown(test_flapping, env_setup, env_teardown),
		cmocka_unit_test_setup_teardown(test_tick, env_setup, env_teardown),
		cmocka_unit_test_setup_teardown(test_the_rest, env_setup, env_teardown),
	};

	g_log_set_writer_func(count_log, NULL, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
