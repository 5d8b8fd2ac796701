/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * load-generator: UDP packets of one size at a rate, each with a number and the time at
 * which it was made; of those that come back it counts how many and how long they took.
 *
 * A struct generator is one thread's. What it sends may come back to another one, which
 * counts it and says so to the one that sent it: `back`.
 */
#ifndef NF_GENERATOR_H
#define NF_GENERATOR_H

#include "guest-pmd/netvm-abi.h"
#include "guest-pmd/nf/nf-packet.h"

#define GENERATOR_SIZE_MIN 60 /* bytes without the frame check sequence */
#define GENERATOR_SIZE_MAX 65535
#define GENERATOR_BEHIND   1000 /* packets; later ones are not made up for */

/* Latencies: exact below 32 ns, above in steps of 1/32. */
#define HISTOGRAM_STEPS   32
#define HISTOGRAM_BUCKETS (60 * HISTOGRAM_STEPS)

struct generator_config {
	uint8_t source_mac[6], destination_mac[6];
	uint8_t source[4], destination[4];
	uint16_t sport, dport;
	uint32_t flows; /* source ports, from sport on */
	uint32_t size;
	uint64_t rate;   /* packets per second; 0: as fast as possible */
	uint64_t count;  /* packets to send; 0: no end */
	uint64_t window; /* packets under way at most; 0: no limit */
	uint16_t thread;
};

struct generator {
	struct generator_config config;
	uint64_t begun_ns;                       /* of the pace; 0: not yet */
	uint64_t paced_from;                     /* what was sent before */
	uint64_t sent, received, bytes, strange; /* strange: came, and is not ours */
	uint64_t late;                           /* came after one that was sent later */
	uint64_t back, seen_back;                /* ours that came, to whichever; atomic */
	uint64_t given_up;                       /* of the window: will not come back */
	uint64_t last_ns;                        /* when one of ours came last */
	uint32_t newest[NETVM_PAIRS_MAX];        /* of each thread's that came here */
	bool over;                               /* atomic: nothing more is to be sent */
	uint64_t min_ns, max_ns, sum_ns;
	uint64_t histogram[HISTOGRAM_BUCKETS];
};

void generator_start(struct generator *g, const struct generator_config *config);
/* How many packets are due now, up to max. */
uint32_t generator_due(struct generator *g, uint64_t now, uint32_t max);
/* Makes p, an empty packet of one piece, the next packet. False: no room for its size. */
bool generator_make(struct generator *g, struct netvm_packet *p, uint32_t room, uint64_t now);
/* The last n could not be sent: they are made again. */
void generator_unmake(struct generator *g, uint32_t n);
/* True: p is a generator's, and was counted; *sender is the thread that sent it, whose
 * generator_back() is to be told. */
bool generator_take(
	struct generator *g, const struct netvm_packet *p, uint64_t now, uint16_t *sender);
/* Any thread: so many of this one's came back. */
void generator_back(struct generator *g, uint32_t n);
/* Any thread: nothing more is to be sent. */
void generator_end(struct generator *g);
/* Any thread: all was sent, and has come back or will not any more. */
bool generator_done(struct generator *g, uint64_t now);
/* The latency that this share of the packets (0 .. 1) did not exceed. */
uint64_t generator_percentile(const struct generator *g, double share);
void generator_add(struct generator *sum, const struct generator *g);
void generator_report(const struct generator *g, FILE *out);

#endif
