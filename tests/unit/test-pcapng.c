/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The pcapng writer: libpcap reads the file back, and what libpcap does not
 * show (directions, statistics, names) is looked up block by block.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <pcap/pcap.h>

#include "src/control/pcapng.h"

#define NS UINT64_C(1700000000123456789)

static GByteArray *
example(void)
{
	const struct pcapng_end end = {.start_ns = NS - 5,
		.end_ns = NS + 5,
		.received = 11,
		.chosen = 7,
		.lost = UINT64_C(1) << 40,
		.comment = "duration"};
	GByteArray *out = g_byte_array_new();
	uint8_t frame[1514];

	for (unsigned int i = 0; i < sizeof(frame); i++)
		frame[i] = (uint8_t)i;
	pcapng_begin(out, "web0", 1000, "tcp port 80");
	/* Every alignment of the data. */
	for (uint32_t i = 0; i < 5; i++)
		pcapng_frame(out, NS + i, i % 2 == 0, frame, 60 + i, 60 + i);
	pcapng_frame(out, NS + 5, true, frame, 1000, 1514);
	pcapng_finish(out, &end);
	return out;
}

static void
test_libpcap_reads_it(void **state)
{
	g_autoptr(GByteArray) out = example();
	char error[PCAP_ERRBUF_SIZE] = "";
	FILE *f = fmemopen(out->data, out->len, "rb");
	pcap_t *p = pcap_fopen_offline_with_tstamp_precision(f, PCAP_TSTAMP_PRECISION_NANO, error);
	struct pcap_pkthdr *h;
	const u_char *data;
	uint32_t n = 0;

	assert_string_equal(error, "");
	assert_int_equal(pcap_datalink(p), DLT_EN10MB);
	assert_int_equal(pcap_snapshot(p), 1000);
	for (; pcap_next_ex(p, &h, &data) == 1; n++) {
		assert_int_equal(h->caplen, n == 5 ? 1000 : 60 + n);
		assert_int_equal(h->len, n == 5 ? 1514 : 60 + n);
		assert_int_equal(h->ts.tv_sec, 1700000000);
		assert_int_equal(h->ts.tv_usec, 123456789 + n); /* nanoseconds here */
		for (uint32_t i = 0; i < h->caplen; i++)
			assert_int_equal(data[i], (uint8_t)i);
	}
	assert_int_equal(n, 6);
	pcap_close(p);
}

static uint32_t
get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint64_t
get64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* The n-th block of the type; checks the lengths of all. */
static const uint8_t *
find_block(const GByteArray *out, uint32_t type, unsigned int n)
{
	const uint8_t *found = NULL;
	uint32_t len;

	for (guint at = 0; at < out->len; at += len) {
		assert_true(out->len - at >= 12);
		len = get32(out->data + at + 4);
		assert_true(len % 4 == 0 && len >= 12 && len <= out->len - at);
		assert_int_equal(get32(out->data + at + len - 4), len);
		if (get32(out->data + at) == type && n-- == 0)
			found = out->data + at;
	}
	assert_non_null(found);
	return found;
}

/* An option of the block whose options begin at offset; checks its length. */
static const uint8_t *
find_option(const uint8_t *block, uint32_t offset, uint16_t code, uint16_t len)
{
	uint32_t end = get32(block + 4) - 4;

	while (offset < end) {
		uint32_t head = get32(block + offset), n = head >> 16;

		if ((head & 0xffff) == code) {
			assert_int_equal(n, len);
			return block + offset + 4;
		}
		assert_int_not_equal(head, 0);
		offset += 4 + ((n + 3) & ~3u);
	}
	fail_msg("there is no option %u", code);
	return NULL;
}

static void
test_blocks(void **state)
{
	g_autoptr(GByteArray) out = example();
	const uint8_t *b = find_block(out, 0x0a0d0d0a, 0), *o;

	assert_ptr_equal(b, out->data);
	assert_int_equal(get32(b + 8), 0x1a2b3c4d);
	assert_int_equal(get32(b + 12), 1); /* version 1.0 */
	b = find_block(out, 1, 0);
	assert_int_equal(get32(b + 8), DLT_EN10MB);
	assert_memory_equal(find_option(b, 16, 2, 4), "web0", 4);
	assert_int_equal(*find_option(b, 16, 9, 1), 9);
	assert_memory_equal(find_option(b, 16, 11, 12), "\0tcp port 80", 12);
	for (unsigned int i = 0; i < 5; i++) {
		b = find_block(out, 6, i);
		o = find_option(b, 28 + ((60 + i + 3) & ~3u), 2, 4);
		assert_int_equal(get32(o), i % 2 == 0 ? 1 : 2);
	}
	b = find_block(out, 5, 0);
	assert_int_equal((uint64_t)get32(b + 12) << 32 | get32(b + 16), NS + 5);
	assert_memory_equal(find_option(b, 20, 1, 8), "duration", 8);
	o = find_option(b, 20, 2, 8);
	assert_int_equal((uint64_t)get32(o) << 32 | get32(o + 4), NS - 5);
	assert_int_equal(get64(find_option(b, 20, 4, 8)), 11);
	assert_int_equal(get64(find_option(b, 20, 5, 8)), UINT64_C(1) << 40);
	assert_int_equal(get64(find_option(b, 20, 6, 8)), 7);
}

/* An option has at most 65535 bytes; a filter's text cannot break the file. */
static void
test_long_text(void **state)
{
	g_autoptr(GByteArray) out = g_byte_array_new();
	g_autofree char *text = g_strnfill(100000, 'x');

	pcapng_begin(out, "a", 64, text);
	find_option(find_block(out, 1, 0), 16, 11, 65535);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_libpcap_reads_it),
		cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_long_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
