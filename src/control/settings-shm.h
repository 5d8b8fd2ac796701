/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The settings of a port that say where its packets lie and where they go without
 * a look: group, rings, doorbells, cross-connect. Rows of settings.c's table;
 * internal to it. Pure functions.
 */
#ifndef NETVM_CONTROL_SETTINGS_SHM_H
#define NETVM_CONTROL_SETTINGS_SHM_H

#include "src/control/settings.h"

bool group_parse(void *set, const char *text, GError **error);
char *group_format(const void *set);
bool ring_size_parse(void *set, const char *text, GError **error);
char *ring_size_format(const void *set);
bool vectors_parse(void *set, const char *text, GError **error);
char *vectors_format(const void *set);
bool heartbeat_parse(void *set, const char *text, GError **error);
char *heartbeat_format(const void *set);
bool forward_parse(void *set, const char *text, GError **error);
char *forward_format(const void *set);

#endif
