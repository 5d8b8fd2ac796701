/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Guests that have gone mad: they ask for resets all the time, send what is not theirs,
 * and write whatever they like into their device page. Their neighbours do not notice,
 * and they may come back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/shm-guests.h"

/* A guest that asks all the time, and rings all the time. */
static _Atomic bool storm;

static void *
storming(void *arg)
{
	struct client *c = arg;
	uint64_t one = 1;

	while (atomic_load(&storm)) {
		__atomic_fetch_add(&c->dev->guest_request, 1, __ATOMIC_RELEASE);
		(void)!write(c->host_bell[0], &one, sizeof(one));
	}
	return NULL;
}

static void
test_storm(void **state)
{
	struct client a, b, mad;
	pthread_t thread;

	guests_attach(&mad, 2);
	atomic_store(&storm, true);
	assert_int_equal(pthread_create(&thread, NULL, storming, &mad), 0);
	for (unsigned int i = 0; i < 5; i++) {
		guests_attach(&a, 0);
		guests_attach(&b, 1);
		guests_exchange(&a, &b, 20);
		client_close(&a, i % 2);
		client_close(&b, true);
	}
	atomic_store(&storm, false);
	pthread_join(thread, NULL);
	/* It is still taken seriously. */
	assert_true(client_open(&mad, 20));
	client_close(&mad, true);
	guests_gave_all_back();
}

static void
test_quarantine(void **state)
{
	struct netvm_desc bad = {.buffer = UINT32_MAX, .length = 64};
	struct client a, b;
	int64_t end = host_ms() + 20000;

	guests_attach(&a, 0);
	guests_attach(&b, 1);
	while (host_status(0).state == SHM_UP) {
		assert_true(host_ms() < end);
		if (client_tx(&a, 0, &bad, 1) == 0)
			usleep(100);
		client_signal(&a, 0);
	}
	assert_int_equal(host_status(0).state, SHM_ERROR);
	assert_non_null(strstr(host_status(0).error, "open the port again"));
	assert_int_equal(host_status(0).owned, 0);
	assert_true(client_lost(&a));
	/* The neighbour did not notice, and there is a way back. */
	assert_int_equal(host_status(1).state, SHM_UP);
	assert_true(client_open(&a, 20));
	assert_false(client_lost(&a));
	assert_true(host_wait(0, SHM_UP));
	assert_string_equal(host_status(0).error, "");
	guests_exchange(&a, &b, 10);
	/* Indices that are nonsense. */
	__atomic_store_n(&a.tx[0].ring->produced, 0x80000000, __ATOMIC_RELEASE);
	client_signal(&a, 0);
	assert_true(host_wait(0, SHM_ERROR));
	/* Who comes next has nothing to do with it. */
	client_close(&a, true);
	guests_attach(&a, 0);
	guests_exchange(&a, &b, 10);
	client_close(&a, true);
	client_close(&b, true);
	guests_gave_all_back();
}

static void *
scribbling(void *arg)
{
	struct client *c = arg;
	uint64_t random = 88172645463325252u;
	uint32_t *words = (uint32_t *)(void *)c->dev;

	while (atomic_load(&storm)) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		__atomic_store_n(
			&words[(random >> 40) % (4096 / 4)], (uint32_t)random, __ATOMIC_RELAXED);
		/* Now and then what leads somewhere. */
		if (random % 64 == 0)
			__atomic_store_n(&c->dev->guest_state, (uint32_t)(random >> 20) & 1,
				__ATOMIC_RELAXED);
		if (random % 256 == 0)
			__atomic_fetch_add(&c->dev->guest_request, 1, __ATOMIC_RELAXED);
		if (random % 1024 == 0)
			(void)!write(c->host_bell[0], &(uint64_t){1}, 8);
	}
	return NULL;
}

static void
test_hostile_page(void **state)
{
	struct client a, b, mad;
	pthread_t thread;

	guests_attach(&mad, 2);
	atomic_store(&storm, true);
	assert_int_equal(pthread_create(&thread, NULL, scribbling, &mad), 0);
	for (unsigned int i = 0; i < 10; i++) {
		guests_attach(&a, 0);
		guests_attach(&b, 1);
		guests_exchange(&a, &b, 20);
		client_close(&a, i % 2);
		client_close(&b, true);
		usleep(20000);
	}
	atomic_store(&storm, false);
	pthread_join(thread, NULL);
	/* The page is mended by itself, and the next guest finds nothing of it. */
	client_close(&mad, true);
	guests_attach(&mad, 2);
	assert_int_equal(mad.seen.port, 2);
	assert_int_equal(mad.dev->mtu, 1500);
	client_close(&mad, true);
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
		cmocka_unit_test(test_storm),
		cmocka_unit_test(test_quarantine),
		cmocka_unit_test(test_hostile_page),
	};

	unsetenv("NOTIFY_SOCKET");
	setenv("NETVM_KEEPER", NETVM_BUILT_KEEPER, 1);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
