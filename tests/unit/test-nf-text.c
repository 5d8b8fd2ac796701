/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What people write for the network functions: words, options, files and their refusals.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "guest-pmd/nf/balancer.h"
#include "guest-pmd/nf/firewall.h"
#include "guest-pmd/nf/l3fwd.h"
#include "guest-pmd/nf/nf-patterns.h"
#include "guest-pmd/nf/router.h"
#include "tests/unit/nf-frames.h"

static void
words_are_exact(void **state)
{
	struct nf_between between;
	struct nf_target target;
	struct nf_prefix prefix;
	struct nf_ports ports;
	uint8_t mac[6];
	uint64_t n;
	int proto;

	assert_true(nf_word_number("12", 0, 12, &n) && n == 12);
	assert_false(nf_word_number("13", 0, 12, &n) || nf_word_number("-1", 0, 12, &n) ||
		     nf_word_number(" 1", 0, 12, &n) || nf_word_number("1x", 0, 12, &n) ||
		     nf_word_number("", 0, 12, &n) ||
		     nf_word_number("18446744073709551616", 0, UINT64_MAX, &n));
	assert_true(nf_word_scaled("10M", 1, UINT64_MAX, &n) && n == 10000000);
	assert_false(nf_word_scaled("1K", 1, 1 << 30, &n) ||
		     nf_word_scaled("1kk", 1, 1 << 30, &n) ||
		     nf_word_scaled("18446744073709551615G", 1, UINT64_MAX, &n));
	assert_true(nf_word_mac("52:54:00:aB:cd:ef", mac) && mac[3] == 0xab);
	assert_false(nf_word_mac("52:54:00:ab:cd:e", mac) ||
		     nf_word_mac("52-54-00-ab-cd-ef", mac) ||
		     nf_word_mac("52:54:00:ab:cd:eg", mac));
	assert_true(nf_word_prefix("10.1.0.0/16", &prefix) && prefix.bits == 16);
	assert_true(nf_word_prefix("10.1.2.3", &prefix) && prefix.bits == 32);
	assert_false(nf_word_prefix("fd00::/7", &prefix));
	assert_true(nf_word_prefix("fd00::/8", &prefix) && prefix.version == 6);
	assert_true(nf_word_prefix("any", &prefix) && prefix.version == 0);
	assert_false(nf_word_prefix("10.1.0.1/16", &prefix) ||
		     nf_word_prefix("10.1.0.0/33", &prefix) || nf_word_prefix("10.1/16", &prefix) ||
		     nf_word_prefix("/8", &prefix));
	assert_true(nf_word_ports("80-90", &ports) && ports.first == 80 && ports.last == 90);
	assert_false(nf_word_ports("90-80", &ports) || nf_word_ports("65536", &ports) ||
		     nf_word_ports("1-", &ports));
	assert_true(nf_word_proto("icmp6", &proto) && proto == 58);
	assert_false(nf_word_proto("256", &proto) || nf_word_proto("TCP", &proto));
	assert_true(nf_word_target("port:65535", &target) && target.destination == 65535);
	assert_false(nf_word_target("port:65536", &target) || nf_word_target("port:", &target) ||
		     nf_word_target("nextt", &target));
	assert_true(nf_word_between("3,4", &between) && between.a == 3 && between.b == 4);
	assert_false(nf_word_between("3,3", &between) || nf_word_between("3", &between) ||
		     nf_word_between(",3", &between));
}

static void
prefixes_hold_what_they_should(void **state)
{
	static const uint8_t a[4] = {10, 1, 0x80, 0}, b[4] = {10, 1, 0x7f, 0};
	struct nf_prefix prefix;

	assert_true(nf_word_prefix("10.1.128.0/17", &prefix));
	assert_true(nf_prefix_holds(&prefix, 4, a));
	assert_false(nf_prefix_holds(&prefix, 4, b) || nf_prefix_holds(&prefix, 6, a));
}

static struct {
	bool flag;
	uint64_t number, scaled;
	const char *text;
	unsigned int choice;
} set;

