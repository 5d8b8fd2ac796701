/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Signals an eventfd that somebody untrusted has, too. Any thread.
 *
 * Theory of operation. write() is not safe here. The eventfd is the peer's as well:
 * it can fill the counter, and it can take O_NONBLOCK off at any time, for the
 * flag belongs to the file that we share. A worker that writes would then wait
 * for ever, with every port that it serves, and with the control thread as soon
 * as that waits for the worker's grace period. Looking first (poll) only makes
 * the peer try more often. The kernel itself signals an eventfd without ever
 * waiting; asynchronous I/O lets us ask for that: a request that is done at
 * once (a byte from /dev/zero) and names the eventfd to be signalled when it
 * is. That costs some 0.5 us more than write(), once per interrupt.
 *
 * Each thread has a context of its own, made at its first interrupt and freed
 * by the kernel with the process. Where there is no asynchronous I/O, it is
 * poll() and write() after all.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "src/packet/bell.h"

#define EVENTS 64 /* requests whose completion we have not collected */

static int zero = -1; /* set once, before any port */

static __thread struct {
	enum { CALL_NEW, CALL_AIO, CALL_WRITE } how;
	unsigned int pending; /* completions in the kernel's ring */
	aio_context_t context;
	uint8_t byte; /* what is read; of no interest */
} caller;

void
bell_init(void)
{
	if (zero < 0)
		zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
}

static void
caller_init(void)
{
	bool can = zero >= 0 && syscall(SYS_io_setup, EVENTS, &caller.context) == 0;

	caller.how = can ? CALL_AIO : CALL_WRITE;
}

/* What completed says nothing that we want to know, but fills the ring. */
static void
collect(void)
{
	struct io_event events[EVENTS];
	struct timespec now = {0};

	(void)!syscall(SYS_io_getevents, caller.context, 0, EVENTS, events, &now);
	caller.pending = 0;
}

void
bell_ring(int fd)
{
	struct iocb request = {
		.aio_lio_opcode = IOCB_CMD_PREAD,
		.aio_fildes = (uint32_t)zero,
		.aio_buf = (uint64_t)(uintptr_t)&caller.byte,
		.aio_nbytes = sizeof(caller.byte),
		.aio_flags = IOCB_FLAG_RESFD,
		.aio_resfd = (uint32_t)fd,
	};
	struct iocb *requests[] = {&request};

	if (__builtin_expect(caller.how == CALL_NEW, 0))
		caller_init();
	if (caller.how == CALL_AIO) {
		if (caller.pending == EVENTS)
			collect();
		caller.pending++;
		(void)!syscall(SYS_io_submit, caller.context, 1, requests);
	} else {
		struct pollfd p = {.fd = fd, .events = POLLOUT};
		uint64_t one = 1;

		if (poll(&p, 1, 0) == 1 && (p.revents & POLLOUT))
			(void)!write(fd, &one, sizeof(one));
	}
}
