/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a guest may ask to be finished, and software checksums against a slow
 * reference, over segments that are cut anywhere.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "src/packet/checksum.h"
#include "tests/unit/frames.h"

static struct frame frame;
static struct frame after;

/* Whether packet_offload_set() takes req for the frame; *p is what it left. */
static bool
takes(const struct packet_offload *req, struct packet_offload *result)
{
	uint16_t hdr_len = frame.len < PACKET_HEADER_MAX ? (uint16_t)frame.len : PACKET_HEADER_MAX;
	struct view v;
	bool ok;

	view_make(&v, frame.bytes, frame.len, hdr_len, 500);
	ok = packet_offload_set(&v.p, req);
	if (result != NULL)
		*result = v.p.offload;
	view_free(&v);
	return ok;
}

static void
nothing_asked_is_nothing_stored(void **state)
{
	static const struct packet_offload none;
	struct packet_offload req = {0}, result;
	uint8_t runt[14] = {0};
	struct view v;

	view_make(&v, runt, 14, 14, 1);
	assert_true(packet_offload_set(&v.p, &req));
	view_free(&v);

	frame_make(&frame, &(struct frame_spec){.version = 4, .proto = 6, .payload = 100});
	/* Fields that no flag makes valid are not kept; unknown flags are ignored. */
	req = (struct packet_offload){.flags = 0x80,
		.csum_start = 65535,
		.csum_offset = 65535,
		.gso_size = 77,
		.hdr_len = 99};
	assert_true(takes(&req, &result));
	assert_memory_equal(&result, &none, sizeof(none));
	req.flags = PACKET_F_DATA_VALID;
	assert_true(takes(&req, &result));
	assert_int_equal(result.flags, PACKET_F_DATA_VALID);
	assert_int_equal(result.csum_start, 0);
}

static void
csum_is_taken_where_it_belongs(void **state)
{
	for (int i = 0; i < 16; i++) {
		struct frame_spec spec = {.version = i & 1 ? 6 : 4,
			.proto = i & 2 ? 6 : 17,
			.tags = i & 4 ? 1 : 0,
			.ip_options = i & 8 ? 1 : 0,
			.payload = 300};
		struct packet_offload req, result;

		frame_make(&frame, &spec);
		req = frame_make_partial(&frame, 0);
		assert_true(takes(&req, &result));
		assert_memory_equal(&result, &req, sizeof(req));
		/* One byte beside it is somebody else's field. */
		req.csum_start--;
		assert_false(takes(&req, NULL));
		req.csum_start += 2;
		assert_false(takes(&req, NULL));
		req.csum_start--;
		req.csum_offset -= 2;
		assert_false(takes(&req, NULL));
	}
}

static void
csum_may_not_write_what_is_judged(void **state)
{
	struct frame_spec spec = {.version = 4, .proto = 17, .payload = 60};
	struct packet_offload req = {.flags = PACKET_F_NEEDS_CSUM};

	frame_make(&frame, &spec);
	/* No two bytes of Ethernet, IP or UDP but the checksum. */
	for (uint32_t start = 0; start < frame.payload; start++) {
		for (uint32_t field = start; field < frame.payload; field++) {
			req.csum_start = (uint16_t)start;
			req.csum_offset = (uint16_t)(field - start);
			assert_int_equal(
				takes(&req, NULL), start == frame.l4 && field == frame.l4 + 6);
		}
	}
	/* A checksum inside the payload (a tunnel) is the guest's own affair. */
	req.csum_start = (uint16_t)frame.payload;
	req.csum_offset = 6;
	assert_true(takes(&req, NULL));
	/* But the field has to be in the private bytes. */
	spec.payload = 500;
	frame_make(&frame, &spec);
	req.csum_offset = PACKET_HEADER_MAX - (uint16_t)frame.payload - 2;
	assert_true(takes(&req, NULL));
	req.csum_offset++;
	assert_false(takes(&req, NULL));
	req.csum_offset = 65535;
	assert_false(takes(&req, NULL));
}

