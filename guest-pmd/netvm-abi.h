/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What netvmd and a NetVM guest share in memory, byte by byte. This header is
 * all that a driver needs, in whatever language; it includes nothing of NetVM
 * and calls nothing.
 *
 * THE DEVICE. An shm port has two pieces of memory, each behind a Unix socket
 * that speaks QEMU's ivshmem protocol (QEMU, docs/specs/ivshmem-spec): the
 * *ring memory*, the port's own, and the *pool*, which all ports of its trust
 * group share. A host process gets both as memfds from the sockets. A virtual
 * machine sees two PCI devices (vendor 0x1af4, device 0x1110, ivshmem), whose
 * BAR 2 is the memory and whose BAR 0 has the registers IVPosition (offset 8)
 * and Doorbell (offset 12). Which of them is which, the magic number at the
 * start of each memory tells; which pool belongs to which ring memory, pool_id.
 * A machine with several ports of a group sees the same pool several times; IVPosition
 * is the same number in both devices of a port.
 *
 * Both memories can be larger than what is used: a BAR is a power of two. All
 * numbers are little-endian. "Host" is netvmd, "guest" is whoever uses the port:
 * a driver in a virtual machine, or a host process.
 *
 *	ring memory                          pool
 *	0         struct netvm_device       0               struct netvm_pool
 *	4096      queue pair 0              buffers_offset  buffer 0
 *	+ stride  queue pair 1 ...          + buffer_size   buffer 1 ...
 *
 * A queue pair is three rings, one after the other (netvm_ring_offset()):
 *
 *	RX    host -> guest, struct netvm_desc: packets for the guest
 *	TX    guest -> host, struct netvm_desc: packets from the guest, and
 *	      buffers that it gives back (NETVM_ACTION_DROP)
 *	FILL  host -> guest, uint32_t: numbers of empty buffers, for packets that
 *	      the guest originates
 *
 * RINGS. One producer, one consumer; each index counts entries since the ring
 * was reset and wraps at 2^32; entry i lies at i modulo the number of entries,
 * a power of two. The producer writes entries, then `produced` with release
 * order; the consumer reads `produced` with acquire order, takes the entries,
 * then writes `consumed` with release order. produced - consumed is never more
 * than the number of entries: a host that sees more stops serving the port, and
 * puts it in error, until it is reset.
 *
 * OWNERSHIP. A buffer belongs to one party at a time. What comes out of RX and
 * FILL belongs to the guest; what it puts into TX belongs to the host again,
 * whatever the action. The host keeps its own book: a descriptor of a buffer
 * that is not the guest's, or that leaves its buffer, is a violation: its
 * packet is dropped and counted, and after too many the port is in error. The
 * host never believes an index, a length or an offset, and nothing here is a
 * pointer. A guest may use a buffer that it got with a packet for any packet
 * of its own, and need not send what it got in the order in which it came.
 *
 * PACKETS. A packet is one descriptor, or several that follow each other in
 * the ring, all but the last with NETVM_DESC_F_MORE, NETVM_SEGS_MAX at most.
 * Action, destination and mark are those of the first one. A packet with a
 * partial checksum or a segmentation request has a struct netvm_offload in the
 * ring entry before its first descriptor, which then is marked by
 * NETVM_DESC_F_OFFLOAD (the offload entry itself has that flag and no other).
 * The host publishes whole packets; so must the guest: a packet whose end is
 * not there when `produced` was read is a violation.
 *
 * Inside a group members trust each other: a buffer's bytes are whatever its
 * last owner left there, and a member that misbehaves can spoil packets of its
 * group. A packet that leaves the group is judged from, and sent with, a
 * private copy of its headers.
 *
 * MESSAGES. A packet with NETVM_ACTION_TO_PORT can be a message, to another port of the
 * group or, with NETVM_PORT_MANAGER as its destination, to the host:
 *
 *	0   6  02:4e:56:4d, destination, big-endian as all numbers of the frame
 *	6   6  sender's MAC address
 *	12  2  0x88b5
 *	14  4  "NVMS"
 *	18  2  bytes of data, NETVM_MESSAGE_MAX at most
 *	20     data
 *
 * To another port mark is NETVM_MESSAGE_MARK, which nobody outside of the group can
 * forge. To the host, data begins with a struct netvm_tell. The host takes
 * NETVM_TELL_BURST messages of a port at once and NETVM_TELL_RATE in a second; others,
 * and what is no such frame, are dropped and counted (drop reason `message`); of a
 * version or type that it does not know, they are counted as refused. Nothing is
 * answered, and a message can be lost as every packet.
 *
 * LIFE. The host fills the device page in, then writes NETVM_HOST_READY. A guest
 * that wants to use the port, for the first time or again, and one that has
 * lost its way:
 *
 *	1. waits until host_state is not NETVM_HOST_DOWN, and checks magic, version and
 *	   sizes;
 *	2. adds 1 to `guest_request`, writes it with release order and rings doorbell 0;
 *	3. waits until `host_answer` (acquire) is the same number: all buffers
 *	   that it owned are the host's again, all rings are empty and their
 *	   indices are 0, and FILL is being filled; host_state is NETVM_HOST_READY;
 *	4. writes NETVM_GUEST_OPEN to `guest_state` (where the host has written it
 *	   just before it answered).
 *
 * It closes by writing NETVM_GUEST_CLOSED and ringing doorbell 0; the host then
 * takes its buffers. A guest should write any other number to `guest_beat` at least
 * once in a second, by its poll or a timer; where the port has a heartbeat
 * limit, a guest that is silent for longer counts as closed.
 *
 * When netvmd ends or dies, rings and buffers stay as they are: the guest may
 * poll on and finds an empty RX ring and a full TX ring. When it is back, it goes
 * on with them, adds 1 to `host_generation` and rings every doorbell. Packets
 * that it was just moving are lost; no buffer is, and none is there twice. A host
 * that cannot resume asks for a reset: `host_state` is NETVM_HOST_RESET until
 * the guest has gone through the four steps.
 *
 * DOORBELLS. A consumer that wants to sleep writes 1 to `wait` of its ring, has
 * a full fence, looks at `produced` once more and sleeps only when nothing is
 * there. A producer that has published has a full fence, too, reads `wait`,
 * and if it is set rings the consumer's doorbell. Awake again, the consumer writes 0.
 * A guest that finds FILL empty looks at `wait` of TX, too: a host that sleeps does
 * not see that.
 * Queue pair q uses vector q modulo `vectors`, which may be fewer than the pairs: a
 * doorbell then says that one of its pairs has news, not which, and whoever empties
 * its file does so for all of them. Who sleeps for one pair of several looks at
 * `produced` again after a short time. A guest rings by writing
 * NETVM_HOST_PEER << 16 | vector to the Doorbell register; a process, by
 * writing to the eventfd that the socket gave it for this peer and vector.
 */
