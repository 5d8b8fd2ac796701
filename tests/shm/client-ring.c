/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The rings of a client, and sleeping on them. See client.h.
 *
 * Ring indices pair as netvm-abi.h says: `produced` is released by who produces
 * and acquired by who consumes, `consumed` the other way round.
 */
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "tests/shm/client.h"

/* Entries that a consumer finds. */
static uint32_t
filled(struct client_ring *r, uint32_t max)
{
	uint32_t n = r->known - r->at;

	if (n < max) {
		r->known = __atomic_load_n(&r->ring->produced, __ATOMIC_ACQUIRE);
		n = r->known - r->at;
	}
	return n < max ? n : max;
}

uint32_t
client_rx(struct client *c, unsigned int pair, struct netvm_desc *d, uint32_t max)
{
	struct client_ring *r = &c->rx[pair];
	const struct netvm_desc *entry = r->entries;
	uint32_t n = filled(r, max);

	for (uint32_t i = 0; i < n; i++)
		d[i] = entry[(r->at + i) & r->mask];
	if (n != 0) {
		r->at += n;
		__atomic_store_n(&r->ring->consumed, r->at, __ATOMIC_RELEASE);
	}
	return n;
}

uint32_t
client_fill(struct client *c, unsigned int pair, uint32_t *buffers, uint32_t max)
{
	struct client_ring *r = &c->fill[pair];
	const uint32_t *entry = r->entries;
	uint32_t n = filled(r, max);

	for (uint32_t i = 0; i < n; i++)
		buffers[i] = entry[(r->at + i) & r->mask];
	if (n != 0) {
		r->at += n;
		__atomic_store_n(&r->ring->consumed, r->at, __ATOMIC_RELEASE);
	}
	return n;
}

uint32_t
client_tx_room(struct client *c, unsigned int pair)
{
	struct client_ring *r = &c->tx[pair];

	r->known = __atomic_load_n(&r->ring->consumed, __ATOMIC_ACQUIRE);
	return r->mask + 1 - (r->at - r->known);
}

uint32_t
client_tx(struct client *c, unsigned int pair, const struct netvm_desc *d, uint32_t n)
{
	struct client_ring *r = &c->tx[pair];
	struct netvm_desc *entry = r->entries;
	uint32_t room = r->mask + 1 - (r->at - r->known);

	if (room < n)
		room = client_tx_room(c, pair);
	if (n > room)
		n = room;
	for (uint32_t i = 0; i < n; i++)
		entry[(r->at + i) & r->mask] = d[i];
	if (n != 0) {
		r->at += n;
		__atomic_store_n(&r->ring->produced, r->at, __ATOMIC_RELEASE);
	}
	return n;
}

void
client_bell(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	const uint64_t one = 1;

	if (poll(&p, 1, 0) == 1)
		(void)!write(fd, &one, sizeof(one));
}

void
client_signal(struct client *c, unsigned int pair)
{
	/* Between `produced` above and `wait`; the host's pairs with it. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&c->tx[pair].ring->wait, __ATOMIC_RELAXED) != 0)
		client_bell(c->host_bell[pair % c->seen.vectors]);
}

void
client_wait(struct client *c, unsigned int pair, int ms)
{
	struct client_ring *r = &c->rx[pair];
	struct pollfd p = {.fd = c->own_bell[pair % c->seen.vectors], .events = POLLIN};
	uint64_t rung;

	__atomic_store_n(&r->ring->wait, 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&r->ring->produced, __ATOMIC_ACQUIRE) == r->at && poll(&p, 1, ms) == 1)
		(void)!read(p.fd, &rung, sizeof(rung));
	__atomic_store_n(&r->ring->wait, 0, __ATOMIC_RELAXED);
}
