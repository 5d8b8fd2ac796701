/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A virtqueue, split or packed (VIRTIO 1.2, sections 2.7 and 2.8), from the
 * device's side, with network packets on it (5.1.6). Takes pointers and sizes;
 * knows nothing of rte_vhost, so unit tests and fuzzers drive it on plain memory.
 *
 * Everything in desc, avail and guest buffers belongs to the guest and is
 * hostile: each index, address, length and flag is read once, bounded, then
 * used. Our own position (last_avail, used_idx) is the truth and is never
 * read back from the guest's memory. In a split ring these are free running
 * indices; in a packed ring they are places (slot and wrap counter).
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
#include "vhost/vring-position.h"

#define VRING_SIZE_MAX  32768 /* VIRTIO 1.2, 2.7: queue size is at most 32768 */
#define VRING_CHAIN_MAX 1024  /* descriptors of one packet: bounds any one operation */

/* Why a ring was given up until the guest resets it. */
enum vring_fault {
	VRING_OK = 0,
	VRING_FAULT_AVAIL, /* split: avail->idx is more than the ring size ahead of us */
	VRING_FAULT_CHAIN, /* packed: a chain that goes on past what the ring can hold */
};

struct vring_queue;
struct vring_log;  /* vring-log.h */
struct vring_hold; /* vring-hold.h */

/* A buffer (descriptor chain) that was taken and has to be given back. */
struct vring_chain {
	uint16_t id;    /* split: index of its head; packed: its buffer ID (2.8.6) */
	uint16_t ndesc; /* packed: slots it takes in the ring; split: 1 */
};

/* The hot loops, in variants for the machine's widest copy. */
struct vring_ops {
	const char *name; /* "sse", "avx2", "avx512" */
	void (*dequeue)(struct vring_queue *vq, struct packet_burst *b, uint16_t max);
	uint16_t (*enqueue)(struct vring_queue *vq, struct packet *const *pkts, uint16_t n);
	void (*dequeue_packed)(struct vring_queue *vq, struct packet_burst *b, uint16_t max);
	uint16_t (*enqueue_packed)(struct vring_queue *vq, struct packet *const *pkts, uint16_t n);
};

/*
 * A ring. The first cache line is all that a burst reads of it, so allocate it
 * with its alignment (aligned_alloc(), rte_malloc(), or inside a struct that
 * is allocated that way).
 */
struct vring_queue {
	/* set by vring_setup() */
	union {
		struct vring_desc *desc;
		struct vring_packed_desc *slot; /* packed */
	};
	union {
		struct vring_avail *avail;
		struct vring_packed_desc_event *driver_event; /* packed */
	};
	union {
		struct vring_used *used;
		struct vring_packed_desc_event *device_event; /* packed */
	};
	const struct guest_mem *mem;
	const struct vring_ops
		*ops;       /* from vring_ops_select(NULL) unless the caller sets another */
	uint32_t max_frame; /* longest frame accepted from the guest unless it is GSO */
	uint16_t size;      /* split: a power of two */
	/* position; split: free running, packed: vring_place */
	uint16_t last_avail; /* next avail entry (packed: slot) to read */
	uint16_t used_idx;   /* next used entry (packed: slot) to write */
	/* chains that dequeue handed out and complete has still to give back */
	uint16_t npending;
	uint8_t fault;    /* enum vring_fault */
	uint8_t hdr_size; /* 12 with VERSION_1 or MRG_RXBUF, else 10 */
	bool packed, in_order;
	bool mergeable, indirect, event_idx;
	bool guest_csum;    /* the guest's receive side takes partial checksums */
	uint16_t signalled; /* used_idx when we last decided about an interrupt */
	/* second line: what is written once per burst */
	struct vring_chain pending[PACKET_BURST];
	struct vring_position *position; /* packed: never NULL */
	/* one writer: whoever runs the ring; others read them (and fault) relaxed */
	uint64_t packets, bytes;
	uint64_t drop[DROP_REASONS]; /* what the ring itself refused */
	uint32_t mem_hint;           /* for guest_mem_ptr() */
	/* Migration: where to note what was written to the guest's memory, NULL:
	 * nowhere. With a log every packet to the guest takes the slow path. */
	const struct vring_log *log;
	struct vring_hold *hold; /* buffers that are lent; NULL: this ring lends none */
	bool signalled_valid;
	bool guest_tso4, guest_tso6;        /* for the caller: what it may leave to the guest */
	struct vring_position own_position; /* for a packed ring that was given none */
} __attribute__((aligned(64)));

