/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The bench's yardstick: a thread in the backend's place that does one copy per
 * packet between the rings of the two devices, and nothing else. It walks avail
 * entries and descriptors as they stand in memory, copies virtio_net_hdr and
 * frame in one go, writes used elements and indices, in bursts. It looks nothing
 * up, checks nothing, counts nothing and keeps no copy of headers, and frontend,
 * rings and buffers are those that a backend gets: a backend that copies once
 * over split rings can come close to it on this machine, not pass it. See lean.h.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "tests/bench/lean.h"

#define BURST 32

/* From the transmit ring of one device to the receive ring of the other. */
struct lane {
	struct fe_ring *tx, *rx;
	uint64_t tx_off, rx_off; /* guest address plus this is ours */
	uint16_t at;             /* both rings */
};

static struct lane lane[2];
static int stop; /* relaxed both ways: it only ends the thread */

static inline __attribute__((always_inline)) void
copy_burst(struct lane *l, void (*copy)(uint8_t *, const uint8_t *, uint32_t))
{
	uint16_t mask = l->tx->size - 1;
	uint16_t tx = __atomic_load_n(&l->tx->avail->idx, __ATOMIC_ACQUIRE) - l->at;
	uint16_t rx = __atomic_load_n(&l->rx->avail->idx, __ATOMIC_ACQUIRE) - l->at;
	uint16_t n = tx < rx ? tx : rx;

	if (n > BURST)
		n = BURST;
	if (n == 0)
		return;
	for (uint16_t i = 0; i < n; i++) {
		uint16_t at = (l->at + i) & mask;
		uint16_t from = l->tx->avail->ring[at], to = l->rx->avail->ring[at];
		const struct vring_desc *d = &l->tx->desc[from];

		copy((uint8_t *)(uintptr_t)(l->rx->desc[to].addr + l->rx_off),
			(const uint8_t *)(uintptr_t)(d->addr + l->tx_off), d->len);
		l->rx->used->ring[at] = (struct vring_used_elem){to, d->len};
		l->tx->used->ring[at] = (struct vring_used_elem){from, 0};
	}
	l->at += n;
	/* Release: frames and used elements before the indices that publish them. */
	__atomic_store_n(&l->rx->used->idx, l->at, __ATOMIC_RELEASE);
	__atomic_store_n(&l->tx->used->idx, l->at, __ATOMIC_RELEASE);
}

static inline __attribute__((always_inline)) void
copy_all(void (*copy)(uint8_t *, const uint8_t *, uint32_t))
{
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		copy_burst(&lane[0], copy);
		copy_burst(&lane[1], copy);
	}
}

/* Buffers are a whole number of cache lines long, so the last one may be
 * written as a whole. */
__attribute__((target("avx512f"))) static inline void
copy_avx512(uint8_t *to, const uint8_t *from, uint32_t len)
{
	for (uint32_t i = 0; i < len; i += 64)
		_mm512_storeu_si512(to + i, _mm512_loadu_si512(from + i));
}

__attribute__((target("avx2"))) static inline void
copy_avx2(uint8_t *to, const uint8_t *from, uint32_t len)
{
	for (uint32_t i = 0; i < len; i += 32)
		_mm256_storeu_si256(
			(__m256i_u *)(to + i), _mm256_loadu_si256((const __m256i_u *)(from + i)));
}

static inline void
copy_sse(uint8_t *to, const uint8_t *from, uint32_t len)
{
	for (uint32_t i = 0; i < len; i += 16)
		_mm_storeu_si128(
			(__m128i_u *)(to + i), _mm_loadu_si128((const __m128i_u *)(from + i)));
}

__attribute__((target("avx512f"))) static void
run_avx512(void)
{
	copy_all(copy_avx512);
}

__attribute__((target("avx2"))) static void
run_avx2(void)
{
	copy_all(copy_avx2);
}

static void *
copier(void *arg)
{
	(void)arg;
	if (__builtin_cpu_supports("avx512f"))
		run_avx512();
	else if (__builtin_cpu_supports("avx2"))
		run_avx2();
	else
		copy_all(copy_sse);
	return NULL;
}

/* Born on its CPU: it may never get to run on ours. */
static bool
start_copier(pthread_t *thread, int cpu)
{
	pthread_attr_t attr;
	cpu_set_t set;
	bool good;

	CPU_ZERO(&set);
	CPU_SET((unsigned int)(cpu < 0 ? 0 : cpu), &set);
	pthread_attr_init(&attr);
	good = (cpu < 0 || pthread_attr_setaffinity_np(&attr, sizeof(set), &set) == 0) &&
	       pthread_create(thread, &attr, copier, NULL) == 0;
	pthread_attr_destroy(&attr);
	return good;
}

int
lean_limit(struct fe dev[2], const struct lean_options *o)
{
	pthread_t thread;
	int r;

	for (int i = 0; i < 2; i++) {
		const struct fe_memory *from = &dev[i].mem, *to = &dev[!i].mem;

		lane[i] = (struct lane){.tx = fe_tx_ring(&dev[i], 0),
			.rx = fe_rx_ring(&dev[!i], 0),
			.tx_off = (uint64_t)(uintptr_t)from->base - from->gpa,
			.rx_off = (uint64_t)(uintptr_t)to->base - to->gpa};
		lane[i].tx->used->flags = lane[i].rx->used->flags = VRING_USED_F_NO_NOTIFY;
	}
	if (!start_copier(&thread, o->backend_cpu)) {
		fprintf(stderr, "lean: cannot start a thread on CPU %d\n", o->backend_cpu);
		return 1;
	}
	r = lean_rate(dev, o);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	fe_close(&dev[0]);
	fe_close(&dev[1]);
	return r;
}
