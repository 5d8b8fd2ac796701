/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Doorbells, both ways (netvm-abi.h, DOORBELLS). Workers.
 *
 * Rings with news are noted, and their guests' wishes are looked at once in a
 * worker's round, behind one full fence for all of them: it costs as much as it takes
 * to get a line back from the guest's CPU, and so these waits overlap.
 */
#include "src/packet/bell.h"
#include "src/shm/shm-ring.h"

#define DUE_MAX 64
static __thread struct {
	unsigned int count;
	struct due {
		struct shm_port *port;
		struct shm_ring *ring;
		uint16_t qp;
	} ring[DUE_MAX];
} due;

static void
ring_bell(struct shm_port *p, uint16_t qp)
{
	/* Acquire, pairs with who made the eventfd. It stays open until this thread
	 * reports quiescent. */
	int fd = atomic_load_explicit(&p->bell[qp % p->vectors], memory_order_acquire);

	if (fd >= 0)
		bell_ring(fd);
}

void
shm_signal(void)
{
	if (due.count == 0)
		return;
	/* Each `produced` is seen before we look at its guest's wish. Pairs with the
	 * guest's fence between its wish and its last look at `produced`. */
	atomic_thread_fence(memory_order_seq_cst);
	for (unsigned int i = 0; i < due.count; i++)
		if (__atomic_load_n(&due.ring[i].ring->shared->wait, __ATOMIC_RELAXED) == 1)
			ring_bell(due.ring[i].port, due.ring[i].qp);
	due.count = 0;
}

void
shm_due(struct shm_port *p, uint16_t qp, struct shm_ring *r)
{
	if (due.count != 0 && due.ring[due.count - 1].ring == r)
		return;
	if (due.count == DUE_MAX)
		shm_signal();
	due.ring[due.count++] = (struct due){p, r, qp};
}

bool
shm_port_rx_arm(struct shm_port *p, uint16_t qp)
{
	struct shm_ring *r;

	/* When it becomes live, env's kick_changed() wakes the sleeper. */
	if (!shm_heard(p) || qp >= p->pairs)
		return false;
	/* A guest that empties FILL while we sleep has nobody to refill it. */
	shm_fill(p, qp, 1);
	/* Nobody rings for a thread that sleeps, and the port may go meanwhile. */
	shm_signal();
	r = &p->pair[qp].ring[NETVM_TX];
	__atomic_store_n(&r->shared->wait, 1, __ATOMIC_RELAXED);
	/* Pairs with the guest's fence between `produced` and its look at `wait`. */
	atomic_thread_fence(memory_order_seq_cst);
	return __atomic_load_n(&r->shared->produced, __ATOMIC_RELAXED) != shm_ring_at(r);
}

void
shm_port_rx_disarm(struct shm_port *p, uint16_t qp)
{
	if (shm_heard(p) && qp < p->pairs)
		__atomic_store_n(&p->pair[qp].ring[NETVM_TX].shared->wait, 0, __ATOMIC_RELAXED);
}

int
shm_port_kick_fd(struct shm_port *p, uint16_t qp)
{
	int fd = atomic_load_explicit(&p->kick[qp % p->vectors], memory_order_acquire);

	if (fd >= 0)
		return fd;
	return shm_live(p) ? SHM_KICK_TIMER : SHM_KICK_NONE;
}

void
shm_port_ring_all(struct shm_port *p)
{
	for (uint16_t v = 0; v < p->vectors; v++)
		ring_bell(p, v);
}
