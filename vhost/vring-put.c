/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets to the guest that do not simply go into the one buffer that comes
 * next: mergeable buffers (VIRTIO 1.2, 5.1.6.4), chained and indirect ones,
 * those that span memory regions, and malformed ones; and all packets while the
 * ring has a dirty log. Workers only; called by vring-loops.h.
 *
 * Theory of operation. First collect: buffers from avail until they hold the
 * packet, remembering heads and pieces, changing nothing. Only when there is
 * enough, fill the pieces and write the used entries; the caller publishes
 * them. When there is not enough, nothing has happened.
 */
#include "vhost/vring-chain.h"

#include <errno.h>

#include "vhost/vring-packed.h"

/* Buffers that will hold one packet. */
struct collected {
	struct vring_scan avail; /* behind them */
	uint32_t need;           /* bytes, with the virtio_net_hdr */
	uint32_t nhead, max;
	struct vring_chain head[VRING_CHAIN_MAX];
	uint32_t len[VRING_CHAIN_MAX]; /* bytes of the packet in that buffer */
	struct packet_seg seg[VRING_CHAIN_MAX];
	struct vring_walk walk;
};

enum collect {
	COLLECT_OK,    /* enough */
	COLLECT_EMPTY, /* the guest has to post more first */
	COLLECT_SMALL, /* these buffers never hold it */
	COLLECT_BAD,   /* the last one makes no sense */
};

/* Adds the next buffer from avail. */
static enum collect
collect_one(struct vring_queue *vq, struct collected *c)
{
	/* What a buffer holds at least: 5.1.6.3.1 for mergeable ones; for the
	 * others a header and the shortest frame, or it would block the ring. */
	uint32_t least = vq->hdr_size + (vq->mergeable ? 0 : PACKET_LEN_MIN);
	uint64_t before = c->walk.bytes, got;
	struct vring_scan next = c->avail;
	struct vring_head head;
	int rc;

	/* First, for the next packet would look for that buffer's end once more. */
	if (c->nhead == c->max)
		return COLLECT_SMALL;
	if (!vring_scan_next(vq, &next, &head))
		return COLLECT_EMPTY;
	c->avail = next;
	c->walk.need = c->need > before + least ? c->need : before + least;
	c->head[c->nhead] = head.chain;
	c->len[c->nhead] = 0;
	c->nhead++;
	rc = vring_walk_chain(vq, &head, &c->walk);
	got = c->walk.bytes - before;
	/* Out of descriptors for one packet: the fault of this chain alone only if
	 * it had all of them to itself, or if that would not help: as long a chain
	 * goes back, as each packet that found it would walk over its slots. */
	if (head.chain.ndesc <= VRING_CHAIN_MAX &&
		(rc == -ENOSPC || (rc != 0 && c->walk.budget == 0 && c->nhead > 1)))
		return COLLECT_SMALL;
	if (rc != 0 || got < least)
		return COLLECT_BAD;
	c->len[c->nhead - 1] = got < c->need - before ? (uint32_t)got : c->need - (uint32_t)before;
	if (!vq->mergeable && c->walk.bytes < c->need)
		return COLLECT_SMALL;
	return COLLECT_OK;
}

static enum collect
collect(struct vring_queue *vq, const struct vring_put *put, struct collected *c, uint32_t need)
{
	enum collect result;

	c->avail = put->avail;
	c->need = need;
	c->nhead = 0;
	c->max = vq->packed ? VRING_POSITION_ENTRIES : VRING_CHAIN_MAX;
	c->walk = (struct vring_walk){
		.write = true,
		.seg = c->seg,
		.max = VRING_CHAIN_MAX,
		.budget = VRING_CHAIN_MAX,
	};
	do
		result = collect_one(vq, c);
	while (result == COLLECT_OK && c->walk.bytes < need);
	return result;
}

void
vring_put_publish(struct vring_queue *vq, struct vring_put *put)
{
	vq->last_avail = put->avail.next;
	if (vq->packed) {
		vring_packed_publish(vq, put->used,
			vring_place_distance(vq->used_idx, put->avail.next, vq->size),
			put->bad == 0 ? WROTE_ALL : WROTE_SOME);
		put->used = 0;
	} else if (put->used != vq->used_idx) {
		vring_used_publish(vq, put->used);
	}
}

