/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvpeer's forger: a guest that rewrites its frames while the backend forwards
 * them, and the guest that they reach. See nvpeer.h.
 *
 * The first device sits behind a guard for --mac and 10.0.0.1 on an access port,
 * the second one, --dst, receives. A thread turns one byte in each of the first
 * device's buffers between a value that may pass and one that may not, as fast
 * as it can, from before a frame is posted until after it came back. Frames then
 * pass or are dropped by chance; but one that passes has the header that was
 * judged, so the second device never sees a forbidden value. A byte of the
 * payload is marked meanwhile, to see how often the thread was in time; the run
 * goes on until it was often enough, however busy the machine is.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "tests/frontend/nvpeer.h"

#define SIZE         300 /* more than a backend can keep as a header */
#define MARK         250 /* byte that tells that the thread was there */
#define WINDOW       32  /* frames under way: few buffers, each bent often */
#define IN_TIME      300 /* frames that have to be marked */
#define SECONDS_MOST 30

/* Which byte, and its forbidden value. The MACs' last bytes trade places: a
 * frame from --dst is spoofed, one to --mac comes back to where it is from. */
static struct bend {
	unsigned int at;
	uint8_t good, bad;
	const char *name;
} bends[] = {
	{.at = 5, .name = "destination"},
	{.at = 11, .name = "source"},
	{12, 0x08, 0x88, "ethertype"},
	{12, 0x08, 0x81, "vlan"},
	{29, 1, 66, "ip"},
};
#define BENDS (sizeof(bends) / sizeof(bends[0]))

static struct fe dev[2];
static uint8_t good[SIZE];
static bool stop;
static uint64_t bent;

static void
make_good(const struct peer_options *o)
{
	memcpy(good, o->dst, 6);
	memcpy(good + 6, o->mac, 6);
	good[12] = 0x08;
	good[14] = 0x45;
	good[16] = (SIZE - 14) >> 8;
	good[17] = (SIZE - 14) & 0xff;
	good[23] = 17;
	memcpy(good + 26, (uint8_t[]){10, 0, 0, 1}, 4);
	bends[0].good = bends[1].bad = o->dst[5];
	bends[0].bad = bends[1].good = o->mac[5];
}

static void *
bend_all(void *arg)
{
	struct fe_ring *r = fe_tx_ring(&dev[0], 0);
	uint64_t n = 0;

	/* Relaxed: stop is all there is to see. */
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		for (uint16_t slot = 0; slot < r->slots; slot++) {
			const struct bend *b = &bends[slot % BENDS];
			volatile uint8_t *frame =
				r->buffer + (size_t)slot * r->buffer_size + r->hdr_size;

			frame[b->at] = n & 1 ? b->good : b->bad;
			frame[MARK] = 1;
		}
		n++;
	}
	bent = n;
	return NULL;
}

/* The name of what is forbidden in a frame that came; NULL: nothing. */
static const char *
forbidden(const uint8_t *frame, uint32_t len)
{
	if (len != SIZE)
		return "length";
	for (size_t i = 0; i < BENDS; i++)
		if (frame[bends[i].at] != bends[i].good)
			return bends[i].name;
	return memcmp(frame, good, 14) != 0 ? "something else" : NULL;
}

struct tally {
	uint64_t sent, came, marked, forged;
	const char *first; /* what was forged first */
};

static bool
exchange(struct tally *t)
{
	struct fe_ring *tx = fe_tx_ring(&dev[0], 0), *rx = fe_rx_ring(&dev[1], 0);
	struct virtio_net_hdr_mrg_rxbuf hdr;
	uint8_t frame[PEER_FRAME_MAX];
	int n;

	if (fe_reap(tx) < 0)
		return false;
	/* Every other frame is forbidden as it is posted. */
	while (tx->slots - tx->nfree < WINDOW) {
		const struct bend *b = &bends[t->sent / 2 % BENDS];

		memcpy(frame, good, SIZE);
		if (t->sent & 1)
			frame[b->at] = b->bad;
		if (!fe_transmit(tx, NULL, frame, SIZE))
			break;
		t->sent++;
	}
	fe_kick(tx);
	while ((n = fe_receive(rx, &hdr, frame, sizeof(frame))) > 0) {
		const char *what = forbidden(frame, (uint32_t)n);

		t->came++;
		t->marked += n > MARK && frame[MARK] != 0;
		t->forged += what != NULL;
		if (what != NULL && t->first == NULL)
			t->first = what;
	}
	fe_kick(rx);
	return n == 0;
}

int
peer_bend(const struct peer_options *o)
{
	struct peer_options b = *o;
	struct tally t = {0};
	pthread_t thread;
	double start;
	bool sane = true;

	b.fe.socket = o->peer;
	b.announce = true;
	memcpy(b.mac, o->dst, 6);
	if (peer_open(&dev[0], o) < 0 || peer_open(&dev[1], &b) < 0)
		return 1;
	make_good(o);
	if (pthread_create(&thread, NULL, bend_all, NULL) != 0)
		return 1;
	start = peer_now();
	while (sane && (peer_now() < start + o->seconds ||
			       (t.marked < IN_TIME && peer_now() < start + SECONDS_MOST)))
		sane = exchange(&t);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	printf("{\"sent\": %" PRIu64 ", \"came\": %" PRIu64 ", \"marked\": %" PRIu64
	       ", \"forged\": %" PRIu64 ", \"first\": \"%s\", \"rounds\": %" PRIu64
	       ", \"sane\": %s}\n",
		t.sent, t.came, t.marked, t.forged, t.first != NULL ? t.first : "", bent,
		sane ? "true" : "false");
	fe_close(&dev[0]);
	fe_close(&dev[1]);
	return sane && t.forged == 0 && t.marked >= IN_TIME && t.came < t.sent ? 0 : 1;
}
