/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The core of firewall (firewall.h).
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "guest-pmd/nf/firewall.h"

enum { DENY, ALLOW };

#define TCP_HEADER_LONGEST 60

static bool
read_action(const char *word, unsigned int *action)
{
	*action = strcmp(word, "allow") == 0 ? ALLOW : DENY;
	return *action == ALLOW || strcmp(word, "deny") == 0;
}

int
firewall_start(struct firewall *fw, const char *rules, uint32_t flows)
{
	struct nf_table_spec spec = {.capacity = flows,
		.key_size = sizeof(struct nf_key),
		.value_size = sizeof(struct nf_connection)};
	int r;

	memcpy(spec.timeout_ns, nf_class_timeouts, sizeof(spec.timeout_ns));
	*fw = (struct firewall){0};
	r = nf_rules_read(&fw->rules, rules, read_action, "allow or deny");
	if (r < 0 || flows == 0)
		return r;
	fw->flows = nf_table_new(&spec);
	if (fw->flows != NULL)
		return 0;
	firewall_stop(fw);
	nf_refuse("no memory for %u flows", flows);
	return -ENOMEM;
}

void
firewall_stop(struct firewall *fw)
{
	nf_rules_free(&fw->rules);
	nf_table_free(fw->flows);
	fw->flows = NULL;
}

/* What rules cannot judge: headers cut in a way that hides ports or flags. */
static bool
is_evasive(const struct nf_headers *h)
{
	if (h->proto != NF_PROTO_TCP && h->proto != NF_PROTO_UDP)
		return false;
	if (h->fragment_at == 0)
		return h->l4_len == 0;
	return h->proto == NF_PROTO_TCP && h->fragment_at < TCP_HEADER_LONGEST;
}

static bool
rules_allow(struct firewall *fw, const struct nf_key *key, bool has_ports)
{
	for (unsigned int i = 0; i < fw->rules.count; i++) {
		struct nf_rule *r = &fw->rules.rule[i];
		enum nf_matched m = nf_match(&r->match, key, has_ports);

		if (m == NF_MATCHED_NOT || (m == NF_MATCHED_PORTLESS && r->action == DENY))
			continue;
		r->hits++;
		fw->count[r->action == ALLOW ? FIREWALL_ALLOWED : FIREWALL_DENIED]++;
		return r->action == ALLOW;
	}
	fw->count[fw->allow_default ? FIREWALL_ALLOWED : FIREWALL_DEFAULT]++;
	return fw->allow_default;
}

/* The flow of a key, in whichever direction it was begun. */
static struct nf_connection *
find_flow(struct firewall *fw, const struct nf_key *key, bool *reply, uint64_t now)
{
	struct nf_connection *c = nf_table_find_live(fw->flows, key, now);
	struct nf_key back;

	*reply = false;
	if (c == NULL) {
		nf_key_reverse(key, &back);
		c = nf_table_find_live(fw->flows, &back, now);
		*reply = c != NULL;
	}
	return c;
}

/* An error about a flow that is known, to the one who sent what it quotes: an error that
 * goes elsewhere is a pretext. */
static bool
is_error_about_flow(
	struct firewall *fw, const struct nf_headers *h, const struct nf_key *key, uint64_t now)
{
	struct nf_headers quote;
	struct nf_key quoted;
	uint32_t at;
	bool reply;

	return nf_parse_quote(h, &quote, &at) && nf_key_of(&quote, &quoted) &&
	       memcmp(quoted.source, key->destination, sizeof(quoted.source)) == 0 &&
	       find_flow(fw, &quoted, &reply, now) != NULL;
}

/* Of a flow that is known already, or an error about one. */
static bool
belongs(struct firewall *fw, const struct nf_headers *h, const struct nf_key *key, uint64_t now)
{
	struct nf_connection *c;
	bool reply;

	if (nf_is_icmp_error(h))
		return is_error_about_flow(fw, h, key, now);
	c = find_flow(fw, key, &reply, now);
	if (c == NULL || (c->stage == NF_CLOSED && nf_begins(h) && h->proto == NF_PROTO_TCP))
		return false;
	nf_table_touch(fw->flows, c, nf_connection_step(c, h, reply), now);
	return true;
}

/* A new flow, for which one that was begun or has ended makes room when there is none. */
static struct nf_connection *
add_flow(struct firewall *fw, const struct nf_key *key, uint64_t now)
{
	struct nf_connection *c = nf_table_add(fw->flows, key, NF_CLASS_TCP, now);
	void *oldest;

	if (c != NULL)
		return c;
	oldest = nf_table_oldest(fw->flows, NF_CLASSES_SHORT);
	if (oldest == NULL) {
		fw->count[FIREWALL_FULL]++;
		return NULL;
	}
	nf_table_remove(fw->flows, oldest);
	fw->count[FIREWALL_EVICTED]++;
	return nf_table_add(fw->flows, key, NF_CLASS_TCP, now);
}

