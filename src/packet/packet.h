/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The packet view: what a worker handles instead of a buffer.
 *
 * A view points at memory that its source still owns (a guest's transmit
 * descriptors, an mbuf). The one thing that a view holds itself is a private
 * copy of the frame's first bytes: a guest can rewrite its memory at any time,
 * so every decision is taken on that copy, and that copy is what is sent,
 * followed by the rest of the frame from where it lies.
 *
 *	hdr[0 .. hdr_len)      private bytes, the start of the frame
 *	rest, rest_len         the next bytes, in the source's memory
 *	more[0 .. nmore)       and further segments, in order
 *	len                    hdr_len + rest_len + all more[].len
 *
 * A source fills hdr with at least min(len, PACKET_HEADER_MAX) bytes, however
 * its segments are cut: a header that begins in rest cannot be judged (a tag
 * there would not be seen at all). Views made by packet_gso_next() carry only
 * their headers in hdr; they come after the verdict.
 *
 * A taker (a NIC) may keep what a view stands on beyond the view's completion,
 * when the source offers that: an mbuf it takes as it is, a guest's memory it
 * borrows. See struct packet_loan.
 *
 * Views and bursts live on a worker's stack or in its private memory; nothing
 * here is shared between threads, allocates, or logs. This folder is a leaf:
 * it knows no rings, no ports, no GLib.
 */
#ifndef NETVM_PACKET_H
#define NETVM_PACKET_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACKET_BURST      32   /* views in a burst, as DPDK programs have it */
#define PACKET_HEADER_MAX 128  /* private bytes of a frame */
#define PACKET_HEADROOM   64   /* room before them: VLAN push, header growth */
#define PACKET_SEGS_MAX   1024 /* extra segments that one burst can hold: any one chain fits */

/* The largest frame: a 64 KiB IPv6 TSO packet with Ethernet and two tags. */
#define PACKET_LEN_MAX (65535 + 40 + 14 + 8)
#define PACKET_LEN_MIN 14 /* an Ethernet header; shorter frames are runts */

/* Bytes in the source's memory; the source guarantees that they are readable
 * until the view is completed (their *content* may change at any time). */
struct packet_seg {
	const uint8_t *data;
	uint32_t len;
};

/*
 * Offload request of a frame, the fields of VIRTIO 1.2, 5.1.6 (struct
 * virtio_net_hdr), host byte order, validated by packet_offload_set():
 * csum_start + csum_offset + 2 <= hdr_len whenever NEEDS_CSUM is set, and
 * gso_size > 0 and a TCP header inside hdr whenever gso_type is not NONE.
 * Offsets count from the first byte of the frame *as stored in the view*.
 */
enum {
	PACKET_F_NEEDS_CSUM = 1, /* = VIRTIO_NET_HDR_F_NEEDS_CSUM: L4 checksum is partial */
	PACKET_F_DATA_VALID = 2, /* = VIRTIO_NET_HDR_F_DATA_VALID: L4 checksum was verified */
};
enum {
	PACKET_GSO_NONE = 0,  /* = VIRTIO_NET_HDR_GSO_NONE */
	PACKET_GSO_TCPV4 = 1, /* = VIRTIO_NET_HDR_GSO_TCPV4 */
	PACKET_GSO_TCPV6 = 4, /* = VIRTIO_NET_HDR_GSO_TCPV6 */
};
struct packet_offload {
	uint8_t flags;    /* PACKET_F_* */
	uint8_t gso_type; /* PACKET_GSO_* */
	uint16_t hdr_len; /* all headers up to the end of TCP; 0 when gso_type is NONE */
	uint16_t gso_size;
	uint16_t csum_start;
	uint16_t csum_offset;
};

struct packet_loan;

/* What packet.mbuf or packet.loan is: PACKET_KEEP_MBUF unless a ring says otherwise.
 * A loan of POOL stands on buffers of an shm pool, which a port of that pool takes
 * for good; for everybody else it is a loan as any. */
enum { PACKET_KEEP_MBUF = 0, PACKET_KEEP_LOAN = 1, PACKET_KEEP_POOL = 2 };

/* packet.action, as enum netvm_action has them; a dropped one never becomes a view. */
enum { PACKET_NEXT = 0, PACKET_TO_SERVICE = 2, PACKET_TO_PORT = 3 };

/*
 * One frame. Exactly one cache line, so that a burst is 2 KiB.
 * vlan is the worker's verdict and means nothing to a source. action and out mean
 * something only when the port's kind says so (dp_port_ops.directs).
 */