#ifndef NETVM_ABI_H
#define NETVM_ABI_H

#include <stddef.h>
#include <stdint.h>

#define NETVM_ABI_VERSION  1
#define NETVM_DEVICE_MAGIC UINT64_C(0x316765724d56654e) /* "NeVMreg1" */
#define NETVM_POOL_MAGIC   UINT64_C(0x316c6f704d56654e) /* "NeVMpol1" */

#define NETVM_PCI_VENDOR 0x1af4
#define NETVM_PCI_DEVICE 0x1110
/* Sent to a client that is refused, where the ivshmem protocol's version should be. */
#define NETVM_REFUSED     INT64_C(-16)
#define NETVM_HOST_PEER   0 /* the host's ID among the ivshmem peers */
#define NETVM_BAR0_ID     8 /* IVPosition: this guest's ID, read-only */
#define NETVM_BAR0_BELL   12
#define NETVM_PAIRS_MAX   16
#define NETVM_VECTORS_MAX 16
#define NETVM_RING_MIN    64 /* entries of a ring */
#define NETVM_RING_MAX    32768
#define NETVM_SEGS_MAX    64 /* descriptors of a packet */
#define NETVM_NAME_MAX    32
#define NETVM_PAIRS_AT    4096 /* where queue pair 0 begins */
#define NETVM_LINE        64

#define NETVM_PORT_MANAGER 0xffff     /* the host, as a destination of messages */
#define NETVM_MESSAGE_MARK 0x4e564d53 /* "NVMS" */
#define NETVM_MESSAGE_HEAD 20         /* bytes of the frame before the data */
#define NETVM_MESSAGE_MAX  1024
#define NETVM_TELL_VERSION 1
#define NETVM_TELL_TEXT    1 /* a line for people, shown by netvmctl port messages */
#define NETVM_TELL_BURST   32
#define NETVM_TELL_RATE    100

/* --- descriptors ------------------------------------------------------------ */

enum netvm_desc_flags {
	NETVM_DESC_F_MORE = 1,    /* the packet goes on in the next descriptor */
	NETVM_DESC_F_OFFLOAD = 2, /* a struct netvm_offload is in the entry before */
	NETVM_DESC_F_CSUM_OK = 4, /* to the guest: the L4 checksum was verified, or need not
				     be, as the packet never left memory */
	NETVM_DESC_F_HASH = 8,    /* mark is the flow's hash; from the guest: it still is */
};

