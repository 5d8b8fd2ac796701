/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The tables of the network functions against obvious versions of them: flows with ages,
 * longest prefixes, many patterns at once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "guest-pmd/nf/nf-flow.h"
#include "guest-pmd/nf/nf-lpm.h"
#include "guest-pmd/nf/nf-patterns.h"
#include "tests/unit/nf-frames.h"

/* The same numbers on each run. */
static uint32_t
random_below(uint32_t n)
{
	static uint64_t state = 88172645463325252u;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 20) % n;
}

static unsigned int went;

static void
gone(void *arg, const void *key, void *value)
{
	assert_ptr_equal(arg, &went);
	assert_int_equal(*(const uint32_t *)key, *(uint32_t *)value);
	went++;
}

/* Keys that are there, with class and time of last use; against the table. */
#define KEYS     500
#define CAPACITY 200

static struct {
	bool there;
	unsigned int class;
	uint64_t used;
} list[KEYS];

/* Takes out of the list what has aged; returns how many. */
static unsigned int
age_list(const struct nf_table_spec *spec, uint64_t now)
{
	unsigned int n = 0;

	for (uint32_t k = 0; k < KEYS; k++) {
		if (list[k].there && now - list[k].used >= spec->timeout_ns[list[k].class]) {
			list[k].there = false;
			n++;
		}
	}
	return n;
}

static void
a_table_is_what_a_list_would_be(void **state)
{
	struct nf_table_spec spec = {.capacity = CAPACITY,
		.key_size = 4,
		.value_size = 4,
		.timeout_ns = {100, 1000, 10000, 10},
		.gone = gone,
		.arg = &went};
	struct nf_table *t = nf_table_new(&spec);
	unsigned int count = 0, removed = 0;
	uint64_t now = 0;

	assert_non_null(t);
	went = 0;
	for (int i = 0; i < 50000; i++) {
		uint32_t key = random_below(KEYS), class = random_below(4);
		uint32_t *value = nf_table_find(t, &key);

		now += random_below(8);
		assert_int_equal(value != NULL, list[key].there);
		if (value == NULL) {
			value = nf_table_add(t, &key, class, now);
			assert_int_equal(value != NULL, count < CAPACITY);
			if (value == NULL)
				continue;
			assert_int_equal(*value, 0);
			*value = key;
			count++;
			list[key].there = true;
		} else if (random_below(4) == 0) {
			nf_table_remove(t, value);
			list[key].there = false;
			count--;
			removed++;
			continue;
		} else {
			assert_int_equal(*value, key);
			nf_table_touch(t, value, class, now);
		}
		list[key].class = class;
		list[key].used = now;
		if (random_below(10) != 0)
			continue;
		removed += nf_table_expire(t, now, UINT32_MAX);
		count -= age_list(&spec, now);
		assert_int_equal(nf_table_count(t), count);
	}
	assert_int_equal(went, removed);
	assert_true(removed > 10000);
	while (nf_table_oldest(t, NF_CLASSES_ALL) != NULL)
		nf_table_remove(t, nf_table_oldest(t, NF_CLASSES_ALL));
	assert_int_equal(nf_table_count(t), 0);
	nf_table_free(t);
}

static void
expiry_takes_no_more_than_asked(void **state)
{
	struct nf_table_spec spec = {
		.capacity = 10, .key_size = 4, .value_size = 4, .timeout_ns = {10}};
	struct nf_table *t = nf_table_new(&spec);

	for (uint32_t i = 0; i < 10; i++)
		assert_non_null(nf_table_add(t, &i, 0, i));
	assert_int_equal(nf_table_expire(t, 9, 100), 0);
	assert_int_equal(nf_table_expire(t, 15, 2), 2);
	assert_int_equal(nf_table_expire(t, 15, 100), 4);
	nf_table_free(t);
}

#define ROUTES 3000

static void
the_longest_prefix_is_found(void **state)
{
	static struct nf_prefix routes[ROUTES];
	struct nf_lpm *lpm = nf_lpm_new();
	uint32_t count = 0;

	while (count < ROUTES) {
		struct nf_prefix *p = &routes[count];
		bool again = false;

		*p = (struct nf_prefix){.version = random_below(2) ? 4 : 6};
		p->bits = (uint8_t)random_below(p->version == 4 ? 33 : 129);
		/* Few values, so that prefixes lie in each other. */
		for (uint32_t i = 0; i < p->bits; i++) {
			if (random_below(6) == 0)
				p->address[i / 8] |= (uint8_t)(0x80 >> i % 8);
		}
		for (uint32_t i = 0; i < count; i++)
			again |= memcmp(&routes[i], p, sizeof(*p)) == 0;
		if (!again)
			assert_int_equal(nf_lpm_add(lpm, p, count++), 0);
	}
	for (int i = 0; i < 20000; i++) {
		uint8_t version = random_below(2) ? 4 : 6, address[16] = {0};
		const struct nf_prefix *near = &routes[random_below(ROUTES)], *best = NULL;
		uint32_t value = 0;
		bool found;

		memcpy(address, near->address, version == 4 ? 4 : 16);
		for (uint32_t k = random_below(8); k < 128; k += 1 + random_below(60))
			address[k / 8] ^= (uint8_t)(0x80 >> k % 8);
		for (uint32_t k = 0; k < ROUTES; k++) {
			if (nf_prefix_holds(&routes[k], version, address) &&
				(best == NULL || routes[k].bits > best->bits))
				best = &routes[k];
		}
		found = nf_lpm_find(lpm, version, address, &value);
		assert_int_equal(found, best != NULL);
		if (found)
			assert_ptr_equal(&routes[value], best);
	}
	nf_lpm_free(lpm);
}

