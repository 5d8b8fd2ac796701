/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The copy into a guest's buffer, in every variant: each length over each
 * alignment of both sides writes what it should and not a byte beside it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/ring-guest.h"

#define LEN_MAX  700 /* beyond the long copy's threshold and two of its rounds */
#define MARGIN   128
#define AREA     (64 + LEN_MAX + 2 * MARGIN)
#define HDR_SIZE 12
#define STALE    0xa5

static void
put_one(struct ring_guest *g, struct packet *p, uint64_t addr)
{
	struct packet *const pkts[] = {p};

	rg_desc(g, 0, addr, HDR_SIZE + LEN_MAX + MARGIN, VRING_DESC_F_WRITE, 0);
	rg_post(g, 0);
	assert_int_equal(vring_enqueue(g->vq, pkts, 1), 1);
	rg_expect(g, 0, HDR_SIZE + p->len);
}

/* A frame whose first 14 bytes are private, the rest at src + from. */
static void
check(struct ring_guest *g, const uint8_t *src, uint32_t from, uint64_t addr, uint32_t len)
{
	uint8_t head[PACKET_LEN_MIN], *area = rg_ptr(g, addr & ~UINT64_C(63)) - MARGIN;
	uint8_t *start = rg_ptr(g, addr), *frame = start + HDR_SIZE;
	uint32_t rest = len - (uint32_t)sizeof(head);
	struct packet p = {.hdr = head,
		.hdr_len = sizeof(head),
		.len = len,
		.rest_len = rest,
		.rest = rest != 0 ? src + from : NULL};

	memset(head, 0x11, sizeof(head));
	memset(area, STALE, AREA + MARGIN);
	put_one(g, &p, addr);
	assert_memory_equal(frame, head, sizeof(head));
	assert_memory_equal(frame + sizeof(head), src + from, rest);
	for (const uint8_t *b = area; b < area + AREA + MARGIN; b++)
		if (b < start || b >= frame + len)
			assert_int_equal(*b, STALE);
}

static void
test_lengths(void **state)
{
	struct ring_guest g;
	uint8_t src[64 + LEN_MAX];
	uint64_t addr;

	rg_init(&g, 16, UINT64_C(1) << VIRTIO_F_VERSION_1 | rg_event, 0, rg_ops);
	rg_fill(src, sizeof(src), 7);
	addr = (rg_alloc(&g, 4 * AREA) + 4 * MARGIN) & ~UINT64_C(63);
	for (uint32_t len = PACKET_LEN_MIN; len <= LEN_MAX; len++)
		check(&g, src, len % 64, addr + len % 61, len);
	for (uint32_t from = 0; from < 64; from++)
		for (uint32_t to = 0; to < 64; to++)
			check(&g, src, from, addr + to, 250 + (from * 64 + to) % 400);
	rg_free(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_lengths)};

	return rg_run_rings("vring-copy", tests, 1);
}
