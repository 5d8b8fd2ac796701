/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The core of payload-scan (scan.h).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "guest-pmd/nf/scan.h"

int
scan_start(struct scan *s, const struct nf_patterns *patterns, struct nf_target matched)
{
	*s = (struct scan){.patterns = patterns, .matched = matched};
	s->hits = calloc(nf_patterns_count(patterns), sizeof(*s->hits));
	if (s->hits != NULL)
		return 0;
	nf_refuse("no memory for counters");
	return -ENOMEM;
}

void
scan_stop(struct scan *s)
{
	free(s->hits);
	s->hits = NULL;
}

struct search {
	struct scan *scan;
	uint32_t state;
	bool matched;
	/* Patterns that this packet has been counted for; the first ones, for a packet can
	 * have more matches than bytes. */
	unsigned int seen[16], count;
};

static bool
on_match(void *arg, unsigned int pattern)
{
	struct search *s = arg;

	s->matched = true;
	for (unsigned int i = 0; i < s->count; i++) {
		if (s->seen[i] == pattern)
			return true;
	}
	s->scan->hits[pattern]++;
	if (s->count < sizeof(s->seen) / sizeof(s->seen[0]))
		s->seen[s->count++] = pattern;
	/* One match decides, unless every pattern's count is wanted. */
	return s->scan->matched.verdict == NETVM_NEXT &&
	       s->count < sizeof(s->seen) / sizeof(s->seen[0]);
}

static bool
scan_part(void *arg, uint8_t *data, uint32_t n)
{
	struct search *s = arg;

	s->state = nf_patterns_scan(s->scan->patterns, s->state, data, n, on_match, s);
	return !s->matched || s->scan->matched.verdict == NETVM_NEXT;
}

void
scan_packet(struct scan *s, struct netvm_packet *p)
{
	struct search search = {.scan = s};
	uint32_t at = 0, n = p->total;
	struct nf_headers h;

	if (nf_parse(p, &h) == NF_BAD) {
		s->count[SCAN_BAD]++;
	} else if (h.kind == NF_IP) {
		at = (uint32_t)h.l4 + h.l4_len;
		n = h.end - at;
	} else {
		at = h.l3;
		n = p->total - at;
	}
	nf_parts(p, at, n, scan_part, &search);
	s->count[search.matched ? SCAN_MATCHED : SCAN_CLEAN]++;
	p->verdict = NETVM_NEXT;
	if (search.matched)
		nf_send_to(p, &s->matched);
}

void
scan_report(const struct scan *s, unsigned int threads, FILE *out)
{
	static const char *const names[SCAN_COUNTS] = {"clean", "matched", "bad"};
	uint64_t sum[SCAN_COUNTS] = {0};
	const struct nf_patterns *patterns = s[0].patterns;

	for (unsigned int t = 0; t < threads; t++) {
		for (unsigned int i = 0; i < SCAN_COUNTS; i++)
			sum[i] += s[t].count[i];
	}
	nf_print_counts(out, names, sum, SCAN_COUNTS);
	for (unsigned int i = 0; i < nf_patterns_count(patterns); i++) {
		uint64_t hits = 0;

		for (unsigned int t = 0; t < threads; t++)
			hits += s[t].hits[i];
		fprintf(out, "pattern in line %u: %" PRIu64 "\n", nf_patterns_line(patterns, i),
			hits);
	}
}
