/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rates of ports: what policing does to a port's frames.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "src/datapath/network.h"
#include "tests/unit/three-ports.h"

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
	const struct CMUnitTest tests[] = {
		T(test_packets),
		T(test_bits),
		T(test_segments),
		T(test_out),
		T(test_out_tags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
