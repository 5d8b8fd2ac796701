/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The guard as text: what is taken, that it comes back as it went in, and the
 * exact sentence for what is refused.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "src/packet/guard.h"

#define M "mac=52:54:00:12:34:56"

static void
takes_and_gives_back(void **state)
{
	static const char *const texts[][2] = {
		{M, M},
		{"mac=52:54:00:AB:cd:EF", "mac=52:54:00:ab:cd:ef"},
		{"ip=10.0.0.5," M, M ",ip=10.0.0.5"},
		{M ",ip=10.0.0.5/32", M ",ip=10.0.0.5"},
		{M ",ip=10.0.0.0/24,mac=52:54:00:00:00:01",
			M ",mac=52:54:00:00:00:01,ip=10.0.0.0/24"},
		{M ",ip=2001:DB8:0::5,ip=2001:db8::/33", M ",ip=2001:db8::5,ip=2001:db8::/33"},
		{M ",ip=0.0.0.0/0,ip=::/0", M ",ip=0.0.0.0/0,ip=::/0"},
		{M ",ip=::ffff:10.0.0.1", M ",ip=::ffff:10.0.0.1"},
	};
	char err[200], text[GUARD_TEXT_MAX];
	struct guard g, again;

	for (unsigned int i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		assert_int_equal(guard_parse(&g, texts[i][0], err, sizeof(err)), 0);
		guard_format(&g, text, sizeof(text));
		assert_string_equal(text, texts[i][1]);
		assert_int_equal(guard_parse(&again, text, err, sizeof(err)), 0);
		assert_memory_equal(&g, &again, sizeof(g));
	}
}

static void
refuses_with_a_sentence(void **state)
{
	static const char *const texts[][2] = {
		{"", "guard: no mac=MAC; the guard needs at least one, e.g. "
		     "mac=52:54:00:12:34:56,ip=10.0.0.5"},
		{"ip=10.0.0.5", "guard: no mac=MAC; the guard needs at least one, e.g. "
				"mac=52:54:00:12:34:56,ip=10.0.0.5"},
		{M ",", "guard: \"\" is neither mac=MAC nor ip=ADDR[/LEN]"},
		{M ",vlan=5", "guard: \"vlan=5\" is neither mac=MAC nor ip=ADDR[/LEN]"},
		{M ", ip=10.0.0.5", "guard: \" ip=10.0.0.5\" is neither mac=MAC nor ip=ADDR[/LEN]"},
		{"mac=52:54:00:12:34", "guard: \"52:54:00:12:34\" is not a MAC address such as "
				       "52:54:00:12:34:56"},
		{"mac=52-54-00-12-34-56", "guard: \"52-54-00-12-34-56\" is not a MAC address such "
					  "as 52:54:00:12:34:56"},
		{"mac=52:54:00:12:34:5g", "guard: \"52:54:00:12:34:5g\" is not a MAC address such "
					  "as 52:54:00:12:34:56"},
		{"mac=52:54:00:12:34:567", "guard: \"52:54:00:12:34:567\" is not a MAC address "
					   "such as 52:54:00:12:34:56"},
		{"mac=01:00:5e:00:00:01", "guard: 01:00:5e:00:00:01 is a multicast MAC address, "
					  "which no guest can send from"},
		{"mac=00:00:00:00:00:00", "guard: 00:00:00:00:00:00 is the zero MAC address, "
					  "which no guest can send from"},
		{M "," M, "guard: mac=52:54:00:12:34:56 is there twice"},
		{M ",ip=10.0.0.5,ip=10.0.0.5/32", "guard: ip=10.0.0.5/32 is there twice"},
		{M ",ip=10.0.0", "guard: \"10.0.0\" is not an IP address or prefix such as "
				 "10.0.0.5, 10.0.0.0/24 or 2001:db8::5"},
		{M ",ip=10.0.0.0/33", "guard: \"10.0.0.0/33\" is not an IP address or prefix such "
				      "as 10.0.0.5, 10.0.0.0/24 or 2001:db8::5"},
		{M ",ip=10.0.0.0/", "guard: \"10.0.0.0/\" is not an IP address or prefix such as "
				    "10.0.0.5, 10.0.0.0/24 or 2001:db8::5"},
		{M ",ip=10.0.0.0/-1", "guard: \"10.0.0.0/-1\" is not an IP address or prefix such "
				      "as 10.0.0.5, 10.0.0.0/24 or 2001:db8::5"},
		{M ",ip=2001:db8::/129", "guard: \"2001:db8::/129\" is not an IP address or prefix "
					 "such as 10.0.0.5, 10.0.0.0/24 or 2001:db8::5"},
		{M ",ip=10.0.0.5/24", "guard: ip=10.0.0.5/24 has bits behind its prefix; leave /24 "
				      "out for this one address, or clear them for the whole "
				      "prefix"},
		{M ",ip=2001:db8::1/64", "guard: ip=2001:db8::1/64 has bits behind its prefix; "
					 "leave /64 out for this one address, or clear them for "
					 "the whole prefix"},
		{M ",ip=224.0.0.1", "guard: ip=224.0.0.1 is not an address that a guest can send "
				    "from"},
		{M ",ip=255.255.255.255", "guard: ip=255.255.255.255 is not an address that a "
					  "guest can send from"},
		{M ",ip=0.0.0.0", "guard: ip=0.0.0.0 is not an address that a guest can send from"},
		{M ",ip=::", "guard: ip=:: is not an address that a guest can send from"},
		{M ",ip=ff02::1", "guard: ip=ff02::1 is not an address that a guest can send from"},
		{"mac=0123456789012345678901234567890123456789012345678901234567890123456789",
			"guard: \"mac=0123456789012345678901234567...\" is too long for mac=MAC or "
			"ip=ADDR[/LEN]"},
	};
	struct guard g = {.nmac = 7}, before = g;
	char err[200];

	for (unsigned int i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		assert_int_equal(guard_parse(&g, texts[i][0], err, sizeof(err)), -EINVAL);
		assert_string_equal(err, texts[i][1]);
		assert_memory_equal(&g, &before, sizeof(g));
	}
	assert_int_equal(guard_parse(&g, "", err, 8), -EINVAL);
	assert_string_equal(err, "guard: ");
	assert_int_equal(guard_parse(&g, "", NULL, 0), -EINVAL);
}

