/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What each stage of the worker's loop costs: two rings in plain memory, a
 * worker and its L2 network, and a driver that only moves indices, all on one
 * core. Time stamps stand between the stages of a burst of 32; the figure is
 * the least of many bursts, which is the same on a busy machine. Nothing here
 * comes from another core's cache, so the difference to the cycles that
 * tests/bench/run shows is what moving the lines between two cores costs.
 *
 *	take      heads, descriptors, views with private headers
 *	forward   VLAN, guard, L2, verdicts, grouping
 *	put       the copy into the other guest's buffers, used elements
 *	complete  used elements of the sender
 *	signal    the full fence and the guests' wishes
 */
#include <getopt.h>
#include <linux/virtio_config.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "src/datapath/network.h"
#include "src/datapath/rcu.h"
#include "src/datapath/table.h"
#include "src/datapath/worker.h"
#include "vhost/vring.h"

#define RING   256
#define BUFFER (37 * 64) /* as in lean.c */
#define GPA    UINT64_C(0x100000000)
#define ROUNDS 20000

enum stage { TAKE, FORWARD, PUT, COMPLETE, SIGNAL, STAGES };
static const char *const stage_name[STAGES] = {"take", "forward", "put", "complete", "signal"};

/* One guest: a transmit ring at [0] and a receive ring at [1]. */
struct guest {
	struct vring_queue *vq[2];
	struct vring_avail *avail[2];
	struct vring_packed_desc *slot[2]; /* of a packed ring */
	uint16_t posted[2];
	struct guest_mem mem;
};

static struct guest guest[2];
static bool packed;            /* kind of the rings */
static unsigned int frame_len; /* of every frame */
static struct dp_port *port[2];
static uint64_t stamp[2]; /* before and after the put of the burst at hand */

static void __attribute__((noreturn)) give_up(const char *why)
{
	fprintf(stderr, "stages: %s\n", why);
	exit(1);
}

/* --- the guests --------------------------------------------------------- */

static void
ring_make(struct guest *g, int i, uint8_t *at, uint64_t gpa)
{
	struct vring_desc *desc = (void *)at;
	struct vring_avail *avail = (void *)(at + 8192);
	struct vring_used *used = (void *)(at + 16384);
	struct vring_config cfg = {.desc = desc,
		.avail = avail,
		.used = used,
		.mem = &g->mem,
		.size = RING,
		.features = UINT64_C(1) << VIRTIO_F_VERSION_1 | UINT64_C(1)
									<< VIRTIO_NET_F_MRG_RXBUF};

	for (unsigned int k = 0; k < RING; k++) {
		desc[k].addr = gpa + 32768 + (uint64_t)k * BUFFER;
		if (packed)
			continue;
		desc[k].len = i == 0 ? frame_len + 12 : BUFFER;
		desc[k].flags = i == 0 ? 0 : VRING_DESC_F_WRITE;
		avail->ring[k] = (uint16_t)k;
	}
	if (packed) {
		cfg.features |= UINT64_C(1) << VIRTIO_F_RING_PACKED;
		cfg.base = cfg.used_at = VRING_PLACE_WRAP;
	}
	g->avail[i] = avail;
	g->slot[i] = (void *)desc;
	g->posted[i] = 0;
	if (g->vq[i] == NULL)
		g->vq[i] = aligned_alloc(64, (sizeof(*g->vq[i]) + 63) & ~(size_t)63);
	memset(g->vq[i], 0, sizeof(*g->vq[i]));
	if (vring_setup(g->vq[i], &cfg) != 0)
		give_up("a ring cannot be set up");
}

