/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The network function nat: there and back, errors, ports, and who may not come in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "guest-pmd/nf/nat.h"
#include "tests/unit/nf-frames.h"

#define SECOND UINT64_C(1000000000)

static struct test_frame frame, sent;
static struct nat nat;
static uint64_t now;

static void
start(uint16_t first, uint16_t last, uint32_t flows)
{
	struct nat_config c = {.ports = {first, last}, .flows = flows};

	assert_true(nf_word_prefix("10.0.0.0/8", &c.inside));
	assert_true(nf_word_address("192.0.2.1", &c.outside));
	assert_int_equal(nat_start(&nat, &c), 0);
	memcpy(nat.host.mac, "\2\0\0\0\0\x99", 6);
	now = SECOND;
}

/* Passes the frame through; what comes out is the frame then. */
static enum netvm_verdict
pass(void)
{
	static uint32_t piece;
	struct test_packet t;
	enum netvm_verdict verdict;

	piece = (piece + 13) % 60;
	test_packet(&t, &frame, 0, 0, piece < 8 ? 0 : piece);
	nat_packet(&nat, &t.p, t.room, now);
	verdict = t.p.verdict;
	if (verdict != NETVM_DROP)
		test_frame_of(&frame, &t.p);
	test_packet_free(&t);
	return verdict;
}

static uint16_t
port(uint32_t at)
{
	return (uint16_t)(frame.b[frame.l4 + at] << 8 | frame.b[frame.l4 + at + 1]);
}

static void
check_both_ways(uint8_t proto)
{
	uint32_t at = proto == 1 ? 4 : 0;
	uint16_t outside;

	test_frame(&frame, "10.1.2.3", "198.51.100.7", proto, 4000, proto == 1 ? 0x0800 : 80, NULL,
		33);
	assert_int_equal(pass(), NETVM_NEXT);
	assert_memory_equal(frame.b + frame.l3 + 12, "\xc0\0\2\1\xc6\x33\x64\7", 8);
	assert_memory_equal(frame.b, "\2\0\0\0\0\2\2\0\0\0\0\x99", 12);
	assert_true(test_sums_right(&frame));
	outside = port(at);
	assert_in_range(outside, 2000, 2999);

	test_frame(&frame, "198.51.100.7", "192.0.2.1", proto, proto == 1 ? outside : 80,
		proto == 1 ? 0x0000 : outside, NULL, 44);
	frame.b[frame.l4 + 13] = proto == 6 ? 0x12 : frame.b[frame.l4 + 13];
	test_frame_sums(&frame);
	assert_int_equal(pass(), NETVM_NEXT);
	assert_memory_equal(frame.b + frame.l3 + 16, "\x0a\1\2\3", 4);
	assert_memory_equal(frame.b, "\2\0\0\0\0\1", 6); /* the MAC of the host inside */
	assert_int_equal(port(proto == 1 ? 4 : 2), 4000);
	assert_true(test_sums_right(&frame));
}

static void
flows_go_out_and_come_back(void **state)
{
	start(2000, 2999, 100);
	check_both_ways(6);
	check_both_ways(17);
	check_both_ways(1);
	/* The same flow keeps its port. */
	check_both_ways(6);
	assert_int_equal(nat.count[NAT_FLOWS], 3);
	nat_stop(&nat);
}

static void
only_the_peer_comes_in(void **state)
{
	uint16_t outside;

	start(2000, 2999, 100);
	test_frame(&frame, "10.1.2.3", "198.51.100.7", 17, 4000, 53, NULL, 1);
	assert_int_equal(pass(), NETVM_NEXT);
	outside = port(0);
	test_frame(&frame, "198.51.100.8", "192.0.2.1", 17, 53, outside, NULL, 1);
	assert_int_equal(pass(), NETVM_DROP);
	test_frame(&frame, "198.51.100.7", "192.0.2.1", 17, 54, outside, NULL, 1);
	assert_int_equal(pass(), NETVM_DROP);
	test_frame(&frame, "198.51.100.7", "192.0.2.1", 6, 53, outside, NULL, 1);
	assert_int_equal(pass(), NETVM_DROP);
	for (uint32_t other = 0; other < 65536; other += 501) {
		test_frame(&frame, "198.51.100.7", "192.0.2.1", 17, 53, (uint16_t)other, NULL, 1);
		assert_int_equal(pass(), other == outside ? NETVM_NEXT : NETVM_DROP);
	}
	/* Nor can an echo request come in. */
	test_frame(&frame, "198.51.100.7", "192.0.2.1", 1, outside, 0x0800, NULL, 1);
	assert_int_equal(pass(), NETVM_DROP);
	nat_stop(&nat);
}

