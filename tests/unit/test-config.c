/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * netvmd.conf: what it can say, and the sentence for each thing it cannot.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <glib/gstdio.h>

#include "src/control/conf.h"

static const char whole[] = "# a comment\n"
			    "[workers]\n"
			    "cpus = 0,2-4\n"
			    "poll=always\n"
			    "idle-us=25\r\n"
			    "\n"
			    "[memory]\n"
			    "hugepages=required\n"
			    "packet-memory=2G\n"
			    "[sockets]\n"
			    "owner=root\n"
			    "group=0\n"
			    "mode=0600\n"
			    "control-group=root\n"
			    "[port p.1]\n"
			    "type=vhost\n"
			    "network=blue\n"
			    "mode=client\n"
			    "socket=/run/q.sock\n"
			    "queues=4\n"
			    "guard=mac=52:54:00:00:00:01,ip=10.0.0.1\n"
			    "enabled=no\n"
			    "[network blue]\n"
			    "ageing-s=10\n"
			    "max-macs=16\n"
			    "storm-pps=1000\n"
			    "[port up0]\n"
			    "type=nic\n"
			    "device=net_af_packet0,iface=eth1\n"
			    "network=none\n"
			    "trunk=10,20-30,untagged\n";

static void
test_whole(void **state)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(config_t) c = config_parse("x.conf", whole, strlen(whole), &error);
	const struct port_def *p;
	const struct network_def *n;

	assert_null(error);
	assert_string_equal(c->file, "x.conf");
	assert_int_equal(c->ncpus, 4);
	assert_int_equal(c->cpu[0], 0);
	assert_int_equal(c->cpu[3], 4);
	assert_int_equal(c->poll, DP_POLL_ALWAYS);
	assert_int_equal(c->idle_us, 25);
	assert_int_equal(c->hugepages, DP_HUGE_REQUIRED);
	assert_int_equal(c->packet_memory, UINT64_C(2) << 30);
	assert_int_equal(c->owner, 0);
	assert_int_equal(c->group, 0);
	assert_int_equal(c->mode, 0600);
	assert_int_equal(c->control_group, 0);
	assert_int_equal(c->ports->len, 2);
	p = &g_array_index(c->ports, struct port_def, 0);
	assert_string_equal(p->name, "p.1");
	assert_true(p->set.client);
	assert_string_equal(p->set.socket, "/run/q.sock");
	assert_int_equal(p->set.queues, 4);
	assert_int_equal(p->set.guard.nmac, 1);
	assert_int_equal(p->set.guard.nip, 1);
	assert_false(p->set.enabled);
	p = &g_array_index(c->ports, struct port_def, 1);
	assert_int_equal(p->set.type, DP_PORT_NIC);
	assert_string_equal(p->set.device, "net_af_packet0,iface=eth1");
	assert_string_equal(p->set.network, "none");
	assert_true(p->set.vlan.trunk);
	assert_int_equal(c->networks->len, 1);
	n = &g_array_index(c->networks, struct network_def, 0);
	assert_int_equal(n->set.ageing_s, 10);
	assert_int_equal(n->set.max_macs, 16);
	assert_int_equal(n->set.storm_pps, 1000);
}

static void
test_defaults(void **state)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(config_t) c = config_parse("x", "[port a]\ntype=vhost\n", 20, &error);
	const struct port_def *p;

	assert_null(error);
	assert_int_equal(c->ncpus, 0);
	assert_int_equal(c->poll, DP_POLL_ADAPTIVE);
	assert_int_equal(c->packet_memory, 0);
	assert_int_equal(c->mode, 0660);
	assert_int_equal(c->control_group, (gid_t)-1);
	p = &g_array_index(c->ports, struct port_def, 0);
	assert_string_equal(p->set.network, "default");
	assert_int_equal(p->set.mtu, 1500);
	assert_int_equal(p->set.queues, 1);
	assert_true(p->set.enabled);
	assert_string_equal(p->set.socket, "");
	assert_false(p->set.vlan.trunk);
	assert_int_equal(p->set.vlan.access, 0);
}