struct packet {
	uint8_t *hdr;                     /* private; PACKET_HEADROOM bytes before it are writable
					     until something was pushed */
	const uint8_t *rest;              /* source memory, follows hdr; NULL when rest_len is 0 */
	const struct packet_seg *more;    /* NULL when nmore is 0 */
	union {                           /* what a taker may keep; NULL: nothing, it must copy */
		void *mbuf;               /* struct rte_mbuf * of a NIC's frame; the taker sets
					     it to NULL */
		struct packet_loan *loan; /* keep is not PACKET_KEEP_MBUF: rest and more,
					     borrowed with packet_loan_take(); hdr is never lent */
	};
	uint32_t len; /* whole frame, bytes */
	uint32_t rest_len;
	uint16_t hdr_len; /* >= min(len, PACKET_LEN_MIN); even unless it is the whole frame */
	uint16_t nmore;
	uint16_t vlan; /* VID inside the network, 0 = untagged; the tag itself is not in hdr
			  any more once the worker has normalised the frame */
	uint16_t out;  /* the source's: what action names, a port's index or a service's number */
	struct packet_offload offload;
	uint8_t pcp;    /* priority and DEI bits of a popped tag: TCI bits 15..12 >> 12 */
	uint8_t chain;  /* the source's: which buffer of its burst the view came from */
	uint8_t keep;   /* PACKET_KEEP_* */
	uint8_t action; /* PACKET_NEXT, or where its sender wants it to go */
	uint16_t from;  /* index of the port that it came from; its rx says so */
};
static_assert(sizeof(struct packet) == 64, "a packet view is one cache line");

/*
 * A buffer of a guest that a NIC reads where it lies. The source does not give
 * it back to the guest before the loan is back; nor any buffer behind it, since
 * a ring completes in order. Loans are therefore few (`most`), and a taker
 * must not sit on one.
 *
 * FREE -> OUT by packet_loan_take() on the worker that has the view, before the
 * view is completed; OUT -> BACK by packet_loan_return() on any thread, once;
 * BACK -> FREE by the source, which then may lend it again.
 */
enum packet_loan_state { PACKET_LOAN_FREE, PACKET_LOAN_OUT, PACKET_LOAN_BACK };

/* Shorter payloads are copied: a loan costs a second mbuf and its own return, some 95
 * cycles whatever the length, which a copy exceeds at 400 bytes that come from
 * memory and at 800 that are in the cache. */
#define PACKET_LOAN_MIN 512

struct packet_lender {
	uint16_t out;  /* loans that the source has not seen back yet; its worker's */
	uint16_t most; /* of these, at any one time */
	/* How far devices can reach this memory themselves, in numbers of who told
	 * them (nic-dma.c); 0: not at all. Atomic; NULL: never. */
	const uint32_t *dma;
};
struct packet_loan {
	void *taker[4]; /* the taker's own, while it has the loan */
	struct packet_lender *lender;
	uint8_t state; /* enum packet_loan_state, atomic */
};

/* False: the source has lent enough; copy. The borrower must not read p->hdr later. */
static inline bool
packet_loan_take(struct packet *p)
{
	struct packet_loan *l = p->loan;

	if (l->lender->out >= l->lender->most)
		return false;
	l->lender->out++;
	/* Relaxed: whoever is handed the memory learns of it through a queue that
	 * orders, and the source is this thread. */
	__atomic_store_n(&l->state, PACKET_LOAN_OUT, __ATOMIC_RELAXED);
	p->loan = NULL;
	return true;
}

static inline void
packet_loan_return(struct packet_loan *l)
{
	/* Release, pairs with vring-hold.c: the taker's reads of the memory come
	 * before the guest gets it back. */
	__atomic_store_n(&l->state, PACKET_LOAN_BACK, __ATOMIC_RELEASE);
}

/*
 * A burst and the private memory of its views. A source fills pkt[0..count)
 * and may point pkt[i].hdr at header_of(b, i); more[] is carved from seg.
 */
struct packet_burst {
	struct packet pkt[PACKET_BURST];
	uint8_t header[PACKET_BURST][PACKET_HEADROOM + PACKET_HEADER_MAX]
		__attribute__((aligned(64)));
	struct packet_seg seg[PACKET_SEGS_MAX];
	uint16_t count;
	uint16_t nseg;
};

static inline uint8_t *
packet_burst_header(struct packet_burst *b, unsigned int i)
{
	return b->header[i] + PACKET_HEADROOM;
}

