/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The lean frontend of the bench: two vhost-user devices whose rings never
 * change, so that the backend between them is the bottleneck.
 *
 * Theory of operation: descriptor i always points at buffer i, and avail entry
 * i always says i. Frames to send are written once. Sending and receiving is
 * then only a matter of moving avail->idx to used->idx + ring size, in steps
 * of a batch or more; neither frames nor descriptors nor used entries are
 * touched. This needs a backend that completes in order, which is verified
 * when the run is over, together with the frames that arrived last.
 *
 * Each device sends to the MAC of the other from its own, so a learning switch
 * knows both after the first frames. See lean.h for its neighbours.
 */
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/lean.h"

#define FEATURES                                                                                   \
	(FE_BIT(VIRTIO_F_VERSION_1) | FE_BIT(VIRTIO_NET_F_MRG_RXBUF) |                             \
		FE_BIT(VIRTIO_RING_F_INDIRECT_DESC) | FE_BIT(FE_F_PROTOCOL_FEATURES))
/* An odd number of cache lines: buffers spread over all sets of the caches.
 * With 2048 bytes they fell into a few, and a bare copy took 4 times as long. */
#define BUFFER     (37 * 64)
#define HEADERS    42 /* Ethernet, IPv4, UDP */
#define PORTS_AT   34
#define PORTS_LEN  8
#define STALL_TICS (1u << 14) /* rounds without progress after which we kick */

/* One ring as the loop sees it: where we stand, and the two indices. */
struct track {
	struct fe_ring *ring;
	uint16_t seen;
	uint64_t total;
};

double
lean_tsc_hz(void)
{
	struct timespec a, b;
	uint64_t ta, tb;
	double seconds;

	clock_gettime(CLOCK_MONOTONIC, &a);
	ta = __rdtsc();
	usleep(50000);
	clock_gettime(CLOCK_MONOTONIC, &b);
	tb = __rdtsc();
	seconds = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) * 1e-9;
	return (double)(tb - ta) / seconds;
}

int
lean_pin(int cpu)
{
	cpu_set_t set;

	if (cpu < 0)
		return 0;
	CPU_ZERO(&set);
	CPU_SET((unsigned int)cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) == 0)
		return 0;
	fprintf(stderr, "lean: cannot run on CPU %d: %s\n", cpu, strerror(errno));
	return -1;
}

