/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * shmpeer: a network function on the command line. It attaches to an shm port as
 * a host process does, prints JSON, and exits 0 when what was asked came true,
 * 1 when not, 2 for a wrong command line. See shmpeer.h for its parts.
 */
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/shm/shmpeer.h"

static const char usage[] =
	"usage: shmpeer --dir DIR --port NAME [OPTION...] MODE\n"
	"modes:\n"
	"  info      attach, print what the port is\n"
	"  traffic   send numbered frames, judge what comes\n"
	"  sink      judge what comes\n"
	"  echo      send on what comes\n"
	"  hoard     take every buffer that is to be had and give none back\n"
	"  idle      have the port open and touch no ring\n"
	"  hostile   traffic, and misdeeds between; exit 1 when one succeeded that must not\n"
	"  list-acts name the misdeeds\n"
	"options:\n"
	"  --dir DIR --port NAME  the sockets DIR/NAME.ring.sock and DIR/NAME.pool.sock\n"
	"  --seconds S            ends then, or on SIGTERM [no limit]\n"
	"  --count N              ends when so many frames were received\n"
	"  --report S             a line of JSON that often [only at the end]\n"
	"  --timeout S            for the server's answers [5]\n"
	"  --rate N --inflight N  packets per second, packets under way [1000, no limit]\n"
	"  --size N --to MAC      of frames [300, broadcast]\n"
	"  --delay-us N           work on each packet\n"
	"  --die S                end by SIGKILL at a random time within S seconds\n"
	"  --rude                 leave without a word\n"
	"  --once                 end when netvmd asks for a reset\n"
	"  --spin                 poll without a pause\n"
	"  --seed N --act NAME    of the misdeeds: what they follow from; only this one\n";

volatile int peer_stop;

static void
on_signal(int number)
{
	(void)number;
	peer_stop = 1;
}

uint64_t
peer_random(struct peer *p)
{
	p->random ^= p->random << 13;
	p->random ^= p->random >> 7;
	p->random ^= p->random << 17;
	return p->random;
}

void
peer_free(struct peer *p, unsigned int pair, uint32_t buffer)
{
	struct netvm_desc d = {.action = NETVM_ACTION_DROP};

	if (p->spares < PEER_SPARE)
		p->spare[p->spares++] = buffer;
	/* A handful is kept for what we send. */
	while (p->spares > PEER_BURST) {
		d.buffer = p->spare[p->spares - 1];
		if (client_tx(&p->c, pair, &d, 1) != 1)
			return;
		p->spares--;
	}
}

bool
peer_take(struct peer *p, unsigned int pair, uint32_t *buffer)
{
	if (p->spares == 0)
		p->spares = client_fill(&p->c, pair, p->spare, PEER_BURST);
	if (p->spares == 0) {
		p->dry++;
		return false;
	}
	*buffer = p->spare[--p->spares];
	return *buffer < p->c.seen.buffers;
}

static void
report(struct peer *p, const char *event)
{
	const struct tally *t = &p->t;

	/* A silence that goes on counts, too. */
	if (t->last != 0 && client_now() - t->last > t->gap)
		p->t.gap = client_now() - t->last;
	printf("{\"event\": \"%s\", \"ms\": %.1f, \"sent\": %" PRIu64 ", \"received\": %" PRIu64
	       ", \"bytes\": %" PRIu64 ", \"lost\": %" PRIu64 ", \"reordered\": %" PRIu64
	       ", \"corrupt\": %" PRIu64 ", \"foreign\": %" PRIu64 ", \"gap_ms\": %.2f"
	       ", \"full\": %" PRIu64 ", \"dry\": %" PRIu64 ", \"reopened\": %" PRIu64
	       ", \"generation\": %u, \"acts\": %" PRIu64 ", \"bad\": %" PRIu64 "}\n",
		event, (client_now() - p->start) * 1e3, t->sent, t->received, t->bytes, t->lost,
		t->reordered, t->corrupt, t->foreign, t->gap * 1e3, p->full, p->dry, p->reopened,
		p->generation, p->acts, p->bad);
	fflush(stdout);
	p->t.gap = 0;
}

