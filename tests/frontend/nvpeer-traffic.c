/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvpeer's honest side: send, recv, reflect. Frames that nvpeer makes itself
 * carry a sequence number and a pattern that follows from it, so that the
 * receiver sees loss, reordering and damage. See nvpeer.h.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/frontend/nvpeer.h"

#define ETHER_TYPE_PEER 0x88b5 /* IEEE 802 local experimental EtherType 1 */
#define ETHER_TYPE_VLAN 0x8100

static uint16_t
get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint8_t *
put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
	return p + 2;
}

/* Payload: sequence (8 bytes), whole length (4 bytes), pattern. */
static uint32_t
make_frame(uint8_t *f, const struct peer_options *o, uint64_t seq)
{
	uint32_t len = o->size < 30 ? 30 : o->size;
	uint8_t *p = f + 12;

	if (o->raw_len > 0) {
		memcpy(f, o->raw, o->raw_len);
		return o->raw_len;
	}
	if (o->has_dst)
		memcpy(f, o->dst, 6);
	else
		memset(f, 0xff, 6);
	memcpy(f + 6, o->mac, 6);
	if (o->vlan >= 0) {
		p = put16(p, ETHER_TYPE_VLAN);
		p = put16(p, (uint16_t)o->vlan);
	}
	p = put16(p, ETHER_TYPE_PEER);
	memcpy(p, &seq, 8);
	memcpy(p + 8, &len, 4);
	for (uint8_t *q = p + 12; q < f + len; q++)
		*q = (uint8_t)(seq * 31 + (uint64_t)(q - p));
	return len;
}

struct seen {
	uint64_t frames, bytes, other, corrupt, reordered, lost, next;
	uint64_t tagged;
	int vlan; /* of the last tagged frame */
};

/* True when it is one of nvpeer's frames. A VLAN tag that was pushed or popped
 * on the way changes the length by 4. */
static bool
look_at(struct seen *s, const uint8_t *f, uint32_t len)
{
	uint32_t sent, off = 12;
	uint64_t seq;
	bool good;

	if (len >= 18 && get16(f + 12) == ETHER_TYPE_VLAN) {
		s->tagged++;
		s->vlan = get16(f + 14) & 0xfff;
		off = 16;
	}
	if (len < off + 14 || get16(f + off) != ETHER_TYPE_PEER) {
		s->other++;
		return false;
	}
	f += off + 2;
	len -= off + 2;
	memcpy(&seq, f, 8);
	memcpy(&sent, f + 8, 4);
	good = sent == len + 14 || sent == len + 18;
	for (uint32_t i = 12; good && i < len; i++)
		good = f[i] == (uint8_t)(seq * 31 + i);
	if (!good)
		s->corrupt++;
	else if (seq < s->next)
		s->reordered++;
	else {
		s->lost += seq - s->next;
		s->next = seq + 1;
	}
	return true;
}

/* Waits until the backend has used everything that was sent. */
static bool
drain(struct fe_ring *r, double seconds)
{
	double end = peer_now() + seconds;

	while (fe_reap(r) >= 0 && r->nfree < r->slots) {
		int left = (int)((end - peer_now()) * 1000);

		if (left <= 0 || !fe_wait(r, left))
			break;
	}
	return r->nfree == r->slots;
}

int
peer_send(const struct peer_options *o)
{
	static struct fe fe;
	static uint8_t frame[PEER_FRAME_MAX];
	struct fe_ring *r;
	uint64_t sent = 0;
	double start, end;
	bool done;

	if (peer_open(&fe, o) < 0)
		return 1;
	r = fe_tx_ring(&fe, o->queue);
	start = peer_now();
	end = start + o->seconds;
	while (sent < o->count) {
		uint32_t len = make_frame(frame, o, sent);

		if (o->rate > 0 && peer_now() < start + (double)sent / (double)o->rate) {
			usleep(50);
			continue;
		}
		if (fe_transmit(r, o->has_vnet ? &o->vnet : NULL, frame, len)) {
			sent++;
			fe_kick(r);
		} else if (peer_now() > end || !fe_wait(r, (int)((end - peer_now()) * 1000))) {
			break;
		}
	}
	done = drain(r, end - peer_now()) && sent == o->count;
	printf("{\"sent\": %" PRIu64 ", \"used\": %s, \"seconds\": %.6f, \"kicks\": %" PRIu64
	       ", \"out_of_order\": %" PRIu64 "}\n",
		sent, done ? "true" : "false", peer_now() - start, r->kicks, r->out_of_order);
	fe_stop(&fe);
	fe_close(&fe);
	return done ? 0 : 1;
}

