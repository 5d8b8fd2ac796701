/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The network functions that decide where packets go: bridge, nf-router, load-balancer,
 * payload-scan.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "guest-pmd/nf/balancer.h"
#include "guest-pmd/nf/bridge.h"
#include "guest-pmd/nf/router.h"
#include "guest-pmd/nf/scan.h"
#include "tests/unit/nf-frames.h"

static struct test_frame frame;
static struct test_packet packet;

static struct netvm_packet *
make(uint32_t piece)
{
	test_packet_free(&packet);
	test_packet(&packet, &frame, 0, 0, piece);
	return &packet.p;
}

/* A frame between two stations, from a port. */
static struct netvm_packet *
between(uint8_t from, uint8_t to, uint16_t port)
{
	test_frame(&frame, "10.0.0.1", "10.0.0.2", 17, 1, 2, NULL, 20);
	frame.b[5] = to;
	frame.b[11] = from;
	make(from % 2 != 0 ? 9 : 0);
	packet.p.destination = port;
	return &packet.p;
}

static void
a_bridge_learns(void **state)
{
	struct bridge b;
	struct netvm_packet *p;

	assert_int_equal(bridge_start(&b, 2, 1000), 0);
	p = between(1, 2, 10);
	bridge_packet(&b, p, 0);
	assert_int_equal(p->verdict, NETVM_NEXT);
	p = between(2, 1, 20);
	bridge_packet(&b, p, 10);
	assert_int_equal(p->verdict, NETVM_TO_PORT);
	assert_int_equal(p->destination, 10);
	p = between(3, 2, 20); /* behind the same port, and no room for it */
	bridge_packet(&b, p, 20);
	assert_int_equal(p->verdict, NETVM_DROP);
	assert_int_equal(b.count[BRIDGE_FULL], 1);
	p = between(1, 2, 30); /* it moved */
	bridge_packet(&b, p, 30);
	assert_int_equal(p->destination, 20);
	p = between(2, 1, 20);
	bridge_packet(&b, p, 40);
	assert_int_equal(p->destination, 30);
	assert_int_equal(b.count[BRIDGE_MOVED], 1);
	p = between(2, 1, 20);
	p->data[0] = 3; /* multicast */
	bridge_packet(&b, p, 50);
	assert_int_equal(p->verdict, NETVM_NEXT);
	p = between(2, 1, 20); /* station 1 was silent for too long */
	bridge_packet(&b, p, 1045);
	assert_int_equal(p->verdict, NETVM_NEXT);
	frame.n = 13;
	p = make(0);
	bridge_packet(&b, p, 0);
	assert_int_equal(p->verdict, NETVM_DROP);
	bridge_stop(&b);
}

static void
a_router_sends_by_rules(void **state)
{
	struct router r = {.unmatched = {NETVM_DROP, 0}, .others = {NETVM_TO_PORT, 9}};
	struct netvm_packet *p;

	assert_int_equal(router_start(&r, test_file("service:3 tcp any 10.0.0.0/8 80\n"
						    "port:65535 any any fd00::/8\n"
						    "next udp any any\n")),
		0);
	test_frame(&frame, "1.1.1.1", "10.0.0.2", 6, 1, 80, NULL, 1);
	router_packet(&r, p = make(0));
	assert_true(p->verdict == NETVM_TO_SERVICE && p->destination == 3);
	frame.b[21] = 100; /* a later fragment shows no ports */
	router_packet(&r, p = make(0));
	assert_int_equal(p->verdict, NETVM_DROP);
	frame.b[20] = 0x20; /* the first one does, and goes where the others go */
	frame.b[21] = 0;
	router_packet(&r, p = make(0));
	assert_int_equal(p->verdict, NETVM_DROP);
	test_frame(&frame, "fe80::1", "fd00::2", 6, 1, 81, NULL, 1);
	router_packet(&r, p = make(0));
	assert_true(p->verdict == NETVM_TO_PORT && p->destination == 65535);
	test_frame(&frame, "1.1.1.1", "10.0.0.2", 17, 1, 80, NULL, 1);
	router_packet(&r, p = make(0));
	assert_int_equal(p->verdict, NETVM_NEXT);
	test_frame_arp(&frame, 1, "10.0.0.1", "10.0.0.2");
	router_packet(&r, p = make(0));
	assert_true(p->verdict == NETVM_TO_PORT && p->destination == 9);
	router_stop(&r);
}

static struct balancer balancer[2];

/* Which back end's port flow i is sent to. */
static uint16_t
balanced(struct balancer *b, uint32_t i)
{
	test_frame(&frame, "10.0.0.1", "192.0.2.1", 6, (uint16_t)i, 80, NULL, 4);
	frame.b[26] = (uint8_t)(i >> 16);
	make(0);
	balancer_packet(b, &packet.p, packet.room);
	assert_int_equal(packet.p.verdict, NETVM_TO_PORT);
	return packet.p.destination;
}

