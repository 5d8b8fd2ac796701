/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The core of aes-encrypt and aes-decrypt (aes.h).
 *
 * A nonce must never come twice with one key. It is 8 random bytes, drawn for each thread
 * when it starts and again whenever its counter of 4 bytes has gone round: two threads
 * or runs meet by chance only, with a probability of about n^2 / 2^65 for n draws.
 */
#include <errno.h>
#include <string.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "guest-pmd/nf/aes.h"
#include "guest-pmd/nf/nf-text.h"

static int
draw_nonce(struct aes *a)
{
	a->counter = 0;
	if (RAND_bytes(a->nonce, 8) == 1)
		return 0;
	nf_refuse("OpenSSL has no random numbers");
	return -EIO;
}

int
aes_start(struct aes *a, const struct aes_key *key, bool decrypt)
{
	const EVP_CIPHER *cipher = key->length == 32 ? EVP_aes_256_gcm() : EVP_aes_128_gcm();
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();

	*a = (struct aes){.context = c, .decrypt = decrypt};
	if (c == NULL || EVP_CipherInit_ex(c, cipher, NULL, key->bytes, NULL, !decrypt) != 1) {
		aes_stop(a);
		nf_refuse("OpenSSL cannot do AES-GCM with a key of %u bits", key->length * 8);
		return -EIO;
	}
	return draw_nonce(a);
}

void
aes_stop(struct aes *a)
{
	EVP_CIPHER_CTX_free(a->context);
	a->context = NULL;
}

struct work {
	EVP_CIPHER_CTX *context;
	bool ok;
};

static bool
crypt_part(void *arg, uint8_t *data, uint32_t n)
{
	struct work *w = arg;
	int length;

	w->ok = n <= INT32_MAX && EVP_CipherUpdate(w->context, data, &length, data, (int)n) == 1;
	return w->ok;
}

/* Runs the cipher over [at, at + n) in place. The tag is written, or checked. */
static bool
run(struct aes *a, const struct netvm_packet *p, uint32_t at, uint32_t n,
	const uint8_t nonce[AES_NONCE], uint8_t tag[AES_TAG])
{
	struct work w = {a->context, true};
	uint8_t rest[16];
	int length;

	if (EVP_CipherInit_ex(w.context, NULL, NULL, NULL, nonce, -1) != 1 ||
		(a->decrypt &&
			EVP_CIPHER_CTX_ctrl(w.context, EVP_CTRL_GCM_SET_TAG, AES_TAG, tag) != 1))
		return false;
	nf_parts(p, at, n, crypt_part, &w);
	if (!w.ok || EVP_CipherFinal_ex(w.context, rest, &length) != 1)
		return false;
	return a->decrypt ||
	       EVP_CIPHER_CTX_ctrl(w.context, EVP_CTRL_GCM_GET_TAG, AES_TAG, tag) == 1;
}

/* The lengths that the headers state change from what they are by `grow`. */
static void
correct_lengths(struct netvm_packet *p, struct nf_headers *h, int32_t grow)
{
	uint32_t at = h->l3 + (h->version == 4 ? 2u : 4u);
	uint16_t before, after;
	uint8_t length[2], sum[2];

	nf_put16(length, (uint16_t)(nf_be16(h->b + at) + grow));
	nf_replace(p, h, at, length, 2, NF_COVER_IP);
	/* The pseudo-header has the length of L4, as UDP's own header does. */
	nf_put16(sum, (uint16_t)(h->end - h->l4));
	memcpy(&before, sum, 2);
	nf_put16(sum, (uint16_t)(h->end - h->l4 + (uint32_t)grow));
	memcpy(&after, sum, 2);
	nf_correct_l4(p, h, before, after, NF_COVER_PSEUDO);
	if (h->proto == NF_PROTO_UDP) {
		nf_put16(length, (uint16_t)(nf_be16(h->b + h->l4 + 4) + grow));
		nf_replace(p, h, h->l4 + 4u, length, 2, NF_COVER_L4);
	}
}

