/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The automaton of nf-patterns.h.
 *
 * THEORY OF OPERATION. States are prefixes of patterns; 0 is the empty one. step[] says
 * for each state and byte which is the longest prefix that the bytes so far end with, so a
 * search is one look-up for each byte, whatever the bytes are: nobody can send what is slow
 * to search. Bytes that no pattern has are one class, which keeps the table small. A
 * state's `hit` is the pattern that it is the whole of; `next_hit` leads to a shorter state
 * with one. The top bit of a step says that either is there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "guest-pmd/nf/nf-patterns.h"

#define STEPS_MAX (UINT32_C(1) << 26) /* of states times classes: 256 MiB */
#define HIT       (UINT32_C(1) << 31)
#define NONE      UINT32_MAX

struct pattern {
	uint8_t *bytes;
	uint32_t length;
	unsigned int line;
};

struct nf_patterns {
	struct pattern pattern[NF_PATTERNS_MAX];
	unsigned int count;
	bool ignore_case;
	uint8_t class[256];
	uint32_t classes, states, room;
	uint32_t *step; /* [state * classes + class] */
	uint32_t *hit, *next_hit;
};

static uint8_t
lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

/* The value of a \xHH at `text`, or -1. */
static int
escaped(const char *text)
{
	static const char digits[] = "0123456789abcdef";
	int value = 0;

	for (int i = 2; i < 4; i++) {
		const char *d = text[i] == '\0' ? NULL : strchr(digits, lower((uint8_t)text[i]));

		if (d == NULL)
			return -1;
		value = value * 16 + (int)(d - digits);
	}
	return value;
}

static int
read_pattern(struct nf_patterns *ps, const struct nf_file *f)
{
	struct pattern *p = &ps->pattern[ps->count];
	const char *text = f->text;

	if (ps->count == NF_PATTERNS_MAX)
		return nf_refuse("%s:%u: more than %d patterns", f->path, f->line, NF_PATTERNS_MAX);
	p->bytes = malloc(NF_LINE_MAX);
	if (p->bytes == NULL)
		return nf_refuse("%s:%u: no memory for more patterns", f->path, f->line);
	ps->count++;
	p->line = f->line;
	while (*text != '\0') {
		int value = (uint8_t)*text;
		int used = 1;

		if (text[0] == '\\' && text[1] == '\\') {
			used = 2;
		} else if (text[0] == '\\') {
			value = text[1] == 'x' ? escaped(text) : -1;
			used = 4;
		}
		if (value < 0)
			return nf_refuse("%s:%u: \"%.16s\": expected \\\\ or \\xHH with two "
					 "hexadecimal digits",
				f->path, f->line, text);
		p->bytes[p->length++] = ps->ignore_case ? lower((uint8_t)value) : (uint8_t)value;
		text += used;
	}
	if (p->length > NF_PATTERN_LEN_MAX)
		return nf_refuse("%s:%u: a pattern of %u bytes: expected at most %d", f->path,
			f->line, p->length, NF_PATTERN_LEN_MAX);
	return 0;
}

static void
find_classes(struct nf_patterns *ps)
{
	bool seen[256] = {false};

	ps->classes = 1;
	for (unsigned int i = 0; i < ps->count; i++) {
		for (uint32_t k = 0; k < ps->pattern[i].length; k++) {
			uint8_t byte = ps->pattern[i].bytes[k];

			/* The 256th byte gets class 0: no byte is left that needs it. */
			if (!seen[byte])
				ps->class[byte] = (uint8_t)(ps->classes++ & 0xff);
			seen[byte] = true;
		}
	}
	if (ps->classes > 256)
		ps->classes = 256;
	for (int c = 'A'; ps->ignore_case && c <= 'Z'; c++)
		ps->class[c] = ps->class[lower((uint8_t)c)];
}

static int
allocate(struct nf_patterns *ps, const char *path)
{
	uint64_t states = 1;

	for (unsigned int i = 0; i < ps->count; i++)
		states += ps->pattern[i].length;
	if (states * ps->classes > STEPS_MAX)
		return nf_refuse("%s: its patterns are too long in all: %llu bytes of %u kinds",
			path, (unsigned long long)states, ps->classes);
	ps->room = (uint32_t)states;
	ps->states = 1;
	ps->step = calloc(states * ps->classes, sizeof(*ps->step));
	ps->hit = malloc(states * sizeof(*ps->hit));
	ps->next_hit = malloc(states * sizeof(*ps->next_hit));
	if (ps->step == NULL || ps->hit == NULL || ps->next_hit == NULL)
		return nf_refuse("%s: no memory for its patterns", path);
	memset(ps->hit, 0xff, states * sizeof(*ps->hit));
	memset(ps->next_hit, 0xff, states * sizeof(*ps->next_hit));
	return 0;
}

