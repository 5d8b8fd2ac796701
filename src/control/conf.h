/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * netvmd.conf(5): the file, and what it says in typed form. Strict: whatever
 * is not understood is refused with "FILE:LINE: [section] ..." and a sentence.
 * GLib only, so that netvmctl links it for `config check`. Any thread.
 */
#ifndef NETVM_CONTROL_CONF_H
#define NETVM_CONTROL_CONF_H

#include <sys/types.h>

#include "src/control/settings.h"

struct config {
	char *file; /* NULL: there is none, all is default */
	/* [workers] */
	uint16_t ncpus; /* 0: auto */
	uint16_t cpu[DP_WORKERS_MAX];
	enum dp_poll poll;
	uint32_t idle_us;
	/* [memory] */
	enum dp_hugepages hugepages;
	uint64_t packet_memory; /* 0: default */
	/* [sockets]; -1: the daemon's own */
	uid_t owner;
	gid_t group;
	mode_t mode;
	gid_t control_group;
	GArray *networks; /* struct network_def */
	GArray *groups;   /* struct group_def */
	GArray *ports;    /* struct port_def */
};

typedef struct config config_t; /* for g_autoptr only */
struct config *config_new(void);
void config_free(struct config *c);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(config_t, config_free)

/* Reads and checks the file; NULL with error set when anything is wrong. */
struct config *config_load(const char *file, GError **error);
/* The same from memory. */
struct config *config_parse(const char *file, const char *text, gsize len, GError **error);

/* conf-names.c: do the networks, groups and ports exist that ports name? */
bool conf_names_exist(const struct config *c, GError **error);

const char *config_poll_name(enum dp_poll poll);

#endif
