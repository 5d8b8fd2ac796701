/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Longest prefix match for IPv4 and IPv6: a trie of four bits per step, built at start
 * and constant after that. At most 8 steps for IPv4, 32 for IPv6.
 */
#ifndef NF_LPM_H
#define NF_LPM_H

#include "guest-pmd/nf/nf-text.h"

struct nf_lpm;

struct nf_lpm *nf_lpm_new(void); /* NULL: no memory */
void nf_lpm_free(struct nf_lpm *lpm);
/* -EEXIST: the prefix is there already; -ENOMEM; -EINVAL: prefix is "any". */
int nf_lpm_add(struct nf_lpm *lpm, const struct nf_prefix *prefix, uint32_t value);
/* False: no prefix holds the address. */
bool nf_lpm_find(
	const struct nf_lpm *lpm, uint8_t version, const uint8_t *address, uint32_t *value);

#endif
