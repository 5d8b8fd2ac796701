/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The program nf-router; its core is router.c.
 */
#include "guest-pmd/nf/router.h"

static struct router router = {
	.unmatched = {.verdict = NETVM_NEXT}, .others = {.verdict = NETVM_NEXT}};
static const char *rules;

static const struct nf_option options[] = {
	{"rules", "FILE", "WHERE " NF_RULES_MATCH ", one a line", NF_OPTION_TEXT, &rules, 0, 0,
		true},
	{"default", "WHERE", "for IP that no rule matches [next]", NF_OPTION_TARGET,
		&router.unmatched, 0, 0, false},
	{"others", "WHERE", "for what is not IP [next]", NF_OPTION_TARGET, &router.others, 0, 0,
		false},
	{0},
};

static int
start(void)
{
	return router_start(&router, rules);
}

static void
burst(struct netvm_nf *nf, struct netvm_packet *pkts, uint16_t n, uint64_t now)
{
	for (uint16_t i = 0; i < n; i++)
		router_packet(&router, &pkts[i]);
}

static void
report(FILE *out, uint64_t now)
{
	router_report(&router, out);
}

int
main(int argc, char **argv)
{
	static const struct nf_program program = {.name = "nf-router",
		.options = options,
		.start = start,
		.burst = burst,
		.report = report};

	return nf_program_run(argc, argv, &program);
}