/* Gives the collected buffers to the guest, each with its length. */
static void
hand_over(struct vring_queue *vq, struct vring_put *put, const struct collected *c, bool filled)
{
	/* What belongs to one packet is published at once. */
	if (vq->packed && put->used + c->nhead > VRING_POSITION_ENTRIES)
		vring_put_publish(vq, put);
	for (uint32_t i = 0; i < c->nhead; i++)
		vring_put_note(vq, put, c->head[i], filled ? c->len[i] : 0, vq->packed);
	put->avail = c->avail;
}

/* Copies n bytes into the pieces; the caller has counted. */
static void
scatter(const struct vring_queue *vq, struct packet_seg **seg, const void *src, uint32_t n)
{
	const uint8_t *from = src;

	while (n != 0) {
		struct packet_seg *s = *seg;
		uint32_t k = s->len < n ? s->len : n;

		/* The walk found this piece writable; views have only const pointers. */
		memcpy((uint8_t *)(uintptr_t)s->data, from, k);
		vring_log_buffer(vq, s->data, k);
		from += k;
		n -= k;
		s->data += k;
		s->len -= k;
		if (s->len == 0)
			(*seg)++;
	}
}

struct vring_net_hdr
vring_offload_hdr(const struct vring_queue *vq, const struct packet *p)
{
	const struct packet_offload *o = &p->offload;
	/* Without GUEST_CSUM the driver expects no flag (5.1.6.4.1). */
	uint8_t flags = vq->guest_csum ? o->flags : o->flags & (uint8_t)~PACKET_F_DATA_VALID;
	struct vring_net_hdr h;

	h.first = (uint64_t)flags | (uint64_t)o->gso_type << 8;
	if (o->gso_type != PACKET_GSO_NONE)
		h.first |= (uint64_t)o->hdr_len << 16 | (uint64_t)o->gso_size << 32;
	h.last = 1u << 16; /* num_buffers is 1 also when it means nothing (5.1.6.4.1) */
	if (flags & PACKET_F_NEEDS_CSUM) {
		h.first |= (uint64_t)o->csum_start << 48;
		h.last |= o->csum_offset;
	}
	return h;
}

bool
vring_put_packet(struct vring_queue *vq, struct vring_put *put, const struct packet *p)
{
	struct collected c;
	struct packet_seg *seg = c.seg;
	struct vring_net_hdr h;
	enum collect result;

	while ((result = collect(vq, put, &c, vq->hdr_size + p->len)) == COLLECT_BAD) {
		vring_count(&vq->drop[DROP_BAD_DESCRIPTOR], 1);
		hand_over(vq, put, &c, false);
		if (++put->bad == PACKET_BURST)
			return false;
	}
	if (result == COLLECT_EMPTY)
		return false;
	if (result == COLLECT_SMALL) {
		vring_count(&vq->drop[DROP_SMALL_BUFFER], 1);
		return true;
	}
	h = vring_offload_hdr(vq, p);
	h.last = (h.last & 0xffff) | c.nhead << 16;
	scatter(vq, &seg, &h.first, sizeof(h.first));
	scatter(vq, &seg, &h.last, vq->hdr_size - (uint32_t)sizeof(h.first));
	scatter(vq, &seg, p->hdr, p->hdr_len);
	scatter(vq, &seg, p->rest, p->rest_len);
	for (uint16_t i = 0; i < p->nmore; i++)
		scatter(vq, &seg, p->more[i].data, p->more[i].len);
	hand_over(vq, put, &c, true);
	vring_count(&vq->packets, 1);
	vring_count(&vq->bytes, p->len);
	return true;
}

uint16_t
vring_put_logged(struct vring_queue *vq, struct packet *const *pkts, uint16_t n)
{
	struct vring_put put = vring_put_start(vq);
	uint16_t done = 0;

	while (done < n && put.avail.left != 0 && vring_put_packet(vq, &put, pkts[done]))
		done++;
	vring_put_publish(vq, &put);
	return done;
}