static void
csum_of_what_has_none_is_refused(void **state)
{
	struct frame_spec spec = {.version = 4, .proto = 17, .payload = 100};
	struct packet_offload req;

	frame_make(&frame, &spec);
	req = frame_make_partial(&frame, 0);
	frame.bytes[frame.l3 + 6] = 0x20; /* a fragment */
	assert_false(takes(&req, NULL));
	frame.bytes[frame.l3 + 6] = 0;
	assert_true(takes(&req, NULL));
	frame.bytes[frame.l3 + 9] = 1; /* ICMP */
	assert_false(takes(&req, NULL));
	frame.bytes[frame.l3] = 0x44; /* a header of 16 bytes */
	assert_false(takes(&req, NULL));
	frame.bytes[frame.l3] = 0x4f; /* of 60: then L4 is elsewhere */
	assert_false(takes(&req, NULL));
	memcpy(frame.bytes + 12, "\x08\x06", 2); /* ARP */
	assert_false(takes(&req, NULL));
	memcpy(frame.bytes + 12, "\x88\x64", 2); /* PPPoE: a checksum inside is possible */
	assert_true(takes(&req, NULL));
	req.csum_start = 12;
	req.csum_offset = 0;
	assert_false(takes(&req, NULL));
	memcpy(frame.bytes + 12, "\x00\x40", 2); /* a length: LLC, which the guard judges */
	req.csum_start = 14;
	assert_false(takes(&req, NULL));

	/* ICMPv6 has one at the beginning and none elsewhere. */
	spec = (struct frame_spec){.version = 6, .proto = 17, .payload = 60};
	frame_make(&frame, &spec);
	frame.bytes[frame.l3 + 6] = 58;
	req.csum_start = (uint16_t)frame.l4;
	for (req.csum_offset = 0; req.csum_offset < 60; req.csum_offset++)
		assert_int_equal(takes(&req, NULL), req.csum_offset == 2);
	req.csum_start = (uint16_t)frame.payload;
	req.csum_offset = 2;
	assert_false(takes(&req, NULL));

	spec.tags = 3; /* what is behind so many is not looked for */
	frame_make(&frame, &spec);
	req = frame_make_partial(&frame, 0);
	assert_false(takes(&req, NULL));
}

static void
gso_computes_the_header_length(void **state)
{
	for (int i = 0; i < 16; i++) {
		struct frame_spec spec = {.version = i & 1 ? 6 : 4,
			.proto = 6,
			.tags = i & 2 ? 1 : 0,
			.ip_options = i & 4 ? 1 : 0,
			.tcp_options = i & 8 ? 3 : 0,
			.payload = 5000};
		struct packet_offload req, result;

		frame_make(&frame, &spec);
		req = frame_make_partial(&frame, 1448);
		req.hdr_len = 7; /* not believed */
		assert_true(takes(&req, &result));
		assert_int_equal(result.hdr_len, frame.payload);
		assert_int_equal(result.gso_size, 1448);
		assert_int_equal(result.gso_type, req.gso_type);
	}
}

static void
gso_that_makes_no_sense_is_refused(void **state)
{
	struct frame_spec spec = {.version = 4, .proto = 6, .payload = 5000};
	struct packet_offload good, req;
	static const uint8_t types[] = {2, 3, 5, 0x80, 0x81, 0x84, PACKET_GSO_TCPV6, 255};

	frame_make(&frame, &spec);
	good = frame_make_partial(&frame, 1448);
	assert_true(takes(&good, NULL));
	for (unsigned int i = 0; i < sizeof(types); i++) {
		req = good;
		req.gso_type = types[i];
		assert_false(takes(&req, NULL));
	}
	req = good;
	req.flags = 0; /* VIRTIO 1.2, 5.1.6.2.1 */
	assert_false(takes(&req, NULL));
	req = good;
	req.gso_size = 0;
	assert_false(takes(&req, NULL));
	req.gso_size = PACKET_GSO_SIZE_MIN - 1;
	assert_false(takes(&req, NULL));
	req.gso_size = PACKET_GSO_SIZE_MIN;
	assert_true(takes(&req, NULL));
	req = good;
	req.csum_start = (uint16_t)frame.payload; /* a checksum, but not TCP's */
	assert_false(takes(&req, NULL));
	frame.bytes[frame.l4 + 12] = 0x40; /* TCP header of 16 bytes */
	assert_false(takes(&good, NULL));
	frame.bytes[frame.l4 + 12] = 0x50;
	frame.bytes[frame.l3 + 9] = 17;
	assert_false(takes(&good, NULL));

	/* UDP in earnest. */
	spec.proto = 17;
	frame_make(&frame, &spec);
	req = frame_make_partial(&frame, 1448);
	assert_false(takes(&req, NULL));
}

static void
gso_headers_must_be_private(void **state)
{
	struct frame_spec spec = {.version = 6, .proto = 6, .tcp_options = 10, .payload = 5000};
	struct packet_offload req;

	for (spec.ip_options = 0; spec.ip_options <= 10; spec.ip_options++) {
		frame_make(&frame, &spec);
		req = frame_make_partial(&frame, 1000);
		assert_int_equal(takes(&req, NULL), frame.payload <= PACKET_HEADER_MAX);
	}
	/* Many short extension headers are refused, too. */
	spec = (struct frame_spec){.version = 6, .proto = 17, .ip_options = 9, .payload = 10};
	frame_make(&frame, &spec);
	req = frame_make_partial(&frame, 0);
	assert_false(takes(&req, NULL));
}

static void
gso_of_one_segment_is_none(void **state)
{
	struct frame_spec spec = {.version = 4, .proto = 6, .payload = 1000};
	struct packet_offload req, result;

	frame_make(&frame, &spec);
	req = frame_make_partial(&frame, 1000);
	assert_true(takes(&req, &result));
	assert_int_equal(result.gso_type, PACKET_GSO_NONE);
	assert_int_equal(result.gso_size, 0);
	assert_int_equal(result.hdr_len, 0);
	assert_int_equal(result.flags, PACKET_F_NEEDS_CSUM);
	req.gso_size = 999;
	assert_true(takes(&req, &result));
	assert_int_equal(result.gso_type, PACKET_GSO_TCPV4);
}

