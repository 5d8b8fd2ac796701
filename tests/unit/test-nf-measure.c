/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The network functions that count and measure: basic-monitor, flow-tracker, rate-limit,
 * load-generator.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "guest-pmd/nf/generator.h"
#include "guest-pmd/nf/limit.h"
#include "guest-pmd/nf/monitor.h"
#include "guest-pmd/nf/nf-program.h"
#include "guest-pmd/nf/tracker.h"
#include "tests/unit/nf-frames.h"

static struct test_frame frame;
static struct test_packet packet;
static char text[65536];

static struct netvm_packet *
make(uint32_t piece)
{
	test_packet_free(&packet);
	test_packet(&packet, &frame, 0, 0, piece);
	return &packet.p;
}

/* What a report printed, from the stream that it was given. */
static FILE *
begin_report(void)
{
	memset(text, 0, sizeof(text));
	return fmemopen(text, sizeof(text) - 1, "w");
}

static bool
reported(FILE *out, const char *line)
{
	fflush(out);
	return strstr(text, line) != NULL;
}

static void
a_monitor_counts(void **state)
{
	struct monitor m = {.last_ns = NF_SECOND};
	FILE *out = begin_report();

	for (int i = 0; i < 10; i++) {
		test_frame(&frame, "10.0.0.1", "10.0.0.2", i < 6 ? 6 : 17, 1, 2, NULL, 100);
		monitor_packet(&m, make(0));
	}
	test_frame_tag(&frame, 0x8100, 1);
	monitor_packet(&m, make(7));
	test_frame_arp(&frame, 1, "10.0.0.1", "10.0.0.2");
	monitor_packet(&m, make(0));
	frame.n = 5;
	monitor_packet(&m, make(0));
	test_frame(&frame, "fd00::1", "fd00::2", 58, 1, 2, NULL, 2000);
	monitor_packet(&m, make(0));
	monitor_report(&m, out, 3 * NF_SECOND);
	assert_true(reported(out, "all: 14 packets, 3747 bytes\n"));
	assert_true(reported(out, "ipv4: 11 packets"));
	assert_true(reported(out, "ipv6: 1 packets, 2062 bytes"));
	assert_true(reported(out, "tcp: 6 packets, 924 bytes"));
	assert_true(reported(out, "udp: 5 packets"));
	assert_true(reported(out, "icmp: 1 packets"));
	assert_true(reported(out, "tagged: 1 packets"));
	assert_true(reported(out, "arp: 1 packets, 42 bytes"));
	assert_true(reported(out, "bad: 1 packets, 5 bytes"));
	assert_true(reported(out, "size above 1518: 1\n"));
	assert_true(reported(out, "size up to 64: 2\n"));
	assert_true(reported(out, "rate: 7 packets/s, 0.015 Mbit/s"));
	fclose(out);
}

static void
a_tracker_follows_flows(void **state)
{
	FILE *out = begin_report();
	struct tracker t;

	assert_int_equal(tracker_start(&t, 3, 10 * NF_SECOND), 0);
	for (int i = 0; i < 5; i++) {
		test_frame(&frame, "10.0.0.1", "10.0.0.2", 17, 1000, 53, NULL, 100);
		tracker_packet(&t, make(0), NF_SECOND);
		test_frame(&frame, "10.0.0.2", "10.0.0.1", 17, 53, 1000, NULL, 200);
		tracker_packet(&t, make(0), 2 * NF_SECOND);
	}
	test_frame(&frame, "fd00::1", "fd00::2", 6, 5, 80, NULL, 0);
	tracker_packet(&t, make(0), 3 * NF_SECOND);
	tracker_report(&t, out, 10, 4 * NF_SECOND);
	assert_true(reported(out,
		"flow udp 10.0.0.1:1000 > 10.0.0.2:53: 5/5 packets, 710/1210 bytes, 1.0 s, "
		"silent for 2.0 s\nflow tcp [fd00::1]:5 > [fd00::2]:80: 1/0 packets"));
	fclose(out);
	/* The silent one makes room, and the rest ages. */
	for (uint16_t i = 0; i < 3; i++) {
		test_frame(&frame, "10.0.0.3", "10.0.0.4", 17, i, 53, NULL, 0);
		tracker_packet(&t, make(0), 5 * NF_SECOND);
	}
	assert_int_equal(t.count[TRACKER_EVICTED], 2);
	assert_int_equal(tracker_age(&t, 15 * NF_SECOND, 2), 2);
	assert_int_equal(tracker_age(&t, 15 * NF_SECOND, 2), 1);
	assert_int_equal(nf_table_count(t.flows), 0);
	tracker_stop(&t);
}

