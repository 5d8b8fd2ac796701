/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The answer to GET_VRING_BASE of a packed ring, completed.
 *
 * Theory of operation. A packed ring's state is two places: the next slot to take
 * in the lower half of the number, the next one to give back in the upper half. The
 * library leaves the upper half 0, and sends the answer before a hook sees it.
 * QEMU believes it: when the guest's link is set down, it gives back what the
 * driver transmits, at that place, and overwrites slots that it should not. So the
 * library's sendmsg() is ours, as its recvmsg() is (vhost-receive.c). Our rings are
 * stopped with nothing under way: both places are the same.
 *
 * Any thread; the answer is sent on the one that ran the hook before it.
 * Neighbours: vhost-base.c announces the answer, vhost-port.c calls the init.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>

#include "vhost/vhost-msg.h"
#include "vhost/vhost-private.h"

typedef ssize_t (*transmit)(int fd, const struct msghdr *m, int flags);

/* The C library's, or a sanitizer's. Relaxed: every thread finds the same. */
static _Atomic(transmit) next;
/* The next answer to GET_VRING_BASE that this thread sends is of a packed ring. */
static __thread bool packed_next;

#define STATE_AT offsetof(struct vhost_message, payload)

static transmit
transmit_next(void)
{
	transmit t = atomic_load_explicit(&next, memory_order_relaxed);

	if (t == NULL) {
		t = (transmit)dlsym(RTLD_NEXT, "sendmsg");
		atomic_store_explicit(&next, t, memory_order_relaxed);
	}
	return t;
}

void
vhost_answer_expect(bool packed)
{
	packed_next = packed;
}

ssize_t
sendmsg(int fd, const struct msghdr *m, int flags)
{
	struct vhost_vring_state state;
	uint32_t request;

	if (packed_next && m->msg_iovlen == 1 &&
		m->msg_iov[0].iov_len == STATE_AT + sizeof(state)) {
		uint8_t *bytes = m->msg_iov[0].iov_base;

		memcpy(&request, bytes, sizeof(request));
		memcpy(&state, bytes + STATE_AT, sizeof(state));
		if (request == VHOST_MSG_GET_VRING_BASE) {
			state.num = (state.num & 0xffff) | state.num << 16;
			memcpy(bytes + STATE_AT, &state, sizeof(state));
			packed_next = false;
		}
	}
	return transmit_next()(fd, m, flags);
}

int
vhost_answer_init(void)
{
	return transmit_next() && dlsym(RTLD_DEFAULT, "sendmsg") == (void *)sendmsg ? 0 : -ENOSYS;
}
