/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What honest NFs do in a turn of shmpeer's loop. See shmpeer.h.
 */
#include <string.h>
#include <unistd.h>

#include "tests/shm/shmpeer.h"

/* A burst of whole packets: the host publishes no less. Without offloads, which
 * this guest does not ask for, entries are descriptors. */
static uint32_t
take_whole(struct peer *p, unsigned int pair, struct netvm_desc d[PEER_BURST + NETVM_SEGS_MAX])
{
	uint32_t n = client_rx(&p->c, pair, d, PEER_BURST);

	while (n != 0 && n < PEER_BURST + NETVM_SEGS_MAX &&
		(d[n - 1].flags & NETVM_DESC_F_MORE) != 0 && client_rx(&p->c, pair, &d[n], 1) == 1)
		n++;
	return n;
}

/* Takes what has come and judges it. */
static uint32_t
turn_sink(struct peer *p, unsigned int pair)
{
	struct netvm_desc d[PEER_BURST + NETVM_SEGS_MAX];
	uint32_t n = take_whole(p, pair, d), size;

	for (uint32_t i = 0; i < n; i += size) {
		size = 1;
		while (i + size < n && (d[i + size - 1].flags & NETVM_DESC_F_MORE) != 0)
			size++;
		frame_judge(p, &d[i], size);
		if (p->opt->delay_us != 0)
			usleep(p->opt->delay_us);
		for (uint32_t k = 0; k < size; k++)
			peer_free(p, pair, d[i + k].buffer);
	}
	return n;
}

/* How many the rate and what is under way allow now, one burst at most. */
static uint32_t
allowed(struct peer *p)
{
	uint64_t out = p->t.sent - p->t.received;
	uint32_t most = PEER_BURST;
	double due;

	if (p->opt->inflight != 0)
		most = out >= p->opt->inflight         ? 0
		       : p->opt->inflight - out < most ? (uint32_t)(p->opt->inflight - out)
						       : most;
	if (p->opt->rate == 0)
		return most;
	due = (client_now() - p->start) * p->opt->rate - p->due;
	/* What could not be sent for a while is not made up for. */
	if (due > 10 * PEER_BURST)
		p->due += due - 10 * PEER_BURST;
	return due < 1 ? 0 : due > most ? most : (uint32_t)due;
}

uint32_t
turn_traffic(struct peer *p, unsigned int pair)
{
	uint32_t handled = turn_sink(p, pair), want = allowed(p), n = 0;
	struct netvm_desc d[NETVM_SEGS_MAX];

	while (n < want && client_tx_room(&p->c, pair) > NETVM_SEGS_MAX) {
		uint32_t size = frame_make(p, pair, p->t.sent, d);

		if (size == 0)
			break;
		client_tx(&p->c, pair, d, size);
		p->t.sent++;
		n++;
	}
	p->due += n;
	if (n < want)
		p->full++;
	return handled + n;
}

/* Everything goes on as it came. A ring of 64 entries has never that much room,
 * so this mode wants longer ones. */
static uint32_t
turn_echo(struct peer *p, unsigned int pair)
{
	struct netvm_desc d[PEER_BURST + NETVM_SEGS_MAX];
	uint32_t n;

	if (client_tx_room(&p->c, pair) < PEER_BURST + NETVM_SEGS_MAX)
		return 0;
	n = take_whole(p, pair, d);
	for (uint32_t i = 0; i < n; i++) {
		d[i].flags &= NETVM_DESC_F_MORE;
		d[i].action = NETVM_ACTION_NEXT;
	}
	if (n != 0 && p->opt->delay_us != 0)
		usleep(p->opt->delay_us * n);
	client_tx(&p->c, pair, d, n);
	p->t.received += n;
	p->t.sent += n;
	return n;
}

/* Takes whatever there is and gives nothing back. */
static uint32_t
turn_hoard(struct peer *p, unsigned int pair)
{
	struct netvm_desc d[PEER_BURST];
	uint32_t buffers[PEER_BURST];
	uint32_t n = client_rx(&p->c, pair, d, PEER_BURST);

	p->t.received += n;
	return n + client_fill(&p->c, pair, buffers, PEER_BURST);
}

/* Has the port open and touches no ring. */
static uint32_t
turn_idle(struct peer *p, unsigned int pair)
{
	(void)p;
	(void)pair;
	usleep(1000);
	return 0;
}

peer_turn
mode_find(const char *name)
{
	static const struct {
		const char *name;
		peer_turn turn;
	} modes[] = {{"traffic", turn_traffic}, {"sink", turn_sink}, {"echo", turn_echo},
		{"hoard", turn_hoard}, {"idle", turn_idle}};

	for (unsigned int i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (strcmp(modes[i].name, name) == 0)
			return modes[i].turn;
	}
	return NULL;
}
