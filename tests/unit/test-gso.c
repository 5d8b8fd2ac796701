/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Segmentation: random frames are cut, and what comes out must be the same
 * bytes in the same order under headers that a receiver accepts. Checksums are
 * verified by the slow reference of frames.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/frames.h"

#define FIN 0x01
#define PSH 0x08
#define ACK 0x10
#define CWR 0x80

static struct frame frame; /* what the guest sent */
static struct frame piece; /* one that came out */
static struct packet_burst out;
static uint8_t joined[PACKET_LEN_MAX + 64];

static uint32_t
get16(const uint8_t *b)
{
	return (uint32_t)(b[0] << 8 | b[1]);
}

static uint32_t
get32(const uint8_t *b)
{
	return get16(b) << 16 | get16(b + 2);
}

static void
check_ip(uint32_t index)
{
	const uint8_t *was = frame.bytes + frame.l3, *ip = piece.bytes + piece.l3;
	uint32_t header = frame.l4 - frame.l3;
	uint8_t expected[PACKET_HEADER_MAX];

	memcpy(expected, was, header);
	if (frame.version == 6) {
		assert_int_equal(get16(ip + 4), piece.len - piece.l3 - 40);
		memcpy(expected + 4, ip + 4, 2);
	} else {
		assert_int_equal(get16(ip + 2), piece.len - piece.l3);
		assert_int_equal(get16(ip + 4), (get16(was + 4) + index) & 0xffff);
		assert_int_equal(slow_sum(ip, header, 0), 0xffff);
		memcpy(expected + 2, ip + 2, 4);
		memcpy(expected + 10, ip + 10, 2);
	}
	/* All else, options and fragment bits among it, is kept. */
	assert_memory_equal(ip, expected, header);
}

static void
check_tcp(uint32_t index, uint32_t sent, bool last)
{
	const uint8_t *was = frame.bytes + frame.l4, *tcp = piece.bytes + piece.l4;
	uint32_t header = frame.payload - frame.l4;
	uint8_t expected[60], flags = was[13];

	if (!last)
		flags &= ~(FIN | PSH);
	if (index != 0)
		flags &= ~CWR;
	assert_int_equal(tcp[13], flags);
	assert_int_equal(get32(tcp + 4), get32(was + 4) + sent);
	assert_int_equal(get16(tcp + 16), slow_l4_checksum(&piece));
	memcpy(expected, was, header);
	memcpy(expected + 4, tcp + 4, 4);
	expected[13] = flags;
	memcpy(expected + 16, tcp + 16, 2);
	assert_memory_equal(tcp, expected, header);
}

/* Checks one piece; returns its payload's length. */
static uint32_t
check_piece(struct packet *p, const struct packet *from, uint32_t index, uint32_t sent, bool last)
{
	piece = frame;
	piece.len = p->len;
	assert_true(p->len > frame.payload);
	assert_true(last || p->len - frame.payload == from->offload.gso_size);
	assert_int_equal(p->hdr_len, frame.payload);
	assert_int_equal(p->hdr_len % 2, 0);
	assert_int_equal(p->offload.flags, PACKET_F_NEEDS_CSUM);
	assert_int_equal(p->offload.gso_type, PACKET_GSO_NONE);
	assert_int_equal(p->offload.hdr_len, 0);
	assert_int_equal(p->vlan, from->vlan);
	assert_int_equal(p->from, from->from);
	assert_int_equal(p->out, from->out);
	assert_null(p->mbuf);
	assert_int_equal(p->rest == NULL, p->rest_len == 0);
	assert_int_equal(p->more == NULL, p->nmore == 0);
	/* The partial checksum is that of the pseudo-header, for a guest that
	 * finishes it itself. */
	view_flatten(p, piece.bytes);
	assert_int_equal(get16(piece.bytes + piece.l4 + 16), slow_pseudo_sum(&piece));
	packet_checksum(p);
	view_flatten(p, piece.bytes);
	check_ip(index);
	check_tcp(index, sent, last);
	memcpy(joined + sent, piece.bytes + frame.payload, p->len - frame.payload);
	return p->len - frame.payload;
}

/* Cuts the view and checks all pieces. */
static void
check_cut(const struct packet *p, uint16_t max)
{
	struct packet_gso g;
	uint32_t pieces = packet_gso_begin(&g, p), index = 0, sent = 0;
	uint32_t payload = frame.len - frame.payload;
	uint16_t n;

	assert_int_equal(pieces, (payload + p->offload.gso_size - 1) / p->offload.gso_size);
	while ((n = packet_gso_next(&g, &out, max)) != 0) {
		assert_true(n <= max);
		assert_int_equal(out.count, n);
		for (uint16_t i = 0; i < n; i++, index++)
			sent += check_piece(&out.pkt[i], p, index, sent, index == pieces - 1);
	}
	assert_int_equal(index, pieces);
	assert_int_equal(sent, payload);
	assert_memory_equal(joined, frame.bytes + frame.payload, payload);
	assert_int_equal(packet_gso_next(&g, &out, max), 0);
}

