/* SPDX-License-Identifier: BSD-3-Clause */
/* libnetvm: checksums over pieces, and a host that writes what cannot be. */
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
test_checksum(void **state)
{
	struct netvm_env f = netvm_env_start(FAKE_HOST_MANUAL, 0);
	/* IPv4 header's words of RFC 1071's kind: the sum of all with its checksum is ffff. */
	static const uint8_t words[] = {0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11,
		0x00, 0x00, 0xc0, 0xa8, 0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7};
	struct netvm_packet p[2];

	assert_int_equal(netvm_alloc(f.port, 0, p, 2), 2);
	/* The whole in one piece, then cut in the middle of a word. */
	for (int cut = 0; cut < 20; cut += 7) {
		struct netvm_packet head = p[0], tail = p[1];

		head.length = head.total = cut ? 5 + cut : 25;
		memset(head.data, 0xee, 5);
		memcpy(head.data + 5, words, head.length - 5);
		if (cut) {
			tail.length = tail.total = 20 - cut;
			memcpy(tail.data, words + cut, 20 - cut);
			assert_int_equal(netvm_append(f.port, &head, &tail), 0);
		}
		head.flags = NETVM_PACKET_CSUM;
		head.csum_start = 5;
		head.csum_offset = 10;
		assert_int_equal(netvm_finish_checksum(&head), 0);
		assert_int_equal(head.flags, NETVM_PACKET_CSUM_OK);
		assert_int_equal(*netvm_read(&head, 15, 1, NULL), 0xb8);
		assert_int_equal(*netvm_read(&head, 16, 1, NULL), 0x61);
		head.flags = NETVM_PACKET_CSUM;
		head.csum_offset = 19;
		assert_int_equal(netvm_finish_checksum(&head), -EINVAL);
	}
	netvm_env_stop(&f);
}

/* Numbers that the host cannot mean: a sentence and -ENOTCONN, no crash. */
static void
test_nonsense(void **state)
{
	static const struct {
		struct netvm_desc d;
		const char *says;
	} cases[] = {
		{{.buffer = BUFFERS, .length = 60}, "cannot be"},
		{{.buffer = UINT32_MAX, .length = 60}, "cannot be"},
		{{.buffer = 1, .offset = 2000, .length = 60}, "cannot be"},
		{{.buffer = 1, .offset = 65535, .length = 65535}, "cannot be"},
		{{.buffer = 1, .length = 60, .flags = NETVM_DESC_F_MORE}, "cannot be"},
		{{.flags = NETVM_DESC_F_OFFLOAD}, "cannot be"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct netvm_env f = netvm_env_start(FAKE_HOST_MANUAL, 0);
		struct netvm_packet p[4];

		assert_true(fake_host_put(f.h, 0, &cases[i].d, 1));
		assert_int_equal(netvm_rx(f.port, 0, p, 4), -ENOTCONN);
		assert_non_null(strstr(netvm_error(), cases[i].says));
		assert_int_equal(netvm_rx(f.port, 0, p, 4), -ENOTCONN);
		assert_int_equal(netvm_reopen(f.port), 0);
		assert_int_equal(netvm_rx(f.port, 0, p, 4), 0);
		netvm_env_stop(&f);
	}
	for (int kind = NETVM_RX; kind <= NETVM_FILL; kind++) {
		struct netvm_env f = netvm_env_start(FAKE_HOST_MANUAL, 0);
		struct netvm_ring *ring = fake_host_ring(f.h, 0, kind);
		struct netvm_packet p[80];
		int got = 80, err;

		pthread_mutex_lock(&f.h->lock);
		if (kind == NETVM_TX)
			__atomic_store_n(&ring->consumed, 0x80000000, __ATOMIC_RELEASE);
		else
			__atomic_store_n(&ring->produced, 0x80000000, __ATOMIC_RELEASE);
		pthread_mutex_unlock(&f.h->lock);
		if (kind != NETVM_FILL)
			assert_int_equal(netvm_alloc(f.port, 0, p, 4), 4);
		p[0].length = p[0].total = 60;
		err = kind == NETVM_RX   ? netvm_rx(f.port, 0, p, got)
		      : kind == NETVM_TX ? netvm_tx(f.port, 0, p, 1)
					 : netvm_alloc(f.port, 0, p, got);
		if (kind == NETVM_TX && err == 1) {
			/* One entry was known to be free: the index is read when none is. */
			for (int i = 0; i < 1000 && err >= 0; i++)
				err = netvm_tx(f.port, 0, p, 1);
		}
		assert_int_equal(err, -ENOTCONN);
		assert_non_null(strstr(netvm_error(), "out of bounds"));
		netvm_close(f.port);
		fake_host_free(f.h);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_checksum),
		cmocka_unit_test(test_nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