static const struct nf_option table[] = {
	{"flag", NULL, "help", NF_OPTION_FLAG, &set.flag, 0, 0, false},
	{"number", "N", "help", NF_OPTION_NUMBER, &set.number, 1, 9, false},
	{"scaled", "N", "help", NF_OPTION_SCALED, &set.scaled, 1, 1000000, false},
	{"text", "FILE", "what it is for", NF_OPTION_TEXT, &set.text, 0, 0, true},
	{"choice", "one|two", "help", NF_OPTION_CHOICE, &set.choice, 0, 0, false},
	{0},
};

static int
parse(const char *a, const char *b, const char *c, const char *d)
{
	char *argv[] = {(char *)(uintptr_t) "nf", (char *)(uintptr_t)a, (char *)(uintptr_t)b,
		(char *)(uintptr_t)c, (char *)(uintptr_t)d};
	int argc = 1;

	while (argc < 5 && argv[argc] != NULL)
		argc++;
	return nf_options_parse(table, argc, argv);
}

static void
options_are_taken_and_refused(void **state)
{
	char help[400];

	assert_int_equal(parse("--flag", "--number=3", "--text", "file"), 0);
	assert_true(set.flag && set.number == 3 && strcmp(set.text, "file") == 0);
	assert_int_equal(parse("--scaled", "2k", "--text=f", NULL), 0);
	assert_int_equal(set.scaled, 2000);
	assert_int_equal(parse("--choice", "two", "--text=f", NULL), 0);
	assert_int_equal(set.choice, 1);

	assert_int_equal(parse("--number", "10", "--text=f", NULL), -EINVAL);
	assert_string_equal(nf_error(), "--number: \"10\": expected a number from 1 to 9");
	assert_int_equal(parse("--choice", "three", "--text=f", NULL), -EINVAL);
	assert_string_equal(nf_error(), "--choice: \"three\": expected one|two");
	assert_int_equal(parse("--number", "1", NULL, NULL), -EINVAL);
	assert_string_equal(nf_error(), "--text FILE is needed: what it is for");
	assert_int_equal(parse("--text", NULL, NULL, NULL), -EINVAL);
	assert_string_equal(nf_error(), "--text needs a value: FILE");
	assert_int_equal(parse("--flag=1", NULL, NULL, NULL), -EINVAL);
	assert_int_equal(parse("flag", NULL, NULL, NULL), -EINVAL);
	assert_int_equal(parse("--fla", NULL, NULL, NULL), -EINVAL);
	assert_string_equal(nf_error(), "\"--fla\": there is no such option; --help lists them");
	nf_options_help(table, help, sizeof(help));
	assert_non_null(strstr(help, "  --choice one|two"));
	nf_options_help(table, help, 20);
	assert_true(strlen(help) < 20);
}

/* The sentence that a file is refused with, behind the file's name. */
static const char *
refused(int result)
{
	assert_int_equal(result, -EINVAL);
	assert_non_null(strchr(nf_error(), ':'));
	return strchr(nf_error(), ':') + 1;
}

static const char *
firewall_refuses(const char *text)
{
	struct firewall fw;

	return refused(firewall_start(&fw, test_file(text), 0));
}

static void
rules_are_refused_by_line_and_field(void **state)
{
	static char line[2100];
	struct firewall fw;

	assert_string_equal(firewall_refuses("# x\n\npermit tcp any any\n"),
		"3: field 1, \"permit\": expected allow or deny");
	assert_string_equal(firewall_refuses("allow tcp any\n"),
		"1: field 4 is missing: expected " NF_RULES_MATCH);
	assert_string_equal(firewall_refuses("allow tcp any 10.0.0.1/8\n"),
		"1: field 4, \"10.0.0.1/8\": expected " NF_EXPECT_PREFIX);
	assert_string_equal(firewall_refuses("allow icmp any any 80"),
		"1: field 2, \"icmp\": expected tcp or udp, as the rule names ports");
	assert_string_equal(firewall_refuses("allow tcp any any 80 90 100"),
		"1: field 7, \"100\": expected the end of the line");
	assert_string_equal(firewall_refuses("allow tcp 10.0.0.1 fd00::1"),
		"1: field 4, \"fd00::1\": expected an address of the source's family");
	memset(line, 'x', sizeof(line) - 1);
	assert_string_equal(firewall_refuses(line), "1: longer than 1022 bytes, or has a byte 0");
	assert_string_equal(
		firewall_refuses("a b c d e f g h i j k l m n o p q\n"), "1: more than 16 fields");
	assert_int_equal(firewall_start(&fw, "/nonexistent/file", 0), -ENOENT);
	assert_string_equal(
		nf_error(), "/nonexistent/file: cannot be opened: No such file or directory");
	assert_int_equal(firewall_start(&fw, "/", 0), -EINVAL);
	assert_string_equal(nf_error(), "/:1: cannot be read: Is a directory");
	assert_int_equal(firewall_start(&fw,
				 test_file("allow tcp any any 80 # web\r\n\tdeny any any any"), 0),
		0);
	assert_int_equal(fw.rules.count, 2);
	firewall_stop(&fw);
}

