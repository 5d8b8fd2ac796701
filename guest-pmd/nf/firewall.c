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
		.value_size = sizeof(struct nf_connection),
		.timeout_ns = {[NF_CLASS_SHORT] = NF_TIMEOUT_SHORT * UINT64_C(1000000000),
			[NF_CLASS_DATAGRAM] = NF_TIMEOUT_DATAGRAM * UINT64_C(1000000000),
			[NF_CLASS_LONG] = NF_TIMEOUT_LONG * UINT64_C(1000000000)}};
	int r;

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
find_flow(struct firewall *fw, const struct nf_key *key, bool *reply)
{
	struct nf_connection *c = nf_table_find(fw->flows, key);
	struct nf_key back;

	*reply = false;
	if (c == NULL) {
		nf_key_reverse(key, &back);
		c = nf_table_find(fw->flows, &back);
		*reply = c != NULL;
	}
	return c;
}

/* Of a flow that is known already, or an error about one. */
static bool
belongs(struct firewall *fw, const struct nf_headers *h, const struct nf_key *key, uint64_t now)
{
	struct nf_headers quote;
	struct nf_connection *c;
	struct nf_key quoted;
	uint32_t at;
	bool reply;

	if (nf_is_icmp_error(h))
		return nf_parse_quote(h, &quote, &at) && nf_key_of(&quote, &quoted) &&
		       find_flow(fw, &quoted, &reply) != NULL;
	c = find_flow(fw, key, &reply);
	if (c == NULL || (c->stage == NF_CLOSED && nf_begins(h) && h->proto == NF_PROTO_TCP))
		return false;
	nf_table_touch(fw->flows, c, nf_connection_step(c, h, reply), now);
	return true;
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
	c = find_flow(fw, key, &reply);
	if (c != NULL) /* a closed one whose ports are used again, perhaps by the other side */
		nf_table_remove(fw->flows, c);
	c = nf_table_add(fw->flows, key, NF_CLASS_SHORT, now);
	if (c == NULL) {
		fw->count[FIREWALL_FULL]++;
		return false;
	}
	nf_connection_step(c, h, false);
	return true;
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
	nf_table_expire(fw->flows, now, 2);
	if (belongs(fw, h, &key, now)) {
		fw->count[FIREWALL_OF_FLOW]++;
		return true;
	}
	if (!rules_allow(fw, &key, nf_has_ports(h)))
		return false;
	if (remember(fw, h, &key, now))
		return true;
	fw->count[FIREWALL_ALLOWED]--;
	return false;
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
		"bad", "not-ip", "of-flow", "no-flow", "flows-full"};

	nf_print_counts(out, names, fw->count, FIREWALL_COUNTS);
	if (fw->flows != NULL)
		fprintf(out, "flows: %u\n", nf_table_count(fw->flows));
	for (unsigned int i = 0; i < fw->rules.count; i++)
		fprintf(out, "rule in line %u: %" PRIu64 "\n", fw->rules.rule[i].line,
			fw->rules.rule[i].hits);
}
