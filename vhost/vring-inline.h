/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What every part of the ring code shares: reading the guest's memory once,
 * and the two indices. Workers only. Internal to vring*.c.
 *
 * Read once. A value that a guest can change while we look at it must not be
 * read again by a compiler that ran out of registers. The empty asm makes the
 * loaded value opaque: what was checked is what is used.
 *
 * Byte order. All of a VERSION_1 ring is little-endian, a legacy one has the
 * guest's order (VIRTIO 1.2, 2.7.3 and 6.3). We run on x86 with x86 guests, so
 * both are ours; the assertion is the one place that says so.
 */
#ifndef NETVM_VRING_INLINE_H
#define NETVM_VRING_INLINE_H

#include <string.h>

#include "vhost/vring-log.h"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "rings are read in host byte order");

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

static inline uint64_t
read_once_64(const void *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	__asm__ volatile("" : "+r"(v));
	return v;
}

static inline uint16_t
read_once_16(const void *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	__asm__ volatile("" : "+r"(v));
	return v;
}

/* A descriptor, wherever it lies: an indirect table need not be aligned. */
static inline struct vring_desc
vring_desc_read(const void *p)
{
	uint64_t addr = read_once_64(p);
	uint64_t rest = read_once_64((const uint8_t *)p + 8);

	return (struct vring_desc){
		.addr = addr,
		.len = (uint32_t)rest,
		.flags = (uint16_t)(rest >> 32),
		.next = (uint16_t)(rest >> 48),
	};
}

/* One writer, so no locked add; relaxed for those who read while it counts. */
static inline void
vring_count(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

/*
 * How many entries the guest has put into avail that we have not taken. More
 * than the ring holds is a broken guest: the ring is given up until the next
 * vring_setup(), since no entry can be trusted to be new.
 */
static inline uint16_t
vring_avail_count(struct vring_queue *vq)
{
	/* Acquire: the entries and descriptors below were written before the index
	 * (pairs with the driver's barrier of VIRTIO 1.2, 2.7.13.3). */
	uint16_t n =
		(uint16_t)(__atomic_load_n(&vq->avail->idx, __ATOMIC_ACQUIRE) - vq->last_avail);

	if (unlikely(vq->fault != VRING_OK))
		return 0;
	if (unlikely(n > vq->size)) {
		__atomic_store_n(&vq->fault, VRING_FAULT_AVAIL, __ATOMIC_RELAXED);
		return 0;
	}
	return n;
}

static inline uint16_t
vring_avail_head(const struct vring_queue *vq, uint16_t pos)
{
	return __atomic_load_n(&vq->avail->ring[pos & (vq->size - 1)], __ATOMIC_RELAXED);
}

/* Writes a used entry in one store; it counts once used->idx is past it. */
static inline void
vring_used_write(struct vring_queue *vq, uint16_t pos, uint16_t head, uint32_t len)
{
	uint64_t e = (uint64_t)len << 32 | head;

	memcpy(&vq->used->ring[pos & (vq->size - 1)], &e, sizeof(e));
}

static inline void
vring_used_publish(struct vring_queue *vq, uint16_t used_idx)
{
	uint16_t before = vq->used_idx;

	vq->used_idx = used_idx;
	/* Release: used entries and buffer contents are there before the index
	 * (pairs with the driver's barrier of VIRTIO 1.2, 2.7.14). */
	__atomic_store_n(&vq->used->idx, used_idx, __ATOMIC_RELEASE);
	if (unlikely(vq->log != NULL))
		vring_log_used(vq, before);
}

#endif
