/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The program basic-monitor; its core is monitor.c.
 */
#include "guest-pmd/nf/monitor.h"
#include "guest-pmd/nf/nf-program.h"

static struct monitor monitor;
static uint64_t every;

static const struct nf_option options[] = {
	{"every", "SECONDS", "print counts and rates so often [only when asked by SIGUSR1]",
		NF_OPTION_NUMBER, &every, 1, 86400, false},
	{0},
};

static int
open_port(struct netvm_nf *nf)
{
	monitor.last_ns = netvm_nf_now_ns();
	return 0;
}

static void
burst(struct netvm_nf *nf, struct netvm_packet *pkts, uint16_t n, uint64_t now)
{
	for (uint16_t i = 0; i < n; i++) {
		monitor_packet(&monitor, &pkts[i]);
		pkts[i].verdict = NETVM_NEXT;
	}
}

static void
tick(struct netvm_nf *nf, uint64_t now)
{
	if (every == 0 || now - monitor.last_ns < every * NF_SECOND)
		return;
	monitor_report(&monitor, stdout, now);
	fflush(stdout);
}

static void
report(FILE *out, uint64_t now)
{
	monitor_report(&monitor, out, now);
}

int
main(int argc, char **argv)
{
	static const struct nf_program program = {.name = "basic-monitor",
		.options = options,
		.open = open_port,
		.burst = burst,
		.tick = tick,
		.report = report};

	return nf_program_run(argc, argv, &program);
}
