/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The core of rate-limit (limit.h).
 *
 * A bucket is one number, the time until which what has passed would take at the rate
 * (virtual scheduling): a packet passes when that is at most a burst ahead of now, and
 * moves it on by its own time. What is behind now is an allowance that was not used,
 * and is forgotten beyond the burst. In sixteenths of a nanosecond, so that a small
 * packet's time is not rounded to nothing.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "guest-pmd/nf/limit.h"
#include "guest-pmd/nf/nf-text.h"

#define SECOND UINT64_C(1000000000)
#define FINE   16 /* parts of a nanosecond */

/* A source is remembered for so long at least, and until its bucket is full again. */
#define SOURCE_AGE (60 * SECOND)

struct source {
	uint8_t version, reserved[7];
	uint8_t address[16]; /* the MAC, when it is not IP */
};

/* Bits or packets; 128 bits, as bytes * 8 * 10^9 can leave 64. */
static __uint128_t
units_of(const struct limit_config *config, uint64_t amount)
{
	return (__uint128_t)amount * (config->packets ? 1 : 8);
}

int
limit_start(struct limit *l, const struct limit_config *config)
{
	struct nf_table_spec spec = {.capacity = config->sources,
		.key_size = sizeof(struct source),
		.value_size = sizeof(uint64_t)};
	__uint128_t burst_ns = units_of(config, config->burst) * SECOND / config->rate;

	/* Beyond, its time would leave the 64 bits that a bucket is. */
	if (burst_ns > UINT64_MAX / FINE / 4)
		return nf_refuse("--burst %" PRIu64 ": at a rate of %" PRIu64
				 " it would last for more than nine years",
			config->burst, config->rate);
	*l = (struct limit){.config = *config};
	if (config->by == LIMIT_ALL)
		return 0;
	spec.timeout_ns[0] = burst_ns > SOURCE_AGE ? (uint64_t)burst_ns : SOURCE_AGE;
	l->sources = nf_table_new(&spec);
	if (l->sources != NULL)
		return 0;
	nf_refuse("no memory for %u sources", config->sources);
	return -ENOMEM;
}

void
limit_stop(struct limit *l)
{
	nf_table_free(l->sources);
	l->sources = NULL;
}

/* What `amount` takes at the rate. */
static uint64_t
time_of(const struct limit *l, uint64_t amount)
{
	return (uint64_t)(units_of(&l->config, amount) * SECOND * FINE / l->config.rate);
}

static bool
passes(const struct limit *l, uint64_t *until, uint64_t bytes, uint64_t now)
{
	now *= FINE;
	if (*until < now)
		*until = now;
	if (*until - now > time_of(l, l->config.burst) - (l->config.packets ? time_of(l, 1) : 0))
		return false;
	*until += time_of(l, l->config.packets ? 1 : bytes);
	return true;
}

static uint64_t *
bucket_of(struct limit *l, const struct netvm_packet *p, uint64_t now)
{
	struct source key = {0};
	struct nf_headers h;
	uint64_t *until;

	nf_parse(p, &h);
	if (h.kind == NF_IP) {
		key.version = h.version;
		memcpy(key.address, h.b + nf_source_at(&h), nf_address_len(&h));
	} else if (h.have >= NF_ETHER_LEN) {
		memcpy(key.address, h.b + 6, 6);
	}
	nf_table_expire(l->sources, now, 2);
	until = nf_table_find(l->sources, &key);
	if (until == NULL) {
		until = nf_table_add(l->sources, &key, 0, now);
		if (until == NULL) {
			nf_table_remove(l->sources, nf_table_oldest(l->sources, NF_CLASSES_ALL));
			l->count[LIMIT_EVICTED]++;
			until = nf_table_add(l->sources, &key, 0, now);
		}
	} else {
		nf_table_touch(l->sources, until, 0, now);
	}
	return until;
}

void
limit_packet(struct limit *l, struct netvm_packet *p, uint64_t now)
{
	uint64_t *until = l->config.by == LIMIT_ALL ? &l->until : bucket_of(l, p, now);
	bool pass = until != NULL && passes(l, until, p->total, now);

	l->count[pass ? LIMIT_PASSED : LIMIT_DROPPED]++;
	p->verdict = pass ? NETVM_NEXT : NETVM_DROP;
}
