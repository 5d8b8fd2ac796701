/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The network function firewall: rules, state, fragments.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "guest-pmd/nf/firewall.h"
#include "tests/unit/nf-frames.h"

#define SECOND UINT64_C(1000000000)

static struct test_frame frame;
static struct firewall fw;
static uint64_t now;

static void
start(const char *rules, uint32_t flows)
{
	assert_int_equal(firewall_start(&fw, test_file(rules), flows), 0);
	now = SECOND;
}

/* What the firewall does with the frame, whole and in pieces. */
static bool
passes(void)
{
	static uint32_t piece;
	struct test_packet t;
	bool pass;

	piece = (piece + 17) % 70;
	test_packet(&t, &frame, 0, 0, piece < 8 ? 0 : piece);
	firewall_packet(&fw, &t.p, now);
	pass = t.p.verdict == NETVM_NEXT;
	assert_true(pass || t.p.verdict == NETVM_DROP);
	test_packet_free(&t);
	return pass;
}

static bool
passes_tcp(const char *from, uint16_t sport, const char *to, uint16_t dport, uint8_t flags)
{
	test_frame(&frame, from, to, 6, sport, dport, NULL, 10);
	frame.b[frame.l4 + 13] = flags;
	return passes();
}

static bool
passes_udp(const char *from, uint16_t sport, const char *to, uint16_t dport)
{
	test_frame(&frame, from, to, 17, sport, dport, NULL, 10);
	return passes();
}

static void
the_first_rule_decides(void **state)
{
	start("deny tcp 10.9.0.0/16 any 80\n"
	      "allow tcp 10.0.0.0/8 any 80-90\n"
	      "allow udp any fd00::/16 53 1000-2000\n"
	      "allow icmp any any\n",
		0);
	assert_true(passes_tcp("10.1.0.1", 5, "1.1.1.1", 80, 2));
	assert_true(passes_tcp("10.1.0.1", 5, "1.1.1.1", 90, 16));
	assert_false(passes_tcp("10.1.0.1", 5, "1.1.1.1", 91, 2));
	assert_false(passes_tcp("10.9.0.1", 5, "1.1.1.1", 80, 2));
	assert_true(passes_tcp("10.9.0.1", 5, "1.1.1.1", 81, 2));
	assert_false(passes_udp("10.1.0.1", 5, "1.1.1.1", 80));
	assert_true(passes_udp("2001::1", 1500, "fd00::1", 53));
	assert_false(passes_udp("2001::1", 2500, "fd00::1", 53));
	assert_false(passes_udp("2001::1", 1500, "fd01::1", 53));
	test_frame(&frame, "1.1.1.1", "2.2.2.2", 1, 7, 0x0800, NULL, 10);
	assert_true(passes());
	test_frame(&frame, "fd00::1", "fd00::2", 58, 7, 0x8000, NULL, 10);
	assert_false(passes());
	assert_int_equal(fw.rules.rule[0].hits, 1);
	fw.allow_default = true;
	assert_true(passes());
	firewall_stop(&fw);
}

static void
what_is_not_ip_has_its_own_word(void **state)
{
	start("deny any any any", 0);
	test_frame_arp(&frame, 1, "10.0.0.1", "10.0.0.2");
	assert_true(passes());
	fw.drop_other = true;
	assert_false(passes());
	fw.allow_default = true;
	test_frame(&frame, "10.0.0.1", "10.0.0.2", 6, 1, 2, NULL, 0);
	frame.b[14] = 0x42;
	assert_false(passes());
	assert_int_equal(fw.count[FIREWALL_BAD], 1);
	frame.n = 10;
	assert_false(passes());
	firewall_stop(&fw);
}

static void
tags_hide_nothing(void **state)
{
	start("deny any any any", 0);
	test_frame(&frame, "10.0.0.1", "10.0.0.2", 6, 1, 22, NULL, 10);
	for (int tags = 0; tags < 5; tags++) {
		assert_false(passes());
		test_frame_tag(&frame, tags == 1 ? 0x88a8 : 0x8100, 5);
	}
	assert_int_equal(fw.count[FIREWALL_DENIED], 3);
	assert_int_equal(fw.count[FIREWALL_BAD], 2);
	firewall_stop(&fw);
}

static void
fragments_hide_nothing(void **state)
{
	start("deny tcp any any 22\nallow tcp any any 80\n", 0);
	fw.allow_default = true;
	test_frame(&frame, "10.0.0.1", "10.0.0.2", 6, 1, 22, NULL, 100);
	frame.b[20] = 0x20; /* first of several */
	assert_false(passes());
	frame.b[20] = 0;
	frame.b[21] = 100; /* a later one */
	assert_true(passes());
	frame.b[21] = 1; /* one that would overwrite the header of the first */
	assert_false(passes());
	/* A first one that ends inside the header. */
	test_frame(&frame, "10.0.0.1", "10.0.0.2", 6, 1, 80, NULL, 0);
	frame.b[20] = 0x20;
	frame.b[17] = 20 + 16;
	frame.n = 50;
	assert_false(passes());
	fw.allow_default = false;
	test_frame(&frame, "10.0.0.1", "10.0.0.2", 6, 1, 80, NULL, 100);
	frame.b[21] = 100;
	assert_true(passes()); /* by the rule with ports: harmless without its first */
	test_frame(&frame, "10.0.0.1", "10.0.0.2", 17, 1, 80, NULL, 100);
	frame.b[21] = 100;
	assert_false(passes());
	firewall_stop(&fw);
}

