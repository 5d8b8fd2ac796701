/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A data path in memory: dp_*() of datapath.h without DPDK, packets or
 * sockets, so that tests of the control plane can make it do and refuse what
 * they like. A port in client mode waits, one whose device is called "missing"
 * is not there, and fake_port_state() moves any.
 */
#ifndef NETVM_FAKE_DATAPATH_H
#define NETVM_FAKE_DATAPATH_H

#include "src/datapath/datapath.h"

/* Sets the state of a port and says that it changed, like a guest would. */
void fake_port_state(const char *name, enum dp_port_state state, const char *error);
/* What the port was last told; NULL when there is no such port. */
const struct dp_port_settings *fake_port_settings(const char *name);
/* Name of the port that gets copies of its frames, "": none. */
const char *fake_port_mirror(const char *name);
const struct dp_port_config *fake_port_config(const char *name);
/* Name of the port that all of its frames go to, "": of one that is not there,
 * "none": they go by address. */
const char *fake_port_forward(const char *name);
/* Name of the group that its packets lie in, "": none. */
const char *fake_port_group(const char *name);
const struct dp_group_config *fake_group_config(const char *name);
/* Whether pools of more than 64 MiB find no memory from now on. */
void fake_memory_short(bool is);
/* How often the data path was told that all ports of before are there. */
unsigned int fake_settled(void);
/* How often any port was added: a live change must not add. */
unsigned int fake_port_adds(void);
/* The last port that does not come back, "" if there was none. */
const char *fake_port_forgotten(void);
unsigned int fake_ticks(void);
/* Whether the device called "missing" is there from now on. */
void fake_plug_missing(bool there);
enum dp_poll fake_poll(uint32_t *idle_us);
/* Captures that run, and how the last one was started; each finds n frames of
 * FAKE_FRAME_LEN bytes. */
#define FAKE_FRAME_LEN 1514
unsigned int fake_captures(void);
const struct dp_capture_config *fake_capture_config(void);
void fake_capture_frames(uint64_t n);
void fake_capture_port_gone(const struct dp_port *p);
/* Refuse the next dp_start(), dp_port_set(), dp_group_add() or dp_group_del(). */
void fake_refuse_next(void);

/* The guest of the port tells us this (fake-message.c). */
void fake_port_message(const char *name, const void *data, uint16_t n);

/* Between the files of the data path in memory. */
struct dp_port *fake_port(const char *name);
int fake_refuse(struct dp_error *err, int rc, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
bool fake_refused(struct dp_error *err);
unsigned int fake_group_users(const struct dp_group *g, bool nics);
void fake_groups_reset(void);
unsigned int fake_groups(void);
void fake_networks_reset(void);
unsigned int fake_networks(void);
void fake_network_join(struct dp_network *old, struct dp_network *new);

#endif
