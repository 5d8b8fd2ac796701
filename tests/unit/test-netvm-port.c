/* SPDX-License-Identifier: BSD-3-Clause */
/* A port of libnetvm over Unix sockets: opening, bad pages, resets, lost hosts. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guest-pmd/netvm.h"
#include "tests/unit/fake-host.h"

static const struct netvm_options hasty = {.timeout_ms = 300};

static struct netvm_port *
open_port(struct fake_host *h)
{
	struct netvm_port *port = netvm_open(h->transport, NULL);

	if (!port)
		fail_msg("%s", netvm_error());
	return port;
}

static uint64_t
resets(struct fake_host *h)
{
	return __atomic_load_n(&h->resets, __ATOMIC_ACQUIRE);
}

static void
end(struct fake_host *h, struct netvm_port *port)
{
	netvm_close(port);
	for (int i = 0; i < 10000 && fake_host_owned(h); i++)
		usleep(1000);
	assert_int_equal(fake_host_owned(h), 0);
	fake_host_free(h);
}

/* Reads until an error comes, for ten seconds. */
static int
rx_until_error(struct netvm_port *port)
{
	struct netvm_packet p[4];
	int got = 0;

	for (int i = 0; i < 10000 && got >= 0; i++) {
		got = netvm_rx(port, 0, p, 4);
		usleep(1000);
	}
	return got;
}

static void
test_open(void **state)
{
	struct fake_host_config c = {.pairs = 3, .vectors = 2, .bells_first = true, .port = 12};
	struct fake_host *h = fake_host_new(&c);
	struct netvm_port *port = open_port(h);
	struct netvm_info info;

	netvm_get_info(port, &info);
	assert_string_equal(info.name, "fake0");
	assert_string_equal(info.group, "fakes");
	assert_int_equal(info.port, 12);
	assert_int_equal(info.pairs, 3);
	assert_int_equal(info.mac[5], 12);
	assert_int_equal(info.mtu, 1500);
	assert_int_equal(info.headroom, 128);
	assert_int_equal(info.buffer_size, 2048);
	assert_int_equal(info.buffers, 512);
	assert_true(info.can_sleep);
	assert_true(netvm_link_up(port));
	assert_int_equal(netvm_event_fd(port, 0), netvm_event_fd(port, 2));
	assert_int_equal(resets(h), 1);
	assert_int_equal(h->page->guest_pairs, 3);
	assert_int_equal(
		__atomic_load_n(&h->page->guest_state, __ATOMIC_RELAXED), NETVM_GUEST_OPEN);
	end(h, port);
}

/* A number out of its bounds, and a word of the sentence that tells. */
#define DEVICE(field, value, says)                                                                 \
	{                                                                                          \
		offsetof(struct netvm_device, field), sizeof(((struct netvm_device *)0)->field),   \
			value, says, false                                                         \
	}
#define POOL(field, value, says)                                                                   \
	{                                                                                          \
		offsetof(struct netvm_pool, field), sizeof(((struct netvm_pool *)0)->field),       \
			value, says, true                                                          \
	}
static const struct {
	size_t at, size;
	uint64_t value;
	const char *says;
	bool pool;
} bad_pages[] = {
	DEVICE(magic, 0x1234, "magic"),
	DEVICE(magic, NETVM_POOL_MAGIC, "magic"),
	DEVICE(version, 2, "version"),
	DEVICE(queue_pairs, 0, "queue pairs"),
	DEVICE(queue_pairs, 17, "queue pairs"),
	DEVICE(queue_pairs, 16, "size"),
	DEVICE(vectors, 0, "vectors"),
	DEVICE(vectors, 17, "vectors"),
	DEVICE(rx_entries, 32, "RX entries"),
	DEVICE(rx_entries, 65536, "RX entries"),
	DEVICE(rx_entries, 300, "power of two"),
	DEVICE(tx_entries, 0, "TX entries"),
	DEVICE(tx_entries, 1000, "power of two"),
	DEVICE(tx_entries, 32768, "size"),
	DEVICE(fill_entries, UINT32_MAX, "FILL entries"),
	DEVICE(fill_entries, 65, "power of two"),
	DEVICE(buffer_size, 0, "buffer size"),
	DEVICE(buffer_size, 2000, "multiple of 64"),
	DEVICE(buffer_size, 1 << 30, "buffer size"),
	DEVICE(buffer_size, 4096, "the pool has buffer size"),
	DEVICE(buffers, 0, "buffers"),
	DEVICE(buffers, UINT32_MAX, "buffers"),
	DEVICE(buffers, 513, "the pool has buffers"),
	DEVICE(headroom, 2048, "headroom"),
	DEVICE(headroom, UINT32_MAX, "headroom"),
	DEVICE(pool_id, 1, "pool"),
	DEVICE(size, 4096, "size"),
	DEVICE(size, UINT64_MAX, "size"),
	DEVICE(name, UINT64_MAX, "name has no end"),
	DEVICE(group, UINT64_MAX, "group has no end"),
	DEVICE(host_state, NETVM_HOST_DOWN, "did not get the port ready"),
	POOL(magic, 0, "magic"),
	POOL(id, 1, "ID"),
	POOL(version, 0, "version"),
	POOL(buffer_size, 64, "buffer size"),
	POOL(buffers, 511, "buffers"),
	POOL(buffers_offset, 0, "buffers offset"),
	POOL(buffers_offset, 4097, "multiple of 64"),
	POOL(buffers_offset, UINT32_C(1) << 31, "beyond its memory"),
};