static const char *
routes_refuse(const char *text)
{
	struct l3fwd l3 = {0};

	return refused(l3fwd_start(&l3, test_file(text)));
}

static void
routes_are_refused_by_line_and_field(void **state)
{
	assert_string_equal(routes_refuse("10.0.0.0/8"),
		"1: field 2 is missing: expected via ADDRESS, direct, mac MAC or blackhole");
	assert_string_equal(routes_refuse("10.0.0.0/8 via fd00::1"),
		"1: field 3, \"fd00::1\": expected a gateway's address, of the prefix's family");
	assert_string_equal(routes_refuse("10.0.0.0/8 direct\n10.0.0.0/8 blackhole"),
		"2: field 1, \"10.0.0.0/8\": expected a prefix that has no route yet");
	assert_string_equal(routes_refuse("10.0.0.0/8 blackhole next"),
		"1: field 3, \"next\": expected the end of the line");
	assert_string_equal(routes_refuse("10.0.0.0/8 mac 52:54:00:00:00:01 port:x"),
		"1: field 4, \"port:x\": expected " NF_EXPECT_TARGET);
	assert_string_equal(routes_refuse("any direct"),
		"1: field 1, \"any\": expected ADDRESS/BITS with no bit set behind them");
}

static void
back_ends_are_refused_by_line_and_field(void **state)
{
	static const struct {
		const char *text, *said;
	} cases[] = {
		{"a next", "1: field 2, \"next\": expected port:NUMBER, service:NUMBER or mac MAC"},
		{"a port:1\na port:2",
			"2: field 1, \"a\": expected a name that no other back end has"},
		{"a mac x", "1: field 3, \"x\": expected " NF_EXPECT_MAC},
		{"a port:1 heavy 2",
			"1: field 3, \"heavy\": expected weight NUMBER or the end of the line"},
		{"a port:1 weight 0", "1: field 4, \"0\": expected a weight from 1 to 1000"},
		{"a port:1 weight", "1: field 4 is missing: expected a weight from 1 to 1000"},
		{"# none", " names no back end"},
	};
	static struct balancer b;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memset(&b, 0, sizeof(b));
		assert_string_equal(
			refused(balancer_start(&b, test_file(cases[i].text))), cases[i].said);
	}
}

static void
patterns_and_targets_are_refused_by_line(void **state)
{
	struct router r = {0};

	assert_null(nf_patterns_read(test_file("ok\nbad\\x4\n"), false));
	assert_non_null(strstr(nf_error(), ":2: \"\\x4\": expected \\\\ or \\xHH"));
	assert_null(nf_patterns_read(test_file("\\n"), false));
	assert_null(nf_patterns_read(test_file("#\n\n"), false));
	assert_non_null(strstr(nf_error(), "has no pattern"));
	assert_string_equal(
		refused(router_start(&r, test_file("port:1 tcp any any\neth0 tcp any any"))),
		"2: field 1, \"eth0\": expected " NF_EXPECT_TARGET);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_exact),
		cmocka_unit_test(prefixes_hold_what_they_should),
		cmocka_unit_test(options_are_taken_and_refused),
		cmocka_unit_test(rules_are_refused_by_line_and_field),
		cmocka_unit_test(routes_are_refused_by_line_and_field),
		cmocka_unit_test(back_ends_are_refused_by_line_and_field),
		cmocka_unit_test(patterns_and_targets_are_refused_by_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