/* What vring_setup() needs to know. Pointers are ours (already translated). */
struct vring_config {
	union {
		struct vring_desc *desc;
		struct vring_packed_desc *slot; /* with VIRTIO_F_RING_PACKED */
	};
	union {
		struct vring_avail *avail;
		struct vring_packed_desc_event *driver_event; /* likewise */
	};
	union {
		struct vring_used *used;
		struct vring_packed_desc_event *device_event; /* likewise */
	};
	const struct guest_mem *mem;
	uint32_t size;
	uint64_t features;   /* negotiated, VIRTIO_*_F_* bits; RING_PACKED says which ring */
	uint16_t base;       /* next avail entry, from SET_VRING_BASE; packed: vring_place */
	vring_place used_at; /* packed: next slot to give back, at or behind base */
	/* Packed: where the ring keeps its place, NULL: in vring_queue. It must
	 * outlive the ring's run; vring_setup() sets it to used_at. A crash before:
	 * see vring_position_recover(). */
	struct vring_position *position;
	uint32_t max_frame;          /* 0 means PACKET_LEN_MAX */
	const struct vring_log *log; /* NULL: off; must outlive the ring's run */
	struct vring_hold *hold;     /* NULL: lends nothing; nothing is held in it */
};

/*
 * Prepares a ring. Returns 0, or -EINVAL when size is 0, over VRING_SIZE_MAX
 * or (split) no power of two, a pointer is missing or misaligned (split:
 * 16/2/4 bytes, 2.7; packed: 16/4/4, 2.8.10), a part lies outside mem, or
 * used->idx (packed: used_at) is more than size behind base. The ring then
 * starts at base and used->idx (used_at), with no fault. Counters survive.
 */
int vring_setup(struct vring_queue *vq, const struct vring_config *cfg);

/* Where the ring stands, in the form that SET_VRING_BASE has for its kind. */
static inline uint16_t
vring_avail_place(const struct vring_queue *vq)
{
	return vq->last_avail;
}

static inline uint16_t
vring_used_place(const struct vring_queue *vq)
{
	return vq->used_idx;
}

/* The best variant for this CPU; name forces one (tests, bench) or is NULL.
 * Returns NULL for a name that this build or machine does not have. */
const struct vring_ops *vring_ops_select(const char *name);

/*
 * Takes up to max (at most PACKET_BURST count) packets that the guest transmits into
 * b->pkt[0 .. b->count). Views stay valid until vring_complete(), which must
 * come before the next dequeue. Chains that make no sense are counted in
 * drop[] and completed with the rest, in order: a burst can be empty and still
 * need its completion.
 */
static inline void
vring_dequeue(struct vring_queue *vq, struct packet_burst *b, uint16_t max)
{
	if (vq->packed)
		vq->ops->dequeue_packed(vq, b, max);
	else
		vq->ops->dequeue(vq, b, max);
}

/* Gives every chain of the last dequeue back to the guest (used length 0), except
 * those that are lent or come behind one that is: these follow in a later call.
 * With nothing lent and nothing pending it does nothing. */
void vring_complete(struct vring_queue *vq);

/*
 * Gives n chains back to the guest (used length 0) and publishes them. They are
 * the oldest that dequeue handed out, in that order. vring_complete() is this for the
 * last burst; whoever keeps chains longer (a NIC that reads them in place)
 * calls it itself.
 */
void vring_give_back(struct vring_queue *vq, const struct vring_chain *chain, uint16_t n);

/*
 * Copies packets into buffers that the guest posted for receiving, and
 * publishes them. Returns how many were taken from the front of pkts; it stops
 * at the first that finds the ring empty. A packet that the guest's buffers
 * can never hold is counted (DROP_SMALL_BUFFER) and passes as taken; its
 * buffers stay for the next. A buffer that makes no sense is counted
 * (DROP_BAD_DESCRIPTOR) and given back with length 0; so are those before it
 * that the same mergeable packet had begun to use, since used entries are
 * neither reordered nor may others stand between the parts of one packet. The
 * caller has made sure that the guest can take each packet's offload.
 */
static inline uint16_t
vring_enqueue(struct vring_queue *vq, struct packet *const *pkts, uint16_t n)
{
	return vq->packed ? vq->ops->enqueue_packed(vq, pkts, n) : vq->ops->enqueue(vq, pkts, n);
}

/* True when the guest has made something available that we have not read. */
bool vring_has_work(const struct vring_queue *vq);

/*
 * Tells the guest whether we want to be kicked (2.7.10: EVENT_IDX or NO_NOTIFY;
 * 2.8.14: the device event structure).
 * After on = true the caller must check vring_has_work() again before it
 * sleeps: the full fence between the two is in here.
 */
void vring_set_notify(struct vring_queue *vq, bool on);

/*
 * Interrupts (VIRTIO 1.2, 2.7.7, 2.7.14, 2.8.14), in two steps, so that one full
 * fence serves many rings. vring_news() says what was completed or enqueued since
 * its last call, false when nothing was. Then the caller makes a full fence, and
 * vring_wanted() is true when the guest wants an interrupt for it; the caller
 * writes to the ring's call eventfd. The first news after a set-up are always
 * wanted: an interrupt may have been lost with whoever ran the ring before.
 */
struct vring_news {
	uint16_t before, now; /* used_idx */
	bool first;
};
bool vring_news(struct vring_queue *vq, struct vring_news *news);
bool vring_wanted(const struct vring_queue *vq, const struct vring_news *news);

/* Both steps with the fence between them, for one ring. */
bool vring_should_signal(struct vring_queue *vq);

#endif
