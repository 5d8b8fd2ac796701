/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The program speed-tester: some packets go round and round, and it counts how often they
 * come by. The way back here is the ports' settings, or simple-forward behind this port:
 * netvmd sends no packet to the port that it came from. Bytes are not looked at. When
 * packets are lost (a restart of netvmd, say), new ones take their place after a second in
 * which none came.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "guest-pmd/netvm-abi.h"
#include "guest-pmd/nf/nf-program.h"

/* A thread's counters, on lines of their own. */
struct loop {
	uint64_t came, fresh;
	uint64_t seen_ns, seen; /* when `came` was looked at last, and what it was */
	uint64_t reserved[4];
} __attribute__((aligned(64)));

static struct loop loop[NETVM_PAIRS_MAX];
static struct nf_target to = {.verdict = NETVM_NEXT};
static uint64_t packets = 128, size = 60, seconds;
static uint64_t begun_ns;

static const struct nf_option options[] = {
	{"to", "WHERE", "next, port:NUMBER or service:NUMBER [next]", NF_OPTION_TARGET, &to, 0, 0,
		false},
	{"packets", "N", "under way, for each thread [128]", NF_OPTION_NUMBER, &packets, 1, 32768,
		false},
	{"size", "BYTES", "of a packet [60]", NF_OPTION_NUMBER, &size, 60, 65535, false},
	{"seconds", "N", "end after so long", NF_OPTION_NUMBER, &seconds, 1, 1000000, false},
	{0},
};

static int
start(void)
{
	if (to.verdict == NETVM_DROP)
		return nf_refuse("--to: packets that are dropped do not come back");
	return 0;
}

static int
open_port(struct netvm_nf *nf)
{
	struct netvm_info info;

	netvm_get_info(netvm_nf_port(nf), &info);
	if (nf_check_size(&info, size) < 0)
		return -EINVAL;
	begun_ns = netvm_nf_now_ns();
	return 0;
}

static void
burst(struct netvm_nf *nf, struct netvm_packet *pkts, uint16_t n, uint64_t now)
{
	for (uint16_t i = 0; i < n; i++)
		nf_send_to(&pkts[i], &to);
	loop[netvm_nf_thread(nf) % NETVM_PAIRS_MAX].came += n;
}

/* Fills up to the number that is to be under way. */
static unsigned int
poll(struct netvm_nf *nf, uint64_t now)
{
	static const uint8_t header[14] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1,
		0x88, 0xb6}; /* EtherType for local experiments */
	struct loop *l = &loop[netvm_nf_thread(nf) % NETVM_PAIRS_MAX];
	struct netvm_port *port = netvm_nf_port(nf);
	struct netvm_packet pkts[NETVM_BURST];
	uint64_t want;
	int n;

	if (l->fresh >= packets)
		return 0;
	want = packets - l->fresh < NETVM_BURST ? packets - l->fresh : NETVM_BURST;
	n = netvm_alloc(port, netvm_nf_thread(nf), pkts, (uint16_t)want);
	if (n <= 0)
		return 0;
	for (int i = 0; i < n; i++) {
		memset(pkts[i].data, 0, size);
		memcpy(pkts[i].data, header, sizeof(header));
		pkts[i].length = pkts[i].total = (uint32_t)size;
		nf_send_to(&pkts[i], &to);
	}
	netvm_nf_send(nf, pkts, (uint16_t)n);
	l->fresh += (uint64_t)n;
	return (unsigned int)n;
}

static void
tick(struct netvm_nf *nf, uint64_t now)
{
	for (int i = 0; i < NETVM_PAIRS_MAX; i++) {
		struct loop *l = &loop[i];

		if (l->came != l->seen || l->seen_ns == 0) {
			l->seen = l->came;
			l->seen_ns = now;
		} else if (now - l->seen_ns > NF_SECOND) {
			l->fresh = 0;
			l->seen_ns = now;
		}
	}
	if (seconds != 0 && now - begun_ns >= seconds * NF_SECOND)
		netvm_nf_stop(nf, 0);
}

static void
lost(struct netvm_nf *nf)
{
	loop[netvm_nf_thread(nf) % NETVM_PAIRS_MAX].fresh = 0;
}

static void
report(FILE *out, uint64_t now)
{
	static uint64_t last, last_ns;
	uint64_t came = 0;

	for (int i = 0; i < NETVM_PAIRS_MAX; i++)
		came += loop[i].came;
	if (last_ns == 0)
		last_ns = begun_ns;
	fprintf(out, "packets: %" PRIu64 "\n", came);
	if (now > last_ns)
		fprintf(out, "rate: %.3f Mpps since the last report, %.3f in all\n",
			(double)(came - last) * 1e3 / (double)(now - last_ns),
			(double)came * 1e3 / (double)(now - begun_ns));
	last = came;
	last_ns = now;
}

int
main(int argc, char **argv)
{
	static const struct nf_program program = {.name = "speed-tester",
		.options = options,
		.parallel = true,
		.start = start,
		.open = open_port,
		.burst = burst,
		.poll = poll,
		.tick = tick,
		.lost = lost,
		.report = report};

	return nf_program_run(argc, argv, &program);
}