static void
a_balancer_moves_no_more_than_it_must(void **state)
{
	struct balancer *four = &balancer[0], *three = &balancer[1];
	unsigned int count[8] = {0}, moved = 0;

	assert_int_equal(balancer_start(four,
				 test_file("a port:1\nb port:2 weight 2\nc port:3\nd port:4\n")),
		0);
	assert_int_equal(
		balancer_start(three, test_file("d port:4\nb port:2 weight 2\na port:1\n")), 0);
	for (uint32_t i = 0; i < 20000; i++) {
		uint16_t to = balanced(four, i), then = balanced(three, i);

		assert_in_range(to, 1, 4);
		count[to]++;
		if (to != 3)
			assert_int_equal(then, to);
		else
			moved += then != 3;
		assert_int_equal(balanced(four, i), to);
	}
	assert_in_range(count[1], 3600, 4400);
	assert_in_range(count[2], 7500, 8500);
	assert_int_equal(moved, count[3]);
}

/* A router on the way says of an answer that it is too long: to the back end that sent it. */
static void
a_balancer_sends_errors_after_their_flow(void **state)
{
	static struct test_frame answer;
	struct balancer *b = memset(&balancer[0], 0, sizeof(balancer[0]));

	assert_int_equal(
		balancer_start(b, test_file("a port:1\nb port:2\nc port:3\nd port:4\n")), 0);
	for (uint32_t i = 0; i < 200; i++) {
		uint16_t to = balanced(b, i);

		test_frame(&answer, "192.0.2.1", "0.0.0.1", 6, 80, (uint16_t)i, NULL, 100);
		test_frame(&frame, "203.0.113.9", "192.0.2.1", 1, 0, 0x0304, answer.b + 14, 28);
		make(0);
		balancer_packet(b, &packet.p, packet.room);
		assert_int_equal(packet.p.destination, to);
	}
}

static void
a_balancer_keeps_to_its_addresses(void **state)
{
	struct balancer *b = memset(&balancer[0], 0, sizeof(balancer[0]));

	assert_int_equal(nf_host_add(&b->host, "192.0.2.1"), 0);
	assert_int_equal(balancer_start(b, test_file("a mac 02:00:00:00:00:aa")), 0);
	test_frame(&frame, "10.0.0.1", "192.0.2.1", 6, 1, 80, NULL, 4);
	make(0);
	balancer_packet(b, &packet.p, packet.room);
	assert_int_equal(packet.p.verdict, NETVM_NEXT);
	assert_memory_equal(packet.p.data, "\2\0\0\0\0\xaa\2\0\0\0\0\1", 12);
	test_frame(&frame, "10.0.0.1", "192.0.2.2", 6, 1, 80, NULL, 4);
	make(0);
	balancer_packet(b, &packet.p, packet.room);
	assert_memory_equal(packet.p.data, "\2\0\0\0\0\2", 6);
	test_frame_arp(&frame, 1, "10.0.0.1", "192.0.2.1");
	make(0);
	balancer_packet(b, &packet.p, packet.room);
	assert_int_equal(packet.p.verdict, NETVM_NEXT);
	b->answer = true;
	balancer_packet(b, &packet.p, packet.room);
	assert_int_equal(packet.p.verdict, NETVM_TO_PORT);
	assert_int_equal(packet.p.data[21], 2);
}

static void
a_scan_finds_over_borders(void **state)
{
	struct nf_patterns *ps = nf_patterns_read(test_file("attack\nack at\n"), false);
	struct scan s;

	assert_int_equal(scan_start(&s, ps, (struct nf_target){NETVM_DROP, 0}), 0);
	for (uint32_t piece = 0; piece < 60; piece++) {
		test_frame(&frame, "10.0.0.1", "10.0.0.2", 6, 1, 2, "this is an attack at", 20);
		scan_packet(&s, make(piece < 4 ? 0 : piece));
		assert_int_equal(packet.p.verdict, NETVM_DROP);
	}
	assert_int_equal(s.hits[0], 60);
	assert_int_equal(s.hits[1], 0); /* the first match decided */
	s.matched.verdict = NETVM_NEXT;
	scan_packet(&s, make(0));
	assert_int_equal(packet.p.verdict, NETVM_NEXT);
	assert_int_equal(s.hits[1], 1);
	test_frame(&frame, "10.0.0.1", "10.0.0.2", 6, 1, 2, "this is no atttack", 18);
	scan_packet(&s, make(0));
	assert_int_equal(s.count[SCAN_CLEAN], 1);
	/* What stands behind the packet's end is not searched. */
	test_frame(&frame, "10.0.0.1", "10.0.0.2", 6, 1, 2, "attac", 5);
	frame.b[frame.n++] = 'k';
	scan_packet(&s, make(0));
	assert_int_equal(s.count[SCAN_CLEAN], 2);
	scan_stop(&s);
	nf_patterns_free(ps);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bridge_learns),
		cmocka_unit_test(a_router_sends_by_rules),
		cmocka_unit_test(a_balancer_moves_no_more_than_it_must),
		cmocka_unit_test(a_balancer_sends_errors_after_their_flow),
		cmocka_unit_test(a_balancer_keeps_to_its_addresses),
		cmocka_unit_test(a_scan_finds_over_borders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
