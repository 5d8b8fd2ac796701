/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The program l3fwd; its core is l3fwd.c.
 */
#include <errno.h>
#include <string.h>

#include "guest-pmd/nf/l3fwd.h"

static struct l3fwd l3;
static const char *routes, *addresses = "";
static uint8_t mac[6];
static bool silent;

static const struct nf_option options[] = {
	{"routes", "FILE", "PREFIX via ADDRESS|direct|mac MAC|blackhole [WHERE], one a line",
		NF_OPTION_TEXT, &routes, 0, 0, true},
	{"address", "LIST", "own addresses, ADDRESS/BITS with commas between them", NF_OPTION_TEXT,
		&addresses, 0, 0, false},
	{"mac", "MAC", "own MAC address [the port's]", NF_OPTION_MAC, mac, 0, 0, false},
	{"any-mac", NULL, "route what is sent to other MACs, too", NF_OPTION_FLAG, &l3.any_mac, 0,
		0, false},
	{"no-echo", NULL, "do not answer ping", NF_OPTION_FLAG, &silent, 0, 0, false},
	{0},
};

static int
start(void)
{
	char list[NF_LINE_MAX], *save = NULL;

	snprintf(list, sizeof(list), "%s", addresses);
	for (char *w = strtok_r(list, ",", &save); w != NULL; w = strtok_r(NULL, ",", &save)) {
		if (nf_host_add(&l3.host, w) < 0)
			return -EINVAL;
	}
	l3.host.echo = !silent;
	return l3fwd_start(&l3, routes);
}

static int
open_port(struct netvm_nf *nf)
{
	static const uint8_t none[6];
	struct netvm_info info;

	netvm_get_info(netvm_nf_port(nf), &info);
	memcpy(l3.host.mac, memcmp(mac, none, 6) != 0 ? mac : info.mac, 6);
	return 0;
}

/* Sends the questions that the burst left. */
static void
send_asks(struct netvm_nf *nf)
{
	struct netvm_port *port = netvm_nf_port(nf);

	for (unsigned int i = 0; i < l3.asks; i++) {
		const struct l3_ask *ask = &l3.ask[i];
		struct netvm_packet p;

		if (netvm_alloc(port, netvm_nf_thread(nf), &p, 1) != 1)
			break;
		nf_send_to(&p, &ask->to);
		if (!nf_ask(&l3.host, ask->who.version, ask->who.address, &p, netvm_room(port, &p)))
			p.verdict = NETVM_DROP;
		netvm_nf_send(nf, &p, 1);
	}
	l3.asks = 0;
}

static void
burst(struct netvm_nf *nf, struct netvm_packet *pkts, uint16_t n, uint64_t now)
{
	for (uint16_t i = 0; i < n; i++)
		l3fwd_packet(&l3, &pkts[i], netvm_room(netvm_nf_port(nf), &pkts[i]), now);
	if (l3.asks != 0)
		send_asks(nf);
}

static void
report(FILE *out, uint64_t now)
{
	static const char *const names[L3_COUNTS] = {"forwarded", "answered", "learned", "asked",
		"unresolved", "no-route", "expired", "errors", "not-ours", "local", "bad"};

	nf_print_counts(out, names, l3.count, L3_COUNTS);
	fprintf(out, "routes: %u\nneighbours: %u\n", l3.routes, nf_table_count(l3.neighbours));
}

int
main(int argc, char **argv)
{
	static const struct nf_program program = {.name = "l3fwd",
		.options = options,
		.start = start,
		.open = open_port,
		.burst = burst,
		.report = report};

	return nf_program_run(argc, argv, &program);
}
