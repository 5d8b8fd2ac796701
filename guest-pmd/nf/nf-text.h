/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What people write for the network functions: files of lines with fields, and the
 * words in them. A refusal names file, line and field, says what was expected, and is
 * in nf_error() then. Used at start only, on the main thread.
 */
#ifndef NF_TEXT_H
#define NF_TEXT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define NF_LINE_MAX   1024
#define NF_FIELDS_MAX 16

/* The last refusal's sentence. Never NULL. */
const char *nf_error(void);
/* Sets it; always -EINVAL, to be returned. */
int nf_refuse(const char *format, ...) __attribute__((format(printf, 1, 2)));

struct nf_file {
	FILE *stream;
	const char *path;
	unsigned int line; /* of what is in text and field */
	unsigned int fields;
	char *field[NF_FIELDS_MAX]; /* in text */
	char text[NF_LINE_MAX];
};

/* 0, or a negative errno with the reason in nf_error(). */
int nf_file_open(struct nf_file *f, const char *path);
void nf_file_close(struct nf_file *f);
/* The next line that is not empty or a comment ("#", first on the line or after a
 * space). 1: there is one, 0: end of file, negative: refused. */
int nf_file_next(struct nf_file *f);
/* The same, but the line as it is, in text; comments begin the line. */
int nf_file_next_raw(struct nf_file *f);
/* Refuses field i (from 0) of the line; i >= fields: it is missing. -EINVAL. */
int nf_file_refuse(const struct nf_file *f, unsigned int i, const char *expected);
/* Refuses lines with fewer or more fields; `form` shows the right one. */
int nf_file_want(const struct nf_file *f, unsigned int min, unsigned int max, const char *form);

/* "name: value" lines, for report. */
void nf_print_counts(FILE *out, const char *const *names, const uint64_t *values, unsigned int n);

/* --- words: true when it is one ---------------------------------------------- */

struct nf_prefix {
	uint8_t version; /* 4, 6; 0: any address of any family */
	uint8_t bits;
	uint8_t address[16]; /* 4 or 16 bytes; bits behind the prefix are 0 */
};

struct nf_ports {
	uint16_t first, last;
};

#define NF_PROTO_ANY (-1)

bool nf_word_number(const char *word, uint64_t min, uint64_t max, uint64_t *value);
/* With k, M or G behind it, powers of 1000. */
bool nf_word_scaled(const char *word, uint64_t min, uint64_t max, uint64_t *value);
bool nf_word_mac(const char *word, uint8_t mac[6]);
/* "any", an address, or ADDRESS/BITS without bits set behind them. */
bool nf_word_prefix(const char *word, struct nf_prefix *prefix);
/* An address, without a length: its prefix is the whole. */
bool nf_word_address(const char *word, struct nf_prefix *address);
/* "any", a number or FIRST-LAST. */
bool nf_word_ports(const char *word, struct nf_ports *ports);
/* "any", tcp, udp, icmp, icmp6, or a number. */
bool nf_word_proto(const char *word, int *proto);
bool nf_prefix_holds(const struct nf_prefix *prefix, uint8_t version, const uint8_t *address);

#define NF_EXPECT_PREFIX  "an address, ADDRESS/BITS with no bit set behind them, or any"
#define NF_EXPECT_ADDRESS "an IPv4 or IPv6 address"
#define NF_EXPECT_PORTS   "a port number, FIRST-LAST, or any"
#define NF_EXPECT_PROTO   "tcp, udp, icmp, icmp6, a number of 0 to 255, or any"
#define NF_EXPECT_MAC     "a MAC address such as 52:54:00:00:00:01"

#endif
