/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fake host in whole packets; see pmd-host.h. On the test's thread.
 */
#include "tests/unit/pmd-host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define FEATURES (NETVM_FEATURE_CSUM | NETVM_FEATURE_TSO4 | NETVM_FEATURE_TSO6)

static uint8_t *
buffer_of(const struct pmd_host *h, uint32_t buffer)
{
	return h->fake->buffers + (size_t)buffer * h->fake->config.buffer_size;
}

void
pmd_host_start(struct pmd_host *h, const struct fake_host_config *c)
{
	h->fake = fake_host_new(c);
	h->dev = h->fake->page;
	h->freed = 0;
	__atomic_or_fetch(&h->dev->features, FEATURES, __ATOMIC_RELAXED);
}

void
pmd_host_end(struct pmd_host *h)
{
	fake_host_free(h->fake);
}

bool
pmd_host_send(struct pmd_host *h, uint16_t pair, const void *bytes, uint32_t n, uint16_t pieces,
	uint8_t flags, uint32_t mark)
{
	struct netvm_desc d[NETVM_SEGS_MAX];
	uint32_t part, done = 0;
	uint16_t i;

	for (i = 0; i < pieces; i++, done += part) {
		part = i + 1 == pieces ? n - done : n / pieces;
		d[i] = (struct netvm_desc){.buffer = fake_host_alloc(h->fake),
			.offset = h->fake->config.headroom,
			.length = part,
			.flags = flags | (i + 1 < pieces ? NETVM_DESC_F_MORE : 0),
			.mark = mark};
		if (d[i].buffer == UINT32_MAX)
			return false;
		memcpy(buffer_of(h, d[i].buffer) + d[i].offset, (const uint8_t *)bytes + done,
			part);
	}
	return fake_host_put(h->fake, pair, d, pieces);
}

/* The fake host has the buffer already, but nobody writes to it meanwhile: the only
 * guest is this thread. */
static void
add_piece(struct pmd_host *h, const struct netvm_desc *d, struct pmd_host_packet *p)
{
	if (!p->pieces++) {
		p->buffer = d->buffer;
		p->mark = d->mark;
		p->hash = d->flags & NETVM_DESC_F_HASH;
	}
	assert_true(p->length + d->length <= sizeof(p->bytes));
	memcpy(p->bytes + p->length, buffer_of(h, d->buffer) + d->offset, d->length);
	p->length += d->length;
}

bool
pmd_host_receive(struct pmd_host *h, uint16_t pair, struct pmd_host_packet *p)
{
	struct netvm_desc d;

	p->pieces = 0;
	p->length = 0;
	p->offload = false;
	while (fake_host_take(h->fake, pair, &d, 1)) {
		/* The descriptor behind a request has the flag, too. */
		if ((d.flags & NETVM_DESC_F_OFFLOAD) && !p->offload) {
			memcpy(&p->request, &d, sizeof(d));
			p->offload = true;
		} else if (d.action == NETVM_ACTION_DROP) {
			h->freed++;
		} else {
			add_piece(h, &d, p);
			if (!(d.flags & NETVM_DESC_F_MORE))
				return true;
		}
	}
	return false;
}

unsigned int
pmd_host_swallow(struct pmd_host *h)
{
	static struct pmd_host_packet p;
	unsigned int n = 0;
	uint16_t pair;

	for (pair = 0; pair < h->fake->config.pairs; pair++)
		while (pmd_host_receive(h, pair, &p))
			n++;
	return n;
}

unsigned int
pmd_host_owned(struct pmd_host *h)
{
	uint32_t before, owned;

	/* The fake host may fill FILL between the two looks. */
	do {
		before = fake_host_unread(h->fake);
		owned = fake_host_owned(h->fake) - before;
	} while (before != fake_host_unread(h->fake));
	return owned;
}

unsigned int
pmd_host_openings(const struct pmd_host *h)
{
	return __atomic_load_n(&h->fake->resets, __ATOMIC_ACQUIRE);
}

void
pmd_host_link(struct pmd_host *h, bool up)
{
	if (up)
		__atomic_or_fetch(&h->dev->features, NETVM_FEATURE_LINK_UP, __ATOMIC_RELAXED);
	else
		__atomic_and_fetch(&h->dev->features, ~NETVM_FEATURE_LINK_UP, __ATOMIC_RELAXED);
}
