/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The network function l3fwd: routes, neighbours, answers, ICMP errors.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "guest-pmd/nf/l3fwd.h"
#include "tests/unit/nf-frames.h"

#define ROOM 2000

static struct test_frame frame;
static struct test_packet packet;
static struct l3fwd l3;
static uint64_t now;

static void
start(const char *routes)
{
	memset(&l3, 0, sizeof(l3));
	memcpy(l3.host.mac, "\2\0\0\0\0\2", 6);
	l3.host.echo = true;
	assert_int_equal(nf_host_add(&l3.host, "10.0.0.254/24"), 0);
	assert_int_equal(nf_host_add(&l3.host, "fd00::fe/64"), 0);
	assert_int_equal(l3fwd_start(&l3, test_file(routes)), 0);
	now = 100 * NF_SECOND;
}

/* Passes the frame through; what comes out is the frame then. */
static enum netvm_verdict
pass(uint32_t piece)
{
	test_packet_free(&packet);
	test_packet(&packet, &frame, 0, ROOM, piece);
	l3fwd_packet(&l3, &packet.p, packet.room, now);
	if (packet.p.verdict != NETVM_DROP)
		test_frame_of(&frame, &packet.p);
	return (enum netvm_verdict)packet.p.verdict;
}

static void
stop(void)
{
	test_packet_free(&packet);
	l3fwd_stop(&l3);
}

static void
packets_go_by_the_longest_prefix(void **state)
{
	start("0.0.0.0/0 mac 02:00:00:00:00:aa\n"
	      "20.0.0.0/8 mac 02:00:00:00:00:bb port:5\n"
	      "20.1.0.0/16 blackhole\n"
	      "fd01::/16 mac 02:00:00:00:00:cc service:6\n");
	test_frame(&frame, "10.0.0.1", "30.0.0.1", 6, 1, 2, NULL, 100);
	assert_int_equal(pass(20), NETVM_NEXT);
	assert_memory_equal(frame.b, "\2\0\0\0\0\xaa\2\0\0\0\0\2", 12);
	assert_int_equal(frame.b[22], 63);
	assert_true(test_sums_right(&frame));
	test_frame(&frame, "10.0.0.1", "20.0.0.1", 6, 1, 2, NULL, 100);
	test_frame_tag(&frame, 0x8100, 9);
	assert_int_equal(pass(0), NETVM_TO_PORT);
	assert_int_equal(packet.p.destination, 5);
	assert_true(test_sums_right(&frame));
	test_frame(&frame, "10.0.0.1", "20.1.0.1", 6, 1, 2, NULL, 100);
	assert_int_equal(pass(0), NETVM_DROP);
	test_frame(&frame, "fd00::1", "fd01::1", 17, 1, 2, NULL, 100);
	assert_int_equal(pass(9), NETVM_TO_SERVICE);
	assert_int_equal(packet.p.destination, 6);
	assert_int_equal(frame.b[21], 63);
	/* Not to our MAC; and with leave. */
	test_frame(&frame, "10.0.0.1", "30.0.0.1", 6, 1, 2, NULL, 100);
	frame.b[5] = 77;
	assert_int_equal(pass(0), NETVM_DROP);
	l3.any_mac = true;
	assert_int_equal(pass(0), NETVM_NEXT);
	assert_int_equal(l3.count[L3_FORWARDED], 4);
	stop();
}

static void
tell(uint8_t version, const char *who, bool asks_us)
{
	if (version == 4) {
		test_frame_arp(&frame, asks_us ? 1 : 2, who, asks_us ? "10.0.0.254" : "10.0.0.77");
		memcpy(frame.b + 22, "\2\0\0\0\0\x55", 6);
	} else {
		test_frame(&frame, who, "fd00::fe", 58, 0, 0x8800, NULL, 24);
		memcpy(frame.b + 62, frame.b + 22, 16); /* target: itself */
		memcpy(frame.b + 78, "\2\1\2\0\0\0\0\x55", 8);
		frame.b[21] = 255;
		test_frame_sums(&frame);
	}
	pass(0);
}

