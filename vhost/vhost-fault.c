/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SIGBUS on guest memory: a peer can shrink the file that its memory is, and a worker or
 * rte_vhost, on its thread, then touches what is no longer there. src/packet/fault.c
 * puts zeroes there; here the port is marked and its connection hung up, so that the
 * library sees it end and tears the device down the ordinary way.
 */
#include <sys/socket.h>

#include "src/packet/fault.h"
#include "vhost/vhost-private.h"

/* Read by the signal handler on the thread that set it. */
static __thread volatile int blamed = -1;

/* Async-signal-safe: shutdown(2) is on POSIX' list. */
static void
fault_mark(void *port)
{
	struct vhost_port *p = port;
	int fd;

	/* Relaxed: the callbacks read it after the connection has ended. */
	atomic_store_explicit(&p->bus_error, true, memory_order_relaxed);
	/* The descriptor is closed only after all workers have left the rings. */
	fd = atomic_load_explicit(&p->connfd, memory_order_acquire);
	if (fd >= 0)
		(void)shutdown(fd, SHUT_RDWR);
}

/* Memory that the library has just mapped for a SET_MEM_TABLE and reads before
 * it returns. Its extent is unknown here, its page size too. */
static bool
fault_in_message(uintptr_t at)
{
	static const size_t page[] = {1u << 12, 1u << 21, 1u << 30};

	struct vhost_port *p = vhost_port_by_vid(blamed);

	if (!p)
		return false;
	for (unsigned int i = 0; i < sizeof(page) / sizeof(page[0]); i++) {
		if (fault_zero((void *)(at & ~(page[i] - 1)), page[i])) {
			fault_mark(p);
			return true;
		}
	}
	return false;
}

int
vhost_fault_init(void)
{
	return fault_ask(fault_in_message);
}

void
vhost_fault_blame(int vid)
{
	blamed = vid;
}

int
vhost_fault_add(struct vhost_port *p, void *start, size_t len)
{
	return fault_add(start, len, fault_mark, p);
}
