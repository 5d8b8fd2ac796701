/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fuzzes shm ports from the guest's side: the input is a program that writes rings,
 * entries, packets and device page as a hostile member of a group would, and runs the
 * worker's bursts in between (rx, tx, hop, also with NICs that take and lend). After
 * every step (shm-rig.h):
 *
 *	no buffer was taken from a port that did not send it, nor given to one that was
 *	  no target
 *	views stay inside buffers, their headers are private
 *	the other group's memory has changed only by packets sent to it
 *
 * and in the end every buffer is free, once.
 */
#include <rte_mbuf.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/shm-rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *at, *end;
};

static uint32_t
take(struct input *in, unsigned int bytes)
{
	uint32_t v = 0;

	for (unsigned int i = 0; i < bytes; i++)
		v |= in->at < in->end ? (uint32_t)*in->at++ << 8 * i : 0;
	return v;
}

static struct shm_ring *
any_ring(struct input *in)
{
	uint32_t r = take(in, 1);

	return &rig.port[r % RIG_HOSTILE].pair[r / 4 % RIG_PAIRS].ring[r / 8 % SHM_RING_KINDS];
}

/* The n-th buffer that the port owns, counted round; any number when it has none. */
static uint32_t
owned_buffer(const struct shm_port *p, uint32_t n)
{
	const struct shm_pool *pool = p->pool;

	for (uint32_t i = 0; i < pool->buffers; i++) {
		uint32_t b = (n + i) % pool->buffers;

		if (pool->owner[b] == p->owner)
			return b;
	}
	return n;
}

/* --- what a guest writes -------------------------------------------------------- */

static void
op_index(struct input *in)
{
	struct shm_ring *r = any_ring(in);
	uint32_t how = take(in, 1), *field;

	field = how % 3 == 0   ? &r->shared->produced
		: how % 3 == 1 ? &r->shared->consumed
			       : &r->shared->wait;
	switch (how / 4 % 4) {
	case 0:
		*field += take(in, 1);
		break;
	case 1:
		*field -= take(in, 1);
		break;
	case 2:
		*field = shm_ring_at(r) + RIG_ENTRIES + how / 16 - 4;
		break;
	default:
		*field = take(in, 4);
	}
}

/* One descriptor, mostly plausible, behind what was produced; `how` says what is odd. */
static void
put_desc(struct input *in, unsigned int port, unsigned int pair)
{
	struct shm_port *p = &rig.port[port];
	struct shm_ring *r = &p->pair[pair].ring[NETVM_TX];
	uint32_t how = take(in, 1), where = take(in, 2);
	struct netvm_desc d = {.buffer = owned_buffer(p, where % p->pool->buffers),
		.offset = SHM_HEADROOM,
		.length = (uint16_t)(14 + take(in, 1) % 200),
		.flags = (uint8_t)(how & 3),
		.action = (uint8_t)(how >> 2 & 3)};

	if ((how & 0x10) != 0) {
		d.offset = (uint16_t)take(in, 2);
		d.length = (uint16_t)take(in, 2);
	}
	if ((how & 0x20) != 0)
		d.buffer = where | (how & 0x80 ? 0xffff0000u : 0);
	if ((how & 0x40) != 0)
		d.flags = (uint8_t)take(in, 1);
	r->desc[r->shared->produced & r->mask] = d;
	r->shared->produced++;
}

static void
put_offload(struct input *in, unsigned int port, unsigned int pair)
{
	struct shm_ring *r = &rig.port[port].pair[pair].ring[NETVM_TX];
	struct netvm_offload o = {.csum_start = (uint16_t)take(in, 1),
		.csum_offset = (uint16_t)take(in, 1),
		.gso_size = (uint16_t)take(in, 1),
		.hdr_len = (uint16_t)take(in, 1),
		.flags = NETVM_DESC_F_OFFLOAD,
		.csum = (uint8_t)(take(in, 1) % 3),
		.gso_type = (uint8_t)(take(in, 1) % 6)};

	memcpy(&r->desc[r->shared->produced & r->mask], &o, sizeof(o));
	r->shared->produced++;
}

static void
op_send(struct input *in)
{
	uint32_t r = take(in, 1), n = 1 + r / 8 % 8;

	while (n-- != 0) {
		if (r >= 0xc0)
			put_offload(in, r % RIG_HOSTILE, r / 4 % RIG_PAIRS);
		put_desc(in, r % RIG_HOSTILE, r / 4 % RIG_PAIRS);
	}
}

static void
op_bytes(struct input *in)
{
	struct shm_pool *pool = rig.pool[0];
	uint32_t where = take(in, 3), n = 1 + take(in, 1) % 32;

	for (uint32_t i = 0; i < n; i++)
		pool->memory.at[(where + i) % pool->memory.size] = (uint8_t)take(in, 1);
}

/* Device page, journal's neighbours, entries of any ring. */
static void
op_rings(struct input *in)
{
	struct shm_memory *m = &rig.port[take(in, 1) % RIG_HOSTILE].memory;
	uint32_t where = take(in, 2), n = 1 + take(in, 1) % 16;

	for (uint32_t i = 0; i < n; i++)
		m->at[(where + i) % m->size] = (uint8_t)take(in, 1);
}

static void
op_consume(struct input *in)
{
	struct shm_ring *r = any_ring(in);

	r->shared->consumed = r->shared->produced;
}

/* --- what a worker does ----------------------------------------------------------- */