static void
neighbours_are_asked_and_learned(void **state)
{
	start("10.0.0.0/24 direct\n20.0.0.0/8 via 10.0.0.1 port:5\nfd00::/64 direct\n");
	for (int i = 0; i < 3; i++) {
		test_frame(&frame, "10.0.0.9", "20.0.0.1", 6, 1, 2, NULL, 10);
		assert_int_equal(pass(0), NETVM_DROP);
	}
	assert_int_equal(l3.asks, 1); /* once in a second */
	assert_int_equal(l3.ask[0].to.destination, 5);
	assert_memory_equal(l3.ask[0].who.address, "\x0a\0\0\1", 4);
	now += NF_SECOND;
	test_frame(&frame, "10.0.0.9", "20.0.0.1", 6, 1, 2, NULL, 10);
	pass(0);
	assert_int_equal(l3.asks, 2);
	tell(4, "10.0.0.1", false);
	assert_int_equal(l3.count[L3_LEARNED], 1);
	test_frame(&frame, "10.0.0.9", "20.0.0.1", 6, 1, 2, NULL, 10);
	assert_int_equal(pass(0), NETVM_TO_PORT);
	assert_memory_equal(frame.b, "\2\0\0\0\0\x55", 6);
	/* What nobody asked for is not learned, but who asks for us is. */
	tell(4, "10.0.0.3", false);
	assert_int_equal(nf_table_count(l3.neighbours), 1);
	tell(4, "10.0.0.4", true);
	assert_int_equal(nf_table_count(l3.neighbours), 2);

	test_frame(&frame, "fd00::9", "fd00::3", 6, 1, 2, NULL, 10);
	assert_int_equal(pass(0), NETVM_DROP);
	tell(6, "fd00::3", false);
	test_frame(&frame, "fd00::9", "fd00::3", 6, 1, 2, NULL, 10);
	assert_int_equal(pass(0), NETVM_NEXT);
	assert_memory_equal(frame.b, "\2\0\0\0\0\x55", 6);
	/* From afar, a hop limit below 255 gives it away. */
	test_frame(&frame, "fd00::9", "fd00::5", 6, 1, 2, NULL, 10);
	pass(0);
	test_frame(&frame, "fd00::5", "fd00::fe", 58, 0, 0x8800, NULL, 24);
	memcpy(frame.b + 62, frame.b + 22, 16);
	memcpy(frame.b + 78, "\2\1\2\0\0\0\0\x55", 8);
	frame.b[21] = 254;
	test_frame_sums(&frame);
	pass(0);
	test_frame(&frame, "fd00::9", "fd00::5", 6, 1, 2, NULL, 10);
	assert_int_equal(pass(0), NETVM_DROP);
	stop();
}

static void
old_neighbours_are_asked_again_while_they_serve(void **state)
{
	start("10.0.0.0/24 direct\n");
	tell(4, "10.0.0.4", true);
	now += 239 * NF_SECOND;
	test_frame(&frame, "20.0.0.9", "10.0.0.4", 6, 1, 2, NULL, 10);
	assert_int_equal(pass(0), NETVM_NEXT);
	assert_int_equal(l3.asks, 0);
	now += 2 * NF_SECOND;
	test_frame(&frame, "20.0.0.9", "10.0.0.4", 6, 1, 2, NULL, 10);
	assert_int_equal(pass(0), NETVM_NEXT);
	assert_int_equal(l3.asks, 1);
	now += 60 * NF_SECOND;
	test_frame(&frame, "20.0.0.9", "10.0.0.4", 6, 1, 2, NULL, 10);
	assert_int_equal(pass(0), NETVM_DROP);
	stop();
}

static void
a_scan_does_not_push_out_more_than_the_oldest(void **state)
{
	start("10.0.0.0/8 direct\n");
	for (uint32_t i = 0; i < 6000; i++) {
		test_frame(&frame, "20.0.0.9", "10.1.0.0", 17, 1, 2, NULL, 10);
		frame.b[32] = (uint8_t)(i >> 8);
		frame.b[33] = (uint8_t)i;
		test_frame_sums(&frame);
		assert_int_equal(pass(0), NETVM_DROP);
		l3.asks = 0;
	}
	assert_int_equal(nf_table_count(l3.neighbours), 4096);
	stop();
}