static void
guest_make(unsigned int n)
{
	static uint8_t *memory[2];
	const size_t half = 32768 + (size_t)RING * BUFFER;
	struct guest *g = &guest[n];

	if (memory[n] == NULL) {
		memory[n] = mmap(NULL, 2 * half, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
		if (memory[n] == MAP_FAILED ||
			guest_mem_add(&g->mem, GPA, 2 * half, memory[n]) != 0)
			give_up("no memory for a guest");
	}
	memset(memory[n], 0, 2 * half);
	ring_make(g, 0, memory[n], GPA);
	ring_make(g, 1, memory[n] + half, GPA + half);
	for (unsigned int k = 0; k < RING; k++) {
		uint8_t *f = memory[n] + 32768 + (size_t)k * BUFFER + 12;

		memset(f, 0x55, frame_len);
		memcpy(f, (uint8_t[14]){2, 0, 0, 0, 0, (uint8_t)!n, 2, 0, 0, 0, 0, (uint8_t)n, 8},
			14);
	}
}

/* The driver gives its next n buffers again. */
static void
guest_post(struct guest *g, int i, uint16_t n)
{
	for (uint16_t k = g->posted[i]; packed && k != (uint16_t)(g->posted[i] + n); k++) {
		struct vring_packed_desc *d = &g->slot[i][k % RING];

		/* 2.8.1: in the first lap AVAIL is 1, in the next one USED. */
		d->len = i == 0 ? frame_len + 12 : BUFFER;
		d->id = k % RING;
		d->flags = (uint16_t)((k / RING % 2 ? 1 << VRING_PACKED_DESC_F_USED
						    : 1 << VRING_PACKED_DESC_F_AVAIL) |
				      (i == 0 ? 0 : VRING_DESC_F_WRITE));
	}
	g->posted[i] = (uint16_t)(g->posted[i] + n);
	__atomic_store_n(&g->avail[i]->idx, g->posted[i], __ATOMIC_RELEASE);
}

/* --- a kind of port over them ---------------------------------------------- */

static int
stage_open(struct dp_port *p, const struct dp_port_config *cfg, struct dp_error *err)
{
	p->dev = &guest[cfg->name[0] - '0'];
	p->rx_queues = 0; /* the test polls it */
	return 0;
}

static void
stage_close(struct dp_port *p)
{
}

static bool
stage_ready(struct dp_port *p)
{
	return true;
}

static struct dp_tx_caps
stage_caps(struct dp_port *p)
{
	return (struct dp_tx_caps){0};
}

static uint16_t
stage_tx(struct dp_port *p, uint16_t worker, struct packet *const *pkts, uint16_t n)
{
	struct guest *g = p->dev;
	uint16_t taken;

	stamp[0] = __rdtsc();
	taken = vring_enqueue(g->vq[1], pkts, n);
	stamp[1] = __rdtsc();
	return taken;
}

static const struct dp_port_ops stage_ops = {
	.name = "stage",
	.full = DROP_RING_FULL,
	.open = stage_open,
	.close = stage_close,
	.tx_ready = stage_ready,
	.tx_caps = stage_caps,
	.tx = stage_tx,
};

static void
world_make(void)
{
	struct dp_network_config net_cfg = {.name = "net", .ageing_s = 300, .max_macs = 64};
	struct dp_port_config cfg = {.queues = 1, .settings = {.mtu = 1500, .enabled = true}};
	struct dp_error err = {""};

	dp_clock_init(0);
	dp_worker[0] = dp_rcu_start(1) == 0 ? worker_new(0, 0) : NULL;
	if (dp_worker[0] == NULL)
		give_up("no memory for a worker");
	dp_nworkers = 1;
	if (dp_network_add(&net_cfg, &cfg.settings.network, &err) != 0)
		give_up(err.text);
	for (int i = 0; i < 2; i++) {
		cfg.name[0] = (char)('0' + i);
		if (port_add(&cfg, &stage_ops, &port[i], &err) != 0)
			give_up(err.text);
	}
}

/* --- measuring ------------------------------------------------------------- */

static void
burst(unsigned int from, uint64_t t[STAGES])
{
	struct guest *g = &guest[from], *other = &guest[!from];
	struct worker *w = dp_worker[0];
	uint64_t at[5];

	guest_post(g, 0, PACKET_BURST);
	guest_post(other, 1, PACKET_BURST);
	at[0] = __rdtsc();
	vring_dequeue(g->vq[0], &w->burst, PACKET_BURST);
	at[1] = __rdtsc();
	forward_burst(w, port[from], &w->burst);
	at[2] = __rdtsc();
	vring_complete(g->vq[0]);
	at[3] = __rdtsc();
	(void)vring_should_signal(g->vq[0]);
	(void)vring_should_signal(other->vq[1]);
	at[4] = __rdtsc();
	t[TAKE] = at[1] - at[0];
	t[FORWARD] = at[2] - at[1] - (stamp[1] - stamp[0]);
	t[PUT] = stamp[1] - stamp[0];
	t[COMPLETE] = at[3] - at[2];
	t[SIGNAL] = at[4] - at[3];
}

/* Least cycles per packet of each stage; false: packets went astray. */
static bool
measure(const struct vring_ops *ops, unsigned int len, double least[STAGES])
{
	uint64_t best[STAGES], t[STAGES];

	memset(best, 0xff, sizeof(best));
	frame_len = len;
	for (unsigned int i = 0; i < 2; i++) {
		guest_make(i);
		guest[i].vq[0]->ops = guest[i].vq[1]->ops = ops;
	}
	for (unsigned int i = 0; i < ROUNDS; i++) {
		burst(i % 2, t);
		for (unsigned int s = 0; s < STAGES && i > RING; s++)
			if (t[s] < best[s])
				best[s] = t[s];
	}
	for (unsigned int s = 0; s < STAGES; s++)
		least[s] = (double)best[s] / PACKET_BURST;
	return guest[0].vq[1]->packets + guest[1].vq[1]->packets == ROUNDS * PACKET_BURST;
}

static bool
measure_variant(const char *name, const unsigned int *len, unsigned int n)
{
	const struct vring_ops *ops = vring_ops_select(name);
	double least[16][STAGES], sum[16] = {0};

	if (ops == NULL)
		return true;
	printf("\n%-6s %-6s cyc./packet", name, packed ? "packed" : "split");
	for (unsigned int i = 0; i < n; i++) {
		if (!measure(ops, len[i], least[i]))
			return false;
		printf("%8u B", len[i]);
	}
	for (unsigned int s = 0; s < STAGES; s++) {
		printf("\n  %-22s", stage_name[s]);
		for (unsigned int i = 0; i < n; i++) {
			printf("%10.1f", least[i][s]);
			sum[i] += least[i][s];
		}
	}
	printf("\n  %-22s", "sum");
	for (unsigned int i = 0; i < n; i++)
		printf("%10.1f", sum[i]);
	printf("\n");
	return true;
}

int
main(int argc, char **argv)
{
	static const unsigned int len[] = {64, 256, 512, 1024, 1500};
	static const char *const variants[] = {"sse", "avx2", "avx512"};

	if (argc > 1) {
		printf("usage: tests/bench/stages\nPrints what each stage of a worker's loop "
		       "costs.\n");
		return strcmp(argv[1], "--help") == 0 ? 0 : 2;
	}
	world_make();
	for (unsigned int i = 0; i < 6; i++) {
		packed = i % 2 != 0;
		if (measure_variant(variants[i / 2], len, sizeof(len) / sizeof(len[0])))
			continue;
		fprintf(stderr, "stages: packets were lost or dropped\n");
		return 1;
	}
	return 0;
}