/* The trie of all patterns; a step of 0 is none yet. A pattern that is there twice is
 * found as its first. */
static void
plant(struct nf_patterns *ps)
{
	for (unsigned int i = 0; i < ps->count; i++) {
		uint32_t state = 0;

		for (uint32_t k = 0; k < ps->pattern[i].length; k++) {
			uint32_t *step =
				&ps->step[state * ps->classes + ps->class[ps->pattern[i].bytes[k]]];

			if (*step == 0)
				*step = ps->states++;
			state = *step;
		}
		if (ps->hit[state] == NONE)
			ps->hit[state] = i;
	}
}

/* Breadth first: what a state lacks, its longest proper ending has worked out already. */
static int
complete(struct nf_patterns *ps)
{
	uint32_t *queue = malloc(ps->states * sizeof(*queue));
	uint32_t *ending = calloc(ps->states, sizeof(*ending));
	uint32_t n = 0;

	if (queue == NULL || ending == NULL) {
		free(queue);
		free(ending);
		return nf_refuse("no memory for the patterns");
	}
	queue[n++] = 0;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t state = queue[i];

		for (uint32_t c = 0; c < ps->classes; c++) {
			uint32_t *step = &ps->step[state * ps->classes + c];
			uint32_t shorter =
				state == 0 ? 0 : ps->step[ending[state] * ps->classes + c];

			if (*step == 0) {
				*step = shorter;
				continue;
			}
			ending[*step] = shorter;
			ps->next_hit[*step] =
				ps->hit[shorter] != NONE ? shorter : ps->next_hit[shorter];
			queue[n++] = *step;
		}
	}
	for (uint64_t i = 0; i < (uint64_t)ps->states * ps->classes; i++) {
		uint32_t to = ps->step[i];

		if (ps->hit[to] != NONE || ps->next_hit[to] != NONE)
			ps->step[i] |= HIT;
	}
	free(queue);
	free(ending);
	return 0;
}

struct nf_patterns *
nf_patterns_read(const char *path, bool ignore_case)
{
	struct nf_patterns *ps;
	struct nf_file f;
	int r = nf_file_open(&f, path);

	if (r < 0)
		return NULL;
	ps = calloc(1, sizeof(*ps));
	if (ps == NULL) {
		nf_file_close(&f);
		nf_refuse("%s: no memory for its patterns", path);
		return NULL;
	}
	ps->ignore_case = ignore_case;
	while (r == 0 && (r = nf_file_next_raw(&f)) > 0)
		r = read_pattern(ps, &f);
	nf_file_close(&f);
	if (r == 0 && ps->count == 0)
		r = nf_refuse("%s: has no pattern", path);
	if (r == 0) {
		find_classes(ps);
		r = allocate(ps, path);
	}
	if (r == 0) {
		plant(ps);
		r = complete(ps);
	}
	if (r == 0)
		return ps;
	nf_patterns_free(ps);
	return NULL;
}

void
nf_patterns_free(struct nf_patterns *ps)
{
	if (ps == NULL)
		return;
	for (unsigned int i = 0; i < ps->count; i++)
		free(ps->pattern[i].bytes);
	free(ps->step);
	free(ps->hit);
	free(ps->next_hit);
	free(ps);
}

unsigned int
nf_patterns_count(const struct nf_patterns *ps)
{
	return ps->count;
}

unsigned int
nf_patterns_line(const struct nf_patterns *ps, unsigned int i)
{
	return ps->pattern[i].line;
}

uint32_t
nf_patterns_scan(const struct nf_patterns *ps, uint32_t state, const uint8_t *data, uint32_t n,
	bool (*found)(void *arg, unsigned int pattern), void *arg)
{
	for (uint32_t i = 0; i < n; i++) {
		state = ps->step[state * ps->classes + ps->class[data[i]]];
		if ((state & HIT) == 0)
			continue;
		state &= ~HIT;
		for (uint32_t s = state; s != NONE; s = ps->next_hit[s]) {
			if (ps->hit[s] != NONE && !found(arg, ps->hit[s]))
				return state;
		}
	}
	return state;
}
