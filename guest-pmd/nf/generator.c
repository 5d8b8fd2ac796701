/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The core of load-generator (generator.h). The stamp is the beginning of the UDP
 * payload: magic, number, time, thread, each little-endian as it lies.
 */
#include <inttypes.h>
#include <string.h>

#include "guest-pmd/nf/generator.h"

#define MAGIC   UINT32_C(0x674c764e)
#define HEADERS (NF_ETHER_LEN + 20 + 8)
#define QUIET   UINT64_C(1000000000) /* what is silent for so long does not come back */

struct stamp {
	uint32_t magic, number;
	uint64_t time;
	uint16_t thread;
} __attribute__((packed));

_Static_assert(HEADERS + sizeof(struct stamp) <= GENERATOR_SIZE_MIN, "the stamp has room");

void
generator_start(struct generator *g, const struct generator_config *config)
{
	memset(g, 0, sizeof(*g));
	g->config = *config;
	g->min_ns = UINT64_MAX;
}

/* How many have come back; notes when the last one did. */
static uint64_t
look_back(struct generator *g, uint64_t now)
{
	uint64_t back = __atomic_load_n(&g->back, __ATOMIC_RELAXED);

	if (back != g->seen_back) {
		g->seen_back = back;
		__atomic_store_n(&g->last_ns, now, __ATOMIC_RELAXED);
	}
	return back;
}

uint32_t
generator_due(struct generator *g, uint64_t now, uint32_t max)
{
	const struct generator_config *c = &g->config;
	uint64_t n = max, back = look_back(g, now);

	if (__atomic_load_n(&g->over, __ATOMIC_RELAXED))
		return 0;
	if (c->count != 0 && c->count - g->sent < n)
		n = c->count - g->sent;
	if (c->window != 0) {
		uint64_t known = back + g->given_up, under_way;

		/* What was lost must not stop it for ever: a second without a packet
		 * empties the window. */
		if (g->sent != 0 && now > g->last_ns && now - g->last_ns >= QUIET) {
			known = g->sent;
			g->given_up = g->sent - (back < g->sent ? back : g->sent);
			__atomic_store_n(&g->last_ns, now, __ATOMIC_RELAXED);
		}
		under_way = g->sent - (known < g->sent ? known : g->sent);
		under_way = under_way < c->window ? under_way : c->window;
		n = c->window - under_way < n ? c->window - under_way : n;
	}
	if (c->rate != 0) {
		uint64_t due, paced;

		if (g->begun_ns == 0 || now < g->begun_ns) {
			g->begun_ns = now;
			g->paced_from = g->sent;
		}
		paced = g->sent - g->paced_from;
		due = (uint64_t)((__uint128_t)(now - g->begun_ns) * c->rate / 1000000000);
		if (due > paced + GENERATOR_BEHIND + max) {
			g->begun_ns = now;
			g->paced_from = g->sent;
			paced = due = 0;
		}
		due -= paced < due ? paced : due;
		n = due < n ? due : n;
	}
	return (uint32_t)n;
}

static void
write_headers(const struct generator *g, uint8_t *b)
{
	const struct generator_config *c = &g->config;
	uint8_t *ip = b + NF_ETHER_LEN, *udp = ip + 20;
	uint16_t sum;

	memset(b, 0, HEADERS);
	memcpy(b, c->destination_mac, 6);
	memcpy(b + 6, c->source_mac, 6);
	nf_put16(b + 12, NF_ETHER_IPV4);
	ip[0] = 0x45;
	nf_put16(ip + 2, (uint16_t)(c->size - NF_ETHER_LEN));
	ip[8] = 64;
	ip[9] = NF_PROTO_UDP;
	memcpy(ip + 12, c->source, 4);
	memcpy(ip + 16, c->destination, 4);
	sum = (uint16_t)~nf_sum_bytes(ip, 20);
	memcpy(ip + 10, &sum, 2);
	/* No UDP checksum: IPv4 allows it, and what would be measured is its making. */
	nf_put16(udp, (uint16_t)(c->sport + (c->flows > 1 ? g->sent % c->flows : 0)));
	nf_put16(udp + 2, c->dport);
	nf_put16(udp + 4, (uint16_t)(c->size - NF_ETHER_LEN - 20));
}

bool
generator_make(struct generator *g, struct netvm_packet *p, uint32_t room, uint64_t now)
{
	struct stamp stamp = {MAGIC, (uint32_t)g->sent, now, g->config.thread};
	uint32_t filled = HEADERS + sizeof(stamp);

	if (p->nseg != 1 || g->config.size > room)
		return false;
	write_headers(g, p->data);
	memcpy(p->data + HEADERS, &stamp, sizeof(stamp));
	/* What others of the group left in the buffer is not for who gets this packet. */
	memset(p->data + filled, 0, g->config.size - filled);
	p->length = p->total = g->config.size;
	if (g->sent == 0)
		__atomic_store_n(&g->last_ns, now, __ATOMIC_RELAXED);
	__atomic_store_n(&g->sent, g->sent + 1, __ATOMIC_RELAXED);
	return true;
}

void
generator_unmake(struct generator *g, uint32_t n)
{
	__atomic_store_n(&g->sent, g->sent - n, __ATOMIC_RELAXED);
}

