/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a packet of shm ports costs: pool, rings and guests in one process, all on one
 * core, as tests/bench/stages.c does it for vhost. The figure is the least of many
 * bursts, in cycles per packet, of the daemon's part alone. Nothing comes from
 * another core's cache.
 *
 *	hop        descriptors from one guest to another, ownership checked
 *	rx, tx     the same through views, as a switched network does it
 *	copy in    from memory of others into a buffer of the pool
 *	copy out   a view and a copy of it into memory of others
 *	free       buffers that a guest gives back (and gets again by FILL)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <x86intrin.h>

#include "tests/unit/shm-rig.h"

#define ROUNDS 20000
#define BURST  PACKET_BURST

enum stage { HOP, RX, TX, FREE_VIEWS, COPY_IN, COPY_OUT, GIVE_BACK, STAGES };
static const char *const stage_name[STAGES] = {
	"hop", "rx", "tx in group", "rx_complete", "copy in", "rx, copy out", "free and fill"};

static struct rig rig;
static struct packet_burst burst;
static struct packet *list[BURST];
static unsigned int frame_len;
static uint64_t best[STAGES];

static void
note(enum stage s, uint64_t since, unsigned int packets)
{
	uint64_t t = (__rdtsc() - since) * 100 / packets;

	if (t < best[s])
		best[s] = t;
}

static void __attribute__((noreturn)) give_up(const char *why)
{
	fprintf(stderr, "shm-stages: %s\n", why);
	exit(1);
}

/* Guest i sends back all that it got, n packets of them. */
static void
bounce(unsigned int i, unsigned int n)
{
	struct netvm_desc d[64];

	if (guest_rx(&rig.guest[i], 0, d, n) != n)
		give_up("packets were lost");
	if (!guest_tx(&rig.guest[i], 0, d, n))
		give_up("a ring is full");
}

static void
one_hop(unsigned int i)
{
	bool other;
	uint64_t t = __rdtsc();

	if (shm_port_hop(rig.guest[i].port, 0, rig.guest[!i].port, 64, &other) != 64)
		give_up("a hop went wrong");
	note(HOP, t, 64);
	bounce(!i, 64);
}

static void
one_switch(unsigned int i)
{
	struct shm_port *p = rig.guest[i].port;
	uint64_t t = __rdtsc();

	shm_port_rx(p, 0, &burst);
	note(RX, t, BURST);
	for (unsigned int k = 0; k < BURST; k++)
		list[k] = &burst.pkt[k];
	t = __rdtsc();
	if (shm_port_tx(rig.guest[!i].port, 0, list, burst.count) != BURST)
		give_up("packets were not taken");
	note(TX, t, BURST);
	t = __rdtsc();
	shm_port_rx_complete(p, 0, &burst);
	note(FREE_VIEWS, t, BURST);
	bounce(!i, BURST);
}

static void
one_copy(uint8_t *memory)
{
	struct guest *g = &rig.guest[0];
	struct packet p[BURST];
	uint64_t t;

	for (unsigned int k = 0; k < BURST; k++) {
		uint8_t *from = memory + (size_t)k * 16384;
		unsigned int hdr = frame_len < 128 ? frame_len : 128;

		p[k] = (struct packet){.hdr = packet_burst_header(&burst, k),
			.hdr_len = (uint16_t)hdr,
			.rest = frame_len > hdr ? from + hdr : NULL,
			.rest_len = frame_len - hdr,
			.len = frame_len};
		memcpy(p[k].hdr, from, hdr);
		list[k] = &p[k];
	}
	t = __rdtsc();
	if (shm_port_tx(g->port, 0, list, BURST) != BURST)
		give_up("packets were not copied");
	note(COPY_IN, t, BURST);
	bounce(0, BURST);
	t = __rdtsc();
	shm_port_rx(g->port, 0, &burst);
	for (unsigned int k = 0; k < burst.count; k++)
		packet_copy_out(&burst.pkt[k], 0, memory + (size_t)k * 16384, frame_len);
	shm_port_rx_complete(g->port, 0, &burst);
	note(COPY_OUT, t, BURST);
}

static void
one_free(void)
{
	struct guest *g = &rig.guest[0];
	uint32_t buffer[64];
	struct netvm_desc d[64];
	uint64_t t;

	if (guest_fill(g, 0, buffer, 64) != 64)
		give_up("there are no empty buffers");
	for (unsigned int k = 0; k < 64; k++)
		d[k] = (struct netvm_desc){.buffer = buffer[k], .action = NETVM_ACTION_DROP};
	guest_tx(g, 0, d, 64);
	t = __rdtsc();
	shm_port_rx(g->port, 0, &burst);
	note(GIVE_BACK, t, 64);
}

static void
measure(unsigned int len)
{
	struct rig_config cfg = {.ports = 2,
		.pairs = 1,
		.entries = 256,
		.buffers = 2048,
		.buffer_size = len > 1900 ? 10240 : 2176};
	static uint8_t memory[BURST * 16384];
	struct netvm_desc d[64];
	uint32_t buffer[64];

	frame_len = len;
	memset(best, 0xff, sizeof(best));
	rig_open(&rig, &cfg);
	for (unsigned int i = 0; i < 2; i++)
		atomic_store(&rig.guest[i].port->max_frame, 9216 + 18);
	for (unsigned int k = 0; k < ROUNDS; k++) {
		one_copy(memory);
		one_free();
	}
	shm_fill(rig.guest[0].port, 0, 1);
	if (guest_fill(&rig.guest[0], 0, buffer, 64) != 64)
		give_up("there are no empty buffers");
	for (unsigned int k = 0; k < 64; k++)
		d[k] = guest_packet(&rig.guest[0], buffer[k], (uint16_t)len);
	guest_tx(&rig.guest[0], 0, d, 64);
	for (unsigned int k = 0; k < ROUNDS; k++)
		one_hop(k % 2);
	/* Half of them are enough for views; the others stay in the ring. */
	for (unsigned int k = 0; k < ROUNDS; k++) {
		one_switch(0);
		one_switch(1);
	}
	rig_close(&rig);
}

int
main(int argc, char **argv)
{
	static const unsigned int len[] = {64, 256, 1500, 9000};
	double table[STAGES][4];

	if (argc > 1) {
		printf("usage: tests/bench/shm-stages\nPrints what packets of shm ports cost.\n");
		return strcmp(argv[1], "--help") == 0 ? 0 : 2;
	}
	rig_eal();
	for (unsigned int i = 0; i < 4; i++) {
		measure(len[i]);
		for (unsigned int s = 0; s < STAGES; s++)
			table[s][i] = (double)best[s] / 100;
	}
	printf("cycles per packet  ");
	for (unsigned int i = 0; i < 4; i++)
		printf("%8u B", len[i]);
	for (unsigned int s = 0; s < STAGES; s++) {
		printf("\n  %-17s", stage_name[s]);
		for (unsigned int i = 0; i < 4; i++)
			printf("%10.1f", table[s][i]);
	}
	printf("\n");
	return 0;
}
