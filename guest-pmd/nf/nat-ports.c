/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The ports of nat's outside address (nat.h). Taken from one end of a ring and given back
 * at the other, so that a port rests as long as possible before it is used again.
 */
#include <errno.h>
#include <stdlib.h>

#include "guest-pmd/nf/nat.h"

unsigned int
nat_space(const struct nf_headers *h)
{
	if (h->l4_len == 0)
		return NAT_SPACES;
	switch (h->proto) {
	case NF_PROTO_TCP:
		return NAT_TCP;
	case NF_PROTO_UDP:
		return NAT_UDP;
	default:
		return nf_is_echo(h) ? NAT_ECHO : NAT_SPACES;
	}
}

int
nat_ports_start(struct nat_ports *ports, uint16_t first, uint32_t size)
{
	uint64_t seed = nf_random_seed();

	*ports = (struct nat_ports){.size = size, .count = size};
	ports->port = calloc(size, sizeof(*ports->port));
	ports->flow = calloc(size, sizeof(*ports->flow));
	if (ports->port == NULL || ports->flow == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < size; i++) {
		/* A shuffle as it is filled (Knuth, 3.4.2): which port comes next, nobody
		 * outside can tell. */
		uint32_t other = (uint32_t)(nf_hash(seed, &i, sizeof(i)) % (i + 1));

		ports->port[i] = ports->port[other];
		ports->port[other] = (uint16_t)(first + i);
	}
	return 0;
}

void
nat_ports_stop(struct nat_ports *ports)
{
	free(ports->port);
	free(ports->flow);
	*ports = (struct nat_ports){0};
}

bool
nat_ports_take(struct nat_ports *ports, uint16_t *port)
{
	if (ports->count == 0)
		return false;
	*port = ports->port[ports->first];
	ports->first = (ports->first + 1) % ports->size;
	ports->count--;
	return true;
}

void
nat_ports_give(struct nat_ports *ports, uint16_t port)
{
	ports->port[(ports->first + ports->count) % ports->size] = port;
	ports->count++;
}