static void
what_is_not_its_business_passes(void **state)
{
	static const struct {
		const char *from, *to;
	} cases[] = {{"10.0.0.1", "10.0.0.2"}, {"172.16.0.1", "198.51.100.7"},
		{"fd00::1", "fd00::2"}, {"198.51.100.7", "10.0.0.1"}};

	start(2000, 2999, 100);
	for (size_t i = 0; i < 4; i++) {
		test_frame(&frame, cases[i].from, cases[i].to, 17, 1, 2, NULL, 20);
		sent = frame;
		assert_int_equal(pass(), NETVM_NEXT);
		assert_memory_equal(frame.b, sent.b, sent.n);
	}
	nat_stop(&nat);
}

static void
arp_for_the_outside_is_answered(void **state)
{
	start(2000, 2999, 100);
	test_frame_arp(&frame, 1, "192.0.2.254", "192.0.2.1");
	/* test_frame_of() takes IP for granted; the packet is looked at here. */
	for (int i = 0; i < 2; i++) {
		struct test_packet t;

		test_packet(&t, &frame, 0, 0, 0);
		nat_packet(&nat, &t.p, t.room, now);
		assert_int_equal(t.p.verdict, i == 0 ? NETVM_TO_PORT : NETVM_NEXT);
		assert_int_equal(t.p.destination, 7);
		if (i == 0)
			assert_memory_equal(t.p.data,
				"\2\0\0\0\0\1\2\0\0\0\0\x99\x08\6\0\1\x08\0\6\4\0\2"
				"\2\0\0\0\0\x99\xc0\0\2\1\2\0\0\0\0\1\xc0\0\2\xfe",
				42);
		test_packet_free(&t);
		test_frame_arp(&frame, 1, "192.0.2.254", "192.0.2.2");
	}
	nat_stop(&nat);
}

static void
errors_find_the_host_inside(void **state)
{
	static struct test_frame quote;

	start(2000, 2999, 100);
	test_frame(&frame, "10.1.2.3", "198.51.100.7", 17, 4000, 33434, NULL, 30);
	sent = frame;
	assert_int_equal(pass(), NETVM_NEXT);
	quote = frame;
	test_frame(&frame, "203.0.113.9", "192.0.2.1", 1, 0, 0x0b00, quote.b + 14, 40);
	assert_int_equal(pass(), NETVM_NEXT);
	assert_true(test_sums_right(&frame));
	assert_memory_equal(frame.b + frame.l3 + 16, "\x0a\1\2\3", 4);
	/* The quote is what was sent, but for the L4 checksum. */
	assert_memory_equal(frame.b + frame.payload, sent.b + 14, 26);
	quote.b[quote.l4 + 1] ^= 0x55;
	test_frame(&frame, "203.0.113.9", "192.0.2.1", 1, 0, 0x0b00, quote.b + 14, 40);
	assert_int_equal(pass(), NETVM_DROP);
	nat_stop(&nat);
}

/* A host inside says that it does not want what came in, and a router there that it does
 * not fit. */