static void
random_frames_are_cut_right(void **state)
{
	for (int i = 0; i < 600; i++) {
		struct frame_spec spec = {
			.version = i & 1 ? 6 : 4,
			.proto = 6,
			.tags = test_random_below(2),
			.ip_options = test_random_below(3),
			.tcp_options = test_random_below(4),
			.tcp_flags = (uint8_t)(ACK | (test_random() & (FIN | PSH | CWR))),
			.payload = 2 + test_random_below(i % 10 == 0 ? 65000 : 6000),
		};
		uint16_t mss = (uint16_t)(8 + test_random_below(2000)), hdr_len;
		struct packet_offload req;
		struct view v;

		if (spec.payload <= mss)
			spec.payload += mss;
		frame_make(&frame, &spec);
		req = frame_make_partial(&frame, mss);
		/* The payload may begin in the private bytes. */
		hdr_len = (uint16_t)(frame.payload + test_random_below(30));
		view_make(&v, frame.bytes, frame.len,
			hdr_len < frame.len ? hdr_len : (uint16_t)frame.len,
			1 + test_random_below(i % 3 == 0 ? 9 : 5000));
		v.p.vlan = 77;
		v.p.from = 9;
		v.p.out = 3;
		assert_true(packet_offload_set(&v.p, &req));
		check_cut(&v.p, (uint16_t)(1 + test_random_below(PACKET_BURST)));
		view_free(&v);
	}
}

/* The longest frames, in the smallest pieces and in the fewest. */
static void
longest_frames_are_cut(void **state)
{
	static const uint16_t sizes[] = {PACKET_GSO_SIZE_MIN, 1448, 8961, 40001};
	struct view v;

	for (unsigned int i = 0; i < 8; i++) {
		struct frame_spec spec = {.version = i & 1 ? 6 : 4,
			.proto = 6,
			.tags = 1,
			.tcp_flags = ACK | FIN | PSH | CWR,
			.payload = i & 1 ? 65535 - 20 : 65535 - 40};
		struct packet_offload req;

		frame_make(&frame, &spec);
		req = frame_make_partial(&frame, sizes[i / 2]);
		view_make(&v, frame.bytes, frame.len, PACKET_HEADER_MAX, 3001);
		assert_true(packet_offload_set(&v.p, &req));
		check_cut(&v.p, PACKET_BURST);
		view_free(&v);
	}
}

/* As many segments as a burst holds, of a byte or two. */
static void
many_tiny_segments_are_cut(void **state)
{
	struct frame_spec spec = {
		.version = 4, .proto = 6, .tcp_flags = ACK, .payload = 2 * PACKET_SEGS_MAX};
	struct packet_offload req;
	struct view v;

	frame_make(&frame, &spec);
	req = frame_make_partial(&frame, 700);
	view_make(&v, frame.bytes, frame.len, (uint16_t)frame.payload, 2);
	assert_int_equal(v.p.nmore, PACKET_SEGS_MAX - 1);
	assert_true(packet_offload_set(&v.p, &req));
	check_cut(&v.p, PACKET_BURST);
	view_free(&v);
}

static void
more_segments_than_a_burst_are_refused(void **state)
{
	struct frame_spec spec = {.version = 4, .proto = 6, .tcp_flags = ACK, .payload = 3000};
	struct packet_offload req;
	struct packet_gso g;
	uint16_t nmore;
	struct view v;

	frame_make(&frame, &spec);
	req = frame_make_partial(&frame, 700);
	view_make(&v, frame.bytes, frame.len, 64, 2000);
	nmore = v.p.nmore;
	assert_true(packet_offload_set(&v.p, &req));
	assert_int_equal(packet_gso_begin(&g, &v.p), 5);
	v.p.nmore = PACKET_SEGS_MAX;
	assert_int_equal(packet_gso_begin(&g, &v.p), 0);
	assert_int_equal(packet_gso_next(&g, &out, 1), 0);
	v.p.nmore = nmore;
	v.p.offload.gso_type = PACKET_GSO_NONE;
	assert_int_equal(packet_gso_begin(&g, &v.p), 0);
	view_free(&v);
}

/* A tag that is pushed after the check makes the headers longer than the
 * private bytes of a burst; a tag on a piece still finds room. */
static void
tags_before_and_after_the_cut(void **state)
{
	struct frame_spec spec = {.version = 6,
		.proto = 6,
		.tcp_flags = ACK,
		.ip_options = 6,
		.tcp_options = 1,
		.payload = 3000};
	struct packet_offload req;
	struct packet_gso g;
	struct view v;

	frame_make(&frame, &spec);
	assert_in_range(frame.payload, PACKET_HEADER_MAX - 4, PACKET_HEADER_MAX);
	req = frame_make_partial(&frame, 1000);
	view_make(&v, frame.bytes, frame.len, PACKET_HEADER_MAX, 900);
	assert_true(packet_offload_set(&v.p, &req));
	for (int i = 0; i < 2; i++)
		packet_vlan_push(&v.p, 5);
	view_flatten(&v.p, frame.bytes);
	frame.l3 += 8;
	frame.l4 += 8;
	frame.payload += 8;
	frame.len += 8;
	check_cut(&v.p, PACKET_BURST);

	assert_int_equal(packet_gso_begin(&g, &v.p), 3);
	assert_int_equal(packet_gso_next(&g, &out, 3), 3);
	for (int i = 0; i < 3; i++) {
		packet_vlan_push(&out.pkt[i], 9);
		assert_true(out.pkt[i].hdr >= out.header[i]);
		assert_true(out.pkt[i].hdr + out.pkt[i].hdr_len <=
			    out.header[i] + PACKET_HEADROOM + PACKET_HEADER_MAX);
		assert_int_equal(packet_vlan_pop(&out.pkt[i]), 9);
	}
	view_free(&v);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_frames_are_cut_right),
		cmocka_unit_test(longest_frames_are_cut),
		cmocka_unit_test(many_tiny_segments_are_cut),
		cmocka_unit_test(more_segments_than_a_burst_are_refused),
		cmocka_unit_test(tags_before_and_after_the_cut),
	};

	return cmocka_run_group_tests_name("gso", tests, NULL, NULL);
}
