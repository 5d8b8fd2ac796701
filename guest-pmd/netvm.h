/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libnetvm: network functions (NFs) on shm ports of netvmd.
 *
 * One program runs unchanged in a virtual machine and as a host process; only
 * the transport differs:
 *
 *	pci:RING[,POOL]   in a VM: PCI addresses of its two ivshmem devices, such
 *	                  as pci:0000:00:05.0. Without POOL the library looks for
 *	                  the device whose pool the ring memory names.
 *	pci:              the first NetVM device that is not in use
 *	unix:DIR/PORT     a process: the sockets DIR/PORT.ring.sock and
 *	                  DIR/PORT.pool.sock, e.g. unix:/run/netvm/shm/fw0
 *
 * There are two ways to use it. netvm_nf_run() is the whole of a usual NF's
 * main(): it opens the port, runs threads, calls back for packets, messages and
 * time, and ends in order on a signal. Those who have a loop of their own (a
 * DPDK program, say) use a port's bursts directly.
 *
 * ERRORS. Functions that can fail return a negative errno and leave a sentence
 * for people in netvm_error(), which is the calling thread's own.
 *
 * THREADS. A queue pair belongs to one thread at a time, and so do the buffers
 * that it got; different pairs need no locks. The two directions of a pair may
 * be two threads': rx, wait and what arms it on one; tx, alloc and free on the
 * other (DPDK programs do that). What works on the port as a whole says so.
 *
 * WHEN NETVMD RESTARTS, a port goes on by itself: bursts are empty or refused
 * for a while, and what netvmd was just moving is lost, nothing else. When it
 * asks for a reset instead, bursts return -ENOTCONN until netvm_reopen(), and
 * every buffer that the program held is void; netvm_nf_run() does this alone
 * and calls `lost`. When the port is deleted, a process sees -EPIPE; so does a
 * program in a VM whose devices are unplugged (it should end before).
 */
#ifndef NETVM_H
#define NETVM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NETVM_BURST     32 /* packets that netvm_nf_run() handles at a time */
#define NETVM_ALL_PAIRS 0xffff

/* What is to become of a packet. */
enum netvm_verdict {
	NETVM_NEXT = 0,       /* the chain's next hop, else where the port's packets go */
	NETVM_DROP = 1,       /* nowhere; its buffers are given back */
	NETVM_TO_SERVICE = 2, /* to a service, by `destination` */
	NETVM_TO_PORT = 3,    /* to a port, by `destination` */
	NETVM_KEEP = 4,       /* nf callbacks only: the NF has the packet now, and will
				 send or free it itself */
};

/*
 * A packet: its bytes lie in the pool, in `nseg` pieces. Most have one. Writing
 * to the bytes is fine, and so is moving `data` within the buffer (see
 * netvm_prepend()). It is a plain value: copy it, keep it, but send or free it
 * once, and nothing of it may be touched after that.
 */
struct netvm_packet {
	uint8_t *data;        /* first piece */
	uint32_t length;      /* of the first piece */
	uint32_t total;       /* of all pieces */
	uint32_t buffer;      /* first piece's number in the pool */
	uint16_t nseg;        /* pieces, >= 1 */
	uint8_t verdict;      /* enum netvm_verdict, NETVM_NEXT when it comes */
	uint8_t flags;        /* NETVM_PACKET_ */
	uint16_t destination; /* of TO_SERVICE and TO_PORT; when it comes: the port that sent it */
	uint16_t pair;        /* queue pair that it came from */
	uint32_t mark;        /* flow hash when it comes (NETVM_PACKET_HASH); what is here when
				 it goes, the next NF of the group finds, and the flag as well:
				 clear it where this is another number */
	/* When flags has NETVM_PACKET_CSUM or gso_size is not 0; as in VIRTIO. */
	uint16_t csum_start, csum_offset, gso_size, hdr_len;
	uint8_t gso_type;       /* VIRTIO_NET_HDR_GSO_: 0 none, 1 TCPv4, 4 TCPv6 */
	struct netvm_seg *next; /* the second piece, NULL: there is only one */
};
enum {
	NETVM_PACKET_CSUM = 1,    /* the L4 checksum is partial: csum_start, csum_offset */
	NETVM_PACKET_CSUM_OK = 2, /* was verified, or never left memory */
	NETVM_PACKET_HASH = 4,    /* mark is the flow's hash */
};

