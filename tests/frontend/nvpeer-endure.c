/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvpeer's endurance: numbered frames between two devices, both ways, while
 * somebody kills and restarts the backend between them. See nvpeer.h.
 *
 * Theory of operation. One thread drives both devices, so it knows at any time
 * what is under way: of each stream at most `window` frames were posted and not
 * taken back, and window is no more than the receiver has buffers. Everything
 * that came is received and its buffers posted again before more is sent, so a
 * backend never meets a full ring, and nothing may be lost while it lives. When
 * it dies, what was under way may be lost or come again, never more. After a
 * reconnect unnumbered probes go out until both devices have seen one: a switch
 * that is not wholly up yet loses probes, not numbers.
 *
 * At the end every buffer has to be where it belongs: what was sent comes back,
 * and a receive ring that nobody empties takes exactly as many frames as it has
 * buffers, twice.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/frontend/nvpeer.h"

#define PROBE_SECONDS  0.001
#define LOOK_SECONDS   0.001 /* between looks whether the backend is still there */
#define RETRY_MS       20000
#define SETTLE_SECONDS 0.3

struct stream {
	struct fe_ring *tx, *rx;
	struct peer_options o; /* addresses of this direction */
	struct peer_seen seen;
	uint64_t sent, window;
	uint64_t probes; /* frames seen that are none of ours: probes */
	bool tx_returned, rx_filled;
};

struct endure {
	struct fe dev[2];
	struct stream stream[2]; /* dev 0 to dev 1, and back */
	const char *problem;
	unsigned int reconnects;
	double longest_outage, looked;
	uint64_t lost_most; /* at one death, in one direction */
};

static uint8_t frame[PEER_FRAME_MAX];
static volatile sig_atomic_t stop; /* SIGTERM: as if the time were over */

static void
on_term(int sig)
{
	(void)sig;
	stop = 1;
}

static void
set_up_stream(struct endure *e, int from)
{
	struct stream *s = &e->stream[from];
	uint32_t need;

	s->tx = fe_tx_ring(&e->dev[from], 0);
	s->rx = fe_rx_ring(&e->dev[!from], 0);
	s->seen.vlan = -1;
	need = (s->o.size + s->rx->hdr_size + s->rx->buffer_size - 1) / s->rx->buffer_size;
	s->window = s->rx->slots / need;
	if (s->window > s->tx->slots)
		s->window = s->tx->slots;
}

static bool
open_both(struct endure *e, const struct peer_options *o)
{
	for (int i = 0; i < 2; i++) {
		struct fe_config c = o->fe;

		c.socket = i == 0 ? o->fe.socket : o->peer;
		if (fe_open(&e->dev[i], &c) < 0) {
			fprintf(stderr, "nvpeer: %s: %s\n", c.socket, e->dev[i].err);
			return false;
		}
		e->stream[i].o = *o;
		e->stream[i].o.has_dst = true;
	}
	/* The second device's address is --dst, or the next one after --mac. */
	if (!o->has_dst) {
		memcpy(e->stream[0].o.dst, o->mac, 6);
		e->stream[0].o.dst[5]++;
	}
	memcpy(e->stream[1].o.mac, e->stream[0].o.dst, 6);
	memcpy(e->stream[1].o.dst, o->mac, 6);
	set_up_stream(e, 0);
	set_up_stream(e, 1);
	return true;
}

/* Takes back what was sent, then all that came: in this order nothing can have
 * come and not be taken here that is no longer among what is under way. */
static bool
collect(struct endure *e, struct stream *s)
{
	struct virtio_net_hdr_mrg_rxbuf hdr;
	int n;

	if (fe_reap(s->tx) < 0) {
		e->problem = "a frame came back that was not sent";
		return false;
	}
	while ((n = fe_receive(s->rx, &hdr, frame, sizeof(frame))) > 0) {
		if (peer_look(&s->seen, frame, (uint32_t)n)) {
			s->seen.frames++;
			s->seen.bytes += (uint32_t)n;
		} else {
			s->probes++;
		}
	}
	if (n < 0)
		e->problem = "a receive ring makes no sense";
	fe_kick(s->rx);
	return n == 0;
}

static void
send_some(struct stream *s, uint64_t upto)
{
	uint64_t before = s->sent;

	while (s->sent < upto && (uint64_t)(s->tx->slots - s->tx->nfree) < s->window) {
		uint32_t len = peer_frame(frame, &s->o, s->sent);

		if (!fe_transmit(s->tx, NULL, frame, len))
			break;
		s->sent++;
	}
	if (s->sent != before)
		fe_kick(s->tx);
}

