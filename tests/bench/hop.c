/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The bench's lean network functions: one thread that has one or more shm ports
 * and sends on whatever comes to them, looking at descriptors only, so that netvmd
 * is the bottleneck. Packets are put in once and go round in circles (netvmd's
 * ports forward to each other); what is counted is what the ports receive, which
 * is hops through netvmd. Prints JSON as lean does.
 *
 *	hop --dir DIR --port P [--port P...]   the rate
 *	hop ... --attach N                     N times: from connect() of the first port
 *	                                       to its first packet's arrival at the second
 */
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/lean.h"
#include "tests/shm/client.h"

#define PORTS_MAX 16
#define TIMEOUT   10.0

struct hop_options {
	const char *dir, *port[PORTS_MAX];
	unsigned int ports, size, inflight, attach, turn, linger;
	double seconds, warmup;
	int cpu;
	const char *ready, *go; /* files: made when the ports are open; waited for then */
	bool share;             /* gives the CPU away after each round: others poll on it, too */
};

static struct client client[PORTS_MAX];
static uint64_t received[PORTS_MAX];

static bool
open_port(struct client *c, const struct hop_options *o, unsigned int i)
{
	if (client_attach(c, o->dir, o->port[i], TIMEOUT)) {
		c->dev->guest_features = NETVM_GUEST_SEGS;
		if (client_open(c, TIMEOUT))
			return true;
	}
	fprintf(stderr, "hop: %s: %s\n", o->port[i], c->error);
	return false;
}

/* Puts up to n packets on their way; false: there was no buffer. Frames of an
 * address and a type that mean nothing to anybody. */
static bool
inject(struct client *c, const struct hop_options *o, unsigned int n)
{
	double end = client_now() + TIMEOUT;

	while (n != 0 && client_now() < end) {
		uint32_t buffer;
		uint8_t *at;

		if (client_tx_room(c, 0) == 0 || client_fill(c, 0, &buffer, 1) == 0)
			continue;
		at = client_buffer(c, buffer) + c->seen.headroom;
		memset(at, 0, o->size);
		memset(at, 0xff, 6);
		memcpy(at + 6, c->seen.mac, 6);
		at[12] = 0x88;
		at[13] = 0xb6;
		client_tx(c, 0,
			&(struct netvm_desc){.buffer = buffer,
				.offset = (uint16_t)c->seen.headroom,
				.length = (uint16_t)o->size},
			1);
		client_signal(c, 0);
		n--;
	}
	if (n != 0)
		fprintf(stderr, "hop: %u packets found no buffer\n", n);
	return n == 0;
}

/* A burst of each port; returns how many packets moved. */
static unsigned int
relay_all(const struct hop_options *o)
{
	unsigned int moved = 0;

	for (unsigned int i = 0; i < o->ports; i++) {
		unsigned int n = lean_relay(&client[i]);

		received[i] += n;
		moved += n;
	}
	return moved;
}

/* With the CPU to itself for a while: others poll on it, too. To hand it over costs as
 * much as a hundred packets, so it is done when there is nothing to do, or after `turn`
 * packets, as netvm_nf_run() does: it waits a moment for what is on its way, too. */
static void
take_turn(const struct hop_options *o)
{
	unsigned int moved, left = o->turn;
	uint64_t last = __rdtsc();

	do {
		moved = relay_all(o);
		left -= moved < left ? moved : left;
		if (moved != 0)
			last = __rdtsc();
	} while (left != 0 && __rdtsc() - last < o->linger);
	sched_yield();
}

static void
run_for(const struct hop_options *o, double tics)
{
	uint64_t end = __rdtsc() + (uint64_t)tics;

	do {
		for (int round = 0; round < 16; round++) {
			if (o->share)
				take_turn(o);
			else if (relay_all(o) == 0)
				_mm_pause();
		}
	} while (__rdtsc() < end);
}

static uint64_t
total(const struct hop_options *o)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < o->ports; i++)
		n += received[i];
	return n;
}

/* Packets to a port that is not open yet would be lost. */
static void
meet(const struct hop_options *o)
{
	FILE *f = o->ready != NULL ? fopen(o->ready, "w") : NULL;

	if (f != NULL)
		fclose(f);
	while (o->go != NULL && access(o->go, F_OK) != 0)
		usleep(1000);
}

