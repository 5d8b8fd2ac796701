/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The core of l3fwd (l3fwd.h): who is spoken to, where a packet goes, and neighbours.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "guest-pmd/nf/l3fwd.h"

#define NEIGHBOURS_MAX 4096
#define FORGET_AFTER   (300 * NF_SECOND)
#define ASK_AGAIN      (240 * NF_SECOND) /* an old neighbour, while it is still used */
#define ASK_EVERY      NF_SECOND

int
l3fwd_start(struct l3fwd *l3, const char *routes)
{
	struct nf_table_spec spec = {.capacity = NEIGHBOURS_MAX,
		.key_size = sizeof(struct l3_neighbour_key),
		.value_size = sizeof(struct l3_neighbour),
		.timeout_ns = {FORGET_AFTER}};
	int r;

	l3->lpm = nf_lpm_new();
	l3->route = calloc(L3_ROUTES_MAX, sizeof(*l3->route));
	l3->neighbours = nf_table_new(&spec);
	if (l3->lpm == NULL || l3->route == NULL || l3->neighbours == NULL) {
		nf_refuse("no memory for routes");
		r = -ENOMEM;
	} else {
		r = l3_routes_read(l3, routes);
	}
	if (r < 0)
		l3fwd_stop(l3);
	return r;
}

void
l3fwd_stop(struct l3fwd *l3)
{
	nf_lpm_free(l3->lpm);
	free(l3->route);
	nf_table_free(l3->neighbours);
	l3->lpm = NULL;
	l3->route = NULL;
	l3->neighbours = NULL;
}

static void
key_of(struct l3_neighbour_key *key, uint8_t version, const uint8_t *address)
{
	memset(key, 0, sizeof(*key));
	key->version = version;
	memcpy(key->address, address, version == 4 ? 4 : 16);
}

/* Takes what a neighbour says of itself: when we asked for it, or it asks for us. */
static void
learn(struct l3fwd *l3, const struct nf_told *told, bool for_us, uint64_t now)
{
	struct l3_neighbour *n;
	struct l3_neighbour_key key;

	if (nf_host_has(&l3->host, told->version, told->address))
		return;
	key_of(&key, told->version, told->address);
	n = nf_table_find(l3->neighbours, &key);
	if (n == NULL && for_us)
		n = nf_table_add(l3->neighbours, &key, 0, now);
	if (n == NULL)
		return;
	memcpy(n->mac, told->mac, 6);
	n->known = true;
	n->told_ns = now;
	nf_table_touch(l3->neighbours, n, 0, now);
	l3->count[L3_LEARNED]++;
}

static void
ask(struct l3fwd *l3, struct l3_neighbour *n, const struct l3_neighbour_key *key,
	const struct nf_target *to, uint64_t now)
{
	if (l3->asks == L3_ASKS_MAX || (n->asked_ns != 0 && now - n->asked_ns < ASK_EVERY))
		return;
	n->asked_ns = now;
	l3->ask[l3->asks++] = (struct l3_ask){*key, *to};
	l3->count[L3_ASKED]++;
}

/* The MAC of a neighbour, or NULL: not yet. */
static const uint8_t *
resolve(struct l3fwd *l3, uint8_t version, const uint8_t *address, const struct nf_target *to,
	uint64_t now)
{
	struct l3_neighbour_key key;
	struct l3_neighbour *n;

	key_of(&key, version, address);
	nf_table_expire(l3->neighbours, now, 2);
	n = nf_table_find(l3->neighbours, &key);
	if (n == NULL)
		n = nf_table_add(l3->neighbours, &key, 0, now);
	if (n == NULL) {
		/* A scan of a link fills the table with hosts that do not exist. */
		nf_table_remove(l3->neighbours, nf_table_oldest(l3->neighbours, NF_CLASSES_ALL));
		n = nf_table_add(l3->neighbours, &key, 0, now);
	}
	if (n == NULL)
		return NULL;
	if (!n->known || now - n->told_ns > ASK_AGAIN)
		ask(l3, n, &key, to, now);
	return n->known ? n->mac : NULL;
}

static const uint8_t *
mac_of(struct l3fwd *l3, const struct l3_route *r, const struct nf_headers *h, uint64_t now)
{
	switch (r->kind) {
	case L3_VIA:
		return resolve(l3, h->version, r->gateway.address, &r->to, now);
	case L3_DIRECT:
		return resolve(l3, h->version, h->b + nf_destination_at(h), &r->to, now);
	default:
		return r->mac;
	}
}