static uint16_t
ip_checksum(const uint8_t *p)
{
	uint32_t sum = 0;

	for (unsigned int i = 0; i < 20; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void
put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

void
lean_frame(uint8_t *f, const struct lean_options *o, int from, unsigned int slot)
{
	const uint8_t mac[6] = {0x52, 0x54, 0x00, 0xbe, 0x00, 0x0a};
	uint16_t sum;

	memset(f, 0, HEADERS);
	memcpy(f, mac, 6);
	memcpy(f + 6, mac, 6);
	f[5] = (uint8_t)(mac[5] + !from);
	f[11] = (uint8_t)(mac[5] + from);
	put16(f + 12, 0x0800);
	f[14] = 0x45;
	put16(f + 16, o->size - 14);
	f[22] = 64;
	f[23] = 17;
	f[26] = f[30] = 10;
	f[29] = (uint8_t)(1 + from);
	f[33] = (uint8_t)(1 + !from);
	sum = ip_checksum(f + 14);
	put16(f + 24, sum);
	put16(f + PORTS_AT, 1024 + slot % o->flows);
	put16(f + PORTS_AT + 2, 5001);
	put16(f + PORTS_AT + 4, o->size - PORTS_AT);
	for (unsigned int i = HEADERS; i < o->size; i++)
		f[i] = (uint8_t)(i + (unsigned int)from);
}

static int
open_device(struct fe *fe, const struct lean_options *o, int which)
{
	struct fe_config c = {.socket = o->socket[which],
		.listen = o->listen,
		.ring_size = (uint16_t)o->ring,
		.features = FEATURES,
		.tx_buffer = BUFFER,
		.rx_buffer = BUFFER,
		.hugepages = o->hugepages,
		.timeout_ms = 20000};
	struct fe_ring *tx, *rx;

	if (fe_connect(fe, &c) < 0 || fe_negotiate(fe) < 0 || fe_make_rings(fe) < 0)
		goto failed;
	tx = fe_tx_ring(fe, 0);
	rx = fe_rx_ring(fe, 0);
	/* Touches all of it: no page fault later, in us or in the backend. */
	memset(rx->buffer, 0, (size_t)o->ring * BUFFER);
	memset(tx->buffer, 0, (size_t)o->ring * BUFFER);
	for (unsigned int i = 0; i < o->ring; i++) {
		lean_frame(tx->buffer + (size_t)i * BUFFER + tx->hdr_size, o, which, i);
		tx->desc[i] = (struct vring_desc){
			.addr = fe_memory_gpa(&fe->mem, tx->buffer + (size_t)i * BUFFER),
			.len = tx->hdr_size + o->size};
		rx->desc[i] = (struct vring_desc){
			.addr = fe_memory_gpa(&fe->mem, rx->buffer + (size_t)i * BUFFER),
			.len = BUFFER,
			.flags = VRING_DESC_F_WRITE};
		tx->avail->ring[i] = rx->avail->ring[i] = (uint16_t)i;
	}
	rx->avail->idx = (uint16_t)o->ring;
	if (fe_start(fe) == 0)
		return 0;
failed:
	fprintf(stderr, "lean: %s: %s\n", o->socket[which], fe->err);
	return -1;
}

static void
kick(struct fe_ring *r)
{
	uint64_t one = 1;

	if (write(r->kick, &one, sizeof(one)) < 0 && errno != EAGAIN)
		fprintf(stderr, "lean: kick: %s\n", strerror(errno));
}

/* flags and idx of the used ring in one load: they share a word. */
static inline uint16_t
move_on(struct track *t, uint16_t size, uint16_t batch)
{
	uint32_t word = __atomic_load_n((uint32_t *)(void *)t->ring->used, __ATOMIC_ACQUIRE);
	uint16_t idx = (uint16_t)(word >> 16);
	uint16_t done = (uint16_t)(idx - t->seen);

	if (done < batch)
		return 0;
	t->seen = idx;
	t->total += done;
	/* Release: as for any driver, though nothing else was written. */
	__atomic_store_n(&t->ring->avail->idx, (uint16_t)(idx + size), __ATOMIC_RELEASE);
	if (!(word & VRING_USED_F_NO_NOTIFY))
		kick(t->ring);
	return done;
}

/* Moves indices for `seconds`; sent and received frames add up in t. */
static void
run_for(struct track t[4], const struct lean_options *o, uint64_t tics)
{
	uint64_t end = __rdtsc() + tics;
	uint16_t size = (uint16_t)o->ring, batch = (uint16_t)o->batch;
	unsigned int idle = 0;

	do {
		for (int round = 0; round < 64; round++) {
			uint16_t moved = 0;

			for (int i = 0; i < 4; i++)
				moved |= move_on(&t[i], size, batch);
			if (moved != 0)
				idle = 0;
			else if (++idle % STALL_TICS == 0)
				for (int i = 0; i < 4; i++)
					kick(t[i].ring);
			else
				_mm_pause();
		}
	} while (__rdtsc() < end);
}

/*
 * Waits for the backend to finish what it has, then looks at what it did: each
 * used entry in its place, and in each receive buffer the peer's frame.
 */
static bool
verify(struct fe dev[2], const struct lean_options *o)
{
	uint8_t want[BUFFER];

	usleep(100000);
	for (int d = 0; d < 2; d++) {
		struct fe_ring *rx = fe_rx_ring(&dev[d], 0);

		if (rx->used->idx == 0)
			return false;
		for (unsigned int i = 0; i < o->ring; i++) {
			const uint8_t *got = rx->buffer + (size_t)i * BUFFER + rx->hdr_size;
			const struct vring_used_elem *e = &rx->used->ring[i];

			if (e->len == 0)
				continue; /* never used: a short run */
			lean_frame(want, o, !d, 0);
			if (e->id != i || e->len != rx->hdr_size + o->size ||
				memcmp(want, got, PORTS_AT) != 0 ||
				memcmp(want + HEADERS, got + HEADERS, o->size - HEADERS) != 0) {
				fprintf(stderr,
					"lean: receive buffer %u of device %d holds something "
					"else than the peer's frame (id %u, %u bytes)\n",
					i, d, e->id, e->len);
				return false;
			}
		}
	}
	return true;
}

static int
throughput(struct fe dev[2], const struct lean_options *o)
{
	double hz = lean_tsc_hz(), seconds, pps[2];
	struct track t[4] = {{.ring = fe_rx_ring(&dev[0], 0)}, {.ring = fe_rx_ring(&dev[1], 0)},
		{.ring = fe_tx_ring(&dev[0], 0)}, {.ring = fe_tx_ring(&dev[1], 0)}};
	uint64_t start, before[4], frames[4];
	bool good;

	/* One frame from each side, one after the other: a switch learns both. */
	for (int i = 2; i < 4; i++) {
		__atomic_store_n(&t[i].ring->avail->idx, 1, __ATOMIC_RELEASE);
		kick(t[i].ring);
		usleep(200000);
	}
	for (int i = 2; i < 4; i++) {
		__atomic_store_n(&t[i].ring->avail->idx, (uint16_t)o->ring, __ATOMIC_RELEASE);
		kick(t[i].ring);
	}
	run_for(t, o, (uint64_t)(o->warmup * hz));
	for (int i = 0; i < 4; i++)
		before[i] = t[i].total;
	start = __rdtsc();
	run_for(t, o, (uint64_t)(o->seconds * hz));
	seconds = (double)(__rdtsc() - start) / hz;
	for (int i = 0; i < 4; i++)
		frames[i] = t[i].total - before[i];
	good = verify(dev, o);
	pps[0] = (double)frames[0] / seconds;
	pps[1] = (double)frames[1] / seconds;
	printf("{\"size\": %u, \"seconds\": %.3f, \"pps\": %.0f, \"mpps\": %.3f, \"gbps\": %.3f, "
	       "\"a_pps\": %.0f, \"b_pps\": %.0f, \"sent_pps\": %.0f, \"tsc_hz\": %.0f, "
	       "\"hugepages\": %s, \"verified\": %s}\n",
		o->size, seconds, pps[0] + pps[1], (pps[0] + pps[1]) / 1e6,
		(pps[0] + pps[1]) * o->size * 8 / 1e9, pps[0], pps[1],
		(double)(frames[2] + frames[3]) / seconds, hz,
		dev[0].mem.hugepages && dev[1].mem.hugepages ? "true" : "false",
		good ? "true" : "false");
	return good && frames[0] > 0 && frames[1] > 0 ? 0 : 1;
}

static void
usage(void)
{
	fprintf(stderr, "usage: lean --socket A --socket B [--listen] [--size N] [--seconds S] "
			"[--warmup S]\n"
			"            [--cpu C] [--ring N] [--batch N] [--flows N] [--hugepages]\n"
			"            [--latency [--gap-us N]]\n"
			"       lean --limit --cpu C --backend-cpu C [--size N] [--seconds S]\n");
	exit(2);
}

static void
parse(struct lean_options *o, int argc, char **argv)
{
	static const struct option options[] = {{"socket", 1, NULL, 's'}, {"listen", 0, NULL, 'l'},
		{"size", 1, NULL, 'z'}, {"seconds", 1, NULL, 't'}, {"warmup", 1, NULL, 'w'},
		{"cpu", 1, NULL, 'c'}, {"backend-cpu", 1, NULL, 'b'}, {"ring", 1, NULL, 'r'},
		{"batch", 1, NULL, 'n'}, {"flows", 1, NULL, 'f'}, {"hugepages", 0, NULL, 'h'},
		{"latency", 0, NULL, 'y'}, {"gap-us", 1, NULL, 'g'}, {"limit", 0, NULL, 'm'}, {0}};
	int c, sockets = 0;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 's':
			if (sockets == 2)
				usage();
			o->socket[sockets++] = optarg;
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
		default:
			usage();
		}
	}
	if (optind != argc || (!o->limit && sockets != 2) || o->size < 60 || o->size > 1600 ||
		o->ring < 64 || o->ring > 4096 || (o->ring & (o->ring - 1)) != 0 || o->batch == 0 ||
		o->batch > o->ring / 2 || o->flows == 0 || o->seconds <= 0)
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
	if (o.limit)
		return lean_limit(&o);
	if (open_device(&dev[0], &o, 0) < 0 || open_device(&dev[1], &o, 1) < 0)
		return 1;
	/* The backend has a moment to bring both up; not part of any figure. */
	usleep(300000);
	r = o.latency ? lean_latency(dev, &o) : throughput(dev, &o);
	for (int d = 0; d < 2; d++) {
		fe_stop(&dev[d]);
		fe_close(&dev[d]);
	}
	return r;
}