/* What has to be looked at now and then. False: the end. */
static bool
look_around(struct peer *p)
{
	double now = client_now();

	p->c.dev->guest_beat++;
	p->generation = p->c.dev->host_generation;
	if (peer_stop || (p->opt->seconds != 0 && now - p->start >= p->opt->seconds) ||
		(p->opt->count != 0 && p->t.received >= p->opt->count))
		return false;
	if (p->opt->die != 0 && now - p->start >= p->opt->die)
		kill(getpid(), SIGKILL);
	if (client_gone(&p->c)) {
		fprintf(stderr, "shmpeer: the server has hung up\n");
		return false;
	}
	if (client_lost(&p->c)) {
		p->spares = 0;
		if (p->opt->once || !client_open(&p->c, p->opt->timeout)) {
			fprintf(stderr, "shmpeer: the port was reset: %s\n", p->c.error);
			return false;
		}
		p->reopened++;
	}
	return true;
}

static int
honest_run(struct peer *p, peer_turn turn)
{
	double next_look = 0, next_report = p->start + p->opt->report, now;
	uint32_t handled;

	report(p, "start");
	for (;;) {
		handled = 0;
		for (unsigned int q = 0; q < p->c.pairs; q++) {
			uint32_t n = turn(p, q);

			if (n != 0)
				client_signal(&p->c, q);
			handled += n;
		}
		now = client_now();
		if (now >= next_look) {
			if (!look_around(p))
				break;
			next_look = now + 0.001;
		}
		if (p->opt->report != 0 && now >= next_report) {
			report(p, "now");
			next_report = now + p->opt->report;
		}
		if (handled == 0 && !p->opt->spin)
			client_wait(&p->c, 0, 1);
	}
	report(p, "end");
	client_close(&p->c, p->opt->rude);
	return p->t.corrupt == 0 && p->t.reordered == 0 &&
			       (p->opt->count == 0 || p->t.received >= p->opt->count)
		       ? 0
		       : 1;
}

static void
print_info(const struct client *c)
{
	const struct netvm_device *d = &c->seen;

	printf("{\"name\": \"%.31s\", \"group\": \"%.31s\", \"port\": %u, \"queue_pairs\": %u, "
	       "\"vectors\": %u, \"rx_entries\": %u, \"tx_entries\": %u, \"fill_entries\": %u, "
	       "\"buffer_size\": %u, \"buffers\": %u, \"headroom\": %u, \"mtu\": %u, "
	       "\"features\": %u, \"host_state\": %u, \"generation\": %u, \"ring_bytes\": %zu, "
	       "\"pool_bytes\": %zu, \"mac\": \"%02x:%02x:%02x:%02x:%02x:%02x\"}\n",
		d->name, d->group, d->port, d->queue_pairs, d->vectors, d->rx_entries,
		d->tx_entries, d->fill_entries, d->buffer_size, d->buffers, d->headroom, d->mtu,
		d->features, d->host_state, d->host_generation, c->rings_size, c->pool_size,
		d->mac[0], d->mac[1], d->mac[2], d->mac[3], d->mac[4], d->mac[5]);
}

static int
start(const struct options *o, const char *mode)
{
	static struct peer p;
	peer_turn turn = mode_find(mode);

	if (turn == NULL && strcmp(mode, "info") != 0 && strcmp(mode, "hostile") != 0) {
		fprintf(stderr, "shmpeer: there is no mode \"%s\"\n%s", mode, usage);
		return 2;
	}
	p.opt = o;
	p.random = UINT64_C(0x9e3779b97f4a7c15) * (o->seed + 1);
	p.stream = (uint32_t)(peer_random(&p) ^ (uint32_t)getpid());
	if (strcmp(mode, "hostile") == 0)
		return hostile_run(&p);
	if (!client_attach(&p.c, o->dir, o->port, o->timeout)) {
		fprintf(stderr, "shmpeer: %s\n", p.c.error);
		return 1;
	}
	if (turn == NULL) {
		print_info(&p.c);
		client_close(&p.c, false);
		return 0;
	}
	p.c.dev->guest_features = NETVM_GUEST_SEGS;
	p.c.dev->guest_pairs = 0;
	if (!client_open(&p.c, o->timeout)) {
		fprintf(stderr, "shmpeer: %s\n", p.c.error);
		return 1;
	}
	p.start = client_now();
	return honest_run(&p, turn);
}