static void
answers_pass_when_stateful(void **state)
{
	start("allow tcp 10.0.0.0/8 any 80\nallow udp 10.0.0.0/8 any\n", 100);
	assert_false(passes_tcp("1.1.1.1", 80, "10.0.0.1", 5, 0x12));
	assert_true(passes_tcp("10.0.0.1", 5, "1.1.1.1", 80, 2));
	assert_true(passes_tcp("1.1.1.1", 80, "10.0.0.1", 5, 0x12));
	assert_true(passes_tcp("10.0.0.1", 5, "1.1.1.1", 80, 0x10));
	assert_false(passes_tcp("1.1.1.1", 81, "10.0.0.1", 5, 0x12));
	assert_false(passes_tcp("1.1.1.2", 80, "10.0.0.1", 5, 0x12));
	/* Allowed by a rule, but no flow begins so. */
	assert_false(passes_tcp("10.0.0.1", 6, "1.1.1.1", 80, 0x10));
	assert_int_equal(fw.count[FIREWALL_NO_FLOW], 1);
	assert_true(passes_udp("10.0.0.1", 5, "1.1.1.1", 53));
	assert_true(passes_udp("1.1.1.1", 53, "10.0.0.1", 5));
	firewall_stop(&fw);
}

static void
flows_end(void **state)
{
	start("allow any 10.0.0.0/8 any\n", 100);
	assert_true(passes_tcp("10.0.0.1", 5, "1.1.1.1", 80, 2));
	now += 61 * SECOND; /* a handshake that nobody answers */
	assert_false(passes_tcp("1.1.1.1", 80, "10.0.0.1", 5, 0x12));
	assert_true(passes_tcp("10.0.0.1", 5, "1.1.1.1", 80, 2));
	assert_true(passes_tcp("1.1.1.1", 80, "10.0.0.1", 5, 0x12));
	now += 7000 * SECOND; /* open */
	assert_true(passes_tcp("1.1.1.1", 80, "10.0.0.1", 5, 0x10));
	assert_true(passes_tcp("1.1.1.1", 80, "10.0.0.1", 5, 0x11));
	assert_true(passes_tcp("1.1.1.1", 80, "10.0.0.1", 5, 0x11)); /* sent again */
	now += 7000 * SECOND;                                        /* half */
	assert_true(passes_tcp("10.0.0.1", 5, "1.1.1.1", 80, 0x11));
	assert_true(passes_tcp("1.1.1.1", 80, "10.0.0.1", 5, 0x10));
	now += 61 * SECOND; /* closed */
	assert_false(passes_tcp("1.1.1.1", 80, "10.0.0.1", 5, 0x10));
	/* Reset is the end as well; a new SYN from the other side needs a rule. */
	assert_true(passes_tcp("10.0.0.1", 5, "1.1.1.1", 80, 2));
	assert_true(passes_tcp("1.1.1.1", 80, "10.0.0.1", 5, 0x14));
	assert_false(passes_tcp("1.1.1.1", 80, "10.0.0.1", 5, 2));
	assert_true(passes_tcp("10.0.0.1", 5, "1.1.1.1", 80, 2));
	assert_int_equal(nf_table_count(fw.flows), 1);
	firewall_stop(&fw);
}

static void
errors_pass_only_about_flows(void **state)
{
	static struct test_frame sent;

	start("allow udp 10.0.0.0/8 any\n", 100);
	test_frame(&sent, "10.0.0.1", "1.1.1.1", 17, 5, 33434, NULL, 20);
	test_frame(&frame, "9.9.9.9", "10.0.0.1", 1, 0, 0x0b00, sent.b + 14, 28);
	assert_false(passes());
	frame = sent;
	assert_true(passes());
	test_frame(&frame, "9.9.9.9", "10.0.0.1", 1, 0, 0x0b00, sent.b + 14, 28);
	assert_true(passes());
	test_frame(&frame, "9.9.9.9", "10.0.0.1", 1, 0, 0x0800, sent.b + 14, 28);
	assert_false(passes());
	/* Not to one who did not send what it quotes. */
	test_frame(&frame, "9.9.9.9", "10.0.0.2", 1, 0, 0x0b00, sent.b + 14, 28);
	assert_false(passes());
	firewall_stop(&fw);
}

