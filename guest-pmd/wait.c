/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libnetvm: sleep until a packet comes. On the thread that receives from the pair.
 *
 * Theory of operation. No wake-up is lost: we write `wait`, have a full fence and
 * look at `produced` once more; the host writes `produced`, has a full fence and
 * looks at `wait`. One of the two sees the other's word. A doorbell that was rung
 * before the sleep stays in its file, so nothing depends on who comes first.
 *
 * No sleep is longer than SLICE_MS, for the heartbeat and for the state of the
 * port. Where several pairs share a doorbell, one that empties the file can take
 * another's ring with it: such pairs look again after SHARED_MS.
 */
#include "guest-pmd/private.h"

#include <errno.h>
#include <poll.h>
#include <time.h>

#define SLICE_MS     200
#define SHARED_MS    2
#define NAP_MIN_NS   20000 /* without a doorbell: naps that get longer */
#define NAP_MAX_NS   1000000
#define NS_OF_MS(ms) ((uint64_t)(ms)*1000000)

/* Acquire pairs with the host's release, so that a following rx may use it. */
static bool
has_packets(const struct netvm_receiver *r)
{
	return __atomic_load_n(&r->rx.ring->produced, __ATOMIC_ACQUIRE) != r->rx.at;
}

NETVM_API int
netvm_event_fd(struct netvm_port *port, uint16_t pair)
{
	int fd = pair < port->pairs
			 ? port->link.transport->fd(&port->link, netvm_vector(port, pair))
			 : -1;

	return fd >= 0 ? fd
		       : netvm_fail(ENOTSUP, "%s: there is no doorbell to wait for", port->name);
}

NETVM_API int
netvm_arm(struct netvm_port *port, uint16_t pair)
{
	struct netvm_receiver *r;

	if (pair >= port->pairs)
		return netvm_fail(EINVAL, "%s: there is no queue pair %u", port->name, pair);
	r = &port->receivers[pair];
	if (!netvm_served(port))
		return netvm_port_status(port);
	__atomic_store_n(&r->rx.ring->wait, 1, __ATOMIC_RELAXED);
	/* Pairs with the host's fence between `produced` and its look at `wait`. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return has_packets(r);
}

NETVM_API void
netvm_disarm(struct netvm_port *port, uint16_t pair)
{
	if (pair >= port->pairs)
		return;
	__atomic_store_n(&port->receivers[pair].rx.ring->wait, 0, __ATOMIC_RELAXED);
	port->link.transport->rest(&port->link, netvm_vector(port, pair));
}

/* Sleeps once, `ns` at most. True: the doorbell was rung, or a signal came. */
static bool
sleep_once(struct netvm_port *port, uint16_t pair, uint64_t ns, uint64_t *nap)
{
	struct pollfd fd = {.fd = port->link.transport->fd(&port->link, netvm_vector(port, pair)),
		.events = POLLIN};
	struct timespec limit;

	if (fd.fd < 0) {
		ns = ns < *nap ? ns : *nap;
		*nap = *nap * 2 < NAP_MAX_NS ? *nap * 2 : NAP_MAX_NS;
	} else if (port->device.vectors < port->pairs && ns > NS_OF_MS(SHARED_MS)) {
		ns = NS_OF_MS(SHARED_MS);
	}
	limit.tv_sec = ns / 1000000000;
	limit.tv_nsec = ns % 1000000000;
	return ppoll(&fd, fd.fd >= 0, &limit, NULL) != 0;
}

/* Who naps has nothing to hear a doorbell with, so none is asked for: ringing costs the
 * host a system call, and QEMU 7.2 can crash of one that rings while its device is
 * being unplugged. */
static int
prepare(struct netvm_port *port, uint16_t pair)
{
	if (pair >= port->pairs || !netvm_served(port) ||
		port->link.transport->fd(&port->link, netvm_vector(port, pair)) >= 0)
		return netvm_arm(port, pair);
	return has_packets(&port->receivers[pair]);
}

NETVM_API int
netvm_wait(struct netvm_port *port, uint16_t pair, int ms)
{
	struct netvm_receiver *r;
	uint64_t now = netvm_nf_now_ns(), nap = NAP_MIN_NS, ns;
	uint64_t end = ms < 0 ? UINT64_MAX : now + NS_OF_MS(ms);
	bool woken = false;
	int there;

	there = prepare(port, pair);
	if (there < 0)
		return there;
	r = &port->receivers[pair];
	while (!there && !woken && now < end && netvm_served(port)) {
		ns = end - now < NS_OF_MS(SLICE_MS) ? end - now : NS_OF_MS(SLICE_MS);
		netvm_count(&r->waits, 1);
		woken = sleep_once(port, pair, ns, &nap);
		netvm_beat(port, &r->beat);
		there = has_packets(r);
		now = netvm_nf_now_ns();
	}
	netvm_disarm(port, pair);
	if (!netvm_served(port))
		return netvm_port_status(port);
	return there;
}
