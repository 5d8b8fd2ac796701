/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The bench's yardstick: a thread that does nothing but one copy per packet
 * between two rings of buffers, and another that moves indices as the lean
 * frontend does. No descriptors, no translation, no headers, no counters: no
 * backend that copies once can be faster on this machine. See lean.h.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/bench/lean.h"

#define SLOT  (37 * 64) /* as in lean.c */
#define BURST 32

/* Each index on a line of its own; one writer each. */
struct index {
	_Alignas(64) volatile uint16_t v;
};
struct lane {
	struct index tx_avail, tx_used, rx_avail, rx_used;
	uint8_t *tx, *rx;
};

static struct lane lanes[2];
static volatile bool stop;

/* Constant lengths let the compiler make the copy inline, as a backend's own
 * copy would be. */
static inline void
copy(uint8_t *to, const uint8_t *from, unsigned int size)
{
	switch (size) {
	case 64:
		memcpy(to, from, 64);
		break;
	case 256:
		memcpy(to, from, 256);
		break;
	default:
		memcpy(to, from, size);
	}
}

static void
copy_burst(struct lane *l, const struct lean_options *o, uint16_t *pos)
{
	uint16_t tx = (uint16_t)(__atomic_load_n(&l->tx_avail.v, __ATOMIC_ACQUIRE) - *pos);
	uint16_t rx = (uint16_t)(__atomic_load_n(&l->rx_avail.v, __ATOMIC_ACQUIRE) - *pos);
	uint16_t n = tx < rx ? tx : rx;

	if (n > BURST)
		n = BURST;
	if (n == 0)
		return;
	for (uint16_t i = 0; i < n; i++) {
		size_t at = (size_t)((*pos + i) & (o->ring - 1)) * SLOT;

		copy(l->rx + at, l->tx + at, o->size);
	}
	*pos += n;
	__atomic_store_n(&l->rx_used.v, *pos, __ATOMIC_RELEASE);
	__atomic_store_n(&l->tx_used.v, *pos, __ATOMIC_RELEASE);
}

static void *
copier(void *arg)
{
	const struct lean_options *o = arg;
	uint16_t pos[2] = {0, 0};

	while (!stop)
		for (int i = 0; i < 2; i++)
			copy_burst(&lanes[i], o, &pos[i]);
	return NULL;
}

/* Born on its CPU: it may never get to run on ours. */
static bool
start_copier(pthread_t *thread, const struct lean_options *o)
{
	pthread_attr_t attr;
	cpu_set_t set;
	bool good;

	CPU_ZERO(&set);
	CPU_SET((unsigned int)o->backend_cpu, &set);
	pthread_attr_init(&attr);
	good = (o->backend_cpu < 0 || pthread_attr_setaffinity_np(&attr, sizeof(set), &set) == 0) &&
	       pthread_create(thread, &attr, copier, (void *)(uintptr_t)o) == 0;
	pthread_attr_destroy(&attr);
	return good;
}

/* Returns frames received in `tics`. */
static uint64_t
drive(const struct lean_options *o, uint64_t tics, uint16_t seen[4])
{
	uint64_t end = __rdtsc() + tics, total = 0;

	do {
		for (int i = 0; i < 4; i++) {
			struct lane *l = &lanes[i / 2];
			struct index *used = i % 2 ? &l->tx_used : &l->rx_used;
			struct index *avail = i % 2 ? &l->tx_avail : &l->rx_avail;
			uint16_t idx = __atomic_load_n(&used->v, __ATOMIC_ACQUIRE);
			uint16_t done = (uint16_t)(idx - seen[i]);

			if (done < o->batch)
				continue;
			seen[i] = idx;
			__atomic_store_n(&avail->v, (uint16_t)(idx + o->ring), __ATOMIC_RELEASE);
			if (i % 2 == 0)
				total += done;
		}
		_mm_pause();
	} while (__rdtsc() < end);
	return total;
}

int
lean_limit(const struct lean_options *o)
{
	size_t bytes = (size_t)o->ring * SLOT;
	double hz = lean_tsc_hz(), pps;
	uint16_t seen[4] = {0};
	uint64_t start, frames;
	pthread_t thread;

	for (int i = 0; i < 2; i++) {
		lanes[i].tx = aligned_alloc(64, bytes);
		lanes[i].rx = aligned_alloc(64, bytes);
		if (lanes[i].tx == NULL || lanes[i].rx == NULL)
			return 1;
		memset(lanes[i].tx, 1, bytes);
		memset(lanes[i].rx, 2, bytes);
		lanes[i].tx_avail.v = lanes[i].rx_avail.v = (uint16_t)o->ring;
	}
	if (!start_copier(&thread, o)) {
		fprintf(stderr, "lean: cannot start a thread on CPU %d\n", o->backend_cpu);
		return 1;
	}
	drive(o, (uint64_t)(o->warmup * hz), seen);
	start = __rdtsc();
	frames = drive(o, (uint64_t)(o->seconds * hz), seen);
	pps = (double)frames / ((double)(__rdtsc() - start) / hz);
	stop = true;
	pthread_join(thread, NULL);
	printf("{\"size\": %u, \"pps\": %.0f, \"mpps\": %.3f, \"gbps\": %.3f, "
	       "\"cycles_per_packet\": %.1f, \"tsc_hz\": %.0f}\n",
		o->size, pps, pps / 1e6, pps * o->size * 8 / 1e9, hz / pps, hz);
	return 0;
}
