/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Token buckets: the arithmetic on a clock of the test's own, and two workers
 * at one bucket.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "src/datapath/bucket.h"
#include "src/datapath/clock.h"
#include "src/packet/packet.h"

#define HZ UINT64_C(2600000000)

/* --- the bucket ---------------------------------------------------------------- */

static int
clock_setup(void **state)
{
	dp_clock_init(HZ);
	return 0;
}

static struct bucket
bucket_of(uint64_t rate, uint32_t weight, uint64_t burst)
{
	struct bucket b = {0};

	bucket_set(&b, &(struct bucket_limit){.rate = rate,
			       .weight = weight,
			       .unit_max = weight == 8 ? 1600000 : 50,
			       .burst = burst});
	return b;
}

/* Units that pass when frames of `unit` units are offered in full bursts for so
 * many seconds of the bucket's time, in 1000 steps. */
static double
passes(struct bucket *b, uint64_t now, uint32_t unit, double seconds)
{
	uint32_t units[PACKET_BURST];
	double sum = 0;

	for (int i = 0; i < PACKET_BURST; i++)
		units[i] = unit;
	for (int step = 0; step < 1000; step++) {
		uint32_t pass = UINT32_MAX;

		now += (uint64_t)(seconds * (double)HZ / 1000);
		while (pass == UINT32_MAX) {
			pass = bucket_admit(b, now, units, UINT32_MAX);
			sum += (double)__builtin_popcount(pass) * unit;
		}
	}
	return sum;
}

/* From one packet per second to a terabit, in frames of all sizes. */
static void
test_rates(void **state)
{
	static const struct {
		uint64_t rate;
		uint32_t weight, unit;
		double seconds;
	} c[] = {
		{1, 1, 1, 5000},
		{7, 1, 45, 60000},
		{1000, 1, 1, 10},
		{14880952, 1, 1, 0.01},
		{UINT64_C(10000000000), 1, 1, 0.0001},
		{1000, 8, 60, 5000},
		{10000000, 8, 1518, 60},
		{10000000, 8, 1500000, 10000},
		{UINT64_C(100000000000), 8, 64, 0.001},
		{UINT64_C(1000000000000), 8, 1518, 0.001},
	};

	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		double want = (double)c[i].rate / c[i].weight * c[i].seconds;
		uint64_t burst = (uint64_t)(2 * want / 1000) + 1;
		struct bucket b = bucket_of(c[i].rate, c[i].weight, burst);
		double got_units = passes(&b, dp_clock_tsc(), c[i].unit, c[i].seconds);

		print_message("%llu/%u in %u: %.0f of %.0f\n", (unsigned long long)c[i].rate,
			c[i].weight, c[i].unit, got_units, want);
		/* One frame may be ahead; the cost is cut to 1/16384 cycle. */
		assert_true(got_units > want * 0.995 - 2 * c[i].unit);
		assert_true(got_units < want * 1.005 + (double)burst + 2 * c[i].unit);
	}
}

static void
test_burst(void **state)
{
	struct bucket b = bucket_of(1000, 1, 10);
	uint32_t unit[PACKET_BURST] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
	uint64_t now = dp_clock_tsc() + HZ;

	assert_int_equal(bucket_admit(&b, now, unit, 0xffff), 0x3ff);
	assert_int_equal(bucket_admit(&b, now, unit, 0xffff), 0);
	/* In two milliseconds two more; only those that were asked for. */
	now += HZ / 500 + 1000;
	assert_int_equal(bucket_admit(&b, now, unit, 0xf0), 0x30);
	/* A refund is one more. */
	bucket_refund(&b, unit, 0x10);
	assert_int_equal(bucket_admit(&b, now, unit, 0xff), 1);
	/* What was not used for long is no more than a burst. */
	now += 3600 * HZ;
	assert_int_equal(bucket_admit(&b, now, unit, 0xffff), 0x3ff);
	/* A frame that is longer than the burst passes, and is paid for. */
	unit[0] = 50;
	now += HZ;
	assert_int_equal(bucket_admit(&b, now, unit, 1), 1);
	assert_int_equal(bucket_admit(&b, now + HZ / 26, unit, 2), 0);
	assert_int_equal(bucket_admit(&b, now + HZ / 24, unit, 2), 2);
}

