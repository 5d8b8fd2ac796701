/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The Internet checksum (RFC 1071) over plain memory. Sums are kept in memory
 * order: a folded sum is stored with the bytes as they are, no swapping on any
 * machine. Internal to src/packet; workers run it.
 */
#ifndef NETVM_CHECKSUM_H
#define NETVM_CHECKSUM_H

#include <stdint.h>

/* 16-bit ones' complement sum of len bytes; an odd last byte is padded with 0. */
uint16_t checksum_sum(const uint8_t *data, uint32_t len);

static inline uint16_t
checksum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

#endif