/* A tag pushed or popped, as the worker does on the private copy. */
static void
change_header(struct packet *p, uint32_t how)
{
	if (how % 4 == 1) {
		p->hdr -= 4;
		p->hdr_len += 4;
		p->len += 4;
		memmove(p->hdr, p->hdr + 4, 12);
	} else if (how % 4 == 2 && p->hdr_len >= PACKET_LEN_MIN + 4) {
		memmove(p->hdr + 4, p->hdr, 12);
		p->hdr += 4;
		p->hdr_len -= 4;
		p->len -= 4;
	} else if (how % 4 == 3) {
		p->hdr[how % 14] ^= 1;
	}
}

static void
send_to(unsigned int port, uint16_t queue, struct packet *p)
{
	if (port >= RIG_HOSTILE)
		rig_other_is_untouched();
	shm_port_tx(&rig.port[port], queue, &p, 1);
	if (port >= RIG_HOSTILE)
		rig_note_other();
}

/* Views go to ports, to nobody, or to a NIC that keeps them for a while. */
static void
op_rx(struct input *in)
{
	uint32_t r = take(in, 1);
	unsigned int from = r % RIG_HOSTILE;
	uint16_t pair = (uint16_t)(r / 4 % RIG_PAIRS);

	rig_before();
	shm_port_rx(&rig.port[from], pair, &rig.burst);
	rig_check_views(rig.pool[0]);
	rig_after((int)from, -1);
	for (unsigned int i = 0; i < rig.burst.count; i++) {
		struct packet *p = &rig.burst.pkt[i];
		uint32_t where = take(in, 1), to = where % 8;

		if (p->offload.flags == 0 && p->offload.gso_type == PACKET_GSO_NONE)
			change_header(p, where >> 4);
		rig_before();
		if (to < RIG_PORTS) {
			send_to(to, (uint16_t)(where / 8 % 2), p);
			rig_after(-1, (int)to);
		} else if (to == 5 && p->loan != NULL) {
			struct packet_loan *l = p->loan;

			if (packet_loan_take(p))
				rig.lent[rig.nlent++] = l;
		} else if (to == 6) {
			op_bytes(in);
		}
	}
	rig_before();
	shm_port_rx_complete(&rig.port[from], pair, &rig.burst);
	rig_after(-1, -1);
}

static void
op_hop(struct input *in)
{
	uint32_t r = take(in, 1);
	unsigned int from = r % RIG_HOSTILE, to = r / 4 % RIG_HOSTILE;
	bool other;

	if (from == to)
		return;
	rig_before();
	shm_port_hop(&rig.port[from], (uint16_t)(r / 16 % RIG_PAIRS), &rig.port[to],
		(uint16_t)(1 + r / 32 * 16), &other);
	rig_after((int)from, (int)to);
}

static void
op_back(struct input *in)
{
	uint32_t n = take(in, 1);

	while (n-- != 0 && rig.nlent != 0)
		packet_loan_return(rig.lent[--rig.nlent]);
	for (unsigned int i = 0; i < RIG_HOSTILE; i++)
		shm_port_rx_complete(&rig.port[i], 0, &rig.burst);
}

/* A NIC received into the hostile group's pool. */
static void
op_nic(struct input *in)
{
	uint32_t r = take(in, 1), len = 14 + take(in, 1);
	struct rte_mbuf *m = rte_pktmbuf_alloc(rig.pool[0]->mempool);
	struct packet p;

	if (m == NULL)
		return;
	if (len > rte_pktmbuf_tailroom(m))
		len = rte_pktmbuf_tailroom(m);
	p = (struct packet){.hdr = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)len),
		.len = len,
		.hdr_len = (uint16_t)(len < PACKET_HEADER_MAX ? len : PACKET_HEADER_MAX),
		.keep = PACKET_KEEP_MBUF,
		.mbuf = m};
	m->ol_flags |= RTE_MBUF_F_EXTERNAL;
	p.rest_len = len - p.hdr_len;
	p.rest = p.rest_len != 0 ? p.hdr + p.hdr_len : NULL;
	rig_before();
	send_to(r % RIG_PORTS, (uint16_t)(r / 8 % 2), &p);
	rig_after(-1, (int)(r % RIG_PORTS));
	rte_pktmbuf_free(p.mbuf);
}

static void
op_open(struct input *in)
{
	uint32_t r = take(in, 1);

	rig_open(r % RIG_HOSTILE, (uint16_t)(r / 4 % 4), r >> 4);
}

static void
op_notify(struct input *in)
{
	uint32_t r = take(in, 1);

	shm_signal();
	(void)shm_port_rx_arm(&rig.port[r % RIG_HOSTILE], 0);
	if ((r & 8) != 0)
		shm_port_rx_disarm(&rig.port[r % RIG_HOSTILE], 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const operations[])(struct input *) = {op_index, op_send, op_rx, op_hop,
		op_send, op_rx, op_consume, op_hop, op_bytes, op_rings, op_back, op_nic, op_open,
		op_notify, op_consume, op_send};
	static bool started;
	struct input in = {.at = data, .end = data + size};

	if (!started)
		rig_start();
	started = true;
	for (unsigned int i = 0; i < RIG_PORTS; i++)
		rig_open(i, 0, take(&in, 1));
	rig_note_other();
	while (in.at < in.end) {
		operations[take(&in, 1) % 16](&in);
		rig_other_is_untouched();
	}
	shm_signal();
	rig_end();
	return 0;
}
