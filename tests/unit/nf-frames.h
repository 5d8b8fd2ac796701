/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames and packets for the tests of guest-pmd/nf, with slow, obvious checksums of their
 * own. Memory is of exactly the size that a packet has, so a sanitizer sees a byte too
 * many.
 */
#ifndef NETVM_TEST_NF_FRAMES_H
#define NETVM_TEST_NF_FRAMES_H

#include "guest-pmd/netvm.h"

#define TEST_FRAME_MAX 4096

struct test_frame {
	uint8_t b[TEST_FRAME_MAX];
	uint32_t n;
	uint32_t l3, l4, payload; /* offsets */
	uint8_t version, proto;
};

/* Addresses as text; IPv6 when they have a colon. TCP and UDP have ports, TCP is a SYN; ICMP
 * has its identifier in sport, and type and code in dport. `n` bytes of payload, NULL:
 * numbers. MACs are 02:00:00:00:00:01 to :02, TTL 64. */
void test_frame(struct test_frame *f, const char *from, const char *to, uint8_t proto,
	uint16_t sport, uint16_t dport, const void *payload, uint32_t n);
/* Puts a tag before what is there. */
void test_frame_tag(struct test_frame *f, uint16_t type, uint16_t tci);
/* ARP request or reply (1, 2). */
void test_frame_arp(struct test_frame *f, uint16_t operation, const char *from, const char *asked);
/* After a change: all checksums as they should be. */
void test_frame_sums(struct test_frame *f);
/* The L4 checksum as a guest leaves it to others: the pseudo-header's sum. */
uint16_t test_frame_partial(struct test_frame *f);

/* The headers of any frame of the kinds above, as the offsets of f. */
void test_frame_of(struct test_frame *f, const struct netvm_packet *p);
/* True when every checksum of the frame is what it should be; IPv4's UDP may have none. */
bool test_sums_right(const struct test_frame *f);
/* The slow ones' complement sum. */
uint16_t test_sum(const uint8_t *b, uint32_t n, uint32_t start);

struct test_packet {
	struct netvm_packet p;
	struct netvm_seg seg[64];
	uint8_t *memory[64]; /* of the pieces */
	uint32_t headroom, room;
};

/* A packet with this much memory before and behind it, in pieces of `piece` bytes, 0: in
 * one. It comes from port 7. */
void test_packet(struct test_packet *t, const struct test_frame *f, uint32_t headroom,
	uint32_t tailroom, uint32_t piece);
void test_packet_free(struct test_packet *t);

/* Writes text to a file that the next call replaces; returns its path. */
const char *test_file(const char *text);

#endif
