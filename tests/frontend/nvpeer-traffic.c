/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvpeer's honest side: send, recv, reflect. See nvpeer.h; its frames are those of
 * nvpeer-frame.c.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/frontend/nvpeer.h"

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
		uint32_t len = peer_frame(frame, o, sent);

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
print_seen(struct fe *fe, const struct peer_seen *s, double seconds)
{
	uint64_t out_of_order = 0;

	printf("\"received\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"other\": %" PRIu64
	       ", \"corrupt\": %" PRIu64 ", \"reordered\": %" PRIu64 ", \"lost\": %" PRIu64
	       ", \"duplicates\": %" PRIu64 ", \"tagged\": %" PRIu64
	       ", \"vlan\": %d, \"seconds\": %.6f, \"queues\": [",
		s->frames, s->bytes, s->other, s->corrupt, s->reordered, s->lost, s->duplicates,
		s->tagged, s->vlan, seconds);
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
	static struct peer_seen s = {.vlan = -1};
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
		if (peer_look(&s, frame, (uint32_t)n) || o->any) {
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
	static struct peer_seen s = {.vlan = -1};
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
