/* SPDX-License-Identifier: BSD-3-Clause */
/* A port of libnetvm on a fake host, from start to an end at which every buffer is
 * accounted for. */
#ifndef TESTS_UNIT_NETVM_ENV_H
#define TESTS_UNIT_NETVM_ENV_H

#include "guest-pmd/netvm.h"
#include "tests/unit/fake-host.h"

#define BUFFERS 512
#define FILL    64

struct netvm_env {
	struct fake_host *h;
	struct netvm_port *port;
};

/* entries of RX and TX; 0: the fake host's default. Offloads and segments are taken. */
struct netvm_env netvm_env_start(enum fake_host_mode mode, uint32_t entries);
/* Fails the test unless all buffers come back and no violation was seen. */
void netvm_env_stop(struct netvm_env *e);
/* What the host says the guest owns, beyond what lies unread in rings, is n. */
void netvm_env_assert_owned(struct netvm_env *e, uint32_t n);

#endif
