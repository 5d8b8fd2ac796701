/* SPDX-License-Identifier: BSD-3-Clause */
/* libnetvm's bursts and empty buffers, with a fake host on the other side. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <unistd.h>

#include "tests/unit/netvm-env.h"

static void
test_receive(void **state)
{
	struct netvm_env f = netvm_env_start(FAKE_HOST_MANUAL, 0);
	struct netvm_packet p[8];

	assert_int_equal(netvm_rx(f.port, 0, p, 8), 0);
	assert_true(fake_host_send(f.h, 0, "hello", 5));
	assert_true(fake_host_send(f.h, 0, "you", 3));
	assert_int_equal(netvm_rx(f.port, 0, p, 8), 2);
	assert_int_equal(p[0].length, 5);
	assert_int_equal(p[0].total, 5);
	assert_int_equal(p[0].nseg, 1);
	assert_int_equal(p[0].destination, 1);
	assert_int_equal(p[0].verdict, NETVM_NEXT);
	assert_memory_equal(p[0].data, "hello", 5);
	assert_memory_equal(p[1].data, "you", 3);
	assert_int_equal(netvm_headroom(f.port, &p[0]), 128);
	assert_int_equal(netvm_room(f.port, &p[0]), 2048 - 128);
	netvm_env_assert_owned(&f, 2);
	netvm_free(f.port, 0, p, 2);
	/* A pair that is not there is refused, however far away it would be. */
	for (uint32_t pair = 3; pair <= UINT16_MAX; pair = pair * 2 + 1) {
		assert_int_equal(netvm_rx(f.port, (uint16_t)pair, p, 1), -EINVAL);
		assert_int_equal(netvm_tx(f.port, (uint16_t)pair, p, 1), -EINVAL);
		assert_int_equal(netvm_alloc(f.port, (uint16_t)pair, p, 1), -EINVAL);
		assert_int_equal(netvm_wait(f.port, (uint16_t)pair, 0), -EINVAL);
		netvm_free(f.port, (uint16_t)pair, p, 1);
	}
	netvm_env_stop(&f);
}

static void
test_send(void **state)
{
	struct netvm_env f = netvm_env_start(FAKE_HOST_MANUAL, 0);
	struct netvm_packet p[3];
	struct netvm_desc d[4];

	assert_int_equal(netvm_alloc(f.port, 0, p, 3), 3);
	for (int i = 0; i < 3; i++) {
		memset(p[i].data, 'a' + i, 100);
		p[i].length = p[i].total = 100;
	}
	p[1].verdict = NETVM_TO_PORT;
	p[1].destination = 42;
	p[1].mark = 0xabcd;
	assert_non_null(netvm_prepend(f.port, &p[2], 8));
	assert_int_equal(netvm_tx(f.port, 0, p, 3), 3);
	assert_int_equal(fake_host_take(f.h, 0, d, 4), 3);
	assert_int_equal(d[0].length, 100);
	assert_int_equal(d[0].offset, 128);
	assert_int_equal(d[0].action, NETVM_ACTION_NEXT);
	assert_int_equal(d[1].action, NETVM_ACTION_TO_PORT);
	assert_int_equal(d[1].destination, 42);
	assert_int_equal(d[1].mark, 0xabcd);
	assert_int_equal(d[2].offset, 120);
	assert_int_equal(d[2].length, 108);
	assert_int_equal(f.h->buffers[(size_t)d[2].buffer * 2048 + 128], 'c');
	netvm_env_stop(&f);
}

/* Round after round through the smallest ring, so that both wrap many times. */
static void
test_wrap(void **state)
{
	struct netvm_env f = netvm_env_start(FAKE_HOST_ECHO, NETVM_RING_MIN);
	struct netvm_packet p[32];
	uint32_t sent = 0, came = 0, n;
	int got;

	while (came < 20000) {
		got = sent - came < 40 ? netvm_alloc(f.port, 0, p, 1 + sent % 32) : 0;
		for (int i = 0; i < got; i++) {
			n = sent + i;
			memcpy(p[i].data, &n, sizeof(n));
			p[i].length = p[i].total = 60;
		}
		n = got ? netvm_tx(f.port, 0, p, got) : 0;
		netvm_free(f.port, 0, p + n, got - n);
		sent += n;
		got = netvm_rx(f.port, 0, p, 32);
		assert_true(got >= 0);
		for (int i = 0; i < got; i++) {
			memcpy(&n, p[i].data, sizeof(n));
			assert_int_equal(n, came + i);
		}
		came += got;
		netvm_free(f.port, 0, p, got);
	}
	netvm_env_stop(&f);
}

static struct netvm_desc
host_desc(struct netvm_env *f, uint16_t length, uint8_t flags)
{
	struct netvm_desc d = {
		.buffer = fake_host_alloc(f->h), .offset = 10, .length = length, .flags = flags};

	assert_int_not_equal(d.buffer, UINT32_MAX);
	memset(f->h->buffers + (size_t)d.buffer * 2048 + 10, length, length);
	return d;
}