static void
send_probe(struct stream *s)
{
	uint8_t probe[60] = {0};

	if (s->tx->nfree == 0)
		return;
	memcpy(probe, s->o.dst, 6);
	memcpy(probe + 6, s->o.mac, 6);
	probe[12] = ETHER_TYPE_PROBE >> 8;
	probe[13] = ETHER_TYPE_PROBE & 0xff;
	fe_transmit(s->tx, NULL, probe, sizeof(probe));
	fe_kick(s->tx);
}

static bool
backend_gone(struct endure *e)
{
	return fe_hung_up(&e->dev[0], 0) || fe_hung_up(&e->dev[1], 0);
}

/* Probes until each device has seen one. False: not within the time, or it died. */
static bool
wait_for_traffic(struct endure *e, double until)
{
	uint64_t before[2] = {e->stream[0].probes, e->stream[1].probes};
	double last = 0;

	while (peer_now() < until && e->problem == NULL && !backend_gone(e)) {
		bool both = true;

		for (int i = 0; i < 2; i++) {
			struct stream *s = &e->stream[i];

			collect(e, s);
			both = both && s->probes > before[i];
		}
		if (both)
			return e->problem == NULL;
		if (peer_now() > last + PROBE_SECONDS) {
			last = peer_now();
			send_probe(&e->stream[0]);
			send_probe(&e->stream[1]);
		}
		usleep(100);
	}
	return false;
}

static bool
recover(struct endure *e)
{
	double start = peer_now(), until = start + RETRY_MS / 1000.0, outage;
	uint64_t lost[2] = {e->stream[0].seen.lost, e->stream[1].seen.lost};
	unsigned int tries = 0;
	bool up = false;

	while (!up && e->problem == NULL && peer_now() < until) {
		for (int i = 0; i < 2; i++) {
			/* What the dead backend had published still counts as its own. */
			collect(e, &e->stream[i]);
			e->stream[i].seen.replay = true;
			/* A backend that dies on us half way is tried again soon. */
			e->dev[i].cfg.timeout_ms = 1000;
		}
		tries++;
		up = e->problem == NULL && fe_reconnect(&e->dev[0]) == 0 &&
		     fe_reconnect(&e->dev[1]) == 0 && wait_for_traffic(e, until);
	}
	if (e->problem == NULL && !up)
		e->problem = "the backend did not come back";
	if (!up) {
		fprintf(stderr, "nvpeer: %s; %s\n", e->dev[0].err, e->dev[1].err);
		return false;
	}
	outage = peer_now() - start;
	e->reconnects++;
	if (outage > e->longest_outage)
		e->longest_outage = outage;
	for (int i = 0; i < 2; i++) {
		/* In the order of the ring the probe came last: all that was under
		 * way has been seen, or is lost. */
		lost[i] = e->stream[i].sent - e->stream[i].seen.next + e->stream[i].seen.lost -
			  lost[i];
		if (lost[i] > e->lost_most)
			e->lost_most = lost[i];
	}
	printf("{\"event\": \"reconnect\", \"number\": %u, \"tries\": %u, \"outage\": %.3f, "
	       "\"lost\": [%" PRIu64 ", %" PRIu64 "]}\n",
		e->reconnects, tries, outage, lost[0], lost[1]);
	fflush(stdout);
	return true;
}

static bool
run(struct endure *e, const struct peer_options *o)
{
	double start = peer_now(), end = start + o->seconds, now;

	if (!wait_for_traffic(e, start + RETRY_MS / 1000.0)) {
		if (e->problem == NULL)
			e->problem = "no frame came from one device to the other";
		return false;
	}
	printf("{\"event\": \"start\", \"packed\": %s, \"in_order\": %s, \"window\": %" PRIu64
	       "}\n",
		e->stream[0].tx->packed ? "true" : "false",
		e->stream[0].tx->in_order ? "true" : "false", e->stream[0].window);
	fflush(stdout);
	start = peer_now();
	while ((now = peer_now()) < end && !stop) {
		uint64_t upto = UINT64_MAX;

		if (now > e->looked + LOOK_SECONDS) {
			e->looked = now;
			if (backend_gone(e) && !recover(e))
				return false;
			usleep(o->rate > 0 ? 200 : 0);
		}
		if (o->rate > 0)
			upto = (uint64_t)((now - start) * (double)o->rate);
		for (int i = 0; i < 2; i++) {
			if (!collect(e, &e->stream[i]))
				return false;
			send_some(&e->stream[i], upto);
		}
	}
	return true;
}

