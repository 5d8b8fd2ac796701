/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * firewall: lets packets through or drops them by a list of rules,
 *
 *	allow|deny PROTO SOURCE DESTINATION [PORTS [SOURCE-PORTS]]
 *
 * of which the first that matches decides. Stateful, rules are asked for the first
 * packet of a flow only, and what belongs to a flow that was let through is let through,
 * in both directions, with the ICMP errors about it.
 *
 * Fragments: TCP's first one must have the whole header, and no later one may reach
 * back into it (RFC 1858, RFC 3128). Later ones show no ports: an "allow" with ports
 * lets them through, as they are nothing without the first; a "deny" with ports leaves
 * them to the rules behind it.
 */
#ifndef NF_FIREWALL_H
#define NF_FIREWALL_H

#include "guest-pmd/nf/nf-rules.h"
#include "guest-pmd/nf/nf-state.h"

enum firewall_count {
	FIREWALL_ALLOWED,
	FIREWALL_DENIED,  /* by a rule */
	FIREWALL_DEFAULT, /* by the default */
	FIREWALL_BAD,     /* malformed, or fragments that hide something */
	FIREWALL_NOT_IP,  /* dropped as neither IPv4 nor IPv6 */
	FIREWALL_OF_FLOW, /* allowed as part of a flow */
	FIREWALL_NO_FLOW, /* TCP that belongs to no flow and does not begin one */
	FIREWALL_FULL,    /* no room for another flow */
	FIREWALL_EVICTED, /* flows begun or ended that made room for another */
	FIREWALL_COUNTS,
};

struct firewall {
	struct nf_rules rules;
	struct nf_table *flows; /* NULL: not stateful */
	bool allow_default;
	bool drop_other; /* what is not IP, too */
	uint64_t count[FIREWALL_COUNTS];
};

/* flows: 0 is not stateful. 0, or an error with nf_error(). */
int firewall_start(struct firewall *fw, const char *rules, uint32_t flows);
void firewall_stop(struct firewall *fw);
void firewall_packet(struct firewall *fw, struct netvm_packet *p, uint64_t now);
void firewall_report(struct firewall *fw, FILE *out);

#endif
