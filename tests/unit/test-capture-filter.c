/* SPDX-License-Identifier: BSD-3-Clause */
/* Which filters may run on a worker, and that those that may come to an end. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pcap/pcap.h>

#include "tests/unit/compile-filter.h"

static int
refused(const struct dp_filter_insn *program, uint32_t n)
{
	struct dp_error err = {""};
	int rc = dp_filter_check(program, n, &err);

	assert_true((rc != 0) == (err.text[0] != '\0'));
	return rc;
}

static void
test_bad_programs(void **state)
{
	const struct dp_filter_insn ret = {BPF_RET | BPF_K, 0, 0, 1},
				    ja_self = {BPF_JMP | BPF_JA, 0, 0, UINT32_MAX},
				    ja_next = {BPF_JMP | BPF_JA, 0, 0, 0},
				    ja_beyond = {BPF_JMP | BPF_JA, 0, 0, 1},
				    if_beyond = {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 5},
				    unknown = {0xffff, 0, 0, 0},
				    div0 = {BPF_ALU | BPF_DIV | BPF_K, 0, 0, 0},
				    ret_x = {BPF_RET | BPF_X, 0, 0, 0},
				    high = {0x100 | BPF_LD | BPF_IMM, 0, 0, 0},
				    shift = {BPF_ALU | BPF_LSH | BPF_K, 0, 0, 32},
				    store = {BPF_ST, 0, 0, BPF_MEMWORDS};
	const struct dp_filter_insn bad[] = {
		ja_self, ja_beyond, if_beyond, unknown, div0, ret_x, high, shift, store};
	struct dp_filter_insn *longest = calloc(DP_FILTER_MAX + 1, sizeof(ret));
	struct dp_filter_insn two[2] = {ja_next, ret};
	uint32_t n;

	assert_int_equal(refused(two, 2), 0);
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		two[0] = bad[i];
		assert_int_equal(refused(two, 2), -EINVAL);
	}
	two[0] = ja_next;
	assert_int_equal(refused(two, 1), -EINVAL); /* It runs off its end. */
	assert_int_equal(refused(two, 0), -EINVAL);
	for (unsigned int i = 0; i < DP_FILTER_MAX + 1; i++)
		longest[i] = i + 1 < DP_FILTER_MAX ? ja_next : ret;
	assert_int_equal(refused(longest, DP_FILTER_MAX), 0);
	assert_int_equal(refused(longest, DP_FILTER_MAX + 1), -EINVAL);
	free(longest);
	/* libpcap makes loops of "protochain". */
	longest = compile_filter("ip6 protochain 17", &n);
	assert_int_equal(refused(longest, n), -EINVAL);
	free(longest);
	longest = compile_filter("vlan 10 and tcp port 80 and ip[2:2] % 8 == 1", &n);
	assert_int_equal(refused(longest, n), 0);
	free(longest);
}

/* Whatever is let through comes to an end, without abort() and within bounds
 * (a sanitizer's find): any programs, of operations that are often good ones. */
static void
test_any_program(void **state)
{
	static const uint8_t likely[] = {0x20, 0x28, 0x30, 0x40, 0x48, 0x50, 0x80, 0, 0x60, 0xb1,
		0x81, 1, 0x61, 2, 3, 5, 0x15, 0x1d, 0x25, 0x2d, 0x35, 0x3d, 0x45, 0x4d, 4, 0x0c,
		0x14, 0x1c, 0x24, 0x2c, 0x34, 0x3c, 0x94, 0x9c, 0x54, 0x5c, 0x44, 0x4c, 0xa4, 0xac,
		0x64, 0x6c, 0x74, 0x7c, 0x84, 6, 0x16, 7, 0x87};
	uint32_t seed = 1, good = 0;

	for (unsigned int i = 0; i < 100000; i++) {
		struct dp_filter_insn program[6];
		uint8_t *frame = malloc(40);
		struct dp_error err;

		memset(frame, 0x45, 40);
		for (unsigned int k = 0; k < 6; k++) {
			uint32_t r = seed = seed * 1664525 + 1013904223;

			/* Even ones that libpcap knows, and odd ones. */
			program[k] = (struct dp_filter_insn){
				.code = (r >> 6 & 3) == 0 ? r >> 24
							  : likely[(r >> 24) % sizeof(likely)],
				.jt = (uint8_t)(r >> 20 & 3),
				.jf = (uint8_t)(r >> 18 & 3),
				.k = (r >> 12 & 7) == 0 ? r : r >> 12 & 63};
			if ((r >> 8 & 15) == 0)
				program[k].code |= 0x100;
		}
		program[5] = (struct dp_filter_insn){BPF_RET | BPF_A, 0, 0, 0};
		if (dp_filter_check(program, 6, &err) == 0) {
			good++;
			bpf_filter((const struct bpf_insn *)(void *)program, frame, 60, 40);
		}
		free(frame);
	}
	assert_in_range(good, 1000, 99999);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_programs),
		cmocka_unit_test(test_any_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
