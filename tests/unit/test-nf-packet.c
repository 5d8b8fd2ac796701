/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The parser of the network functions, and checksums after changes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "guest-pmd/nf/nf-flow.h"
#include "tests/unit/nf-frames.h"

static struct test_frame frame;
static struct test_packet packet;
static struct nf_headers h;

static enum nf_kind
parse(uint32_t piece)
{
	enum nf_kind kind;

	test_packet(&packet, &frame, 0, 0, piece);
	kind = nf_parse(&packet.p, &h);
	test_packet_free(&packet);
	return kind;
}

static void
headers_are_found(void **state)
{
	static const struct {
		const char *from, *to;
		uint8_t proto, l4_len;
	} cases[] = {{"10.0.0.1", "10.0.0.2", 6, 20}, {"10.0.0.1", "10.0.0.2", 17, 8},
		{"10.0.0.1", "10.0.0.2", 1, 8}, {"fd00::1", "fd00::2", 6, 20},
		{"fd00::1", "fd00::2", 17, 8}, {"fd00::1", "fd00::2", 58, 8}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (int tags = 0; tags < 3; tags++) {
			test_frame(&frame, cases[i].from, cases[i].to, cases[i].proto, 1000, 80,
				NULL, 100);
			for (int t = 0; t < tags; t++)
				test_frame_tag(&frame, t == 0 ? 0x8100 : 0x88a8, 5);
			for (uint32_t piece = 0; piece < 90; piece += 11) {
				assert_int_equal(parse(piece == 11 ? 7 : piece), NF_IP);
				assert_int_equal(h.l3, frame.l3);
				assert_int_equal(h.l4, frame.l4);
				assert_int_equal(h.l4_len, cases[i].l4_len);
				assert_int_equal(h.end, frame.n);
				assert_int_equal(h.proto, cases[i].proto);
				assert_int_equal(h.version, frame.version);
				assert_int_equal(nf_has_ports(&h),
					cases[i].proto != 1 && cases[i].proto != 58);
			}
		}
	}
}

static void
padding_is_not_payload(void **state)
{
	uint32_t n;

	test_frame(&frame, "10.0.0.1", "10.0.0.2", 17, 1, 2, "x", 1);
	frame.n = 60;
	assert_int_equal(parse(0), NF_IP);
	assert_int_equal(nf_payload(&h, &n), 42);
	assert_int_equal(n, 1);
}

static void
lies_are_seen(void **state)
{
	test_frame(&frame, "10.0.0.1", "10.0.0.2", 6, 1, 2, NULL, 40);
	frame.b[14] = 0x44; /* header shorter than a header */
	assert_int_equal(parse(0), NF_BAD);
	frame.b[14] = 0x4f; /* options up to the TCP header's end: what is there is not TCP */
	assert_int_equal(parse(0), NF_IP);
	frame.b[14] = 0x65;
	assert_int_equal(parse(0), NF_BAD);
	frame.b[14] = 0x45;
	frame.b[17]++; /* one byte longer than it is */
	assert_int_equal(parse(0), NF_BAD);
	frame.b[17] = 19;
	frame.b[16] = 0;
	assert_int_equal(parse(0), NF_BAD);

	test_frame(&frame, "fd00::1", "fd00::2", 6, 1, 2, NULL, 40);
	frame.b[19]++;
	assert_int_equal(parse(0), NF_BAD);
	frame.b[19]--;
	frame.b[20] = 0; /* hop-by-hop options: TCP's ports as next header and length */
	frame.b[54] = 6;
	frame.b[55] = 200;
	assert_int_equal(parse(0), NF_BAD);

	/* An L4 header that is not whole is none. */
	test_frame(&frame, "10.0.0.1", "10.0.0.2", 6, 1, 2, NULL, 0);
	frame.b[46] = 0x60;
	assert_int_equal(parse(0), NF_IP);
	assert_int_equal(h.l4_len, 0);
	frame.b[46] = 0x40;
	parse(0);
	assert_int_equal(h.l4_len, 0);
}

