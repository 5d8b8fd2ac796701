/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The host's side of an shm port, for tests of libnetvm and what stands on it: two
 * sealed memfds, two sockets that speak ivshmem in a folder of their own, a book
 * of who owns each buffer, and a thread that answers openings, keeps FILL filled
 * and does with TX what the mode says. It does what guest-pmd/netvm-abi.h says, on
 * one lock and without haste.
 *
 *	struct fake_host *h = fake_host_new(NULL);
 *	struct netvm_port *port = netvm_open(h->transport, NULL);
 *	fake_host_send(h, 0, "packet", 6);
 *	...
 *	netvm_close(port);
 *	assert(fake_host_owned(h) == 0);
 *	fake_host_free(h);
 *
 * Any thread may call any of these; each takes the lock. What is read from `page`
 * and the rings directly needs atomics, as the guest writes there.
 */
#ifndef TESTS_UNIT_FAKE_HOST_H
#define TESTS_UNIT_FAKE_HOST_H

#include <pthread.h>
#include <stdbool.h>

#include "guest-pmd/netvm-abi.h"

enum fake_host_mode {
	FAKE_HOST_MANUAL, /* TX waits for fake_host_take() */
	FAKE_HOST_SINK,   /* what is in TX is counted and its buffers are free again */
	FAKE_HOST_ECHO,   /* packets come back on the pair's RX, DROP frees */
};

/* 0 in a field: the value in brackets. */
struct fake_host_config {
	uint16_t pairs;                      /* [1] */
	uint16_t vectors;                    /* [pairs] */
	uint16_t port;                       /* [7] */
	uint32_t entries;                    /* of RX and TX [256] */
	uint32_t fill;                       /* entries of FILL, which are kept filled [64] */
	uint32_t buffers;                    /* [512] */
	uint32_t buffer_size, headroom, mtu; /* [2048, 128, 1500] */
	enum fake_host_mode mode;
	bool bells_first; /* eventfds come before the memory */
	bool unsealed;    /* memory that can shrink */
};

struct fake_host {
	struct fake_host_config config;
	char transport[128]; /* "unix:DIR/PORT" */
	char dir[64];
	struct netvm_device *page;
	struct netvm_pool *pool; /* its head */
	uint8_t *buffers;        /* buffer 0 */
	int ring_memory, pool_memory;

	/* Under the lock. */
	uint8_t *owner;      /* enum fake_owner */
	uint32_t *free_list; /* buffers that nobody owns */
	uint32_t free_count;
	uint64_t violations; /* descriptors of buffers that were not the guest's, or too long */
	uint64_t taken;      /* packets from TX */
	uint64_t dropped;    /* of those, DROP */
	uint64_t bells;      /* times that the guest's doorbell was rung */
	uint64_t rung;       /* times that the guest rang ours */
	uint64_t resets;     /* openings answered */
	uint64_t refused;    /* second clients */
	bool open;           /* the guest was seen in NETVM_GUEST_OPEN */
	bool deaf;           /* openings are not answered */

	/* The thread's, and of who holds the lock. */
	pthread_t thread;
	pthread_mutex_t lock;
	bool quit;
	int listen[2], client[2]; /* ring, pool; -1: none */
	int guest_bell[NETVM_VECTORS_MAX], host_bell[NETVM_VECTORS_MAX];
	int64_t next_id;
};

enum fake_owner { FAKE_FREE, FAKE_GUEST, FAKE_HOST };

/* NULL: the defaults. Fails the process when it cannot. */
struct fake_host *fake_host_new(const struct fake_host_config *config);
void fake_host_free(struct fake_host *h);

/* Puts a packet of n bytes into RX, behind the headroom, and rings. False: no room
 * or no buffer. */
bool fake_host_send(struct fake_host *h, uint16_t pair, const void *data, uint16_t n);
/* A buffer that nobody owned, now the host's; UINT32_MAX: there is none. */
uint32_t fake_host_alloc(struct fake_host *h);
/* Puts entries into RX as they are and rings; their buffers, if they are buffers,
 * become the guest's. False: no room. */
bool fake_host_put(struct fake_host *h, uint16_t pair, const struct netvm_desc *d, uint32_t n);
/* Takes up to max entries from TX (FAKE_HOST_MANUAL); their buffers are free. */
uint32_t fake_host_take(struct fake_host *h, uint16_t pair, struct netvm_desc *d, uint32_t max);
/* Buffers that the guest owns, those in FILL among them. */
uint32_t fake_host_owned(struct fake_host *h);
/* Of those, how many lie in FILL and RX, unread. */
uint32_t fake_host_unread(struct fake_host *h);
struct netvm_ring *fake_host_ring(struct fake_host *h, uint16_t pair, enum netvm_ring_kind kind);
/* Waits, up to ten seconds, until *counter (of those above) is at least n. */
bool fake_host_until(struct fake_host *h, const uint64_t *counter, uint64_t n);

/* Asks the guest for a reset. */
void fake_host_ask_reset(struct fake_host *h);
/* netvmd has come back on the same memory: a new generation, every doorbell rings. */
void fake_host_restart(struct fake_host *h);
/* Cuts the client off, and refuses connections while `listening` is false. */
void fake_host_hang_up(struct fake_host *h, bool listening);
/* The port is deleted. */
void fake_host_delete(struct fake_host *h);

/* Between its files. */
void *fake_host_thread(void *h);
void fake_host_listen(struct fake_host *h);
void fake_host_accept(struct fake_host *h, int which);
/* True: the client hung up. */
bool fake_host_hung_up(struct fake_host *h, int which);
void fake_host_cut(struct fake_host *h);

#endif
