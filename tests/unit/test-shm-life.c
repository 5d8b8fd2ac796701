/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A port's life: opening, closing, hanging up, silence, and what an operator changes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/shm/shm-private.h"
#include "tests/unit/shm-guests.h"

static uint32_t
pool_free(void)
{
	struct shm_pool_status st;

	shm_pool_status(host.pool, &st);
	return st.free;
}

static void
test_open_close(void **state)
{
	struct client a, b;
	unsigned int kicks = host_kicks();

	assert_int_equal(host_status(0).state, SHM_WAITING);
	guests_attach(&a, 0);
	guests_attach(&b, 1);
	assert_true(host_kicks() >= kicks + 2);
	guests_exchange(&a, &b, 50);
	guests_exchange(&b, &a, 50);
	assert_int_equal(host_status(0).queues, 1);
	assert_true(host_status(0).owned > 0);
	assert_true(pool_free() > 0);
	/* It keeps what it has while it only closes its eyes, and gives all back when it
	 * closes. */
	__atomic_store_n(&a.dev->guest_state, NETVM_GUEST_CLOSED, __ATOMIC_RELEASE);
	assert_true(host_wait(0, SHM_WAITING));
	assert_int_equal(host_status(0).owned, 0);
	assert_true(host_status(0).attached);
	assert_true(client_open(&a, 20));
	guests_exchange(&a, &b, 20);
	client_close(&a, false);
	client_close(&b, true);
	guests_gave_all_back();
	assert_true(host_wait(0, SHM_WAITING));
	assert_true(host_wait(1, SHM_WAITING));
	assert_string_equal(host_status(0).error, "");
}

/* Killed in the middle of traffic, 50 times. */
static void
test_hang_up(void **state)
{
	struct client a, b;

	guests_attach(&b, 1);
	for (unsigned int i = 0; i < 50; i++) {
		guests_attach(&a, 0);
		guests_exchange(&a, &b, 3);
		(void)guests_buffer(&a);
		client_close(&a, true);
		assert_true(host_wait_owned(0, 0));
	}
	client_close(&b, true);
	guests_gave_all_back();
}

static void
test_open_again(void **state)
{
	struct client a, b;

	guests_attach(&a, 0);
	guests_attach(&b, 1);
	for (unsigned int i = 0; i < 10; i++) {
		(void)guests_buffer(&a);
		assert_true(client_open(&a, 20));
		assert_int_equal(a.dev->host_answer, a.dev->guest_request);
		guests_exchange(&a, &b, 5);
	}
	client_close(&a, true);
	client_close(&b, true);
	guests_gave_all_back();
}

static void
test_heartbeat(void **state)
{
	struct shm_port_config cfg = host_config(3);
	struct client c;
	int64_t end;

	cfg.heartbeat_ms = 300;
	assert_non_null(host_port(3, &cfg));
	guests_attach(&c, 3);
	for (end = host_ms() + 900; host_ms() < end; usleep(10000))
		__atomic_fetch_add(&c.dev->guest_beat, 1, __ATOMIC_RELAXED);
	/* A busy machine may make us silent, and that is then told. */
	if (host_status(3).state == SHM_UP)
		assert_false(client_lost(&c));
	assert_true(host_wait(3, SHM_WAITING));
	assert_int_equal(host_status(3).owned, 0);
	assert_true(client_lost(&c));
	assert_non_null(strstr(host_status(3).error, "silent for 300 ms"));
	__atomic_fetch_add(&c.dev->guest_beat, 1, __ATOMIC_RELAXED);
	assert_true(client_open(&c, 20));
	assert_false(client_lost(&c));
	client_close(&c, true);
	host_port_gone(3);
	guests_gave_all_back();
}

static void
test_page(void **state)
{
	struct shm_port_config cfg = host_config(3);
	struct client c;
	int64_t end;

	cfg.queues = 4;
	cfg.vectors = 2;
	cfg.mac[0] = 0x52;
	cfg.mac[5] = 7;
	assert_non_null(host_port(3, &cfg));
	guests_attach(&c, 3);
	assert_int_equal(c.seen.queue_pairs, 4);
	assert_int_equal(c.seen.vectors, 2);
	assert_int_equal(c.seen.rx_entries, 256);
	assert_int_equal(c.seen.fill_entries, 128);
	assert_int_equal(c.seen.buffer_size, 2048);
	assert_int_equal(c.seen.headroom, SHM_HEADROOM);
	assert_int_equal(c.seen.size, netvm_ring_memory(&c.seen));
	assert_string_equal(c.seen.name, "p3");
	assert_string_equal(c.seen.group, "blue");
	assert_memory_equal(c.seen.mac, cfg.mac, 6);
	assert_true(c.dev->features & NETVM_FEATURE_LINK_UP);
	assert_int_equal(host_status(3).queues, 4);
	/* Fewer pairs than there are. */
	c.dev->guest_pairs = 2;
	assert_true(client_open(&c, 20));
	assert_int_equal(host_status(3).queues, 2);
	c.dev->guest_pairs = 70000;
	assert_true(client_open(&c, 20));
	assert_int_equal(host_status(3).queues, 4);
	shm_port_set_mtu(host.port[3], 9000);
	assert_int_equal(c.dev->mtu, 9000);
	/* Mended while nobody uses it, so that a guest that boots finds its device. */
	c.dev->guest_state = NETVM_GUEST_CLOSED;
	assert_true(host_wait(3, SHM_WAITING));
	c.dev->magic = 0;
	c.dev->rx_entries = 12345;
	for (end = host_ms() + 20000; __atomic_load_n(&c.dev->magic, __ATOMIC_ACQUIRE) == 0;
		usleep(1000))
		assert_true(host_ms() < end);
	assert_int_equal(c.dev->rx_entries, 256);
	client_close(&c, true);
	host_port_gone(3);
	/* No MAC in the config: one of its own, and the same again. */
	memset(cfg.mac, 0, sizeof(cfg.mac));
	assert_non_null(host_port(3, &cfg));
	assert_int_equal(host_status(3).mac[0], 0x02);
	memcpy(cfg.mac, host_status(3).mac, 6);
	host_port_gone(3);
	assert_non_null(host_port(3, NULL));
	assert_memory_equal(host_status(3).mac, cfg.mac, 6);
	host_port_gone(3);
}