struct found {
	unsigned int count[64];
};

static bool
on_found(void *arg, unsigned int pattern)
{
	((struct found *)arg)->count[pattern]++;
	return true;
}

/* Patterns of few letters, so that they overlap and are each other's endings. */
static void
all_patterns_are_found_at_once(void **state)
{
	for (int round = 0; round < 200; round++) {
		static char text[64 * 12], pattern[40][10];
		uint8_t data[300];
		unsigned int n = 1 + random_below(40), at = 0;
		struct found got = {0}, want = {0};
		struct nf_patterns *ps;
		uint32_t s = 0;

		for (unsigned int i = 0; i < n; i++) {
			unsigned int length = 1 + random_below(6);

			for (unsigned int k = 0; k < length; k++)
				pattern[i][k] = (char)('a' + random_below(3));
			pattern[i][length] = '\0';
			for (unsigned int k = 0; k < i; k++) {
				if (strcmp(pattern[k], pattern[i]) == 0) {
					pattern[i][0] = '\0'; /* an empty line is none */
					break;
				}
			}
			at += (unsigned int)sprintf(text + at, "%s\n", pattern[i]);
		}
		ps = nf_patterns_read(test_file(text), false);
		assert_non_null(ps);
		for (size_t i = 0; i < sizeof(data); i++)
			data[i] = (uint8_t)('a' + random_below(4));
		for (uint32_t i = 0; i < sizeof(data);) {
			uint32_t piece = 1 + random_below(9);

			if (piece > sizeof(data) - i)
				piece = (uint32_t)sizeof(data) - i;
			s = nf_patterns_scan(ps, s, data + i, piece, on_found, &got);
			i += piece;
		}
		at = 0;
		for (unsigned int i = 0; i < n; i++) {
			size_t length = strlen(pattern[i]);

			if (length == 0)
				continue;
			for (size_t k = 0; k + length <= sizeof(data); k++)
				want.count[at] += memcmp(data + k, pattern[i], length) == 0;
			at++;
		}
		assert_int_equal(nf_patterns_count(ps), at);
		assert_memory_equal(&got, &want, sizeof(got));
		nf_patterns_free(ps);
	}
}

static void
every_byte_can_be_in_a_pattern(void **state)
{
	static char text[2000];
	struct found got = {0};
	struct nf_patterns *ps;
	unsigned int at = 0;
	uint8_t data[512];

	/* All 256 bytes, in patterns of 64, and one of them again. */
	for (int i = 0; i < 256; i++) {
		data[i] = (uint8_t)i;
		at += (unsigned int)sprintf(text + at, "\\x%02x%s", i, i % 64 == 63 ? "\n" : "");
	}
	sprintf(text + at, "\\xff\\xff");
	ps = nf_patterns_read(test_file(text), false);
	assert_non_null(ps);
	memcpy(data + 256, data, 256);
	nf_patterns_scan(ps, 0, data, sizeof(data), on_found, &got);
	for (int i = 0; i < 4; i++)
		assert_int_equal(got.count[i], 2);
	assert_int_equal(got.count[4], 0);
	nf_patterns_free(ps);
}

static void
case_can_be_ignored(void **state)
{
	struct nf_patterns *ps = nf_patterns_read(test_file("GeT /\nx[\n"), true);
	struct found got = {0};

	nf_patterns_scan(ps, 0, (const uint8_t *)"get /GET /X[x{", 14, on_found, &got);
	assert_int_equal(got.count[0], 2);
	assert_int_equal(got.count[1], 1);
	nf_patterns_free(ps);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_table_is_what_a_list_would_be),
		cmocka_unit_test(expiry_takes_no_more_than_asked),
		cmocka_unit_test(the_longest_prefix_is_found),
		cmocka_unit_test(all_patterns_are_found_at_once),
		cmocka_unit_test(every_byte_can_be_in_a_pattern),
		cmocka_unit_test(case_can_be_ignored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