/* A further piece of a packet. The library has one for each buffer of the pool,
 * see netvm_seg(): they need not be allocated, and belong to whom the buffer
 * belongs to. */
struct netvm_seg {
	uint8_t *data;
	uint32_t length;
	uint32_t buffer;
	struct netvm_seg *next; /* NULL: the last piece */
};

struct netvm_port;

struct netvm_options {
	uint32_t timeout_ms; /* to wait for netvmd; 0: 5000 */
	uint16_t pairs;      /* queue pairs to use; 0: all that the port has */
	bool offloads;       /* packets may come with partial checksums and uncut TCP */
	bool segments;       /* packets may come in several pieces; else netvmd drops those that
				do not fit a buffer */
	bool hash;           /* packets that come from outside of the group have a flow hash, too */
};

/* What a port is; constant while it is open. */
struct netvm_info {
	char name[32], group[32];
	uint16_t port;  /* its number, a destination for others */
	uint16_t pairs; /* queue pairs in use */
	uint8_t mac[6];
	uint32_t mtu, headroom, buffer_size, buffers;
	uint32_t rx_entries, tx_entries;
	uint32_t features; /* NETVM_FEATURE_ of netvm-abi.h; LINK_UP may change */
	bool can_sleep;    /* netvm_wait() is woken; else it is a timed sleep */
	/* Buffer n is the buffer_size bytes from pool + n * buffer_size. The address stays
	 * the same until netvm_close(), also across netvm_reopen(). */
	uint8_t *pool;
};

struct netvm_stats {
	uint64_t rx_packets, rx_bytes;
	uint64_t tx_packets, tx_bytes;
	uint64_t freed;      /* buffers given back */
	uint64_t tx_full;    /* packets that the transmit ring had no room for */
	uint64_t no_buffers; /* netvm_alloc() that found none */
	uint64_t waits;      /* times that netvm_wait() slept */
	uint64_t reopened;   /* times that the port was reset and opened again */
	uint64_t rx_bad;     /* packets that netvmd described in a way that cannot be */
};

/* The last error's sentence, of this thread. Never NULL. */
const char *netvm_error(void);
const char *netvm_version(void);

/* Opens a port; opt may be NULL. NULL: netvm_error(). */
struct netvm_port *netvm_open(const char *transport, const struct netvm_options *opt);
/* After netvmd asked for a reset (-ENOTCONN). No thread may use the port meanwhile. */
int netvm_reopen(struct netvm_port *port);
/* Opens it again with other options. No thread may use the port meanwhile. */
int netvm_change(struct netvm_port *port, const struct netvm_options *opt);
/* For threads that sleep elsewhere than in netvm_wait(): keeps a heartbeat limit of
 * the port and the connection to netvmd alive. Any thread. 0, -ENOTCONN or -EPIPE. */
int netvm_alive(struct netvm_port *port);
/* Every buffer goes back to the host. */
void netvm_close(struct netvm_port *port);
void netvm_get_info(const struct netvm_port *port, struct netvm_info *info);
bool netvm_link_up(const struct netvm_port *port);
/* Of a pair, or of all (NETVM_ALL_PAIRS). Any thread. */
void netvm_get_stats(const struct netvm_port *port, uint16_t pair, struct netvm_stats *st);

/*
 * Bursts. rx returns how many packets were taken, up to max; tx how many of n
 * were sent, from the front: the caller still has the rest. Both never block.
 * -ENOTCONN: netvm_reopen(); -EPIPE: the port is gone for good.
 */