static void
test_disable(void **state)
{
	struct client a, b, other;
	uint32_t request;

	guests_attach(&a, 0);
	guests_attach(&b, 1);
	guests_exchange(&a, &b, 5);
	assert_int_equal(shm_port_enable(host.port[0], false, host_err, sizeof(host_err)), 0);
	assert_int_equal(host_status(0).state, SHM_DOWN);
	assert_int_equal(host_status(0).owned, 0);
	assert_true(client_lost(&a));
	assert_false(a.dev->features & NETVM_FEATURE_LINK_UP);
	assert_false(client_gone(&a));
	/* Nobody comes, and nothing is answered. */
	assert_false(client_attach(&other, host.shm, host.name[0], 1));
	request = a.dev->guest_request + 1;
	__atomic_store_n(&a.dev->guest_request, request, __ATOMIC_RELEASE);
	(void)!write(a.host_bell[0], &(uint64_t){1}, 8);
	usleep(50000);
	assert_int_not_equal(a.dev->host_answer, request);
	assert_int_equal(shm_port_enable(host.port[0], true, host_err, sizeof(host_err)), 0);
	/* What it asked for meanwhile. */
	for (int64_t end = host_ms() + 20000;
		__atomic_load_n(&a.dev->host_answer, __ATOMIC_ACQUIRE) != request; usleep(500))
		assert_true(host_ms() < end);
	assert_true(client_open(&a, 20));
	assert_true(a.dev->features & NETVM_FEATURE_LINK_UP);
	guests_exchange(&a, &b, 5);
	client_close(&a, true);
	assert_true(host_wait_owned(0, 0));
	/* Gone while it is off. */
	assert_int_equal(shm_port_enable(host.port[0], false, host_err, sizeof(host_err)), 0);
	assert_int_equal(shm_port_enable(host.port[0], true, host_err, sizeof(host_err)), 0);
	guests_attach(&a, 0);
	guests_exchange(&a, &b, 5);
	client_close(&a, true);
	client_close(&b, true);
	guests_gave_all_back();
}

/* Memory that a member has taken away from under us is zeroes, and nobody is served on
 * it: not who did so, and not the others of the group. */
static void
test_torn_memory(void **state)
{
	struct client a, b;

	guests_attach(&a, 0);
	guests_attach(&b, 1);
	guests_exchange(&a, &b, 5);
	/* As the handler of SIGBUS says it. */
	atomic_store_explicit(&host.port[0]->memory.torn, true, memory_order_relaxed);
	assert_true(host_wait(0, SHM_ERROR));
	assert_non_null(strstr(host_status(0).error, "gave back memory"));
	assert_int_equal(host_status(0).owned, 0);
	assert_int_equal(host_status(1).state, SHM_UP);
	/* Opening again does not help. */
	assert_false(client_open(&a, 1));
	atomic_store_explicit(&host.pool->memory.torn, true, memory_order_relaxed);
	assert_true(host_wait(1, SHM_ERROR));
	atomic_store_explicit(&host.pool->memory.torn, false, memory_order_relaxed);
	atomic_store_explicit(&host.port[0]->memory.torn, false, memory_order_relaxed);
	assert_true(client_open(&a, 20));
	assert_true(client_open(&b, 20));
	guests_exchange(&a, &b, 5);
	client_close(&a, true);
	client_close(&b, true);
	guests_gave_all_back();
}

static int
set_up(void **state)
{
	if (!host_start(NULL) || !host_pool(0))
		return -1;
	for (unsigned int i = 0; i < 3; i++) {
		if (!host_port(i, NULL))
			return -1;
	}
	return 0;
}

static int
tear_down(void **state)
{
	return host_stop() ? 0 : -1;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open_close),
		cmocka_unit_test(test_hang_up),
		cmocka_unit_test(test_open_again),
		cmocka_unit_test(test_heartbeat),
		cmocka_unit_test(test_page),
		cmocka_unit_test(test_disable),
		cmocka_unit_test(test_torn_memory),
	};

	unsetenv("NOTIFY_SOCKET");
	setenv("NETVM_KEEPER", NETVM_BUILT_KEEPER, 1);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
