/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What wakes a worker when queues of a port share a doorbell, as an shm port's do that
 * has fewer vectors than queue pairs: none of them on a timer, and none of them
 * deaf when another one stops. The worker has no thread; its epoll set is looked at.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "src/datapath/group.h"
#include "tests/unit/fake-shm.h"
#include "tests/unit/three-ports.h"

#define QUEUES 3

static struct dp_error err;
static struct dp_group *group;
static struct dp_port *P;
static int bell[2];

static int
setup(void **state)
{
	struct dp_config cfg = {.run_dir = "/nowhere"};
	struct dp_group_config group_cfg = {.name = "red", .numa = -1};
	struct dp_port_config port_cfg = {.name = "p",
		.type = DP_PORT_SHM,
		.queues = QUEUES,
		.vectors = 1,
		.rx_entries = 64,
		.tx_entries = 64,
		.fill_entries = 64};

	group_init(&cfg);
	three_setup(state);
	assert_int_equal(dp_group_add(&group_cfg, &group, &err), 0);
	port_cfg.trust = group;
	port_cfg.settings = fake_settings(net);
	assert_int_equal(dp_port_add(&port_cfg, &P, &err), 0);
	for (unsigned int i = 0; i < 2; i++)
		bell[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return 0;
}

static int
teardown(void **state)
{
	dp_port_del(P);
	assert_int_equal(dp_group_del(group, &err), 0);
	group_stop();
	close(bell[0]);
	close(bell[1]);
	return three_teardown(state);
}

/* Queue `queue` has this doorbell from now on. */
static void
gets(uint16_t queue, int old_fd, int new_fd)
{
	dp_port_kick_changed(P, queue, old_fd, new_fd);
	assert_int_equal(P->kick[queue].fd, new_fd);
}

static int
woken_by(int fd)
{
	const struct worker *w = dp_worker[0];
	struct epoll_event e[4];
	eventfd_t n;

	/* What it was told by hand, and what came before. */
	(void)!eventfd_read(w->wake_fd, &n);
	assert_in_range(epoll_wait(w->epoll_fd, e, 4, 0), 0, 4);
	assert_int_equal(eventfd_write(fd, 1), 0);
	return epoll_wait(w->epoll_fd, e, 4, 0);
}

static void
test_shared(void **state)
{
	for (unsigned int last = 0; last < QUEUES; last++) {
		for (uint16_t q = 0; q < QUEUES; q++)
			gets(q, DP_FD_LATER, bell[0]);
		assert_int_equal(woken_by(bell[0]), 1);
		for (unsigned int i = 1; i < QUEUES; i++) {
			gets((uint16_t)((last + i) % QUEUES), bell[0], DP_FD_LATER);
			assert_int_equal(woken_by(bell[0]), 1);
		}
		gets((uint16_t)last, bell[0], DP_FD_LATER);
		assert_int_equal(woken_by(bell[0]), 0);
	}
}

/* Two doorbells for three queues, and all of them new after a restart of the guest. */
static void
test_two(void **state)
{
	gets(0, DP_FD_LATER, bell[0]);
	gets(1, DP_FD_LATER, bell[1]);
	gets(2, DP_FD_LATER, bell[0]);
	assert_int_equal(woken_by(bell[0]), 1);
	assert_int_equal(woken_by(bell[1]), 1);
	for (uint16_t q = 0; q < QUEUES; q++)
		gets(q, P->kick[q].fd, bell[1]);
	assert_int_equal(woken_by(bell[0]), 0);
	assert_int_equal(woken_by(bell[1]), 1);
}

/* A port that is deleted leaves nothing in the set. */
static void
test_deleted(void **state)
{
	struct dp_port_config cfg = P->config;

	for (uint16_t q = 0; q < QUEUES; q++)
		gets(q, DP_FD_LATER, bell[0]);
	dp_port_del(P);
	assert_int_equal(woken_by(bell[0]), 0);
	assert_int_equal(dp_port_add(&cfg, &P, &err), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_shared, setup, teardown),
		cmocka_unit_test_setup_teardown(test_two, setup, teardown),
		cmocka_unit_test_setup_teardown(test_deleted, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
