/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Interrupts a guest: adds 1 to the call eventfd that its peer gave us. Workers
 * and whoever runs the callbacks; see vhost-private.h for the neighbours.
 */
#include "src/packet/bell.h"
#include "vhost/vhost-private.h"

void
vhost_call_init(void)
{
	bell_init();
}

/* The eventfd may change under us (SET_VRING_CALL), but stays open until this
 * thread reports quiescent, or is the one that changes it. */
void
vhost_ring_call(struct vhost_ring *r)
{
	int fd = atomic_load_explicit(&r->callfd, memory_order_acquire);

	if (fd >= 0)
		bell_ring(fd);
}