static void
errors_from_inside_go_out(void **state)
{
	static struct test_frame came;
	uint16_t outside;

	start(2000, 2999, 100);
	for (int router = 0; router < 2; router++) {
		test_frame(&frame, "10.1.2.3", "198.51.100.7", 17, 4000, 53, NULL, 30);
		assert_int_equal(pass(), NETVM_NEXT);
		outside = port(0);
		test_frame(&frame, "198.51.100.7", "192.0.2.1", 17, 53, outside, NULL, 30);
		came = frame;
		assert_int_equal(pass(), NETVM_NEXT);
		sent = frame;
		test_frame(&frame, router ? "10.9.9.9" : "10.1.2.3", "198.51.100.7", 1, 0,
			router ? 0x0304 : 0x0303, sent.b + 14, 40);
		assert_int_equal(pass(), NETVM_NEXT);
		assert_true(test_sums_right(&frame));
		assert_memory_equal(frame.b + frame.l3 + 12, "\xc0\0\2\1\xc6\x33\x64\7", 8);
		assert_memory_equal(frame.b + 6, "\2\0\0\0\0\x99", 6);
		/* The quote is what came, but for the L4 checksum. */
		assert_memory_equal(frame.b + frame.payload, came.b + 14, 26);
		assert_int_equal(nat.count[NAT_ERRORS], router + 1);
	}
	/* Not to somebody else, and not about what did not come. */
	test_frame(&frame, "10.1.2.3", "198.51.100.8", 1, 0, 0x0303, sent.b + 14, 40);
	assert_int_equal(pass(), NETVM_DROP);
	sent.b[sent.l4 + 1] ^= 1;
	test_frame(&frame, "10.1.2.3", "198.51.100.7", 1, 0, 0x0303, sent.b + 14, 40);
	assert_int_equal(pass(), NETVM_DROP);
	assert_int_equal(nat.count[NAT_UNKNOWN], 2);
	nat_stop(&nat);
}

static void
ports_run_out_and_come_back(void **state)
{
	uint16_t used[10];

	start(2000, 2009, 100);
	for (uint16_t i = 0; i < 12; i++) {
		test_frame(&frame, "10.1.2.3", "198.51.100.7", 17, i, 53, NULL, 1);
		assert_int_equal(pass(), i < 10 ? NETVM_NEXT : NETVM_DROP);
		if (i >= 10)
			continue;
		assert_in_range(port(0), 2000, 2009);
		used[i] = port(0);
		for (uint16_t k = 0; k < i; k++)
			assert_int_not_equal(used[k], used[i]);
		/* Answered: none of them makes room. */
		test_frame(&frame, "198.51.100.7", "192.0.2.1", 17, 53, used[i], NULL, 1);
		assert_int_equal(pass(), NETVM_NEXT);
	}
	assert_int_equal(nat.count[NAT_FULL], 2);
	assert_int_equal(nf_table_count(nat.flows), 10);
	/* TCP has ports of its own. */
	test_frame(&frame, "10.1.2.3", "198.51.100.7", 6, 1, 53, NULL, 1);
	assert_int_equal(pass(), NETVM_NEXT);
	now += 181 * SECOND;
	/* Nor is one answered whose time is over, though nothing has cleared it away. */
	test_frame(&frame, "198.51.100.7", "192.0.2.1", 17, 53, used[9], NULL, 1);
	assert_int_equal(pass(), NETVM_DROP);
	for (uint16_t i = 0; i < 10; i++) {
		test_frame(&frame, "10.1.2.4", "198.51.100.7", 17, i, 53, NULL, 1);
		assert_int_equal(pass(), NETVM_NEXT);
	}
	nat_stop(&nat);
}

/* A flood of beginnings takes the place of others' beginnings, and of nothing else. */
static void
what_is_only_begun_makes_room(void **state)
{
	uint16_t kept;

	start(2000, 2003, 5);
	test_frame(&frame, "10.1.2.3", "198.51.100.7", 17, 4000, 53, NULL, 1);
	assert_int_equal(pass(), NETVM_NEXT);
	kept = port(0);
	test_frame(&frame, "198.51.100.7", "192.0.2.1", 17, 53, kept, NULL, 1);
	assert_int_equal(pass(), NETVM_NEXT);
	test_frame(&frame, "10.1.2.3", "198.51.100.7", 1, 9, 0x0800, NULL, 1);
	assert_int_equal(pass(), NETVM_NEXT);
	for (uint16_t i = 0; i < 20; i++) {
		now++;
		test_frame(&frame, "10.6.6.6", "198.51.100.7", 17, i, 53, NULL, 1);
		assert_int_equal(pass(), NETVM_NEXT);
		assert_int_not_equal(port(0), kept);
	}
	/* Three of the four ports are the flood's; the fifth entry is the echo's. */
	assert_int_equal(nf_table_count(nat.flows), 5);
	assert_int_equal(nat.count[NAT_EVICTED], 17);
	for (uint16_t i = 0; i < 20; i++) {
		now++;
		test_frame(&frame, "10.6.6.6", "198.51.100.7", 6, i, 53, NULL, 1);
		assert_int_equal(pass(), NETVM_NEXT);
	}
	assert_int_equal(nat.count[NAT_FULL], 0);
	test_frame(&frame, "198.51.100.7", "192.0.2.1", 17, 53, kept, NULL, 1);
	assert_int_equal(pass(), NETVM_NEXT);
	for (int i = 0; i < NAT_SPACES; i++)
		assert_int_equal(nat.ports[i].count, i == NAT_UDP ? 3 : i == NAT_TCP ? 0 : 4);
	nat_stop(&nat);
}

