/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A vhost-user frontend: the role of QEMU and of the virtio-net driver inside
 * its guest, in one process, for tests and the bench. Plain libc.
 *
 * Layers, each usable alone, so that a test can misbehave at any of them:
 *
 *	conn.c    the Unix socket, messages and replies, arbitrary bytes and fds
 *	memory.c  guest memory: one range of addresses made of 1..8 memfd regions
 *	device.c  negotiation, rings brought to life and stopped, and carried on with
 *	          after the backend died
 *	ring.c    the driver's side of a ring: send, reap, post, receive
 *	ring-split.c, ring-packed.c  what the two formats do not share (ring-format.h)
 *	log.c     the dirty log of a migration
 *
 * Threads: one thread per struct fe, except that different rings of a device
 * may be driven by different threads after fe_start().
 *
 * Functions that return int give 0 (or a count) when they worked and -1 when
 * not, with a sentence in fe->err.
 */
#ifndef NETVM_FRONTEND_H
#define NETVM_FRONTEND_H

#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FE_PAIRS_MAX   16
#define FE_REGIONS_MAX 8
#define FE_FDS_MAX     16
#define FE_SEGS_MAX    64
#define FE_PAYLOAD_MAX 4096

/* vhost-user requests (QEMU, docs/interop/vhost-user.rst). */
enum fe_request {
	FE_GET_FEATURES = 1,
	FE_SET_FEATURES = 2,
	FE_SET_OWNER = 3,
	FE_RESET_OWNER = 4,
	FE_SET_MEM_TABLE = 5,
	FE_SET_LOG_BASE = 6,
	FE_SET_LOG_FD = 7,
	FE_SET_VRING_NUM = 8,
	FE_SET_VRING_ADDR = 9,
	FE_SET_VRING_BASE = 10,
	FE_GET_VRING_BASE = 11,
	FE_SET_VRING_KICK = 12,
	FE_SET_VRING_CALL = 13,
	FE_SET_VRING_ERR = 14,
	FE_GET_PROTOCOL_FEATURES = 15,
	FE_SET_PROTOCOL_FEATURES = 16,
	FE_GET_QUEUE_NUM = 17,
	FE_SET_VRING_ENABLE = 18,
	FE_SEND_RARP = 19,
	FE_NET_SET_MTU = 20,
	FE_SET_STATUS = 39,
	FE_GET_STATUS = 40,
};

#define FE_FLAG_VERSION    0x1u
#define FE_FLAG_REPLY      0x4u
#define FE_FLAG_NEED_REPLY 0x8u

/* Protocol features, bit numbers. */
enum {
	FE_PROTO_MQ = 0,
	FE_PROTO_LOG_SHMFD = 1,
	FE_PROTO_RARP = 2,
	FE_PROTO_REPLY_ACK = 3,
	FE_PROTO_NET_MTU = 4,
	FE_PROTO_STATUS = 16,
};

#define FE_BIT(n)              (UINT64_C(1) << (n))
#define FE_F_PROTOCOL_FEATURES 30
#define FE_NO_FD_FLAG          UINT64_C(0x100) /* in KICK, CALL, ERR payloads */
#define FE_FEATURES_OFFLOAD                                                                        \
	(FE_BIT(VIRTIO_NET_F_CSUM) | FE_BIT(VIRTIO_NET_F_GUEST_CSUM) |                             \
		FE_BIT(VIRTIO_NET_F_HOST_TSO4) | FE_BIT(VIRTIO_NET_F_HOST_TSO6) |                  \
		FE_BIT(VIRTIO_NET_F_GUEST_TSO4) | FE_BIT(VIRTIO_NET_F_GUEST_TSO6))
