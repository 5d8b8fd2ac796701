/* SPDX-License-Identifier: BSD-3-Clause */
/* Token buckets; see bucket.h. Neighbour: police.c. */
#include "src/datapath/bucket.h"
#include "src/datapath/clock.h"

#define SHIFT 14

static uint64_t
least(unsigned __int128 a, uint64_t b)
{
	return a < b ? (uint64_t)a : b;
}

void
bucket_set(struct bucket *b, const struct bucket_limit *l)
{
	/* A bucket that is full, overdrawn by a frame, is ahead by less than half of
	 * all time that there is. */
	const uint64_t most = UINT64_MAX / 8;
	unsigned __int128 second = (unsigned __int128)dp_clock_hz << SHIFT;
	uint64_t cost = 0, depth = 0;

	if (l->rate != 0) {
		cost = least(second * l->weight / l->rate, most / l->unit_max);
		if (cost == 0)
			cost = 1;
		depth = least(
			(unsigned __int128)cost * l->burst, least(second * BUCKET_AHEAD_S, most));
		if (depth < cost)
			depth = cost;
	}
	if (cost == b->cost && depth == b->depth)
		return;
	/* A second in the past: workers' clocks differ by what an iteration takes. */
	__atomic_store_n(&b->until, (dp_clock_tsc() << SHIFT) - (uint64_t)second, __ATOMIC_RELAXED);
	__atomic_store_n(&b->depth, depth, __ATOMIC_RELAXED);
	__atomic_store_n(
		&b->stale, depth + cost * l->unit_max + least(second, most), __ATOMIC_RELAXED);
	__atomic_store_n(&b->cost, cost, __ATOMIC_RELAXED);
}

uint32_t
bucket_admit(struct bucket *b, uint64_t now, const uint32_t *unit, uint32_t mask)
{
	const uint64_t cost = __atomic_load_n(&b->cost, __ATOMIC_RELAXED);
	const uint64_t depth = __atomic_load_n(&b->depth, __ATOMIC_RELAXED);
	const uint64_t stale = __atomic_load_n(&b->stale, __ATOMIC_RELAXED);
	uint64_t until = __atomic_load_n(&b->until, __ATOMIC_RELAXED), next;
	uint32_t pass;

	if (cost == 0)
		return mask;
	do {
		uint64_t ahead = until - (now << SHIFT);

		if (ahead > stale)
			ahead = 0;
		pass = 0;
		for (uint32_t left = mask; left != 0 && ahead + cost <= depth; left &= left - 1) {
			int i = __builtin_ctz(left);

			ahead += cost * unit[i];
			pass |= UINT32_C(1) << i;
		}
		next = (now << SHIFT) + ahead;
	} while (pass != 0 && !__atomic_compare_exchange_n(&b->until, &until, next, true,
				      __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return pass;
}

void
bucket_refund(struct bucket *b, const uint32_t *unit, uint32_t mask)
{
	uint64_t units = 0;

	for (; mask != 0; mask &= mask - 1)
		units += unit[__builtin_ctz(mask)];
	if (units != 0)
		__atomic_fetch_sub(&b->until, units * __atomic_load_n(&b->cost, __ATOMIC_RELAXED),
			__ATOMIC_RELAXED);
}
