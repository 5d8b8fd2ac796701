/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The hostile peer's program: memory, rings, and what else it does; see
 * vhost-peer.h.
 */
#include "tests/fuzz/vhost-peer.h"

#include <fcntl.h>
#include <linux/vhost.h>
#include <linux/virtio_ring.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/frontend/frontend.h"

#define DATA (PEER_RINGS * PEER_RING_BYTES) /* where buffers begin */

/* --- a good start, in pieces ------------------------------------------------ */

static void
negotiate(struct peer *p)
{
	uint8_t choice = (uint8_t)peer_take(p, 1);
	uint64_t features =
		FE_BIT(VIRTIO_F_VERSION_1) | FE_BIT(FE_F_PROTOCOL_FEATURES) |
		(choice & 1 ? FE_BIT(VIRTIO_NET_F_MRG_RXBUF) : 0) |
		(choice & 2 ? FE_BIT(VIRTIO_RING_F_INDIRECT_DESC) : 0) |
		(choice & 4 ? FE_BIT(VIRTIO_RING_F_EVENT_IDX) : 0) |
		(choice & 8 ? FE_BIT(VIRTIO_NET_F_MQ) | FE_BIT(VIRTIO_NET_F_CTRL_VQ) : 0) |
		(choice & 16 ? FE_FEATURES_OFFLOAD : 0) |
		(choice & 32 ? FE_BIT(VIRTIO_F_RING_PACKED) : 0) |
		(choice & 64 ? FE_BIT(VIRTIO_F_IN_ORDER) : 0) |
		(choice & 128 ? FE_BIT(VHOST_F_LOG_ALL) : 0);

	peer_tell(p, FE_GET_FEATURES, 0, 0);
	peer_tell(p, FE_SET_PROTOCOL_FEATURES, 0, FE_BIT(FE_PROTO_MQ) | FE_BIT(FE_PROTO_REPLY_ACK));
	peer_tell(p, FE_SET_OWNER, 0, 0);
	peer_tell(p, FE_SET_FEATURES, 0, features);
}

static void
start_rings(struct peer *p)
{
	uint8_t size = (uint8_t)peer_take(p, 1), n = (uint8_t)peer_take(p, 1) % (PEER_RINGS + 1);

	for (unsigned int i = 0; i < n; i++) {
		peer_tell(p, FE_SET_VRING_NUM, i, 1u << size % 9);
		peer_tell(p, FE_SET_VRING_BASE, i, p->avail[i]);
		peer_tell(p, FE_SET_VRING_ADDR, i, 0);
		peer_tell(p, FE_SET_VRING_KICK, i, size >> 7);
		peer_tell(p, FE_SET_VRING_CALL, i, 0);
		peer_tell(p, FE_SET_VRING_ENABLE, i, 1);
	}
}

/* --- memory ----------------------------------------------------------------- */

/* Writes where the file still is: it must not grow again by itself. */
static void
poke(struct peer *p, uint32_t at, const void *bytes, uint32_t len)
{
	unsigned int k = at / PEER_REGION_BYTES % PEER_REGIONS;

	at %= PEER_REGION_BYTES;
	/* Fails where the file was sealed against it. */
	if (at < p->size[k] && len <= p->size[k] - at)
		(void)!pwrite(p->mem[k], bytes, len, at);
}

static void
poke_bytes(struct peer *p)
{
	uint32_t at = (uint32_t)peer_take(p, 3), n = (uint32_t)peer_take(p, 1) % 17;
	uint8_t bytes[16];

	for (uint32_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)peer_take(p, 1);
	poke(p, at % (PEER_REGIONS * PEER_REGION_BYTES), bytes, n);
}

/* A descriptor, split or packed. */
static void
poke_descriptor(struct peer *p)
{
	unsigned int ring = (unsigned int)peer_take(p, 1) % PEER_RINGS,
		     slot = (unsigned int)peer_take(p, 1);
	struct vring_desc d = {.addr = DATA + peer_take(p, 3), .len = (uint32_t)peer_take(p, 2)};
	uint8_t flags = (uint8_t)peer_take(p, 1);

	d.flags = (uint16_t)((flags & 7) | (flags & 8 ? 1u << 7 : 0) | (flags & 16 ? 1u << 15 : 0));
	d.next = (uint16_t)peer_take(p, 1);
	if (flags & 0x20)
		d.addr |= UINT64_MAX << 20;
	poke(p, ring * PEER_RING_BYTES + slot * 16, &d, sizeof(d));
}