enum {
	O_DIR = 256,
	O_PORT,
	O_SECONDS,
	O_COUNT,
	O_REPORT,
	O_TIMEOUT,
	O_RATE,
	O_INFLIGHT,
	O_SIZE,
	O_TO,
	O_DELAY,
	O_DIE,
	O_RUDE,
	O_ONCE,
	O_SPIN,
	O_SEED,
	O_ACT,
	O_HELP
};

static const struct option long_options[] = {{"dir", 1, NULL, O_DIR}, {"port", 1, NULL, O_PORT},
	{"seconds", 1, NULL, O_SECONDS}, {"count", 1, NULL, O_COUNT}, {"report", 1, NULL, O_REPORT},
	{"timeout", 1, NULL, O_TIMEOUT}, {"rate", 1, NULL, O_RATE},
	{"inflight", 1, NULL, O_INFLIGHT}, {"size", 1, NULL, O_SIZE}, {"to", 1, NULL, O_TO},
	{"delay-us", 1, NULL, O_DELAY}, {"die", 1, NULL, O_DIE}, {"rude", 0, NULL, O_RUDE},
	{"once", 0, NULL, O_ONCE}, {"spin", 0, NULL, O_SPIN}, {"seed", 1, NULL, O_SEED},
	{"act", 1, NULL, O_ACT}, {"help", 0, NULL, O_HELP}, {0}};

static bool
set_number(struct options *o, int option, const char *text)
{
	double v = atof(text);

	switch (option) {
	case O_SECONDS:
		o->seconds = v;
		break;
	case O_COUNT:
		o->count = (uint64_t)v;
		break;
	case O_REPORT:
		o->report = v;
		break;
	case O_TIMEOUT:
		o->timeout = v;
		break;
	case O_RATE:
		o->rate = v;
		break;
	case O_INFLIGHT:
		o->inflight = (uint32_t)v;
		break;
	case O_SIZE:
		o->size = (uint32_t)v;
		break;
	case O_DELAY:
		o->delay_us = (uint32_t)v;
		break;
	case O_DIE:
		o->die = v;
		break;
	case O_SEED:
		o->seed = (uint32_t)v;
		break;
	default:
		return false;
	}
	return v >= 0;
}

static bool
set_option(struct options *o, int option, const char *text)
{
	uint8_t *m = o->to;

	switch (option) {
	case O_DIR:
		o->dir = text;
		return true;
	case O_PORT:
		o->port = text;
		return true;
	case O_ACT:
		o->act = text;
		return true;
	case O_RUDE:
		o->rude = true;
		return true;
	case O_ONCE:
		o->once = true;
		return true;
	case O_SPIN:
		o->spin = true;
		return true;
	case O_TO:
		return sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &m[0], &m[1], &m[2], &m[3],
			       &m[4], &m[5]) == 6;
	default:
		return set_number(o, option, text);
	}
}

int
main(int argc, char **argv)
{
	struct options o = {.timeout = 5,
		.rate = 1000,
		.size = 300,
		.to = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
	int c;

	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (c == O_HELP) {
			fputs(usage, stdout);
			return 0;
		}
		if (c == '?' || !set_option(&o, c, optarg)) {
			fputs(usage, stderr);
			return 2;
		}
	}
	if (optind + 1 == argc && strcmp(argv[optind], "list-acts") == 0) {
		hostile_list();
		return 0;
	}
	if (optind + 1 != argc || o.dir == NULL || o.port == NULL || o.size < PEER_HEADER ||
		o.size > PEER_FRAME) {
		fputs(usage, stderr);
		return 2;
	}
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	/* A moment that differs from run to run, for the seed to fix. */
	if (o.die != 0) {
		srand(o.seed != 0 ? o.seed : (unsigned int)getpid());
		o.die *= rand() / (double)RAND_MAX;
	}
	return start(&o, argv[optind]);
}