/* What a current Linux guest asks for; RING_PACKED and IN_ORDER may be added. */
#define FE_FEATURES_DEFAULT                                                                        \
	(FE_BIT(VIRTIO_F_VERSION_1) | FE_BIT(VIRTIO_NET_F_MRG_RXBUF) |                             \
		FE_BIT(VIRTIO_RING_F_INDIRECT_DESC) | FE_BIT(VIRTIO_RING_F_EVENT_IDX) |            \
		FE_BIT(FE_F_PROTOCOL_FEATURES) | FE_FEATURES_OFFLOAD)
#define FE_PROTOCOL_DEFAULT                                                                        \
	(FE_BIT(FE_PROTO_MQ) | FE_BIT(FE_PROTO_REPLY_ACK) | FE_BIT(FE_PROTO_NET_MTU) |             \
		FE_BIT(FE_PROTO_STATUS))

struct fe_msg_header {
	uint32_t request, flags, size;
};

/* Fields that are 0 take the default in brackets. */
struct fe_config {
	const char *socket;
	bool listen;                /* we listen, the backend connects (its client mode) */
	unsigned int pairs;         /* queue pairs [1] */
	uint16_t ring_size;         /* entries, a power of two [256] */
	uint64_t features;          /* wanted; what the backend offers of them is taken
				       [FE_FEATURES_DEFAULT, and MQ when pairs > 1] */
	uint64_t protocol_features; /* wanted [FE_PROTOCOL_DEFAULT] */
	uint32_t tx_buffer;         /* bytes per frame to send [65664] */
	uint32_t rx_buffer;         /* bytes per posted buffer [2048 mergeable; 65664 with
				       guest TSO; else 9728] */
	uint16_t tx_segs;           /* descriptors per frame sent [1] */
	uint16_t rx_segs;           /* descriptors per posted buffer [1] */
	bool tx_indirect;           /* put tx_segs into an indirect table, if negotiated */
	unsigned int regions;       /* memory regions, adjacent for the guest [1] */
	bool hugepages;             /* memory in 2 MiB pages when the system has them */
	uint16_t mtu;               /* told to the backend with NET_SET_MTU [not told] */
	int timeout_ms;             /* for connect, accept and each reply [5000] */
};

struct fe_region {
	int fd;
	uint64_t gpa, size;
	uint8_t *hva;
};

struct fe_memory {
	uint8_t *base; /* all regions, side by side */
	uint64_t gpa;  /* guest address of base */
	uint64_t size, used;
	bool hugepages;
	unsigned int nregions;
	struct fe_region region[FE_REGIONS_MAX];
};

struct fe_ring_format;

/*
 * The driver's side of one ring. A slot is a buffer and up to segs descriptors
 * that point at it; slots are posted whole. A split ring has them at fixed
 * places unless the backend uses buffers in order (VIRTIO_F_IN_ORDER), which
 * asks for descriptors in ring order, as a packed ring does anyway. A slot's
 * number is its buffer ID in a packed ring.
 */
struct fe_ring {
	const struct fe_ring_format *format;
	/* split */
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	/* packed */
	struct vring_packed_desc *pdesc;
	struct vring_packed_desc_event *driver_event, *device_event;
	const struct fe_memory *mem;
	uint16_t size, segs, slots;
	bool packed, in_order;
	bool receive;  /* host to guest: the backend writes into the buffers */
	bool indirect; /* segs live in a table per slot; one ring descriptor each */
	bool event_idx;
	uint8_t hdr_size; /* 12 or 10 */
	bool mergeable;
	uint32_t buffer_size;
	uint8_t *buffer; /* slots * buffer_size */
	void *table;     /* indirect: slots * segs descriptors of either format */
	int kick, call;  /* eventfds */
	bool running;
	bool hold; /* fe_receive() posts nothing: what comes is what was posted */
	/* Where the backend is to begin (SET_VRING_BASE): after an orderly stop
	 * what it answered, else see fe_reconnect(). */
	uint32_t base;
	/* Position. Split: free running indices; packed: slots of the ring. */
	uint16_t avail_idx, last_used, kicked;
	bool avail_wrap, used_wrap; /* packed */
	uint16_t desc_next;         /* split, in order: the next free descriptor */
	uint16_t nfree, free_first;
	uint16_t *free;         /* queue of slots that are ours */
	struct fe_posted *slot; /* what is known of each slot */
	uint16_t *order;        /* slot of the n-th posting, at n % slots */
	uint64_t nposted, ndone;
	uint16_t batch; /* in order: slots known to be used and not taken yet */
	uint32_t batch_len;
	/* what happened */
	uint64_t packets, bytes, kicks, calls;
	uint64_t out_of_order; /* used in another order than posted: QEMU could not
				  restore such a backend's ring after a crash */
};