static void
test_segments_and_offload(void **state)
{
	struct netvm_env f = netvm_env_start(FAKE_HOST_MANUAL, 0);
	struct netvm_offload o = {.csum_start = 34,
		.csum_offset = 16,
		.gso_size = 1448,
		.hdr_len = 66,
		.flags = NETVM_DESC_F_OFFLOAD,
		.csum = 1,
		.gso_type = 1};
	struct netvm_desc d[4], out[8];
	struct netvm_packet p[2];
	uint8_t copy[64];

	memcpy(&d[0], &o, sizeof(o));
	d[1] = host_desc(&f, 70, NETVM_DESC_F_OFFLOAD | NETVM_DESC_F_MORE | NETVM_DESC_F_HASH);
	d[1].mark = 99;
	d[2] = host_desc(&f, 80, NETVM_DESC_F_MORE);
	d[3] = host_desc(&f, 90, 0);
	assert_true(fake_host_put(f.h, 0, d, 4));
	assert_true(fake_host_send(f.h, 0, "x", 1));
	assert_int_equal(netvm_rx(f.port, 0, p, 2), 2);
	assert_int_equal(p[0].nseg, 3);
	assert_int_equal(p[0].total, 240);
	assert_int_equal(p[0].length, 70);
	assert_int_equal(p[0].flags, NETVM_PACKET_CSUM | NETVM_PACKET_HASH);
	assert_int_equal(p[0].mark, 99);
	assert_int_equal(p[0].gso_size, 1448);
	assert_int_equal(p[0].hdr_len, 66);
	assert_int_equal(p[0].next->length, 80);
	assert_int_equal(p[0].next->next->length, 90);
	assert_null(p[0].next->next->next);
	assert_int_equal(p[1].nseg, 1);
	assert_ptr_equal(netvm_read(&p[0], 60, 10, copy), p[0].data + 60);
	assert_ptr_equal(netvm_read(&p[0], 145, 10, copy), copy);
	assert_int_equal(copy[4], 80);
	assert_int_equal(copy[5], 90);
	assert_null(netvm_read(&p[0], 231, 10, copy));
	netvm_env_assert_owned(&f, 4);

	assert_int_equal(netvm_tx(f.port, 0, p, 2), 2);
	assert_int_equal(fake_host_take(f.h, 0, out, 8), 5);
	assert_memory_equal(&out[0], &o, sizeof(o));
	assert_int_equal(
		out[1].flags, NETVM_DESC_F_OFFLOAD | NETVM_DESC_F_MORE | NETVM_DESC_F_HASH);
	assert_int_equal(out[2].flags, NETVM_DESC_F_MORE);
	assert_int_equal(out[3].flags, 0);
	assert_int_equal(out[3].length, 90);
	assert_int_equal(out[3].buffer, d[3].buffer);
	netvm_env_stop(&f);
}

static void
test_append(void **state)
{
	struct netvm_env f = netvm_env_start(FAKE_HOST_MANUAL, 0);
	struct netvm_packet p[NETVM_SEGS_MAX + 1];
	struct netvm_desc d[NETVM_SEGS_MAX];

	assert_int_equal(netvm_alloc(f.port, 0, p, NETVM_SEGS_MAX), NETVM_SEGS_MAX);
	for (int i = 0; i < NETVM_SEGS_MAX; i++)
		p[i].length = p[i].total = i + 1;
	for (int i = 1; i < NETVM_SEGS_MAX; i++)
		assert_int_equal(netvm_append(f.port, &p[0], &p[i]), 0);
	assert_int_equal(p[0].nseg, NETVM_SEGS_MAX);
	while (netvm_alloc(f.port, 0, &p[1], 1) == 0)
		;
	p[1].length = p[1].total = 1;
	assert_int_equal(netvm_append(f.port, &p[0], &p[1]), -EMSGSIZE);
	netvm_free(f.port, 0, &p[1], 1);
	assert_int_equal(netvm_tx(f.port, 0, p, 1), 1);
	assert_int_equal(fake_host_take(f.h, 0, d, NETVM_SEGS_MAX), NETVM_SEGS_MAX);
	for (int i = 0; i < NETVM_SEGS_MAX; i++)
		assert_int_equal(d[i].length, i + 1);
	netvm_env_stop(&f);
}

/* What is no packet is refused, in a sentence, and nothing of it is sent. */
static void
test_refuse(void **state)
{
	struct netvm_env f = netvm_env_start(FAKE_HOST_MANUAL, 0);
	struct netvm_packet p, bad;
	struct netvm_desc d;

	assert_int_equal(netvm_alloc(f.port, 0, &p, 1), 1);
	p.length = p.total = 60;
	bad = p;
	bad.verdict = NETVM_KEEP;
	assert_int_equal(netvm_tx(f.port, 0, &bad, 1), -EINVAL);
	assert_non_null(strstr(netvm_error(), "verdict"));
	bad = p;
	bad.length = 0;
	assert_int_equal(netvm_tx(f.port, 0, &bad, 1), -EINVAL);
	bad = p;
	bad.data += 1900;
	assert_int_equal(netvm_tx(f.port, 0, &bad, 1), -EINVAL);
	bad = p;
	bad.data -= 129;
	assert_int_equal(netvm_tx(f.port, 0, &bad, 1), -EINVAL);
	bad = p;
	bad.buffer = BUFFERS;
	assert_int_equal(netvm_tx(f.port, 0, &bad, 1), -EINVAL);
	bad = p;
	bad.nseg = 2;
	assert_int_equal(netvm_tx(f.port, 0, &bad, 1), -EINVAL);
	bad.nseg = 65;
	assert_int_equal(netvm_tx(f.port, 0, &bad, 1), -EMSGSIZE);
	assert_int_equal(fake_host_take(f.h, 0, &d, 1), 0);
	assert_int_equal(netvm_tx(f.port, 0, &p, 1), 1);
	netvm_env_stop(&f);
}

