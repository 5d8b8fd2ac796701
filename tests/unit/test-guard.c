/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The guard's verdicts: a table of frames as bytes, with what must become of
 * each under three guards. Each frame is judged in an allocation of its exact
 * size, and once more with its tail beyond the private bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/guard-frames.h"

static uint16_t
unhex(const char *text, uint8_t *to)
{
	char digits[3] = {0};
	uint16_t n = 0;

	for (; *text != '\0'; text += 2) {
		if (*text == ' ')
			text++;
		memcpy(digits, text, 2);
		to[n++] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return n;
}

static enum packet_drop
judge(const struct guard *g, const uint8_t *bytes, uint16_t hdr_len, uint32_t len)
{
	struct packet p = {.len = len, .hdr_len = hdr_len};
	uint8_t *mem = malloc(PACKET_HEADROOM + hdr_len);
	enum packet_drop verdict;

	assert_non_null(mem);
	p.hdr = mem + PACKET_HEADROOM;
	memcpy(p.hdr, bytes, hdr_len);
	if (len > hdr_len) {
		p.rest = bytes + hdr_len;
		p.rest_len = len - hdr_len;
	}
	verdict = guard_check(g, &p);
	free(mem);
	return verdict;
}

static void
expect(const struct verdict *v, const char *guard, enum packet_drop expected, enum packet_drop got)
{
	if (got != expected) {
		const char *name = packet_drop_name(got), *should = packet_drop_name(expected);

		fail_msg("%s, guard %s: %s, not %s", v->name, guard, name ? name : "passes",
			should ? should : "passes");
	}
}

static void
check_table(const struct verdict *v, unsigned int n)
{
	static const char macs[] = "mac=52:54:00:00:00:01,mac=52:54:00:00:00:09";
	struct guard off = {0}, with_ips, without;
	uint8_t bytes[256];
	char err[200];

	assert_int_equal(guard_parse(&without, macs, err, sizeof(err)), 0);
	with_ips = without;
	with_ips.nip = 2;
	with_ips.ip[0] = (struct guard_ip){4, 32, {10, 0, 0, 1}};
	with_ips.ip[1] = (struct guard_ip){6, 128, {0x20, 1, 0x0d, 0xb8, [15] = 1}};
	for (; n-- != 0; v++) {
		uint16_t len = unhex(v->frame, bytes);

		expect(v, "off", PASS, judge(&off, bytes, len, len));
		expect(v, "with ips", v->with_ips, judge(&with_ips, bytes, len, len));
		expect(v, "without ips", v->without, judge(&without, bytes, len, len));
	}
}

static void
verdicts_are_as_the_tables_say(void **state)
{
	check_table(ethernet, sizeof(ethernet) / sizeof(*ethernet));
	check_table(arp, sizeof(arp) / sizeof(*arp));
	check_table(ipv4, sizeof(ipv4) / sizeof(*ipv4));
	check_table(ipv6, sizeof(ipv6) / sizeof(*ipv6));
	check_table(icmpv6, sizeof(icmpv6) / sizeof(*icmpv6));
}

/* A frame whose headers are not all private is judged by what is there, and
 * never better than when all of it is. */
static void
nothing_passes_by_hiding(void **state)
{
	struct guard g = {.nmac = 1,
		.nip = 1,
		.mac = {{0x52, 0x54, 0, 0, 0, 1}},
		.ip = {{6, 128, {0x20, 1, 0x0d, 0xb8, [15] = 1}}}};
	uint8_t bytes[256];

	for (unsigned int i = 0; i < sizeof(icmpv6) / sizeof(*icmpv6); i++) {
		uint16_t len = unhex(icmpv6[i].frame, bytes);

		for (uint16_t hdr_len = 14; hdr_len < len; hdr_len++) {
			if (judge(&g, bytes, hdr_len, len) == PASS)
				expect(&icmpv6[i], "cut", PASS, judge(&g, bytes, len, len));
		}
	}
}

static void
prefixes_match_bit_by_bit(void **state)
{
	struct guard g = {.nmac = 1, .nip = 1, .mac = {{0x52, 0x54, 0, 0, 0, 1}}};
	uint8_t bytes[256];
	uint16_t len = unhex(ME_IP4 IP4("0014", "06", "0a00007f"), bytes);
	uint8_t *source = bytes + 14 + 12;

	g.ip[0] = (struct guard_ip){4, 25, {10, 0, 0, 0}};
	assert_int_equal(judge(&g, bytes, len, len), PASS);
	source[3] = 0x80;
	assert_int_equal(judge(&g, bytes, len, len), DROP_GUARD_IP);
	g.ip[0].prefix = 24;
	assert_int_equal(judge(&g, bytes, len, len), PASS);
	source[2] = 1;
	assert_int_equal(judge(&g, bytes, len, len), DROP_GUARD_IP);
	g.ip[0] = (struct guard_ip){4, 0, {0}};
	assert_int_equal(judge(&g, bytes, len, len), PASS);
	g.ip[0].family = 6; /* a list with IPv6 alone allows no IPv4 */
	assert_int_equal(judge(&g, bytes, len, len), DROP_GUARD_IP);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdicts_are_as_the_tables_say),
		cmocka_unit_test(nothing_passes_by_hiding),
		cmocka_unit_test(prefixes_match_bit_by_bit),
	};

	return cmocka_run_group_tests_name("guard", tests, NULL, NULL);
}