/* Each of these is refused, with these words in the sentence. */
static const struct {
	const char *text, *words;
} wrong[] = {
	{"cpus=1\n", "x:1: \"cpus\" stands before the first [section]"},
	{"[workers]\nnonsense\n", "x:2: \"nonsense\" is not a [section]"},
	{"[workers\ncpus=1\n", "x:1: \"[workers\" lacks the ]"},
	{"[workers]\n[workers]\n", "x:2: [workers] stands in line 1 already"},
	{"[workers]\ncpus=1\ncpus=2\n", "x:3: cpus stands in line 2 already"},
	{"[bridge]\n", "x:1: [bridge] there is no such section"},
	{"[]\n", "there is no such section"},
	{"[workers]\ncpu=1\n", "x:2: [workers] there is no key \"cpu\" here; there are cpus"},
	{"[workers]\ncpus=\n", "[workers] cpus is auto or a list of CPUs"},
	{"[workers]\ncpus=1,\n", "[workers] cpus is auto or a list"},
	{"[workers]\ncpus=3-1\n", "[workers] cpus is auto or a list"},
	{"[workers]\ncpus=1,0-2\n", "[workers] cpus names CPU 1 twice"},
	{"[workers]\ncpus=0-32\n", "[workers] cpus names more than 32 CPUs"},
	{"[workers]\ncpus=0-4294967296\n", "[workers] cpus is auto or a list"},
	{"[workers]\npoll=maybe\n", "poll is adaptive or always, not \"maybe\""},
	{"[workers]\nidle-us=1000001\n", "idle-us is a number from 0 to 1000000"},
	{"[workers]\nidle-us=-1\n", "idle-us is a number"},
	{"[workers]\nidle-us= 0x10\n", "idle-us is a number"},
	{"[memory]\nhugepages=yes\n", "hugepages is auto or never or required"},
	{"[memory]\npacket-memory=1M\n", "packet-memory is a size"},
	{"[memory]\npacket-memory=99999999999G\n", "packet-memory is a size"},
	{"[memory]\npacket-memory=G\n", "packet-memory is a size"},
	{"[memory]\npacket-memory=\n", "packet-memory is a size"},
	{"[sockets]\nowner=nobody-of-that-name\n", "there is no user \"nobody-of-that-name\""},
	{"[sockets]\ngroup=no-such-group\n", "there is no group \"no-such-group\""},
	{"[sockets]\nmode=999\n", "mode is an octal number"},
	{"[sockets]\nmode=01777\n", "mode is an octal number"},
	{"[network none]\n", "[network none] \"none\" is what ports say"},
	{"[network a b]\n", "\"a b\" cannot name a network"},
	{"[network]\n", "there is no such section"},
	{"[network x]\nageing-s=5\n", "[network x] ageing-s is a number from 10"},
	{"[network x]\nstorm=5\n", "[network x] a network has no setting \"storm\""},
	{"[port a]\n", "[port a] (line 1): type is missing"},
	{"[port a]\n[port b]\ntype=vhost\n", "[port a] (line 1): type is missing"},
	{"[port -a]\ntype=vhost\n", "\"-a\" cannot name a port"},
	{"[port  a]\ntype=vhost\n", "\" a\" cannot name a port"},
	{"[port ../x]\ntype=vhost\n", "\"../x\" cannot name a port"},
	{"[port abcdefghijabcdefghijabcdefghij12]\ntype=vhost\n", "cannot name a port"},
	{"[port a]\ntype=tap\n", "x:2: [port a] type is vhost or nic or shm, not \"tap\""},
	{"[port a]\ntype=vhost\nnetwork=nowhere\n",
		"x:1: [port a] network is the name of a [network]"},
	{"[port a]\ntype=vhost\nvlan=4095\n", "vlan is a number from 0 to 4094"},
	{"[port a]\ntype=vhost\nvlan=4\ntrunk=5\n", "vlan and trunk exclude each other"},
	{"[port a]\ntype=vhost\ntrunk=0\n", "trunk is a list of VLANs"},
	{"[port a]\ntype=vhost\ntrunk=\n", "trunk is a list of VLANs"},
	{"[port a]\ntype=vhost\ntrunk=1,,2\n", "trunk is a list of VLANs"},
	{"[port a]\ntype=vhost\ntrunk=4000-5000\n", "trunk is a list of VLANs"},
	{"[port a]\ntype=vhost\nmtu=67\n", "mtu is a number from 68 to 9216"},
	{"[port a]\ntype=vhost\nqueues=17\n", "queues is a number from 1 to 16"},
	{"[port a]\ntype=vhost\nqueues=auto\n", "only a nic port has auto"},
	{"[port a]\ntype=vhost\nsocket=x.sock\n", "socket is an absolute path"},
	{"[port a]\ntype=vhost\nenabled=perhaps\n", "enabled is yes or no"},
	{"[port a]\ntype=vhost\nguard=ip=1.2.3.4\n", "[port a] "},
	{"[port a]\ntype=vhost\ndevice=net_tap0\n", "a vhost port has no setting \"device\""},
	{"[port a]\ntype=nic\n", "device is missing"},
	{"[port a]\ntype=nic\ndevice=\n", "device is a PCI address"},
	{"[port a]\ntype=nic\ndevice=x\nmode=client\n", "a nic port has no setting \"mode\""},
	{"[port a]\ntype=nic\ndevice=x y\n", "bond is missing"},
	{"[port a]\ntype=nic\ndevice=x\nbond=lacp\n", "device has only 1 device: bond=lacp needs"},
	{"[port a]\ntype=nic\ndevice=a b c d e f g  h i\nbond=lacp\n",
		"device has 9 devices: a bond has at most 8"},
	{"[port a]\ntype=nic\ndevice=x y\nbond=trunk\n", "bond is none or active-backup or lacp"},
	{"[port a]\ntype=vhost\nbond=lacp\n", "a vhost port has no setting \"bond\""},
	{"[port a]\ntype=vhost\nmirror=b\n", "mirror is the name of a [port] in this file"},
	{"[port a]\ntype=vhost\nmirror=a\n", "closes a circle"},
	{"[port a]\ntype=shm\n", "[port a] (line 1): group is missing"},
	{"[port a]\ntype=shm\ngroup=g\n", "group is the name of a [group] in this file"},
	{"[port a]\ntype=vhost\nforward=b\n", "forward is the name of another [port]"},
	{"[port a]\ntype=vhost\nforward=a\n", "forward is the name of another [port]"},
	{"[group g]\nsize=1M\n", "[group g] a group has no setting \"size\""},
	{"[group g]\nnuma=-1\n", "[group g] numa is the number of a NUMA node or all"},
	{"[group g]\n[group g]\n", "x:2: [group g] stands in line 1 already"},
	{"[group none]\n", "[group none] \"none\" is what ports say"},
	{"[port a]\ntype=vhost\nmtu=1500 # roomy\n", "mtu is a number"},
	{"\xff\n", "this is not UTF-8 text"},
};

