/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rates of ports: the bucket's arithmetic on a clock of the test's own, two
 * workers at one bucket, and what policing does to a port's frames.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "src/datapath/network.h"
#include "tests/unit/three-ports.h"

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

/* --- ports --------------------------------------------------------------------- */

static int
setup(void **state)
{
	three_setup(state);
	/* A clock that hardly moves while a test runs. */
	dp_clock_hz = UINT64_C(1) << 40;
	three_introduce();
	return 0;
}

static void
limit(struct dp_port *p, const struct dp_rate *in, const struct dp_rate *out)
{
	struct dp_port_settings s = *p->settings;
	struct dp_error err;

	s.rate_in = in != NULL ? *in : (struct dp_rate){0};
	s.rate_out = out != NULL ? *out : (struct dp_rate){0};
	assert_int_equal(dp_port_set(p, &s, &err), 0);
}

static void
test_packets(void **state)
{
	limit(A, &(struct dp_rate){.pps = 1000, .burst_packets = 40}, NULL);
	for (unsigned int i = 0; i < 100; i++)
		fake_queue(A, i % 2 ? MB : MC, MA, IPV4, 60 + i);
	fake_queue(B, MC, MB, IPV4, 60);
	fake_run();
	assert_int_equal(got(B) + got(C), 40 + 1);
	assert_int_equal(fake_drops(A, DROP_POLICED), 60);
	assert_int_equal(fake_drops_all(B) + fake_drops_all(C), 0);
	assert_int_equal(fake_of(B)->out[19].len, 60 + 39);
	/* Live: more, the default burst, none. */
	fake_clear(A);
	fake_clear(B);
	limit(A, &(struct dp_rate){.pps = 500}, NULL);
	for (int i = 0; i < 64; i++)
		fake_queue(A, MB, MA, IPV4, 60);
	fake_run();
	assert_int_equal(got(B), 50);
	limit(A, NULL, NULL);
	for (int i = 0; i < 64; i++)
		fake_queue(A, MB, MA, IPV4, 60);
	fake_run();
	assert_int_equal(got(B), 50 + 64);
	assert_int_equal(A->taps, 0);
}

/* A frame that does not fit any more does not stop a shorter one's rate, nor is
 * it charged to the other rate. */
static void
test_bits(void **state)
{
	limit(A, &(struct dp_rate){.bps = 8000, .burst_bytes = 2500}, NULL);
	for (int i = 0; i < 5; i++)
		fake_queue(A, MB, MA, IPV4, 1000);
	fake_run();
	assert_int_equal(got(B), 3);
	assert_int_equal(fake_drops(A, DROP_POLICED), 2);
	fake_clear(A);
	fake_clear(B);
	limit(A, &(struct dp_rate){.pps = 1, .burst_packets = 4, .bps = 8000, .burst_bytes = 1500},
		NULL);
	for (int i = 0; i < 5; i++)
		fake_queue(A, MB, MA, IPV4, 1000);
	fake_run();
	assert_int_equal(got(B), 2);
	/* Two of the four packets are left. */
	limit(A, &(struct dp_rate){.pps = 1, .burst_packets = 4}, NULL);
	for (int i = 0; i < 5; i++)
		fake_queue(A, MB, MA, IPV4, 1000);
	fake_run();
	assert_int_equal(got(B), 2 + 2);
}

static void
queue_tso(struct dp_port *p, const uint8_t *dst, const uint8_t *src, uint32_t payload)
{
	struct fake_frame *f = fake_queue(p, dst, src, IPV4, 54 + payload);

	memset(f->data + 14, 0, 40);
	f->data[14] = 0x45;
	f->data[23] = 6;
	f->data[46] = 5 << 4;
	f->offload = (struct packet_offload){.flags = PACKET_F_NEEDS_CSUM,
		.gso_type = PACKET_GSO_TCPV4,
		.gso_size = 1000,
		.hdr_len = 54,
		.csum_start = 34,
		.csum_offset = 16};
}

/* A TCP frame counts as the segments that it becomes. */
static void
test_segments(void **state)
{
	limit(A, &(struct dp_rate){.pps = 1, .burst_packets = 11}, NULL);
	for (int i = 0; i < 4; i++)
		queue_tso(A, MB, MA, 4500); /* 5 segments */
	fake_run();
	assert_int_equal(got(B), 3); /* 15: the last one overdraws */
	limit(A, &(struct dp_rate){.bps = 8000, .burst_bytes = 2 * (4500 + 5 * 54) - 100}, NULL);
	for (int i = 0; i < 4; i++)
		queue_tso(A, MB, MA, 4500);
	fake_run();
	assert_int_equal(got(B), 3 + 2);
}

/* What a port is sent has rates, too: the others of a flood get it all. */
static void
test_out(void **state)
{
	limit(B, NULL, &(struct dp_rate){.pps = 1, .burst_packets = 5});
	for (int i = 0; i < 8; i++)
		fake_queue(A, BCAST, MA, ARP, 60)->mbuf = true;
	for (int i = 0; i < 8; i++)
		fake_queue(C, MB, MC, IPV4, 60);
	fake_run();
	assert_int_equal(got(B), 5);
	assert_int_equal(got(C), 8);
	assert_int_equal(fake_drops(B, DROP_POLICED_OUT), 11);
	assert_int_equal(fake_drops_all(A) + fake_drops_all(C), 0);
	assert_int_equal(fake_of(A)->mbufs_back, 8);
	/* What it sends itself has not. */
	for (int i = 0; i < 40; i++)
		fake_queue(B, MC, MB, IPV4, 60);
	fake_run();
	assert_int_equal(got(C), 8 + 40);
}

/* A tag that is put on counts. */
static void
test_out_tags(void **state)
{
	struct dp_port_settings s = *A->settings;
	struct dp_error err;

	s.vlan.access = 5;
	assert_int_equal(dp_port_set(A, &s, &err), 0);
	s = *B->settings;
	s.vlan = (struct dp_vlan){.trunk = true, .allowed = {1U << 5}};
	s.rate_out = (struct dp_rate){.bps = 8000, .burst_bytes = 4 * 104 - 20};
	assert_int_equal(dp_port_set(B, &s, &err), 0);
	for (int i = 0; i < 6; i++)
		fake_queue(A, BCAST, MA, ARP, 100);
	fake_run();
	assert_int_equal(got(B), 4);
	assert_int_equal(fake_of(B)->out[3].len, 104);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, three_teardown)
#define B(f) cmocka_unit_test_setup(f, clock_setup)
	const struct CMUnitTest tests[] = {
		B(test_rates),
		B(test_burst),
		B(test_clock),
		B(test_change),
		B(test_two_workers),
		T(test_packets),
		T(test_bits),
		T(test_segments),
		T(test_out),
		T(test_out_tags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
