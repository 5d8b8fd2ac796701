/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The core of nat (nat.h).
 */
#include <errno.h>
#include <string.h>

#include "guest-pmd/nf/nat.h"

static unsigned int
space_of_proto(uint8_t proto)
{
	return proto == NF_PROTO_TCP ? NAT_TCP : proto == NF_PROTO_UDP ? NAT_UDP : NAT_ECHO;
}

/* A mapping ends: its port is free again. */
static void
gone(void *arg, const void *key, void *value)
{
	const struct nf_key *k = key;
	const struct nat_flow *flow = value;
	struct nat *nat = arg;
	struct nat_ports *ports = &nat->ports[space_of_proto(k->proto)];

	ports->flow[flow->port - nat->first_port] = NULL;
	nat_ports_give(ports, flow->port);
}

int
nat_start(struct nat *nat, const struct nat_config *config)
{
	struct nf_table_spec spec = {.capacity = config->flows,
		.key_size = sizeof(struct nf_key),
		.value_size = sizeof(struct nat_flow),
		.gone = gone,
		.arg = nat};
	uint32_t ports = config->ports.last - config->ports.first + 1u;
	int r = 0;

	memcpy(spec.timeout_ns, nf_class_timeouts, sizeof(spec.timeout_ns));
	*nat = (struct nat){.inside = config->inside, .first_port = config->ports.first};
	if (config->inside.version != 4)
		return nf_refuse("--inside: expected an IPv4 prefix such as 10.0.0.0/8");
	if (config->outside.version != 4)
		return nf_refuse("--outside: expected an IPv4 address");
	if (nf_prefix_holds(&config->inside, 4, config->outside.address))
		return nf_refuse("--outside: expected an address that is not inside, too");
	nat->host.address[nat->host.count++] = config->outside;
	nat->flows = nf_table_new(&spec);
	for (int i = 0; i < NAT_SPACES && r == 0; i++)
		r = nat_ports_start(&nat->ports[i], config->ports.first, ports);
	if (r == 0 && nat->flows != NULL)
		return 0;
	nat_stop(nat);
	nf_refuse("no memory for %u flows", config->flows);
	return -ENOMEM;
}

void
nat_stop(struct nat *nat)
{
	nf_table_free(nat->flows);
	nat->flows = NULL;
	for (int i = 0; i < NAT_SPACES; i++)
		nat_ports_stop(&nat->ports[i]);
}

/* Where a port stands in the L4 header; an echo's identifier is one of both. */
static uint32_t
port_at(const struct nf_headers *h, bool source)
{
	if (h->proto == NF_PROTO_ICMP)
		return h->l4 + 4u;
	return h->l4 + (source ? 0u : 2u);
}

/* Ends the mapping of these classes that was silent for longest. */
static bool
evict(struct nat *nat, unsigned int classes)
{
	void *oldest = nf_table_oldest(nat->flows, classes);

	if (oldest == NULL)
		return false;
	nf_table_remove(nat->flows, oldest);
	nat->count[NAT_EVICTED]++;
	return true;
}

/* A port and an entry for a new flow. When there is none, a mapping makes room that was
 * begun only or has ended: who sends nothing but beginnings uses up his own. */
static struct nat_flow *
make_flow(struct nat *nat, const struct nf_key *key, unsigned int space, uint64_t now)
{
	static const unsigned int begun[NAT_SPACES] = {
		[NAT_TCP] = 1u << NF_CLASS_TCP,
		[NAT_UDP] = 1u << NF_CLASS_ASKED,
		[NAT_ECHO] = 1u << NF_CLASS_ICMP,
	};
	struct nat_flow *flow;
	uint16_t port;

	if (!nat_ports_take(&nat->ports[space], &port) &&
		!(evict(nat, begun[space]) && nat_ports_take(&nat->ports[space], &port)))
		return NULL;
	flow = nf_table_add(nat->flows, key, NF_CLASS_TCP, now);
	if (flow == NULL && evict(nat, NF_CLASSES_SHORT))
		flow = nf_table_add(nat->flows, key, NF_CLASS_TCP, now);
	if (flow == NULL) {
		nat_ports_give(&nat->ports[space], port);
		return NULL;
	}
	flow->port = port;
	return flow;
}

