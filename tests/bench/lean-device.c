/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The lean frontend's two devices: descriptor i always points at buffer i, and
 * frames to send are written once. Each device sends to the MAC of the other
 * from its own, so a learning switch knows both after the first frames. See
 * lean.h.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/lean.h"

#define FEATURES                                                                                   \
	(FE_BIT(VIRTIO_F_VERSION_1) | FE_BIT(VIRTIO_NET_F_MRG_RXBUF) |                             \
		FE_BIT(VIRTIO_RING_F_INDIRECT_DESC) | FE_BIT(FE_F_PROTOCOL_FEATURES))
/* An odd number of cache lines: buffers spread over all sets of the caches.
 * With 2048 bytes they fell into a few, and a bare copy took 4 times as long. */
#define BUFFER   (37 * 64)
#define HEADERS  42 /* Ethernet, IPv4, UDP */
#define PORTS_AT 34

static uint16_t
ip_checksum(const uint8_t *p)
{
	uint32_t sum = 0;

	for (unsigned int i = 0; i < 20; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void
put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* The frame that device `from` sends in slot `slot`. */
static void
frame_make(uint8_t *f, const struct lean_options *o, int from, unsigned int slot)
{
	const uint8_t mac[6] = {0x52, 0x54, 0x00, 0xbe, 0x00, 0x0a};
	uint16_t sum;

	memset(f, 0, HEADERS);
	memcpy(f, mac, 6);
	memcpy(f + 6, mac, 6);
	f[5] = (uint8_t)(mac[5] + !from);
	f[11] = (uint8_t)(mac[5] + from);
	put16(f + 12, 0x0800);
	f[14] = 0x45;
	put16(f + 16, o->size - 14);
	f[22] = 64;
	f[23] = 17;
	f[26] = f[30] = 10;
	f[29] = (uint8_t)(1 + from);
	f[33] = (uint8_t)(1 + !from);
	sum = ip_checksum(f + 14);
	put16(f + 24, sum);
	put16(f + PORTS_AT, 1024 + slot % o->flows);
	put16(f + PORTS_AT + 2, 5001);
	put16(f + PORTS_AT + 4, o->size - PORTS_AT);
	for (unsigned int i = HEADERS; i < o->size; i++)
		f[i] = (uint8_t)(i + (unsigned int)from);
}

static struct fe_config
config(const struct lean_options *o, int which)
{
	return (struct fe_config){.socket = o->socket[which],
		.listen = o->listen,
		.ring_size = (uint16_t)o->ring,
		.features = FEATURES | (o->packed ? FE_BIT(VIRTIO_F_RING_PACKED) : 0),
		.tx_buffer = BUFFER,
		.rx_buffer = BUFFER,
		.hugepages = o->hugepages,
		.timeout_ms = 20000};
}

static void
fill_split(struct fe_ring *r, unsigned int i, uint64_t gpa, uint32_t len)
{
	r->desc[i] = (struct vring_desc){
		.addr = gpa, .len = len, .flags = r->receive ? VRING_DESC_F_WRITE : 0};
	r->avail->ring[i] = (uint16_t)i;
	if (r->receive)
		r->avail->idx = (uint16_t)(i + 1);
}

static void
fill_packed(struct fe_ring *r, unsigned int i, uint64_t gpa, uint32_t len)
{
	r->pdesc[i].addr = gpa;
	if (r->receive)
		*lean_packed_word(r, i) = lean_packed_avail(r, i, len, true);
}

static void
fill(struct fe *fe, const struct lean_options *o, int which)
{
	for (int n = 0; n < 2; n++) {
		struct fe_ring *r = &fe->ring[n];

		/* Touches all of it: no page fault later, in us or in the backend. */
		memset(r->buffer, 0, (size_t)o->ring * BUFFER);
		for (unsigned int i = 0; i < o->ring; i++) {
			uint8_t *b = r->buffer + (size_t)i * BUFFER;
			uint32_t len = r->receive ? BUFFER : r->hdr_size + o->size;

			if (!r->receive)
				frame_make(b + r->hdr_size, o, which, i);
			(r->packed ? fill_packed : fill_split)(
				r, i, fe_memory_gpa(&fe->mem, b), len);
		}
	}
}

int
lean_open(struct fe *fe, const struct lean_options *o, int which)
{
	struct fe_config c = config(o, which);

	if (fe_connect(fe, &c) < 0 || fe_negotiate(fe) < 0 || fe_make_rings(fe) < 0)
		goto failed;
	if (o->packed && !fe->ring[0].packed) {
		fe_fail(fe, "the backend does not offer packed rings");
		goto failed;
	}
	fill(fe, o, which);
	if (fe_start(fe) == 0)
		return 0;
failed:
	fprintf(stderr, "lean: %s: %s\n", o->socket[which], fe->err);
	return -1;
}

int
lean_open_alone(struct fe *fe, const struct lean_options *o, int which)
{
	struct fe_config c = config(o, which);

	if (fe_init(fe, &c) == 0) {
		fe->features = c.features;
		if (fe_make_rings(fe) == 0) {
			fill(fe, o, which);
			return 0;
		}
	}
	fprintf(stderr, "lean: %s\n", fe->err);
	return -1;
}

void
lean_kick(struct fe_ring *r)
{
	uint64_t one = 1;

	if (write(r->kick, &one, sizeof(one)) < 0 && errno != EAGAIN)
		fprintf(stderr, "lean: kick: %s\n", strerror(errno));
}

/* What the backend said of buffer i when it used it; false: it has it still,
 * or, in a short run, never had. */
static bool
used_entry(struct fe_ring *r, unsigned int i, uint32_t *id, uint32_t *len)
{
	if (r->packed) {
		uint64_t word = __atomic_load_n(lean_packed_word(r, i), __ATOMIC_ACQUIRE);

		*len = (uint32_t)word;
		*id = (uint16_t)(word >> 32);
		return !(word & LEAN_F_AVAIL) == !(word & LEAN_F_USED);
	}
	*id = r->used->ring[i].id;
	*len = r->used->ring[i].len;
	return *len != 0;
}

/* Changes whenever the backend uses a buffer while we make none available. */
static unsigned int
progress(struct fe dev[2], const struct lean_options *o)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < 2 * o->devices; i++) {
		struct fe_ring *r = &dev[i / 2].ring[i % 2];
		uint32_t id, len;

		if (!r->packed)
			n += __atomic_load_n(&r->used->idx, __ATOMIC_ACQUIRE);
		for (unsigned int k = 0; r->packed && k < o->ring; k++)
			n += used_entry(r, k, &id, &len);
	}
	return n;
}