/* Each number out of its bounds is told by its name. */
static void
test_bad_pages(void **state)
{
	struct fake_host *h = fake_host_new(NULL);
	struct netvm_device good = *h->page;
	struct netvm_pool pool = *h->pool;

	for (size_t i = 0; i < sizeof(bad_pages) / sizeof(bad_pages[0]); i++) {
		uint8_t *at = (bad_pages[i].pool ? (uint8_t *)h->pool : (uint8_t *)h->page) +
			      bad_pages[i].at;

		if (bad_pages[i].size > 8)
			memset(at, 'x', bad_pages[i].size);
		else
			memcpy(at, &bad_pages[i].value, bad_pages[i].size);
		assert_null(netvm_open(h->transport, &hasty));
		if (!strstr(netvm_error(), bad_pages[i].says))
			fail_msg("case %zu, \"%s\": %s", i, bad_pages[i].says, netvm_error());
		memcpy(h->page, &good, 1028); /* what is constant, and host_state */
		*h->pool = pool;
	}
	assert_int_equal(resets(h), 0);
	end(h, open_port(h));
}

static void
test_refusals(void **state)
{
	struct fake_host_config c = {.unsealed = true};
	struct netvm_options many = {.pairs = 2, .timeout_ms = 300};
	struct fake_host *h = fake_host_new(&c);
	char text[200];

	assert_null(netvm_open(h->transport, &hasty));
	assert_int_equal(errno, EPERM);
	assert_non_null(strstr(netvm_error(), "sealed"));
	fake_host_free(h);

	h = fake_host_new(NULL);
	assert_null(netvm_open(h->transport, &many));
	assert_int_equal(errno, EINVAL);
	assert_non_null(strstr(netvm_error(), "2 queue pairs are wanted, the port has 1"));
	snprintf(text, sizeof(text), "%s-nobody", h->transport);
	assert_null(netvm_open(text, &hasty));
	assert_int_equal(errno, ENOENT);
	assert_null(netvm_open("tcp:1", &hasty));
	assert_non_null(strstr(netvm_error(), "tcp:1"));
	memset(text, 'x', sizeof(text));
	memcpy(text, "unix:", 5);
	text[sizeof(text) - 1] = 0;
	assert_null(netvm_open(text, &hasty));
	assert_int_equal(errno, ENAMETOOLONG);
	pthread_mutex_lock(&h->lock);
	h->deaf = true;
	pthread_mutex_unlock(&h->lock);
	assert_null(netvm_open(h->transport, &hasty));
	assert_non_null(strstr(netvm_error(), "did not answer"));
	fake_host_free(h);
}

/* The second client is refused, the first goes on; when it is gone, the next opens. */
static void
test_second_client(void **state)
{
	struct fake_host *h = fake_host_new(NULL);
	struct netvm_port *port = open_port(h);
	struct netvm_packet p;

	assert_null(netvm_open(h->transport, NULL));
	assert_int_equal(errno, EBUSY);
	assert_non_null(strstr(netvm_error(), "another client"));
	assert_true(fake_host_send(h, 0, "on", 2));
	assert_int_equal(netvm_rx(port, 0, &p, 1), 1);
	netvm_close(port);
	end(h, open_port(h));
}