static struct nat_flow *
begin_flow(struct nat *nat, const struct nf_headers *h, const struct nf_key *key,
	unsigned int space, uint64_t now)
{
	struct nat_flow *flow;

	if (!nf_begins(h) || (space == NAT_ECHO && h->b[h->l4] != 8)) {
		nat->count[NAT_UNSUPPORTED]++;
		return NULL;
	}
	flow = make_flow(nat, key, space, now);
	if (flow == NULL) {
		nat->count[NAT_FULL]++;
		return NULL;
	}
	nat->ports[space].flow[flow->port - nat->first_port] = flow;
	nat->count[NAT_FLOWS]++;
	return flow;
}

static bool
translate_out(struct nat *nat, struct netvm_packet *p, struct nf_headers *h, uint64_t now)
{
	unsigned int space = nat_space(h);
	struct nat_flow *flow;
	struct nf_key key;
	uint8_t port[2];

	if (h->fragment) {
		nat->count[NAT_FRAGMENTS]++;
		return false;
	}
	if (space == NAT_SPACES || !nf_key_of(h, &key)) {
		nat->count[NAT_UNSUPPORTED]++;
		return false;
	}
	flow = nf_table_find_live(nat->flows, &key, now);
	if (flow == NULL)
		flow = begin_flow(nat, h, &key, space, now);
	if (flow == NULL)
		return false;
	memcpy(flow->mac, h->b + 6, 6);
	nf_table_touch(nat->flows, flow, nf_connection_step(&flow->connection, h, false), now);
	nf_put16(port, flow->port);
	nf_replace(p, h, nf_source_at(h), nat->host.address[0].address, 4,
		NF_COVER_IP | NF_COVER_PSEUDO);
	nf_replace(p, h, port_at(h, true), port, 2, NF_COVER_L4);
	nf_store(p, h, 6, nat->host.mac, 6);
	nat->count[NAT_OUT]++;
	return true;
}

/* The flow that a port outside belongs to, if `peer` is the one it speaks to. */
static struct nat_flow *
find_outside(struct nat *nat, unsigned int space, uint16_t port, const uint8_t *peer,
	uint16_t peer_port, const struct nf_key **key, uint64_t now)
{
	struct nat_ports *ports = &nat->ports[space];
	struct nat_flow *flow;

	if (port < nat->first_port || port - nat->first_port >= (int)ports->size)
		return NULL;
	flow = ports->flow[port - nat->first_port];
	if (flow == NULL || !nf_table_live(nat->flows, flow, now))
		return NULL;
	*key = nf_table_key(nat->flows, flow);
	if (memcmp((*key)->destination, peer, 4) != 0 ||
		(space != NAT_ECHO && (*key)->dport != peer_port))
		return NULL;
	return flow;
}

static bool
translate_in(struct nat *nat, struct netvm_packet *p, struct nf_headers *h, uint64_t now)
{
	unsigned int space = nat_space(h);
	const struct nf_key *inside = NULL;
	struct nat_flow *flow = NULL;
	struct nf_key key;
	uint8_t port[2];

	if (h->fragment) {
		nat->count[NAT_FRAGMENTS]++;
		return false;
	}
	if (space != NAT_SPACES && nf_key_of(h, &key) && (space != NAT_ECHO || h->b[h->l4] == 0))
		flow = find_outside(nat, space, key.dport, key.source, key.sport, &inside, now);
	if (flow == NULL) {
		nat->count[NAT_UNKNOWN]++;
		return false;
	}
	nf_table_touch(nat->flows, flow, nf_connection_step(&flow->connection, h, true), now);
	nf_put16(port, inside->sport);
	nf_replace(p, h, nf_destination_at(h), inside->source, 4, NF_COVER_IP | NF_COVER_PSEUDO);
	nf_replace(p, h, port_at(h, false), port, 2, NF_COVER_L4);
	nf_store(p, h, 0, flow->mac, 6);
	nat->count[NAT_IN]++;
	return true;
}

/* The address and the port of one end of what an ICMP error quotes, with the quote's IP
 * checksum. Its L4 checksum is left: it is for recognising, and mostly not there. */
static void
replace_quoted(struct netvm_packet *p, struct nf_headers *h, const struct nf_headers *q,
	uint32_t at, bool source, const uint8_t *address, uint16_t port)
{
	uint32_t where = source ? nf_source_at(q) : nf_destination_at(q);
	uint8_t number[2];
	uint16_t sum;

	memcpy(&sum, q->b + q->l3 + 10, 2);
	sum = (uint16_t)~nf_sum_add((uint16_t)~sum,
		nf_sum_add((uint16_t)~nf_sum_bytes(q->b + where, 4), nf_sum_bytes(address, 4)));
	nf_put16(number, port);
	nf_replace(p, h, at + where, address, 4, NF_COVER_L4);
	nf_replace(p, h, at + q->l3 + 10, &sum, 2, NF_COVER_L4);
	nf_replace(p, h, at + port_at(q, source), number, 2, NF_COVER_L4);
}

