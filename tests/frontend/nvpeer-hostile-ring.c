/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvpeer's misdeeds with what it transmits: descriptors, chains, indirect
 * tables, indices and offload headers that lie. See nvpeer.h.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tests/frontend/nvpeer.h"

void
hostile_frame(struct fe_ring *r, const struct peer_options *o)
{
	uint8_t *b = r->buffer;

	memset(b, 0, 128);
	memset(b + r->hdr_size, 0xff, 6);
	memcpy(b + r->hdr_size + 6, o->mac, 6);
	b[r->hdr_size + 12] = 0x88;
	b[r->hdr_size + 13] = 0xb5;
}

/* One chain of n descriptors, as they stand in d, from ring descriptor 0 on. */
static int
post_chain(struct fe *fe, const struct peer_options *o, const struct vring_desc *d, uint16_t n)
{
	struct fe_ring *r = fe_tx_ring(fe, o->queue);

	hostile_frame(r, o);
	memcpy(r->desc, d, n * sizeof(*d));
	fe_post(r, 0);
	fe_kick(r);
	return 0;
}

static uint64_t
buffer_gpa(struct fe *fe, const struct peer_options *o)
{
	return fe_memory_gpa(&fe->mem, fe_tx_ring(fe, o->queue)->buffer);
}

static int
desc_one(struct fe *fe, const struct peer_options *o, uint64_t addr, uint32_t len, uint16_t flags,
	uint16_t next)
{
	struct vring_desc d = {addr, len, flags, next};

	return post_chain(fe, o, &d, 1);
}

static int
desc_outside(struct fe *fe, const struct peer_options *o)
{
	return desc_one(fe, o, HOSTILE_OUTSIDE, 72, 0, 0);
}

static int
desc_wrap(struct fe *fe, const struct peer_options *o)
{
	return desc_one(fe, o, UINT64_MAX - 15, 72, 0, 0);
}

static int
desc_end(struct fe *fe, const struct peer_options *o)
{
	return desc_one(fe, o, fe->mem.gpa + fe->mem.size - 36, 72, 0, 0);
}

static int
desc_long(struct fe *fe, const struct peer_options *o)
{
	return desc_one(fe, o, buffer_gpa(fe, o), UINT32_MAX, 0, 0);
}

static int
desc_empty(struct fe *fe, const struct peer_options *o)
{
	return desc_one(fe, o, buffer_gpa(fe, o), 0, 0, 0);
}

static int
desc_short(struct fe *fe, const struct peer_options *o)
{
	return desc_one(fe, o, buffer_gpa(fe, o), 4, 0, 0);
}

static int
desc_runt(struct fe *fe, const struct peer_options *o)
{
	return desc_one(fe, o, buffer_gpa(fe, o), 20, 0, 0);
}

static int
desc_writable(struct fe *fe, const struct peer_options *o)
{
	return desc_one(fe, o, buffer_gpa(fe, o), 72, VRING_DESC_F_WRITE, 0);
}

static int
desc_next_outside(struct fe *fe, const struct peer_options *o)
{
	return desc_one(fe, o, buffer_gpa(fe, o), 72, VRING_DESC_F_NEXT, 60000);
}

static int
chain_loop(struct fe *fe, const struct peer_options *o)
{
	uint64_t a = buffer_gpa(fe, o);
	struct vring_desc d[2] = {
		{a, 12, VRING_DESC_F_NEXT, 1}, {a + 12, 60, VRING_DESC_F_NEXT, 0}};

	return post_chain(fe, o, d, 2);
}

static int
chain_loop_empty(struct fe *fe, const struct peer_options *o)
{
	return desc_one(fe, o, buffer_gpa(fe, o), 0, VRING_DESC_F_NEXT, 0);
}