void
generator_back(struct generator *g, uint32_t n)
{
	if (n != 0)
		__atomic_fetch_add(&g->back, n, __ATOMIC_RELAXED);
}

void
generator_end(struct generator *g)
{
	__atomic_store_n(&g->over, true, __ATOMIC_RELAXED);
}

static unsigned int
bucket_of(uint64_t ns)
{
	unsigned int high;

	if (ns < HISTOGRAM_STEPS)
		return (unsigned int)ns;
	high = 63 - (unsigned int)__builtin_clzll(ns);
	return (high - 4) * HISTOGRAM_STEPS +
	       (unsigned int)(ns >> (high - 5) & (HISTOGRAM_STEPS - 1));
}

/* The largest value of a bucket. */
static uint64_t
bucket_end(unsigned int i)
{
	unsigned int high = i / HISTOGRAM_STEPS + 4;

	if (i < HISTOGRAM_STEPS)
		return i;
	return ((UINT64_C(1) << 5 | i % HISTOGRAM_STEPS) + 1) * (UINT64_C(1) << (high - 5)) - 1;
}

bool
generator_take(struct generator *g, const struct netvm_packet *p, uint64_t now, uint16_t *sender)
{
	uint8_t copy[sizeof(struct stamp)];
	const uint8_t *where;
	struct nf_headers h;
	struct stamp stamp;
	uint64_t took;
	uint32_t n, at;

	if (nf_parse(p, &h) != NF_IP || h.proto != NF_PROTO_UDP || h.l4_len == 0)
		goto strange;
	at = nf_payload(&h, &n);
	where = n < sizeof(stamp) ? NULL : netvm_read(p, at, sizeof(stamp), copy);
	if (where == NULL)
		goto strange;
	memcpy(&stamp, where, sizeof(stamp));
	if (stamp.magic != MAGIC || stamp.time > now || stamp.thread >= NETVM_PAIRS_MAX)
		goto strange;
	took = now - stamp.time;
	g->received++;
	g->bytes += p->total;
	*sender = stamp.thread;
	if ((int32_t)(stamp.number - g->newest[stamp.thread]) < 0)
		g->late++;
	else
		g->newest[stamp.thread] = stamp.number;
	g->min_ns = took < g->min_ns ? took : g->min_ns;
	g->max_ns = took > g->max_ns ? took : g->max_ns;
	g->sum_ns += took;
	g->histogram[bucket_of(took) < HISTOGRAM_BUCKETS ? bucket_of(took)
							 : HISTOGRAM_BUCKETS - 1]++;
	return true;
strange:
	g->strange++;
	return false;
}

bool
generator_done(struct generator *g, uint64_t now)
{
	uint64_t sent = __atomic_load_n(&g->sent, __ATOMIC_RELAXED);
	uint64_t last = __atomic_load_n(&g->last_ns, __ATOMIC_RELAXED);
	bool over = __atomic_load_n(&g->over, __ATOMIC_RELAXED);

	if (!over && (g->config.count == 0 || sent < g->config.count))
		return false;
	return __atomic_load_n(&g->back, __ATOMIC_RELAXED) >= sent ||
	       (now > last && now - last > QUIET);
}

uint64_t
generator_percentile(const struct generator *g, double share)
{
	uint64_t wanted = (uint64_t)(share * (double)g->received + 0.5), seen = 0;

	for (unsigned int i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += g->histogram[i];
		if (g->histogram[i] != 0 && seen >= wanted)
			return bucket_end(i) < g->max_ns ? bucket_end(i) : g->max_ns;
	}
	return g->max_ns;
}

void
generator_add(struct generator *sum, const struct generator *g)
{
	sum->sent += g->sent;
	sum->received += g->received;
	sum->bytes += g->bytes;
	sum->strange += g->strange;
	sum->late += g->late;
	sum->sum_ns += g->sum_ns;
	sum->min_ns = g->min_ns < sum->min_ns ? g->min_ns : sum->min_ns;
	sum->max_ns = g->max_ns > sum->max_ns ? g->max_ns : sum->max_ns;
	for (unsigned int i = 0; i < HISTOGRAM_BUCKETS; i++)
		sum->histogram[i] += g->histogram[i];
}

void
generator_report(const struct generator *g, FILE *out)
{
	static const struct {
		const char *name;
		double share;
	} shares[] = {{"50", 0.5}, {"90", 0.9}, {"99", 0.99}, {"99.9", 0.999}};

	fprintf(out,
		"sent: %" PRIu64 "\nreceived: %" PRIu64 "\nlost: %" PRIu64 "\nlate: %" PRIu64
		"\nstrange: %" PRIu64 "\n",
		g->sent, g->received, g->sent > g->received ? g->sent - g->received : 0, g->late,
		g->strange);
	if (g->received == 0)
		return;
	fprintf(out, "latency least: %" PRIu64 " ns\nlatency mean: %" PRIu64 " ns\n", g->min_ns,
		g->sum_ns / g->received);
	for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++)
		fprintf(out, "latency of %s %%: %" PRIu64 " ns\n", shares[i].name,
			generator_percentile(g, shares[i].share));
	fprintf(out, "latency most: %" PRIu64 " ns\n", g->max_ns);
}