/* What is to become of a packet from the guest. */
enum netvm_action {
	NETVM_ACTION_NEXT = 0,       /* go on: the chain's next hop, else as the port is set up
					(its network, or a fixed cross-connect) */
	NETVM_ACTION_DROP = 1,       /* the buffer is given back; length may be 0 */
	NETVM_ACTION_TO_SERVICE = 2, /* destination is a service's number */
	NETVM_ACTION_TO_PORT = 3,    /* destination is a port's number, see
					struct netvm_device.port */
};

struct netvm_desc {
	uint32_t buffer;      /* number in the pool */
	uint16_t offset;      /* of the first byte in the buffer */
	uint16_t length;      /* bytes of this descriptor */
	uint8_t flags;        /* enum netvm_desc_flags */
	uint8_t action;       /* enum netvm_action; 0 to the guest */
	uint16_t destination; /* see action; to the guest: the port that it came from */
	uint32_t mark;        /* to the guest: the flow's hash, the same for both directions;
				 from the guest: any number, which a next NF of the same
				 group finds there again */
};

/* The fields of VIRTIO 1.2, 5.1.6 (struct virtio_net_hdr), with its meanings. */
struct netvm_offload {
	uint16_t csum_start;  /* from the packet's first byte */
	uint16_t csum_offset; /* from csum_start */
	uint16_t gso_size;    /* payload bytes of each piece; 0: nothing to cut */
	uint16_t hdr_len;     /* all headers of a packet to be cut */
	uint8_t flags;        /* at the place of netvm_desc.flags: NETVM_DESC_F_OFFLOAD */
	uint8_t csum;         /* 1: the L4 checksum is partial */
	uint8_t gso_type;     /* VIRTIO_NET_HDR_GSO_: 0 none, 1 TCPv4, 4 TCPv6 */
	uint8_t reserved[5];  /* 0 */
};

/* Data of a message to the host; what follows is the type's: text. */
struct netvm_tell {
	uint16_t version; /* NETVM_TELL_VERSION */
	uint16_t type;    /* NETVM_TELL_ */
};

/* --- rings ------------------------------------------------------------------ */

/* Before the entries of each ring; the producer's and the consumer's lines are
 * two apart, because processors fetch lines in pairs. */
struct netvm_ring {
	uint32_t produced; /* the producer writes this line */
	uint32_t reserved0[31];
	uint32_t consumed; /* the consumer writes this line */
	uint32_t wait;     /* 1: the consumer wants its doorbell rung */
	uint32_t reserved1[30];
};

enum netvm_ring_kind { NETVM_RX = 0, NETVM_TX = 1, NETVM_FILL = 2 };

/* --- the device page --------------------------------------------------------- */

enum netvm_host_state {
	NETVM_HOST_DOWN = 0,  /* the page is being written */
	NETVM_HOST_READY = 1, /* the port can be opened, and is served when it is */
	NETVM_HOST_RESET = 2, /* not served: open it again */
};

enum netvm_guest_state { NETVM_GUEST_CLOSED = 0, NETVM_GUEST_OPEN = 1 };

enum netvm_features {
	NETVM_FEATURE_LINK_UP = 1 << 0, /* the port is enabled; can change at any time */
	NETVM_FEATURE_CSUM = 1 << 1,    /* the host takes partial checksums */
	NETVM_FEATURE_TSO4 = 1 << 2,    /* and TCP packets to be cut */
	NETVM_FEATURE_TSO6 = 1 << 3,
};

/* What the guest can take beyond plain packets: written before it opens. */
enum netvm_guest_features {
	NETVM_GUEST_CSUM = 1 << 0, /* packets with a partial checksum */
	NETVM_GUEST_TSO4 = 1 << 1, /* TCP packets that are still to be cut */
	NETVM_GUEST_TSO6 = 1 << 2,
	NETVM_GUEST_SEGS = 1 << 3, /* packets of several descriptors */
	NETVM_GUEST_HASH = 1 << 4, /* wants the flow's hash in mark: where packets come from
				      outside of the group the host works it out for it */
};