struct fe_posted {
	bool posted;    /* the backend has it */
	uint16_t ndesc; /* packed: slots of the ring that it takes */
	uint16_t head;  /* split: its first descriptor */
	uint64_t n;     /* how many were posted before it */
};

/* One bit for each 4 KiB page of guest addresses, set by the backend. */
struct fe_log {
	int fd;
	uint64_t *bits; /* NULL: there is none */
	uint64_t size;  /* bytes */
	bool on;        /* LOG_ALL */
};

struct fe {
	int fd;
	char err[256];
	struct fe_config cfg;
	uint64_t offered, features;
	uint64_t protocol_offered, protocol_features;
	uint64_t queue_num; /* GET_QUEUE_NUM; 1 without MQ */
	struct fe_memory mem;
	struct fe_log log;
	struct fe_ring ring[2 * FE_PAIRS_MAX]; /* 2n: host to guest, 2n + 1: guest to host */
};

/* --- conn.c -------------------------------------------------------------- */

/* Sets fe->cfg with defaults filled in. A frontend without a backend may set
 * fe->features and go on with fe_make_rings(). */
int fe_init(struct fe *fe, const struct fe_config *cfg);
/* The same, then connects, or listens and takes one connection; nothing is sent. */
int fe_connect(struct fe *fe, const struct fe_config *cfg);
/* As fe_connect(), with what fe has: hangs up first, keeps memory and rings. */
int fe_dial(struct fe *fe);
/* Any bytes with any fds; sent in one go. */
int fe_send_raw(struct fe *fe, const void *bytes, size_t len, const int *fds, unsigned int nfds);
/* A message as the specification has it, extra_flags beside the version. */
int fe_send(struct fe *fe, uint32_t request, uint32_t extra_flags, const void *payload,
	uint32_t len, const int *fds, unsigned int nfds);
/* Reads the reply to `request` into payload; returns its length. */
int fe_reply(struct fe *fe, uint32_t request, void *payload, uint32_t size);
/* Sends, and where REPLY_ACK is negotiated waits for the acknowledgement. */
int fe_request(struct fe *fe, uint32_t request, const void *payload, uint32_t len, const int *fds,
	unsigned int nfds);
