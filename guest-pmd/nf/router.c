/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The core of nf-router (router.h). A rule's action is its target in one number.
 */
#include <inttypes.h>

#include "guest-pmd/nf/router.h"

static bool
read_target(const char *word, unsigned int *action)
{
	struct nf_target to;

	if (!nf_word_target(word, &to))
		return false;
	*action = (unsigned int)to.verdict << 16 | to.destination;
	return true;
}

int
router_start(struct router *r, const char *path)
{
	return nf_rules_read(&r->rules, path, read_target, NF_EXPECT_TARGET);
}

void
router_stop(struct router *r)
{
	nf_rules_free(&r->rules);
}

void
router_packet(struct router *r, struct netvm_packet *p)
{
	struct nf_target to = r->unmatched;
	struct nf_headers h;
	struct nf_key key;

	switch (nf_parse(p, &h)) {
	case NF_BAD:
		r->count[ROUTER_BAD]++;
		p->verdict = NETVM_DROP;
		return;
	case NF_OTHER:
		r->count[ROUTER_OTHERS]++;
		nf_send_to(p, &r->others);
		return;
	case NF_IP:
		break;
	}
	if (!nf_key_of(&h, &key))
		return;
	for (unsigned int i = 0; i < r->rules.count; i++) {
		struct nf_rule *rule = &r->rules.rule[i];

		/* All fragments of a datagram go one way, so none is judged by its ports. */
		if (nf_match(&rule->match, &key, nf_has_ports(&h) && !h.fragment) != NF_MATCHED)
			continue;
		rule->hits++;
		r->count[ROUTER_MATCHED]++;
		to = (struct nf_target){(uint8_t)(rule->action >> 16), (uint16_t)rule->action};
		nf_send_to(p, &to);
		return;
	}
	r->count[ROUTER_DEFAULT]++;
	nf_send_to(p, &to);
}

void
router_report(struct router *r, FILE *out)
{
	static const char *const names[ROUTER_COUNTS] = {"matched", "default", "others", "bad"};

	nf_print_counts(out, names, r->count, ROUTER_COUNTS);
	for (unsigned int i = 0; i < r->rules.count; i++)
		fprintf(out, "rule in line %u: %" PRIu64 "\n", r->rules.rule[i].line,
			r->rules.rule[i].hits);
}
