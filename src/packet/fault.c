/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SIGBUS on memory that others can take away; see fault.h.
 *
 * Theory of operation. Shared memory is a file: who made it can shrink it, and who
 * merely has it can punch holes, which on huge pages may not be filled again. Whoever
 * touches the gap gets SIGBUS, which would end the daemon for every guest. The
 * handler finds the mapping in a table, puts zero pages over all of it, says so, and
 * the interrupted instruction goes on with zeroes: harmless, because nothing
 * from that memory is believed anyway. A SIGBUS anywhere else goes where it went
 * before us.
 *
 * The table is read in a signal handler and on any thread: entries are atomics
 * and are only changed by the functions at the end, under a lock that the
 * handler does not take. `start` is the entry's switch: stored last (release) when it
 * is filled, cleared first. An entry is removed after everybody has left its
 * memory, so a handler never meets one that is being taken away.
 *
 * Only async-signal-safe calls below fault_handler(); mmap(2) is a bare system call.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "src/packet/fault.h"

/* 256 vhost ports of 8 regions, mapped by the library and by us, and a migration log;
 * twice: a port has two tables for a moment, or a NIC keeps memory of an earlier one.
 * And rings and books of shm ports, pools of groups. */
#define FAULT_RANGES 9728

struct fault_range {
	_Atomic uintptr_t start; /* 0: free */
	_Atomic size_t len;
	fault_torn_fn *_Atomic torn;
	void *_Atomic who; /* NULL: nobody is told */
};

static struct fault_range ranges[FAULT_RANGES];
static _Atomic unsigned int ranges_end; /* entries ever used */
static pthread_mutex_t ranges_lock = PTHREAD_MUTEX_INITIALIZER;
static bool (*_Atomic asked)(uintptr_t at);
static struct sigaction previous;
static bool installed; /* guarded by ranges_lock */

bool
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
	/* Acquire, pairs with the release in fault_add(); start's likewise. */
	unsigned int end = atomic_load_explicit(&ranges_end, memory_order_acquire);

	for (unsigned int i = 0; i < end; i++) {
		struct fault_range *r = &ranges[i];
		uintptr_t start = atomic_load_explicit(&r->start, memory_order_acquire);
		size_t len = atomic_load_explicit(&r->len, memory_order_relaxed);
		void *who;

		if (start == 0 || at < start || at - start >= len)
			continue;
		if (!fault_zero((void *)start, len))
			return false;
		who = atomic_load_explicit(&r->who, memory_order_relaxed);
		if (who)
			atomic_load_explicit(&r->torn, memory_order_relaxed)(who);
		return true;
	}
	return false;
}

static bool
fault_elsewhere(uintptr_t at)
{
	bool (*fn)(uintptr_t) = atomic_load_explicit(&asked, memory_order_relaxed);

	return fn && fn(at);
}

static void
fault_handler(int sig, siginfo_t *info, void *context)
{
	int saved = errno;
	uintptr_t at = (uintptr_t)info->si_addr;

	/* BUS_ADRERR is what a page beyond the end of a file gives; a signal that
	 * somebody sent has a code <= 0 and no address. */
	if (info->si_code > 0 && (fault_known(at) || fault_elsewhere(at))) {
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

static int
fault_enter(void *start, size_t len, fault_torn_fn *torn, void *who)
{
	for (unsigned int i = 0; i < FAULT_RANGES; i++) {
		struct fault_range *r = &ranges[i];

		if (atomic_load_explicit(&r->start, memory_order_relaxed) != 0)
			continue;
		atomic_store_explicit(&r->len, len, memory_order_relaxed);
		atomic_store_explicit(&r->torn, torn, memory_order_relaxed);
		atomic_store_explicit(&r->who, who, memory_order_relaxed);
		/* Release: a handler that sees start sees the rest. */
		atomic_store_explicit(&r->start, (uintptr_t)start, memory_order_release);
		if (i >= atomic_load_explicit(&ranges_end, memory_order_relaxed))
			atomic_store_explicit(&ranges_end, i + 1, memory_order_release);
		return 0;
	}
	return -ENOSPC;
}

int
fault_add(void *start, size_t len, fault_torn_fn *torn, void *who)
{
	int ret;

	pthread_mutex_lock(&ranges_lock);
	ret = fault_install();
	if (ret == 0)
		ret = fault_enter(start, len, torn, who);
	pthread_mutex_unlock(&ranges_lock);
	return ret;
}

static void
fault_change(const void *start, bool keep)
{
	pthread_mutex_lock(&ranges_lock);
	for (unsigned int i = 0; i < FAULT_RANGES; i++) {
		struct fault_range *r = &ranges[i];

		if (atomic_load_explicit(&r->start, memory_order_relaxed) != (uintptr_t)start)
			continue;
		if (!keep)
			atomic_store_explicit(&r->start, 0, memory_order_release);
		atomic_store_explicit(&r->who, NULL, memory_order_relaxed);
	}
	pthread_mutex_unlock(&ranges_lock);
}

void
fault_remove(const void *start)
{
	fault_change(start, false);
}

void
fault_disown(const void *start)
{
	fault_change(start, true);
}

int
fault_ask(bool (*fn)(uintptr_t at))
{
	int ret;

	pthread_mutex_lock(&ranges_lock);
	atomic_store_explicit(&asked, fn, memory_order_relaxed);
	ret = fault_install();
	pthread_mutex_unlock(&ranges_lock);
	return ret;
}
