/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pcapng blocks; see pcapng.h. Numbers are in the byte order of this machine:
 * the section header tells readers which one that is.
 */
#include <string.h>

#include "config.h"
#include "src/control/pcapng.h"

enum {
	BLOCK_SECTION = 0x0a0d0d0a,
	BLOCK_INTERFACE = 1,
	BLOCK_STATISTICS = 5,
	BLOCK_PACKET = 6,
};
enum {
	OPT_END = 0,
	OPT_COMMENT = 1,
	SHB_USERAPPL = 4,
	IF_NAME = 2,
	IF_TSRESOL = 9,
	IF_FILTER = 11,
	EPB_FLAGS = 2,
	ISB_STARTTIME = 2,
	ISB_ENDTIME = 3,
	ISB_IFRECV = 4,
	ISB_IFDROP = 5,
	ISB_FILTERACCEPT = 6,
};

#define BYTE_ORDER_MAGIC  0x1a2b3c4du
#define LINKTYPE_ETHERNET 1
#define TSRESOL_NS        9 /* 10 to the power of -9 seconds */
#define FILTER_TEXT       0 /* a filter as libpcap's text follows */
#define FLAGS_IN          1u
#define FLAGS_OUT         2u

static void
put(GByteArray *out, const void *data, gsize n)
{
	g_byte_array_append(out, data, (guint)n);
}

static void
put16(GByteArray *out, uint16_t v)
{
	put(out, &v, sizeof(v));
}

static void
put32(GByteArray *out, uint32_t v)
{
	put(out, &v, sizeof(v));
}

/* Every field ends at a multiple of four bytes. */
static void
pad(GByteArray *out, gsize n)
{
	static const uint8_t zero[4];

	put(out, zero, -n & 3);
}

/* Begins a block; its length is written by block_end(). */
static guint
block(GByteArray *out, uint32_t type)
{
	guint at = out->len;

	put32(out, type);
	put32(out, 0);
	return at;
}

static void
block_end(GByteArray *out, guint at)
{
	uint32_t len = out->len - at + 4;

	put32(out, len);
	memcpy(out->data + at + 4, &len, sizeof(len));
}

static void
option(GByteArray *out, uint16_t code, const void *data, gsize n)
{
	n = MIN(n, G_MAXUINT16);
	put16(out, code);
	put16(out, (uint16_t)n);
	put(out, data, n);
	pad(out, n);
}

static void
option64(GByteArray *out, uint16_t code, uint64_t v)
{
	option(out, code, &v, sizeof(v));
}

/* A time stamp's halves, the upper one first whatever the byte order. */
static void
put_time(GByteArray *out, uint64_t ns)
{
	put32(out, (uint32_t)(ns >> 32));
	put32(out, (uint32_t)ns);
}

static void
option_time(GByteArray *out, uint16_t code, uint64_t ns)
{
	put16(out, code);
	put16(out, 8);
	put_time(out, ns);
}

void
pcapng_begin(GByteArray *out, const char *interface, uint32_t snaplen, const char *filter)
{
	static const uint8_t tsresol = TSRESOL_NS;
	static const char program[] = "netvmd " PACKAGE_VERSION;
	guint at = block(out, BLOCK_SECTION);

	put32(out, BYTE_ORDER_MAGIC);
	put16(out, 1); /* version 1.0 */
	put16(out, 0);
	put32(out, UINT32_MAX); /* length of the section: not told */
	put32(out, UINT32_MAX);
	option(out, SHB_USERAPPL, program, sizeof(program) - 1);
	option(out, OPT_END, NULL, 0);
	block_end(out, at);

	at = block(out, BLOCK_INTERFACE);
	put16(out, LINKTYPE_ETHERNET);
	put16(out, 0);
	put32(out, snaplen);
	option(out, IF_NAME, interface, strlen(interface));
	option(out, IF_TSRESOL, &tsresol, sizeof(tsresol));
	if (filter != NULL) {
		g_autofree char *text = g_strdup_printf("%c%s", '?', filter);

		text[0] = FILTER_TEXT;
		option(out, IF_FILTER, text, 1 + strlen(filter));
	}
	option(out, OPT_END, NULL, 0);
	block_end(out, at);
}

void
pcapng_frame(
	GByteArray *out, uint64_t ns, bool in, const uint8_t *data, uint32_t captured, uint32_t len)
{
	uint32_t flags = in ? FLAGS_IN : FLAGS_OUT;
	guint at = block(out, BLOCK_PACKET);

	put32(out, 0); /* the interface */
	put_time(out, ns);
	put32(out, captured);
	put32(out, len);
	put(out, data, captured);
	pad(out, captured);
	option(out, EPB_FLAGS, &flags, sizeof(flags));
	option(out, OPT_END, NULL, 0);
	block_end(out, at);
}

void
pcapng_finish(GByteArray *out, const struct pcapng_end *end)
{
	guint at = block(out, BLOCK_STATISTICS);

	put32(out, 0); /* the interface */
	put_time(out, end->end_ns);
	option(out, OPT_COMMENT, end->comment, strlen(end->comment));
	option_time(out, ISB_STARTTIME, end->start_ns);
	option_time(out, ISB_ENDTIME, end->end_ns);
	option64(out, ISB_IFRECV, end->received);
	option64(out, ISB_IFDROP, end->lost);
	option64(out, ISB_FILTERACCEPT, end->chosen);
	option(out, OPT_END, NULL, 0);
	block_end(out, at);
}
