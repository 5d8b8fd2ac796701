/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The lean frontend: what its parts share.
 *
 *	lean.c          options
 *	lean-device.c   two devices whose buffers and frames never change
 *	lean-rate.c     the throughput loop
 *	lean-latency.c  one lone packet at a time
 *	lean-limit.c    what two cores can do at best: one copy, no backend
 *	lean-clock.c    time and place
 *	lean-relay.c    shm ports between the two devices
 */
#ifndef NETVM_LEAN_H
#define NETVM_LEAN_H

#include <x86intrin.h>

#include "tests/frontend/frontend.h"

struct lean_options {
	const char *socket[2];
	unsigned int devices; /* 2; 1: what it sends comes back to it by a relay */
	bool listen, hugepages, latency, limit, packed;
	unsigned int size;  /* bytes of a frame, without its checksum */
	unsigned int flows; /* UDP source ports, round robin over the ring's slots */
	unsigned int ring;  /* entries */
	unsigned int batch; /* indices move by at least this much */
	double seconds, warmup;
	int cpu, backend_cpu; /* backend_cpu: only for limit */
	unsigned int gap_us;  /* latency: pause before each packet */
	/* shm ports that the same thread serves: what comes to one goes on from it. */
	const char *relay_dir, *relay[2];
	unsigned int relays;
};

/* lean-clock.c */
double lean_tsc_hz(void);
int lean_pin(int cpu);

/* lean-relay.c: opens them; one turn of all, how many packets went on. */
bool lean_relay_open(const struct lean_options *o);
unsigned int lean_relay_turn(const struct lean_options *o);
struct client;
unsigned int lean_relay(struct client *c);

/* lean-device.c. Both leave the transmit rings empty and the receive rings full. */
int lean_open(struct fe *fe, const struct lean_options *o, int which);
/* The same memory and rings without a backend. */
int lean_open_alone(struct fe *fe, const struct lean_options *o, int which);
/* Each used entry in its place, and in each receive buffer the peer's frame.
 * Waits first until the backend has finished what it has. */
bool lean_verify(struct fe dev[2], const struct lean_options *o);
void lean_kick(struct fe_ring *r);

/* The last 8 bytes of a packed descriptor: all of it that ever changes. */
static inline uint64_t *
lean_packed_word(struct fe_ring *r, unsigned int i)
{
	return (uint64_t *)(void *)&r->pdesc[i].len;
}
#define LEAN_F_AVAIL (UINT64_C(1) << (48 + VRING_PACKED_DESC_F_AVAIL))
#define LEAN_F_USED  (UINT64_C(1) << (48 + VRING_PACKED_DESC_F_USED))
/* What it is while the backend has it, in a round with this wrap counter. */
static inline uint64_t
lean_packed_avail(const struct fe_ring *r, unsigned int i, uint32_t len, bool wrap)
{
	return len | (uint64_t)i << 32 | (r->receive ? (uint64_t)VRING_DESC_F_WRITE << 48 : 0) |
	       (wrap ? LEAN_F_AVAIL : LEAN_F_USED);
}

/* lean-rate.c, lean-latency.c, lean-limit.c: exit status; print JSON. */
int lean_rate(struct fe dev[2], const struct lean_options *o);
int lean_latency(struct fe dev[2], const struct lean_options *o);
int lean_limit(struct fe dev[2], const struct lean_options *o);

#endif
