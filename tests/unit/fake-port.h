/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A kind of port for tests of the data path: its receive side hands out frames
 * that the test prepared, its transmit side keeps what it is sent.
 */
#ifndef NETVM_FAKE_PORT_H
#define NETVM_FAKE_PORT_H

#include "src/datapath/table.h"
#include "src/datapath/worker.h"

#define FAKE_FRAME_MAX 70000
#define FAKE_FRAMES    256

struct fake_frame {
	uint32_t len;
	struct packet_offload offload;
	bool mbuf; /* in: has one; out: the port kept it */
	uint8_t *data;
};

struct fake {
	/* set by the test */
	struct dp_tx_caps caps;
	bool ready;
	bool keeps_mbufs;
	uint16_t room; /* frames that tx takes before it is full */
	/* what is to be received */
	unsigned int in_count, in_next;
	struct fake_frame in[FAKE_FRAMES];
	/* what was sent */
	unsigned int out_count;
	unsigned int tx_calls;
	struct fake_frame out[FAKE_FRAMES];
	/* views of the burst at hand */
	unsigned int pending;
	unsigned int mbufs_back; /* given back to the source by rx_complete */
};

extern const struct dp_port_ops fake_ops;

/* One worker without a thread; tests call worker_poll(). */
void fake_world_start(void);
void fake_world_stop(void);

/* A port with plain settings in net (may be NULL); asserts that it works. */
struct dp_port *fake_port_add(const char *name, struct dp_network *net);
struct dp_port *fake_port_add_with(const char *name, const struct dp_port_settings *s);
struct fake *fake_of(struct dp_port *p);
struct dp_port_settings fake_settings(struct dp_network *net);
struct dp_network *fake_network_add(const char *name, uint32_t storm_pps);

/* Queues a frame; returns it for changes. Payload bytes count up. */
struct fake_frame *fake_queue(struct dp_port *p, const uint8_t *dst, const uint8_t *src,
	uint16_t ether_type, uint32_t len);
/* With an 802.1Q tag; ether_type is the one behind it. */
struct fake_frame *fake_queue_tagged(struct dp_port *p, const uint8_t *dst, const uint8_t *src,
	uint16_t tci, uint16_t ether_type, uint32_t len);
/* Lets the worker run until every port's queue is empty. */
void fake_run(void);
/* Forgets what was sent. */
void fake_clear(struct dp_port *p);
uint64_t fake_drops(struct dp_port *p, enum packet_drop reason);
uint64_t fake_drops_all(struct dp_port *p);

#endif