/* Every descriptor of the ring in one frame of 4 GiB and more. */
static int
chain_longest(struct fe *fe, const struct peer_options *o)
{
	struct fe_ring *r = fe_tx_ring(fe, o->queue);

	hostile_frame(r, o);
	for (uint16_t i = 0; i < r->size; i++)
		r->desc[i] = (struct vring_desc){buffer_gpa(fe, o), 1 << 24,
			i + 1 < r->size ? VRING_DESC_F_NEXT : 0, (uint16_t)(i + 1)};
	fe_post(r, 0);
	fe_kick(r);
	return 0;
}

static int
head_outside(struct fe *fe, const struct peer_options *o)
{
	struct fe_ring *r = fe_tx_ring(fe, o->queue);

	fe_post(r, 65000);
	fe_kick(r);
	return 0;
}

/* One indirect descriptor over a table of two entries that we may bend. */
static int
indirect(struct fe *fe, const struct peer_options *o, uint64_t addr, uint32_t len, uint16_t flags,
	uint16_t table_flags, uint16_t next)
{
	struct fe_ring *r = fe_tx_ring(fe, o->queue);
	uint64_t a = buffer_gpa(fe, o);
	struct vring_desc *t = (struct vring_desc *)(void *)(r->buffer + 4096);

	t[0] = (struct vring_desc){a, 12, table_flags | VRING_DESC_F_NEXT, next};
	t[1] = (struct vring_desc){a + 12, 60, 0, 0};
	return desc_one(fe, o, addr != 0 ? addr : a + 4096, len, flags | VRING_DESC_F_INDIRECT, 0);
}

static int
indirect_outside(struct fe *fe, const struct peer_options *o)
{
	return indirect(fe, o, HOSTILE_OUTSIDE, 32, 0, 0, 1);
}

static int
indirect_length(struct fe *fe, const struct peer_options *o)
{
	return indirect(fe, o, 0, 33, 0, 0, 1);
}

static int
indirect_empty(struct fe *fe, const struct peer_options *o)
{
	return indirect(fe, o, 0, 0, 0, 0, 1);
}

static int
indirect_huge(struct fe *fe, const struct peer_options *o)
{
	return indirect(fe, o, 0, UINT32_MAX - 15, 0, 0, 1);
}

static int
indirect_loop(struct fe *fe, const struct peer_options *o)
{
	return indirect(fe, o, 0, 32, 0, 0, 0);
}

static int
indirect_nested(struct fe *fe, const struct peer_options *o)
{
	return indirect(fe, o, 0, 32, 0, VRING_DESC_F_INDIRECT, 1);
}

static int
indirect_next(struct fe *fe, const struct peer_options *o)
{
	return indirect(fe, o, 0, 32, VRING_DESC_F_NEXT, 0, 1);
}

static int
avail_step(struct fe *fe, const struct peer_options *o, uint16_t step)
{
	struct fe_ring *r = fe_tx_ring(fe, o->queue);
	uint64_t one = 1;

	__atomic_store_n(&r->avail->idx, (uint16_t)(r->avail_idx + step), __ATOMIC_RELEASE);
	return write(r->kick, &one, sizeof(one)) > 0 ? 0 : fe_fail(fe, "kick: %s", strerror(errno));
}

static int
avail_jump(struct fe *fe, const struct peer_options *o)
{
	return avail_step(fe, o, fe->cfg.ring_size + 1);
}

static int
avail_back(struct fe *fe, const struct peer_options *o)
{
	return avail_step(fe, o, (uint16_t)-1);
}

/* A virtio_net_hdr that lies, before an otherwise good broadcast frame. */
static int
vnet(struct fe *fe, const struct peer_options *o, struct virtio_net_hdr_mrg_rxbuf h)
{
	struct fe_ring *r = fe_tx_ring(fe, o->queue);
	uint8_t frame[1400] = {0}; /* within any MTU */

	hostile_frame(r, o);
	memcpy(frame, r->buffer + r->hdr_size, 14);
	frame[12] = 0x08; /* IPv4, TCP, a header of 20 bytes each */
	frame[13] = 0x00;
	frame[14] = 0x45;
	frame[23] = 6;
	frame[46] = 0x50;
	fe_transmit(r, &h, frame, sizeof(frame));
	fe_kick(r);
	return 0;
}