static void
arp_and_solicitations_are_answered(void **state)
{
	static const uint8_t nobody[16] = {0};

	start("0.0.0.0/0 blackhole\n");
	test_frame_arp(&frame, 1, "10.0.0.1", "10.0.0.254");
	test_packet(&packet, &frame, 0, 0, 0);
	l3fwd_packet(&l3, &packet.p, packet.room, now);
	assert_int_equal(packet.p.verdict, NETVM_TO_PORT);
	assert_int_equal(packet.p.destination, 7);
	assert_memory_equal(packet.p.data,
		"\2\0\0\0\0\1\2\0\0\0\0\2\x08\6\0\1\x08\0\6\4\0\2\2\0\0\0\0\2\x0a\0\0\xfe"
		"\2\0\0\0\0\1\x0a\0\0\1",
		42);
	test_frame_arp(&frame, 1, "10.0.0.1", "10.0.0.253");
	assert_int_equal(pass(0), NETVM_DROP);

	for (int dad = 0; dad < 2; dad++) {
		test_frame(&frame, dad ? "::" : "fd00::1", "ff02::1:ff00:fe", 58, 0, 0x8700, NULL,
			dad ? 16 : 24);
		memcpy(frame.b + 62, l3.host.address[1].address, 16);
		if (!dad)
			memcpy(frame.b + 78, "\1\1\2\0\0\0\0\x33", 8);
		frame.b[21] = 255;
		test_frame_sums(&frame);
		assert_int_equal(pass(0), NETVM_TO_PORT);
		assert_int_equal(frame.n, 86);
		assert_int_equal(frame.b[54], 136);
		assert_int_equal(frame.b[58], dad ? 0x20 : 0x60);
		assert_int_equal(frame.b[21], 255);
		assert_memory_equal(frame.b + 78, "\2\1\2\0\0\0\0\2", 8);
		assert_true(test_sums_right(&frame));
		assert_int_equal(memcmp(frame.b + 38, nobody, 16) == 0, 0);
		assert_int_equal(frame.b[38] == 0xff, dad);
	}
	/* No room for the answer: none. */
	test_frame(&frame, "::", "ff02::1:ff00:fe", 58, 0, 0x8700, NULL, 16);
	memcpy(frame.b + 62, l3.host.address[1].address, 16);
	frame.b[21] = 255;
	test_frame_sums(&frame);
	test_packet_free(&packet);
	test_packet(&packet, &frame, 0, 7, 0);
	l3fwd_packet(&l3, &packet.p, packet.room, now);
	assert_int_equal(packet.p.verdict, NETVM_DROP);
	stop();
}

static void
echo_is_answered(void **state)
{
	start("0.0.0.0/0 blackhole\n");
	for (int v6 = 0; v6 < 2; v6++) {
		test_frame(&frame, v6 ? "fd00::1" : "10.0.0.1", v6 ? "fd00::fe" : "10.0.0.254",
			v6 ? 58 : 1, 77, v6 ? 0x8000 : 0x0800, NULL, 999);
		assert_int_equal(pass(v6 ? 33 : 0), NETVM_TO_PORT);
		assert_int_equal(frame.b[frame.l4], v6 ? 129 : 0);
		assert_memory_equal(frame.b, "\2\0\0\0\0\1\2\0\0\0\0\2", 12);
		assert_memory_equal(
			frame.b + (v6 ? 22 : 26), l3.host.address[v6].address, v6 ? 16 : 4);
		assert_true(test_sums_right(&frame));
	}
	l3.host.echo = false;
	test_frame(&frame, "10.0.0.1", "10.0.0.254", 1, 77, 0x0800, NULL, 99);
	assert_int_equal(pass(0), NETVM_DROP);
	assert_int_equal(l3.count[L3_LOCAL], 1);
	stop();
}