static void
poke_avail(struct peer *p)
{
	unsigned int ring = (unsigned int)peer_take(p, 1) % PEER_RINGS;
	uint8_t n = (uint8_t)peer_take(p, 1);
	uint32_t at = ring * PEER_RING_BYTES + 0x1000;

	for (uint32_t i = 0; i < n; i++) {
		uint16_t head = (uint16_t)(p->avail[ring] + i);
		uint16_t id = head & 7;

		poke(p, at + 4 + 2 * (head & 0xff), &id, sizeof(id));
	}
	p->avail[ring] = (uint16_t)(p->avail[ring] + n);
	poke(p, at + 2, &p->avail[ring], sizeof(p->avail[ring]));
}

static void
resize(struct peer *p)
{
	unsigned int k = (unsigned int)peer_take(p, 1) % PEER_REGIONS;
	uint32_t size = (uint32_t)peer_take(p, 1) * (PEER_REGION_BYTES / 128);

	if (ftruncate(p->mem[k], size) == 0)
		p->size[k] = size;
	/* So that both page faults in a running worker and in the library's
	 * handlers are met. */
	if (peer_take(p, 1) & 1)
		peer_settle(p);
}

static void
seal(struct peer *p)
{
	(void)fcntl(p->mem[peer_take(p, 1) % PEER_REGIONS], F_ADD_SEALS,
		peer_take(p, 1) & 1 ? F_SEAL_FUTURE_WRITE : F_SEAL_SHRINK);
}

/* --- the program ------------------------------------------------------------ */

static void
second_connection(struct peer *p)
{
	struct peer other = *p;

	other.in = (struct peer_input){NULL, NULL};
	other.fd = peer_dial(p->path);
	peer_tell(&other, (uint32_t)peer_take(p, 1), 0, peer_take(p, 1));
	peer_hang_up(&other);
}

static void
raw(struct peer *p)
{
	uint8_t bytes[16];
	uint32_t n = 1 + (uint32_t)peer_take(p, 1) % 16;

	for (uint32_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)peer_take(p, 1);
	if (p->pauses++ == 0)
		peer_send(p, bytes, n);
}

static void
reconnect(struct peer *p)
{
	peer_hang_up(p);
	p->fd = peer_dial(p->path);
}

static void
operation(struct peer *p)
{
	uint32_t len;

	switch (peer_take(p, 1) % 20) {
	case 0:
	case 1:
	case 2:
	case 3:
		peer_any_message(p);
		break;
	case 4:
		negotiate(p);
		break;
	case 5:
		peer_tell(p, FE_SET_MEM_TABLE, 0, 0);
		break;
	case 6:
		start_rings(p);
		break;
	case 7:
		peer_tell(p, FE_SET_VRING_ENABLE, (unsigned int)peer_take(p, 1) % PEER_RINGS,
			peer_take(p, 1) & 1);
		break;
	case 8:
	case 9:
		poke_descriptor(p);
		break;
	case 10:
	case 11:
		poke_avail(p);
		break;
	case 12:
		poke_bytes(p);
		break;
	case 13:
		resize(p);
		break;
	case 14:
		seal(p);
		break;
	case 15:
		peer_settle(p);
		break;
	case 16:
		len = 60 + (uint32_t)peer_take(p, 2) % 1440;
		p->deliver(len, 1 + len % 8);
		break;
	case 17:
		raw(p);
		break;
	case 18:
		second_connection(p);
		break;
	default:
		reconnect(p);
	}
}

void
peer_run(struct peer *p, const uint8_t *data, size_t size)
{
	p->in = (struct peer_input){data, data + size};
	for (unsigned int i = 0; i < PEER_REGIONS; i++) {
		p->mem[i] = memfd_create("hostile", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		peer_check(p->mem[i] >= 0 && ftruncate(p->mem[i], PEER_REGION_BYTES) == 0, "memfd");
		p->size[i] = PEER_REGION_BYTES;
	}
	p->fd = peer_dial(p->path);
	while (p->in.at < p->in.end && p->operations++ < 64)
		operation(p);
	peer_settle(p);
	peer_hang_up(p);
	for (unsigned int i = 0; i < PEER_REGIONS; i++)
		close(p->mem[i]);
}
