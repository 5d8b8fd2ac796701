/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Numbered frames whose every byte follows from stream and number. See shmpeer.h.
 */
#include <string.h>

#include "tests/shm/shmpeer.h"

#define FRAME_TYPE 0x88b6 /* IEEE 802, for local experiments */

static uint8_t
filler(uint64_t number, uint32_t at)
{
	return (uint8_t)(number * 131 + at * 7 + (number >> 8));
}

static void
write_frame(struct peer *p, uint64_t number, uint32_t size)
{
	uint8_t *f = p->frame;

	memcpy(f, p->opt->to, 6);
	memcpy(f + 6, p->c.seen.mac, 6);
	f[12] = FRAME_TYPE >> 8;
	f[13] = FRAME_TYPE & 0xff;
	memcpy(f + 14, &p->stream, 4);
	memcpy(f + 18, &number, 8);
	f[26] = f[27] = 0;
	for (uint32_t i = PEER_HEADER; i < size; i++)
		f[i] = filler(number, i);
}

uint32_t
frame_make(struct peer *p, unsigned int pair, uint64_t number, struct netvm_desc d[NETVM_SEGS_MAX])
{
	uint32_t room = p->c.seen.buffer_size - p->c.seen.headroom, left = p->opt->size, n = 0;

	write_frame(p, number, p->opt->size);
	while (left != 0) {
		uint32_t bytes = left < room ? left : room, buffer;

		if (n == NETVM_SEGS_MAX || !peer_take(p, pair, &buffer)) {
			while (n != 0)
				peer_free(p, pair, d[--n].buffer);
			return 0;
		}
		memcpy(client_buffer(&p->c, buffer) + p->c.seen.headroom,
			p->frame + (p->opt->size - left), bytes);
		left -= bytes;
		d[n++] = (struct netvm_desc){.buffer = buffer,
			.offset = (uint16_t)p->c.seen.headroom,
			.length = (uint16_t)bytes,
			.flags = left != 0 ? NETVM_DESC_F_MORE : 0};
	}
	return n;
}

/* Copies a packet together; 0: it does not lie where packets may lie. */
static uint32_t
gather(struct peer *p, const struct netvm_desc *d, uint32_t n)
{
	uint32_t size = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (d[i].buffer >= p->c.seen.buffers ||
			(uint32_t)d[i].offset + d[i].length > p->c.seen.buffer_size ||
			size + d[i].length > sizeof(p->frame))
			return 0;
		memcpy(p->frame + size, client_buffer(&p->c, d[i].buffer) + d[i].offset,
			d[i].length);
		size += d[i].length;
	}
	return size;
}

static void
judge_number(struct tally *t, uint32_t stream, uint64_t number)
{
	if (t->stream != stream) {
		/* Another sender, or the same one started again. */
		t->stream = stream;
		t->next = number;
	}
	if (number < t->next) {
		t->reordered++;
		return;
	}
	t->lost += number - t->next;
	t->next = number + 1;
}

void
frame_judge(struct peer *p, const struct netvm_desc *d, uint32_t n)
{
	uint32_t size = gather(p, d, n), stream;
	const uint8_t *f = p->frame;
	struct tally *t = &p->t;
	double now = client_now();
	uint64_t number;

	if (size != 0 &&
		(size < PEER_HEADER || f[12] != FRAME_TYPE >> 8 || f[13] != (FRAME_TYPE & 0xff))) {
		t->foreign++;
		return;
	}
	memcpy(&stream, f + 14, 4);
	memcpy(&number, f + 18, 8);
	for (uint32_t i = PEER_HEADER; i < size; i++) {
		if (f[i] != filler(number, i))
			size = 0;
	}
	if (size == 0) {
		t->corrupt++;
		return;
	}
	judge_number(t, stream, number);
	if (t->received++ != 0 && now - t->last > t->gap)
		t->gap = now - t->last;
	t->last = now;
	t->bytes += size;
}