/* How many of n packets a nanosecond's distance apart pass. */
static unsigned int
passing(struct limit *l, unsigned int n, uint64_t from, uint64_t step)
{
	unsigned int passed = 0;

	for (unsigned int i = 0; i < n; i++) {
		struct netvm_packet *p = &packet.p;

		limit_packet(l, p, from + i * step);
		passed += p->verdict == NETVM_NEXT;
	}
	return passed;
}

static void
a_limit_is_kept(void **state)
{
	struct limit_config c = {.packets = true, .rate = 1000, .burst = 10, .sources = 2};
	struct limit l;

	test_frame(&frame, "10.0.0.1", "10.0.0.2", 17, 1, 2, NULL, 958);
	make(0);
	assert_int_equal(packet.p.total, 1000);
	assert_int_equal(limit_start(&l, &c), 0);
	assert_int_equal(passing(&l, 100, NF_SECOND, 0), 10);
	assert_int_equal(passing(&l, 1, NF_SECOND + 999999, 0), 0);
	assert_int_equal(passing(&l, 2, NF_SECOND + 1000001, 0), 1);
	/* Silence gives a burst back, and no more. */
	assert_int_equal(passing(&l, 100, 9 * NF_SECOND, 0), 10);
	/* A second at ten times the rate. */
	assert_in_range(passing(&l, 10000, 10 * NF_SECOND, 100000), 1000, 1011);
	limit_stop(&l);

	c = (struct limit_config){.rate = 8000000, .burst = 5000, .sources = 2};
	assert_int_equal(limit_start(&l, &c), 0);
	assert_in_range(passing(&l, 10000, 10 * NF_SECOND, 100000), 1000, 1006);
	limit_stop(&l);

	/* A burst that takes longer than the bucket can say. */
	c = (struct limit_config){.rate = 1, .burst = 1000000000, .sources = 2};
	assert_true(limit_start(&l, &c) < 0);
	c.burst = 30000000;
	assert_int_equal(limit_start(&l, &c), 0);
	assert_in_range(passing(&l, 40000, NF_SECOND, 0), 30000, 30001);
	limit_stop(&l);

	/* Small packets at a high rate are not rounded to nothing. */
	c = (struct limit_config){.packets = true, .rate = 300000000, .burst = 4, .sources = 2};
	assert_int_equal(limit_start(&l, &c), 0);
	assert_in_range(passing(&l, 100000, 10 * NF_SECOND, 1), 29000, 31000);
	limit_stop(&l);
}

static void
sources_have_limits_of_their_own(void **state)
{
	struct limit_config c = {
		.by = LIMIT_SOURCE, .packets = true, .rate = 1, .burst = 1, .sources = 2};
	static const char *const sources[] = {
		"10.0.0.1", "10.0.0.2", "10.0.0.1", "10.0.0.3", "10.0.0.1", "10.0.0.3", "10.0.0.2"};
	static const bool pass[] = {true, true, false, true, false, false, true};
	struct limit l;

	assert_int_equal(limit_start(&l, &c), 0);
	for (size_t i = 0; i < sizeof(pass); i++) {
		test_frame(&frame, sources[i], "10.9.9.9", 17, (uint16_t)i, 2, NULL, 9);
		make(0);
		assert_int_equal(passing(&l, 1, NF_SECOND + i, 0), pass[i]);
	}
	assert_int_equal(l.count[LIMIT_EVICTED], 2);
	limit_stop(&l);

	/* Silence is no way to a full bucket before its time. */
	c = (struct limit_config){.by = LIMIT_SOURCE, .rate = 8, .burst = 500, .sources = 2};
	assert_int_equal(limit_start(&l, &c), 0);
	test_frame(&frame, "10.0.0.1", "10.9.9.9", 17, 1, 2, NULL, 458);
	make(0);
	assert_int_equal(passing(&l, 9, NF_SECOND, 0), 2);
	assert_int_equal(passing(&l, 1, 400 * NF_SECOND, 0), 0);
	assert_int_equal(passing(&l, 9, 2000 * NF_SECOND, 0), 2);
	limit_stop(&l);
}

static struct generator generator;

