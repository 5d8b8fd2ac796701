/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvpeer's misdeeds with what it transmits on a packed ring: descriptors, chains,
 * tables and buffer IDs that lie. See nvpeer.h.
 */
#include <stdlib.h>

#include "tests/frontend/nvpeer.h"

#define F_AVAIL (1u << VRING_PACKED_DESC_F_AVAIL)
#define F_USED  (1u << VRING_PACKED_DESC_F_USED)

static uint64_t
buffer_gpa(struct fe *fe, const struct peer_options *o)
{
	return fe_memory_gpa(&fe->mem, fe_tx_ring(fe, o->queue)->buffer);
}

/* n descriptors from the ring's beginning, as they stand in d but for AVAIL and
 * USED, which say that they are available; the head's flags come last. */
static int
post_chain(
	struct fe *fe, const struct peer_options *o, const struct vring_packed_desc *d, uint16_t n)
{
	struct fe_ring *r = fe_tx_ring(fe, o->queue);

	hostile_frame(r, o);
	for (uint16_t i = n; i-- > 0;) {
		r->pdesc[i].addr = d[i].addr;
		r->pdesc[i].len = d[i].len;
		r->pdesc[i].id = d[i].id;
		__atomic_store_n(&r->pdesc[i].flags, d[i].flags | F_AVAIL, __ATOMIC_RELEASE);
	}
	return hostile_kick(fe, r);
}

static int
one(struct fe *fe, const struct peer_options *o, uint64_t addr, uint32_t len, uint16_t id,
	uint16_t flags)
{
	struct vring_packed_desc d = {addr, len, id, flags};

	return post_chain(fe, o, &d, 1);
}

static int
desc_outside(struct fe *fe, const struct peer_options *o)
{
	return one(fe, o, HOSTILE_OUTSIDE, 72, 0, 0);
}

static int
desc_wrap(struct fe *fe, const struct peer_options *o)
{
	return one(fe, o, UINT64_MAX - 15, 72, 0, 0);
}

static int
desc_end(struct fe *fe, const struct peer_options *o)
{
	return one(fe, o, fe->mem.gpa + fe->mem.size - 36, 72, 0, 0);
}

static int
desc_long(struct fe *fe, const struct peer_options *o)
{
	return one(fe, o, buffer_gpa(fe, o), UINT32_MAX, 0, 0);
}

static int
desc_empty(struct fe *fe, const struct peer_options *o)
{
	return one(fe, o, buffer_gpa(fe, o), 0, 0, 0);
}

static int
desc_writable(struct fe *fe, const struct peer_options *o)
{
	return one(fe, o, buffer_gpa(fe, o), 72, 0, VRING_DESC_F_WRITE);
}

static int
flags_all(struct fe *fe, const struct peer_options *o)
{
	return one(fe, o, buffer_gpa(fe, o), 72, 0, (uint16_t)~F_USED);
}

static int
id_outside(struct fe *fe, const struct peer_options *o)
{
	return one(fe, o, buffer_gpa(fe, o), 72, UINT16_MAX, 0);
}

/* The whole ring, each descriptor the same but for what the last one's flags say. */
static int
whole_ring(struct fe *fe, const struct peer_options *o, uint32_t len, uint16_t flags, uint16_t last)
{
	struct fe_ring *r = fe_tx_ring(fe, o->queue);
	struct vring_packed_desc *d = calloc(r->size, sizeof(*d));
	int ret;

	if (d == NULL)
		return fe_fail(fe, "out of memory");
	for (uint16_t i = 0; i < r->size; i++)
		d[i] = (struct vring_packed_desc){
			buffer_gpa(fe, o), len, 1, i + 1 < r->size ? flags : last};
	ret = post_chain(fe, o, d, r->size);
	free(d);
	return ret;
}

static int
id_same(struct fe *fe, const struct peer_options *o)
{
	return whole_ring(fe, o, 72, 0, 0);
}

static int
chain_endless(struct fe *fe, const struct peer_options *o)
{
	return whole_ring(fe, o, 72, VRING_DESC_F_NEXT, VRING_DESC_F_NEXT);
}

static int
chain_endless_empty(struct fe *fe, const struct peer_options *o)
{
	return whole_ring(fe, o, 0, VRING_DESC_F_NEXT, VRING_DESC_F_NEXT);
}

static int
chain_longest(struct fe *fe, const struct peer_options *o)
{
	return whole_ring(fe, o, 1 << 24, VRING_DESC_F_NEXT, 0);
}

