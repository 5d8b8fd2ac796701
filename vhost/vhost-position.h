/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Per port one small mapped file in which its packed rings keep their places
 * (vring-position.h), so that a daemon that was killed resumes them. Knows
 * nothing of rte_vhost. open, close, remove: control thread; the rest: whoever
 * runs the callbacks. Neighbours: vhost-base.c, vhost-port.c.
 */
#ifndef NETVM_VHOST_POSITION_H
#define NETVM_VHOST_POSITION_H

#include <stddef.h>
#include <stdint.h>

#include "vhost/vring-position.h"

struct vhost_position;

/*
 * Opens the file `port` in `dir`, or makes it. A file that is not ours, or that
 * makes no sense, is replaced, with one warning on standard error. NULL: it
 * cannot be made; errno is set and err says why.
 */
struct vhost_position *vhost_position_open(
	const char *dir, const char *port, char *err, size_t errlen);
void vhost_position_close(struct vhost_position *f);

/* By what a ring is known again. */
struct vhost_position_key {
	uint64_t desc; /* descriptor ring, in the frontend's address space */
	uint16_t size;
	vring_place base; /* what the frontend last sent with SET_VRING_BASE */
};

/*
 * Ring i is about to start at *place. When the file knows better, *place becomes
 * where the ring stands, and what a killed daemon had begun to give back is
 * finished in `ring`, the mapped descriptor ring (key->size entries). Returns where
 * the ring keeps its place from now on.
 */
struct vring_position *vhost_position_start(struct vhost_position *f, unsigned int i,
	const struct vhost_position_key *key, void *ring, vring_place *place);

/* Ring i goes on at place, perhaps with another key. */
struct vring_position *vhost_position_keep(struct vhost_position *f, unsigned int i,
	const struct vhost_position_key *key, vring_place place);

/* The frontend knows where ring i stands, or nobody needs to: it is not resumed. */
void vhost_position_forget(struct vhost_position *f, unsigned int i);

#endif