static int
measure(const struct hop_options *o)
{
	double hz = lean_tsc_hz(), seconds, pps;
	uint64_t before, start;

	for (unsigned int i = 0; i < o->ports; i++) {
		if (!open_port(&client[i], o, i))
			return 1;
	}
	meet(o);
	for (unsigned int i = 0; i < o->ports; i++) {
		if (!inject(&client[i], o, o->inflight / o->ports))
			return 1;
	}
	run_for(o, o->warmup * hz);
	before = total(o);
	start = __rdtsc();
	run_for(o, o->seconds * hz);
	seconds = (double)(__rdtsc() - start) / hz;
	pps = (double)(total(o) - before) / seconds;
	printf("{\"size\": %u, \"ports\": %u, \"inflight\": %u, \"seconds\": %.3f, \"pps\": %.0f, "
	       "\"mpps\": %.3f, \"gbps\": %.3f, \"tsc_hz\": %.0f}\n",
		o->size, o->ports, o->inflight, seconds, pps, pps / 1e6, pps * o->size * 8 / 1e9,
		hz);
	for (unsigned int i = 0; i < o->ports; i++)
		client_close(&client[i], false);
	if (pps == 0)
		fprintf(stderr, "hop: nothing moved\n");
	return pps > 0 ? 0 : 1;
}

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static int
attach(const struct hop_options *o)
{
	double *us = calloc(o->attach, sizeof(*us));
	struct netvm_desc d;

	if (us == NULL || !open_port(&client[1], o, 1))
		return 1;
	for (unsigned int i = 0; i < o->attach; i++) {
		double start = client_now();

		if (!open_port(&client[0], o, 0) || !inject(&client[0], o, 1))
			return 1;
		while (client_rx(&client[1], 0, &d, 1) == 0) {
			if (client_now() > start + TIMEOUT) {
				fprintf(stderr, "hop: the first packet did not arrive\n");
				return 1;
			}
		}
		us[i] = (client_now() - start) * 1e6;
		d = (struct netvm_desc){.buffer = d.buffer, .action = NETVM_ACTION_DROP};
		client_tx(&client[1], 0, &d, 1);
		client_signal(&client[1], 0);
		client_close(&client[0], false);
		usleep(20000);
	}
	qsort(us, o->attach, sizeof(*us), by_size);
	printf("{\"us_median\": %.1f, \"us_p99\": %.1f, \"us_p999\": %.1f, \"us_max\": %.1f}\n",
		us[o->attach / 2], us[o->attach * 99 / 100], us[o->attach - 1], us[o->attach - 1]);
	free(us);
	return 0;
}

static void
usage(void)
{
	fprintf(stderr, "usage: hop --dir DIR --port P [--port P...] [--size N] [--inflight N] "
			"[--seconds S]\n"
			"           [--warmup S] [--cpu C] [--share [--turn PACKETS] [--linger "
			"CYCLES]] [--ready FILE] "
			"[--go FILE]\n"
			"       hop --dir DIR --port P --port Q --attach N\n");
	exit(2);
}

static void
parse(struct hop_options *o, int argc, char **argv)
{
	static const struct option options[] = {{"dir", 1, NULL, 'd'}, {"port", 1, NULL, 'p'},
		{"size", 1, NULL, 'z'}, {"inflight", 1, NULL, 'i'}, {"seconds", 1, NULL, 't'},
		{"warmup", 1, NULL, 'w'}, {"cpu", 1, NULL, 'c'}, {"share", 0, NULL, 's'},
		{"turn", 1, NULL, 'T'}, {"linger", 1, NULL, 'L'}, {"attach", 1, NULL, 'a'},
		{"ready", 1, NULL, 'r'}, {"go", 1, NULL, 'g'}, {0}};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'd':
			o->dir = optarg;
			break;
		case 'p':
			if (o->ports == PORTS_MAX)
				usage();
			o->port[o->ports++] = optarg;
			break;
		case 'z':
			o->size = (unsigned int)atoi(optarg);
			break;
		case 'i':
			o->inflight = (unsigned int)atoi(optarg);
			break;
		case 't':
			o->seconds = atof(optarg);
			break;
		case 'w':
			o->warmup = atof(optarg);
			break;
		case 'c':
			o->cpu = atoi(optarg);
			break;
		case 's':
			o->share = true;
			break;
		case 'T':
			o->turn = (unsigned int)atoi(optarg);
			break;
		case 'L':
			o->linger = (unsigned int)atoi(optarg);
			break;
		case 'r':
			o->ready = optarg;
			break;
		case 'g':
			o->go = optarg;
			break;
		case 'a':
			o->attach = (unsigned int)atoi(optarg);
			break;
		default:
			usage();
		}
	}
	if (optind != argc || o->dir == NULL || o->ports == 0 || o->size < 60 || o->size > 9018 ||
		o->seconds <= 0 || (o->attach != 0 && o->ports != 2))
		usage();
}

int
main(int argc, char **argv)
{
	struct hop_options o = {.size = 64,
		.inflight = 1024,
		.turn = 512,
		.linger = 300,
		.seconds = 1,
		.warmup = 0.5,
		.cpu = -1};

	parse(&o, argc, argv);
	if (lean_pin(o.cpu) < 0)
		return 1;
	return o.attach != 0 ? attach(&o) : measure(&o);
}
