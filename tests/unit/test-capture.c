/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Captures in the data path: what is recorded, what happens when nobody
 * reads, and the ring of records by itself.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "src/datapath/capture-ring.h"
#include "src/datapath/network.h"
#include "tests/unit/compile-filter.h"
#include "tests/unit/three-ports.h"

#define SEEN_MAX 256

static struct seen {
	unsigned int count;
	struct {
		uint32_t len, captured;
		bool in;
		uint64_t ns;
		uint8_t data[2048];
	} frame[SEEN_MAX];
} seen;

static void
look(const struct dp_captured *f, void *arg)
{
	assert_true(seen.count < SEEN_MAX && f->captured <= sizeof(seen.frame[0].data));
	seen.frame[seen.count].len = f->len;
	seen.frame[seen.count].captured = f->captured;
	seen.frame[seen.count].in = f->in;
	seen.frame[seen.count].ns = f->ns;
	memcpy(seen.frame[seen.count++].data, f->data, f->captured);
}

static unsigned int
drain(struct dp_capture *c)
{
	seen.count = 0;
	while (dp_capture_next(c, look, NULL))
		;
	return seen.count;
}

static struct dp_capture_config
everything(void)
{
	return (struct dp_capture_config){.snaplen = DP_SNAPLEN_MAX, .in = true, .out = true};
}

static struct dp_capture *
start(struct dp_port *p, const struct dp_capture_config *cfg)
{
	struct dp_capture *c = NULL;
	struct dp_error err = {""};

	if (dp_capture_start(p, cfg, &c, &err) != 0)
		fail_msg("%s", err.text);
	return c;
}

static void
test_directions(void **state)
{
	struct dp_capture_config in = everything(), out = everything(), both = everything();
	struct dp_capture *a_in, *a_out, *a_both, *b_out;

	three_introduce();
	in.out = out.in = false;
	a_in = start(A, &in);
	a_out = start(A, &out);
	a_both = start(A, &both);
	b_out = start(B, &out);
	fake_queue(A, MB, MA, IPV4, 300);
	fake_queue(B, MA, MB, IPV4, 400);
	fake_queue(C, BCAST, MC, ARP, 60);
	fake_run();
	assert_int_equal(drain(a_in), 1);
	assert_int_equal(seen.frame[0].len, 300);
	assert_true(seen.frame[0].in);
	assert_int_equal(drain(a_out), 2);
	assert_int_equal(seen.frame[0].len, 400);
	assert_false(seen.frame[0].in);
	assert_int_equal(seen.frame[1].len, 60);
	assert_int_equal(drain(a_both), 3);
	assert_true(seen.frame[0].ns <= seen.frame[2].ns);
	assert_int_equal(drain(b_out), 2);
	assert_int_equal(seen.frame[0].len, 300);
	/* All bytes, as they were sent: the payload counts up behind the header. */
	assert_int_equal(seen.frame[0].captured, 300);
	assert_memory_equal(seen.frame[0].data, MB, 6);
	for (unsigned int i = 14; i < 300; i++)
		assert_int_equal(seen.frame[0].data[i], (uint8_t)i);
	assert_int_equal(drain(a_both), 0);
	dp_capture_free(a_in);
	dp_capture_free(a_out);
	dp_capture_free(a_both);
	dp_capture_free(b_out);
	assert_null(A->captures);
	assert_int_equal(A->taps | B->taps, 0);
}

/* A capture shows what is refused, and what does not fit. */
static void
test_before_judgement(void **state)
{
	struct dp_capture_config cfg = everything();
	struct dp_port_settings s = fake_settings(net);
	struct dp_capture *a, *b;
	struct dp_error err;

	three_introduce();
	s.guard.nmac = 1;
	memcpy(s.guard.mac[0], MC, 6);
	assert_int_equal(dp_port_set(A, &s, &err), 0);
	fake_of(B)->room = 0;
	a = start(A, &cfg);
	b = start(B, &cfg);
	fake_queue(A, MB, MA, IPV4, 100);
	fake_queue(C, MB, MC, IPV4, 100);
	fake_run();
	assert_int_equal(fake_drops(A, DROP_GUARD_MAC), 1);
	assert_int_equal(fake_drops(B, DROP_RING_FULL), 1);
	assert_int_equal(drain(a), 1);
	assert_int_equal(drain(b), 1);
	dp_capture_free(a);
	dp_capture_free(b);
}

