/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Captures: what workers copy of a port's frames for somebody who watches.
 *
 * Theory of operation. A port has a pointer to the set of its captures, NULL
 * when there are none, and two bits in its taps that spare workers the look: a
 * capture that is off costs nothing beyond the one branch of tap.h. A capture has a ring for each
 * worker, so that workers share nothing. A worker copies a frame into its ring, lets the filter
 * judge the copy (guest memory may change, and the filter wants it in one piece), and commits it.
 * Without room the copy goes to scratch memory and is only counted when the filter chose it:
 * traffic never waits for a capture.
 *
 * The set is replaced by pointer swap and freed after a grace period, after
 * which no worker touches a capture that is not in it; its rings keep what they
 * have until they are freed.
 *
 * Threads: capture_frames() is a worker's, all else is the control thread's.
 * Neighbours: capture-ring.c, capture-filter.c, tap.c where workers come from.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <pcap/bpf.h>

#include "src/datapath/capture-ring.h"
#include "src/datapath/capture.h"
#include "src/datapath/rcu.h"
#include "src/datapath/table.h"
#include "src/datapath/tap.h"

/* Bytes of records that a worker may be ahead of the control thread. */
#define RING_BYTES (UINT64_C(4) << 20)
/* A filter sees so much of a frame even where less is kept of it. */
#define FILTER_WINDOW 512

struct dp_capture {
	struct dp_port *port; /* NULL: ended */
	struct dp_capture_config config;
	uint32_t window; /* bytes that the filter sees */
	struct bpf_insn *program;
	uint16_t nrings;
	struct capture_ring ring[];
};

static unsigned int ncaptures;

/* --- workers ------------------------------------------------------------- */

