/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * For the tests of the file in which packed rings keep their places: a folder
 * with the file of port "p", and a ring that has run, number 3 of the port.
 */
#ifndef NETVM_POSITION_ENV_H
#define NETVM_POSITION_ENV_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "vhost/vhost-position.h"

#define ENV_SIZE      64
#define ENV_FILE_SIZE (64 + 32 * 640)
#define ENV_RING      3
#define AVAIL         (1u << VRING_PACKED_DESC_F_AVAIL)
#define USED          (1u << VRING_PACKED_DESC_F_USED)

/* Where fields lie in the file; those of rings are ring 3's. */
enum {
	AT_MAGIC = 0,
	AT_VERSION = 8,
	AT_RINGS = 12,
	AT_PORT = 16,
	AT_STATE = 64 + ENV_RING * 640,
	AT_SIZE = AT_STATE + 4,
	AT_PLACE = AT_STATE + 64,
	AT_COUNT = AT_STATE + 66,
	AT_ENTRY = AT_STATE + 72,
};

extern char env_dir[64], env_path[80], env_err[256];
extern char env_said[1024]; /* on standard error while the file was opened */
extern struct vring_packed_desc env_ring[ENV_SIZE];
extern const struct vhost_position_key env_key;

int env_setup(void **state);
int env_teardown(void **state);
struct vhost_position *env_open(void);
/* Ring 3 starts; the frontend sends place. Where it goes on. */
vring_place env_start(
	struct vhost_position *f, const struct vhost_position_key *k, vring_place place);
/* A daemon was killed when ring 3 stood at `at`. */
void env_leave(vring_place at);
/* Writes to the file. */
void env_poke(long at, const void *bytes, size_t n);

#endif
