/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Names of drop reasons, VLAN tags, copying out of a view, flow hash.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/frames.h"

static struct frame frame;
static uint8_t flat[PACKET_LEN_MAX + 64];

static void
every_reason_has_its_own_name(void **state)
{
	for (unsigned int i = 0; i < DROP_REASONS; i++) {
		assert_non_null(packet_drop_name(i));
		for (unsigned int j = 0; j < i; j++)
			assert_string_not_equal(packet_drop_name(i), packet_drop_name(j));
	}
	assert_null(packet_drop_name(DROP_REASONS));
	assert_null(packet_drop_name((enum packet_drop) - 1));
	assert_string_equal(packet_drop_name(DROP_RING_FULL), "ring-full");
}

static void
l3_is_behind_the_tags(void **state)
{
	uint8_t bytes[32] = {[12] = 0x08, 0x00};
	struct packet p = {.hdr = bytes, .hdr_len = 32, .len = 32};
	uint16_t type;

	assert_int_equal(packet_l3_offset(&p, &type), 14);
	assert_int_equal(type, 0x0800);
	memcpy(bytes + 12, "\x81\x00\x00\x05\x86\xdd", 6);
	assert_int_equal(packet_l3_offset(&p, &type), 18);
	assert_int_equal(type, 0x86dd);
	memcpy(bytes + 12, "\x88\xa8\x00\x05\x81\x00\x00\x06\x08\x06", 10);
	assert_int_equal(packet_l3_offset(&p, &type), 22);
	assert_int_equal(type, 0x0806);
	/* A third tag is what it is, and so is one that is cut off. */
	memcpy(bytes + 20, "\x81\x00", 2);
	assert_int_equal(packet_l3_offset(&p, &type), 22);
	assert_int_equal(type, 0x8100);
	p.hdr_len = 20;
	assert_int_equal(packet_l3_offset(&p, &type), 18);
	assert_int_equal(type, 0x8100);
	p.hdr_len = 13;
	assert_int_equal(packet_l3_offset(&p, &type), 13);
	assert_int_equal(type, 0);
}

static void
has_tag_needs_a_whole_tag_of_8021q(void **state)
{
	uint8_t bytes[18] = {[12] = 0x81, 0x00};
	struct packet p = {.hdr = bytes, .hdr_len = 18, .len = 18};

	assert_true(packet_has_tag(&p));
	p.hdr_len = 17;
	assert_false(packet_has_tag(&p));
	p.hdr_len = 18;
	memcpy(bytes + 12, "\x88\xa8", 2);
	assert_false(packet_has_tag(&p));
}

static void
push_after_pop_restores_the_frame(void **state)
{
	struct frame_spec spec = {.version = 4, .proto = 6, .tags = 1, .payload = 3000};
	struct packet_offload before;
	struct view v;
	uint16_t tci;

	frame_make(&frame, &spec);
	before = frame_make_partial(&frame, 1000);
	view_make(&v, frame.bytes, frame.len, 128, 700);
	assert_true(packet_offload_set(&v.p, &before));
	before = v.p.offload;

	assert_true(packet_has_tag(&v.p));
	tci = packet_vlan_pop(&v.p);
	assert_int_equal(tci, frame.bytes[14] << 8 | frame.bytes[15]);
	assert_int_equal(v.p.len, frame.len - 4);
	assert_int_equal(v.p.hdr_len, 124);
	assert_int_equal(v.p.offload.csum_start, before.csum_start - 4);
	assert_int_equal(v.p.offload.hdr_len, before.hdr_len - 4);
	view_flatten(&v.p, flat);
	assert_memory_equal(flat, frame.bytes, 12);
	assert_memory_equal(flat + 12, frame.bytes + 16, v.p.len - 12);

	packet_vlan_push(&v.p, tci);
	assert_int_equal(v.p.len, frame.len);
	view_flatten(&v.p, flat);
	assert_memory_equal(flat, frame.bytes, frame.len);
	assert_memory_equal(&v.p.offload, &before, sizeof(before));

	/* Another one goes into the headroom. */
	packet_vlan_push(&v.p, 0x2abc);
	assert_ptr_equal(v.p.hdr, v.mem + PACKET_HEADROOM - 4);
	assert_memory_equal(v.p.hdr + 12, "\x81\x00\x2a\xbc\x81\x00", 6);
	assert_int_equal(v.p.offload.csum_start, before.csum_start + 4);
	view_free(&v);
}

static void
tags_move_no_offset_that_is_not_there(void **state)
{
	struct frame_spec spec = {.version = 4, .proto = 17, .payload = 40};
	static const struct packet_offload none;
	struct view v;

	frame_make(&frame, &spec);
	view_make(&v, frame.bytes, frame.len, (uint16_t)frame.len, 1);
	packet_vlan_push(&v.p, 7);
	assert_memory_equal(&v.p.offload, &none, sizeof(none));
	assert_int_equal(packet_vlan_pop(&v.p), 7);
	assert_memory_equal(&v.p.offload, &none, sizeof(none));
	view_free(&v);
}

