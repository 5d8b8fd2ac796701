/* SPDX-License-Identifier: BSD-3-Clause */
/* See vlan-ports.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/vlan-ports.h"

struct dp_network *net;
struct dp_port *port[NPORTS];

static void
allow(struct dp_port_settings *s, uint16_t vid)
{
	s->vlan.trunk = true;
	s->vlan.allowed[vid / 64] |= UINT64_C(1) << vid % 64;
}

int
vlan_setup(void **state)
{
	static const char *const names[] = {"plain", "access5", "access6", "trunk56", "trunk05"};
	struct dp_port_settings s[NPORTS];

	fake_world_start();
	net = fake_network_add("net", 0);
	for (int i = 0; i < NPORTS; i++)
		s[i] = fake_settings(net);
	s[ACCESS5].vlan.access = 5;
	s[ACCESS6].vlan.access = 6;
	allow(&s[TRUNK56], 5);
	allow(&s[TRUNK56], 6);
	allow(&s[TRUNK05], 0);
	allow(&s[TRUNK05], 5);
	for (int i = 0; i < NPORTS; i++)
		port[i] = fake_port_add_with(names[i], &s[i]);
	return 0;
}

int
vlan_teardown(void **state)
{
	struct dp_error err;

	for (int i = 0; i < NPORTS; i++)
		dp_port_del(port[i]);
	assert_int_equal(dp_network_del(net, &err), 0);
	fake_world_stop();
	return 0;
}

void
vlan_clear(void)
{
	for (int i = 0; i < NPORTS; i++)
		fake_clear(port[i]);
}

int
vlan_sent(struct dp_port *p, uint32_t len)
{
	struct fake *f = fake_of(p);

	if (f->out_count == 0)
		return -2;
	assert_int_equal(f->out_count, 1);
	if (f->out[0].data[12] != 0x81) {
		assert_int_equal(f->out[0].len, len);
		assert_int_equal(f->out[0].data[12], 0x08);
		return -1;
	}
	assert_int_equal(f->out[0].len, len + 4);
	assert_int_equal(f->out[0].data[16], 0x08);
	return f->out[0].data[14] << 8 | f->out[0].data[15];
}
