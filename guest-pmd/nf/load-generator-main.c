/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The program load-generator; its core is generator.c. Each thread generates and
 * measures for itself.
 */
#include <errno.h>
#include <string.h>

#include "guest-pmd/netvm-abi.h"
#include "guest-pmd/nf/generator.h"
#include "guest-pmd/nf/nf-program.h"

static struct generator generator[NETVM_PAIRS_MAX];
static struct generator_config config = {
	.destination_mac = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, .sport = 10000};
static struct nf_prefix source = {.version = 4, .address = {10, 0, 0, 1}};
static struct nf_prefix destination = {.version = 4, .address = {10, 0, 0, 2}};
static struct nf_target to = {.verdict = NETVM_NEXT};
static uint64_t size = GENERATOR_SIZE_MIN, flows = 1, dport = 9, burst_size = NETVM_BURST;
static uint64_t seconds;
static uint64_t begun_ns;
static unsigned int threads;
static bool lossless;
static uint8_t own_mac[6];

static const struct nf_option options[] = {
	{"rate", "N", "packets per second and thread, also 10k, 1M [as fast as possible]",
		NF_OPTION_SCALED, &config.rate, 1, 1000000000, false},
	{"size", "BYTES", "of a packet, with Ethernet header, without FCS [60]", NF_OPTION_NUMBER,
		&size, GENERATOR_SIZE_MIN, GENERATOR_SIZE_MAX, false},
	{"burst", "N", "packets at once, at most [32]", NF_OPTION_NUMBER, &burst_size, 1,
		NETVM_BURST, false},
	{"count", "N", "end after so many packets, when they are back [no end]", NF_OPTION_SCALED,
		&config.count, 1, UINT64_C(1) << 60, false},
	{"seconds", "N", "end after so long", NF_OPTION_NUMBER, &seconds, 1, 1000000, false},
	{"window", "N", "packets under way, at most [no limit]", NF_OPTION_NUMBER, &config.window,
		1, 1 << 24, false},
	{"lossless", NULL, "exit status 1 when a packet has not come back", NF_OPTION_FLAG,
		&lossless, 0, 0, false},
	{"to", "WHERE", "next, port:NUMBER or service:NUMBER [next]", NF_OPTION_TARGET, &to, 0, 0,
		false},
	{"flows", "N", "source ports to take in turn, from 10000 on [1]", NF_OPTION_NUMBER, &flows,
		1, 50000, false},
	{"source", "ADDRESS", "IPv4 [10.0.0.1]", NF_OPTION_ADDRESS, &source, 0, 0, false},
	{"destination", "ADDRESS", "IPv4 [10.0.0.2]", NF_OPTION_ADDRESS, &destination, 0, 0, false},
	{"port", "N", "UDP destination port [9]", NF_OPTION_NUMBER, &dport, 0, 65535, false},
	{"mac", "MAC", "source [the port's]", NF_OPTION_MAC, own_mac, 0, 0, false},
	{"destination-mac", "MAC", "[ff:ff:ff:ff:ff:ff]", NF_OPTION_MAC, config.destination_mac, 0,
		0, false},
	{0},
};

static int
start(void)
{
	if (source.version != 4 || destination.version != 4)
		return nf_refuse("--source, --destination: expected IPv4 addresses");
	memcpy(config.source, source.address, 4);
	memcpy(config.destination, destination.address, 4);
	config.size = (uint32_t)size;
	config.flows = (uint32_t)flows;
	config.dport = (uint16_t)dport;
	for (uint16_t i = 0; i < NETVM_PAIRS_MAX; i++) {
		config.thread = i;
		generator_start(&generator[i], &config);
	}
	return 0;
}

static int
open_port(struct netvm_nf *nf)
{
	static const uint8_t none[6];
	struct netvm_info info;
	const uint8_t *mac = own_mac;

	netvm_get_info(netvm_nf_port(nf), &info);
	if (nf_check_size(&info, size) < 0)
		return -EINVAL;
	threads = info.pairs;
	if (memcmp(own_mac, none, 6) == 0)
		mac = info.mac;
	for (int i = 0; i < NETVM_PAIRS_MAX; i++)
		memcpy(generator[i].config.source_mac, mac, 6);
	begun_ns = netvm_nf_now_ns();
	return 0;
}

static void
burst(struct netvm_nf *nf, struct netvm_packet *pkts, uint16_t n, uint64_t now)
{
	struct generator *g = &generator[netvm_nf_thread(nf) % NETVM_PAIRS_MAX];

	uint16_t sender, last = 0;
	uint32_t back = 0;

	for (uint16_t i = 0; i < n; i++) {
		pkts[i].verdict = NETVM_DROP;
		if (!generator_take(g, &pkts[i], now, &sender))
			continue;
		if (sender != last)
			generator_back(&generator[last], back);
		back = sender == last ? back + 1 : 1;
		last = sender;
	}
	generator_back(&generator[last], back);
}

static unsigned int
poll(struct netvm_nf *nf, uint64_t now)
{
	struct generator *g = &generator[netvm_nf_thread(nf) % NETVM_PAIRS_MAX];
	struct netvm_port *port = netvm_nf_port(nf);
	struct netvm_packet pkts[NETVM_BURST];
	uint32_t due = generator_due(g, now, (uint32_t)burst_size);
	int n = due == 0 ? 0 : netvm_alloc(port, netvm_nf_thread(nf), pkts, (uint16_t)due);
	int sent;

	if (n <= 0)
		return 0;
	for (int i = 0; i < n; i++) {
		nf_send_to(&pkts[i], &to);
		if (!generator_make(g, &pkts[i], netvm_room(port, &pkts[i]), now))
			pkts[i].verdict = NETVM_DROP;
	}
	/* What does not leave is not sent, and not lost either. */
	sent = netvm_tx(port, netvm_nf_thread(nf), pkts, (uint16_t)n);
	sent = sent > 0 ? sent : 0;
	netvm_free(port, netvm_nf_thread(nf), pkts + sent, (uint16_t)(n - sent));
	generator_unmake(g, (uint32_t)(n - sent));
	return (unsigned int)sent;
}

static void
sum_up(struct generator *sum)
{
	generator_start(sum, &config);
	for (int i = 0; i < NETVM_PAIRS_MAX; i++)
		generator_add(sum, &generator[i]);
}

static void
tick(struct netvm_nf *nf, uint64_t now)
{
	static struct generator sum;
	bool over = seconds != 0 && now - begun_ns >= seconds * NF_SECOND, done = true;

	for (unsigned int i = 0; i < threads; i++) {
		if (over)
			generator_end(&generator[i]);
		done &= generator_done(&generator[i], now);
	}
	if (!done)
		return;
	sum_up(&sum);
	netvm_nf_stop(nf, lossless && sum.received < sum.sent ? 1 : 0);
}

static void
report(FILE *out, uint64_t now)
{
	static struct generator sum;
	double s = (double)(now - begun_ns) / 1e9;

	sum_up(&sum);
	generator_report(&sum, out);
	if (s > 0)
		fprintf(out, "rate: %.0f packets/s sent, %.0f received\n", (double)sum.sent / s,
			(double)sum.received / s);
}

int
main(int argc, char **argv)
{
	static const struct nf_program program = {.name = "load-generator",
		.options = options,
		.parallel = true,
		.start = start,
		.open = open_port,
		.burst = burst,
		.poll = poll,
		.tick = tick,
		.report = report};

	return nf_program_run(argc, argv, &program);
}
