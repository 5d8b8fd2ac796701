/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The tables of settings: what format() writes parse() takes, and the rules
 * between settings.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "src/control/settings.h"
#include "src/control/values.h"

static bool
put(struct port_settings *set, const char *name, const char *text)
{
	uint32_t given = 0;

	return settings_put(&port_table, set, name, text, &given, NULL);
}

static char *
format(const struct port_settings *set, const char *name)
{
	return settings_find(&port_table, name)->format(set);
}

static void
test_round_trip(void **state)
{
	static const struct {
		const char *name, *text, *canonical;
	} cases[] = {
		{"type", "nic", "nic"},
		{"network", "blue", "blue"},
		{"vlan", "007", "7"},
		{"trunk", "30,20-29,untagged,10", "10,20-30,untagged"},
		{"trunk", "all", "all"},
		{"trunk", "untagged", "untagged"},
		{"trunk", "1-4094", "1-4094"},
		{"trunk", "4094", "4094"},
		{"guard", "mac=52:54:00:AA:00:01", "mac=52:54:00:aa:00:01"},
		{"guard", "none", NULL},
		{"mtu", "9216", "9216"},
		{"queues", "auto", "auto"},
		{"queues", "16", "16"},
		{"enabled", "false", "no"},
		{"enabled", "on", "yes"},
		{"mode", "client", "client"},
		{"socket", "/a/b", "/a/b"},
		{"device", "0000:01:00.0", "0000:01:00.0"},
		{"bond", "lacp", "lacp"},
		{"bond", "none", NULL},
		{"zero-copy", "off", "off"},
		{"zero_copy", "auto", "auto"},
		{"rate-pps", "100k", "100000"},
		{"rate-pps", "0", NULL},
		{"rate-bps", "10M", "10000000"},
		{"rate-bps", "1T", "1000000000000"},
		{"burst-packets", "32", "32"},
		{"burst-bytes", "2g", "2000000000"},
		{"out-rate-pps", "10G", "10000000000"},
		{"out-rate-bps", "1000", "1000"},
		{"out-burst-packets", "1", "1"},
		{"out-burst-bytes", "0k", NULL},
		{"mirror", "tap0", "tap0"},
		{"mirror", "none", NULL},
		{"mirror-direction", "in", NULL},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct port_settings set, again;
		g_autofree char *text = NULL;

		port_settings_init(&set);
		if (!put(&set, cases[i].name, cases[i].text))
			fail_msg("%s=%s is refused", cases[i].name, cases[i].text);
		text = format(&set, cases[i].name);
		if (g_strcmp0(text, cases[i].canonical) != 0)
			fail_msg("%s=%s is shown as %s", cases[i].name, cases[i].text, text);
		if (text == NULL)
			continue;
		port_settings_init(&again);
		assert_true(put(&again, cases[i].name, text));
		assert_false(settings_differ(&port_table, &set, &again, true));
		assert_false(settings_differ(&port_table, &set, &again, false));
	}
}

static void
test_vlan_or_trunk(void **state)
{
	struct port_settings set;
	g_autofree char *text = NULL;

	port_settings_init(&set);
	assert_true(put(&set, "trunk", "10,20"));
	assert_null(format(&set, "vlan"));
	assert_true(put(&set, "vlan", "5"));
	assert_null(format(&set, "trunk"));
	text = format(&set, "vlan");
	assert_string_equal(text, "5");
	for (unsigned int i = 0; i < DP_VLAN_WORDS; i++)
		assert_int_equal(set.vlan.allowed[i], 0);
}

static void
test_bad_changes_nothing(void **state)
{
	static const char *const bad[][2] = {{"trunk", "1,2,x"}, {"guard", "mac=1"}, {"mtu", "1e3"},
		{"vlan", ""}, {"vlan", " 1"}, {"vlan", "+1"}, {"queues", "0"}, {"device", ""},
		{"network", ""}, {"type", "VHOST"}, {"nonsense", "1"}, {"", ""},
		{"rate-bps", "999"}, {"rate-bps", "2T"}, {"rate-bps", "10 M"}, {"rate-bps", "1.5M"},
		{"rate-pps", "M"}, {"rate-pps", "-1"}, {"rate-pps", "99999999999999999999"},
		{"rate-pps", "18446744073709552k"}, {"mirror", "../x"},
		{"mirror-direction", "sideways"}};
	struct port_settings set, before;

	port_settings_init(&set);
	assert_true(put(&set, "trunk", "7"));
	memcpy(&before, &set, sizeof(set));
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		if (put(&set, bad[i][0], bad[i][1]))
			fail_msg("%s=%s is taken", bad[i][0], bad[i][1]);
		assert_memory_equal(&before, &set, sizeof(set));
	}
}