static uint64_t
now_ns(void)
{
	struct timespec t;

	/* No system call where the clock is the TSC. */
	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

static void
count(uint64_t *counter)
{
	/* Relaxed: a number by itself, written by this worker only. */
	__atomic_store_n(counter, *counter + 1, __ATOMIC_RELAXED);
}

static void
capture_frame(const struct dp_capture *c, struct capture_ring *r, const struct packet *p,
	uint64_t ns, bool in)
{
	uint32_t n = p->len < c->window ? p->len : c->window;
	struct capture_record *rec;
	bool full;

	/* The ring has no room for a view that is longer than any frame. */
	if (n > r->frame_max)
		n = r->frame_max;
	rec = capture_ring_room(r, n, &full);
	packet_copy_out(p, 0, rec->data, n);
	count(&r->received);
	if (c->program != NULL && bpf_filter(c->program, rec->data, p->len, n) == 0)
		return;
	count(&r->chosen);
	if (full) {
		count(&r->lost);
		return;
	}
	rec->ns = ns;
	rec->len = p->len;
	rec->captured = n < c->config.snaplen ? n : c->config.snaplen;
	rec->in = in;
	capture_ring_commit(r, rec);
}

void
capture_frames(
	struct worker *w, const struct dp_port *p, struct packet *const *pkts, uint16_t n, bool in)
{
	/* Acquire pairs with the release in set_publish(). */
	const struct capture_set *set = __atomic_load_n(&p->captures, __ATOMIC_ACQUIRE);
	uint64_t ns = now_ns();

	for (unsigned int i = 0; set != NULL && i < set->count; i++) {
		struct dp_capture *c = set->capture[i];

		if (in ? !c->config.in : !c->config.out)
			continue;
		for (uint16_t k = 0; k < n; k++)
			capture_frame(c, &c->ring[w->id], pkts[k], ns, in);
	}
}

/* --- start and end ------------------------------------------------------- */

/* Makes set (NULL: none) the captures of p, and waits until no worker sees the
 * old ones. */
static void
set_publish(struct dp_port *p, const struct capture_set *set)
{
	const struct capture_set *old = p->captures;
	uint32_t taps = 0;

	for (unsigned int i = 0; set != NULL && i < set->count; i++) {
		taps |= set->capture[i]->config.in ? TAP_CAPTURE_IN : 0;
		taps |= set->capture[i]->config.out ? TAP_CAPTURE_OUT : 0;
	}
	/* Release pairs with the acquire in capture_frames(). */
	__atomic_store_n(&p->captures, set, __ATOMIC_RELEASE);
	tap_set(p, TAP_CAPTURE_IN | TAP_CAPTURE_OUT, taps);
	dp_rcu_synchronize();
	free((void *)(uintptr_t)old);
}

/* p's captures without `without` and with `with` (NULL: none). */
static int
set_replace(struct dp_port *p, const struct dp_capture *without, struct dp_capture *with)
{
	const struct capture_set *old = p->captures;
	struct capture_set *set = calloc(1, sizeof(*set));

	if (set == NULL)
		return -ENOMEM;
	for (unsigned int i = 0; old != NULL && i < old->count; i++)
		if (old->capture[i] != without)
			set->capture[set->count++] = old->capture[i];
	if (with != NULL)
		set->capture[set->count++] = with;
	if (set->count == 0) {
		free(set);
		set = NULL;
	}
	set_publish(p, set);
	return 0;
}

static int
config_check(const struct dp_port *p, const struct dp_capture_config *cfg, struct dp_error *err)
{
	if (ncaptures >= DP_CAPTURES_MAX)
		return dp_fail(err, -EBUSY,
			"port %s: %u captures are running, the limit: end one of them first",
			p->name, DP_CAPTURES_MAX);
	if (cfg->snaplen == 0 || cfg->snaplen > DP_SNAPLEN_MAX)
		return dp_fail(err, -EINVAL, "snaplen=%u is out of range: expected 1 to %u",
			cfg->snaplen, DP_SNAPLEN_MAX);
	if (cfg->nprogram != 0)
		return dp_filter_check(cfg->program, cfg->nprogram, err);
	return 0;
}

static struct dp_capture *
capture_new(const struct dp_capture_config *cfg)
{
	size_t size = sizeof(struct dp_capture) + dp_nworkers * sizeof(struct capture_ring);
	struct dp_capture *c = aligned_alloc(64, (size + 63) & ~(size_t)63);
	uint32_t frame_max;

	if (c == NULL)
		return NULL;
	memset(c, 0, size);
	c->config = *cfg;
	c->window = cfg->snaplen;
	if (cfg->nprogram != 0 && c->window < FILTER_WINDOW)
		c->window = FILTER_WINDOW;
	frame_max = c->window < PACKET_LEN_MAX ? c->window : PACKET_LEN_MAX;
	for (; c->nrings < dp_nworkers; c->nrings++)
		if (capture_ring_open(&c->ring[c->nrings], RING_BYTES, frame_max) != 0)
			break;
	if (cfg->nprogram != 0) {
		c->program = malloc(cfg->nprogram * sizeof(*c->program));
		if (c->program != NULL)
			memcpy(c->program, cfg->program, cfg->nprogram * sizeof(*c->program));
	}
	c->config.program = NULL;
	if (c->nrings == dp_nworkers && (c->program != NULL || cfg->nprogram == 0))
		return c;
	dp_capture_free(c);
	return NULL;
}

int
dp_capture_start(struct dp_port *p, const struct dp_capture_config *cfg,
	struct dp_capture **capture, struct dp_error *err)
{
	int rc = config_check(p, cfg, err);
	struct dp_capture *c;

	if (rc != 0)
		return rc;
	c = capture_new(cfg);
	if (c == NULL || set_replace(p, NULL, c) != 0) {
		dp_capture_free(c);
		return dp_fail(err, -ENOMEM, "port %s: out of memory for a capture", p->name);
	}
	c->port = p;
	ncaptures++;
	*capture = c;
	return 0;
}

static void
capture_detach(struct dp_capture *c)
{
	c->port = NULL;
	ncaptures--;
}

void
dp_capture_end(struct dp_capture *c)
{
	if (c->port == NULL)
		return;
	if (set_replace(c->port, c, NULL) != 0)
		abort(); /* a few bytes: and workers must not write to what is freed */
	capture_detach(c);
}

void
capture_port_gone(struct dp_port *p)
{
	for (unsigned int i = 0; p->captures != NULL && i < p->captures->count; i++)
		capture_detach(p->captures->capture[i]);
	free((void *)(uintptr_t)p->captures);
	p->captures = NULL;
}

void
dp_capture_free(struct dp_capture *c)
{
	if (c == NULL)
		return;
	dp_capture_end(c);
	for (uint16_t i = 0; i < c->nrings; i++)
		capture_ring_close(&c->ring[i]);
	free(c->program);
	free(c);
}

/* --- reading ------------------------------------------------------------- */

bool
dp_capture_running(const struct dp_capture *c)
{
	return c->port != NULL;
}

/* The ring whose oldest frame is the oldest of all. */
static struct capture_ring *
oldest(struct dp_capture *c, const struct capture_record **rec)
{
	struct capture_ring *best = NULL;

	for (uint16_t i = 0; i < c->nrings; i++) {
		const struct capture_record *r = capture_ring_peek(&c->ring[i]);

		if (r != NULL && (best == NULL || r->ns < (*rec)->ns)) {
			best = &c->ring[i];
			*rec = r;
		}
	}
	return best;
}

bool
dp_capture_next(struct dp_capture *c, dp_capture_cb cb, void *arg)
{
	const struct capture_record *rec = NULL;
	struct capture_ring *r = oldest(c, &rec);
	struct dp_captured f;

	if (r == NULL)
		return false;
	f = (struct dp_captured){.ns = rec->ns,
		.len = rec->len,
		.captured = rec->captured,
		.in = rec->in,
		.data = rec->data};
	cb(&f, arg);
	capture_ring_pop(r);
	return true;
}

void
dp_capture_counters(const struct dp_capture *c, struct dp_capture_counters *n)
{
	*n = (struct dp_capture_counters){0};
	for (uint16_t i = 0; i < c->nrings; i++) {
		const struct capture_ring *r = &c->ring[i];

		n->received += __atomic_load_n(&r->received, __ATOMIC_RELAXED);
		n->chosen += __atomic_load_n(&r->chosen, __ATOMIC_RELAXED);
		n->lost += __atomic_load_n(&r->lost, __ATOMIC_RELAXED);
	}
}
