/* SPDX-License-Identifier: BSD-3-Clause */
/* See netvm-env.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <unistd.h>

#include "tests/unit/netvm-env.h"

struct netvm_env
netvm_env_start(enum fake_host_mode mode, uint32_t entries)
{
	struct fake_host_config c = {
		.mode = mode, .entries = entries, .buffers = BUFFERS, .fill = FILL};
	struct netvm_options opt = {.offloads = true, .segments = true};
	struct netvm_env f = {.h = fake_host_new(&c)};

	f.port = netvm_open(f.h->transport, &opt);
	if (!f.port)
		fail_msg("%s", netvm_error());
	return f;
}

void
netvm_env_stop(struct netvm_env *f)
{
	netvm_close(f->port);
	for (int i = 0; i < 10000 && fake_host_owned(f->h); i++)
		usleep(1000);
	assert_int_equal(fake_host_owned(f->h), 0);
	assert_int_equal(f->h->free_count, BUFFERS);
	assert_int_equal(f->h->violations, 0);
	fake_host_free(f->h);
}

void
netvm_env_assert_owned(struct netvm_env *f, uint32_t n)
{
	for (int i = 0; i < 10000 && fake_host_owned(f->h) - fake_host_unread(f->h) != n; i++)
		usleep(1000);
	assert_int_equal(fake_host_owned(f->h) - fake_host_unread(f->h), n);
}
