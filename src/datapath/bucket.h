/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A token bucket that several workers share without a lock.
 *
 * Theory of operation (virtual scheduling). The bucket holds one number, the
 * time up to which its allowance is spent. A unit (a packet, a byte) moves it
 * on by its cost, the time in which one unit is earned; how far it is ahead of
 * the clock is what is owed. A frame passes while the depth has room for a unit,
 * and is charged whole: so the first one passes however long it is, the burst
 * may be overdrawn by one frame, and the rate holds all the same. A burst of
 * frames is worked out in locals and costs one compare-and-swap.
 *
 * Time is TSC cycles times 16384, so that 0.02 cycles per byte (a terabit per
 * second) still count right to 0.3 %. It wraps about once in five days, as do
 * the differences, so they are right as long as they are short: who is ahead by
 * more than a bucket can be (stale) is not ahead but behind, or the clock jumped,
 * and owes nothing.
 *
 * Threads: bucket_set() control, the others any worker. cost, depth and stale are
 * relaxed: a worker that sees one of them new and another old errs for a burst.
 * until is relaxed too, as nothing hangs on it but itself.
 */
#ifndef NETVM_BUCKET_H
#define NETVM_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

#define BUCKET_AHEAD_S 3600 /* a depth is no more than this many seconds */

struct bucket_limit {
	uint64_t rate;     /* per second; 0: no limit */
	uint32_t weight;   /* of a unit, in what the rate counts: 8 for a byte and a rate in bits */
	uint32_t unit_max; /* units of one frame at most */
	uint64_t burst;    /* units that may come at once */
};

struct bucket {
	uint64_t cost;  /* of a unit; 0: no limit */
	uint64_t depth; /* what may be owed, frames' overdrafts apart; at least the cost */
	uint64_t stale;
	uint64_t until;
};

/* The same limit again keeps what is owed, another forgets it. */
void bucket_set(struct bucket *b, const struct bucket_limit *l);

static inline bool
bucket_limits(const struct bucket *b)
{
	return __atomic_load_n(&b->cost, __ATOMIC_RELAXED) != 0;
}

/*
 * Charges the frames that mask names, in their order, and returns those that
 * pass. unit[i], up to the limit's unit_max, belongs to bit i. now: TSC.
 */
uint32_t bucket_admit(struct bucket *b, uint64_t now, const uint32_t *unit, uint32_t mask);
/* Takes the charge for those frames back. */
void bucket_refund(struct bucket *b, const uint32_t *unit, uint32_t mask);

#endif