static void
test_clock(void **state)
{
	struct bucket b = bucket_of(1000, 1, 10);
	uint32_t unit[PACKET_BURST] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
	uint64_t now = dp_clock_tsc();

	/* The clock goes back by far: the burst is there again, the rate holds. */
	assert_int_equal(bucket_admit(&b, now, unit, 0xffff), 0x3ff);
	now -= 100 * HZ;
	assert_int_equal(bucket_admit(&b, now, unit, 0xffff), 0x3ff);
	assert_int_equal(bucket_admit(&b, now, unit, 0xffff), 0);
	/* A worker whose clock is a little behind changes nothing. */
	assert_int_equal(bucket_admit(&b, now - HZ / 100, unit, 0xffff), 0);
	assert_int_equal(bucket_admit(&b, now, unit, 0xffff), 0);
	/* The end of the bucket's time, and a look after an age. */
	now = (UINT64_C(1) << 50) - HZ / 2;
	(void)bucket_admit(&b, now, unit, 0xffff);
	assert_in_range((uint64_t)passes(&b, now, 1, 1), 990, 1010);
	assert_int_equal(bucket_admit(&b, now + (UINT64_C(1) << 49), unit, 0xffff), 0x3ff);
}

static void
test_change(void **state)
{
	struct bucket_limit l = {.rate = 10, .weight = 1, .unit_max = 50, .burst = 4};
	uint32_t unit[PACKET_BURST] = {1, 1, 1, 1, 1, 1, 1, 1};
	struct bucket b = {0};
	uint64_t now;

	assert_false(bucket_limits(&b));
	assert_int_equal(bucket_admit(&b, 1, unit, 0xff), 0xff);
	bucket_set(&b, &l);
	assert_true(bucket_limits(&b));
	now = dp_clock_tsc();
	assert_int_equal(bucket_admit(&b, now, unit, 0xff), 0xf);
	bucket_set(&b, &l);
	assert_int_equal(bucket_admit(&b, now, unit, 0xff), 0);
	l.rate = 11;
	bucket_set(&b, &l);
	assert_int_equal(bucket_admit(&b, dp_clock_tsc(), unit, 0xff), 0xf);
	l.rate = 0;
	bucket_set(&b, &l);
	assert_int_equal(bucket_admit(&b, now, unit, 0xff), 0xff);
	/* No number is too large to be reckoned with. */
	l = (struct bucket_limit){UINT64_MAX, 1, 1600000, UINT64_MAX};
	bucket_set(&b, &l);
	for (int i = 0; i < 100; i++)
		assert_int_equal(bucket_admit(&b, now += HZ / 1000, unit, 0xff), 0xff);
	l = (struct bucket_limit){1, 8, 1600000, UINT64_MAX};
	bucket_set(&b, &l);
	unit[0] = 1600000;
	now = dp_clock_tsc();
	assert_int_equal(bucket_admit(&b, now, unit, 1), 1);
	l.burst = 1;
	bucket_set(&b, &l);
	assert_int_equal(bucket_admit(&b, now, unit, 1), 1);
	assert_int_equal(bucket_admit(&b, now + 60 * HZ, unit, 1), 0);
}

/* --- two workers --------------------------------------------------------------- */

#define BURST_UNITS 3000000

static struct bucket shared;
static uint64_t frozen;

static void *
hammer(void *arg)
{
	uint32_t unit[PACKET_BURST], pass;
	uint64_t *sum = arg;

	for (int i = 0; i < PACKET_BURST; i++)
		unit[i] = 1 + i % 2;
	do {
		pass = bucket_admit(&shared, frozen, unit, UINT32_MAX);
		/* Every third burst fails the other rate. */
		if (pass % 3 == 0)
			bucket_refund(&shared, unit, pass);
		else
			for (uint32_t left = pass; left != 0; left &= left - 1)
				*sum += unit[__builtin_ctz(left)];
		pass = bucket_admit(&shared, frozen, unit, 0x55555555);
		*sum += (uint32_t)__builtin_popcount(pass);
	} while (pass != 0);
	return NULL;
}

/* While the clock stands, two workers get a burst together, not a unit more. */
static void
test_two_workers(void **state)
{
	uint64_t sum[2] = {0};
	pthread_t t[2];

	shared = bucket_of(1000000, 1, BURST_UNITS);
	frozen = dp_clock_tsc();
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&t[i], NULL, hammer, &sum[i]), 0);
	/* The control thread says the same once more meanwhile. */
	for (int i = 0; i < 100; i++)
		bucket_set(&shared, &(struct bucket_limit){1000000, 1, 50, BURST_UNITS});
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	/* The last frame may have had two units. */
	assert_in_range(sum[0] + sum[1], BURST_UNITS, BURST_UNITS + 1);
}

int
main(void)
{
#define B(f) cmocka_unit_test_setup(f, clock_setup)
	const struct CMUnitTest tests[] = {
		B(test_rates),
		B(test_burst),
		B(test_clock),
		B(test_change),
		B(test_two_workers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