int netvm_rx(struct netvm_port *port, uint16_t pair, struct netvm_packet *pkts, uint16_t max);
int netvm_tx(struct netvm_port *port, uint16_t pair, const struct netvm_packet *pkts, uint16_t n);

/*
 * Empty packets of one piece: data behind the headroom, length 0, room for
 * netvm_room(). Returns how many there were, up to n.
 */
int netvm_alloc(struct netvm_port *port, uint16_t pair, struct netvm_packet *pkts, uint16_t n);
/* Never fails: what the ring has no room for now, goes with a later tx or free,
 * also of 0 packets. Looks at `buffer` and `next` only. Once a pair has allocated,
 * up to 256 buffers that it frees stay for its next netvm_alloc(). */
void netvm_free(
	struct netvm_port *port, uint16_t pair, const struct netvm_packet *pkts, uint16_t n);

/* The piece that belongs to a buffer, for those who build packets of several
 * pieces; data, length and next are theirs to fill in. */
struct netvm_seg *netvm_seg(struct netvm_port *port, uint32_t buffer);
/* Puts the pieces of `tail` behind those of p, which takes them over: `tail` is
 * no packet any more. -EMSGSIZE: more than 64 pieces. */
int netvm_append(struct netvm_port *port, struct netvm_packet *p, const struct netvm_packet *tail);

/* Bytes that fit behind data's start in the first piece. */
uint32_t netvm_room(const struct netvm_port *port, const struct netvm_packet *p);
/* Bytes before data in the first piece. */
uint32_t netvm_headroom(const struct netvm_port *port, const struct netvm_packet *p);
/* Moves data by n bytes towards the buffer's start; NULL: no room. */
uint8_t *netvm_prepend(struct netvm_port *port, struct netvm_packet *p, uint32_t n);
/* The packet's bytes [offset, offset + n) in one place: where they lie, or
 * copied to `to` when they are in several pieces; NULL: the packet is shorter. */
const uint8_t *netvm_read(const struct netvm_packet *p, uint32_t offset, uint32_t n, uint8_t *to);
/* Finishes a partial checksum in place (NETVM_PACKET_CSUM). */
int netvm_finish_checksum(struct netvm_packet *p);

/* Sleeps until a packet comes to the pair or ms have passed (-1: no limit).
 * 1: there is one, 0: time is up, a signal came, or nothing in particular; else an
 * error. Without a doorbell (can_sleep) it is a series of naps of up to 1 ms. */
int netvm_wait(struct netvm_port *port, uint16_t pair, int ms);

/*
 * For those with an event loop of their own: a file that is readable when the
 * pair's doorbell was rung (-ENOTSUP: the transport has none). Before the loop
 * sleeps, netvm_arm(): 1 says that a packet is there already, 0 that the
 * doorbell will be rung for the next one. Awake, netvm_disarm(), which also
 * empties the file.
 */
int netvm_event_fd(struct netvm_port *port, uint16_t pair);
int netvm_arm(struct netvm_port *port, uint16_t pair);
void netvm_disarm(struct netvm_port *port, uint16_t pair);

/* --- network functions ------------------------------------------------------- */

struct netvm_nf;

/*
 * Callbacks, all optional but one of packet and burst. Those with a thread
 * number are called on that thread; `arg` is what setup stored for it, or the
 * NF's. A thread serves one queue pair.
 */