static void
send_on(struct l3fwd *l3, struct netvm_packet *p, struct nf_headers *h, const uint8_t *mac,
	const struct l3_route *r)
{
	uint8_t ether[12];

	if (h->version == 4) {
		uint8_t pair[2] = {(uint8_t)(h->b[h->l3 + 8] - 1), h->b[h->l3 + 9]};

		nf_replace(p, h, h->l3 + 8u, pair, 2, NF_COVER_IP);
	} else {
		uint8_t limit = (uint8_t)(h->b[h->l3 + 7] - 1);

		nf_store(p, h, h->l3 + 7u, &limit, 1);
	}
	memcpy(ether, mac, 6);
	memcpy(ether + 6, l3->host.mac, 6);
	nf_store(p, h, 0, ether, sizeof(ether));
	nf_send_to(p, &r->to);
	l3->count[L3_FORWARDED]++;
}

/* The packet, as an error about itself, back to its sender; else nowhere. */
static void
reject(struct l3fwd *l3, struct netvm_packet *p, const struct nf_headers *h, enum l3_error what,
	uint32_t room, uint64_t now)
{
	p->verdict = l3_error(l3, p, h, what, room, now) ? NETVM_TO_PORT : NETVM_DROP;
}

static void
route(struct l3fwd *l3, struct netvm_packet *p, struct nf_headers *h, uint32_t room, uint64_t now)
{
	const uint8_t *to = h->b + nf_destination_at(h);
	const uint8_t ttl = h->b[h->l3 + (h->version == 4 ? 8 : 7)];
	const struct l3_route *r;
	const uint8_t *mac;
	uint32_t i;

	if (nf_host_has(&l3->host, h->version, to)) {
		l3->count[L3_LOCAL]++;
		p->verdict = NETVM_DROP;
		return;
	}
	if (ttl <= 1) {
		l3->count[L3_EXPIRED]++;
		reject(l3, p, h, L3_TIME_EXCEEDED, room, now);
		return;
	}
	r = nf_lpm_find(l3->lpm, h->version, to, &i) ? &l3->route[i] : NULL;
	if (r == NULL || r->kind == L3_BLACKHOLE) {
		l3->count[L3_NO_ROUTE]++;
		if (r == NULL)
			reject(l3, p, h, L3_UNREACHABLE, room, now);
		else
			p->verdict = NETVM_DROP;
		return;
	}
	mac = mac_of(l3, r, h, now);
	if (mac == NULL) {
		l3->count[L3_UNRESOLVED]++;
		p->verdict = NETVM_DROP;
		return;
	}
	send_on(l3, p, h, mac, r);
}

/* Multicast and addresses that stay on their link (and IPv4's 0/8 and 127/8) are not
 * routed. */
static bool
can_be_routed(const struct nf_headers *h)
{
	const uint8_t *from = h->b + nf_source_at(h), *to = h->b + nf_destination_at(h);

	if (h->version == 4)
		return from[0] != 0 && from[0] != 127 && from[0] < 224 && to[0] != 0 &&
		       to[0] != 127 && to[0] < 224;
	return from[0] != 0xff && to[0] != 0xff && (nf_be16(from) & 0xffc0) != 0xfe80 &&
	       (nf_be16(to) & 0xffc0) != 0xfe80 && nf_be32(from) != 0;
}

void
l3fwd_packet(struct l3fwd *l3, struct netvm_packet *p, uint32_t room, uint64_t now)
{
	enum l3_count drop = L3_NOT_OURS;
	struct nf_headers h;
	struct nf_told told;

	if (nf_parse(p, &h) == NF_BAD) {
		drop = L3_BAD;
	} else {
		bool tells = nf_listen(&h, &told);
		bool answered = nf_reply(&l3->host, p, &h, room);

		if (tells)
			learn(l3, &told, answered, now);
		if (answered) {
			l3->count[L3_ANSWERED]++;
			p->verdict = NETVM_TO_PORT;
			return;
		}
		if (h.kind == NF_IP &&
			(l3->any_mac ? (h.b[0] & 1) == 0 : memcmp(h.b, l3->host.mac, 6) == 0)) {
			if (can_be_routed(&h)) {
				route(l3, p, &h, room, now);
				return;
			}
			drop = L3_BAD;
		}
	}
	l3->count[drop]++;
	p->verdict = NETVM_DROP;
}
