/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The core of load-balancer (balancer.h).
 *
 * Slots are given to back ends by weighted rendezvous hashing of slot and back end's
 * name: each back end draws a number for a slot, the best has it. Without one back end,
 * its slots go to the next best and no other slot changes.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "guest-pmd/nf/balancer.h"

/* The same in every instance: who balances must agree. */
#define SLOT_SEED UINT64_C(0x6e65747662616c31)
#define FLOW_SEED UINT64_C(0x6e65747662616c32)

static int
read_backend(struct balancer *b, const struct nf_file *f)
{
	struct balancer_backend *e = &b->backend[b->backends];
	unsigned int i = 2;
	uint64_t weight = 1;

	if (b->backends == BALANCER_BACKENDS)
		return nf_refuse(
			"%s:%u: more than %d back ends", f->path, f->line, BALANCER_BACKENDS);
	*e = (struct balancer_backend){.to = {.verdict = NETVM_NEXT}};
	if (strlen(f->field[0]) >= sizeof(e->name))
		return nf_file_refuse(f, 0, "a name of 31 characters at most");
	strcpy(e->name, f->field[0]);
	for (unsigned int k = 0; k < b->backends; k++) {
		if (strcmp(b->backend[k].name, e->name) == 0)
			return nf_file_refuse(f, 0, "a name that no other back end has");
	}
	if (f->fields > 1 && strcmp(f->field[1], "mac") == 0) {
		e->rewrite = true;
		if (f->fields < 3 || !nf_word_mac(f->field[2], e->mac))
			return nf_file_refuse(f, 2, NF_EXPECT_MAC);
		i = 3;
	} else if (f->fields < 2 || !nf_word_target(f->field[1], &e->to) ||
		   e->to.verdict == NETVM_NEXT || e->to.verdict == NETVM_DROP) {
		return nf_file_refuse(f, 1, "port:NUMBER, service:NUMBER or mac MAC");
	}
	if (f->fields > i) {
		if (strcmp(f->field[i], "weight") != 0)
			return nf_file_refuse(f, i, "weight NUMBER or the end of the line");
		if (f->fields <= i + 1 || !nf_word_number(f->field[i + 1], 1, 1000, &weight))
			return nf_file_refuse(f, i + 1, "a weight from 1 to 1000");
		if (f->fields > i + 2)
			return nf_file_refuse(f, i + 2, "the end of the line");
	}
	e->weight = (uint32_t)weight;
	b->backends++;
	return 0;
}

static void
fill_slots(struct balancer *b)
{
	for (uint32_t slot = 0; slot < BALANCER_SLOTS; slot++) {
		double best = -1;

		for (unsigned int i = 0; i < b->backends; i++) {
			struct balancer_backend *e = &b->backend[i];
			uint64_t h = nf_hash(SLOT_SEED ^ (uint64_t)slot * 0x9e3779b97f4a7c15,
				e->name, (uint32_t)strlen(e->name));
			/* In (0, 1); -w / ln(u) is largest with a chance of w's share. */
			double u = ((double)(h >> 11) + 0.5) / 9007199254740992.0;
			double score = -(double)e->weight / log(u);

			if (score > best) {
				best = score;
				b->slot[slot] = (uint8_t)i;
			}
		}
		b->backend[b->slot[slot]].slots++;
	}
}

int
balancer_start(struct balancer *b, const char *path)
{
	struct nf_file f;
	int r = nf_file_open(&f, path);

	if (r < 0)
		return r;
	while (r == 0 && (r = nf_file_next(&f)) > 0)
		r = read_backend(b, &f);
	nf_file_close(&f);
	if (r < 0)
		return r;
	if (b->backends == 0)
		return nf_refuse("%s: names no back end", path);
	fill_slots(b);
	return 0;
}

/* The key by which a packet is spread. */
static bool
key_of(const struct balancer *b, const struct nf_headers *h, struct nf_key *key)
{
	struct nf_headers quote;
	struct nf_key quoted;
	uint32_t at;

	if (!nf_key_of(h, key))
		return false;
	/* An error about what a back end sent goes to that back end: it quotes an answer. */
	if (nf_parse_quote(h, &quote, &at) && nf_key_of(&quote, &quoted) &&
		memcmp(quoted.source, key->destination, sizeof(key->destination)) == 0)
		nf_key_reverse(&quoted, key);
	/* All fragments of a datagram go one way, so none is judged by its ports. */
	if (b->by == BALANCER_SOURCE || h->fragment)
		key->sport = key->dport = 0;
	if (b->by == BALANCER_SOURCE) {
		memset(key->destination, 0, sizeof(key->destination));
		key->proto = 0;
	}
	return true;
}

void
balancer_packet(struct balancer *b, struct netvm_packet *p, uint32_t room)
{
	struct balancer_backend *e;
	struct nf_headers h;
	struct nf_key key;

	p->verdict = NETVM_NEXT;
	if (nf_parse(p, &h) == NF_BAD) {
		b->count[BALANCER_BAD]++;
		p->verdict = NETVM_DROP;
		return;
	}
	if (b->answer && nf_reply(&b->host, p, &h, room)) {
		b->count[BALANCER_ANSWERED]++;
		p->verdict = NETVM_TO_PORT;
		return;
	}
	if (!key_of(b, &h, &key) || (b->host.count != 0 && !nf_host_has(&b->host, h.version,
								   h.b + nf_destination_at(&h)))) {
		b->count[BALANCER_PASSED]++;
		return;
	}
	e = &b->backend[b->slot[nf_hash(FLOW_SEED, &key, sizeof(key)) % BALANCER_SLOTS]];
	e->packets++;
	e->bytes += p->total;
	b->count[BALANCER_SENT]++;
	if (e->rewrite)
		nf_store(p, &h, 0, e->mac, 6);
	nf_send_to(p, &e->to);
}

void
balancer_report(struct balancer *b, FILE *out)
{
	static const char *const names[BALANCER_COUNTS] = {"sent", "passed", "answered", "bad"};

	nf_print_counts(out, names, b->count, BALANCER_COUNTS);
	for (unsigned int i = 0; i < b->backends; i++)
		fprintf(out,
			"back end %s: %" PRIu64 " packets, %" PRIu64 " bytes, %.1f %% of flows\n",
			b->backend[i].name, b->backend[i].packets, b->backend[i].bytes,
			100.0 * b->backend[i].slots / BALANCER_SLOTS);
}
