/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The layout of the file in which a port's packed rings keep their places.
 * Internal to vhost-position*.c.
 */
#ifndef NETVM_VHOST_POSITION_FILE_H
#define NETVM_VHOST_POSITION_FILE_H

#include "vhost/vhost-private.h"

/* OUT  Not in use; other fields mean nothing.            start -> IN
 * IN   The ring runs, or stands where it was left.        forget -> OUT
 * entry_use() in vhost-position.c performs the transitions. */
enum position_entry { ENTRY_OUT, ENTRY_IN };

struct position_ring {
	uint32_t state; /* enum position_entry */
	uint16_t size;
	vring_place base; /* sent by the frontend */
	uint64_t desc;
	/* Its first words change with every burst: a line of its own. */
	struct vring_position position __attribute__((aligned(64)));
} __attribute__((aligned(64)));

struct position_map {
	char magic[8];
	uint32_t version;
	uint32_t rings;
	char port[VHOST_NAME_MAX];
	struct position_ring ring[VHOST_RINGS_MAX];
};
static_assert(sizeof(struct position_ring) == 640, "the layout is kept in a file");
static_assert(
	sizeof(struct position_map) == 64 + 640 * VHOST_RINGS_MAX, "the layout is kept in a file");

struct vhost_position {
	struct position_map *map;
};

#endif
