/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvpeer: a guest on the command line, for system tests. What its parts share.
 *
 *	nvpeer.c               options, info, hold
 *	nvpeer-frame.c         numbered frames, and what became of them
 *	nvpeer-traffic.c       send, recv, reflect
 *	nvpeer-endure.c        endure: traffic across the backend's deaths
 *	nvpeer-bend.c          bend: frames rewritten while they are forwarded
 *	nvpeer-hostile.c       the table of misdeeds, and those with messages
 *	nvpeer-hostile-ring.c  those in what it transmits
 *	nvpeer-hostile-packed.c  those in what it transmits on packed rings
 *	nvpeer-hostile-wrap.c    those with the state of packed rings
 *	nvpeer-hostile-memory.c  those with rings' places, memory and eventfds
 */
#ifndef NETVM_NVPEER_H
#define NETVM_NVPEER_H

#include "tests/frontend/frontend.h"

#define PEER_FRAME_MAX   65550
#define PEER_DUMP_MAX    64
#define PEER_SEEN_WINDOW 65536
#define PEER_GAPS_MAX    256
#define ETHER_TYPE_PEER  0x88b5 /* IEEE 802 local experimental EtherType 1 */
#define ETHER_TYPE_PROBE 0x88b6 /* and 2: not one of nvpeer's numbered frames */

struct peer_options {
	struct fe_config fe;
	uint8_t mac[6], dst[6];
	bool has_dst;
	int vlan;           /* of frames sent; -1: untagged */
	unsigned int queue; /* pair to send on */
	uint32_t size;
	uint64_t count, rate; /* 0: no limit */
	double seconds;
	bool announce; /* send one broadcast first, so that a switch learns our MAC */
	bool any;      /* receive: count every frame, not only nvpeer's */
	unsigned int dump;
	uint8_t raw[PEER_FRAME_MAX];
	uint32_t raw_len; /* 0: frames are made by nvpeer */
	struct virtio_net_hdr_mrg_rxbuf vnet;
	bool has_vnet;
	const char *ready; /* file to create once the device runs */
	const char *peer;  /* endure, bend: the other device's socket */
};

/* What was seen of a stream of numbered frames. */
struct peer_seen {
	uint64_t frames, bytes, other, corrupt;
	uint64_t next;       /* one more than the highest number seen */
	uint64_t lost;       /* numbers below next that never came */
	uint64_t gaps;       /* runs of numbers that were passed over */
	uint64_t duplicates; /* numbers that came again */
	uint64_t reordered;  /* numbers that came after a higher one, first time */
	uint64_t backwards;  /* steps back other than those that `replay` allows */
	uint64_t above;      /* one more than the last number */
	/* The backend was started anew: the next frame may step back. */
	bool replay;
	uint64_t replayed_most; /* by how much one did, at most */
	uint64_t tagged;
	int vlan; /* of the last tagged frame; -1: none so far */
	uint64_t gap[PEER_GAPS_MAX];
	bool got[PEER_SEEN_WINDOW];
};

double peer_now(void); /* seconds, monotonic */
int peer_open(struct fe *fe, const struct peer_options *o);
void peer_hex(const void *bytes, uint32_t len); /* to standard output */

/* Frame number seq as the options want it; returns its length. */
uint32_t peer_frame(uint8_t *f, const struct peer_options *o, uint64_t seq);
/* True when it is one of nvpeer's frames. A VLAN tag that was pushed or popped
 * on the way changes the length by 4. */
bool peer_look(struct peer_seen *s, const uint8_t *f, uint32_t len);

int peer_endure(const struct peer_options *o);
int peer_bend(const struct peer_options *o);
int peer_send(const struct peer_options *o);
int peer_recv(const struct peer_options *o);
int peer_reflect(const struct peer_options *o);
int peer_hostile(const struct peer_options *o, const char *name);
void peer_list_cases(void);

/* A misdeed. It starts where `stage` says and returns 0 when it was done
 * (whatever the backend made of it), -1 when it could not be done. */
enum hostile_stage {
	STAGE_CONNECTED,  /* nothing was sent */
	STAGE_NEGOTIATED, /* features are agreed, rings laid out, nothing told */
	STAGE_RUNNING,    /* every ring runs, receive buffers are posted */
};
struct hostile_case {
	const char *name, *what;
	enum hostile_stage stage;
	int (*run)(struct fe *fe, const struct peer_options *o);
};
#define HOSTILE_OUTSIDE (UINT64_C(1) << 46) /* a guest address that no region has */

/* They end with name NULL. For split rings. */
extern const struct hostile_case hostile_ring_cases[], hostile_memory_cases[];
/* And for packed ones. */
extern const struct hostile_case hostile_packed_cases[], hostile_wrap_cases[];

/* A broadcast of 60 bytes behind its virtio_net_hdr, in the ring's first buffer. */
void hostile_frame(struct fe_ring *r, const struct peer_options *o);
/* A kick, whether the backend wants one or not. */
int hostile_kick(struct fe *fe, struct fe_ring *r);

#endif
