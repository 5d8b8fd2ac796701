/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SIGBUS on shared memory.
 *
 * Theory of operation. The seals of a memfd keep its size, but whoever has the
 * descriptor can punch holes into it, and a huge page that is given back so may
 * be taken by others. Who touches the hole then gets SIGBUS, which would end
 * the daemon for everybody. The handler puts zero pages over the whole mapping
 * and says so in `torn`: zeroes are harmless, because nothing that is read
 * there is believed, and the thread that serves the ports puts those of the
 * memory in error. A SIGBUS anywhere else goes where it went before us.
 *
 * The table is read in a signal handler and on any thread: entries are atomics
 * that change under a lock which the handler does not take. `start` is the
 * entry's switch: stored last (release) when it is filled, cleared first. A
 * range is removed after everybody has left it.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "src/shm/shm-memory.h"

#define FAULT_RANGES 1024 /* ports' rings and records, and groups' pools */

struct fault_range {
	_Atomic uintptr_t start; /* 0: free */
	_Atomic size_t len;
	_Atomic bool *_Atomic torn;
};

static struct fault_range ranges[FAULT_RANGES];
static pthread_mutex_t ranges_lock = PTHREAD_MUTEX_INITIALIZER;
static struct sigaction previous;
static bool installed; /* guarded by ranges_lock */

static bool
fault_known(uintptr_t at)
{
	for (unsigned int i = 0; i < FAULT_RANGES; i++) {
		struct fault_range *r = &ranges[i];
		/* Acquire, pairs with the release in shm_fault_add(). */
		uintptr_t start = atomic_load_explicit(&r->start, memory_order_acquire);
		size_t len = atomic_load_explicit(&r->len, memory_order_relaxed);

		if (start == 0 || at < start || at - start >= len)
			continue;
		/* mmap(2) is a bare system call, and so fit for a handler. */
		if (mmap((void *)start, len, PROT_READ | PROT_WRITE,
			    MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
			    0) == MAP_FAILED)
			return false;
		atomic_store_explicit(atomic_load_explicit(&r->torn, memory_order_relaxed), true,
			memory_order_relaxed);
		return true;
	}
	return false;
}

static void
fault_handler(int sig, siginfo_t *info, void *context)
{
	int saved = errno;

	/* A signal that somebody sent has a code <= 0 and no address. */
	if (info->si_code > 0 && fault_known((uintptr_t)info->si_addr)) {
		errno = saved;
		return;
	}
	if (previous.sa_flags & SA_SIGINFO) {
		previous.sa_sigaction(sig, info, context);
	} else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
		previous.sa_handler(sig);
	} else {
		/* The instruction runs again and ends the process, as without us. */
		(void)signal(SIGBUS, SIG_DFL);
		if (info->si_code <= 0)
			(void)raise(SIGBUS);
	}
	errno = saved;
}

static int
fault_install(void)
{
	struct sigaction act;

	if (installed)
		return 0;
	memset(&act, 0, sizeof(act));
	act.sa_sigaction = fault_handler;
	act.sa_flags = SA_SIGINFO | SA_ONSTACK;
	sigemptyset(&act.sa_mask);
	if (sigaction(SIGBUS, &act, &previous) != 0)
		return -errno;
	installed = true;
	return 0;
}

int
shm_fault_add(void *start, size_t len, _Atomic bool *torn)
{
	int ret;

	pthread_mutex_lock(&ranges_lock);
	ret = fault_install();
	for (unsigned int i = 0; ret == 0; i++) {
		struct fault_range *r = &ranges[i];

		if (i == FAULT_RANGES) {
			ret = -ENOSPC;
			break;
		}
		if (atomic_load_explicit(&r->start, memory_order_relaxed) != 0)
			continue;
		atomic_store_explicit(&r->len, len, memory_order_relaxed);
		atomic_store_explicit(&r->torn, torn, memory_order_relaxed);
		/* Release: a handler that sees start sees len and torn. */
		atomic_store_explicit(&r->start, (uintptr_t)start, memory_order_release);
		break;
	}
	pthread_mutex_unlock(&ranges_lock);
	return ret;
}

void
shm_fault_remove(const void *start)
{
	pthread_mutex_lock(&ranges_lock);
	for (unsigned int i = 0; i < FAULT_RANGES; i++) {
		if (atomic_load_explicit(&ranges[i].start, memory_order_relaxed) ==
			(uintptr_t)start)
			atomic_store_explicit(&ranges[i].start, 0, memory_order_release);
	}
	pthread_mutex_unlock(&ranges_lock);
}