static void
a_full_table_drops_new_flows_only(void **state)
{
	start("allow udp 10.0.0.0/8 any\nallow tcp 10.0.0.0/8 any\n", 4);
	for (uint16_t i = 0; i < 10; i++) {
		assert_int_equal(passes_udp("10.0.0.1", i, "1.1.1.1", 53), i < 4);
		assert_int_equal(passes_udp("1.1.1.1", 53, "10.0.0.1", i), i < 4);
	}
	assert_int_equal(fw.count[FIREWALL_FULL], 6);
	assert_int_equal(fw.count[FIREWALL_ALLOWED], 4);
	assert_true(passes_udp("1.1.1.1", 53, "10.0.0.1", 3));
	firewall_stop(&fw);

	/* What is begun only makes room: a flood of it takes nothing from what is open. */
	start("allow udp 10.0.0.0/8 any\nallow tcp 10.0.0.0/8 any\n", 4);
	assert_true(passes_udp("10.0.0.1", 5, "1.1.1.1", 53));
	assert_true(passes_udp("1.1.1.1", 53, "10.0.0.1", 5));
	assert_true(passes_tcp("10.0.0.1", 5, "1.1.1.1", 80, 2));
	assert_true(passes_tcp("1.1.1.1", 80, "10.0.0.1", 5, 0x12));
	for (uint16_t i = 0; i < 10; i++)
		assert_true(passes_tcp("10.0.0.2", i, "1.1.1.1", 80, 2));
	assert_int_equal(fw.count[FIREWALL_EVICTED], 8);
	assert_int_equal(fw.count[FIREWALL_FULL], 0);
	assert_true(passes_udp("1.1.1.1", 53, "10.0.0.1", 5));
	assert_true(passes_tcp("1.1.1.1", 80, "10.0.0.1", 5, 0x10));
	assert_true(passes_tcp("1.1.1.1", 80, "10.0.0.2", 9, 0x12));
	firewall_stop(&fw);
}

/* An answer in fragments: the first one shows whose it is. */
static void
fragments_follow_their_first(void **state)
{
	start("allow udp 10.0.0.0/8 any\nallow udp fd00::/16 any\n", 100);
	for (int v = 0; v < 2; v++) {
		static const char *const here[] = {"10.0.0.1", "fd00::1"};
		static const char *const there[] = {"1.1.1.1", "2001::1"};
		uint32_t id = v ? 54 + 7 : 19, at = v ? 54 + 3 : 21, more = v ? 54 + 3 : 20;

		assert_true(passes_udp(here[v], 5, there[v], 53));
		test_frame(&frame, there[v], here[v], 17, 53, 5, NULL, 200);
		if (v) {
			memmove(frame.b + 62, frame.b + 54, frame.n - 54);
			memcpy(frame.b + 54, "\x11\0\0\0\1\2\3\4", 8);
			frame.b[20] = 44;
			frame.b[19] += 8;
			frame.n += 8;
		}
		frame.b[at] = v ? 100 << 3 & 0xff : 100;
		frame.b[at - 1] = v ? 100 >> 5 : 0;
		assert_false(passes()); /* before its first */
		frame.b[at] = frame.b[at - 1] = 0;
		frame.b[more] = v ? 1 : 0x20;
		assert_true(passes());
		frame.b[more] = 0;
		frame.b[at] = v ? 100 << 3 & 0xff : 100;
		frame.b[at - 1] = v ? 100 >> 5 : 0;
		assert_true(passes());
		frame.b[id]++; /* another datagram's */
		assert_false(passes());
		frame.b[id]--;
		now += 61 * SECOND;
		assert_false(passes());
	}
	firewall_stop(&fw);
}

/* Flows end on time though no packet comes to clear them away. */
static void
what_is_over_does_not_answer(void **state)
{
	start("allow udp 10.0.0.0/8 any\n", 100);
	for (uint16_t i = 0; i < 20; i++)
		assert_true(passes_udp("10.0.0.1", i, "1.1.1.1", 53));
	now += 59 * SECOND;
	assert_true(passes_udp("1.1.1.1", 53, "10.0.0.1", 19));
	now += 2 * SECOND;
	assert_false(passes_udp("1.1.1.1", 53, "10.0.0.1", 18));
	assert_true(passes_udp("1.1.1.1", 53, "10.0.0.1", 19));
	firewall_stop(&fw);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_rule_decides),
		cmocka_unit_test(what_is_not_ip_has_its_own_word),
		cmocka_unit_test(tags_hide_nothing),
		cmocka_unit_test(fragments_hide_nothing),
		cmocka_unit_test(answers_pass_when_stateful),
		cmocka_unit_test(flows_end),
		cmocka_unit_test(errors_pass_only_about_flows),
		cmocka_unit_test(a_full_table_drops_new_flows_only),
		cmocka_unit_test(fragments_follow_their_first),
		cmocka_unit_test(what_is_over_does_not_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