int fe_set_u64(struct fe *fe, uint32_t request, uint64_t value);
int fe_get_u64(struct fe *fe, uint32_t request, uint64_t *value);
int fe_set_vring(struct fe *fe, uint32_t request, unsigned int index, uint32_t num);
/* KICK or CALL; fd -1 says that there is none. */
int fe_set_vring_fd(struct fe *fe, uint32_t request, unsigned int index, int fd);
/* True when the backend closed the connection (waits up to timeout_ms). */
bool fe_hung_up(struct fe *fe, int timeout_ms);
int fe_fail(struct fe *fe, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* --- memory.c ------------------------------------------------------------ */

int fe_memory_create(struct fe *fe, uint64_t size);
void fe_memory_destroy(struct fe_memory *m);
/* Carves len bytes, aligned to a power of two; NULL when used up. */
void *fe_memory_alloc(struct fe_memory *m, uint64_t len, uint64_t align);
uint64_t fe_memory_gpa(const struct fe_memory *m, const void *p);
int fe_set_mem_table(struct fe *fe);

/* --- device.c ------------------------------------------------------------ */

int fe_negotiate(struct fe *fe);  /* GET_FEATURES ... SET_OWNER ... SET_FEATURES */
int fe_make_rings(struct fe *fe); /* creates memory if there is none, lays rings out */
int fe_set_vring_addr(struct fe *fe, unsigned int index);
int fe_ring_start(struct fe *fe, unsigned int index); /* NUM BASE ADDR KICK CALL */
int fe_ring_enable(struct fe *fe, unsigned int index, bool on);
int fe_ring_stop(struct fe *fe, unsigned int index, uint16_t *base); /* GET_VRING_BASE */
int fe_start(struct fe *fe); /* memory table, every ring started and enabled */
/* All of the above; receive rings are filled with buffers. */
int fe_open(struct fe *fe, const struct fe_config *cfg);
/*
 * After the backend died: connects again, negotiates the same features and has
 * the backend carry on with the same rings in the same memory, as QEMU does for a
 * guest that notices nothing. A split ring begins where its used index says. A
 * packed ring says nothing of the sort: it begins at the base that was known when
 * it was started last, which is stale, and the backend has to know better. -1
 * when the backend is not up (again) within the time-out, or lacks a feature;
 * may be called again.
 */
int fe_reconnect(struct fe *fe);
int fe_stop(struct fe *fe);   /* stops every ring, as a driver that resets the device */
void fe_close(struct fe *fe); /* closes the socket first: the backend sees a crash */

/* --- log.c --------------------------------------------------------------- */

#define FE_PAGE 4096u
/* Gives the backend a new log of so many bytes, no smaller than the one before,
 * whose bits it takes over. */
int fe_log_base(struct fe *fe, uint64_t size);
/* The size that covers all memory. */
uint64_t fe_log_size(const struct fe *fe);
/* LOG_ALL and the rings' log flags, as QEMU turns them on and off. */
int fe_log_all(struct fe *fe, bool on);
/* Clears the bits and calls page() for each that was set. */
void fe_log_take(struct fe *fe, void (*page)(void *arg, uint64_t gpa), void *arg);
void fe_log_destroy(struct fe *fe);

/* --- ring.c -------------------------------------------------------------- */

bool fe_ring_layout(struct fe *fe, unsigned int index); /* false: memory is used up */
void fe_ring_reset(struct fe_ring *r); /* empties it; the backend must have stopped */
uint32_t fe_ring_base_after_crash(const struct fe_ring *r);
/* Posts every free slot of a receive ring; fe_receive() does it by itself. */
void fe_fill(struct fe_ring *r);
/* Copies a frame into a slot and publishes it. hdr NULL: no offload. False
 * when the ring is full, or the frame is larger than a slot. Does not kick. */
bool fe_transmit(struct fe_ring *r, const struct virtio_net_hdr_mrg_rxbuf *hdr, const void *frame,
	uint32_t len);
/* Kicks the backend if it wants that for what was posted since the last time. */
void fe_kick(struct fe_ring *r);
/* Takes back what the backend has used; returns how many slots, -1 when it
 * returned something that it does not have. For rings to the backend. */
int fe_reap(struct fe_ring *r);
/* One received frame: its length, 0 when there is none, -1 when the used ring
 * makes no sense. Longer frames than size are cut; the length is the whole. */
int fe_receive(struct fe_ring *r, struct virtio_net_hdr_mrg_rxbuf *hdr, void *frame, uint32_t size);
/* Asks for an interrupt and waits for one unless something was used already.
 * False when the time is over. Interrupts are off outside of this call. */
bool fe_wait(struct fe_ring *r, int timeout_ms);
/* Low level, split: descriptor chain `head` goes into avail and is published. */
void fe_post(struct fe_ring *r, uint16_t head);

static inline struct fe_ring *
fe_rx_ring(struct fe *fe, unsigned int pair)
{
	return &fe->ring[2 * pair];
}

static inline struct fe_ring *
fe_tx_ring(struct fe *fe, unsigned int pair)
{
	return &fe->ring[2 * pair + 1];
}

#endif
