/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * l3fwd's file of routes (l3fwd.h). Main thread, at start.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "guest-pmd/nf/l3fwd.h"

static int
read_kind(const struct nf_file *f, struct l3_route *r, uint8_t version, unsigned int *used)
{
	static const struct {
		const char *word;
		enum l3_kind kind;
		unsigned int fields;
	} kinds[] = {{"via", L3_VIA, 3}, {"direct", L3_DIRECT, 2}, {"mac", L3_MAC, 3},
		{"blackhole", L3_BLACKHOLE, 2}};
	const char *value;
	size_t i = 0;

	while (i < 4 && (f->fields < 2 || strcmp(f->field[1], kinds[i].word) != 0))
		i++;
	if (i == 4)
		return nf_file_refuse(f, 1, "via ADDRESS, direct, mac MAC or blackhole");
	r->kind = kinds[i].kind;
	*used = kinds[i].fields;
	value = f->fields > 2 ? f->field[2] : "";
	if (r->kind == L3_VIA &&
		(!nf_word_address(value, &r->gateway) || r->gateway.version != version))
		return nf_file_refuse(f, 2, "a gateway's address, of the prefix's family");
	if (r->kind == L3_MAC && !nf_word_mac(value, r->mac))
		return nf_file_refuse(f, 2, NF_EXPECT_MAC);
	return 0;
}

static int
read_route(struct l3fwd *l3, const struct nf_file *f)
{
	struct l3_route *r = &l3->route[l3->routes];
	struct nf_prefix prefix;
	unsigned int used = 0;
	int error;

	if (l3->routes == L3_ROUTES_MAX)
		return nf_refuse("%s:%u: more than %d routes", f->path, f->line, L3_ROUTES_MAX);
	*r = (struct l3_route){.to = {.verdict = NETVM_NEXT}};
	if (!nf_word_prefix(f->field[0], &prefix) || prefix.version == 0)
		return nf_file_refuse(f, 0, "ADDRESS/BITS with no bit set behind them");
	error = read_kind(f, r, prefix.version, &used);
	if (error < 0)
		return error;
	if (f->fields > used &&
		(r->kind == L3_BLACKHOLE || !nf_word_target(f->field[used], &r->to)))
		return nf_file_refuse(f, used,
			r->kind == L3_BLACKHOLE ? "the end of the line" : NF_EXPECT_TARGET);
	if (f->fields > used + 1)
		return nf_file_refuse(f, used + 1, "the end of the line");
	error = nf_lpm_add(l3->lpm, &prefix, l3->routes);
	if (error == -EEXIST)
		return nf_file_refuse(f, 0, "a prefix that has no route yet");
	if (error < 0)
		return nf_refuse("%s:%u: no memory for more routes", f->path, f->line);
	l3->routes++;
	return 0;
}

int
l3_routes_read(struct l3fwd *l3, const char *path)
{
	struct nf_file f;
	int r = nf_file_open(&f, path);

	if (r < 0)
		return r;
	while (r == 0 && (r = nf_file_next(&f)) > 0)
		r = read_route(l3, &f);
	nf_file_close(&f);
	return r;
}
