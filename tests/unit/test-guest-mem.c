/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The memory table: what is refused on the way in, and that no look-up ever
 * answers for a byte outside a region.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "vhost/guest-mem.h"

static uint8_t host[4][4096];

static void
add_keeps_regions_sorted(void **state)
{
	struct guest_mem m = {0};

	assert_int_equal(guest_mem_add(&m, 0x3000, 0x1000, host[2]), 0);
	assert_int_equal(guest_mem_add(&m, 0x1000, 0x1000, host[0]), 0);
	assert_int_equal(guest_mem_add(&m, 0x2000, 0x1000, host[1]), 0);
	assert_int_equal(m.nregions, 3);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(m.region[i].gpa, (i + 1) * 0x1000);
		assert_ptr_equal(m.region[i].hva, host[i]);
	}
}

static void
add_refuses_nonsense(void **state)
{
	struct guest_mem m = {0};

	assert_int_equal(guest_mem_add(&m, 0, 0, host[0]), -EINVAL);
	assert_int_equal(guest_mem_add(&m, UINT64_MAX, 2, host[0]), -EINVAL);
	assert_int_equal(guest_mem_add(&m, UINT64_MAX - 0xfff, 0x1000, host[0]), -EINVAL);
	assert_int_equal(guest_mem_add(&m, 0, UINT64_MAX, host[0]), -EINVAL);
	assert_int_equal(m.nregions, 0);

	assert_int_equal(guest_mem_add(&m, 0x1000, 0x1000, host[0]), 0);
	assert_int_equal(guest_mem_add(&m, 0x1000, 0x1000, host[1]), -EINVAL);
	assert_int_equal(guest_mem_add(&m, 0x1fff, 1, host[1]), -EINVAL);
	assert_int_equal(guest_mem_add(&m, 0x800, 0x801, host[1]), -EINVAL);
	assert_int_equal(guest_mem_add(&m, 0x800, 0x4000, host[1]), -EINVAL);
	assert_int_equal(guest_mem_add(&m, 0x1400, 0x10, host[1]), -EINVAL);
	assert_int_equal(m.nregions, 1);
	assert_int_equal(guest_mem_add(&m, 0x800, 0x800, host[1]), 0);
	assert_int_equal(guest_mem_add(&m, 0x2000, 0x800, host[2]), 0);
}

static void
add_stops_at_a_full_table(void **state)
{
	struct guest_mem m = {0};

	for (uint64_t i = 0; i < GUEST_MEM_REGIONS; i++)
		assert_int_equal(guest_mem_add(&m, i << 12, 0x1000, host[0]), 0);
	assert_int_equal(guest_mem_add(&m, 0x100000, 0x1000, host[0]), -ENOSPC);
}

/* Regions at 0x1000 and, adjacent, 0x2000; then a hole; then 0x8000. */
static struct guest_mem
three_regions(void)
{
	struct guest_mem m = {0};

	assert_int_equal(guest_mem_add(&m, 0x1000, 0x1000, host[0]), 0);
	assert_int_equal(guest_mem_add(&m, 0x2000, 0x1000, host[1]), 0);
	assert_int_equal(guest_mem_add(&m, 0x8000, 0x1000, host[3]), 0);
	return m;
}

static void
ptr_is_bounded_with_any_hint(void **state)
{
	struct guest_mem m = three_regions();
	static const uint32_t hints[] = {0, 1, 2, 3, 7, 8, UINT32_MAX};

	for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
		uint32_t h = hints[i];

		assert_ptr_equal(guest_mem_ptr(&m, 0x1000, 0x1000, &h), host[0]);
		assert_int_equal(h, 0);
		h = hints[i];
		assert_ptr_equal(guest_mem_ptr(&m, 0x8fff, 1, &h), host[3] + 0xfff);
		assert_int_equal(h, 2);
		h = hints[i];
		assert_ptr_equal(guest_mem_ptr(&m, 0x2010, 16, &h), host[1] + 16);
		h = hints[i];
		assert_null(guest_mem_ptr(&m, 0x1000, 0x1001, &h));
		assert_null(guest_mem_ptr(&m, 0x8fff, 2, &h));
		assert_null(guest_mem_ptr(&m, 0x9000, 1, &h));
		assert_null(guest_mem_ptr(&m, 0xfff, 2, &h));
		assert_null(guest_mem_ptr(&m, 0x1000, 0, &h));
		assert_null(guest_mem_ptr(&m, 0x1800, UINT64_MAX, &h));
		assert_null(guest_mem_ptr(&m, UINT64_MAX, 1, &h));
		assert_null(guest_mem_ptr(&m, UINT64_MAX, UINT64_MAX, &h));
	}
}

static void
ptr_of_an_empty_table_is_null(void **state)
{
	struct guest_mem m = {0};
	uint32_t h = 0, len = 1;

	assert_null(guest_mem_ptr(&m, 0, 1, &h));
	assert_null(guest_mem_chunk(&m, 0, &len));
	assert_false(guest_mem_contains(&m, host, 1));
}

static void
chunk_stops_at_the_region_end(void **state)
{
	struct guest_mem m = three_regions();
	uint32_t len = 0x2000;

	assert_ptr_equal(guest_mem_chunk(&m, 0x1800, &len), host[0] + 0x800);
	assert_int_equal(len, 0x800);
	len = 0x1800;
	assert_ptr_equal(guest_mem_chunk(&m, 0x2000, &len), host[1]);
	assert_int_equal(len, 0x1000);
	assert_null(guest_mem_chunk(&m, 0x3000, &len));
	len = 4;
	assert_ptr_equal(guest_mem_chunk(&m, 0x8ffc, &len), host[3] + 0xffc);
	assert_int_equal(len, 4);
	len = 0;
	assert_null(guest_mem_chunk(&m, 0x1000, &len));
	len = UINT32_MAX;
	assert_null(guest_mem_chunk(&m, UINT64_MAX, &len));
	assert_null(guest_mem_chunk(&m, 0, &len));
}

static void
contains_is_exact(void **state)
{
	struct guest_mem m = {0};

	assert_int_equal(guest_mem_add(&m, 0x5000, 0x1000, host[1]), 0);
	assert_true(guest_mem_contains(&m, host[1], 0x1000));
	assert_true(guest_mem_contains(&m, host[1] + 0xfff, 1));
	assert_false(guest_mem_contains(&m, host[1], 0x1001));
	assert_false(guest_mem_contains(&m, host[1] + 0xfff, 2));
	assert_false(guest_mem_contains(&m, host[0] + 0xfff, 1));
	assert_false(guest_mem_contains(&m, host[2], 1));
	assert_false(guest_mem_contains(&m, host[1], 0));
	assert_false(guest_mem_contains(&m, host[1] + 1, SIZE_MAX));
	assert_false(guest_mem_contains(&m, NULL, 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(add_keeps_regions_sorted),
		cmocka_unit_test(add_refuses_nonsense),
		cmocka_unit_test(add_stops_at_a_full_table),
		cmocka_unit_test(ptr_is_bounded_with_any_hint),
		cmocka_unit_test(ptr_of_an_empty_table_is_null),
		cmocka_unit_test(chunk_stops_at_the_region_end),
		cmocka_unit_test(contains_is_exact),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