static void
gso_longer_than_ip_is_refused(void **state)
{
	struct frame_spec spec = {.version = 4, .proto = 6, .payload = 65535 - 40};
	struct packet_offload req;

	frame_make(&frame, &spec);
	req = frame_make_partial(&frame, 1448);
	assert_true(takes(&req, NULL));
	frame.len++;
	assert_false(takes(&req, NULL));
}

static void
sum_equals_the_slow_one(void **state)
{
	uint8_t bytes[300];
	uint16_t sum;

	for (uint32_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i % 3 == 0 ? 0xff : test_random());
	for (uint32_t at = 0; at < 9; at++) {
		for (uint32_t len = 0; len + at <= sizeof(bytes); len++) {
			uint16_t slow = slow_sum(bytes + at, len, 0);

			sum = checksum_sum(bytes + at, len);
			assert_int_equal(__builtin_bswap16(sum), slow);
		}
	}
	memset(bytes, 0xff, sizeof(bytes));
	assert_int_equal(checksum_sum(bytes, sizeof(bytes)), 0xffff);
	memset(bytes, 0, sizeof(bytes));
	assert_int_equal(checksum_sum(bytes, sizeof(bytes)), 0);
}

static void
checksum_is_right_over_any_segments(void **state)
{
	for (int i = 0; i < 3000; i++) {
		struct frame_spec spec = {.version = i & 1 ? 6 : 4,
			.proto = i & 2 ? 6 : 17,
			.tags = test_random_below(2),
			.ip_options = test_random_below(3),
			.payload = test_random_below(2000)};
		struct packet_offload req;
		struct view v;
		uint16_t hdr_len;

		frame_make(&frame, &spec);
		req = frame_make_partial(&frame, 0);
		/* Odd lengths, too: the sum must not rely on the rule. */
		hdr_len = (uint16_t)(frame.payload + test_random_below(40));
		if (hdr_len > frame.len)
			hdr_len = (uint16_t)frame.len;
		view_make(&v, frame.bytes, frame.len, hdr_len, 1 + test_random_below(300));
		assert_true(packet_offload_set(&v.p, &req));
		packet_checksum(&v.p);
		assert_int_equal(v.p.offload.flags, 0);
		after = frame;
		view_flatten(&v.p, after.bytes);
		/* Everything but the field is as it was, and the field is right. */
		frame.bytes[frame.l4 + req.csum_offset] = slow_l4_checksum(&after) >> 8;
		frame.bytes[frame.l4 + req.csum_offset + 1] = slow_l4_checksum(&after) & 0xff;
		assert_memory_equal(after.bytes, frame.bytes, frame.len);
		view_free(&v);
	}
}

/* Gives the frame a payload whose sum makes the checksum 0. */
static uint16_t
checksum_of_sum_ffff(uint8_t proto)
{
	struct frame_spec spec = {.version = 4, .proto = proto, .payload = 2};
	struct packet_offload req;
	struct view v;
	uint16_t check, got;
	uint8_t *field;

	frame_make(&frame, &spec);
	frame.bytes[frame.payload] = 0;
	frame.bytes[frame.payload + 1] = 0;
	check = slow_l4_checksum(&frame);
	frame.bytes[frame.payload] = check >> 8;
	frame.bytes[frame.payload + 1] = check & 0xff;
	req = frame_make_partial(&frame, 0);
	view_make(&v, frame.bytes, frame.len, (uint16_t)frame.len, 1);
	assert_true(packet_offload_set(&v.p, &req));
	packet_checksum(&v.p);
	field = v.p.hdr + req.csum_start + req.csum_offset;
	got = (uint16_t)(field[0] << 8 | field[1]);
	view_free(&v);
	return got;
}

static void
only_udp_turns_0_into_ffff(void **state)
{
	assert_int_equal(checksum_of_sum_ffff(17), 0xffff);
	assert_int_equal(checksum_of_sum_ffff(6), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_asked_is_nothing_stored),
		cmocka_unit_test(csum_is_taken_where_it_belongs),
		cmocka_unit_test(csum_may_not_write_what_is_judged),
		cmocka_unit_test(csum_of_what_has_none_is_refused),
		cmocka_unit_test(gso_computes_the_header_length),
		cmocka_unit_test(gso_that_makes_no_sense_is_refused),
		cmocka_unit_test(gso_headers_must_be_private),
		cmocka_unit_test(gso_of_one_segment_is_none),
		cmocka_unit_test(gso_longer_than_ip_is_refused),
		cmocka_unit_test(sum_equals_the_slow_one),
		cmocka_unit_test(checksum_is_right_over_any_segments),
		cmocka_unit_test(only_udp_turns_0_into_ffff),
	};

	return cmocka_run_group_tests_name("offload", tests, NULL, NULL);
}