struct netvm_nf_ops {
	const char *name;  /* for messages and --help */
	const char *usage; /* options of the NF's own, a line each, for --help; or NULL */
	/* Before the port is opened: the command line behind "--", with the program's
	 * name as argv[0], for getopt. 0, or an error: it has said what is wrong. */
	int (*options)(int argc, char **argv, void *arg);
	/* On each thread; *thread_arg is its own. No thread calls back for anything else before
	 * all have returned from this. */
	int (*setup)(struct netvm_nf *nf, uint16_t thread, void *arg, void **thread_arg);
	/* One packet: returns its verdict; the library sends it. */
	enum netvm_verdict (*packet)(struct netvm_nf *nf, struct netvm_packet *p, void *thread_arg);
	/* Or a burst: sets verdict in each. */
	void (*burst)(struct netvm_nf *nf, struct netvm_packet *pkts, uint16_t n, void *thread_arg);
	/* Also when no packet comes: to originate packets. Returns how many it sent. An NF
	 * that has this sleeps 1 ms at a time, so that it is called as often at least. */
	unsigned int (*poll)(struct netvm_nf *nf, void *thread_arg);
	/* About every tick_ms, on each thread. */
	void (*tick)(struct netvm_nf *nf, void *thread_arg);
	/* A message to this NF; on thread 0. */
	void (*message)(
		struct netvm_nf *nf, uint16_t from, const void *data, size_t n, void *thread_arg);
	/* Prints the NF's own counters whenever the library prints its (SIGUSR1, --stats,
	 * the end). On thread 0, while other threads run; before the first teardown. */
	void (*report)(struct netvm_nf *nf, FILE *out, void *arg);
	/* The port was reset: packets that were kept are void. On each thread. */
	void (*lost)(struct netvm_nf *nf, void *thread_arg);
	/* On each thread at the end; and for what options allocated, on the last. */
	void (*teardown)(struct netvm_nf *nf, uint16_t thread, void *thread_arg);
};

/*
 * An NF's main():
 *
 *	int main(int argc, char **argv) { return netvm_nf_run(argc, argv, &ops, &state); }
 *
 * Its command line is
 *
 *	NF [--transport T] [--threads N] [--wait poll|adaptive|shared] [--cpu LIST]
 *	   [--tick MS] [--stats SECONDS] [--offloads] [--segments]
 *	   [--timeout SECONDS] [-- OPTION...]
 *
 * Without --transport it takes $NETVM_TRANSPORT, or "pci:". `poll` spins,
 * `adaptive` (default) sleeps on the doorbell when idle, `shared` gives the CPU
 * to other NFs on it after each round of bursts. SIGINT and SIGTERM end it, SIGUSR1 prints
 * its counters. Returns the exit status: 0 ended in order, 1 failed, 2 usage.
 */
int netvm_nf_run(int argc, char **argv, const struct netvm_nf_ops *ops, void *arg);

struct netvm_port *netvm_nf_port(struct netvm_nf *nf);
uint16_t netvm_nf_thread(const struct netvm_nf *nf); /* of the caller, its queue pair */
/* Sends packets that the NF kept or allocated, by their verdicts; those that
 * find no room are dropped and counted. */
void netvm_nf_send(struct netvm_nf *nf, struct netvm_packet *pkts, uint16_t n);
/* Ends netvm_nf_run() with this status, from any thread. */
void netvm_nf_stop(struct netvm_nf *nf, int status);
uint64_t netvm_nf_now_ns(void); /* a clock that only runs forward */

/*
 * Messages: up to NETVM_MESSAGE_MAX bytes to another port of the group, which
 * netvmd carries like a packet, in order, and unreliably: when the receiver's
 * ring is full it is lost. A frame with EtherType 0x88b5 (IEEE 802, for local
 * experiments) that never leaves the group. -EMSGSIZE, -ENOBUFS, -EAGAIN.
 */
#define NETVM_MESSAGE_MAX 1024
int netvm_nf_message(struct netvm_nf *nf, uint16_t to_port, const void *data, size_t n);

/*
 * A message to netvmd, up to NETVM_TELL_MAX bytes, as unreliable as the others: it
 * takes 32 of a port at once and 100 in a second, drops and counts the rest, and counts
 * those of types that it does not know as refused (`netvmctl port show`).
 * NETVM_TELL_TEXT is a line for people, which `netvmctl port messages` shows.
 */
#define NETVM_TELL_MAX  (NETVM_MESSAGE_MAX - 4)
#define NETVM_TELL_TEXT 1
int netvm_nf_tell(struct netvm_nf *nf, uint16_t type, const void *data, size_t n);

#ifdef __cplusplus
}
#endif
#endif
