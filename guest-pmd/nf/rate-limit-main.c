/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The program rate-limit; its core is limit.c.
 */
#include "guest-pmd/nf/limit.h"
#include "guest-pmd/nf/nf-program.h"

static struct limit limit;
static uint64_t rate, burst_size, sources = 65536;
static unsigned int by, unit;

static const struct nf_option options[] = {
	{"rate", "N", "bits or packets per second, also 100k, 10M, 1G", NF_OPTION_SCALED, &rate, 1,
		UINT64_C(1000000000000), true},
	{"unit", "bits|packets", "what --rate counts [bits]", NF_OPTION_CHOICE, &unit, 0, 0, false},
	{"burst", "N", "bytes or packets at once [10 ms of the rate, 20k or 32 at least]",
		NF_OPTION_SCALED, &burst_size, 1, 1000000000, false},
	{"by", "all|source", "one bucket, or one for each source address [all]", NF_OPTION_CHOICE,
		&by, 0, 0, false},
	{"sources", "N", "sources to remember [65536]", NF_OPTION_NUMBER, &sources, 1, 1 << 24,
		false},
	{0},
};

static int
start(void)
{
	struct limit_config config = {.by = by == 1 ? LIMIT_SOURCE : LIMIT_ALL,
		.packets = unit == 1,
		.rate = rate,
		.burst = burst_size,
		.sources = (uint32_t)sources};
	uint64_t least = config.packets ? 32 : 20000;

	if (config.burst == 0) {
		config.burst = rate / (config.packets ? 100 : 800);
		config.burst = config.burst < least ? least : config.burst;
	}
	return limit_start(&limit, &config);
}

static void
burst(struct netvm_nf *nf, struct netvm_packet *pkts, uint16_t n, uint64_t now)
{
	for (uint16_t i = 0; i < n; i++)
		limit_packet(&limit, &pkts[i], now);
}

static void
report(FILE *out, uint64_t now)
{
	static const char *const names[LIMIT_COUNTS] = {"passed", "dropped", "evicted"};

	nf_print_counts(out, names, limit.count, LIMIT_COUNTS);
}

int
main(int argc, char **argv)
{
	static const struct nf_program program = {.name = "rate-limit",
		.options = options,
		.start = start,
		.burst = burst,
		.report = report};

	return nf_program_run(argc, argv, &program);
}
