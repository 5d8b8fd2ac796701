/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Many byte patterns searched for at once, in one pass, and over the borders of
 * pieces: an Aho-Corasick automaton with all steps worked out.
 */
#ifndef NF_PATTERNS_H
#define NF_PATTERNS_H

#include "guest-pmd/nf/nf-text.h"

#define NF_PATTERNS_MAX    4096
#define NF_PATTERN_LEN_MAX 255

struct nf_patterns;

/* From a file, a pattern a line: the bytes of the line, with \\ and \xHH for others.
 * NULL: nf_error(). */
struct nf_patterns *nf_patterns_read(const char *path, bool ignore_case);
void nf_patterns_free(struct nf_patterns *ps);
unsigned int nf_patterns_count(const struct nf_patterns *ps);
/* The line of the file that pattern i is from. */
unsigned int nf_patterns_line(const struct nf_patterns *ps, unsigned int i);

/* Goes on through n bytes from a state, 0 at first. Calls back for each pattern that ends
 * there; false from it ends the search. Returns the state. */
uint32_t nf_patterns_scan(const struct nf_patterns *ps, uint32_t state, const uint8_t *data,
	uint32_t n, bool (*found)(void *arg, unsigned int pattern), void *arg);

#endif
