/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The network functions aes-encrypt and aes-decrypt: one undoes the other, whatever shape
 * the packet has, and what was changed between them does not pass.
 */
#include <sys/stat.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "guest-pmd/nf/aes.h"
#include "guest-pmd/nf/nf-text.h"
#include "tests/unit/nf-frames.h"

static const struct aes_key key = {.bytes = "0123456789abcdef0123456789abcde", .length = 32};
static struct test_frame frame, before;
static struct aes seal, open;

static enum netvm_verdict
pass(struct aes *a, uint32_t headroom, uint32_t piece)
{
	enum netvm_verdict verdict;
	struct test_packet t;

	test_packet(&t, &frame, headroom, 0, piece);
	aes_packet(a, &t.p, headroom);
	verdict = (enum netvm_verdict)t.p.verdict;
	if (verdict == NETVM_NEXT)
		test_frame_of(&frame, &t.p);
	test_packet_free(&t);
	return verdict;
}

static int
setup(void **state)
{
	return aes_start(&seal, &key, false) || aes_start(&open, &key, true);
}

static int
teardown(void **state)
{
	aes_stop(&seal);
	aes_stop(&open);
	return 0;
}

static void
what_is_sealed_can_be_opened(void **state)
{
	static const uint8_t protos[] = {6, 17};

	for (int v6 = 0; v6 < 2; v6++) {
		for (size_t i = 0; i < 2; i++) {
			for (uint32_t n = 1; n < 700; n += 31) {
				test_frame(&frame, v6 ? "fd00::1" : "10.0.0.1",
					v6 ? "fd00::2" : "10.0.0.2", protos[i], 1, 2, NULL, n);
				if (n % 2 != 0)
					test_frame_tag(&frame, 0x8100, 1);
				before = frame;
				assert_int_equal(
					pass(&seal, AES_OVERHEAD, n % 3 == 0 ? 0 : 110 + n),
					NETVM_NEXT);
				assert_int_equal(frame.n, before.n + AES_OVERHEAD);
				assert_true(test_sums_right(&frame));
				if (n > 20)
					assert_int_not_equal(
						memcmp(frame.b + frame.payload + AES_OVERHEAD,
							before.b + before.payload, n),
						0);
				assert_int_equal(
					pass(&open, 0, n % 5 == 0 ? 0 : 140 + n), NETVM_NEXT);
				assert_int_equal(frame.n, before.n);
				assert_memory_equal(frame.b, before.b, before.n);
			}
		}
	}
	assert_int_equal(open.count[AES_DONE], seal.count[AES_DONE]);
}

static void
a_nonce_never_comes_again(void **state)
{
	static uint8_t last[AES_NONCE];

	for (int i = 0; i < 3; i++) {
		test_frame(&frame, "10.0.0.1", "10.0.0.2", 17, 1, 2, NULL, 20);
		assert_int_equal(pass(&seal, AES_OVERHEAD, 0), NETVM_NEXT);
		assert_int_not_equal(memcmp(frame.b + frame.payload, last, AES_NONCE), 0);
		memcpy(last, frame.b + frame.payload, AES_NONCE);
	}
	/* The counter's end brings a new beginning. */
	seal.counter = UINT32_MAX;
	test_frame(&frame, "10.0.0.1", "10.0.0.2", 17, 1, 2, NULL, 20);
	assert_int_equal(pass(&seal, AES_OVERHEAD, 0), NETVM_NEXT);
	assert_int_not_equal(memcmp(frame.b + frame.payload, last, 8), 0);
}

static void
no_changed_bit_passes(void **state)
{
	static struct test_frame sealed;

	test_frame(&frame, "10.0.0.1", "10.0.0.2", 17, 1, 2, NULL, 40);
	assert_int_equal(pass(&seal, AES_OVERHEAD, 0), NETVM_NEXT);
	sealed = frame;
	for (uint32_t i = sealed.payload; i < sealed.n; i++) {
		frame = sealed;
		frame.b[i] ^= (uint8_t)(1 << i % 8);
		assert_int_equal(pass(&open, 0, 0), NETVM_DROP);
	}
	frame = sealed;
	assert_int_equal(pass(&open, 0, 0), NETVM_NEXT);
	/* Plain text is not taken for anything, either. */
	for (uint32_t n = 1; n < 60; n++) {
		test_frame(&frame, "10.0.0.1", "10.0.0.2", 17, 1, 2, NULL, n);
		assert_int_equal(pass(&open, 0, 0), NETVM_DROP);
	}
}