static void
test_twice(void **state)
{
	struct network_settings set;
	uint32_t given = 0;

	network_settings_init(&set);
	assert_true(settings_put(&network_table, &set, "max_macs", "100", &given, NULL));
	assert_int_equal(set.max_macs, 100);
	assert_false(settings_put(&network_table, &set, "max-macs", "200", &given, NULL));
	assert_int_equal(set.max_macs, 100);
}

static void
test_live(void **state)
{
	static const char *const fixed[][2] = {{"type", "nic"}, {"queues", "2"}, {"mode", "client"},
		{"socket", "/x"}, {"device", "x"}, {"bond", "lacp"}, {"zero-copy", "off"}};
	static const char *const live[][2] = {{"network", "x"}, {"vlan", "2"}, {"trunk", "2"},
		{"guard", "none"}, {"mtu", "100"}, {"enabled", "no"}, {"rate-pps", "1"},
		{"out-burst-bytes", "1"}, {"mirror", "m"}, {"mirror-direction", "out"}};
	struct port_settings set;

	port_settings_init(&set);
	for (size_t i = 0; i < G_N_ELEMENTS(fixed); i++) {
		uint32_t given = 0;

		assert_true(
			settings_put(&port_table, &set, fixed[i][0], fixed[i][1], &given, NULL));
		assert_false(settings_live(&port_table, given, NULL));
	}
	for (size_t i = 0; i < G_N_ELEMENTS(live); i++) {
		uint32_t given = 0;

		assert_true(settings_put(&port_table, &set, live[i][0], live[i][1], &given, NULL));
		assert_true(settings_live(&port_table, given, NULL));
	}
}

static void
test_differ(void **state)
{
	struct port_settings a, b;

	port_settings_init(&a);
	port_settings_init(&b);
	assert_true(put(&b, "mtu", "9000"));
	assert_true(settings_differ(&port_table, &a, &b, true));
	assert_false(settings_differ(&port_table, &a, &b, false));
	b = a;
	assert_true(put(&b, "socket", "/other"));
	assert_false(settings_differ(&port_table, &a, &b, true));
	assert_true(settings_differ(&port_table, &a, &b, false));
}

static bool
check_all(struct port_settings *set, const char *const (*pairs)[2], const char *words)
{
	g_autoptr(GError) error = NULL;
	uint32_t given = 0;

	for (; (*pairs)[0] != NULL; pairs++)
		assert_true(settings_put(&port_table, set, (*pairs)[0], (*pairs)[1], &given, NULL));
	if (port_settings_check(set, given, false, &error))
		return words == NULL;
	if (words == NULL || strstr(error->message, words) == NULL)
		fail_msg("the sentence is: %s", error->message);
	return true;
}

static void
test_rates_fit(void **state)
{
	struct port_settings set;

	port_settings_init(&set);
	assert_true(check_all(&set, (const char *const[][2]){{"burst-packets", "5"}, {NULL}},
		"burst-packets means nothing without rate-pps"));
	port_settings_init(&set);
	assert_true(check_all(&set, (const char *const[][2]){{"out-burst-bytes", "5"}, {NULL}},
		"out-burst-bytes means nothing without out-rate-bps"));
	port_settings_init(&set);
	assert_true(check_all(&set,
		(const char *const[][2]){{"rate-bps", "8k"}, {"burst-bytes", "3600001"}, {NULL}},
		"more than an hour"));
	port_settings_init(&set);
	assert_true(check_all(&set,
		(const char *const[][2]){{"rate-bps", "8k"}, {"burst-bytes", "3600000"},
			{"out-rate-pps", "1"}, {"out-burst-packets", "3600"}, {NULL}},
		NULL));
	/* A rate that ends takes its burst along, so it can begin anew. */
	assert_true(check_all(&set, (const char *const[][2]){{"rate-bps", "0"}, {NULL}}, NULL));
	assert_int_equal(set.rate_in.burst_bytes, 0);
	assert_int_equal(set.rate_out.burst_packets, 3600);
	assert_true(check_all(&set, (const char *const[][2]){{"mirror-direction", "in"}, {NULL}},
		"mirror-direction means nothing without mirror"));
	assert_true(check_all(&set,
		(const char *const[][2]){{"mirror", "x"}, {"mirror-direction", "in"}, {NULL}},
		NULL));
	assert_true(check_all(&set, (const char *const[][2]){{"mirror", "none"}, {NULL}}, NULL));
	assert_int_equal(set.mirror_direction, DP_MIRROR_BOTH);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_vlan_or_trunk),
		cmocka_unit_test(test_bad_changes_nothing),
		cmocka_unit_test(test_twice),
		cmocka_unit_test(test_live),
		cmocka_unit_test(test_differ),
		cmocka_unit_test(test_rates_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
