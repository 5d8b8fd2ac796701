/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The program firewall; its core is firewall.c.
 */
#include "guest-pmd/nf/firewall.h"
#include "guest-pmd/nf/nf-program.h"

static struct firewall firewall;
static const char *rules;
static unsigned int allow_default, drop_other;
static bool stateful;
static uint64_t flows = 65536;

static const struct nf_option options[] = {
	{"rules", "FILE", "allow|deny " NF_RULES_MATCH ", one a line", NF_OPTION_TEXT, &rules, 0, 0,
		true},
	{"default", "drop|accept", "what becomes of IP that no rule matches [drop]",
		NF_OPTION_CHOICE, &allow_default, 0, 0, false},
	{"others", "accept|drop", "and of ARP and all else that is not IP [accept]",
		NF_OPTION_CHOICE, &drop_other, 0, 0, false},
	{"stateful", NULL, "let answers through to what was let through", NF_OPTION_FLAG, &stateful,
		0, 0, false},
	{"flows", "N", "flows to remember with --stateful [65536]", NF_OPTION_NUMBER, &flows, 1,
		1 << 24, false},
	{0},
};

static int
start(void)
{
	int r = firewall_start(&firewall, rules, stateful ? (uint32_t)flows : 0);

	firewall.allow_default = allow_default == 1;
	firewall.drop_other = drop_other == 1;
	return r;
}

static void
burst(struct netvm_nf *nf, struct netvm_packet *pkts, uint16_t n, uint64_t now)
{
	for (uint16_t i = 0; i < n; i++)
		firewall_packet(&firewall, &pkts[i], now);
}

static void
report(FILE *out, uint64_t now)
{
	firewall_report(&firewall, out);
}

int
main(int argc, char **argv)
{
	static const struct nf_program program = {.name = "firewall",
		.options = options,
		.start = start,
		.burst = burst,
		.report = report};

	return nf_program_run(argc, argv, &program);
}