/* Next frame of any queue, in turn; 0 when there is none now. */
static int
receive_any(struct fe *fe, unsigned int *pair, struct virtio_net_hdr_mrg_rxbuf *hdr, uint8_t *frame)
{
	for (unsigned int i = 0; i < fe->cfg.pairs; i++) {
		struct fe_ring *r;
		int n;

		*pair = (*pair + 1) % fe->cfg.pairs;
		r = fe_rx_ring(fe, *pair);
		n = fe_receive(r, hdr, frame, PEER_FRAME_MAX);
		if (n != 0) {
			fe_kick(r);
			return n;
		}
	}
	return 0;
}

static void
print_seen(struct fe *fe, const struct seen *s, double seconds)
{
	uint64_t out_of_order = 0;

	printf("\"received\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"other\": %" PRIu64
	       ", \"corrupt\": %" PRIu64 ", \"reordered\": %" PRIu64 ", \"lost\": %" PRIu64
	       ", \"tagged\": %" PRIu64 ", \"vlan\": %d, \"seconds\": %.6f, \"queues\": [",
		s->frames, s->bytes, s->other, s->corrupt, s->reordered, s->lost, s->tagged,
		s->vlan, seconds);
	for (unsigned int i = 0; i < fe->cfg.pairs; i++) {
		printf("%s%" PRIu64, i > 0 ? ", " : "", fe_rx_ring(fe, i)->packets);
		out_of_order += fe_rx_ring(fe, i)->out_of_order;
	}
	printf("], \"out_of_order\": %" PRIu64 "}\n", out_of_order);
}

static void
dump_frame(bool first, const struct virtio_net_hdr_mrg_rxbuf *hdr, const uint8_t *f, uint32_t len)
{
	printf("%s{\"vnet\": \"", first ? "" : ", ");
	peer_hex(hdr, sizeof(*hdr));
	printf("\", \"frame\": \"");
	peer_hex(f, len < PEER_FRAME_MAX ? len : PEER_FRAME_MAX);
	printf("\"}");
}

/* Nothing came: sleep on the interrupt when there is one queue, else briefly. */
static void
rest(struct fe *fe, double until)
{
	int left = (int)((until - peer_now()) * 1000);

	if (fe->cfg.pairs == 1)
		fe_wait(fe_rx_ring(fe, 0), left > 0 ? left : 0);
	else
		usleep(200);
}

int
peer_recv(const struct peer_options *o)
{
	static struct fe fe;
	static uint8_t frame[PEER_FRAME_MAX];
	struct virtio_net_hdr_mrg_rxbuf hdr;
	struct seen s = {.vlan = -1};
	unsigned int pair = 0, dumped = 0;
	double start, end;
	int n = 0;

	if (peer_open(&fe, o) < 0)
		return 1;
	start = peer_now();
	end = start + o->seconds;
	printf("{\"frames\": [");
	while (s.frames < o->count && peer_now() < end) {
		n = receive_any(&fe, &pair, &hdr, frame);
		if (n < 0)
			break;
		if (n == 0) {
			rest(&fe, end);
			continue;
		}
		if (look_at(&s, frame, (uint32_t)n) || o->any) {
			s.frames++;
			s.bytes += (uint32_t)n;
			if (dumped < o->dump)
				dump_frame(dumped++ == 0, &hdr, frame, (uint32_t)n);
		}
	}
	printf("], ");
	print_seen(&fe, &s, peer_now() - start);
	if (n < 0)
		fprintf(stderr, "nvpeer: the used ring makes no sense\n");
	fe_stop(&fe);
	fe_close(&fe);
	return n >= 0 && s.frames >= o->count ? 0 : 1;
}

int
peer_reflect(const struct peer_options *o)
{
	static struct fe fe;
	static uint8_t frame[PEER_FRAME_MAX];
	struct virtio_net_hdr_mrg_rxbuf hdr;
	struct seen s = {.vlan = -1};
	unsigned int pair = 0;
	double start, end;
	int n = 0;

	if (peer_open(&fe, o) < 0)
		return 1;
	start = peer_now();
	end = start + o->seconds;
	while (peer_now() < end) {
		n = receive_any(&fe, &pair, &hdr, frame);
		if (n < 0)
			break;
		if (n == 0) {
			rest(&fe, end);
			continue;
		}
		s.frames++;
		s.bytes += (uint32_t)n;
		/* A broadcast is not answered: two reflectors would never stop. */
		if (n < 14 || n > PEER_FRAME_MAX || (frame[0] & 1))
			continue;
		memcpy(frame, frame + 6, 6);
		memcpy(frame + 6, o->mac, 6);
		fe_transmit(fe_tx_ring(&fe, pair), NULL, frame, (uint32_t)n);
		fe_kick(fe_tx_ring(&fe, pair));
	}
	printf("{");
	print_seen(&fe, &s, peer_now() - start);
	fe_stop(&fe);
	fe_close(&fe);
	return n >= 0 ? 0 : 1;
}