static void
every_truncation_is_survived(void **state)
{
	for (int v = 0; v < 2; v++) {
		test_frame(&frame, v ? "fd00::1" : "10.0.0.1", v ? "fd00::2" : "10.0.0.2", 6, 1, 2,
			NULL, 20);
		test_frame_tag(&frame, 0x8100, 1);
		for (uint32_t n = frame.n; n-- > 0;) {
			frame.n = n;
			assert_int_equal(parse(0), NF_BAD /* also with a tag that is cut off */);
		}
	}
}

/* Options in front of TCP: hop-by-hop, a fragment header that says offset, and so on. */
static void
extension_headers_are_stepped_over(void **state)
{
	test_frame(&frame, "fd00::1", "fd00::2", 6, 1000, 80, NULL, 40);
	memmove(frame.b + 70, frame.b + 54, frame.n - 54);
	frame.n += 16;
	frame.b[19] += 16;
	frame.b[20] = 60;
	memcpy(frame.b + 54, "\x2c\0\1\4\0\0\0\0\6\0\0\0\0\0\0\1", 16);
	assert_int_equal(parse(0), NF_IP);
	assert_int_equal(h.l4, 70);
	assert_int_equal(h.l4_len, 20);
	assert_true(h.fragment);
	assert_int_equal(h.fragment_at, 0);
	frame.b[65] = 8 | 1;
	assert_int_equal(parse(0), NF_IP);
	assert_int_equal(h.fragment_at, 8);
	assert_int_equal(h.l4_len, 0);
	assert_false(nf_has_ports(&h));
}