/* Why a frame went no further. One name for people, one place: packet.c. */
enum packet_drop {
	/* counted on the port that the frame came from */
	DROP_BAD_DESCRIPTOR, /* outside memory, looped, too long, wrong direction */
	DROP_NOT_OWNED,      /* an shm guest sent a buffer that it does not have */
	DROP_BAD_OFFLOAD,    /* virtio_net_hdr or segmentation request makes no sense */
	DROP_RUNT,           /* shorter than an Ethernet header */
	DROP_OVERSIZE,       /* longer than the port's MTU allows */
	DROP_VLAN,           /* tag not allowed on this port */
	DROP_NO_NETWORK,     /* the port is in no network */
	DROP_GUARD_MAC,      /* source MAC is not the port's */
	DROP_GUARD_IP,       /* source IP is not the port's */
	DROP_GUARD_ARP,      /* ARP or ND claims somebody else's address */
	DROP_GUARD_DHCP,     /* a guest plays DHCP server */
	DROP_GUARD_RA,       /* a guest plays IPv6 router */
	DROP_POLICED,        /* beyond the rates that the port may send at */
	DROP_STORM,          /* broadcast, multicast or unknown-unicast limit */
	DROP_HAIRPIN,        /* destination is the port it came from */
	DROP_NO_DESTINATION, /* flooded to nobody, or a reserved link-local MAC (802.1D) */
	DROP_NO_TARGET,      /* the port that it is forwarded to, by us or its sender, is not there,
				or its sender may not send there */
	DROP_NO_SERVICE,     /* its sender names a service that there is not */
	DROP_MESSAGE,        /* a message to us that is malformed, or one too many */
	/* counted on the port that the frame could not be sent to */
	DROP_POLICED_OUT,  /* beyond the rates that the port may be sent at */
	DROP_RING_FULL,    /* the guest posted no buffers: it is too slow or stopped */
	DROP_SMALL_BUFFER, /* the guest's buffers are too small for the frame */
	DROP_NOT_READY,    /* the port is down: no peer, driver not started */
	DROP_TOO_BIG,      /* longer than the destination's MTU */
	DROP_NIC_FULL,     /* the NIC's transmit ring is full */
	DROP_NO_MBUF,      /* packet memory is used up */
	DROP_NO_BUFFER,    /* the group's pool is used up */
	DROP_QUOTA,        /* the guest has as many of the pool's buffers as it may */
	DROP_REASONS
};

/* Stable lower-case name with dashes, e.g. "ring-full"; NULL beyond the last. */
const char *packet_drop_name(enum packet_drop reason);

/* Of a port's queue pair. */
struct queue_counters {
	uint64_t rx_packets, rx_bytes; /* from the guest or the wire */
	uint64_t tx_packets, tx_bytes; /* to it */
};

/*
 * Checks what a guest or a NIC asks for against the frame and stores it in
 * p->offload, or returns false (drop with DROP_BAD_OFFLOAD). req is a private
 * copy. ECN and UFO bits are refused: we never offer them; other unknown flags
 * are ignored (VIRTIO 1.2, 5.1.6.2.2). gso needs NEEDS_CSUM and an IPv4 or
 * IPv6 TCP header inside p->hdr (an outer VLAN tag may precede it);
 * offload.hdr_len is computed here, the guest's is not believed. A gso request
 * for a frame that is one segment anyway becomes gso_type NONE, so judge the
 * frame's length after this call, not before.
 *
 * The checksum field must be one that lies behind everything that is judged:
 * for TCP, UDP and ICMPv6 it is theirs. A guest that may name any two bytes
 * could have us write into an address after the guard has looked at it.
 */
#define PACKET_GSO_SIZE_MIN 8 /* bounds the pieces of a frame; Linux sends no less */
bool packet_offload_set(struct packet *p, const struct packet_offload *req);

/* Length of the Ethernet header with tags, and the EtherType behind them. */
uint16_t packet_l3_offset(const struct packet *p, uint16_t *ether_type);

/*
 * VLAN tag of 802.1Q at the outermost place, in p->hdr, only there. push needs
 * 4 bytes of headroom and keeps offload offsets right; pop returns the TCI and
 * must only be called when packet_has_tag(). push after pop restores the frame.
 */
bool packet_has_tag(const struct packet *p);
void packet_vlan_push(struct packet *p, uint16_t tci);
uint16_t packet_vlan_pop(struct packet *p);

/*
 * Finishes a partial L4 checksum (NEEDS_CSUM) in software: sums the frame from
 * csum_start, writes into hdr, clears the flag. UDP 0 becomes 0xffff.
 */
void packet_checksum(struct packet *p);

/*
 * Segmentation of a TCP frame (gso_type) for a destination without TSO, IPv4
 * and IPv6, over guest memory in place: every piece has its own header from
 * `room`, its payload is a window into the source's memory.
 *
 * packet_gso_begin() checks the frame and returns the number of pieces, 0 when
 * it cannot be cut (drop with DROP_BAD_OFFLOAD). packet_gso_next() makes up to
 * max pieces into out->pkt[] (offload NEEDS_CSUM set on each: the caller calls
 * packet_checksum() when the destination cannot), and returns how many; 0 at
 * the end. `out` is a scratch burst of the worker; its old content is lost.
 */
struct packet_gso {
	const struct packet *from;
	uint32_t offset;  /* payload bytes that were sent already */
	uint32_t payload; /* payload bytes in all */
	uint32_t left;    /* pieces still to make */
	uint32_t index;   /* of the next piece */
	/* where offset lies: segment (0 hdr, 1 rest, 2.. more) and byte in it */
	uint32_t segment;
	uint32_t segment_offset;
};
uint32_t packet_gso_begin(struct packet_gso *g, const struct packet *p);
uint16_t packet_gso_next(struct packet_gso *g, struct packet_burst *out, uint16_t max);

/* Copies bytes [offset, offset + n) of the frame to dst; caller bounds. */
void packet_copy_out(const struct packet *p, uint32_t offset, void *dst, uint32_t n);

/*
 * Hash of the flow, the same for both directions of a connection: IPv4/IPv6
 * addresses, protocol, TCP/UDP ports (not of fragments); MACs for the rest.
 */
uint32_t packet_flow_hash(const struct packet *p);

#endif
