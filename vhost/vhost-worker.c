/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What workers call. No locks but the short one of a receive ring that several
 * workers share, no allocation, no log, no call into rte_vhost.
 *
 * `live` is read once per burst (acquire). A ring that was live stays valid,
 * memory and descriptors included, until the worker reports quiescent: the
 * other side clears `live`, waits for that, and only then changes anything.
 */
#include <rte_pause.h>
#include <string.h>

#include "vhost/vhost-private.h"
#include "vhost/vring-hold.h"

static inline void
ring_lock(struct vhost_ring *r)
{
	/* Acquire, pairs with the release in ring_unlock(). */
	while (atomic_flag_test_and_set_explicit(&r->lock, memory_order_acquire))
		rte_pause();
}

static inline void
ring_unlock(struct vhost_ring *r)
{
	atomic_flag_clear_explicit(&r->lock, memory_order_release);
}

static inline bool
ring_live(struct vhost_ring *r)
{
	return atomic_load_explicit(&r->live, memory_order_acquire);
}

/* The ring gave up on what the guest wrote: say so once. */
static void
ring_check_fault(struct vhost_port *p, struct vhost_ring *r)
{
	if (__builtin_expect(r->vq.fault == VRING_OK || r->fault_told, 1))
		return;
	r->fault_told = true;
	vhost_changed(p);
}

/*
 * Rings with news that their guests have not been told. A full fence between
 * what we published and our look at a guest's wish costs as much as it takes to
 * get the line of used->idx back from the guest's CPU; one fence for all rings
 * of a round lets these waits overlap.
 */
#define DUE_MAX 64
static __thread struct {
	unsigned int count;
	struct due {
		struct vhost_ring *ring;
		struct vring_news news;
	} ring[DUE_MAX];
} due;

void
vhost_signal(void)
{
	if (due.count == 0)
		return;
	/* Full fence: each used->idx is seen before we look at its driver's wish.
	 * Pairs with the driver's between its wish and used->idx. */
	atomic_thread_fence(memory_order_seq_cst);
	for (unsigned int i = 0; i < due.count; i++)
		if (vring_wanted(&due.ring[i].ring->vq, &due.ring[i].news))
			vhost_ring_call(due.ring[i].ring);
	due.count = 0;
}

static inline void
ring_due(struct vhost_ring *r)
{
	if (due.count == DUE_MAX)
		vhost_signal();
	if (vring_news(&r->vq, &due.ring[due.count].news))
		due.ring[due.count++].ring = r;
}

/* RARP request (RFC 903) that tells switches where the guest is now. */
static void
rarp_frame(uint8_t *f, uint64_t mac)
{
	static const uint8_t head[] = {0x80, 0x35, 0, 1, 0x08, 0, 6, 4, 0, 3};

	memset(f, 0, 60);
	memset(f, 0xff, 6);
	/* In memory the MAC stands in the first 6 bytes of the message's u64. */
	memcpy(f + 6, &mac, 6);
	memcpy(f + 12, head, sizeof(head));
	memcpy(f + 22, &mac, 6);
	memcpy(f + 32, &mac, 6);
}

/* A guest that arrived by migration and does not announce itself. */
static void
rarp_inject(struct vhost_port *p, struct packet_burst *b)
{
	uint64_t mac = atomic_exchange_explicit(&p->rarp, 0, memory_order_acq_rel);
	struct packet *pkt;

	if (!(mac & VHOST_RARP_DUE) || b->count == PACKET_BURST)
		return;
	pkt = &b->pkt[b->count];
	memset(pkt, 0, sizeof(*pkt));
	pkt->hdr = packet_burst_header(b, b->count);
	rarp_frame(pkt->hdr, mac);
	pkt->hdr_len = 60;
	pkt->len = 60;
	b->count++;
}

void
vhost_port_rx(struct vhost_port *p, uint16_t qp, struct packet_burst *b)
{
	struct vhost_ring *r = &p->ring[2 * qp + 1];
	uint16_t max = PACKET_BURST;
	bool rarp;

	b->count = 0;
	b->nseg = 0;
	if (!ring_live(r))
		return;
	r->held = true;
	/* Relaxed: the exchange in rarp_inject() orders. */
	rarp = atomic_load_explicit(&p->rarp, memory_order_relaxed) != 0;
	if (__builtin_expect(rarp, 0))
		max--;
	/* What is held back must fit; a guest can make more available than it may. */
	if (__builtin_expect(vring_hold_busy(&r->vq), 0))
		max = vring_hold_room(&r->vq) < max ? vring_hold_room(&r->vq) : max;
	vring_dequeue(&r->vq, b, max);
	if (atomic_load_explicit(&vhost_borrowers, memory_order_relaxed) != 0 && r->vq.hold)
		vring_hold_offer(&r->vq, b);
	if (__builtin_expect(rarp, 0))
		rarp_inject(p, b);
	ring_check_fault(p, r);
}