/* Replaces addresses and ports in every way a packet can come. */
static void
check_replace(uint8_t version, uint8_t proto, bool partial, uint32_t piece, int tags)
{
	static const uint8_t ip[16] = {192, 168, 200, 77, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
	uint16_t offset = 0;

	test_frame(&frame, version == 4 ? "10.0.0.1" : "fd00::1",
		version == 4 ? "10.0.0.2" : "fd00::2", proto, 1000, 80, NULL, 101);
	for (int t = 0; t < tags; t++)
		test_frame_tag(&frame, 0x8100, 5);
	if (partial)
		offset = test_frame_partial(&frame);
	test_packet(&packet, &frame, 0, 0, piece);
	if (partial) {
		packet.p.flags = NETVM_PACKET_CSUM;
		packet.p.csum_start = (uint16_t)frame.l4;
		packet.p.csum_offset = offset;
	}
	nf_parse(&packet.p, &h);
	nf_replace(&packet.p, &h, nf_source_at(&h), ip, nf_address_len(&h),
		NF_COVER_IP | NF_COVER_PSEUDO);
	nf_replace(&packet.p, &h, h.l4 + (proto == 1 || proto == 58 ? 4 : 0), "\xab\xcd", 2,
		NF_COVER_L4);
	test_frame_of(&frame, &packet.p);
	assert_memory_equal(frame.b + nf_source_at(&h), ip, nf_address_len(&h));
	assert_memory_equal(h.b, frame.b, h.have);
	if (partial) {
		assert_int_equal(netvm_finish_checksum(&packet.p), 0);
		test_frame_of(&frame, &packet.p);
	}
	assert_true(test_sums_right(&frame));
	test_packet_free(&packet);
}

static void
checksums_follow_changes(void **state)
{
	static const uint8_t protos[] = {6, 17, 1, 58};

	for (size_t i = 0; i < sizeof(protos); i++) {
		for (int version = 4; version <= 6; version += 2) {
			if ((protos[i] == 1 && version == 6) || (protos[i] == 58 && version == 4))
				continue;
			for (uint32_t piece = 0; piece < 60; piece += 13) {
				check_replace((uint8_t)version, protos[i], false, piece, 0);
				check_replace((uint8_t)version, protos[i], false, piece, 2);
				if (protos[i] != 1)
					check_replace((uint8_t)version, protos[i], true, piece, 1);
			}
		}
	}
}

static void
no_udp_checksum_stays_none(void **state)
{
	test_frame(&frame, "10.0.0.1", "10.0.0.2", 17, 1000, 80, NULL, 10);
	memset(frame.b + frame.l4 + 6, 0, 2);
	test_packet(&packet, &frame, 0, 0, 0);
	nf_parse(&packet.p, &h);
	nf_replace(&packet.p, &h, h.l4, "\1\2", 2, NF_COVER_L4);
	assert_memory_equal(packet.p.data + frame.l4 + 6, "\0\0", 2);
	test_packet_free(&packet);
}

static void
a_wrong_checksum_stays_wrong(void **state)
{
	test_frame(&frame, "10.0.0.1", "10.0.0.2", 6, 1000, 80, NULL, 10);
	frame.b[frame.l4 + 16] ^= 1;
	test_packet(&packet, &frame, 0, 0, 0);
	nf_parse(&packet.p, &h);
	nf_replace(&packet.p, &h, h.l4, "\1\2", 2, NF_COVER_L4);
	test_frame_of(&frame, &packet.p);
	assert_false(test_sums_right(&frame));
	test_packet_free(&packet);
}

static void
sums_cross_pieces(void **state)
{
	test_frame(&frame, "10.0.0.1", "10.0.0.2", 17, 1, 2, NULL, 333);
	for (uint32_t piece = 0; piece < 40; piece += 3) {
		test_packet(&packet, &frame, 0, 0, piece == 0 ? 0 : piece + 6);
		for (uint32_t at = 0; at < 50; at += 7) {
			uint16_t sum = nf_sum(&packet.p, at, frame.n - at);

			assert_int_equal((uint16_t)(sum << 8 | sum >> 8),
				test_sum(frame.b + at, frame.n - at, 0));
		}
		test_packet_free(&packet);
	}
}

static void
a_quote_is_parsed(void **state)
{
	static struct test_frame inner;
	struct nf_headers q;
	struct nf_key key;
	uint32_t at;

	test_frame(&inner, "10.0.0.9", "10.0.0.1", 6, 5555, 80, NULL, 100);
	test_frame(&frame, "10.0.0.1", "10.0.0.9", 1, 0, 0x0b00, inner.b + 14, 28);
	assert_int_equal(parse(0), NF_IP);
	assert_true(nf_is_icmp_error(&h));
	assert_true(nf_parse_quote(&h, &q, &at));
	assert_true(nf_key_of(&q, &key));
	assert_int_equal(key.sport, 5555);
	assert_int_equal(at + q.l4, frame.payload + 20);
	for (uint32_t n = 0; n < 28; n++) {
		test_frame(&frame, "10.0.0.1", "10.0.0.9", 1, 0, 0x0b00, inner.b + 14, n);
		parse(0);
		assert_false(nf_parse_quote(&h, &q, &at) && q.l4_len != 0);
	}
	test_frame(&frame, "10.0.0.1", "10.0.0.9", 1, 0, 0x0800, inner.b + 14, 28);
	parse(0);
	assert_false(nf_parse_quote(&h, &q, &at));
}

static void
keys_turn_around(void **state)
{
	struct nf_key key, back, other;
	char text[NF_KEY_TEXT];

	test_frame(&frame, "fd00::1", "fd00::2", 17, 1000, 53, NULL, 10);
	parse(0);
	assert_true(nf_key_of(&h, &key));
	assert_string_equal(nf_key_text(&key, text), "udp [fd00::1]:1000 > [fd00::2]:53");
	test_frame(&frame, "fd00::2", "fd00::1", 17, 53, 1000, NULL, 10);
	parse(0);
	assert_true(nf_key_of(&h, &other));
	nf_key_reverse(&key, &back);
	assert_memory_equal(&back, &other, sizeof(back));
	test_frame_arp(&frame, 1, "10.0.0.1", "10.0.0.2");
	parse(0);
	assert_false(nf_key_of(&h, &key));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_are_found),
		cmocka_unit_test(padding_is_not_payload),
		cmocka_unit_test(lies_are_seen),
		cmocka_unit_test(every_truncation_is_survived),
		cmocka_unit_test(extension_headers_are_stepped_over),
		cmocka_unit_test(checksums_follow_changes),
		cmocka_unit_test(no_udp_checksum_stays_none),
		cmocka_unit_test(a_wrong_checksum_stays_wrong),
		cmocka_unit_test(sums_cross_pieces),
		cmocka_unit_test(a_quote_is_parsed),
		cmocka_unit_test(keys_turn_around),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
