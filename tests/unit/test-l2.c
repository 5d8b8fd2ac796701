/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The forwarding database: learning, moves, ageing, its bound, and readers
 * that run while others write.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "src/datapath/l2.h"

#define AGEING 300

static fdb_key
key(uint32_t n, uint16_t vlan)
{
	uint8_t mac[6] = {
		0x02, 0, (uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};

	return fdb_key_of(mac, vlan);
}

static void
test_key(void **state)
{
	const uint8_t mac[6] = {0x01, 0x80, 0xc2, 0, 0, 0x0e};

	assert_int_equal(fdb_key_of(mac, 0), UINT64_C(0x0e0000c28001));
	assert_int_equal(fdb_key_of(mac, 4094), UINT64_C(0x0ffe0e0000c28001));
}

static void
test_learn_and_move(void **state)
{
	struct fdb f;

	assert_int_equal(fdb_init(&f, 64, AGEING), 0);
	assert_int_equal(fdb_lookup(&f, key(1, 0), 10), FDB_NONE);
	assert_false(fdb_refresh(&f, key(1, 0), 7, 10));
	assert_true(fdb_learn(&f, key(1, 0), 7, 10));
	assert_int_equal(fdb_lookup(&f, key(1, 0), 10), 7);
	assert_true(fdb_refresh(&f, key(1, 0), 7, 10));
	/* The same MAC in another VLAN is another entry. */
	assert_int_equal(fdb_lookup(&f, key(1, 5), 10), FDB_NONE);
	assert_true(fdb_learn(&f, key(1, 5), 8, 10));
	assert_int_equal(fdb_lookup(&f, key(1, 0), 10), 7);
	assert_int_equal(f.count, 2);
	assert_int_equal(f.moves, 0);

	assert_false(fdb_refresh(&f, key(1, 0), 9, 11));
	assert_true(fdb_learn(&f, key(1, 0), 9, 11));
	assert_int_equal(fdb_lookup(&f, key(1, 0), 11), 9);
	assert_int_equal(f.count, 2);
	assert_int_equal(f.moves, 1);
	fdb_fini(&f);
}

static void
test_ageing(void **state)
{
	struct fdb f;

	assert_int_equal(fdb_init(&f, 64, AGEING), 0);
	fdb_learn(&f, key(1, 0), 1, 100);
	fdb_learn(&f, key(2, 0), 2, 100);
	assert_int_equal(fdb_lookup(&f, key(1, 0), 100 + AGEING), 1);
	assert_int_equal(fdb_lookup(&f, key(1, 0), 101 + AGEING), FDB_NONE);
	/* Heard again in time: it stays. */
	assert_true(fdb_refresh(&f, key(2, 0), 2, 100 + AGEING));
	assert_int_equal(fdb_lookup(&f, key(2, 0), 100 + 2 * AGEING), 2);
	/* Another worker's clock may be a second behind. */
	assert_int_equal(fdb_lookup(&f, key(2, 0), 99 + AGEING), 2);
	/* Coming back on another port after ageing is no move. */
	fdb_learn(&f, key(1, 0), 5, 200 + AGEING);
	assert_int_equal(f.moves, 0);
	assert_int_equal(fdb_lookup(&f, key(1, 0), 200 + AGEING), 5);

	assert_int_equal(f.count, 2);
	fdb_sweep(&f, 100 + 2 * AGEING);
	assert_int_equal(f.count, 2);
	fdb_sweep(&f, 101 + 2 * AGEING);
	assert_int_equal(f.count, 1);
	/* A shorter time holds at once. */
	f.ageing = 10;
	assert_int_equal(fdb_lookup(&f, key(1, 0), 211 + AGEING), FDB_NONE);
	fdb_fini(&f);
}

/* Every table can be filled to its bound, and not beyond. */
static void
test_bound(void **state)
{
	static const uint32_t sizes[] = {16, 17, 100, 1000, 8192, 100000};

	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		uint32_t max = sizes[s], late = 0;
		struct fdb f;

		assert_int_equal(fdb_init(&f, max, AGEING), 0);
		for (uint32_t i = 0; i < max; i++)
			assert_true(fdb_learn(&f, key(i * 7919, 3), (uint16_t)(i % 256), 50));
		assert_int_equal(f.count, max);
		for (uint32_t i = 0; i < 100; i++)
			assert_false(fdb_learn(&f, key(i * 7919, 4), 1, 50));
		assert_int_equal(f.full, 100);
		for (uint32_t i = 0; i < max; i++)
			assert_int_equal(fdb_lookup(&f, key(i * 7919, 3), 50), i % 256);
		/* A known MAC may still move, and aged ones make room. */
		assert_true(fdb_learn(&f, key(0, 3), 77, 50));
		for (uint32_t i = 0; i < 100; i++)
			late += fdb_learn(&f, key(i * 7919, 4), 1, 51 + AGEING);
		assert_true(late > 0);
		assert_true(f.count <= max);
		fdb_sweep(&f, 52 + 2 * AGEING);
		assert_int_equal(f.count, 0);
		fdb_fini(&f);
	}
}

