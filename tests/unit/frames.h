/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames and views for the tests of src/packet, and slow, obvious versions of
 * what it computes. Nothing here uses code of src/packet beyond its types.
 */
#ifndef NETVM_TEST_FRAMES_H
#define NETVM_TEST_FRAMES_H

#include "src/packet/packet.h"

/* A frame as it is on the wire. */
struct frame {
	uint8_t bytes[PACKET_LEN_MAX + 64];
	uint32_t len;
	uint32_t l3, l4, payload; /* offsets */
	uint8_t version, proto;
};

/* What frame_make() builds. */
struct frame_spec {
	uint8_t version;     /* 4 or 6 */
	uint8_t proto;       /* 6 or 17 */
	uint8_t tags;        /* 802.1Q tags */
	uint8_t ip_options;  /* IPv4: words; IPv6: 8-byte destination options headers */
	uint8_t tcp_options; /* words */
	uint8_t tcp_flags;
	uint32_t payload; /* bytes */
};

/* Payload and addresses from the generator below; all checksums are right. */
void frame_make(struct frame *f, const struct frame_spec *spec);

/* The same numbers on each run. */
uint32_t test_random(void);
static inline uint32_t
test_random_below(uint32_t n)
{
	return test_random() % n;
}

/* A view of a frame. Each piece of memory is an allocation of its exact size,
 * so that a sanitizer sees any byte too many. */
struct view {
	struct packet p;
	uint8_t *mem;
	uint8_t *rest;
	struct packet_seg *more;
};

/* hdr_len private bytes, then segments of random lengths up to seg_max. */
void view_make(
	struct view *v, const uint8_t *bytes, uint32_t len, uint16_t hdr_len, uint32_t seg_max);
void view_free(struct view *v);

/* Copies a view's bytes together, segment by segment. */
void view_flatten(const struct packet *p, uint8_t *to);

/* Byte by byte: the ones' complement sum of RFC 1071, not complemented. */
uint16_t slow_sum(const uint8_t *b, uint32_t len, uint32_t start_value);
/* The value that belongs into the L4 checksum field of f, computed as if it
 * was 0, and the pseudo-header's part of it (not complemented). */
uint16_t slow_l4_checksum(const struct frame *f);
uint16_t slow_pseudo_sum(const struct frame *f);

/* Offset of the checksum field in the L4 header of f. */
uint16_t frame_csum_offset(const struct frame *f);
/* Makes the checksum partial, as a guest's kernel leaves it, and returns the
 * request that goes with it; gso_size 0 asks for no segmentation. */
struct packet_offload frame_make_partial(struct frame *f, uint16_t gso_size);

#endif
