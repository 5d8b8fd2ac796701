/* SPDX-License-Identifier: BSD-3-Clause */
/* One network, three ports; see three-ports.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "src/datapath/network.h"
#include "tests/unit/three-ports.h"

struct dp_network *net;
struct dp_port *A, *B, *C;

int
three_setup(void **state)
{
	fake_world_start();
	net = fake_network_add("net", 0);
	A = fake_port_add("a", net);
	B = fake_port_add("b", net);
	C = fake_port_add("c", net);
	return 0;
}

int
three_teardown(void **state)
{
	struct dp_error err;

	dp_port_del(A);
	dp_port_del(B);
	dp_port_del(C);
	assert_int_equal(dp_network_del(net, &err), 0);
	fake_world_stop();
	return 0;
}

void
three_introduce(void)
{
	fake_queue(A, BCAST, MA, ARP, 60);
	fake_queue(B, BCAST, MB, ARP, 60);
	fake_queue(C, BCAST, MC, ARP, 60);
	fake_run();
	fake_clear(A);
	fake_clear(B);
	fake_clear(C);
}

unsigned int
got(struct dp_port *p)
{
	return fake_of(p)->out_count;
}
