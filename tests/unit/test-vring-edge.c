/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Buffers that end where mapped memory ends: one byte read or written too far
 * is a segmentation fault, also in vector code that sanitizers do not see.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <linux/virtio_config.h>
#include <cmocka.h>

#include "tests/unit/ring-guest.h"

#define EDGE (2u << 20) /* bytes before the edge */
#define FROM 0x70000000ull
#define TO   0x71000000ull
#define HDR  12

static struct packet_burst burst;

/* Memory that is followed, and preceded, by none. */
static uint8_t *
map_edge(struct ring_guest *g, uint64_t gpa)
{
	uint8_t *p = mmap(NULL, EDGE + 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(p, MAP_FAILED);
	assert_int_equal(mprotect(p + 4096, EDGE, PROT_READ | PROT_WRITE), 0);
	assert_int_equal(guest_mem_add(&g->mem, gpa, EDGE, p + 4096), 0);
	return p + 4096;
}

/* One frame from the last bytes (or the first) of one map to those of another. */
static void
across(struct ring_guest *tx, struct ring_guest *rx, uint8_t *from, uint8_t *to, uint32_t len,
	bool end)
{
	uint32_t at = end ? EDGE - HDR - len : 0;
	struct packet *pkts[1] = {&burst.pkt[0]};

	memset(from + at, 0, HDR);
	rg_fill(from + at + HDR, len, len);
	memset(to + at, 0xff, HDR + len);
	rg_desc(tx, 0, FROM + at, HDR + len, 0, 0);
	rg_desc(rx, 0, TO + at, HDR + len, VRING_DESC_F_WRITE, 0);
	rg_post(tx, 0);
	rg_post(rx, 0);
	vring_dequeue(tx->vq, &burst, 1);
	assert_int_equal(burst.count, 1);
	assert_int_equal(vring_enqueue(rx->vq, pkts, 1), 1);
	vring_complete(tx->vq);
	rg_expect(tx, 0, 0);
	rg_expect(rx, 0, HDR + len);
	assert_memory_equal(to + at + HDR, from + at + HDR, len);
}

static void
no_byte_beyond_the_edge(void **state)
{
	struct ring_guest tx, rx;
	uint8_t *from, *to;

	rg_init(&tx, 2, 1ull << VIRTIO_F_VERSION_1 | rg_event, 0, rg_ops);
	rg_init(&rx, 2, 1ull << VIRTIO_F_VERSION_1 | rg_event, 0, rg_ops);
	from = map_edge(&tx, FROM);
	to = map_edge(&rx, TO);
	for (uint32_t len = PACKET_LEN_MIN; len < 1600; len++) {
		across(&tx, &rx, from, to, len, true);
		across(&tx, &rx, from, to, len, false);
	}
	for (uint32_t len = 1600; len <= PACKET_LEN_MAX; len += 997)
		across(&tx, &rx, from, to, len, true);
	across(&tx, &rx, from, to, PACKET_LEN_MAX, true);
	munmap(from - 4096, EDGE + 8192);
	munmap(to - 4096, EDGE + 8192);
	rg_free(&tx);
	rg_free(&rx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_byte_beyond_the_edge),
	};
	return rg_run_rings("edge", tests, sizeof(tests) / sizeof(tests[0]));
}