/* The head says that there is more, and what follows is not available. */
static int
chain_unfinished(struct fe *fe, const struct peer_options *o)
{
	return one(fe, o, buffer_gpa(fe, o), 12, 0, VRING_DESC_F_NEXT);
}

/* What follows the head says that it was used already. */
static int
chain_used(struct fe *fe, const struct peer_options *o)
{
	uint64_t a = buffer_gpa(fe, o);
	struct vring_packed_desc d[2] = {{a, 12, 0, VRING_DESC_F_NEXT}, {a + 12, 60, 0, F_USED}};

	return post_chain(fe, o, d, 2);
}

/* One indirect descriptor over a table of two entries that we may bend. */
static int
indirect(struct fe *fe, const struct peer_options *o, uint64_t addr, uint32_t len, uint16_t flags,
	uint16_t table_flags)
{
	struct fe_ring *r = fe_tx_ring(fe, o->queue);
	uint64_t a = buffer_gpa(fe, o);
	struct vring_packed_desc *t = (struct vring_packed_desc *)(void *)(r->buffer + 4096);

	t[0] = (struct vring_packed_desc){a, 12, 7, table_flags};
	t[1] = (struct vring_packed_desc){a + 12, 60, 8, table_flags};
	return one(fe, o, addr != 0 ? addr : a + 4096, len, 0, flags | VRING_DESC_F_INDIRECT);
}

static int
indirect_outside(struct fe *fe, const struct peer_options *o)
{
	return indirect(fe, o, HOSTILE_OUTSIDE, 32, 0, 0);
}

static int
indirect_length(struct fe *fe, const struct peer_options *o)
{
	return indirect(fe, o, 0, 33, 0, 0);
}

static int
indirect_empty(struct fe *fe, const struct peer_options *o)
{
	return indirect(fe, o, 0, 0, 0, 0);
}

static int
indirect_huge(struct fe *fe, const struct peer_options *o)
{
	return indirect(fe, o, 0, UINT32_MAX - 15, 0, 0);
}

static int
indirect_nested(struct fe *fe, const struct peer_options *o)
{
	return indirect(fe, o, 0, 32, 0, VRING_DESC_F_INDIRECT);
}

static int
indirect_next(struct fe *fe, const struct peer_options *o)
{
	return indirect(fe, o, 0, 32, VRING_DESC_F_NEXT, 0);
}

const struct hostile_case hostile_packed_cases[] = {
	{"packed-outside", "a buffer outside memory", STAGE_RUNNING, desc_outside},
	{"packed-wrap", "a buffer that wraps around", STAGE_RUNNING, desc_wrap},
	{"packed-end", "a buffer over the end of memory", STAGE_RUNNING, desc_end},
	{"packed-long", "a buffer of 4 GiB", STAGE_RUNNING, desc_long},
	{"packed-empty", "a buffer of no bytes", STAGE_RUNNING, desc_empty},
	{"packed-writable", "a frame in a buffer to write into", STAGE_RUNNING, desc_writable},
	{"packed-flags-all", "every flag at once", STAGE_RUNNING, flags_all},
	{"packed-id-outside", "a buffer ID beyond the ring", STAGE_RUNNING, id_outside},
	{"packed-id-same", "one buffer ID for all", STAGE_RUNNING, id_same},
	{"packed-endless", "a chain that goes round the ring", STAGE_RUNNING, chain_endless},
	{"packed-endless-empty", "the same of empty buffers", STAGE_RUNNING, chain_endless_empty},
	{"packed-longest", "the whole ring as one frame", STAGE_RUNNING, chain_longest},
	{"packed-unfinished", "a chain whose end is missing", STAGE_RUNNING, chain_unfinished},
	{"packed-chain-used", "a chain that goes on in used ones", STAGE_RUNNING, chain_used},
	{"packed-ind-outside", "a table outside memory", STAGE_RUNNING, indirect_outside},
	{"packed-ind-length", "a table of 33 bytes", STAGE_RUNNING, indirect_length},
	{"packed-ind-empty", "a table of no bytes", STAGE_RUNNING, indirect_empty},
	{"packed-ind-huge", "a table of 4 GiB", STAGE_RUNNING, indirect_huge},
	{"packed-ind-nested", "a table in another", STAGE_RUNNING, indirect_nested},
	{"packed-ind-next", "INDIRECT and NEXT together", STAGE_RUNNING, indirect_next},
	{0},
};
