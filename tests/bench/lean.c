/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The lean frontend of the bench: two vhost-user devices that only move indices.
 * Options; see lean.h for the rest.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/lean.h"

static void
usage(void)
{
	fprintf(stderr, "usage: lean --socket A --socket B [--listen] [--size N] [--seconds S] "
			"[--warmup S]\n"
			"            [--cpu C] [--ring N] [--batch N] [--flows N] [--hugepages]\n"
			"            [--packed | --latency [--gap-us N]]\n"
			"            [--relay-dir DIR --relay P --relay Q: shm ports between]\n"
			"       lean --socket A --relay-dir DIR --relay P [OPTION...]\n"
			"       lean --limit --cpu C --backend-cpu C [OPTION...]\n"
			"       lean --clock\n");
	exit(2);
}

static bool
makes_sense(const struct lean_options *o)
{
	if (o->devices == 1 ? o->relays != 1 || o->latency : o->devices != 2)
		return false;
	if (o->packed && (o->latency || o->limit || o->batch % 4 != 0))
		return false;
	return o->size >= 60 && o->size <= 1600 && o->ring >= 64 && o->ring <= 4096 &&
	       (o->ring & (o->ring - 1)) == 0 && o->batch != 0 && o->batch <= o->ring / 2 &&
	       o->flows != 0 && o->seconds > 0 && (o->relays == 0 || o->relay_dir != NULL);
}

static void
parse(struct lean_options *o, int argc, char **argv)
{
	static const struct option options[] = {{"socket", 1, NULL, 's'}, {"listen", 0, NULL, 'l'},
		{"size", 1, NULL, 'z'}, {"seconds", 1, NULL, 't'}, {"warmup", 1, NULL, 'w'},
		{"cpu", 1, NULL, 'c'}, {"backend-cpu", 1, NULL, 'b'}, {"ring", 1, NULL, 'r'},
		{"batch", 1, NULL, 'n'}, {"flows", 1, NULL, 'f'}, {"hugepages", 0, NULL, 'h'},
		{"latency", 0, NULL, 'y'}, {"gap-us", 1, NULL, 'g'}, {"limit", 0, NULL, 'm'},
		{"packed", 0, NULL, 'p'}, {"clock", 0, NULL, 'k'}, {"relay-dir", 1, NULL, 'd'},
		{"relay", 1, NULL, 'e'}, {0}};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 's':
			if (o->devices == 2)
				usage();
			o->socket[o->devices++] = optarg;
			break;
		case 'l':
			o->listen = true;
			break;
		case 'z':
			o->size = (unsigned int)atoi(optarg);
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
		case 'b':
			o->backend_cpu = atoi(optarg);
			break;
		case 'r':
			o->ring = (unsigned int)atoi(optarg);
			break;
		case 'n':
			o->batch = (unsigned int)atoi(optarg);
			break;
		case 'f':
			o->flows = (unsigned int)atoi(optarg);
			break;
		case 'h':
			o->hugepages = true;
			break;
		case 'y':
			o->latency = true;
			break;
		case 'g':
			o->gap_us = (unsigned int)atoi(optarg);
			break;
		case 'm':
			o->limit = true;
			break;
		case 'p':
			o->packed = true;
			break;
		case 'd':
			o->relay_dir = optarg;
			break;
		case 'e':
			if (o->relays == 2)
				usage();
			o->relay[o->relays++] = optarg;
			break;
		case 'k':
			printf("{\"tsc_hz\": %.0f}\n", lean_tsc_hz());
			exit(0);
		default:
			usage();
		}
	}
	if (o->limit)
		o->devices = 2;
	if (optind != argc || !makes_sense(o))
		usage();
}

int
main(int argc, char **argv)
{
	static struct fe dev[2];
	struct lean_options o = {.size = 64,
		.flows = 1,
		.ring = 256,
		.batch = 32,
		.seconds = 3,
		.warmup = 1,
		.cpu = -1,
		.backend_cpu = -1,
		.gap_us = 20};
	int r;

	parse(&o, argc, argv);
	if (lean_pin(o.cpu) < 0)
		return 1;
	for (unsigned int d = 0; d < o.devices; d++)
		if ((o.limit ? lean_open_alone : lean_open)(&dev[d], &o, (int)d) < 0)
			return 1;
	if (!lean_relay_open(&o))
		return 1;
	/* The backend has a moment to bring both up; not part of any figure. */
	usleep(300000);
	if (o.limit)
		return lean_limit(dev, &o);
	r = o.latency ? lean_latency(dev, &o) : lean_rate(dev, &o);
	for (unsigned int d = 0; d < o.devices; d++) {
		fe_stop(&dev[d]);
		fe_close(&dev[d]);
	}
	return r;
}