/* Filled far beyond the bound that is usual, entries have to move aside; none
 * gets lost by that. */
static void
test_make_room(void **state)
{
	uint32_t learned[64], n = 0;
	struct fdb f;

	assert_int_equal(fdb_init(&f, 32, AGEING), 0);
	f.max = 64;
	for (uint32_t i = 0; i < 2000 && n < 64; i++)
		if (fdb_learn(&f, key(i * 7919, 3), (uint16_t)(i % 256), 50))
			learned[n++] = i;
	assert_true(f.displaced > 0);
	assert_true(n > 48);
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(fdb_lookup(&f, key(learned[i] * 7919, 3), 50), learned[i] % 256);
	assert_int_equal(f.count, n);
	fdb_fini(&f);
}

static void
count_entry(fdb_key k, uint16_t port, uint32_t age_s, void *arg)
{
	uint32_t *n = arg;

	assert_int_equal(k & FDB_MAC_MASK, key(n[0], 0) & FDB_MAC_MASK);
	assert_int_equal(port, 3);
	assert_int_equal(age_s, 5);
	n[1]++;
}

static void
test_forget(void **state)
{
	uint32_t seen[2] = {42, 0};
	struct fdb f;

	assert_int_equal(fdb_init(&f, 4096, AGEING), 0);
	for (uint32_t i = 0; i < 2000; i++)
		fdb_learn(&f, key(i, 0), (uint16_t)(i % 3), 10);
	fdb_learn(&f, key(42, 9), 3, 10);
	fdb_forget_port(&f, 0);
	fdb_forget_port(&f, 1);
	for (uint32_t i = 0; i < 2000; i++)
		assert_int_equal(fdb_lookup(&f, key(i, 0), 10), i % 3 == 2 ? 2 : FDB_NONE);
	fdb_forget_port(&f, 2);
	assert_int_equal(f.count, 1);
	fdb_walk(&f, 15, count_entry, seen);
	assert_int_equal(seen[1], 1);
	fdb_fini(&f);
}

/* --- readers and writers at the same time --------------------------------- */

#define KEYS   48 /* few buckets, so that slots change hands all the time */
#define ROUNDS 40000

static struct fdb shared;
static bool done;

/* Key n is only ever learned on ports n and n + 100. */
static void *
reader(void *arg)
{
	uintptr_t wrong = 0, found = 0;

	while (!__atomic_load_n(&done, __ATOMIC_ACQUIRE)) {
		for (uint32_t n = 0; n < KEYS; n++) {
			int port = fdb_lookup(&shared, key(n, 1), 10);

			found += port != FDB_NONE;
			wrong += port != FDB_NONE && port != (int)n && port != (int)n + 100;
			fdb_refresh(&shared, key(n, 1), (uint16_t)n, 10 + n % 2);
		}
	}
	assert_true(found > 0);
	return (void *)wrong;
}

static void *
writer(void *arg)
{
	unsigned int seed = (unsigned int)(uintptr_t)arg;

	for (int i = 0; i < ROUNDS; i++) {
		uint32_t n = (uint32_t)rand_r(&seed) % KEYS;

		fdb_learn(&shared, key(n, 1), (uint16_t)(n + (i % 5 == 0 ? 100 : 0)), 10);
		if (i % 8 == 0)
			fdb_forget_port(&shared, (uint16_t)(rand_r(&seed) % KEYS));
	}
	return NULL;
}

static void
test_concurrent(void **state)
{
	pthread_t readers[2], writers[2];

	/* Buckets for fewer keys than there are: insertion, failure and moving aside
	 * all happen. */
	assert_int_equal(fdb_init(&shared, 16, AGEING), 0);
	shared.mask = 7;
	shared.max = 32;
	for (uintptr_t i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&readers[i], NULL, reader, NULL), 0);
	for (uintptr_t i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&writers[i], NULL, writer, (void *)(i + 1)), 0);
	for (int i = 0; i < 2; i++)
		pthread_join(writers[i], NULL);
	__atomic_store_n(&done, true, __ATOMIC_RELEASE);
	for (int i = 0; i < 2; i++) {
		void *wrong;

		pthread_join(readers[i], &wrong);
		assert_int_equal((uintptr_t)wrong, 0);
	}
	assert_true(shared.count <= 32);
	assert_true(shared.full > 0);
	assert_true(shared.displaced > 0);
	fdb_fini(&shared);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key),
		cmocka_unit_test(test_learn_and_move),
		cmocka_unit_test(test_ageing),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_make_room),
		cmocka_unit_test(test_forget),
		cmocka_unit_test(test_concurrent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