static void
a_generator_keeps_its_pace(void **state)
{
	struct generator_config c = {.size = 60, .rate = 1000, .flows = 3, .count = 500};
	struct generator *g = &generator;
	uint32_t n = 0, due;

	generator_start(g, &c);
	frame.n = 0;
	make(0);
	test_packet_free(&packet);
	test_packet(&packet, &frame, 0, 100, 0);
	for (uint64_t now = NF_SECOND; now < 2 * NF_SECOND && n < 400; now += 100000) {
		due = generator_due(g, now, 32);
		for (uint32_t i = 0; i < due; i++)
			assert_true(generator_make(g, &packet.p, packet.room, now));
		/* Every third one finds no room, and is due again. */
		generator_unmake(g, due > 0 && now / 100000 % 3 == 0 ? 1 : 0);
		n = (uint32_t)g->sent;
	}
	assert_in_range(n, 399, 400);
	/* After a long sleep not everything is made up for. */
	assert_true(generator_due(g, 100 * NF_SECOND, 32) <= 32);
	while (g->sent < 500)
		assert_true(generator_make(g, &packet.p, packet.room, NF_SECOND));
	assert_int_equal(generator_due(g, 200 * NF_SECOND, 32), 0);
	assert_false(generator_make(g, &packet.p, 59, NF_SECOND));
	test_frame_of(&frame, &packet.p);
	assert_true(test_sums_right(&frame));
	assert_int_equal(frame.n, 60);
	/* Nothing that the buffer held before. */
	g->config.size = 90;
	memset(packet.p.data, 0xaa, 100);
	assert_true(generator_make(g, &packet.p, packet.room, NF_SECOND));
	for (int i = 60; i < 90; i++)
		assert_int_equal(packet.p.data[i], 0);
}

static void
a_generator_measures(void **state)
{
	struct generator_config c = {.size = 200, .window = 8, .count = 1000, .thread = 3};
	struct generator *g = &generator;
	FILE *out = begin_report();
	uint16_t sender = 0;

	test_packet_free(&packet);
	frame.n = 0;
	test_packet(&packet, &frame, 0, 300, 0);
	generator_start(g, &c);
	assert_int_equal(generator_due(g, NF_SECOND, 32), 8);
	for (int i = 0; i < 8; i++)
		assert_true(generator_make(g, &packet.p, packet.room, NF_SECOND));
	assert_int_equal(generator_due(g, NF_SECOND + 1, 32), 0);
	assert_int_equal(generator_due(g, 3 * NF_SECOND, 32), 8); /* they are lost */
	assert_int_equal(generator_due(g, 3 * NF_SECOND + 1, 32), 8);
	assert_true(generator_make(g, &packet.p, packet.room, 3 * NF_SECOND));
	assert_int_equal(generator_due(g, 3 * NF_SECOND + 2, 32), 7);
	generator_back(g, 1); /* whichever thread it came to */
	assert_int_equal(generator_due(g, 3 * NF_SECOND + 3, 32), 8);
	generator_start(g, &c);
	for (uint64_t i = 1; i <= 1000; i++) {
		assert_true(generator_make(g, &packet.p, packet.room, i * 5000));
		if (i == 500) {
			packet.p.data[42]++; /* somebody spoiled it */
			assert_false(generator_take(g, &packet.p, i * 5000 + i, &sender));
			continue;
		}
		assert_true(generator_take(g, &packet.p, i * 5000 + i * 1000, &sender));
		assert_int_equal(sender, 3);
		generator_back(g, 1);
	}
	assert_int_equal(generator_due(g, 10 * NF_SECOND, 32), 0);
	assert_int_equal(g->received, 999);
	assert_int_equal(g->min_ns, 1000);
	assert_int_equal(g->max_ns, 1000000);
	assert_in_range(generator_percentile(g, 0.5), 500000, 520000);
	assert_in_range(generator_percentile(g, 0.99), 985000, 1000000);
	assert_false(generator_done(g, g->last_ns + NF_SECOND / 2));
	assert_true(generator_done(g, g->last_ns + 2 * NF_SECOND));
	generator_report(g, out);
	assert_true(reported(out, "sent: 1000\nreceived: 999\nlost: 1\nlate: 0\nstrange: 1\n"));
	assert_true(reported(out, "latency most: 1000000 ns\n"));
	generator_back(g, 1);
	assert_true(generator_done(g, g->last_ns));
	generator_start(g, &c);
	assert_true(generator_make(g, &packet.p, packet.room, NF_SECOND));
	assert_false(generator_done(g, 5 * NF_SECOND));
	generator_end(g);
	assert_int_equal(generator_due(g, NF_SECOND, 32), 0);
	assert_false(generator_done(g, NF_SECOND + 1)); /* it may come still */
	assert_true(generator_done(g, 3 * NF_SECOND));
	fclose(out);
	test_packet_free(&packet);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_monitor_counts),
		cmocka_unit_test(a_tracker_follows_flows),
		cmocka_unit_test(a_limit_is_kept),
		cmocka_unit_test(sources_have_limits_of_their_own),
		cmocka_unit_test(a_generator_keeps_its_pace),
		cmocka_unit_test(a_generator_measures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
