/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A small guest driver for ring tests: it owns memory and a ring, split or
 * packed, posts chains of any shape and reaps used buffers. Every part of the ring and every
 * piece of data memory is a malloc() block of its exact size, so that a
 * sanitizer sees any byte touched beside it. Slow and simple on purpose.
 *
 * Memory map (guest physical): the ring's parts at RG_DESC, RG_AVAIL, RG_USED,
 * data in two adjacent regions (RG_DATA, which meet at RG_SEAM) and indirect
 * tables at RG_TABLE.
 */
#ifndef NETVM_RING_GUEST_H
#define NETVM_RING_GUEST_H

#include <linux/virtio_config.h>

#include "vhost/vring.h"

#define RG_PACKED (1ull << VIRTIO_F_RING_PACKED)
#define RG_ORDER  (1ull << VIRTIO_F_IN_ORDER)

#define RG_DESC  0x10000000ull
#define RG_AVAIL 0x20000000ull
#define RG_USED  0x30000000ull
#define RG_TABLE 0x40000000ull
#define RG_DATA  0x50000000ull

#define RG_HALF       (512u << 10) /* bytes of each data region */
#define RG_SEAM       (RG_DATA + RG_HALF)
#define RG_TABLE_SIZE (256u << 10)
#define RG_PIECES_MAX 2048

struct ring_guest {
	struct vring_queue *vq;
	struct guest_mem mem;
	/* Packed: chains are prepared here, and rg_post() copies them into slots. */
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	struct vring_packed_desc *slot;
	struct vring_packed_desc_event *driver_event, *device_event;
	uint8_t *data[2], *table;
	bool packed, in_order;
	uint32_t size;
	uint64_t features;
	/* The driver's own position: free running, packed: places. */
	uint16_t avail_idx, used_seen;
	/* What was posted and not reaped, in order: buffers and their slots. */
	struct vring_chain *posted;
	uint32_t nposted, nreaped;
	/* IN_ORDER: a used element that stands for several buffers */
	bool batch;
	uint32_t batch_id, batch_len;
	uint32_t next_desc;  /* descriptors are handed out in order, see rg_reset() */
	uint32_t next_data;  /* offset from RG_DATA */
	uint32_t next_table; /* offset from RG_TABLE */
};

/* What one chain is made of; addresses of zero-length pieces do not matter. */
struct rg_chain {
	uint16_t head;
	bool write;    /* device-writable */
	bool indirect; /* in a table */
	uint32_t n;
	uint64_t addr[RG_PIECES_MAX];
	uint32_t len[RG_PIECES_MAX];
};

/* A ring at position base with these features, and those of rg_ring, served by
 * ops. Packed: as if base slots had been used since it was new. */
void rg_init(struct ring_guest *g, uint32_t size, uint64_t features, uint16_t base,
	const struct vring_ops *ops);
void rg_free(struct ring_guest *g);
/* Forgets all chains: their descriptors and memory are used again. */
void rg_reset(struct ring_guest *g);

/* The config that rg_init() used, for tests that want to break it. */
struct vring_config rg_config(const struct ring_guest *g, uint16_t base);

/* Takes len bytes of data memory, never across the seam; returns their address. */
uint64_t rg_alloc(struct ring_guest *g, uint32_t len);
uint8_t *rg_ptr(struct ring_guest *g, uint64_t addr); /* one byte of data memory */
void rg_write(struct ring_guest *g, uint64_t addr, const void *src, uint32_t len);
void rg_read(struct ring_guest *g, uint64_t addr, void *dst, uint32_t len);

void rg_desc(struct ring_guest *g, uint32_t i, uint64_t addr, uint32_t len, uint16_t flags,
	uint16_t next);
/* Makes a chain of n pieces with these lengths; memory from rg_alloc(). */
void rg_chain(struct ring_guest *g, struct rg_chain *c, bool write, bool indirect,
	const uint32_t *len, uint32_t n);
/* Writes c's descriptors (again, after a test changed addr or len). */
void rg_chain_store(struct ring_guest *g, struct rg_chain *c);
void rg_chain_write(struct ring_guest *g, const struct rg_chain *c, const void *src, uint32_t len);
void rg_chain_read(struct ring_guest *g, const struct rg_chain *c, void *dst, uint32_t len);

/* Makes the chain available. Packed: as it is in desc now, with head as its ID. */
void rg_post(struct ring_guest *g, uint16_t head);
/* Whether the device wants to hear of the n buffers that were posted last. */
bool rg_kicks(struct ring_guest *g, uint16_t n);
/* Asks for an interrupt at the next used buffer, or for none. */
void rg_arm(struct ring_guest *g, bool on);
/* The next used buffer; false when there is none. */
bool rg_reap(struct ring_guest *g, uint32_t *head, uint32_t *len);
/* Fails the test unless the next used buffer is this one. */
void rg_expect(struct ring_guest *g, uint16_t head, uint32_t len);
void rg_expect_none(struct ring_guest *g);

/* Makes an [header + frame] chain in one piece and posts it; zero header. */
uint16_t rg_send(struct ring_guest *g, const void *frame, uint32_t len);
/* Posts one writable buffer of len bytes. */
void rg_post_buffer(struct ring_guest *g, struct rg_chain *c, uint32_t len);

/* Bytes that differ from each other and from frame to frame. */
void rg_fill(uint8_t *dst, uint32_t len, uint32_t seed);
/* All of a view's frame into dst (PACKET_LEN_MAX bytes). */
void rg_flatten(const struct packet *p, uint8_t *dst);

/* Runs the group for each variant that this machine has, with EVENT_IDX on and
 * off; the tests find both in rg_ops and rg_event. Returns failures. */
extern const struct vring_ops *rg_ops;
extern uint64_t rg_event;
/* Features that every rg_init() adds: which kind of ring this run is about. */
extern uint64_t rg_ring;
struct CMUnitTest;
int rg_run_variants(const char *name, const struct CMUnitTest *tests, size_t n);
/* The same for each kind of ring: split and packed, each in order and not. */
int rg_run_rings(const char *name, const struct CMUnitTest *tests, size_t n);

#endif
