/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * shm ports that a bench's thread serves as the leanest of network functions:
 * descriptors go from the receive ring to the transmit ring. See lean.h.
 */
#include <stdio.h>

#include "tests/bench/lean.h"
#include "tests/shm/client.h"

#define BURST   64
#define TIMEOUT 10.0

static struct client client[2];

/* What came goes on as it is. Entries go from ring to ring in place; what the
 * transmit ring has no room for stays where it is. */
unsigned int
lean_relay(struct client *c)
{
	struct netvm_desc d[BURST];
	uint32_t room = c->tx[0].mask + 1 - (c->tx[0].at - c->tx[0].known), n;

	if (room < BURST && (room = client_tx_room(c, 0)) > BURST)
		room = BURST;
	n = client_rx(c, 0, d, room < BURST ? room : BURST);
	if (n == 0)
		return 0;
	for (uint32_t i = 0; i < n; i++)
		d[i].flags &= NETVM_DESC_F_MORE;
	client_tx(c, 0, d, n);
	client_signal(c, 0);
	return n;
}

bool
lean_relay_open(const struct lean_options *o)
{
	for (unsigned int i = 0; i < o->relays; i++) {
		struct client *c = &client[i];

		if (client_attach(c, o->relay_dir, o->relay[i], TIMEOUT)) {
			c->dev->guest_features = NETVM_GUEST_SEGS;
			if (client_open(c, TIMEOUT))
				continue;
		}
		fprintf(stderr, "lean: %s: %s\n", o->relay[i], c->error);
		return false;
	}
	return true;
}

unsigned int
lean_relay_turn(const struct lean_options *o)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < o->relays; i++)
		n += lean_relay(&client[i]);
	return n;
}