static void
copy_out_finds_every_byte(void **state)
{
	struct frame_spec spec = {.version = 4, .proto = 17, .payload = 900};
	struct view v;

	frame_make(&frame, &spec);
	view_make(&v, frame.bytes, frame.len, 64, 50);
	for (int i = 0; i < 2000; i++) {
		uint32_t from = test_random_below(frame.len + 1);
		uint32_t n = test_random_below(frame.len - from + 1);

		memset(flat, 0x55, n + 1);
		packet_copy_out(&v.p, from, flat, n);
		assert_memory_equal(flat, frame.bytes + from, n);
		assert_int_equal(flat[n], 0x55);
	}
	view_free(&v);
}

static uint32_t
hash_of(const uint8_t *bytes, uint16_t len)
{
	struct view v;
	uint32_t h;

	view_make(&v, bytes, len, len, 1);
	h = packet_flow_hash(&v.p);
	view_free(&v);
	return h;
}

static void
swap(uint8_t *a, uint8_t *b, uint32_t n)
{
	uint8_t keep[16];

	memcpy(keep, a, n);
	memcpy(a, b, n);
	memcpy(b, keep, n);
}

/* Turns the frame round: a reply as far as a hash can see. */
static void
reverse(struct frame *f)
{
	uint8_t *ip = f->bytes + f->l3;

	swap(f->bytes, f->bytes + 6, 6);
	if (f->version == 4)
		swap(ip + 12, ip + 16, 4);
	else
		swap(ip + 8, ip + 24, 16);
	swap(f->bytes + f->l4, f->bytes + f->l4 + 2, 2);
}

static void
hash_is_the_same_in_both_directions(void **state)
{
	for (int i = 0; i < 200; i++) {
		struct frame_spec spec = {.version = i & 1 ? 6 : 4,
			.proto = i & 2 ? 6 : 17,
			.ip_options = i & 4 ? 1 : 0,
			.tags = i & 8 ? 1 : 0,
			.payload = 10};
		uint32_t h, other;

		frame_make(&frame, &spec);
		h = hash_of(frame.bytes, (uint16_t)frame.len);
		reverse(&frame);
		assert_int_equal(hash_of(frame.bytes, (uint16_t)frame.len), h);
		/* Ports count, each side with its address. */
		swap(frame.bytes + frame.l4, frame.bytes + frame.l4 + 2, 2);
		other = hash_of(frame.bytes, (uint16_t)frame.len);
		assert_int_not_equal(other, h);
		/* The payload does not. */
		frame.bytes[frame.payload] ^= 1;
		assert_int_equal(hash_of(frame.bytes, (uint16_t)frame.len), other);
	}
}

static void
hash_of_fragments_ignores_ports(void **state)
{
	struct frame_spec spec = {.version = 4, .proto = 17, .payload = 40};
	uint32_t first;

	frame_make(&frame, &spec);
	frame.bytes[frame.l3 + 6] = 0x20; /* more fragments */
	first = hash_of(frame.bytes, (uint16_t)frame.len);
	frame.bytes[frame.l3 + 6] = 0;
	frame.bytes[frame.l3 + 7] = 5; /* a later one: other bytes where the ports were */
	frame.bytes[frame.l4] ^= 0xff;
	assert_int_equal(hash_of(frame.bytes, (uint16_t)frame.len), first);
}

static void
hash_spreads_flows(void **state)
{
	struct frame_spec spec = {.version = 4, .proto = 6, .payload = 10};
	int bucket[16] = {0};

	frame_make(&frame, &spec);
	for (int i = 0; i < 1600; i++) {
		frame.bytes[frame.l4] = (uint8_t)(i >> 8);
		frame.bytes[frame.l4 + 1] = (uint8_t)i;
		bucket[hash_of(frame.bytes, (uint16_t)frame.len) % 16]++;
	}
	for (int i = 0; i < 16; i++)
		assert_in_range(bucket[i], 50, 150);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_reason_has_its_own_name),
		cmocka_unit_test(l3_is_behind_the_tags),
		cmocka_unit_test(has_tag_needs_a_whole_tag_of_8021q),
		cmocka_unit_test(push_after_pop_restores_the_frame),
		cmocka_unit_test(tags_move_no_offset_that_is_not_there),
		cmocka_unit_test(copy_out_finds_every_byte),
		cmocka_unit_test(hash_is_the_same_in_both_directions),
		cmocka_unit_test(hash_of_fragments_ignores_ports),
		cmocka_unit_test(hash_spreads_flows),
	};

	return cmocka_run_group_tests_name("packet", tests, NULL, NULL);
}
