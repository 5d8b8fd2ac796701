/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The program payload-scan; its core is scan.c. Searching is what costs, so each thread has
 * counters of its own and none waits for another.
 */
#include <errno.h>

#include "guest-pmd/netvm-abi.h"
#include "guest-pmd/nf/scan.h"

static struct scan scan[NETVM_PAIRS_MAX];
static const char *patterns;
static struct nf_target matched = {.verdict = NETVM_NEXT};
static bool ignore_case;

static const struct nf_option options[] = {
	{"patterns", "FILE", "bytes to look for, a pattern a line, with \\xHH", NF_OPTION_TEXT,
		&patterns, 0, 0, true},
	{"matched", "WHERE", "what becomes of a match: next, drop, port:N, service:N [next]",
		NF_OPTION_TARGET, &matched, 0, 0, false},
	{"ignore-case", NULL, "A to Z are a to z", NF_OPTION_FLAG, &ignore_case, 0, 0, false},
	{0},
};

static int
start(void)
{
	const struct nf_patterns *ps = nf_patterns_read(patterns, ignore_case);
	int r = ps == NULL ? -EINVAL : 0;

	for (int i = 0; i < NETVM_PAIRS_MAX && r == 0; i++)
		r = scan_start(&scan[i], ps, matched);
	return r;
}

static void
burst(struct netvm_nf *nf, struct netvm_packet *pkts, uint16_t n, uint64_t now)
{
	struct scan *s = &scan[netvm_nf_thread(nf) % NETVM_PAIRS_MAX];

	for (uint16_t i = 0; i < n; i++)
		scan_packet(s, &pkts[i]);
}

static void
report(FILE *out, uint64_t now)
{
	scan_report(scan, NETVM_PAIRS_MAX, out);
}

int
main(int argc, char **argv)
{
	static const struct nf_program program = {.name = "payload-scan",
		.options = options,
		.parallel = true,
		.start = start,
		.burst = burst,
		.report = report};

	return nf_program_run(argc, argv, &program);
}