/* Nothing is under way any more, as far as one can see. */
static void
settle(struct endure *e)
{
	double end = peer_now() + 5, quiet = peer_now();

	while (peer_now() < end && peer_now() < quiet + SETTLE_SECONDS && e->problem == NULL) {
		for (int i = 0; i < 2; i++) {
			struct stream *s = &e->stream[i];
			uint64_t before = s->rx->packets;

			collect(e, s);
			if (s->rx->packets != before || s->tx->nfree < s->tx->slots)
				quiet = peer_now();
		}
		usleep(1000);
	}
	for (int i = 0; i < 2; i++)
		e->stream[i].tx_returned = e->stream[i].tx->nfree == e->stream[i].tx->slots;
}

/* As many frames as the receiver has buffers, all of which have to come before
 * any buffer is given back. */
static bool
fills(struct endure *e, struct stream *s)
{
	struct virtio_net_hdr_mrg_rxbuf hdr;
	uint64_t sent = 0, came = 0;
	double end = peer_now() + 3;

	s->rx->hold = true;
	while (came < s->rx->slots && peer_now() < end && e->problem == NULL) {
		int n = fe_receive(s->rx, &hdr, frame, sizeof(frame));

		if (n > 0)
			came++;
		if (n < 0 || fe_reap(s->tx) < 0)
			e->problem = "a ring makes no sense while it is filled";
		for (; sent < s->rx->slots && s->tx->nfree > 0; sent++)
			send_probe(s);
		if (n == 0)
			usleep(100);
	}
	s->rx->hold = false;
	fe_fill(s->rx);
	fe_kick(s->rx);
	return came == s->rx->slots;
}

static void
print_stream(const char *name, const struct stream *s)
{
	const struct peer_seen *n = &s->seen;

	printf("\"%s\": {\"sent\": %" PRIu64 ", \"received\": %" PRIu64 ", \"missing\": %" PRIu64
	       ", \"gaps\": [",
		name, s->sent, n->frames, s->sent - n->next + n->lost);
	for (uint64_t i = 0; i < n->gaps && i < PEER_GAPS_MAX; i++)
		printf("%s%" PRIu64, i > 0 ? ", " : "", n->gap[i]);
	printf("], \"duplicates\": %" PRIu64 ", \"replayed_most\": %" PRIu64
	       ", \"reordered\": %" PRIu64 ", \"backwards\": %" PRIu64 ", \"corrupt\": %" PRIu64
	       ", \"out_of_order\": %" PRIu64 ", \"tx_returned\": %s, \"rx_filled\": %s}, ",
		n->duplicates, n->replayed_most, n->reordered, n->backwards, n->corrupt,
		s->tx->out_of_order + s->rx->out_of_order, s->tx_returned ? "true" : "false",
		s->rx_filled ? "true" : "false");
}

static bool
stream_good(const struct stream *s)
{
	return s->seen.reordered == 0 && s->seen.backwards == 0 && s->seen.corrupt == 0 &&
	       s->tx->out_of_order == 0 && s->rx->out_of_order == 0 && s->tx_returned &&
	       s->rx_filled && s->seen.replayed_most <= s->window && s->seen.frames > 0;
}

static bool
report(const struct endure *e)
{
	/* One death may cost what was under way; without one nothing is lost. */
	uint64_t allowed = e->reconnects * e->stream[0].window;
	bool good = e->problem == NULL && e->lost_most <= e->stream[0].window;

	for (int i = 0; i < 2; i++) {
		const struct stream *s = &e->stream[i];

		good = good && stream_good(s) && s->sent - s->seen.next + s->seen.lost <= allowed;
	}
	printf("{\"event\": \"end\", ");
	print_stream("there", &e->stream[0]);
	print_stream("back", &e->stream[1]);
	printf("\"window\": %" PRIu64 ", \"reconnects\": %u, \"longest_outage\": %.3f, "
	       "\"lost_most\": %" PRIu64 ", \"problem\": ",
		e->stream[0].window, e->reconnects, e->longest_outage, e->lost_most);
	if (e->problem != NULL)
		printf("\"%s\"", e->problem);
	else
		printf("null");
	printf(", \"good\": %s}\n", good ? "true" : "false");
	return good;
}

int
peer_endure(const struct peer_options *o)
{
	static struct endure e;
	bool good;

	(void)signal(SIGTERM, on_term);
	if (!open_both(&e, o))
		return 1;
	if (run(&e, o))
		settle(&e);
	for (int i = 0; i < 2 && e.problem == NULL; i++)
		e.stream[i].rx_filled = fills(&e, &e.stream[i]) && fills(&e, &e.stream[i]);
	good = report(&e);
	for (int i = 0; i < 2; i++) {
		fe_stop(&e.dev[i]);
		fe_close(&e.dev[i]);
	}
	return good ? 0 : 1;
}