void
vhost_port_rx_complete(struct vhost_port *p, uint16_t qp)
{
	struct vhost_ring *r = &p->ring[2 * qp + 1];

	/* Not `live`: it may have been cleared since vhost_port_rx(), and what
	 * was taken must still be given back. */
	if (!r->held)
		return;
	r->held = false;
	if (r->vq.npending == 0 && !vring_hold_busy(&r->vq))
		return;
	vring_complete(&r->vq);
	ring_due(r);
}

bool
vhost_port_rx_held(struct vhost_port *p, uint16_t qp)
{
	struct vhost_ring *r = &p->ring[2 * qp + 1];

	return ring_live(r) && vring_hold_busy(&r->vq);
}

uint16_t
vhost_port_tx_queues(struct vhost_port *p)
{
	/* Acquire, pairs with rings_list_tx(). */
	return atomic_load_explicit(&p->tx_queues, memory_order_acquire);
}

struct vhost_tx_caps
vhost_port_tx_caps(struct vhost_port *p)
{
	uint8_t caps = atomic_load_explicit(&p->tx_caps, memory_order_relaxed);

	return (struct vhost_tx_caps){.csum = caps & VHOST_CAP_CSUM,
		.tso4 = caps & VHOST_CAP_TSO4,
		.tso6 = caps & VHOST_CAP_TSO6};
}

uint16_t
vhost_port_tx(struct vhost_port *p, uint16_t queue, struct packet *const *pkts, uint16_t n)
{
	struct vhost_ring *r;
	uint16_t taken;

	if (queue >= VHOST_QUEUE_PAIRS_MAX)
		return 0;
	r = &p->ring[2 * atomic_load_explicit(&p->tx_pair[queue], memory_order_relaxed)];
	if (!ring_live(r))
		return 0;
	ring_lock(r);
	taken = vring_enqueue(&r->vq, pkts, n);
	ring_due(r);
	ring_check_fault(p, r);
	ring_unlock(r);
	return taken;
}

bool
vhost_port_rx_arm(struct vhost_port *p, uint16_t qp)
{
	struct vhost_ring *r = &p->ring[2 * qp + 1];

	/* When it becomes live, env's kick_changed() wakes the sleeper. */
	if (!ring_live(r))
		return false;
	/* Also when the peer gave no kick descriptor (VHOST_KICK_TIMER). */
	vring_set_notify(&r->vq, true);
	return vring_has_work(&r->vq) || atomic_load_explicit(&p->rarp, memory_order_relaxed) != 0;
}

void
vhost_port_rx_disarm(struct vhost_port *p, uint16_t qp)
{
	struct vhost_ring *r = &p->ring[2 * qp + 1];

	if (ring_live(r))
		vring_set_notify(&r->vq, false);
}

int
vhost_port_kick_fd(struct vhost_port *p, uint16_t qp)
{
	struct vhost_ring *r = &p->ring[2 * qp + 1];
	int fd = atomic_load_explicit(&r->kickfd, memory_order_acquire);

	if (fd >= 0)
		return fd;
	return ring_live(r) ? VHOST_KICK_TIMER : VHOST_KICK_NONE;
}

/* Written by a worker with plain stores; aligned words do not tear. */
static uint64_t
count(const uint64_t *n)
{
	return __atomic_load_n(n, __ATOMIC_RELAXED);
}

void
vhost_port_counters(struct vhost_port *p, uint16_t qp, struct queue_counters *c)
{
	const struct vring_queue *tx = &p->ring[2 * qp].vq, *rx = &p->ring[2 * qp + 1].vq;

	c->rx_packets = count(&rx->packets);
	c->rx_bytes = count(&rx->bytes);
	c->tx_packets = count(&tx->packets);
	c->tx_bytes = count(&tx->bytes);
}

void
vhost_port_drops(struct vhost_port *p, uint64_t drop[DROP_REASONS])
{
	memset(drop, 0, DROP_REASONS * sizeof(drop[0]));
	for (unsigned int i = 0; i < vhost_rings(p); i++) {
		for (unsigned int k = 0; k < DROP_REASONS; k++)
			drop[k] += count(&p->ring[i].vq.drop[k]);
	}
}