static void
test_reset(void **state)
{
	struct fake_host *h = fake_host_new(NULL);
	struct netvm_port *port = open_port(h);
	struct netvm_packet p[40];
	struct netvm_stats st;
	struct netvm_info info;
	uint8_t *pool;

	netvm_get_info(port, &info);
	pool = info.pool;
	assert_int_equal(netvm_alloc(port, 0, p, 40), 40);
	netvm_free(port, 0, p, 20);
	fake_host_ask_reset(h);
	assert_int_equal(netvm_rx(port, 0, p, 1), -ENOTCONN);
	assert_int_equal(netvm_tx(port, 0, p, 1), -ENOTCONN);
	assert_int_equal(netvm_alloc(port, 0, p, 1), -ENOTCONN);
	assert_int_equal(netvm_wait(port, 0, 1000), -ENOTCONN);
	assert_int_equal(netvm_alive(port), -ENOTCONN);
	assert_false(netvm_link_up(port));
	netvm_free(port, 0, p + 20, 20); /* void: nothing happens */
	assert_int_equal(netvm_reopen(port), 0);
	assert_int_equal(fake_host_owned(h) - fake_host_unread(h), 0);
	assert_int_equal(netvm_rx(port, 0, p, 1), 0);
	assert_int_equal(netvm_alloc(port, 0, p, 40), 40);
	netvm_free(port, 0, p, 40);
	netvm_get_stats(port, NETVM_ALL_PAIRS, &st);
	assert_int_equal(st.reopened, 1);
	netvm_get_info(port, &info);
	assert_ptr_equal(info.pool, pool);
	assert_int_equal(__atomic_load_n(&h->violations, __ATOMIC_ACQUIRE), 0);
	end(h, port);
}

/* A daemon that comes back on the same memory: nothing happens but a doorbell. */
static void
test_restart(void **state)
{
	struct fake_host *h = fake_host_new(NULL);
	struct netvm_port *port = open_port(h);
	struct netvm_packet p;

	fake_host_restart(h);
	netvm_disarm(port, 0);
	assert_int_equal(netvm_rx(port, 0, &p, 1), 0);
	assert_true(fake_host_send(h, 0, "on", 2));
	assert_int_equal(netvm_rx(port, 0, &p, 1), 1);
	assert_int_equal(netvm_alive(port), 0);
	end(h, port);
}

/* The sockets are cut: polling goes on; when they answer, the port is opened again. */
static void
test_cut(void **state)
{
	struct fake_host *h = fake_host_new(NULL);
	struct netvm_port *port = open_port(h);
	struct netvm_packet p;

	fake_host_hang_up(h, false);
	for (int i = 0; i < 300; i++) {
		assert_int_equal(netvm_rx(port, 0, &p, 1), 0);
		usleep(1000);
	}
	assert_int_equal(netvm_alive(port), 0);
	fake_host_hang_up(h, true);
	assert_int_equal(rx_until_error(port), -ENOTCONN);
	assert_int_equal(netvm_reopen(port), 0);
	assert_int_equal(resets(h), 2);
	assert_true(fake_host_send(h, 0, "on", 2));
	assert_int_equal(netvm_wait(port, 0, 10000), 1);
	assert_int_equal(netvm_rx(port, 0, &p, 1), 1);
	end(h, port);
}

static void
test_deleted(void **state)
{
	struct fake_host *h = fake_host_new(NULL);
	struct netvm_port *port = open_port(h);

	fake_host_delete(h);
	assert_true(rx_until_error(port) < 0); /* DOWN is seen first, or the cut */
	assert_int_equal(netvm_reopen(port), -EPIPE);
	assert_int_equal(rx_until_error(port), -EPIPE);
	assert_non_null(strstr(netvm_error(), "gone"));
	netvm_close(port);
	fake_host_free(h);
}

static void
test_change(void **state)
{
	struct fake_host_config c = {.pairs = 4};
	struct netvm_options opt = {.pairs = 1};
	struct fake_host *h = fake_host_new(&c);
	struct netvm_port *port = netvm_open(h->transport, &opt);
	struct netvm_packet p;

	assert_non_null(port);
	assert_int_equal(netvm_rx(port, 1, &p, 1), -EINVAL);
	opt.pairs = 4;
	opt.offloads = opt.segments = opt.hash = true;
	assert_int_equal(netvm_change(port, &opt), 0);
	assert_int_equal(netvm_rx(port, 3, &p, 1), 0);
	assert_int_equal(h->page->guest_pairs, 4);
	assert_int_equal(h->page->guest_features, 31);
	end(h, port);
}

static void
test_heartbeat(void **state)
{
	struct fake_host *h = fake_host_new(NULL);
	struct netvm_port *port = open_port(h);
	uint64_t beat = __atomic_load_n(&h->page->guest_beat, __ATOMIC_RELAXED);

	assert_int_equal(netvm_wait(port, 0, 700), 0);
	assert_int_not_equal(__atomic_load_n(&h->page->guest_beat, __ATOMIC_RELAXED), beat);
	end(h, port);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_bad_pages),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_second_client),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_deleted),
		cmocka_unit_test(test_change),
		cmocka_unit_test(test_heartbeat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
