/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What every user of a packet view needs: the names of drop reasons, VLAN tags
 * and copying bytes out. Workers run all of it. Neighbours: headers.c finds
 * headers, offload.c and gso.c handle what a guest asks to be finished.
 */
#include "src/packet/packet.h"

#include <string.h>

#include "src/packet/headers.h"

static const char *const drop_names[DROP_REASONS] = {
	[DROP_BAD_DESCRIPTOR] = "bad-descriptor",
	[DROP_NOT_OWNED] = "not-owned",
	[DROP_BAD_OFFLOAD] = "bad-offload",
	[DROP_RUNT] = "runt",
	[DROP_OVERSIZE] = "oversize",
	[DROP_VLAN] = "vlan",
	[DROP_NO_NETWORK] = "no-network",
	[DROP_GUARD_MAC] = "guard-mac",
	[DROP_GUARD_IP] = "guard-ip",
	[DROP_GUARD_ARP] = "guard-arp",
	[DROP_GUARD_DHCP] = "guard-dhcp",
	[DROP_GUARD_RA] = "guard-ra",
	[DROP_POLICED] = "policed",
	[DROP_STORM] = "storm",
	[DROP_HAIRPIN] = "hairpin",
	[DROP_NO_DESTINATION] = "no-destination",
	[DROP_NO_TARGET] = "no-target",
	[DROP_NO_SERVICE] = "no-service",
	[DROP_MESSAGE] = "message",
	[DROP_POLICED_OUT] = "policed-out",
	[DROP_RING_FULL] = "ring-full",
	[DROP_SMALL_BUFFER] = "small-buffer",
	[DROP_NOT_READY] = "not-ready",
	[DROP_TOO_BIG] = "too-big",
	[DROP_NIC_FULL] = "nic-full",
	[DROP_NO_MBUF] = "no-mbuf",
	[DROP_NO_BUFFER] = "no-buffer",
	[DROP_QUOTA] = "quota",
};

const char *
packet_drop_name(enum packet_drop reason)
{
	return (unsigned int)reason < DROP_REASONS ? drop_names[reason] : NULL;
}

bool
packet_has_tag(const struct packet *p)
{
	return p->hdr_len >= ETHER_HEADER_LEN + ETHER_TAG_LEN &&
	       load_be16(p->hdr + 12) == ETHER_VLAN;
}

/* The frame's start moved by delta bytes: so do the offsets that count from it. */
static void
move_start(struct packet *p, int delta)
{
	p->hdr -= delta;
	p->hdr_len += delta;
	p->len += delta;
	if (p->offload.flags & PACKET_F_NEEDS_CSUM)
		p->offload.csum_start += delta;
	if (p->offload.gso_type != PACKET_GSO_NONE)
		p->offload.hdr_len += delta;
}

void
packet_vlan_push(struct packet *p, uint16_t tci)
{
	move_start(p, ETHER_TAG_LEN);
	memmove(p->hdr, p->hdr + ETHER_TAG_LEN, 12);
	store_be16(p->hdr + 12, ETHER_VLAN);
	store_be16(p->hdr + 14, tci);
}

uint16_t
packet_vlan_pop(struct packet *p)
{
	uint16_t tci = load_be16(p->hdr + 14);

	memmove(p->hdr + ETHER_TAG_LEN, p->hdr, 12);
	move_start(p, -ETHER_TAG_LEN);
	return tci;
}

/* Copies from one segment what of [*offset, *offset + *n) lies in it. */
static uint8_t *
copy_segment(uint8_t *dst, const uint8_t *data, uint32_t len, uint32_t *offset, uint32_t *n)
{
	uint32_t part;

	if (*offset >= len) {
		*offset -= len;
		return dst;
	}
	part = len - *offset < *n ? len - *offset : *n;
	if (part != 0)
		memcpy(dst, data + *offset, part);
	*offset = 0;
	*n -= part;
	return dst + part;
}

void
packet_copy_out(const struct packet *p, uint32_t offset, void *dst, uint32_t n)
{
	uint8_t *to = copy_segment(dst, p->hdr, p->hdr_len, &offset, &n);

	to = copy_segment(to, p->rest, p->rest_len, &offset, &n);
	for (uint16_t i = 0; i < p->nmore && n != 0; i++)
		to = copy_segment(to, p->more[i].data, p->more[i].len, &offset, &n);
}