struct netvm_device {
	/* Constant while host_state is NETVM_HOST_READY. */
	uint64_t magic; /* NETVM_DEVICE_MAGIC, written last */
	uint32_t version;
	uint16_t queue_pairs; /* 1 .. NETVM_PAIRS_MAX */
	uint16_t vectors;     /* of the doorbells, 1 .. NETVM_VECTORS_MAX */
	uint32_t rx_entries;  /* each a power of two, NETVM_RING_MIN .. NETVM_RING_MAX */
	uint32_t tx_entries;
	uint32_t fill_entries;
	uint32_t buffer_size;      /* bytes from one buffer to the next, a multiple of 64 */
	uint32_t buffers;          /* in the pool */
	uint32_t headroom;         /* that packets to the guest have before their first byte */
	uint64_t pool_id;          /* struct netvm_pool.id */
	uint64_t size;             /* bytes of ring memory that are used */
	uint16_t port;             /* the port's number, a destination for others */
	uint8_t mac[6];            /* that a driver should use */
	char name[NETVM_NAME_MAX]; /* the port's, with a terminating 0 */
	char group[NETVM_NAME_MAX];
	uint8_t reserved0[1024 - 128];

	/* The host writes, at any time. */
	uint32_t host_state;      /* enum netvm_host_state */
	uint32_t host_answer;     /* the last guest_request that was carried out */
	uint32_t host_generation; /* how often netvmd has taken the port over */
	uint32_t features;        /* enum netvm_features */
	uint32_t mtu;             /* packets from the guest: at most mtu + 18 bytes */
	uint32_t reserved1[251];

	/* The guest writes, at any time. */
	uint32_t guest_state;    /* enum netvm_guest_state */
	uint32_t guest_request;  /* see LIFE */
	uint32_t guest_features; /* enum netvm_guest_features, read when it opens */
	uint32_t guest_pairs;    /* queue pairs that it serves, 0: all; read when it opens */
	uint64_t guest_beat;
	uint8_t reserved2[4096 - 2048 - 24];
};

struct netvm_pool {
	uint64_t magic; /* NETVM_POOL_MAGIC, written last */
	uint64_t id;    /* random */
	uint32_t version;
	uint32_t buffer_size;
	uint32_t buffers;
	uint32_t buffers_offset; /* of buffer 0 from the start of the pool */
	uint64_t size;           /* bytes that are used */
	char group[NETVM_NAME_MAX];
};

/* --- where things lie -------------------------------------------------------- */

static inline uint64_t
netvm_ring_bytes(const struct netvm_device *d, enum netvm_ring_kind kind)
{
	if (kind == NETVM_FILL)
		return sizeof(struct netvm_ring) + (uint64_t)d->fill_entries * sizeof(uint32_t);
	return sizeof(struct netvm_ring) +
	       (uint64_t)(kind == NETVM_RX ? d->rx_entries : d->tx_entries) *
		       sizeof(struct netvm_desc);
}

/* Offset of a queue pair's ring in the ring memory. Whoever does not trust the
 * page calls this with a copy of it that was checked. */
static inline uint64_t
netvm_ring_offset(const struct netvm_device *d, uint32_t pair, enum netvm_ring_kind kind)
{
	uint64_t rx = netvm_ring_bytes(d, NETVM_RX), tx = netvm_ring_bytes(d, NETVM_TX);
	uint64_t at = NETVM_PAIRS_AT + pair * (rx + tx + netvm_ring_bytes(d, NETVM_FILL));

	return at + (kind == NETVM_RX ? 0 : kind == NETVM_TX ? rx : rx + tx);
}

/* Bytes of ring memory that a port with these numbers needs. */
static inline uint64_t
netvm_ring_memory(const struct netvm_device *d)
{
	return netvm_ring_offset(d, d->queue_pairs, NETVM_RX);
}

#if defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
_Static_assert(sizeof(struct netvm_desc) == 16, "layout");
_Static_assert(sizeof(struct netvm_offload) == 16, "layout");
_Static_assert(offsetof(struct netvm_offload, flags) == offsetof(struct netvm_desc, flags),
	"an offload entry is told from a descriptor by its flags");
_Static_assert(sizeof(struct netvm_tell) == 4, "layout");
_Static_assert(sizeof(struct netvm_ring) == 4 * NETVM_LINE, "layout");
_Static_assert(offsetof(struct netvm_ring, consumed) == 2 * NETVM_LINE, "layout");
_Static_assert(sizeof(struct netvm_device) == 4096, "layout");
_Static_assert(offsetof(struct netvm_device, pool_id) == 40, "layout");
_Static_assert(offsetof(struct netvm_device, name) == 64, "layout");
_Static_assert(offsetof(struct netvm_device, host_state) == 1024, "layout");
_Static_assert(offsetof(struct netvm_device, guest_state) == 2048, "layout");
_Static_assert(offsetof(struct netvm_device, guest_beat) == 2064, "layout");
_Static_assert(sizeof(struct netvm_pool) == 72, "layout");
#endif

#endif
