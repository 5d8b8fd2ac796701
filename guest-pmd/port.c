/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libnetvm: a port's life, the guest's side of LIFE in netvm-abi.h. open, reopen
 * and close run on one thread while no other uses the port; netvm_port_beat() on
 * any thread that serves a pair.
 *
 *	port->status   a burst          what leads there
 *	0              works            open, reopen
 *	-ENOTCONN      is refused       host_state is not READY; a new connection; nonsense
 *	                                in the ring memory. netvm_reopen() leads back to 0
 *	-EPIPE         is refused       the connection is cut and host_state is DOWN: the
 *	                                port was deleted; or the device was unplugged. For good
 *
 * A cut connection alone changes nothing: netvmd may have died with all that it
 * had, and a guest then polls on until the sockets answer again.
 */
#include "guest-pmd/private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define TIMEOUT_MS 5000
#define LOOK_NS    50000 /* between two looks at a word that the host is to write */

static const struct netvm_transport *const transports[] = {
	&netvm_transport_unix, &netvm_transport_pci};

NETVM_API uint64_t
netvm_nf_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* --- state -------------------------------------------------------------------- */

/* The one place that changes port->status; -EPIPE stays. */
static void
set_status(struct netvm_port *port, int status)
{
	int old = __atomic_load_n(&port->status, __ATOMIC_RELAXED);

	while (old != -EPIPE && !__atomic_compare_exchange_n(&port->status, &old, status, false,
					__ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

int
netvm_port_status(struct netvm_port *port)
{
	if (__atomic_load_n(&port->status, __ATOMIC_RELAXED) == -EPIPE)
		return netvm_fail(EPIPE, "%s: the port is gone", port->name);
	set_status(port, -ENOTCONN);
	return netvm_fail(ENOTCONN, "%s: netvmd asks for a reset: the port has to be opened again",
		port->name);
}

int
netvm_port_broken(struct netvm_port *port, uint16_t pair, const char *what)
{
	set_status(port, -ENOTCONN);
	return netvm_fail(ENOTCONN, "%s: queue pair %u: %s; the port has to be opened again",
		port->name, pair, what);
}

static uint32_t
host_state(const struct netvm_port *port)
{
	/* Acquire: what the host wrote into the page before is there. */
	return __atomic_load_n(&port->page->host_state, __ATOMIC_ACQUIRE);
}

static void
service(struct netvm_port *port)
{
	int err;

	/* Acquire and release hand the transport's state from thread to thread. */
	if (__atomic_exchange_n(&port->servicing, 1, __ATOMIC_ACQUIRE))
		return;
	err = port->link.transport->service(&port->link);
	if (err == -ENODEV)
		__atomic_store_n(&port->unplugged, 1, __ATOMIC_RELAXED);
	if (err == -ENODEV || (err == -EPIPE && host_state(port) == NETVM_HOST_DOWN))
		set_status(port, -EPIPE);
	else if (err == -ENOTCONN)
		set_status(port, err);
	__atomic_store_n(&port->servicing, 0, __ATOMIC_RELEASE);
}

void
netvm_port_beat(struct netvm_port *port)
{
	/* Any other number will do. */
	__atomic_store_n(&port->page->guest_beat, netvm_nf_now_ns(), __ATOMIC_RELAXED);
	service(port);
}

void
netvm_port_wake(struct netvm_port *port, uint16_t pair)
{
	port->link.transport->wake(&port->link, netvm_vector(port, pair));
}

/* --- opening ------------------------------------------------------------------- */

/* Waits a moment. An error when time is up, or the port is gone. */
static int
look_again(struct netvm_port *port, uint64_t deadline, const char *what)
{
	if (port->page)
		service(port);
	if (__atomic_load_n(&port->status, __ATOMIC_RELAXED) == -EPIPE)
		return netvm_port_status(port);
	if (netvm_nf_now_ns() >= deadline)
		return netvm_fail(
			ETIMEDOUT, "%s: netvmd %s in time; is it running?", port->name, what);
	nanosleep(&(struct timespec){.tv_nsec = LOOK_NS}, NULL);
	return 0;
}

static int
wait_for_page(struct netvm_port *port, uint64_t deadline)
{
	struct netvm_device *page = (struct netvm_device *)port->link.ring.base;
	uint64_t magic;
	int err = 0;

	if (port->link.ring.size < sizeof(*page))
		return 0; /* netvm_port_check() has the sentence */
	port->page = page;
	do {
		/* Acquire: the magic number is written last. Another one is refused
		 * by netvm_port_check(). */
		magic = __atomic_load_n(&page->magic, __ATOMIC_ACQUIRE);
		if (magic && (magic != NETVM_DEVICE_MAGIC || host_state(port) != NETVM_HOST_DOWN))
			return 0;
		err = look_again(port, deadline, "did not get the port ready");
	} while (!err);
	return err;
}

static void
set_side(struct netvm_port *port, uint16_t pair, enum netvm_ring_kind kind, uint32_t entries,
	struct netvm_side *side)
{
	uint8_t *at = port->link.ring.base + netvm_ring_offset(&port->device, pair, kind);

	side->ring = (struct netvm_ring *)at;
	side->entries = at + sizeof(struct netvm_ring);
	side->mask = entries - 1;
	side->at = side->other = 0;
}

static void
set_rings(struct netvm_port *port)
{
	const struct netvm_device *d = &port->device;

	for (uint16_t i = 0; i < port->pairs; i++) {
		struct netvm_sender *s = &port->senders[i];

		set_side(port, i, NETVM_RX, d->rx_entries, &port->receivers[i].rx);
		set_side(port, i, NETVM_TX, d->tx_entries, &s->tx);
		set_side(port, i, NETVM_FILL, d->fill_entries, &s->fill);
		s->cached = 0;
		s->later = NULL;
		s->starved = false;
	}
}

static void
ring_host(struct netvm_port *port)
{
	port->link.transport->ring(&port->link, 0);
}

/* Steps 2 to 4 of LIFE. */
static int
handshake(struct netvm_port *port, uint64_t deadline)
{
	struct netvm_device *page = port->page;
	uint32_t request = __atomic_load_n(&page->guest_request, __ATOMIC_RELAXED) + 1;
	uint32_t features = 0;
	int err = 0;

	if (port->options.offloads)
		features |= NETVM_GUEST_CSUM | NETVM_GUEST_TSO4 | NETVM_GUEST_TSO6;
	if (port->options.segments)
		features |= NETVM_GUEST_SEGS;
	if (port->options.hash)
		features |= NETVM_GUEST_HASH;
	__atomic_store_n(&page->guest_features, features, __ATOMIC_RELAXED);
	__atomic_store_n(&page->guest_pairs, port->pairs, __ATOMIC_RELAXED);
	__atomic_store_n(&page->guest_beat, netvm_nf_now_ns(), __ATOMIC_RELAXED);
	/* Release: the host reads the words above after this one. */
	__atomic_store_n(&page->guest_request, request, __ATOMIC_RELEASE);
	ring_host(port);
	/* Acquire: the rings are as the host left them before it answered. */
	while (!err && __atomic_load_n(&page->host_answer, __ATOMIC_ACQUIRE) != request)
		err = look_again(port, deadline, "did not answer the port's opening");
	if (err)
		return err;
	set_rings(port);
	/* Release: whoever sees OPEN sees empty rings. */
	__atomic_store_n(&page->guest_state, NETVM_GUEST_OPEN, __ATOMIC_RELEASE);
	ring_host(port);
	while (!err && host_state(port) != NETVM_HOST_READY)
		err = look_again(port, deadline, "did not put the port into service");
	return err;
}

/* The pieces of all buffers, once. */
static int
map_segs(struct netvm_port *port)
{
	void *segs = mmap(NULL, port->buffers * sizeof(*port->segs), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (segs == MAP_FAILED)
		return netvm_fail(
			ENOMEM, "%s: no memory for %u buffers' pieces", port->name, port->buffers);
	port->segs = segs;
	return 0;
}

/* The pool must be the same when a port is opened again: the program has pointers
 * into it. */
static int
take_numbers(struct netvm_port *port, const struct netvm_device *d, uint8_t *pool)
{
	uint16_t wanted = port->options.pairs ? port->options.pairs : d->queue_pairs;

	if (port->segs && (pool != port->pool || d->buffers != port->buffers ||
				  d->buffer_size != port->buffer_size))
		return netvm_fail(ESTALE,
			"%s: the port's pool is not what it was; close the port and open it",
			port->name);
	if (wanted > d->queue_pairs)
		return netvm_fail(EINVAL, "%s: %u queue pairs are wanted, the port has %u",
			port->name, wanted, d->queue_pairs);
	/* What is the same is not written: netvm_port_wake() and counters' readers may
	 * look at any time. */
	if (memcmp(&port->device, d, offsetof(struct netvm_device, host_state)) != 0)
		port->device = *d;
	if (port->pairs != wanted)
		port->pairs = wanted;
	if (port->segs)
		return 0;
	port->pool = pool;
	port->buffers = d->buffers;
	port->buffer_size = d->buffer_size;
	return map_segs(port);
}

static int
attach(struct netvm_port *port, uint64_t deadline)
{
	struct netvm_device device;
	uint8_t *pool = NULL;
	int err = wait_for_page(port, deadline);

	if (!err)
		err = netvm_port_check(&port->link, &device, &pool);
	if (!err)
		err = take_numbers(port, &device, pool);
	if (!err)
		err = port->link.transport->bells(&port->link, device.vectors, deadline);
	return err ? err : handshake(port, deadline);
}

static uint64_t
deadline_in(uint32_t ms)
{
	return netvm_nf_now_ns() + (uint64_t)ms * 1000000;
}

static int
open_transport(struct netvm_port *port, uint64_t deadline)
{
	for (size_t i = 0; i < sizeof(transports) / sizeof(transports[0]); i++) {
		size_t n = strlen(transports[i]->prefix);

		if (strncmp(port->name, transports[i]->prefix, n) != 0)
			continue;
		port->link.name = port->name;
		port->link.transport = transports[i];
		return transports[i]->open(&port->link, port->name + n, deadline);
	}
	return netvm_fail(EINVAL,
		"\"%s\" is no transport; expected pci:RING[,POOL], pci: or unix:DIR/PORT",
		port->name);
}

static void
release(struct netvm_port *port)
{
	if (port->link.transport)
		port->link.transport->close(&port->link);
	if (port->segs)
		munmap(port->segs, port->buffers * sizeof(*port->segs));
	free(port->name);
	free(port);
}

NETVM_API struct netvm_port *
netvm_open(const char *transport, const struct netvm_options *opt)
{
	struct netvm_port *port = aligned_alloc(128, sizeof(*port));
	uint64_t deadline;
	int err;

	if (!port) {
		netvm_fail(ENOMEM, "no memory for a port");
		return NULL;
	}
	memset(port, 0, sizeof(*port));
	if (opt)
		port->options = *opt;
	if (!port->options.timeout_ms)
		port->options.timeout_ms = TIMEOUT_MS;
	port->name = strdup(transport);
	deadline = deadline_in(port->options.timeout_ms);
	err = port->name ? open_transport(port, deadline) : netvm_fail(ENOMEM, "no memory");
	if (!err)
		err = attach(port, deadline);
	if (err) {
		release(port);
		errno = -err;
		return NULL;
	}
	return port;
}

int
netvm_port_reopen(struct netvm_port *port, uint32_t timeout_ms)
{
	uint64_t deadline = deadline_in(timeout_ms);
	int err;

	if (__atomic_load_n(&port->status, __ATOMIC_RELAXED) == -EPIPE)
		return netvm_port_status(port);
	err = port->link.transport->reopen(&port->link, deadline);
	if (err)
		return err;
	set_status(port, 0);
	err = attach(port, deadline);
	if (err) {
		set_status(port, -ENOTCONN);
		return err;
	}
	netvm_count(&port->reopened, 1);
	return 0;
}

NETVM_API int
netvm_reopen(struct netvm_port *port)
{
	return netvm_port_reopen(port, port->options.timeout_ms);
}

NETVM_API int
netvm_change(struct netvm_port *port, const struct netvm_options *opt)
{
	uint32_t timeout_ms = opt->timeout_ms ? opt->timeout_ms : TIMEOUT_MS;

	port->options = *opt;
	port->options.timeout_ms = timeout_ms;
	return netvm_port_reopen(port, timeout_ms);
}

NETVM_API int
netvm_alive(struct netvm_port *port)
{
	netvm_port_beat(port);
	return netvm_served(port) ? 0 : netvm_port_status(port);
}

NETVM_API void
netvm_close(struct netvm_port *port)
{
	if (!port)
		return;
	if (!__atomic_load_n(&port->unplugged, __ATOMIC_RELAXED)) {
		/* Release: nothing of ours comes after it. */
		__atomic_store_n(&port->page->guest_state, NETVM_GUEST_CLOSED, __ATOMIC_RELEASE);
		ring_host(port);
	}
	release(port);
}
