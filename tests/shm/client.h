/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The other side of an shm port, for tests and bench: attaches to a port's two
 * sockets as a host process and works on its rings. It knows netvm-abi.h and
 * nothing else of NetVM, so that a misunderstanding that libnetvm and netvmd share
 * shows; and it lets its caller do what is forbidden.
 *
 * Thread: one per struct client, but for what says otherwise.
 */
#ifndef NETVM_TESTS_SHM_CLIENT_H
#define NETVM_TESTS_SHM_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest-pmd/netvm-abi.h"

struct client_ring {
	struct netvm_ring *ring;
	void *entries;
	uint32_t mask;
	uint32_t at;    /* next entry that we produce or consume */
	uint32_t known; /* the other side's index, when it was read last */
};

struct client {
	int ring_socket, pool_socket; /* -1: closed */
	int ring_fd, pool_fd;
	int64_t id;
	uint8_t *rings, *pool; /* the mappings */
	size_t rings_size, pool_size;
	struct netvm_device *dev;
	struct netvm_device seen; /* what the device page said when we attached */
	uint32_t buffers_offset;
	unsigned int pairs;
	int host_bell[NETVM_VECTORS_MAX], own_bell[NETVM_VECTORS_MAX];
	struct client_ring rx[NETVM_PAIRS_MAX], tx[NETVM_PAIRS_MAX], fill[NETVM_PAIRS_MAX];
	char error[200];
};

double client_now(void); /* seconds, monotonic */

/* Connects and maps; waits up to `timeout` seconds for each answer. False: error. */
bool client_attach(struct client *c, const char *dir, const char *port, double timeout);
/* The four steps of netvm-abi.h, again and again as one likes. */
bool client_open(struct client *c, double timeout);
/* Says goodbye and detaches; `rudely`: detaches only, as a crash does. */
void client_close(struct client *c, bool rudely);
/* The server has hung up: the port is gone. */
bool client_gone(struct client *c);
/* The host wants the port to be opened again. */
bool client_lost(const struct client *c);

uint32_t client_rx(struct client *c, unsigned int pair, struct netvm_desc *d, uint32_t max);
/* Entries as they are, all of a packet or nothing being the caller's duty. */
uint32_t client_tx(struct client *c, unsigned int pair, const struct netvm_desc *d, uint32_t n);
uint32_t client_tx_room(struct client *c, unsigned int pair);
uint32_t client_fill(struct client *c, unsigned int pair, uint32_t *buffers, uint32_t max);
/* Rings the host's doorbell of the pair where the host asked for it. */
void client_signal(struct client *c, unsigned int pair);
/* Rings a doorbell, unless that would block: who spoiled it shall not wait for himself. */
void client_bell(int fd);
/* Sleeps until a packet comes or ms have passed. */
void client_wait(struct client *c, unsigned int pair, int ms);

static inline uint8_t *
client_buffer(const struct client *c, uint32_t buffer)
{
	return c->pool + c->buffers_offset + (size_t)buffer * c->seen.buffer_size;
}

#endif
