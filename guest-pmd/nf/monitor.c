/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The core of basic-monitor (monitor.h).
 */
#include <inttypes.h>

#include "guest-pmd/nf/monitor.h"

static const char *const kind_names[MONITOR_KINDS] = {
	"all", "ipv4", "ipv6", "arp", "other", "bad", "tcp", "udp", "icmp", "fragments", "tagged"};
static const uint32_t sizes[MONITOR_SIZES] = {64, 128, 256, 512, 1024, 1518, UINT32_MAX};

static void
count(struct monitor *m, enum monitor_kind kind, uint32_t bytes)
{
	m->count[kind].packets++;
	m->count[kind].bytes += bytes;
}

static enum monitor_kind
kind_of(const struct nf_headers *h)
{
	if (h->kind == NF_BAD)
		return MONITOR_BAD;
	if (h->kind == NF_IP)
		return h->version == 4 ? MONITOR_IPV4 : MONITOR_IPV6;
	return h->ether_type == NF_ETHER_ARP ? MONITOR_ARP : MONITOR_OTHER;
}

void
monitor_packet(struct monitor *m, const struct netvm_packet *p)
{
	struct nf_headers h;
	unsigned int size = 0;

	nf_parse(p, &h);
	while (p->total > sizes[size])
		size++;
	m->sizes[size]++;
	count(m, MONITOR_ALL, p->total);
	count(m, kind_of(&h), p->total);
	if (h.l3 > NF_ETHER_LEN)
		count(m, MONITOR_TAGGED, p->total);
	if (h.kind != NF_IP)
		return;
	if (h.fragment)
		count(m, MONITOR_FRAGMENTS, p->total);
	if (h.proto == NF_PROTO_TCP)
		count(m, MONITOR_TCP, p->total);
	else if (h.proto == NF_PROTO_UDP)
		count(m, MONITOR_UDP, p->total);
	else if (h.proto == (h.version == 4 ? NF_PROTO_ICMP : NF_PROTO_ICMP6))
		count(m, MONITOR_ICMP, p->total);
}

void
monitor_report(struct monitor *m, FILE *out, uint64_t now)
{
	const struct monitor_count *all = &m->count[MONITOR_ALL];
	double seconds = (double)(now - m->last_ns) / 1e9;

	for (unsigned int i = 0; i < MONITOR_KINDS; i++) {
		if (i == MONITOR_ALL || m->count[i].packets != 0)
			fprintf(out, "%s: %" PRIu64 " packets, %" PRIu64 " bytes\n", kind_names[i],
				m->count[i].packets, m->count[i].bytes);
	}
	for (unsigned int i = 0; i < MONITOR_SIZES; i++) {
		if (m->sizes[i] == 0)
			continue;
		if (sizes[i] == UINT32_MAX)
			fprintf(out, "size above %u: %" PRIu64 "\n", sizes[i - 1], m->sizes[i]);
		else
			fprintf(out, "size up to %u: %" PRIu64 "\n", sizes[i], m->sizes[i]);
	}
	if (m->last_ns != 0 && seconds > 0)
		fprintf(out, "rate: %.0f packets/s, %.3f Mbit/s\n",
			(double)(all->packets - m->last.packets) / seconds,
			(double)(all->bytes - m->last.bytes) * 8 / seconds / 1e6);
	m->last = *all;
	m->last_ns = now;
}
