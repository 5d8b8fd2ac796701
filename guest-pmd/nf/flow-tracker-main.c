/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The program flow-tracker; its core is tracker.c.
 */
#include "guest-pmd/nf/nf-program.h"
#include "guest-pmd/nf/tracker.h"

static struct tracker tracker;
static uint64_t flows = 65536, age = 60, top = 10;

static const struct nf_option options[] = {
	{"flows", "N", "flows to remember [65536]", NF_OPTION_NUMBER, &flows, 1, 1 << 24, false},
	{"age", "SECONDS", "forget a flow that is silent for so long [60]", NF_OPTION_NUMBER, &age,
		1, 1000000, false},
	{"top", "N", "flows to list with the counters [10]", NF_OPTION_NUMBER, &top, 0,
		TRACKER_TOP_MAX, false},
	{0},
};

static int
start(void)
{
	return tracker_start(&tracker, (uint32_t)flows, age * NF_SECOND);
}

static void
burst(struct netvm_nf *nf, struct netvm_packet *pkts, uint16_t n, uint64_t now)
{
	for (uint16_t i = 0; i < n; i++) {
		tracker_packet(&tracker, &pkts[i], now);
		pkts[i].verdict = NETVM_NEXT;
	}
}

static void
tick(struct netvm_nf *nf, uint64_t now)
{
	tracker_age(&tracker, now, 1024);
}

static void
report(FILE *out, uint64_t now)
{
	tracker_report(&tracker, out, (unsigned int)top, now);
}

int
main(int argc, char **argv)
{
	static const struct nf_program program = {.name = "flow-tracker",
		.options = options,
		.start = start,
		.burst = burst,
		.tick = tick,
		.report = report};

	return nf_program_run(argc, argv, &program);
}
