/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Values as people write them: numbers, sizes, lists of CPUs and VLANs, names.
 * Every parser takes the whole text or refuses it with a sentence that says
 * what was expected. Pure functions, linked by netvmd and netvmctl.
 */
#ifndef NETVM_CONTROL_VALUES_H
#define NETVM_CONTROL_VALUES_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include "src/datapath/datapath.h"

/* `what` names the value in the error's sentence. */
bool value_uint(
	const char *what, const char *text, guint64 min, guint64 max, guint64 *out, GError **error);
/* Bytes, with an optional K, M or G (powers of 1024). */
bool value_size(
	const char *what, const char *text, guint64 min, guint64 max, guint64 *out, GError **error);
/* 0, or a number from min to max with an optional k, M, G or T (powers of 1000). */
bool value_rate(
	const char *what, const char *text, guint64 min, guint64 max, guint64 *out, GError **error);
bool value_bool(const char *what, const char *text, bool *out, GError **error);
/* Index of text in words, which is NULL-terminated. */
bool value_word(
	const char *what, const char *text, const char *const *words, guint *out, GError **error);
/* "1,3-5": at most DP_WORKERS_MAX different CPUs. */
bool value_cpus(const char *what, const char *text, uint16_t cpu[DP_WORKERS_MAX], uint16_t *n,
	GError **error);
/* "10,20-30,untagged" or "all". */
bool value_trunk(const char *text, struct dp_vlan *vlan, GError **error);
char *value_trunk_format(const struct dp_vlan *vlan);
/* Names of ports and networks; `what` is "port" or "network". */
bool value_name(const char *what, const char *name, GError **error);
/* A path for a Unix socket: absolute, short enough for sun_path. */
bool value_socket(const char *what, const char *path, GError **error);

#endif
