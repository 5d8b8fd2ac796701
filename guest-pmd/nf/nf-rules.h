/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rules of firewall and nf-router: an action and a match per line of a file, the
 * first that matches decides. A match is written
 *
 *	PROTO SOURCE DESTINATION [PORTS [SOURCE-PORTS]]
 *
 * Read at start, constant after that, so any thread may look.
 */
#ifndef NF_RULES_H
#define NF_RULES_H

#include "guest-pmd/nf/nf-flow.h"
#include "guest-pmd/nf/nf-text.h"

#define NF_RULES_MAX   4096
#define NF_RULES_MATCH "PROTO SOURCE DESTINATION [PORTS [SOURCE-PORTS]]"

struct nf_match {
	int proto; /* or NF_PROTO_ANY */
	bool any_port;
	struct nf_prefix source, destination;
	struct nf_ports sports, dports;
};

enum nf_matched {
	NF_MATCHED_NOT,
	NF_MATCHED,
	NF_MATCHED_PORTLESS, /* but for the ports, which this packet does not show */
};

/* The match in the line's fields from `i` on; 0 or -EINVAL with nf_error(). */
int nf_match_read(const struct nf_file *f, unsigned int i, struct nf_match *match);
enum nf_matched nf_match(const struct nf_match *match, const struct nf_key *key, bool has_ports);

struct nf_rule {
	struct nf_match match;
	unsigned int action; /* what read_action() made of field 0 */
	unsigned int line;
	uint64_t hits;
};

struct nf_rules {
	struct nf_rule *rule;
	unsigned int count;
};

/* Reads a file of rules: field 0 through read_action (false: `expected` is said), the
 * rest a match. */
int nf_rules_read(struct nf_rules *rules, const char *path,
	bool (*read_action)(const char *word, unsigned int *action), const char *expected);
void nf_rules_free(struct nf_rules *rules);

#endif