static void
test_tag_as_on_the_wire(void **state)
{
	struct dp_capture_config cfg = everything();
	struct dp_port_settings s = fake_settings(net);
	struct dp_capture *a, *b, *c;
	struct dp_error err;

	s.vlan.trunk = true;
	s.vlan.allowed[0] = UINT64_C(1) << 10;
	assert_int_equal(dp_port_set(A, &s, &err), 0);
	assert_int_equal(dp_port_set(B, &s, &err), 0);
	s.vlan = (struct dp_vlan){.access = 10};
	assert_int_equal(dp_port_set(C, &s, &err), 0);
	a = start(A, &cfg);
	b = start(B, &cfg);
	c = start(C, &cfg);
	fake_queue_tagged(A, BCAST, MA, 10, ARP, 100);
	fake_run();
	assert_int_equal(drain(a), 1);
	assert_int_equal(seen.frame[0].len, 100);
	assert_int_equal(seen.frame[0].data[12], 0x81);
	assert_int_equal(seen.frame[0].data[15], 10);
	assert_int_equal(drain(b), 1);
	assert_int_equal(seen.frame[0].len, 100);
	assert_int_equal(seen.frame[0].data[12], 0x81);
	assert_int_equal(drain(c), 1);
	assert_int_equal(seen.frame[0].len, 96);
	assert_int_equal(seen.frame[0].data[12], 0x08);
	dp_capture_free(a);
	dp_capture_free(b);
	dp_capture_free(c);
}

static void
test_filter_and_snaplen(void **state)
{
	struct dp_capture_config cfg = everything();
	struct dp_filter_insn *program =
		compile_filter("arp and ether[400] == 0x90", &cfg.nprogram);
	struct dp_capture_counters n;
	struct dp_capture *c;

	three_introduce();
	cfg.program = program;
	cfg.snaplen = 20;
	c = start(A, &cfg);
	memset(program, 0xff, cfg.nprogram * sizeof(*program)); /* It has a copy. */
	fake_queue(A, MB, MA, ARP, 500); /* Byte 400 is 0x90, behind the snaplen. */
	fake_queue(A, MB, MA, IPV4, 500);
	fake_queue(A, MB, MA, ARP, 400);
	fake_queue(A, MB, MA, ARP, 14);
	fake_run();
	assert_int_equal(drain(c), 1);
	assert_int_equal(seen.frame[0].len, 500);
	assert_int_equal(seen.frame[0].captured, 20);
	dp_capture_counters(c, &n);
	assert_int_equal(n.received, 4);
	assert_int_equal(n.chosen, 1);
	assert_int_equal(n.lost, 0);
	dp_capture_free(c);
	free(program);
}

static void
test_limits(void **state)
{
	struct dp_capture_config cfg = everything();
	struct dp_capture *c[DP_CAPTURES_MAX], *more = NULL;
	struct dp_error err = {""};

	for (unsigned int i = 0; i < DP_CAPTURES_MAX; i++)
		c[i] = start(i % 2 ? A : B, &cfg);
	assert_int_equal(dp_capture_start(C, &cfg, &more, &err), -EBUSY);
	dp_capture_end(c[3]);
	assert_false(dp_capture_running(c[3]));
	more = start(C, &cfg);
	dp_capture_free(more);
	for (unsigned int i = 0; i < DP_CAPTURES_MAX; i++)
		dp_capture_free(c[i]);
	cfg.snaplen = 0;
	assert_int_equal(dp_capture_start(C, &cfg, &more, &err), -EINVAL);
	cfg.snaplen = DP_SNAPLEN_MAX + 1;
	assert_int_equal(dp_capture_start(C, &cfg, &more, &err), -EINVAL);
}

