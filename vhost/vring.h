/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A split virtqueue from the device's side (VIRTIO 1.2, section 2.7) with
 * network packets on it (5.1.6). Takes pointers and sizes; knows nothing of
 * rte_vhost, so unit tests and fuzzers drive it on plain memory.
 *
 * Everything in desc, avail and guest buffers belongs to the guest and is
 * hostile: each index, address, length and flag is read once, bounded, then
 * used. Our own position (last_avail, used_idx) is the truth and is never
 * read back from the guest's memory.
 *
 * Threads: one worker at a time per ring (the owner for a guest's transmit
 * ring; whoever holds the lock of a receive ring). Fields are set up while no
 * worker can reach the ring.
 *
 * The kernel's <linux/virtio_ring.h> has a driver-side struct vring of its own;
 * ours is struct vring_queue.
 *
 * Completion is strictly in order: dequeue hands out chains in avail order,
 * vring_complete() gives all of them back in that order. A frontend that
 * restores a crashed backend from used->idx (QEMU does) is then exact.
 */
#ifndef NETVM_VRING_H
#define NETVM_VRING_H

#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>

#include "src/packet/packet.h"
#include "vhost/guest-mem.h"

#define VRING_SIZE_MAX  32768 /* VIRTIO 1.2, 2.7: queue size is at most 32768 */
#define VRING_CHAIN_MAX 1024  /* descriptors of one packet: bounds any one operation */

/* Why a ring was given up until the guest resets it. */
enum vring_fault {
	VRING_OK = 0,
	VRING_FAULT_AVAIL, /* avail->idx is more than the ring size ahead of us */
};

struct vring_queue;

/* The hot loops, in variants for the machine's widest copy. */
struct vring_ops {
	const char *name; /* "sse", "avx2", "avx512" */
	void (*dequeue)(struct vring_queue *vq, struct packet_burst *b, uint16_t max);
	uint16_t (*enqueue)(struct vring_queue *vq, struct packet *const *pkts, uint16_t n);
};

struct vring_queue {
	/* set by vring_setup() */
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	const struct guest_mem *mem;
	const struct vring_ops *ops;
	uint16_t size;    /* power of two */
	uint8_t hdr_size; /* 12 with VERSION_1 or MRG_RXBUF, else 10 */
	bool mergeable, indirect, event_idx;
	bool guest_csum, guest_tso4, guest_tso6; /* what the guest's receive side takes */
	uint32_t max_frame;                      /* longest frame accepted from the guest unless
						    it is GSO; 0 means PACKET_LEN_MAX */
	/* position */
	uint16_t last_avail; /* next avail entry to read, free running */
	uint16_t used_idx;   /* next used entry to write, free running */
	uint16_t signalled;  /* used_idx when we last decided about an interrupt */
	bool signalled_valid;
	uint8_t fault;     /* enum vring_fault */
	uint32_t mem_hint; /* for guest_mem_ptr() */
	/* chains that dequeue handed out and complete has still to give back */
	uint16_t npending;
	uint16_t pending[PACKET_BURST];
	/* one writer: whoever runs the ring; readers take what they find */
	uint64_t packets, bytes;
	uint64_t drop[DROP_REASONS]; /* what the ring itself refused */
};

/* What vring_setup() needs to know. Pointers are ours (already translated). */
struct vring_config {
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	const struct guest_mem *mem;
	uint32_t size;
	uint64_t features; /* negotiated, VIRTIO_*_F_* bits */
	uint16_t base;     /* next avail entry, from SET_VRING_BASE */
	uint32_t max_frame;
};

/*
 * Prepares a ring. Returns 0, or -EINVAL when size is 0, over VRING_SIZE_MAX
 * or no power of two, a pointer is missing or misaligned (16/2/4 bytes, 2.7),
 * or a part lies outside mem. Counters survive a set-up. used_idx starts at
 * used->idx (bounded: it must not be more than size behind base).
 */
int vring_setup(struct vring_queue *vq, const struct vring_config *cfg);

/* The best variant for this CPU; name forces one (tests, bench) or is NULL.
 * Returns NULL for a name that this build or machine does not have. */
const struct vring_ops *vring_ops_select(const char *name);

/*
 * Takes up to max (<= PACKET_BURST) packets that the guest transmits into
 * b->pkt[0 .. b->count). Views stay valid until vring_complete(). Chains that
 * make no sense are counted in drop[] and completed with the rest, in order.
 */
static inline void
vring_dequeue(struct vring_queue *vq, struct packet_burst *b, uint16_t max)
{
	vq->ops->dequeue(vq, b, max);
}

/* Gives every chain of the last dequeue back to the guest (used length 0). */
void vring_complete(struct vring_queue *vq);

/*
 * Copies packets into buffers that the guest posted for receiving, and
 * publishes them. Returns how many were taken from the front of pkts; it stops
 * at the first that finds the ring empty. A packet that the guest's buffers
 * can never hold is counted (DROP_SMALL_BUFFER) and passes as taken. The
 * caller has made sure that the guest can take each packet's offload.
 */
static inline uint16_t
vring_enqueue(struct vring_queue *vq, struct packet *const *pkts, uint16_t n)
{
	return vq->ops->enqueue(vq, pkts, n);
}

/* True when the guest has put something into avail that we have not read. */
bool vring_has_work(const struct vring_queue *vq);

/*
 * Tells the guest whether we want to be kicked (EVENT_IDX or NO_NOTIFY).
 * After on = true the caller must check vring_has_work() again before it
 * sleeps: the full fence between the two is in here.
 */
void vring_set_notify(struct vring_queue *vq, bool on);

/*
 * True when the guest wants an interrupt for what was completed or enqueued
 * since the last call (VIRTIO 1.2, 2.7.10; full fence inside). The caller
 * then writes to the ring's call eventfd.
 */
bool vring_should_signal(struct vring_queue *vq);

#endif
