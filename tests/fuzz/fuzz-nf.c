/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every network function on arbitrary frames, which come in pieces of any size and with
 * any offload. Each piece is an allocation of exactly its size, so any byte too many is
 * seen; after each core the packet must still be one, and when its checksums were right
 * before, they are so then, also those that a guest left to others. What aes-encrypt lets
 * through, aes-decrypt must give back.
 *
 * Input: struct control, then frames, each behind its length in two bytes. Before
 * each input tables are emptied and the clock is set back, so that an input does the same
 * each time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest-pmd/nf/balancer.h"
#include "guest-pmd/nf/bridge.h"
#include "guest-pmd/nf/firewall.h"
#include "guest-pmd/nf/generator.h"
#include "guest-pmd/nf/l3fwd.h"
#include "guest-pmd/nf/limit.h"
#include "guest-pmd/nf/monitor.h"
#include "guest-pmd/nf/nat.h"
#include "guest-pmd/nf/router.h"
#include "guest-pmd/nf/scan.h"
#include "guest-pmd/nf/tracker.h"
#ifdef NF_FUZZ_AES
#include "guest-pmd/nf/aes.h"
#endif

#define PIECES_MAX 64
#define FRAMES_MAX 16
#define BEGIN      (UINT64_C(1) << 50) /* when an input begins */

struct control {
	uint8_t flags, gso_type;
	uint16_t gso_size, csum_start, csum_offset;
	uint8_t piece; /* bytes of a piece; 0: one piece */
	uint8_t headroom, tailroom;
	uint8_t step; /* seconds between frames */
	uint8_t ours; /* bit 0: the frame is to our MAC */
	uint8_t sums; /* enum sums */
	uint8_t reserved[2];
};

/* The frame's checksums: as they come, made right, or made right with the L4 one partial. */
enum sums { AS_THEY_COME, RIGHT, PARTIAL, SUMS };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct bridge bridge;
static struct monitor monitor;
static struct tracker tracker;
static struct l3fwd l3;
static struct firewall stateless, stateful;
static struct nat nat;
static struct balancer balancer;
static struct scan scan;
static struct limit limit;
static struct router router;
static struct generator generator;
#ifdef NF_FUZZ_AES
static struct aes seal, open_;
#endif
static uint64_t now;

static void
require(bool ok)
{
	if (!ok)
		abort();
}