/* Until the backend does nothing for 100 ms, and no longer than a busy machine
 * may need. */
static void
settle(struct fe dev[2], const struct lean_options *o)
{
	unsigned int before, now = progress(dev, o);

	for (int i = 0; i < 20; i++) {
		before = now;
		usleep(100000);
		now = progress(dev, o);
		if (now == before)
			break;
	}
}

bool
lean_verify(struct fe dev[2], const struct lean_options *o)
{
	uint8_t want[BUFFER];

	settle(dev, o);
	for (unsigned int d = 0; d < o->devices; d++) {
		struct fe_ring *rx = fe_rx_ring(&dev[d], 0);
		unsigned int seen = 0;

		for (unsigned int i = 0; i < o->ring; i++) {
			const uint8_t *got = rx->buffer + (size_t)i * BUFFER + rx->hdr_size;
			uint32_t id, len;

			if (!used_entry(rx, i, &id, &len))
				continue;
			seen++;
			frame_make(want, o, o->devices == 1 ? 0 : !d, 0);
			if (id == i && len == rx->hdr_size + o->size &&
				memcmp(want, got, PORTS_AT) == 0 &&
				memcmp(want + HEADERS, got + HEADERS, o->size - HEADERS) == 0)
				continue;
			fprintf(stderr,
				"lean: receive buffer %u of device %u holds something else than "
				"the peer's frame (id %u, %u bytes)\n",
				i, d, id, len);
			return false;
		}
		if (seen == 0) {
			fprintf(stderr, "lean: no frame came to device %u\n", d);
			return false;
		}
	}
	return true;
}