static void
a_partial_checksum_stays_right(void **state)
{
	struct test_packet t;

	test_frame(&frame, "fd00::1", "fd00::2", 17, 1, 2, NULL, 501);
	test_frame_partial(&frame);
	test_packet(&t, &frame, AES_OVERHEAD, 0, 0);
	t.p.flags = NETVM_PACKET_CSUM;
	t.p.csum_start = (uint16_t)frame.l4;
	t.p.csum_offset = 6;
	aes_packet(&seal, &t.p, AES_OVERHEAD);
	assert_int_equal(netvm_finish_checksum(&t.p), 0);
	test_frame_of(&frame, &t.p);
	assert_true(test_sums_right(&frame));
	test_packet_free(&t);
}

static void
what_cannot_be_sealed_is_dropped_or_passes(void **state)
{
	struct test_packet t;

	test_frame(&frame, "10.0.0.1", "10.0.0.2", 17, 1, 2, NULL, 40);
	assert_int_equal(pass(&seal, AES_OVERHEAD - 1, 0), NETVM_DROP);
	frame.b[20] = 0x20;
	assert_int_equal(pass(&seal, AES_OVERHEAD, 0), NETVM_DROP);
	frame.b[20] = 0;
	frame.b[frame.l4 + 5]--; /* UDP ends before IP */
	assert_int_equal(pass(&seal, AES_OVERHEAD, 0), NETVM_DROP);
	test_packet(&t, &frame, AES_OVERHEAD, 0, 0);
	t.p.data[frame.l4 + 5]++;
	t.p.gso_size = 10;
	aes_packet(&seal, &t.p, AES_OVERHEAD);
	assert_int_equal(t.p.verdict, NETVM_DROP);
	test_packet_free(&t);
	assert_int_equal(seal.count[AES_DONE], 0);

	test_frame(&frame, "10.0.0.1", "10.0.0.2", 6, 1, 2, NULL, 0);
	before = frame;
	assert_int_equal(pass(&seal, 0, 0), NETVM_NEXT);
	test_frame(&frame, "10.0.0.1", "10.0.0.2", 1, 1, 0x0800, NULL, 50);
	before = frame;
	assert_int_equal(pass(&seal, 0, 0), NETVM_NEXT);
	assert_memory_equal(frame.b, before.b, before.n);
}

static void
keys_are_read_from_private_files(void **state)
{
	struct aes_key k = {0};
	const char *path = test_file("000102030405060708090A0b0c0d0e0f\n");

	assert_int_equal(chmod(path, 0640), 0);
	assert_true(aes_key_read(&k, path) < 0);
	assert_non_null(strstr(nf_error(), "chmod 600"));
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(aes_key_read(&k, path), 0);
	assert_int_equal(k.length, 16);
	assert_memory_equal(k.bytes, "\0\1\2\3\4\5\6\7\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f", 16);
	assert_true(aes_key_read(&k, test_file("0001")) < 0);
	assert_true(aes_key_read(&k, test_file("")) < 0);
	assert_true(aes_key_read(&k, test_file("000102030405060708090A0b0c0d0e0g")) < 0);
	assert_non_null(strstr(nf_error(), ":1: digit 32 is not hexadecimal"));
	/* Which of two keys was meant, nobody knows. */
	assert_true(aes_key_read(&k, test_file("# one\n000102030405060708090a0b0c0d0e0f\n"
					       "# two\n100102030405060708090a0b0c0d0e0f\n")) < 0);
	assert_non_null(strstr(nf_error(), ":4: expected nothing behind the key"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_sealed_can_be_opened, setup, teardown),
		cmocka_unit_test_setup_teardown(a_nonce_never_comes_again, setup, teardown),
		cmocka_unit_test_setup_teardown(no_changed_bit_passes, setup, teardown),
		cmocka_unit_test_setup_teardown(a_partial_checksum_stays_right, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_cannot_be_sealed_is_dropped_or_passes, setup, teardown),
		cmocka_unit_test(keys_are_read_from_private_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