static int
csum_outside(struct fe *fe, const struct peer_options *o)
{
	return vnet(fe, o,
		(struct virtio_net_hdr_mrg_rxbuf){.hdr = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
							  .csum_start = 65535,
							  .csum_offset = 65535}});
}

static int
gso_zero(struct fe *fe, const struct peer_options *o)
{
	return vnet(fe, o,
		(struct virtio_net_hdr_mrg_rxbuf){.hdr = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
							  .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
							  .hdr_len = 54,
							  .csum_start = 34,
							  .csum_offset = 16}});
}

static int
gso_wrong(struct fe *fe, const struct peer_options *o)
{
	return vnet(fe, o,
		(struct virtio_net_hdr_mrg_rxbuf){.hdr = {.flags = 0xff,
							  .gso_type = 0xff,
							  .hdr_len = 65535,
							  .gso_size = 1,
							  .csum_start = 34,
							  .csum_offset = 16}});
}

static int
frame_oversize(struct fe *fe, const struct peer_options *o)
{
	struct fe_ring *r = fe_tx_ring(fe, o->queue);

	hostile_frame(r, o);
	return desc_one(fe, o, buffer_gpa(fe, o), r->buffer_size, 0, 0);
}

const struct hostile_case hostile_ring_cases[] = {
	{"desc-outside", "a buffer outside memory", STAGE_RUNNING, desc_outside},
	{"desc-wrap", "a buffer that wraps around", STAGE_RUNNING, desc_wrap},
	{"desc-end", "a buffer over the end of memory", STAGE_RUNNING, desc_end},
	{"desc-long", "a buffer of 4 GiB", STAGE_RUNNING, desc_long},
	{"desc-empty", "a buffer of no bytes", STAGE_RUNNING, desc_empty},
	{"desc-short", "less than a virtio_net_hdr", STAGE_RUNNING, desc_short},
	{"desc-runt", "a frame of 8 bytes", STAGE_RUNNING, desc_runt},
	{"desc-writable", "a frame in a buffer to write into", STAGE_RUNNING, desc_writable},
	{"desc-next-outside", "next beyond the ring", STAGE_RUNNING, desc_next_outside},
	{"chain-loop", "a chain that loops", STAGE_RUNNING, chain_loop},
	{"chain-loop-empty", "a loop of empty buffers", STAGE_RUNNING, chain_loop_empty},
	{"chain-longest", "the whole ring as one frame", STAGE_RUNNING, chain_longest},
	{"head-outside", "avail names a descriptor beyond the ring", STAGE_RUNNING, head_outside},
	{"indirect-outside", "an indirect table outside memory", STAGE_RUNNING, indirect_outside},
	{"indirect-length", "an indirect table of 33 bytes", STAGE_RUNNING, indirect_length},
	{"indirect-empty", "an indirect table of no bytes", STAGE_RUNNING, indirect_empty},
	{"indirect-huge", "an indirect table of 4 GiB", STAGE_RUNNING, indirect_huge},
	{"indirect-loop", "an indirect table that loops", STAGE_RUNNING, indirect_loop},
	{"indirect-nested", "an indirect table in another", STAGE_RUNNING, indirect_nested},
	{"indirect-next", "INDIRECT and NEXT together", STAGE_RUNNING, indirect_next},
	{"avail-jump", "avail index ahead by more than the ring", STAGE_RUNNING, avail_jump},
	{"avail-back", "avail index steps back", STAGE_RUNNING, avail_back},
	{"csum-outside", "a checksum field beyond the frame", STAGE_RUNNING, csum_outside},
	{"gso-zero", "segments of 0 bytes", STAGE_RUNNING, gso_zero},
	{"gso-wrong", "offload bits that do not exist", STAGE_RUNNING, gso_wrong},
	{"frame-oversize", "a frame beyond any MTU", STAGE_RUNNING, frame_oversize},
	{0},
};
