/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The program bridge; its core is bridge.c.
 */
#include "guest-pmd/nf/bridge.h"
#include "guest-pmd/nf/nf-program.h"

static struct bridge bridge;
static uint64_t macs = 4096, age = 300;

static const struct nf_option options[] = {
	{"macs", "N", "MAC addresses to remember [4096]", NF_OPTION_NUMBER, &macs, 1, 1 << 20,
		false},
	{"age", "SECONDS", "forget a MAC that is silent for so long [300]", NF_OPTION_NUMBER, &age,
		1, 1000000, false},
	{0},
};

static int
start(void)
{
	return bridge_start(&bridge, (uint32_t)macs, age * NF_SECOND);
}

static void
burst(struct netvm_nf *nf, struct netvm_packet *pkts, uint16_t n, uint64_t now)
{
	for (uint16_t i = 0; i < n; i++)
		bridge_packet(&bridge, &pkts[i], now);
}

static void
report(FILE *out, uint64_t now)
{
	fprintf(out, "macs: %u\n", nf_table_count(bridge.macs));
	nf_print_counts(out, bridge_count_names, bridge.count, BRIDGE_COUNTS);
}

int
main(int argc, char **argv)
{
	static const struct nf_program program = {.name = "bridge",
		.options = options,
		.start = start,
		.burst = burst,
		.report = report};

	return nf_program_run(argc, argv, &program);
}