/* A ring that is full refuses packets and takes frees later; nothing is lost. */
static void
test_full(void **state)
{
	struct netvm_env f = netvm_env_start(FAKE_HOST_MANUAL, NETVM_RING_MIN);
	struct netvm_packet p[NETVM_RING_MIN + 32];
	struct netvm_stats st;
	struct netvm_desc d[128];
	int n = 0;

	for (int i = 0; i < NETVM_RING_MIN + 32; i++) {
		assert_true(fake_host_send(f.h, 0, "packet", 6));
		assert_int_equal(netvm_rx(f.port, 0, &p[i], 1), 1);
	}
	assert_int_equal(netvm_tx(f.port, 0, p, 60), 60);
	assert_int_equal(netvm_tx(f.port, 0, p + 60, 20), 4);
	assert_int_equal(netvm_tx(f.port, 0, p + 64, 16), 0);
	netvm_free(f.port, 0, p + 64, 32);
	netvm_env_assert_owned(&f, 96); /* the host has taken none yet */
	assert_int_equal(fake_host_take(f.h, 0, d, 10), 10);
	netvm_free(f.port, 0, NULL, 0);
	while (n < 86) {
		n += fake_host_take(f.h, 0, d, 128);
		netvm_free(f.port, 0, NULL, 0);
	}
	netvm_env_assert_owned(&f, 0);
	netvm_get_stats(f.port, 0, &st);
	assert_int_equal(st.rx_packets, 96);
	assert_int_equal(st.tx_packets, 64);
	assert_int_equal(st.tx_bytes, 64 * 6);
	assert_int_equal(st.freed, 32);
	assert_int_equal(st.tx_full, 32);
	netvm_env_stop(&f);
}

/* Packets of several pieces in the last entries of a ring. */
static void
test_full_of_long_ones(void **state)
{
	struct netvm_env f = netvm_env_start(FAKE_HOST_MANUAL, NETVM_RING_MIN);
	struct netvm_packet p[32], tail;
	struct netvm_desc d[64];
	int n;

	for (int i = 0; i < 32; i++) {
		while (netvm_alloc(f.port, 0, &p[i], 1) == 0)
			;
		p[i].length = p[i].total = 60;
		for (int j = 0; j < 2; j++) {
			while (netvm_alloc(f.port, 0, &tail, 1) == 0)
				;
			tail.length = tail.total = 60;
			assert_int_equal(netvm_append(f.port, &p[i], &tail), 0);
		}
	}
	assert_int_equal(netvm_tx(f.port, 0, p, 32), 21); /* 63 entries of 64 */
	assert_int_equal(netvm_tx(f.port, 0, p + 21, 1), 0);
	assert_int_equal(fake_host_take(f.h, 0, d, 2), 2);
	assert_int_equal(netvm_tx(f.port, 0, p + 21, 11), 1);
	for (n = 64; n > 0;)
		n -= fake_host_take(f.h, 0, d, 64);
	assert_int_equal(netvm_tx(f.port, 0, p + 22, 10), 10);
	netvm_env_stop(&f);
}

/* A pair that allocates reuses what it frees, and hoards no more than it says. */
static void
test_cache(void **state)
{
	struct netvm_env f = netvm_env_start(FAKE_HOST_SINK, 0);
	struct netvm_packet p[400];
	int got = 0;

	for (int i = 0; i < 10000 && got < 400; i++) {
		got += netvm_alloc(f.port, 0, p + got, 400 - got);
		usleep(1000);
	}
	assert_int_equal(got, 400);
	netvm_env_assert_owned(&f, 400);
	netvm_free(f.port, 0, p, 400);
	for (int i = 0; i < 1000; i++) {
		netvm_free(f.port, 0, NULL, 0);
		usleep(100);
	}
	assert_true(fake_host_owned(f.h) - fake_host_unread(f.h) <= 256);
	assert_true(fake_host_owned(f.h) - fake_host_unread(f.h) > 0);
	for (got = 0; got < 400;)
		got += netvm_alloc(f.port, 0, p + got, 400 - got);
	for (int i = 1; i < 400; i++)
		for (int j = 0; j < i; j++)
			assert_int_not_equal(p[i].buffer, p[j].buffer);
	netvm_env_stop(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_receive),
		cmocka_unit_test(test_send),
		cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_segments_and_offload),
		cmocka_unit_test(test_append),
		cmocka_unit_test(test_refuse),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_full_of_long_ones),
		cmocka_unit_test(test_cache),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