static void
test_wrong(void **state)
{
	for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
		g_autoptr(GError) error = NULL;
		g_autoptr(config_t) c =
			config_parse("x", wrong[i].text, strlen(wrong[i].text), &error);

		if (c != NULL)
			fail_msg("taken: %s", wrong[i].text);
		if (strstr(error->message, wrong[i].words) == NULL)
			fail_msg("%s: says \"%s\", not \"%s\"", wrong[i].text, error->message,
				wrong[i].words);
	}
}

static void
test_most_cpus(void **state)
{
	static const char text[] = "[workers]\ncpus=0-31\n";
	g_autoptr(config_t) c = config_parse("x", text, strlen(text), NULL);

	assert_non_null(c);
	assert_int_equal(c->ncpus, DP_WORKERS_MAX);
}

/* A path of 107 bytes is the longest that fits into sun_path with its NUL. */
static void
test_socket_length(void **state)
{
	for (int len = 107; len <= 108; len++) {
		g_autofree char *path = g_strnfill((gsize)len, 'a');
		g_autofree char *text = NULL;
		g_autoptr(GError) error = NULL;
		g_autoptr(config_t) c = NULL;

		path[0] = '/';
		text = g_strdup_printf("[port a]\ntype=vhost\nsocket=%s\n", path);
		c = config_parse("x", text, strlen(text), &error);
		assert_true((c != NULL) == (len == 107));
	}
}

static void
test_many_ports(void **state)
{
	for (int n = DP_PORTS_MAX; n <= DP_PORTS_MAX + 1; n++) {
		g_autoptr(GString) text = g_string_new(NULL);
		g_autoptr(GError) error = NULL;
		g_autoptr(config_t) c = NULL;

		for (int i = 0; i < n; i++)
			g_string_append_printf(text, "[port p%d]\ntype=vhost\n", i);
		c = config_parse("x", text->str, text->len, &error);
		assert_true((c != NULL) == (n == DP_PORTS_MAX));
	}
}

static void
test_files(void **state)
{
	g_autoptr(GError) error = NULL;

	assert_null(config_load("/nonexistent/netvmd.conf", &error));
	assert_non_null(strstr(error->message, "cannot read the config /nonexistent/netvmd.conf"));
	g_clear_error(&error);
	assert_null(config_load("/", &error));
	g_clear_error(&error);
	assert_null(config_load("/dev/zero", &error));
	assert_non_null(strstr(error->message, "too long for a config"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_most_cpus),
		cmocka_unit_test(test_socket_length),
		cmocka_unit_test(test_many_ports),
		cmocka_unit_test(test_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
