/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SIGBUS on guest memory.
 *
 * Theory of operation. Guest memory is a file that the peer handed over and can
 * shrink at any time; whoever then touches it (a worker, or rte_vhost on its
 * thread) gets SIGBUS, which would end the daemon for every guest. The handler
 * finds the mapping in a table, puts zero pages over all of it, marks the port
 * and hangs up its connection, and the interrupted instruction goes on with
 * zeroes: harmless, because nothing from that memory is believed anyway. The
 * library then sees the connection end and tears the device down the ordinary
 * way. A SIGBUS anywhere else goes where it went before us.
 *
 * The table is read in a signal handler and on any thread: entries are atomics
 * and are only changed by the functions at the end, under a lock that the
 * handler does not take. `start` is the entry's switch: stored last
 * (release) when it is filled, cleared first. An entry is removed after every
 * worker has left the port's rings, so a handler on a worker never meets one
 * that is being taken away.
 *
 * Only async-signal-safe calls below fault_handler(): shutdown(2) is on POSIX'
 * list, mmap(2) is a bare system call.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "vhost/vhost-private.h"

/* 256 ports of 8 regions, mapped by the library and by us, and a migration log; twice:
 * a port has two tables for a moment, or a NIC keeps memory of an earlier one. */
#define FAULT_RANGES 8704

struct fault_range {
	_Atomic uintptr_t start; /* 0: free */
	_Atomic size_t len;
	struct vhost_port *_Atomic port;
};

static struct fault_range ranges[FAULT_RANGES];
static _Atomic unsigned int ranges_end; /* entries ever used */
static pthread_mutex_t ranges_lock = PTHREAD_MUTEX_INITIALIZER;
static struct sigaction previous;
/* Read by the handler on the thread that set it. */
static __thread volatile int blamed = -1;

static void
fault_mark(struct vhost_port *p)
{
	int fd;

	if (p == NULL)
		return;
	/* Relaxed: the callbacks read it after the connection has ended. */
	atomic_store_explicit(&p->bus_error, true, memory_order_relaxed);
	/* The descriptor is closed only after all workers have left the rings. */
	fd = atomic_load_explicit(&p->connfd, memory_order_acquire);
	if (fd >= 0)
		(void)shutdown(fd, SHUT_RDWR);
}

static bool
fault_zero(void *start, size_t len)
{
	return mmap(start, len, PROT_READ | PROT_WRITE,
		       MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
		       0) != MAP_FAILED;
}

/* A mapping that is in the table. */
static bool
fault_known(uintptr_t at)
{
	unsigned int end = atomic_load_explicit(&ranges_end, memory_order_acquire);

	for (unsigned int i = 0; i < end; i++) {
		struct fault_range *r = &ranges[i];
		uintptr_t start = atomic_load_explicit(&r->start, memory_order_acquire);
		size_t len = atomic_load_explicit(&r->len, memory_order_relaxed);

		if (start == 0 || at < start || at - start >= len)
			continue;
		if (!fault_zero((void *)start, len))
			return false;
		fault_mark(atomic_load_explicit(&r->port, memory_order_relaxed));
		return true;
	}
	return false;
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

static void
fault_handler(int sig, siginfo_t *info, void *context)
{
	int saved = errno;
	uintptr_t at = (uintptr_t)info->si_addr;

	/* BUS_ADRERR is what a page beyond the end of a file gives; a signal that
	 * somebody sent has a code <= 0 and no address. */
	if (info->si_code > 0 && (fault_known(at) || fault_in_message(at))) {
		errno = saved;
		return;
	}
	if (previous.sa_flags & SA_SIGINFO) {
		previous.sa_sigaction(sig, info, context);
	} else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
		previous.sa_handler(sig);
	} else {
		/* Not ours: the instruction runs again and the process ends with
		 * the core dump that it would have left without us. */
		(void)signal(SIGBUS, SIG_DFL);
		if (info->si_code <= 0)
			(void)raise(SIGBUS);
	}
	errno = saved;
}

int
vhost_fault_init(void)
{
	struct sigaction act;

	memset(&act, 0, sizeof(act));
	act.sa_sigaction = fault_handler;
	act.sa_flags = SA_SIGINFO | SA_ONSTACK;
	sigemptyset(&act.sa_mask);
	return sigaction(SIGBUS, &act, &previous) == 0 ? 0 : -errno;
}

void
vhost_fault_blame(int vid)
{
	blamed = vid;
}

void
vhost_fault_add(struct vhost_port *p, void *start, size_t len)
{
	pthread_mutex_lock(&ranges_lock);
	for (unsigned int i = 0; i < FAULT_RANGES; i++) {
		struct fault_range *r = &ranges[i];

		if (atomic_load_explicit(&r->start, memory_order_relaxed) != 0)
			continue;
		atomic_store_explicit(&r->len, len, memory_order_relaxed);
		atomic_store_explicit(&r->port, p, memory_order_relaxed);
		/* Release: a handler that sees start sees len and port. */
		atomic_store_explicit(&r->start, (uintptr_t)start, memory_order_release);
		if (i >= atomic_load_explicit(&ranges_end, memory_order_relaxed))
			atomic_store_explicit(&ranges_end, i + 1, memory_order_release);
		break;
	}
	pthread_mutex_unlock(&ranges_lock);
}

void
vhost_fault_remove(const void *start)
{
	pthread_mutex_lock(&ranges_lock);
	for (unsigned int i = 0; i < FAULT_RANGES; i++) {
		struct fault_range *r = &ranges[i];

		if (atomic_load_explicit(&r->start, memory_order_relaxed) != (uintptr_t)start)
			continue;
		atomic_store_explicit(&r->start, 0, memory_order_release);
		atomic_store_explicit(&r->port, NULL, memory_order_relaxed);
	}
	pthread_mutex_unlock(&ranges_lock);
}

void
vhost_fault_disown(const void *start)
{
	pthread_mutex_lock(&ranges_lock);
	for (unsigned int i = 0; i < FAULT_RANGES; i++) {
		if (atomic_load_explicit(&ranges[i].start, memory_order_relaxed) ==
			(uintptr_t)start)
			atomic_store_explicit(&ranges[i].port, NULL, memory_order_relaxed);
	}
	pthread_mutex_unlock(&ranges_lock);
}
