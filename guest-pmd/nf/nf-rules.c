/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rules in files, and what they match (nf-rules.h). A linear list: some hundred rules
 * cost less than a packet's cache misses, and the order is what people mean.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "guest-pmd/nf/nf-rules.h"

int
nf_match_read(const struct nf_file *f, unsigned int i, struct nf_match *m)
{
	*m = (struct nf_match){.dports = {0, 65535}, .sports = {0, 65535}};
	if (f->fields < i + 3)
		return nf_file_refuse(f, f->fields, NF_RULES_MATCH);
	if (!nf_word_proto(f->field[i], &m->proto))
		return nf_file_refuse(f, i, NF_EXPECT_PROTO);
	if (!nf_word_prefix(f->field[i + 1], &m->source))
		return nf_file_refuse(f, i + 1, NF_EXPECT_PREFIX);
	if (!nf_word_prefix(f->field[i + 2], &m->destination))
		return nf_file_refuse(f, i + 2, NF_EXPECT_PREFIX);
	if (m->source.version != 0 && m->destination.version != 0 &&
		m->source.version != m->destination.version)
		return nf_file_refuse(f, i + 2, "an address of the source's family");
	if (f->fields > i + 3 && !nf_word_ports(f->field[i + 3], &m->dports))
		return nf_file_refuse(f, i + 3, NF_EXPECT_PORTS);
	if (f->fields > i + 4 && !nf_word_ports(f->field[i + 4], &m->sports))
		return nf_file_refuse(f, i + 4, NF_EXPECT_PORTS);
	if (f->fields > i + 5)
		return nf_file_refuse(f, i + 5, "the end of the line");
	m->any_port = m->dports.first == 0 && m->dports.last == 65535 && m->sports.first == 0 &&
		      m->sports.last == 65535;
	if (!m->any_port && m->proto != NF_PROTO_TCP && m->proto != NF_PROTO_UDP)
		return nf_file_refuse(f, i, "tcp or udp, as the rule names ports");
	return 0;
}

enum nf_matched
nf_match(const struct nf_match *m, const struct nf_key *key, bool has_ports)
{
	if ((m->proto != NF_PROTO_ANY && m->proto != key->proto) ||
		!nf_prefix_holds(&m->source, key->version, key->source) ||
		!nf_prefix_holds(&m->destination, key->version, key->destination))
		return NF_MATCHED_NOT;
	if (m->any_port)
		return NF_MATCHED;
	if (!has_ports)
		return NF_MATCHED_PORTLESS;
	return key->dport >= m->dports.first && key->dport <= m->dports.last &&
			       key->sport >= m->sports.first && key->sport <= m->sports.last
		       ? NF_MATCHED
		       : NF_MATCHED_NOT;
}

static int
read_rule(struct nf_rules *rules, const struct nf_file *f,
	bool (*read_action)(const char *word, unsigned int *action), const char *expected)
{
	struct nf_rule *r = &rules->rule[rules->count];

	if (rules->count == NF_RULES_MAX)
		return nf_refuse("%s:%u: more than %d rules", f->path, f->line, NF_RULES_MAX);
	*r = (struct nf_rule){.line = f->line};
	if (!read_action(f->field[0], &r->action))
		return nf_file_refuse(f, 0, expected);
	rules->count++;
	return nf_match_read(f, 1, &r->match);
}

int
nf_rules_read(struct nf_rules *rules, const char *path,
	bool (*read_action)(const char *word, unsigned int *action), const char *expected)
{
	struct nf_file f;
	int r = nf_file_open(&f, path);

	*rules = (struct nf_rules){0};
	if (r < 0)
		return r;
	rules->rule = calloc(NF_RULES_MAX, sizeof(*rules->rule));
	if (rules->rule == NULL)
		r = nf_refuse("%s: no memory for its rules", path);
	while (r == 0 && (r = nf_file_next(&f)) > 0)
		r = read_rule(rules, &f, read_action, expected);
	nf_file_close(&f);
	if (r < 0)
		nf_rules_free(rules);
	return r;
}

void
nf_rules_free(struct nf_rules *rules)
{
	free(rules->rule);
	*rules = (struct nf_rules){0};
}