static void
senders_are_told(void **state)
{
	static struct test_frame sent;

	start("20.0.0.0/8 mac 02:00:00:00:00:aa\nfd01::/16 mac 02:00:00:00:00:aa\n");
	for (int v6 = 0; v6 < 2; v6++) {
		for (int unreachable = 0; unreachable < 2; unreachable++) {
			const char *to = unreachable ? (v6 ? "fd09::1" : "30.0.0.1")
						     : (v6 ? "fd01::1" : "20.0.0.1");

			test_frame(&frame, v6 ? "fd00::1" : "10.0.0.1", to, 17, 1, 2, NULL, 300);
			if (!unreachable)
				frame.b[v6 ? 21 : 22] = 1;
			test_frame_sums(&frame);
			sent = frame;
			assert_int_equal(pass(0), NETVM_TO_PORT);
			assert_int_equal(packet.p.destination, 7);
			assert_int_equal(frame.b[frame.l4], v6            ? (unreachable ? 1 : 3)
							    : unreachable ? 3
									  : 11);
			assert_true(test_sums_right(&frame));
			assert_memory_equal(frame.b + frame.payload, sent.b + 14, 128);
			assert_memory_equal(
				frame.b + (v6 ? 38 : 30), sent.b + (v6 ? 22 : 26), v6 ? 16 : 4);
			/* No error about an error. */
			frame.b[v6 ? 21 : 22] = 1;
			memcpy(frame.b, "\2\0\0\0\0\2", 6);
			memcpy(frame.b + (v6 ? 38 : 30), sent.b + (v6 ? 38 : 30), v6 ? 16 : 4);
			memcpy(frame.b + (v6 ? 22 : 26), sent.b + (v6 ? 22 : 26), v6 ? 16 : 4);
			test_frame_sums(&frame);
			assert_int_equal(pass(0), NETVM_DROP);
		}
	}
	assert_int_equal(l3.count[L3_ERRORS], 4);
	now += 2 * NF_SECOND;
	for (int i = 0; i < 150; i++) {
		test_frame(&frame, "10.0.0.1", "30.0.0.1", 17, 1, 2, NULL, 30);
		assert_int_equal(pass(0), i < 100 ? NETVM_TO_PORT : NETVM_DROP);
	}
	/* Not from several pieces, whose buffers would be lost. */
	now += 2 * NF_SECOND;
	test_frame(&frame, "10.0.0.1", "30.0.0.1", 17, 1, 2, NULL, 30);
	assert_int_equal(pass(30), NETVM_DROP);
	stop();
}

static void
questions_are_right(void **state)
{
	static const uint8_t near4[4] = {10, 0, 0, 1};
	uint8_t near6[16] = {0xfd, [13] = 0xaa, 0xbb, 0xcc};

	start("0.0.0.0/0 blackhole\n");
	memset(&frame, 0, sizeof(frame));
	test_packet(&packet, &frame, 0, 100, 0);
	assert_true(nf_ask(&l3.host, 4, near4, &packet.p, packet.room));
	assert_memory_equal(packet.p.data,
		"\xff\xff\xff\xff\xff\xff\2\0\0\0\0\2\x08\6\0\1\x08\0\6\4\0\1\2\0\0\0\0\2"
		"\x0a\0\0\xfe\0\0\0\0\0\0\x0a\0\0\1",
		42);
	assert_false(nf_ask(&l3.host, 4, near4, &packet.p, 41));
	assert_true(nf_ask(&l3.host, 6, near6, &packet.p, packet.room));
	test_frame_of(&frame, &packet.p);
	assert_true(test_sums_right(&frame));
	assert_memory_equal(frame.b, "\x33\x33\xff\xaa\xbb\xcc", 6);
	assert_memory_equal(frame.b + 38, "\xff\2\0\0\0\0\0\0\0\0\0\1\xff\xaa\xbb\xcc", 16);
	assert_memory_equal(frame.b + 62, near6, 16);
	stop();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_go_by_the_longest_prefix),
		cmocka_unit_test(neighbours_are_asked_and_learned),
		cmocka_unit_test(old_neighbours_are_asked_again_while_they_serve),
		cmocka_unit_test(a_scan_does_not_push_out_more_than_the_oldest),
		cmocka_unit_test(arp_and_solicitations_are_answered),
		cmocka_unit_test(echo_is_answered),
		cmocka_unit_test(senders_are_told),
		cmocka_unit_test(questions_are_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