/* Nobody reads: what was taken first stays, the rest is counted, and frames
 * move all the same. What the filter does not choose is not lost. */
static void
test_overflow(void **state)
{
	struct dp_capture_config cfg = everything();
	struct dp_filter_insn *program = compile_filter("len > 100", &cfg.nprogram);
	struct dp_capture_counters n;
	struct dp_capture *c;
	unsigned int sent = 0, kept;

	three_introduce();
	cfg.program = program;
	cfg.out = false;
	c = start(A, &cfg);
	do {
		for (unsigned int i = 0; i < 100; i++)
			fake_queue(A, MB, MA, IPV4, 1500);
		for (unsigned int i = 0; i < 10; i++)
			fake_queue(A, MB, MA, IPV4, 60);
		fake_run();
		assert_int_equal(got(B), 110);
		fake_clear(A);
		fake_clear(B);
		sent += 100;
		dp_capture_counters(c, &n);
		assert_true(sent < 100000);
	} while (n.lost < 500);
	assert_int_equal(n.received, sent + sent / 10);
	assert_int_equal(n.chosen, sent);
	for (kept = 0; seen.count = 0, dp_capture_next(c, look, NULL); kept++)
		assert_int_equal(seen.frame[0].captured, 1500);
	assert_int_equal(kept + n.lost, sent);
	/* There is room again. */
	fake_queue(A, MB, MA, IPV4, 1500);
	fake_run();
	assert_int_equal(drain(c), 1);
	dp_capture_free(c);
	free(program);
}

static void
test_port_deleted(void **state)
{
	struct dp_capture_config cfg = everything();
	struct dp_port *d = fake_port_add("d", net);
	struct dp_capture *c = start(d, &cfg), *e = start(d, &cfg);

	fake_queue(d, BCAST, MA, ARP, 60);
	fake_run();
	dp_port_del(d);
	assert_false(dp_capture_running(c));
	assert_int_equal(drain(c), 1);
	dp_capture_end(c);
	dp_capture_free(c);
	dp_capture_free(e);
}

/* --- the ring by itself ----------------------------------------------------- */

#define RECORDS 200000
#define LONGEST 999

static uint32_t
length_of(uint32_t i)
{
	return i * 2654435761u % (LONGEST + 1);
}

static void *
produce(void *arg)
{
	struct capture_ring *r = arg;
	bool full;

	for (uint32_t i = 0; i < RECORDS;) {
		struct capture_record *rec = capture_ring_room(r, LONGEST, &full);

		/* Scratch memory may be written as well. */
		rec->len = i;
		rec->captured = length_of(i);
		memset(rec->data, (int)i, LONGEST);
		if (full)
			continue;
		capture_ring_commit(r, rec);
		i++;
	}
	return NULL;
}

static void
test_ring_between_threads(void **state)
{
	struct capture_ring r;
	pthread_t thread;

	assert_int_equal(capture_ring_open(&r, 5000, LONGEST), 0);
	assert_int_equal(r.size, 8192);
	assert_int_equal(pthread_create(&thread, NULL, produce, &r), 0);
	for (uint32_t i = 0; i < RECORDS;) {
		const struct capture_record *rec = capture_ring_peek(&r);

		if (rec == NULL)
			continue;
		if (rec->len != i || rec->captured != length_of(i))
			fail_msg("record %u is %u, %u bytes", i, rec->len, rec->captured);
		for (uint32_t k = 0; k < rec->captured; k++)
			if (rec->data[k] != (uint8_t)i)
				fail_msg("byte %u of record %u", k, i);
		capture_ring_pop(&r);
		i++;
	}
	pthread_join(thread, NULL);
	assert_null(capture_ring_peek(&r));
	capture_ring_close(&r);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, three_setup, three_teardown)
	const struct CMUnitTest tests[] = {
		T(test_directions),
		T(test_before_judgement),
		T(test_tag_as_on_the_wire),
		T(test_filter_and_snaplen),
		T(test_limits),
		T(test_overflow),
		T(test_port_deleted),
		cmocka_unit_test(test_ring_between_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
