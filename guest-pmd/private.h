/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The inside of libnetvm: a port, its queue pairs, and what a transport does.
 *
 *	nf-*.c      netvm_nf_run()                uses only netvm.h and the end of this file
 *	burst.c     rx, tx      buffers.c  alloc, free      wait.c  sleep
 *	short.c     rx and tx of descriptors, for the DPDK driver
 *	port.c      open, reopen, close           port-check.c  believes no page
 *	transport-unix.c, transport-pci.c         where memory and doorbells come from
 *
 * Memory of the host is mapped shared: the host writes it at any time, so each
 * word is read once, by an atomic load, and bounded before it is used. netvmd is
 * trusted with what packets contain, but no number of its may crash a process.
 */
#ifndef GUEST_PMD_PRIVATE_H
#define GUEST_PMD_PRIVATE_H

#include "guest-pmd/netvm-abi.h"
#include "guest-pmd/netvm.h"

#define NETVM_LIKELY(x)   __builtin_expect(!!(x), 1)
#define NETVM_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define NETVM_API         __attribute__((visibility("default")))

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	"descriptors are read and written as little-endian words");

/* --- errors (error.c) -------------------------------------------------------- */

/* Leaves the sentence for netvm_error() and returns -err. */
int netvm_fail(int err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* --- transports -------------------------------------------------------------- */

struct netvm_memory {
	uint8_t *base; /* NULL: none */
	size_t size;
};

struct netvm_transport;

/* A port's memory and doorbells, from open to close. */
struct netvm_link {
	const struct netvm_transport *transport;
	const char *name; /* the transport's text, for sentences */
	struct netvm_memory ring, pool;
	void *state; /* the transport's */
};

/*
 * What a transport can do. open, bells, reopen and close are called by one thread
 * while nobody else uses the port, service by one thread at a time, ring, fd and
 * rest by any. Deadlines are of netvm_nf_now_ns().
 */
struct netvm_transport {
	const char *prefix;
	/* Maps both memories; `where` is what stands behind the prefix. */
	int (*open)(struct netvm_link *link, const char *where, uint64_t deadline);
	/* Gets so many doorbells of both directions ready, once the device page was read. */
	int (*bells)(struct netvm_link *link, uint16_t vectors, uint64_t deadline);
	/* Before the port is opened again: gets back what was lost, memory at its old place. */
	int (*reopen)(struct netvm_link *link, uint64_t deadline);
	/* Looks after the connection. 0: all is well, or will be; -ENOTCONN: there is a new
	 * one, for which the port has to be opened again; -EPIPE: it is cut; -ENODEV: the
	 * memory is not the port's any more. */
	int (*service)(struct netvm_link *link);
	void (*ring)(struct netvm_link *link, uint16_t vector);
	/* A file that gets readable with the guest's doorbell, or -1; and emptying it. */
	int (*fd)(const struct netvm_link *link, uint16_t vector);
	void (*rest)(const struct netvm_link *link, uint16_t vector);
	/* Makes who sleeps on fd() wake up. */
	void (*wake)(const struct netvm_link *link, uint16_t vector);
	void (*close)(struct netvm_link *link);
};

extern const struct netvm_transport netvm_transport_unix, netvm_transport_pci;

/* --- ports -------------------------------------------------------------------- */

#define NETVM_CACHE 256 /* free buffers that a pair keeps for its next netvm_alloc() */

/* One side of a ring as its user sees it: `at` is the user's own index, `other`
 * what was last read of the other side's. */
struct netvm_side {
	struct netvm_ring *ring;
	void *entries;
	uint32_t mask;
	uint32_t at, other;
};

/* The receiving thread's part of a pair, and the sending thread's. Counters are
 * written by that thread alone and read by any (relaxed atomics). */
struct netvm_receiver {
	struct netvm_side rx;
	uint64_t beat; /* clock of the last netvm_beat() */
	uint64_t packets, bytes, bad, waits;
} __attribute__((aligned(128)));

struct netvm_sender {
	struct netvm_side tx, fill;
	uint64_t beat;
	uint64_t packets, bytes, freed, full, no_buffers;
	bool allocates; /* frees go to the cache first */
	bool starved;   /* the host was told that FILL is empty */
	uint32_t cached;
	struct netvm_seg *later; /* freed, but the ring was full */
	uint32_t cache[NETVM_CACHE];
} __attribute__((aligned(128)));

struct netvm_port {
	struct netvm_link link;
	struct netvm_device *page;  /* shared */
	struct netvm_device device; /* the page's constant part, checked */
	uint8_t *pool;              /* buffer 0 */
	uint32_t buffer_size, buffers;
	struct netvm_seg *segs; /* one for each buffer */
	uint16_t pairs;         /* in use */
	int status;             /* atomic: 0, -ENOTCONN or -EPIPE */
	int servicing;          /* atomic: a thread is in transport->service */
	int unplugged;          /* atomic: the memory may be another port's by now */
	uint64_t reopened;      /* atomic */
	struct netvm_options options;
	char *name;
	struct netvm_receiver receivers[NETVM_PAIRS_MAX];
	struct netvm_sender senders[NETVM_PAIRS_MAX];
};

/* Checks what the two memories say of themselves, and leaves a private copy of
 * the device page in port->device (port-check.c). */
int netvm_port_check(const struct netvm_link *link, struct netvm_device *device, uint8_t **pool);
/* netvm_reopen() with a time limit of its own. */
int netvm_port_reopen(struct netvm_port *port, uint32_t timeout_ms);
/* What a burst returns when the port is not served; leaves a sentence. */
int netvm_port_status(struct netvm_port *port);
/* The host wrote what cannot be: the port has to be opened again. */
int netvm_port_broken(struct netvm_port *port, uint16_t pair, const char *what);
/* Heartbeat and the connection's service; netvm_beat() calls it when it is time. */
void netvm_port_beat(struct netvm_port *port);
void netvm_port_wake(struct netvm_port *port, uint16_t pair);

/* A clock for distances of milliseconds, cheap enough for each burst. */
static inline uint64_t
netvm_ticks(void)
{
#if defined(__x86_64__)
	return __builtin_ia32_rdtsc();
#else
	return netvm_nf_now_ns();
#endif
}

/* 2^26 ticks are 13 ms at 5 GHz and 67 ms at 1 GHz: no need to know the rate. */
static inline void
netvm_beat(struct netvm_port *port, uint64_t *last)
{
	uint64_t now = netvm_ticks();

	if (NETVM_UNLIKELY(now - *last >= UINT64_C(1) << 26)) {
		*last = now;
		netvm_port_beat(port);
	}
}

/* Relaxed: host_state says only whether to go on; the rings' indices order data. */
static inline bool
netvm_served(const struct netvm_port *port)
{
	return __atomic_load_n(&port->page->host_state, __ATOMIC_RELAXED) == NETVM_HOST_READY &&
	       __atomic_load_n(&port->status, __ATOMIC_RELAXED) == 0;
}

/* Adds to a counter that only the calling thread writes. */
static inline void
netvm_count(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

static inline uint16_t
netvm_vector(const struct netvm_port *port, uint16_t pair)
{
	return pair % port->device.vectors;
}

/* After publishing to TX: rings when the host sleeps. The fence pairs with the
 * host's between its writing `wait` and its reading `produced`. */
static inline void
netvm_tx_bell(struct netvm_port *port, uint16_t pair, const struct netvm_sender *s)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (NETVM_UNLIKELY(__atomic_load_n(&s->tx.ring->wait, __ATOMIC_RELAXED)))
		port->link.transport->ring(&port->link, netvm_vector(port, pair));
}

/* Free entries of TX; reads the host's index when fewer than `wanted` are known.
 * Acquire pairs with the host's release: it is done with the entries. More than
 * the ring has: the index is nonsense. */
static inline uint32_t
netvm_tx_room(struct netvm_sender *s, uint32_t wanted)
{
	uint32_t room = s->tx.mask + 1 - (s->tx.at - s->tx.other);

	if (room < wanted) {
		s->tx.other = __atomic_load_n(&s->tx.ring->consumed, __ATOMIC_ACQUIRE);
		room = s->tx.mask + 1 - (s->tx.at - s->tx.other);
	}
	return room;
}

/* A descriptor of the host's lies inside a buffer of the pool. */
static inline bool
netvm_desc_fits(const struct netvm_port *port, const struct netvm_desc *d)
{
	return d->buffer < port->buffers && (uint32_t)d->offset + d->length <= port->buffer_size;
}

/* Gives back what netvm_free() could not (buffers.c). */
int netvm_flush_later(struct netvm_port *port, uint16_t pair, struct netvm_sender *s);

#endif
