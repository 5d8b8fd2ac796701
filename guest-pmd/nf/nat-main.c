/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The program nat; its core is nat.c.
 */
#include <string.h>

#include "guest-pmd/nf/nat.h"
#include "guest-pmd/nf/nf-program.h"

static struct nat nat;
static struct nat_config config;
static const char *ports = "1024-65535";
static uint64_t flows = 65536;
static uint8_t mac[6];

static const struct nf_option options[] = {
	{"inside", "PREFIX", "whose source is translated, such as 10.0.0.0/8", NF_OPTION_PREFIX,
		&config.inside, 0, 0, true},
	{"outside", "ADDRESS", "the IPv4 address that they get", NF_OPTION_ADDRESS, &config.outside,
		0, 0, true},
	{"ports", "FIRST-LAST", "ports to use outside [1024-65535]", NF_OPTION_TEXT, &ports, 0, 0,
		false},
	{"flows", "N", "flows to remember [65536]", NF_OPTION_NUMBER, &flows, 1, 1 << 24, false},
	{"mac", "MAC", "where the outside address is [the port's]", NF_OPTION_MAC, mac, 0, 0,
		false},
	{0},
};

static int
start(void)
{
	if (!nf_word_ports(ports, &config.ports) || config.ports.first == 0)
		return nf_refuse("--ports: \"%.64s\": expected FIRST-LAST from 1 to 65535", ports);
	config.flows = (uint32_t)flows;
	return nat_start(&nat, &config);
}

static int
open_port(struct netvm_nf *nf)
{
	static const uint8_t none[6];
	struct netvm_info info;

	netvm_get_info(netvm_nf_port(nf), &info);
	memcpy(nat.host.mac, memcmp(mac, none, 6) != 0 ? mac : info.mac, 6);
	return 0;
}

static void
burst(struct netvm_nf *nf, struct netvm_packet *pkts, uint16_t n, uint64_t now)
{
	for (uint16_t i = 0; i < n; i++)
		nat_packet(&nat, &pkts[i], netvm_room(netvm_nf_port(nf), &pkts[i]), now);
}

static void
report(FILE *out, uint64_t now)
{
	nat_report(&nat, out);
}

int
main(int argc, char **argv)
{
	static const struct nf_program program = {.name = "nat",
		.options = options,
		.start = start,
		.open = open_port,
		.burst = burst,
		.report = report};

	return nf_program_run(argc, argv, &program);
}