/* A file that is in memory only. */
static const char *
file(const char *text)
{
	static char path[64];
	static int fd = -1;

	if (fd >= 0)
		close(fd);
	fd = memfd_create("fuzz-nf", 0);
	require(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return path;
}

static void
start(void)
{
	static const char rules[] = "allow tcp 10.0.0.0/8 any 80\ndeny udp any any 1-1000\n"
				    "allow any fd00::/8 any\nallow icmp any any\n";
	struct nat_config nc = {.ports = {2000, 2007}, .flows = 6};
	struct limit_config lc = {.by = LIMIT_SOURCE, .rate = 80000, .burst = 2000, .sources = 4};
	struct generator_config gc = {.size = 60};
	struct nf_patterns *ps;

	require(bridge_start(&bridge, 4, 300 * NF_SECOND) == 0);
	require(tracker_start(&tracker, 4, 60 * NF_SECOND) == 0);
	require(nf_host_add(&l3.host, "10.0.0.254/24") == 0);
	require(nf_host_add(&l3.host, "fd00::fe/64") == 0);
	memcpy(l3.host.mac, "\2\0\0\0\0\2", 6);
	l3.host.echo = true;
	require(l3fwd_start(&l3, file("0.0.0.0/0 via 10.0.0.1\n10.0.0.0/24 direct\n"
				      "20.0.0.0/8 mac 02:00:00:00:00:01\nfd00::/64 direct\n"
				      "::/0 mac 02:00:00:00:00:01\n")) == 0);
	require(firewall_start(&stateless, file(rules), 0) == 0);
	require(firewall_start(&stateful, file(rules), 4) == 0);
	require(nf_word_prefix("10.0.0.0/8", &nc.inside));
	require(nf_word_address("192.0.2.1", &nc.outside));
	require(nat_start(&nat, &nc) == 0);
	memcpy(nat.host.mac, "\2\0\0\0\0\2", 6);
	balancer.answer = true;
	require(balancer_start(&balancer, file("a port:1\nb mac 02:00:00:00:00:09 weight 3\n")) ==
		0);
	ps = nf_patterns_read(file("GET\n\\x00\\x00\n/etc/passwd\nEG\n"), true);
	require(ps != NULL && scan_start(&scan, ps, (struct nf_target){NETVM_NEXT, 0}) == 0);
	require(limit_start(&limit, &lc) == 0);
	require(router_start(
			&router, file("port:3 tcp any any 80\nservice:1 any fd00::/8 any\n")) == 0);
	generator_start(&generator, &gc);
#ifdef NF_FUZZ_AES
	{
		struct aes_key key = {.length = 32};

		require(aes_start(&seal, &key, false) == 0 && aes_start(&open_, &key, true) == 0);
	}
#endif
}

static void
empty(void)
{
	nf_table_expire(bridge.macs, UINT64_MAX, UINT32_MAX);
	nf_table_expire(tracker.flows, UINT64_MAX, UINT32_MAX);
	nf_table_expire(l3.neighbours, UINT64_MAX, UINT32_MAX);
	nf_table_expire(stateful.flows, UINT64_MAX, UINT32_MAX);
	nf_table_expire(nat.flows, UINT64_MAX, UINT32_MAX);
	nf_table_expire(limit.sources, UINT64_MAX, UINT32_MAX);
	now = BEGIN;
	require(nf_table_count(nat.flows) == 0 && nat.ports[NAT_UDP].count == 8);
}

/* A copy of the frame for one core. */
struct copy {
	struct netvm_packet p;
	struct netvm_seg seg[PIECES_MAX];
	uint8_t *memory[PIECES_MAX];
	uint32_t room;
	bool right; /* checksums are, or will be when they are finished */
};

/* --- checksums ------------------------------------------------------------------ */

/* Of the L4 header and what follows, with or without these. */
static uint16_t
l4_sum(const struct netvm_packet *p, const struct nf_headers *h, bool with_bytes)
{
	uint16_t sum = with_bytes ? nf_sum(p, h->l4, h->end - h->l4) : 0;
	uint8_t rest[4] = {0, h->proto};

	if (h->proto == NF_PROTO_ICMP)
		return sum;
	nf_put16(rest + 2, (uint16_t)(h->end - h->l4));
	sum = nf_sum_add(sum, nf_sum_bytes(h->b + nf_source_at(h), 2 * nf_address_len(h)));
	return nf_sum_add(sum, nf_sum_bytes(rest, sizeof(rest)));
}

static bool
has_l4_sum(const struct nf_headers *h)
{
	return h->l4_len != 0 && !h->fragment;
}

static bool
sums_right(const struct netvm_packet *p)
{
	struct nf_headers h;

	if (nf_parse(p, &h) != NF_IP)
		return true;
	if (h.version == 4 && nf_sum(p, h.l3, (uint32_t)h.l4 - h.l3) != UINT16_MAX)
		return false;
	if (!has_l4_sum(&h) || (h.proto == NF_PROTO_UDP && nf_be16(h.b + h.checksum) == 0))
		return true;
	return l4_sum(p, &h, true) == UINT16_MAX;
}

static void
make_sums(uint8_t *frame, uint32_t n, struct control *k)
{
	struct netvm_packet p = {.data = frame, .length = n, .total = n, .nseg = 1};
	struct nf_headers h;
	uint16_t sum = 0;
	bool partial;

	k->flags &= (uint8_t)~NETVM_PACKET_CSUM;
	if (nf_parse(&p, &h) != NF_IP)
		return;
	if (h.version == 4) {
		memset(frame + h.l3 + 10, 0, 2);
		sum = (uint16_t)~nf_sum(&p, h.l3, (uint32_t)h.l4 - h.l3);
		memcpy(frame + h.l3 + 10, &sum, 2);
	}
	if (!has_l4_sum(&h))
		return;
	memset(frame + h.checksum, 0, 2);
	/* A partial one is of all that follows, also of padding: nobody leaves that to others. */
	partial = k->sums == PARTIAL && h.end == n;
	sum = partial ? l4_sum(&p, &h, false) : (uint16_t)~l4_sum(&p, &h, true);
	memcpy(frame + h.checksum, &sum, 2);
	if (partial) {
		k->flags |= NETVM_PACKET_CSUM;
		k->csum_start = h.l4;
		k->csum_offset = (uint16_t)(h.checksum - h.l4);
	}
}

static void
make(struct copy *c, const struct control *k, const uint8_t *data, uint32_t n)
{
	uint32_t piece = k->piece == 0 || n / k->piece >= PIECES_MAX ? n : k->piece;
	uint32_t first = piece < n ? piece : n, at = first;
	struct netvm_seg **link = &c->p.next;

	memset(c, 0, sizeof(*c));
	c->right = k->sums != AS_THEY_COME;
	c->memory[0] = malloc((size_t)k->headroom + first + k->tailroom);
	require(c->memory[0] != NULL || k->headroom + first + k->tailroom == 0);
	c->room = first + k->tailroom;
	c->p = (struct netvm_packet){.data = c->memory[0] + k->headroom,
		.length = first,
		.total = n,
		.nseg = 1,
		.flags = k->flags,
		.destination = 7,
		.csum_start = k->csum_start,
		.csum_offset = k->csum_offset,
		.gso_size = k->gso_size,
		.gso_type = k->gso_type};
	memcpy(c->p.data, data, first);
	for (; at < n; c->p.nseg++) {
		uint32_t length = n - at < piece ? n - at : piece;

		c->memory[c->p.nseg] = malloc(length);
		memcpy(c->memory[c->p.nseg], data + at, length);
		c->seg[c->p.nseg] =
			(struct netvm_seg){.data = c->memory[c->p.nseg], .length = length};
		*link = &c->seg[c->p.nseg];
		link = &c->seg[c->p.nseg].next;
		at += length;
	}
}

/* What every core promises of the packet that it leaves. */
static void
check(struct copy *c)
{
	uint32_t total = c->p.length;
	uint16_t pieces = 1;

	require(c->p.verdict <= NETVM_TO_PORT);
	for (const struct netvm_seg *s = c->p.next; s != NULL; s = s->next) {
		total += s->length;
		pieces++;
	}
	require(total == c->p.total && pieces == c->p.nseg);
	require(nf_sum(&c->p, 0, total) <= UINT16_MAX); /* touches every byte */
	if (c->right && c->p.verdict != NETVM_DROP)
		require(netvm_finish_checksum(&c->p) == 0 && sums_right(&c->p));
	for (int i = 0; i < PIECES_MAX; i++)
		free(c->memory[i]);
}

#ifdef NF_FUZZ_AES
static void
round_trip(const struct control *k, const uint8_t *data, uint32_t n)
{
	uint64_t done = seal.count[AES_DONE];
	struct copy c;

	make(&c, k, data, n);
	aes_packet(&seal, &c.p, k->headroom);
	if (seal.count[AES_DONE] != done) {
		require(c.p.verdict == NETVM_NEXT && c.p.total == n + AES_OVERHEAD);
		aes_packet(&open_, &c.p, 0);
		require(c.p.verdict == NETVM_NEXT && c.p.total == n);
		require(c.p.length > n || memcmp(c.p.data, data, 12) == 0);
	}
	check(&c);
	make(&c, k, data, n);
	aes_packet(&open_, &c.p, k->headroom);
	check(&c);
}
#endif

static void
drive(const struct control *k, const uint8_t *data, uint32_t n)
{
	uint16_t sender = 0;
	struct copy c;

#define CORE(call)                                                                                 \
	do {                                                                                       \
		make(&c, k, data, n);                                                              \
		call;                                                                              \
		check(&c);                                                                         \
	} while (0)
	CORE(bridge_packet(&bridge, &c.p, now));
	CORE(monitor_packet(&monitor, &c.p));
	CORE(tracker_packet(&tracker, &c.p, now));
	CORE(l3fwd_packet(&l3, &c.p, c.room, now));
	l3.asks = 0;
	CORE(firewall_packet(&stateless, &c.p, now));
	CORE(firewall_packet(&stateful, &c.p, now));
	CORE(nat_packet(&nat, &c.p, c.room, now));
	CORE(balancer_packet(&balancer, &c.p, c.room));
	CORE(scan_packet(&scan, &c.p));
	CORE(limit_packet(&limit, &c.p, now));
	CORE(router_packet(&router, &c.p));
	CORE(generator_take(&generator, &c.p, now, &sender));
#undef CORE
#ifdef NF_FUZZ_AES
	round_trip(k, data, n);
#endif
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t frame[UINT16_MAX];
	struct control k;

	if (bridge.macs == NULL)
		start();
	if (size < sizeof(k))
		return 0;
	memcpy(&k, data, sizeof(k));
	data += sizeof(k);
	size -= sizeof(k);
	k.sums %= SUMS;
	empty();
	for (int i = 0; i < FRAMES_MAX && size >= 2; i++) {
		uint32_t n = data[0] | (uint32_t)data[1] << 8;

		data += 2;
		size -= 2;
		n = n < size ? n : (uint32_t)size;
		memcpy(frame, data, n);
		if ((k.ours & 1) != 0 && n >= 6)
			memcpy(frame, l3.host.mac, 6);
		if (k.sums != AS_THEY_COME)
			make_sums(frame, n, &k);
		drive(&k, frame, n);
		data += n;
		size -= n;
		now += (k.step + UINT64_C(1)) * NF_SECOND;
	}
	return 0;
}
