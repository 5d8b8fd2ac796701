/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * aes-encrypt and aes-decrypt: the payload of TCP and UDP, by AES-256-GCM or AES-128-GCM.
 *
 *	before   Ethernet IP L4 payload
 *	between  Ethernet IP L4 nonce (12) tag (16) encrypted payload
 *
 * A packet grows by AES_OVERHEAD bytes at its front, so ends must leave room in the MTU. A
 * payload that was changed on the way, or was not encrypted with this key, is dropped by
 * the decrypting end. The headers are not covered, as routers and NAT change them; nor is a
 * packet that is played back recognised. Checksums are corrected, and a wrong one stays
 * wrong. Packets without payload, and other protocols, pass as they are.
 *
 * Dropped: fragments (their payload cannot be told from plain text at the other end), TCP
 * to be cut into segments (each needs a nonce of its own), malformed packets, packets
 * without room.
 *
 * A struct aes is one thread's. OpenSSL does the cryptography; only this module
 * includes it.
 */
#ifndef NF_AES_H
#define NF_AES_H

#include "guest-pmd/nf/nf-packet.h"

#define AES_NONCE    12
#define AES_TAG      16
#define AES_OVERHEAD (AES_NONCE + AES_TAG)

enum aes_count {
	AES_DONE,
	AES_PASSED,    /* nothing to do */
	AES_FORGED,    /* dropped: the tag is not right */
	AES_FRAGMENTS, /* dropped */
	AES_NO_ROOM,   /* dropped: no room in front, or longer than IP can say */
	AES_UNCUT,     /* dropped: to be cut into segments */
	AES_BAD,       /* dropped: malformed, or headers in several pieces */
	AES_COUNTS,
};

struct aes_key {
	uint8_t bytes[32];
	unsigned int length; /* 16 or 32 */
};

struct aes {
	void *context; /* EVP_CIPHER_CTX */
	bool decrypt;
	uint8_t nonce[AES_NONCE]; /* 8 bytes random, 4 a counter */
	uint32_t counter;
	uint64_t count[AES_COUNTS];
};

/* A file of 32 or 64 hexadecimal digits, which only its owner may read. 0, or an error with
 * nf_error(). */
int aes_key_read(struct aes_key *key, const char *path);
int aes_start(struct aes *a, const struct aes_key *key, bool decrypt);
void aes_stop(struct aes *a);
/* headroom: bytes before p's first piece. */
void aes_packet(struct aes *a, struct netvm_packet *p, uint32_t headroom);
/* The program of either direction: all of main(). */
int aes_program(int argc, char **argv, bool decrypt);

#endif