/* An ICMP error from inside quotes what came in: the quote gets the outside's address and
 * port back, and the error comes from the outside address, whoever inside sent it. */
static bool
translate_error_out(struct nat *nat, struct netvm_packet *p, struct nf_headers *h, uint64_t now)
{
	const uint8_t *outside = nat->host.address[0].address;
	struct nat_flow *flow = NULL;
	struct nf_key key, inside;
	struct nf_headers q;
	uint32_t at;

	if (nf_parse_quote(h, &q, &at) && nat_space(&q) != NAT_SPACES && nf_key_of(&q, &key) &&
		memcmp(key.source, h->b + nf_destination_at(h), 4) == 0) {
		nf_key_reverse(&key, &inside);
		flow = nf_table_find_live(nat->flows, &inside, now);
	}
	if (flow == NULL) {
		nat->count[NAT_UNKNOWN]++;
		return false;
	}
	replace_quoted(p, h, &q, at, false, outside, flow->port);
	nf_replace(p, h, nf_source_at(h), outside, 4, NF_COVER_IP | NF_COVER_PSEUDO);
	nf_store(p, h, 6, nat->host.mac, 6);
	nat->count[NAT_ERRORS]++;
	return true;
}

/* An ICMP error from outside quotes what we sent: the quote gets the inside's address and
 * port back, too. */
static bool
translate_error_in(struct nat *nat, struct netvm_packet *p, struct nf_headers *h, uint64_t now)
{
	const struct nf_key *inside;
	struct nf_headers q;
	struct nat_flow *flow;
	struct nf_key key;
	uint32_t at;

	if (!nf_parse_quote(h, &q, &at) || nat_space(&q) == NAT_SPACES || !nf_key_of(&q, &key) ||
		!nf_host_has(&nat->host, 4, key.source)) {
		nat->count[NAT_UNKNOWN]++;
		return false;
	}
	flow = find_outside(
		nat, nat_space(&q), key.sport, key.destination, key.dport, &inside, now);
	if (flow == NULL) {
		nat->count[NAT_UNKNOWN]++;
		return false;
	}
	replace_quoted(p, h, &q, at, true, inside->source, inside->sport);
	nf_replace(p, h, nf_destination_at(h), inside->source, 4, NF_COVER_IP | NF_COVER_PSEUDO);
	nf_store(p, h, 0, flow->mac, 6);
	nat->count[NAT_ERRORS]++;
	return true;
}

static bool
translate(struct nat *nat, struct netvm_packet *p, struct nf_headers *h, uint64_t now)
{
	const uint8_t *to = h->b + nf_destination_at(h);
	bool error = nf_is_icmp_error(h) && !h->fragment;

	if (h->version == 4 && nf_host_has(&nat->host, 4, to))
		return error ? translate_error_in(nat, p, h, now) : translate_in(nat, p, h, now);
	/* Inside to inside, and to this link only, is not for the outside. */
	if (h->version == 4 && nf_prefix_holds(&nat->inside, 4, h->b + nf_source_at(h)) &&
		!nf_prefix_holds(&nat->inside, 4, to) && (h->b[0] & 1) == 0)
		return error ? translate_error_out(nat, p, h, now) : translate_out(nat, p, h, now);
	nat->count[NAT_PASSED]++;
	return true;
}

void
nat_packet(struct nat *nat, struct netvm_packet *p, uint32_t room, uint64_t now)
{
	struct nf_headers h;
	bool pass = false;

	nf_table_expire(nat->flows, now, 2);
	if (nf_parse(p, &h) == NF_BAD) {
		nat->count[NAT_BAD]++;
	} else if (nf_reply(&nat->host, p, &h, room)) {
		nat->count[NAT_ANSWERED]++;
		p->verdict = NETVM_TO_PORT;
		return;
	} else if (h.kind == NF_IP) {
		pass = translate(nat, p, &h, now);
	} else {
		nat->count[NAT_PASSED]++;
		pass = true;
	}
	p->verdict = pass ? NETVM_NEXT : NETVM_DROP;
}

void
nat_report(struct nat *nat, FILE *out)
{
	static const char *const names[NAT_COUNTS] = {"out", "in", "errors", "passed", "answered",
		"unknown", "fragments", "unsupported", "full", "bad", "begun", "evicted"};

	nf_print_counts(out, names, nat->count, NAT_COUNTS);
	fprintf(out, "flows: %u\n", nf_table_count(nat->flows));
}
