/* SPDX-License-Identifier: BSD-3-Clause */
/* The frames of frames.h. */
#include "tests/unit/frames.h"

#include <stdlib.h>
#include <string.h>

uint32_t
test_random(void)
{
	static uint64_t s = 88172645463325252u; /* any seed but 0: xorshift64 */

	s ^= s << 13;
	s ^= s >> 7;
	s ^= s << 17;
	return (uint32_t)(s >> 16);
}

static void
put16(uint8_t *b, uint32_t v)
{
	b[0] = (uint8_t)(v >> 8);
	b[1] = (uint8_t)v;
}

static uint8_t *
put_random(uint8_t *b, uint32_t n)
{
	while (n-- != 0)
		*b++ = (uint8_t)test_random();
	return b;
}

uint16_t
slow_sum(const uint8_t *b, uint32_t len, uint32_t start_value)
{
	uint64_t sum = start_value;

	for (uint32_t i = 0; i < len; i++)
		sum += i % 2 == 0 ? b[i] << 8 : b[i];
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

uint16_t
frame_csum_offset(const struct frame *f)
{
	return f->proto == 6 ? 16 : 6;
}

uint16_t
slow_pseudo_sum(const struct frame *f)
{
	uint32_t n = f->version == 4 ? 8 : 32;
	const uint8_t *addresses = f->bytes + f->l3 + (f->version == 4 ? 12 : 8);
	uint32_t length = f->len - f->l4;

	return slow_sum(addresses, n, f->proto + (length & 0xffff) + (length >> 16));
}

uint16_t
slow_l4_checksum(const struct frame *f)
{
	static struct frame copy;
	uint16_t check;

	copy = *f;
	put16(copy.bytes + f->l4 + frame_csum_offset(f), 0);
	check = ~slow_sum(copy.bytes + f->l4, f->len - f->l4, slow_pseudo_sum(f));
	return check == 0 && f->proto == 17 ? 0xffff : check;
}

static uint8_t *
make_ipv4(struct frame *f, uint8_t *b, const struct frame_spec *spec)
{
	uint8_t *ip = b;

	b = put_random(b, 20 + spec->ip_options * 4);
	ip[0] = 0x40 | (5 + spec->ip_options);
	put16(ip + 6, 0x4000); /* do not fragment */
	ip[9] = spec->proto;
	return b;
}

static uint8_t *
make_ipv6(struct frame *f, uint8_t *b, const struct frame_spec *spec)
{
	uint8_t *ip = b, *next = ip + 6;

	b = put_random(b, 40);
	ip[0] = 0x60;
	for (int i = 0; i < spec->ip_options; i++, b += 8) {
		*next = 60;
		next = b;
		memcpy(b, (uint8_t[8]){0, 0, 1, 4}, 8); /* PadN over the rest */
	}
	*next = spec->proto;
	return b;
}

static void
finish_lengths(struct frame *f)
{
	uint8_t *ip = f->bytes + f->l3;

	if (f->version == 6) {
		put16(ip + 4, f->len - f->l3 - 40);
	} else {
		put16(ip + 2, f->len - f->l3);
		put16(ip + 10, 0);
		put16(ip + 10, (uint16_t)~slow_sum(ip, (ip[0] & 0xf) * 4, 0));
	}
	if (f->proto == 17)
		put16(f->bytes + f->l4 + 4, f->len - f->l4);
	put16(f->bytes + f->l4 + frame_csum_offset(f), slow_l4_checksum(f));
}

void
frame_make(struct frame *f, const struct frame_spec *spec)
{
	uint8_t *b = put_random(f->bytes, 12);

	f->version = spec->version;
	f->proto = spec->proto;
	for (int i = 0; i < spec->tags; i++, b += 4) {
		put16(b, 0x8100);
		put16(b + 2, test_random() & 0xffff);
	}
	put16(b, spec->version == 4 ? 0x0800 : 0x86dd);
	b += 2;
	f->l3 = (uint32_t)(b - f->bytes);
	b = spec->version == 4 ? make_ipv4(f, b, spec) : make_ipv6(f, b, spec);
	f->l4 = (uint32_t)(b - f->bytes);
	if (spec->proto == 6) {
		b = put_random(b, 20 + spec->tcp_options * 4);
		f->bytes[f->l4 + 12] = (uint8_t)((5 + spec->tcp_options) << 4);
		f->bytes[f->l4 + 13] = spec->tcp_flags;
	} else {
		b = put_random(b, 8);
	}
	f->payload = (uint32_t)(b - f->bytes);
	b = put_random(b, spec->payload);
	f->len = (uint32_t)(b - f->bytes);
	finish_lengths(f);
}

struct packet_offload
frame_make_partial(struct frame *f, uint16_t gso_size)
{
	uint16_t offset = frame_csum_offset(f);

	put16(f->bytes + f->l4 + offset, slow_pseudo_sum(f));
	return (struct packet_offload){
		.flags = PACKET_F_NEEDS_CSUM,
		.gso_type = gso_size == 0     ? PACKET_GSO_NONE
			    : f->version == 4 ? PACKET_GSO_TCPV4
					      : PACKET_GSO_TCPV6,
		.gso_size = gso_size,
		.csum_start = (uint16_t)f->l4,
		.csum_offset = offset,
	};
}

static uint8_t *
duplicate(const uint8_t *bytes, uint32_t len)
{
	uint8_t *copy = malloc(len);

	if (copy == NULL)
		abort();
	memcpy(copy, bytes, len);
	return copy;
}

void
view_make(struct view *v, const uint8_t *bytes, uint32_t len, uint16_t hdr_len, uint32_t seg_max)
{
	uint32_t at = hdr_len;

	memset(v, 0, sizeof(*v));
	v->mem = malloc(PACKET_HEADROOM + hdr_len);
	v->more = calloc(PACKET_SEGS_MAX, sizeof(*v->more));
	if (v->mem == NULL || v->more == NULL)
		abort();
	memset(v->mem, 0xee, PACKET_HEADROOM);
	memcpy(v->mem + PACKET_HEADROOM, bytes, hdr_len);
	v->p = (struct packet){.hdr = v->mem + PACKET_HEADROOM, .hdr_len = hdr_len, .len = len};
	while (at < len) {
		uint32_t n = 1 + test_random_below(seg_max);
		bool last = v->p.nmore == PACKET_SEGS_MAX - 2;

		if (n > len - at || last)
			n = len - at;
		if (v->p.rest_len == 0) {
			v->p.rest = v->rest = duplicate(bytes + at, n);
			v->p.rest_len = n;
		} else {
			v->more[v->p.nmore++] = (struct packet_seg){duplicate(bytes + at, n), n};
		}
		at += n;
	}
	if (v->p.nmore != 0)
		v->p.more = v->more;
}

void
view_free(struct view *v)
{
	for (uint16_t i = 0; i < v->p.nmore; i++)
		free((void *)(uintptr_t)v->more[i].data);
	free(v->more);
	free(v->rest);
	free(v->mem);
}

void
view_flatten(const struct packet *p, uint8_t *to)
{
	memcpy(to, p->hdr, p->hdr_len);
	to += p->hdr_len;
	if (p->rest_len != 0)
		memcpy(to, p->rest, p->rest_len);
	to += p->rest_len;
	for (uint16_t i = 0; i < p->nmore; i++) {
		memcpy(to, p->more[i].data, p->more[i].len);
		to += p->more[i].len;
	}
}