static enum aes_count
encrypt(struct aes *a, struct netvm_packet *p, struct nf_headers *h, uint32_t headroom)
{
	uint32_t n, at = nf_payload(h, &n);
	uint8_t front[AES_OVERHEAD];
	uint16_t before, after;

	if (headroom < AES_OVERHEAD || h->end - h->l3 + AES_OVERHEAD > UINT16_MAX)
		return AES_NO_ROOM;
	if (a->counter == UINT32_MAX && draw_nonce(a) < 0)
		return AES_NO_ROOM;
	nf_put32(a->nonce + 8, a->counter++);
	memcpy(front, a->nonce, AES_NONCE);
	before = nf_sum(p, at, n);
	if (!run(a, p, at, n, front, front + AES_NONCE))
		return AES_BAD;
	/* The headers move forward to make room. */
	memmove(p->data - AES_OVERHEAD, p->data, at);
	p->data -= AES_OVERHEAD;
	p->length += AES_OVERHEAD;
	p->total += AES_OVERHEAD;
	memcpy(p->data + at, front, sizeof(front));
	after = nf_sum(p, at, n + AES_OVERHEAD);
	nf_correct_l4(p, h, before, after, NF_COVER_L4);
	correct_lengths(p, h, AES_OVERHEAD);
	return AES_DONE;
}

static enum aes_count
decrypt(struct aes *a, struct netvm_packet *p, struct nf_headers *h)
{
	uint32_t n, at = nf_payload(h, &n);
	uint8_t front[AES_OVERHEAD];
	uint16_t before, after;

	if (n <= AES_OVERHEAD)
		return AES_FORGED;
	if (p->length < at + AES_OVERHEAD)
		return AES_BAD;
	memcpy(front, p->data + at, sizeof(front));
	before = nf_sum(p, at, n);
	if (!run(a, p, at + AES_OVERHEAD, n - AES_OVERHEAD, front, front + AES_NONCE))
		return AES_FORGED;
	memmove(p->data + AES_OVERHEAD, p->data, at);
	p->data += AES_OVERHEAD;
	p->length -= AES_OVERHEAD;
	p->total -= AES_OVERHEAD;
	after = nf_sum(p, at, n - AES_OVERHEAD);
	nf_correct_l4(p, h, before, after, NF_COVER_L4);
	correct_lengths(p, h, -AES_OVERHEAD);
	return AES_DONE;
}

/* UDP's own length must be IP's: the other end goes by it. */
static bool
lengths_agree(const struct nf_headers *h)
{
	return h->proto != NF_PROTO_UDP || nf_be16(h->b + h->l4 + 4) == h->end - h->l4;
}

static enum aes_count
process(struct aes *a, struct netvm_packet *p, uint32_t headroom)
{
	struct nf_headers h;
	uint32_t n, at;

	if (nf_parse(p, &h) == NF_BAD)
		return AES_BAD;
	if (h.kind != NF_IP || (h.proto != NF_PROTO_TCP && h.proto != NF_PROTO_UDP))
		return AES_PASSED;
	if (h.fragment)
		return AES_FRAGMENTS;
	if (h.l4_len == 0 || !lengths_agree(&h))
		return AES_BAD;
	at = nf_payload(&h, &n);
	if (n == 0)
		return AES_PASSED;
	if (p->gso_size != 0)
		return AES_UNCUT;
	if (p->length < at)
		return AES_BAD;
	return a->decrypt ? decrypt(a, p, &h) : encrypt(a, p, &h, headroom);
}

void
aes_packet(struct aes *a, struct netvm_packet *p, uint32_t headroom)
{
	enum aes_count what = process(a, p, headroom);

	a->count[what]++;
	p->verdict = what <= AES_PASSED ? NETVM_NEXT : NETVM_DROP;
}