/* Rules have let a first packet through: remembers its flow. */
static bool
remember(struct firewall *fw, const struct nf_headers *h, const struct nf_key *key, uint64_t now)
{
	struct nf_connection *c;
	bool reply;

	/* Neither says which flow it is of. */
	if (h->fragment_at != 0 || nf_is_icmp_error(h))
		return true;
	if (!nf_begins(h)) {
		fw->count[FIREWALL_NO_FLOW]++;
		return false;
	}
	c = find_flow(fw, key, &reply, now);
	if (c != NULL) /* a closed one whose ports are used again, perhaps by the other side */
		nf_table_remove(fw->flows, c);
	c = add_flow(fw, key, now);
	if (c == NULL)
		return false;
	nf_table_touch(fw->flows, c, nf_connection_step(c, h, false), now);
	return true;
}

/* --- later fragments ------------------------------------------------------------- */

/* A datagram whose first fragment has passed is remembered beside the flows, under its
 * identification in place of ports: what the others are is to be seen in the first only. */
static void
datagram_key(const struct nf_headers *h, const struct nf_key *flow, struct nf_key *key)
{
	*key = *flow;
	key->sport = (uint16_t)(h->datagram >> 16);
	key->dport = (uint16_t)h->datagram;
	key->reserved = 1; /* no flow has that */
}

static void
remember_datagram(
	struct firewall *fw, const struct nf_headers *h, const struct nf_key *flow, uint64_t now)
{
	struct nf_connection *c;
	struct nf_key key;

	datagram_key(h, flow, &key);
	c = nf_table_find(fw->flows, &key);
	if (c == NULL)
		c = add_flow(fw, &key, now);
	if (c != NULL)
		nf_table_touch(fw->flows, c, NF_CLASS_ASKED, now);
}

static bool
is_of_datagram(
	struct firewall *fw, const struct nf_headers *h, const struct nf_key *flow, uint64_t now)
{
	struct nf_key key;

	if (h->fragment_at == 0)
		return false;
	datagram_key(h, flow, &key);
	return nf_table_find_live(fw->flows, &key, now) != NULL;
}

static bool
allows_stateful(
	struct firewall *fw, const struct nf_headers *h, const struct nf_key *key, uint64_t now)
{
	nf_table_expire(fw->flows, now, 2);
	if (is_of_datagram(fw, h, key, now) || belongs(fw, h, key, now)) {
		fw->count[FIREWALL_OF_FLOW]++;
		return true;
	}
	if (!rules_allow(fw, key, nf_has_ports(h)))
		return false;
	if (remember(fw, h, key, now))
		return true;
	fw->count[FIREWALL_ALLOWED]--;
	return false;
}

static bool
allows_ip(struct firewall *fw, const struct nf_headers *h, uint64_t now)
{
	struct nf_key key;

	if (is_evasive(h)) {
		fw->count[FIREWALL_BAD]++;
		return false;
	}
	if (!nf_key_of(h, &key))
		return false;
	if (fw->flows == NULL)
		return rules_allow(fw, &key, nf_has_ports(h));
	if (!allows_stateful(fw, h, &key, now))
		return false;
	if (h->fragment && h->fragment_at == 0)
		remember_datagram(fw, h, &key, now);
	return true;
}

void
firewall_packet(struct firewall *fw, struct netvm_packet *p, uint64_t now)
{
	struct nf_headers h;
	bool allow = false;

	switch (nf_parse(p, &h)) {
	case NF_IP:
		allow = allows_ip(fw, &h, now);
		break;
	case NF_OTHER:
		allow = !fw->drop_other;
		fw->count[FIREWALL_NOT_IP] += !allow;
		break;
	case NF_BAD:
		fw->count[FIREWALL_BAD]++;
		break;
	}
	p->verdict = allow ? NETVM_NEXT : NETVM_DROP;
}

void
firewall_report(struct firewall *fw, FILE *out)
{
	static const char *const names[FIREWALL_COUNTS] = {"allowed", "denied", "default-denied",
		"bad", "not-ip", "of-flow", "no-flow", "flows-full", "evicted"};

	nf_print_counts(out, names, fw->count, FIREWALL_COUNTS);
	if (fw->flows != NULL)
		fprintf(out, "flows: %u\n", nf_table_count(fw->flows));
	for (unsigned int i = 0; i < fw->rules.count; i++)
		fprintf(out, "rule in line %u: %" PRIu64 "\n", fw->rules.rule[i].line,
			fw->rules.rule[i].hits);
}
