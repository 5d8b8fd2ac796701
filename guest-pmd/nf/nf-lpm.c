/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The trie of nf-lpm.h. A node has a slot for each value of four bits; a prefix
 * that ends inside a node fills the slots that it holds, where no longer one did.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "guest-pmd/nf/nf-lpm.h"

#define STEP      4
#define SLOTS     (1u << STEP)
#define NODES_MAX (UINT32_C(1) << 20) /* 192 MiB: a bound for files, not a plan */

struct slot {
	uint32_t child; /* node, 0: none (node 0 is a root) */
	uint32_t value;
	uint8_t set;  /* value is valid */
	uint8_t bits; /* of the prefix that set it, within the node: 0 .. STEP */
};

struct node {
	struct slot slot[SLOTS];
};

struct nf_lpm {
	struct node *nodes; /* 0: IPv4's root, 1: IPv6's */
	uint32_t count, room;
	struct slot all[2]; /* the prefixes of no bits */
};

struct nf_lpm *
nf_lpm_new(void)
{
	struct nf_lpm *lpm = calloc(1, sizeof(*lpm));

	if (lpm == NULL)
		return NULL;
	lpm->nodes = calloc(64, sizeof(*lpm->nodes));
	if (lpm->nodes == NULL) {
		free(lpm);
		return NULL;
	}
	lpm->room = 64;
	lpm->count = 2;
	return lpm;
}

void
nf_lpm_free(struct nf_lpm *lpm)
{
	if (lpm != NULL)
		free(lpm->nodes);
	free(lpm);
}

static unsigned int
bits_at(const uint8_t *address, unsigned int step)
{
	return step % 2 == 0 ? address[step / 2] >> 4 : address[step / 2] & 0xf;
}

/* A new node's number; 0: there is no room. */
static uint32_t
add_node(struct nf_lpm *lpm)
{
	if (lpm->count == lpm->room) {
		struct node *more;

		if (lpm->room == NODES_MAX)
			return 0;
		more = realloc(lpm->nodes, (size_t)lpm->room * 2 * sizeof(*more));
		if (more == NULL)
			return 0;
		lpm->nodes = more;
		lpm->room *= 2;
	}
	memset(&lpm->nodes[lpm->count], 0, sizeof(*lpm->nodes));
	return lpm->count++;
}

static int
set(struct slot *s, unsigned int bits, uint32_t value)
{
	if (s->set && s->bits == bits)
		return -EEXIST;
	if (!s->set || s->bits < bits) {
		s->set = 1;
		s->bits = (uint8_t)bits;
		s->value = value;
	}
	return 0;
}

int
nf_lpm_add(struct nf_lpm *lpm, const struct nf_prefix *prefix, uint32_t value)
{
	uint32_t node = prefix->version == 6;
	unsigned int step = 0, left = prefix->bits, first, n;

	if (prefix->version == 0)
		return -EINVAL;
	if (left == 0)
		return set(&lpm->all[node], 0, value);
	for (; left > STEP; left -= STEP, step++) {
		unsigned int i = bits_at(prefix->address, step);
		uint32_t child = lpm->nodes[node].slot[i].child;

		if (child == 0) {
			child = add_node(lpm);
			if (child == 0)
				return -ENOMEM;
			lpm->nodes[node].slot[i].child = child;
		}
		node = child;
	}
	first = bits_at(prefix->address, step);
	n = 1u << (STEP - left);
	for (unsigned int i = first; i < first + n; i++) {
		/* Two prefixes of one length fill the same slots or none in common. */
		int r = set(&lpm->nodes[node].slot[i], left, value);

		if (r < 0)
			return r;
	}
	return 0;
}

bool
nf_lpm_find(const struct nf_lpm *lpm, uint8_t version, const uint8_t *address, uint32_t *value)
{
	uint32_t node = version == 6;
	const struct slot *best = lpm->all[node].set ? &lpm->all[node] : NULL;
	unsigned int steps = version == 6 ? 128 / STEP : 32 / STEP;

	for (unsigned int step = 0; step < steps; step++) {
		const struct slot *s = &lpm->nodes[node].slot[bits_at(address, step)];

		if (s->set)
			best = s;
		if (s->child == 0)
			break;
		node = s->child;
	}
	if (best == NULL)
		return false;
	*value = best->value;
	return true;
}
