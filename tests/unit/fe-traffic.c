/* SPDX-License-Identifier: BSD-3-Clause */
/* See fe-traffic.h. */
#include <string.h>
#include <unistd.h>

#include "tests/unit/fe-traffic.h"

#define FRAME_MAX 1514

static uint32_t
rnd(uint64_t *seed, uint32_t below)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*seed >> 33) % below;
}

static uint32_t
frame_make(uint8_t *f, uint32_t seq)
{
	uint64_t seed = seq;
	uint32_t len = 60 + (rnd(&seed, 2) ? rnd(&seed, 200) : rnd(&seed, FRAME_MAX - 60));

	for (uint32_t i = 0; i < len; i++)
		f[i] = (uint8_t)(i * 11 + seq * 7);
	f[0] = f[6] = 2;
	f[12] = 0x88; /* local experimental EtherType */
	f[13] = 0xb5;
	memcpy(f + 14, &seq, sizeof(seq));
	return len;
}

void
traffic_send(struct traffic *t, unsigned int from)
{
	struct fe *fe = t->fe[from];
	struct fe_ring *r = fe_tx_ring(fe, rnd(&t->seed, fe->cfg.pairs));
	uint8_t frame[FRAME_MAX];

	for (uint32_t n = rnd(&t->seed, 40); n > 0; n--) {
		uint32_t len = frame_make(frame, t->sent[from] + 1);

		if (!fe_transmit(r, NULL, frame, len))
			break;
		t->sent[from]++;
	}
	fe_kick(r);
}

/* cmocka's assertions work on the test's own thread only. */
#define EXPECT(t, what)                                                                            \
	do {                                                                                       \
		if (!(what) && (t)->failed == NULL)                                                \
			(t)->failed = #what;                                                       \
	} while (0)

static void
receive_one(struct traffic *t, unsigned int to, const uint8_t *got, int len)
{
	uint8_t want[FRAME_MAX];
	uint32_t seq;

	memcpy(&seq, got + 14, sizeof(seq));
	EXPECT(t, (int)frame_make(want, seq) == len);
	EXPECT(t, memcmp(got, want, (size_t)len) == 0);
	/* Pairs overtake each other. */
	EXPECT(t, t->fe[to]->cfg.pairs > 1 || seq > t->got[1 - to]);
	EXPECT(t, seq <= t->sent[1 - to]);
	t->got[1 - to] = seq;
	t->received++;
}

static void
receive_all(struct traffic *t, unsigned int to)
{
	struct fe *fe = t->fe[to];

	for (unsigned int pair = 0; pair < fe->cfg.pairs; pair++) {
		struct fe_ring *r = fe_rx_ring(fe, pair);
		struct virtio_net_hdr_mrg_rxbuf hdr;
		uint8_t got[2048];
		int len;

		while ((len = fe_receive(r, &hdr, got, sizeof(got))) > 0)
			receive_one(t, to, got, len);
		EXPECT(t, len == 0);
		EXPECT(t, fe_reap(fe_tx_ring(fe, pair)) >= 0);
		EXPECT(t, fe_tx_ring(fe, pair)->out_of_order == 0);
	}
}

static void *
traffic_run(void *arg)
{
	struct traffic *t = arg;

	while (!atomic_load(&t->quit)) {
		pthread_mutex_lock(&t->step);
		for (unsigned int i = 0; i < 2; i++) {
			if (rnd(&t->seed, 2))
				traffic_send(t, i);
			else
				receive_all(t, i);
		}
		pthread_mutex_unlock(&t->step);
		sched_yield();
	}
	return NULL;
}

void
traffic_start(struct traffic *t, struct fe *a, struct fe *b, uint64_t seed)
{
	*t = (struct traffic){.fe = {a, b}, .seed = seed};
	pthread_mutex_init(&t->step, NULL);
	assert_int_equal(pthread_create(&t->thread, NULL, traffic_run, t), 0);
}

void
traffic_stop(struct traffic *t)
{
	atomic_store(&t->quit, true);
	pthread_join(t->thread, NULL);
	pthread_mutex_destroy(&t->step);
	if (t->failed != NULL)
		fail_msg("%s", t->failed);
}

void
traffic_flows(struct traffic *t, uint64_t frames)
{
	int64_t end = harness_ms() + 20000;
	uint64_t from = 0;
	bool enough = false;

	for (bool first = true; !enough; first = false) {
		pthread_mutex_lock(&t->step);
		if (first)
			from = t->received;
		enough = t->received - from >= frames;
		if (t->failed != NULL)
			fail_msg("%s", t->failed);
		pthread_mutex_unlock(&t->step);
		assert_true(harness_ms() < end);
		usleep(500);
	}
}