/* As many as fit, and one more. */
static void
limits_hold(void **state)
{
	char text[4096], out[GUARD_TEXT_MAX], err[200];
	struct guard g;
	int n = 0;

	for (int i = 0; i < GUARD_MACS_MAX; i++)
		n += sprintf(text + n, "%smac=52:54:00:00:00:%02x", i == 0 ? "" : ",", i);
	for (int i = 0; i < GUARD_IPS_MAX; i++)
		n += sprintf(text + n, ",ip=fdaa:bbbb:cccc:dddd:eeee:aaaa:bbbb:cc%02x", 0x80 + i);
	assert_int_equal(guard_parse(&g, text, err, sizeof(err)), 0);
	guard_format(&g, out, sizeof(out));
	assert_string_equal(out, text);

	sprintf(text + n, ",ip=10.0.0.1");
	assert_int_equal(guard_parse(&g, text, err, sizeof(err)), -EINVAL);
	assert_string_equal(err, "guard: more than 16 ip= entries");
	sprintf(text + n, ",mac=52:54:00:00:01:00");
	assert_int_equal(guard_parse(&g, text, err, sizeof(err)), -EINVAL);
	assert_string_equal(err, "guard: more than 8 mac= entries");
}

static void
format_stays_in_its_buffer(void **state)
{
	struct guard g;
	char full[GUARD_TEXT_MAX], buf[64], err[200];

	assert_int_equal(guard_parse(&g, M ",ip=10.0.0.0/24", err, sizeof(err)), 0);
	guard_format(&g, full, sizeof(full));
	for (unsigned int len = 0; len < sizeof(buf); len++) {
		memset(buf, 'x', sizeof(buf));
		guard_format(&g, buf, len);
		assert_int_equal(buf[len], 'x');
		if (len != 0) {
			assert_non_null(memchr(buf, 0, len));
			assert_memory_equal(buf, full, strlen(buf));
		}
	}
	g = (struct guard){0};
	guard_format(&g, buf, sizeof(buf));
	assert_string_equal(buf, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_and_gives_back),
		cmocka_unit_test(refuses_with_a_sentence),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(format_stays_in_its_buffer),
	};

	return cmocka_run_group_tests_name("guard-text", tests, NULL, NULL);
}
