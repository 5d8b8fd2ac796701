/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Descriptor chains in general, and the slow paths of dequeue and enqueue that
 * need them: whatever the hot loops of vring-loops.h do not recognise at a
 * glance. Workers only. Internal to vring*.c.
 */
#ifndef NETVM_VRING_CHAIN_H
#define NETVM_VRING_CHAIN_H

#include "vhost/vring.h"

/* A buffer that the guest has made available, found by vring_scan_next(). */
struct vring_head {
	uint16_t at; /* split: index of its first descriptor; packed: its place */
	struct vring_chain chain;
};

/* Where a look at the available buffers stands. */
struct vring_scan {
	uint16_t next; /* split: avail entry; packed: place */
	uint16_t left; /* split: entries there are; packed: slots there can be */
};

struct vring_scan vring_scan_start(struct vring_queue *vq);

/* The next buffer; false: there is none, or the ring makes no sense (vq->fault). */
bool vring_scan_next(struct vring_queue *vq, struct vring_scan *s, struct vring_head *h);

/* The same for a packed ring, whose kind the caller knows. */
bool vring_packed_next(struct vring_queue *vq, struct vring_scan *s, struct vring_head *h);

/* A walk over one chain, which it flattens into pieces of our own memory. */
struct vring_walk {
	bool write;             /* the chain must be device-writable, else readable */
	uint64_t need;          /* stop once the pieces hold so many bytes */
	struct packet_seg *seg; /* pieces go here */
	uint32_t max, nseg;
	uint64_t bytes;  /* in the pieces */
	uint32_t budget; /* descriptors that may still be read */
};

/*
 * Returns 0, -EINVAL for a chain that makes no sense (index or address outside,
 * loop, wrong direction, indirect where it must not be), -ENOSPC when it needs
 * more than max pieces. The caller sets write, need, seg, max and budget;
 * pieces are added behind nseg.
 */
int vring_walk_chain(struct vring_queue *vq, const struct vring_head *h, struct vring_walk *w);
int vring_walk_packed(struct vring_queue *vq, const struct vring_head *h, struct vring_walk *w);

/* Adds what one descriptor describes to the pieces. Positive: that is enough,
 * 0: go on, negative: as vring_walk_chain(). */
int vring_walk_add(struct vring_queue *vq, struct vring_desc d, struct vring_walk *w);

/*
 * Takes the chain vq->pending[i], which begins at `at`, into b, or counts why
 * not. Returns false when the burst has no segments left for it: it is then
 * the first of the next burst.
 */
bool vring_take_chain(struct vring_queue *vq, struct packet_burst *b, uint16_t i, uint16_t at);

/*
 * Checks and stores the guest's offload request: the first 8 bytes of its
 * virtio_net_hdr, and csum_offset. False: the packet must be dropped.
 */
bool vring_take_offload(struct packet *p, uint64_t hdr, uint16_t csum_offset);

/* Where an enqueue stands; what vring_put_publish() has not published is not
 * visible to the guest. */
struct vring_put {
	struct vring_scan avail; /* behind the last buffer that was used */
	uint16_t used;           /* split: used entry to write next; packed: buffers
				    that are noted in the ring's position */
	uint16_t buffers;        /* used so far */
	uint16_t bad;            /* malformed among them: bounds the work of one call */
};

static inline struct vring_put
vring_put_start(struct vring_queue *vq)
{
	return (struct vring_put){
		.avail = vring_scan_start(vq), .used = vq->packed ? 0 : vq->used_idx};
}

/* Shows the guest what was put. */
void vring_put_publish(struct vring_queue *vq, struct vring_put *put);

/* The general enqueue of one packet. False: the ring has not enough buffers
 * (or too many of them were malformed), p was not taken. */
bool vring_put_packet(struct vring_queue *vq, struct vring_put *put, const struct packet *p);

/* vring_enqueue() of a ring that has a dirty log. */
uint16_t vring_put_logged(struct vring_queue *vq, struct packet *const *pkts, uint16_t n);

/* A virtio_net_hdr as two words: what enqueue writes before p's frame. */
struct vring_net_hdr {
	uint64_t first; /* flags .. csum_start */
	uint32_t last;  /* csum_offset, num_buffers (unused in a 10-byte header) */
};
struct vring_net_hdr vring_offload_hdr(const struct vring_queue *vq, const struct packet *p);

#endif
