/* SPDX-License-Identifier: BSD-3-Clause */
/* libnetvm: the table of counters of netvm_nf_run(). On thread 0. */
#include "guest-pmd/nf.h"

#include <inttypes.h>
#include <stdio.h>

static void
print_row(const char *who, const struct netvm_stats *st, uint64_t dropped)
{
	printf("%-5s %14" PRIu64 " %16" PRIu64 " %14" PRIu64 " %16" PRIu64 " %12" PRIu64
	       " %10" PRIu64 " %10" PRIu64 " %10" PRIu64 " %8" PRIu64 "\n",
		who, st->rx_packets, st->rx_bytes, st->tx_packets, st->tx_bytes, st->freed,
		st->tx_full, dropped, st->no_buffers, st->waits);
}

void
netvm_nf_print(struct netvm_nf *nf)
{
	struct netvm_nf_run *run = nf->run;
	double s = (netvm_nf_now_ns() - run->started) / 1e9;
	uint64_t dropped, all = 0;
	struct netvm_stats st;
	char who[8];

	printf("%s on %s (port %u, group %s), %.1f s, link %s\n", run->ops->name, run->info.name,
		run->info.port, run->info.group, s, netvm_link_up(run->port) ? "up" : "down");
	printf("%-5s %14s %16s %14s %16s %12s %10s %10s %10s %8s\n", "pair", "rx packets",
		"rx bytes", "tx packets", "tx bytes", "freed", "tx full", "dropped", "no buffer",
		"sleeps");
	for (uint16_t i = 0; i < run->info.pairs; i++) {
		dropped = __atomic_load_n(&run->threads[i].dropped, __ATOMIC_RELAXED);
		all += dropped;
		netvm_get_stats(run->port, i, &st);
		snprintf(who, sizeof(who), "%u", i);
		print_row(who, &st, dropped);
	}
	netvm_get_stats(run->port, NETVM_ALL_PAIRS, &st);
	if (run->info.pairs > 1)
		print_row("all", &st, all);
	if (st.reopened || st.rx_bad)
		printf("reopened %" PRIu64 " times, %" PRIu64 " impossible packets\n", st.reopened,
			st.rx_bad);
	if (run->ops->report)
		run->ops->report(nf, stdout, run->arg);
	fflush(stdout);
}
