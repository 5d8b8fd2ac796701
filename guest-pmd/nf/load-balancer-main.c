/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The program load-balancer; its core is balancer.c.
 */
#include <errno.h>
#include <string.h>

#include "guest-pmd/nf/balancer.h"

static struct balancer balancer;
static const char *backends, *addresses = "";
static unsigned int by;
static uint8_t mac[6];

static const struct nf_option options[] = {
	{"backends", "FILE", "NAME port:N|service:N|mac MAC [weight W], one a line", NF_OPTION_TEXT,
		&backends, 0, 0, true},
	{"address", "LIST", "virtual addresses, with commas; others pass [all]", NF_OPTION_TEXT,
		&addresses, 0, 0, false},
	{"by", "flow|source", "what stays together [flow]", NF_OPTION_CHOICE, &by, 0, 0, false},
	{"answer", NULL, "answer ARP and neighbour solicitations for them", NF_OPTION_FLAG,
		&balancer.answer, 0, 0, false},
	{"mac", "MAC", "with this MAC [the port's]", NF_OPTION_MAC, mac, 0, 0, false},
	{0},
};

static int
start(void)
{
	char list[NF_LINE_MAX], *save = NULL;

	snprintf(list, sizeof(list), "%s", addresses);
	for (char *w = strtok_r(list, ",", &save); w != NULL; w = strtok_r(NULL, ",", &save)) {
		if (nf_host_add(&balancer.host, w) < 0)
			return -EINVAL;
	}
	balancer.by = by == 1 ? BALANCER_SOURCE : BALANCER_FLOW;
	return balancer_start(&balancer, backends);
}

static int
open_port(struct netvm_nf *nf)
{
	static const uint8_t none[6];
	struct netvm_info info;

	netvm_get_info(netvm_nf_port(nf), &info);
	memcpy(balancer.host.mac, memcmp(mac, none, 6) != 0 ? mac : info.mac, 6);
	return 0;
}

static void
burst(struct netvm_nf *nf, struct netvm_packet *pkts, uint16_t n, uint64_t now)
{
	for (uint16_t i = 0; i < n; i++)
		balancer_packet(&balancer, &pkts[i], netvm_room(netvm_nf_port(nf), &pkts[i]));
}

static void
report(FILE *out, uint64_t now)
{
	balancer_report(&balancer, out);
}

int
main(int argc, char **argv)
{
	static const struct nf_program program = {.name = "load-balancer",
		.options = options,
		.start = start,
		.open = open_port,
		.burst = burst,
		.report = report};

	return nf_program_run(argc, argv, &program);
}
