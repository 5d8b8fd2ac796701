/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The core of flow-tracker (tracker.h). When the table is full, the flow that is silent
 * for longest makes room, so that a flood of new flows cannot hide what follows it.
 */
#include <errno.h>
#include <inttypes.h>

#include "guest-pmd/nf/nf-text.h"
#include "guest-pmd/nf/tracker.h"

int
tracker_start(struct tracker *t, uint32_t capacity, uint64_t age_ns)
{
	struct nf_table_spec spec = {.capacity = capacity,
		.key_size = sizeof(struct nf_key),
		.value_size = sizeof(struct tracker_flow),
		.timeout_ns = {age_ns}};

	*t = (struct tracker){.flows = nf_table_new(&spec)};
	if (t->flows != NULL)
		return 0;
	nf_refuse("no memory for %u flows", capacity);
	return -ENOMEM;
}

void
tracker_stop(struct tracker *t)
{
	nf_table_free(t->flows);
	t->flows = NULL;
}

uint32_t
tracker_age(struct tracker *t, uint64_t now, uint32_t max)
{
	uint32_t n = nf_table_expire(t->flows, now, max);

	t->count[TRACKER_AGED] += n;
	return n;
}

void
tracker_packet(struct tracker *t, const struct netvm_packet *p, uint64_t now)
{
	struct tracker_flow *flow;
	struct nf_key key, back;
	struct nf_headers h;
	unsigned int direction = 0;

	nf_parse(p, &h);
	if (!nf_key_of(&h, &key)) {
		t->count[TRACKER_NOT_IP]++;
		return;
	}
	flow = nf_table_find(t->flows, &key);
	if (flow == NULL) {
		nf_key_reverse(&key, &back);
		flow = nf_table_find(t->flows, &back);
		direction = flow != NULL;
	}
	if (flow == NULL) {
		tracker_age(t, now, 2);
		flow = nf_table_add(t->flows, &key, 0, now);
		if (flow == NULL) {
			nf_table_remove(t->flows, nf_table_oldest(t->flows, NF_CLASSES_ALL));
			t->count[TRACKER_EVICTED]++;
			flow = nf_table_add(t->flows, &key, 0, now);
		}
		if (flow == NULL)
			return;
		t->count[TRACKER_FLOWS]++;
		flow->first_ns = now;
	}
	nf_table_touch(t->flows, flow, 0, now);
	flow->last_ns = now;
	flow->packets[direction]++;
	flow->bytes[direction] += p->total;
}

struct top {
	const struct nf_key *key[TRACKER_TOP_MAX];
	const struct tracker_flow *flow[TRACKER_TOP_MAX];
	unsigned int count, max;
};

static uint64_t
bytes_of(const struct tracker_flow *flow)
{
	return flow->bytes[0] + flow->bytes[1];
}

static void
consider(void *arg, const void *key, void *value)
{
	struct top *top = arg;
	unsigned int i = top->count;

	if (top->max == 0 || (i == top->max && bytes_of(top->flow[i - 1]) >= bytes_of(value)))
		return;
	if (i < top->max)
		top->count++;
	else
		i--;
	for (; i > 0 && bytes_of(top->flow[i - 1]) < bytes_of(value); i--) {
		top->flow[i] = top->flow[i - 1];
		top->key[i] = top->key[i - 1];
	}
	top->flow[i] = value;
	top->key[i] = key;
}

void
tracker_report(struct tracker *t, FILE *out, unsigned int top_max, uint64_t now)
{
	static const char *const names[TRACKER_COUNTS] = {"begun", "aged", "evicted", "not-ip"};
	struct top top = {.max = top_max < TRACKER_TOP_MAX ? top_max : TRACKER_TOP_MAX};

	fprintf(out, "flows: %u\n", nf_table_count(t->flows));
	nf_print_counts(out, names, t->count, TRACKER_COUNTS);
	nf_table_each(t->flows, consider, &top);
	for (unsigned int i = 0; i < top.count; i++) {
		const struct tracker_flow *f = top.flow[i];
		char text[NF_KEY_TEXT];

		fprintf(out,
			"flow %s: %" PRIu64 "/%" PRIu64 " packets, %" PRIu64 "/%" PRIu64
			" bytes, %.1f s, silent for %.1f s\n",
			nf_key_text(top.key[i], text), f->packets[0], f->packets[1], f->bytes[0],
			f->bytes[1], (double)(f->last_ns - f->first_ns) / 1e9,
			(double)(now - f->last_ns) / 1e9);
	}
}