static void
what_cannot_be_mapped_is_dropped(void **state)
{
	start(2000, 2999, 100);
	test_frame(&frame, "10.1.2.3", "198.51.100.7", 17, 1, 53, NULL, 20);
	frame.b[20] = 0x20;
	test_frame_sums(&frame);
	assert_int_equal(pass(), NETVM_DROP);
	test_frame(&frame, "10.1.2.3", "198.51.100.7", 6, 1, 53, NULL, 20);
	frame.b[frame.l4 + 13] = 0x10;
	assert_int_equal(pass(), NETVM_DROP);
	frame.b[23] = 47;
	assert_int_equal(pass(), NETVM_DROP);
	test_frame(&frame, "10.1.2.3", "198.51.100.7", 1, 1, 0x0000, NULL, 20);
	assert_int_equal(pass(), NETVM_DROP);
	frame.b[14] = 0x40;
	assert_int_equal(pass(), NETVM_DROP);
	assert_int_equal(nat.count[NAT_BAD], 1);
	nat_stop(&nat);
}

static void
a_partial_checksum_stays_right(void **state)
{
	struct test_packet t;

	start(2000, 2999, 100);
	test_frame(&frame, "10.1.2.3", "198.51.100.7", 6, 1, 53, NULL, 999);
	test_frame_partial(&frame);
	test_packet(&t, &frame, 0, 0, 0);
	t.p.flags = NETVM_PACKET_CSUM;
	t.p.csum_start = (uint16_t)frame.l4;
	t.p.csum_offset = 16;
	nat_packet(&nat, &t.p, t.room, now);
	assert_int_equal(t.p.verdict, NETVM_NEXT);
	assert_int_equal(t.p.flags, NETVM_PACKET_CSUM);
	assert_int_equal(netvm_finish_checksum(&t.p), 0);
	test_frame_of(&frame, &t.p);
	assert_true(test_sums_right(&frame));
	test_packet_free(&t);
	nat_stop(&nat);
}

static void
bad_configurations_are_refused(void **state)
{
	struct nat_config c = {.ports = {1, 2}, .flows = 10};

	nf_word_prefix("fd00::/8", &c.inside);
	nf_word_address("192.0.2.1", &c.outside);
	assert_true(nat_start(&nat, &c) < 0);
	nf_word_prefix("192.0.2.0/24", &c.inside);
	assert_true(nat_start(&nat, &c) < 0);
	assert_string_equal(nf_error(), "--outside: expected an address that is not inside, too");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flows_go_out_and_come_back),
		cmocka_unit_test(only_the_peer_comes_in),
		cmocka_unit_test(what_is_not_its_business_passes),
		cmocka_unit_test(arp_for_the_outside_is_answered),
		cmocka_unit_test(errors_find_the_host_inside),
		cmocka_unit_test(errors_from_inside_go_out),
		cmocka_unit_test(ports_run_out_and_come_back),
		cmocka_unit_test(what_is_only_begun_makes_room),
		cmocka_unit_test(what_cannot_be_mapped_is_dropped),
		cmocka_unit_test(a_partial_checksum_stays_right),
		cmocka_unit_test(bad_configurations_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
