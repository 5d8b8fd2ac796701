/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames and packets of nf-frames.h. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/nf-frames.h"

static void
put16(uint8_t *b, uint32_t v)
{
	b[0] = (uint8_t)(v >> 8);
	b[1] = (uint8_t)v;
}

uint16_t
test_sum(const uint8_t *b, uint32_t n, uint32_t start)
{
	uint64_t sum = start;

	for (uint32_t i = 0; i < n; i++)
		sum += i % 2 == 0 ? (uint32_t)b[i] << 8 : b[i];
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static uint32_t
checksum_at(const struct test_frame *f)
{
	return f->l4 + (f->proto == 6 ? 16u : f->proto == 17 ? 6u : 2u);
}

static uint32_t
ip_end(const struct test_frame *f)
{
	const uint8_t *ip = f->b + f->l3;

	return f->version == 4 ? f->l3 + (ip[2] << 8 | ip[3])
			       : f->l3 + 40u + (uint32_t)(ip[4] << 8 | ip[5]);
}

static uint16_t
pseudo(const struct test_frame *f)
{
	const uint8_t *ip = f->b + f->l3;
	uint32_t n = ip_end(f) - f->l4;

	if (f->proto == 1)
		return 0;
	return f->version == 4 ? test_sum(ip + 12, 8, f->proto + n)
			       : test_sum(ip + 8, 32, f->proto + n);
}

static uint16_t
l4_sum(const struct test_frame *f)
{
	return test_sum(f->b + f->l4, ip_end(f) - f->l4, pseudo(f));
}

void
test_frame_sums(struct test_frame *f)
{
	uint8_t *field = f->b + checksum_at(f);
	uint16_t sum;

	if (f->version == 4) {
		put16(f->b + f->l3 + 10, 0);
		sum = test_sum(f->b + f->l3, (f->b[f->l3] & 0xf) * 4u, 0);
		put16(f->b + f->l3 + 10, (uint16_t)~sum);
	}
	put16(field, 0);
	sum = (uint16_t)~l4_sum(f);
	put16(field, f->proto == 17 && sum == 0 ? 0xffff : sum);
}

uint16_t
test_frame_partial(struct test_frame *f)
{
	put16(f->b + checksum_at(f), pseudo(f));
	return (uint16_t)(checksum_at(f) - f->l4);
}

bool
test_sums_right(const struct test_frame *f)
{
	const uint8_t *field = f->b + checksum_at(f);

	if (f->version == 4 && test_sum(f->b + f->l3, (f->b[f->l3] & 0xf) * 4u, 0) != 0xffff)
		return false;
	if (f->version == 4 && f->proto == 17 && field[0] == 0 && field[1] == 0)
		return true;
	return l4_sum(f) == 0xffff;
}

static void
put_ip(struct test_frame *f, const char *from, const char *to, uint32_t payload)
{
	uint8_t *ip = f->b + 14;
	int family = strchr(from, ':') != NULL ? AF_INET6 : AF_INET;

	f->version = family == AF_INET ? 4 : 6;
	put16(f->b + 12, f->version == 4 ? 0x0800 : 0x86dd);
	ip[0] = f->version == 4 ? 0x45 : 0x60;
	if (f->version == 4) {
		put16(ip + 2, 20 + payload);
		put16(ip + 4, 0x1234);
		ip[8] = 64;
		ip[9] = f->proto;
		inet_pton(family, from, ip + 12);
		inet_pton(family, to, ip + 16);
	} else {
		put16(ip + 4, payload);
		ip[6] = f->proto;
		ip[7] = 64;
		inet_pton(family, from, ip + 8);
		inet_pton(family, to, ip + 24);
	}
	f->l3 = 14;
	f->l4 = f->version == 4 ? 34 : 54;
}

static void
put_macs(struct test_frame *f)
{
	memset(f, 0, sizeof(*f));
	memcpy(f->b, "\2\0\0\0\0\2\2\0\0\0\0\1", 12);
}

void
test_frame(struct test_frame *f, const char *from, const char *to, uint8_t proto, uint16_t sport,
	uint16_t dport, const void *payload, uint32_t n)
{
	uint32_t header = proto == 6 ? 20 : 8;
	uint8_t *l4;

	put_macs(f);
	f->proto = proto;
	put_ip(f, from, to, header + n);
	l4 = f->b + f->l4;
	if (proto == 6 || proto == 17) {
		put16(l4, sport);
		put16(l4 + 2, dport);
	} else {
		put16(l4, dport);
		put16(l4 + 4, sport);
	}
	if (proto == 17)
		put16(l4 + 4, 8 + n);
	if (proto == 6) {
		l4[12] = 0x50;
		l4[13] = 2;
	}
	f->payload = f->l4 + header;
	f->n = f->payload + n;
	for (uint32_t i = 0; i < n; i++)
		f->b[f->payload + i] =
			payload != NULL ? ((const uint8_t *)payload)[i] : (uint8_t)(i * 7 + 1);
	test_frame_sums(f);
}

void
test_frame_tag(struct test_frame *f, uint16_t type, uint16_t tci)
{
	memmove(f->b + 16, f->b + 12, f->n - 12);
	put16(f->b + 12, type);
	put16(f->b + 14, tci);
	f->n += 4;
	f->l3 += 4;
	f->l4 += 4;
	f->payload += 4;
}

void
test_frame_arp(struct test_frame *f, uint16_t operation, const char *from, const char *asked)
{
	uint8_t *arp = f->b + 14;

	put_macs(f);
	if (operation == 1)
		memset(f->b, 0xff, 6);
	put16(f->b + 12, 0x0806);
	memcpy(arp, "\0\1\x08\0\6\4", 6);
	put16(arp + 6, operation);
	memcpy(arp + 8, f->b + 6, 6);
	inet_pton(AF_INET, from, arp + 14);
	inet_pton(AF_INET, asked, arp + 24);
	f->l3 = 14;
	f->n = 42;
}

void
test_frame_of(struct test_frame *f, const struct netvm_packet *p)
{
	uint32_t at = 0;

	memset(f, 0, sizeof(*f));
	if (p->total > TEST_FRAME_MAX)
		abort();
	memcpy(f->b, p->data, p->length);
	at = p->length;
	for (const struct netvm_seg *s = p->next; s != NULL; s = s->next) {
		memcpy(f->b + at, s->data, s->length);
		at += s->length;
	}
	if (at != p->total)
		abort();
	f->n = at;
	f->l3 = 14;
	while (f->b[f->l3 - 2] == 0x81 || f->b[f->l3 - 2] == 0x88)
		f->l3 += 4;
	f->version = f->b[f->l3] >> 4;
	f->l4 = f->l3 + (f->version == 4 ? (f->b[f->l3] & 0xf) * 4u : 40u);
	f->proto = f->b[f->l3 + (f->version == 4 ? 9 : 6)];
	f->payload = f->l4 + (f->proto == 6 ? (f->b[f->l4 + 12] >> 4) * 4u : 8u);
}

void
test_packet(struct test_packet *t, const struct test_frame *f, uint32_t headroom, uint32_t tailroom,
	uint32_t piece)
{
	uint32_t first = piece == 0 || piece > f->n ? f->n : piece, at = first;
	struct netvm_seg **link = &t->p.next;

	memset(t, 0, sizeof(*t));
	t->headroom = headroom;
	t->memory[0] = malloc(headroom + first + tailroom);
	t->p = (struct netvm_packet){.data = t->memory[0] + headroom,
		.length = first,
		.total = f->n,
		.nseg = 1,
		.destination = 7};
	t->room = first + tailroom;
	memcpy(t->p.data, f->b, first);
	while (at < f->n) {
		uint32_t n = f->n - at < piece ? f->n - at : piece, i = t->p.nseg;

		if (i == 64)
			abort();
		t->memory[i] = malloc(n);
		memcpy(t->memory[i], f->b + at, n);
		t->seg[i] = (struct netvm_seg){.data = t->memory[i], .length = n, .buffer = i};
		*link = &t->seg[i];
		link = &t->seg[i].next;
		at += n;
		t->p.nseg++;
	}
}

void
test_packet_free(struct test_packet *t)
{
	for (int i = 0; i < 64; i++)
		free(t->memory[i]);
	memset(t, 0, sizeof(*t));
}

static char path[64];

static void
remove_file(void)
{
	if (path[0] != '\0')
		unlink(path);
}

const char *
test_file(const char *text)
{
	FILE *out;

	if (path[0] == '\0') {
		int fd;

		strcpy(path, "/tmp/netvm-nf-XXXXXX");
		fd = mkstemp(path);
		if (fd < 0)
			abort();
		close(fd);
		atexit(remove_file);
	}
	out = fopen(path, "w");
	if (out == NULL || fputs(text, out) < 0 || fclose(out) != 0)
		abort();
	return path;
}
