/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The guard of a port: may its guest send this frame? Pure functions on the
 * private header; workers run them on every frame of a guarded port.
 * Neighbours: guard-ipv6.c judges ICMPv6, guard-text.c is the operator's side.
 *
 * Theory of operation. What a receiver would believe is judged, and what cannot
 * be judged does not pass: an IP header that lies or is cut off, an L4 header
 * that begins behind the private bytes or in another fragment. Fragments
 * themselves are fine as long as the first one shows its L4 header right behind
 * the IP headers, because then no later one (its offset is 8 or more) can change
 * the ports or the ICMPv6 type that were judged; a receiver that lets a
 * second "first" fragment win sees one that was judged as well.
 *
 * Some receivers unwrap what others do not: IP and ARP in LLC/SNAP, tags in
 * tags, MPLS, PPPoE. So SNAP and second tags never pass, and with an ip list
 * only ARP, RARP, IPv4 and IPv6 do: everything else could carry an address.
 */
#include <string.h>

#include "src/packet/guard-internal.h"

#define ARP_LEN           28
#define ARP_HTYPE_ETHER   1
#define ARP_OP_REQUEST    1
#define ARP_OP_REPLY      2
#define RARP_OP_REQUEST   3
#define LLC_SAP_SNAP      0xaa
#define LLC_SAP_IP        0x06
#define LLC_SAP_ARP       0x98
#define LLC_SAP_GROUP     0x01
#define ICMP_REDIRECT     5
#define ICMP_ROUTER_ADV   9
#define DHCP4_SERVER_PORT 67
#define DHCP4_CLIENT_PORT 68
#define DHCP6_CLIENT_PORT 546
#define DHCP6_SERVER_PORT 547

static const uint8_t unspecified[16];

static bool
mac_allowed(const struct guard *g, const uint8_t *mac)
{
	for (unsigned int i = 0; i < g->nmac; i++) {
		if (memcmp(g->mac[i], mac, 6) == 0)
			return true;
	}
	return false;
}

static bool
prefix_matches(const uint8_t *addr, const struct guard_ip *ip)
{
	unsigned int whole = ip->prefix / 8, bits = ip->prefix % 8;

	if (memcmp(addr, ip->addr, whole) != 0)
		return false;
	return bits == 0 || (addr[whole] ^ ip->addr[whole]) >> (8 - bits) == 0;
}

/* True for fe80::/64 with the EUI-64 of an allowed MAC (RFC 4291, appendix A). */
static bool
link_local_allowed(const struct guard *g, const uint8_t *addr)
{
	static const uint8_t prefix[8] = {0xfe, 0x80};

	if (memcmp(addr, prefix, 8) != 0 || addr[11] != 0xff || addr[12] != 0xfe)
		return false;
	for (unsigned int i = 0; i < g->nmac; i++) {
		const uint8_t *mac = g->mac[i];

		if (addr[8] == (mac[0] ^ 2) && memcmp(addr + 9, mac + 1, 2) == 0 &&
			memcmp(addr + 13, mac + 3, 3) == 0)
			return true;
	}
	return false;
}

bool
guard_ip_allowed(const struct guard *g, uint8_t family, const uint8_t *addr)
{
	if (g->nip == 0)
		return true;
	for (unsigned int i = 0; i < g->nip; i++) {
		if (g->ip[i].family == family && prefix_matches(addr, &g->ip[i]))
			return true;
	}
	return family == 6 && link_local_allowed(g, addr);
}

bool
guard_unspecified(const uint8_t *addr, unsigned int len)
{
	return memcmp(addr, unspecified, len) == 0;
}

/*
 * ARP (RFC 826) and RARP. The sender's MAC has to be the frame's own source:
 * two MACs of one port do not speak for each other. A probe (RFC 5227) has no
 * sender IP and claims its target.
 */
static enum packet_drop
check_arp(const struct guard *g, const struct packet *p, const struct headers *h)
{
	const uint8_t *arp = p->hdr + h->l3, *ip;
	uint16_t op;

	if (h->l3 + ARP_LEN > p->hdr_len)
		return DROP_GUARD_ARP;
	if (load_be16(arp) != ARP_HTYPE_ETHER || load_be16(arp + 2) != ETHER_IPV4 || arp[4] != 6 ||
		arp[5] != 4)
		return DROP_GUARD_ARP;
	op = load_be16(arp + 6);
	if (h->ether_type == ETHER_RARP ? op != RARP_OP_REQUEST
					: op != ARP_OP_REQUEST && op != ARP_OP_REPLY)
		return DROP_GUARD_ARP;
	if (memcmp(arp + 8, p->hdr + 6, 6) != 0)
		return DROP_GUARD_ARP;
	ip = arp + 14;
	if (guard_unspecified(ip, 4)) {
		if (op == RARP_OP_REQUEST)
			return DROP_REASONS;
		if (op == ARP_OP_REPLY)
			return DROP_GUARD_ARP;
		ip = arp + 24;
	}
	return guard_ip_allowed(g, 4, ip) ? DROP_REASONS : DROP_GUARD_ARP;
}

/*
 * Ports of UDP. A client listens on its port and often looks at nothing else
 * (packet filters of DHCP clients do), so the destination port is as much a
 * server's mark as the source port.
 */
static enum packet_drop
check_udp(const struct packet *p, const struct headers *h)
{
	uint16_t server = h->version == 4 ? DHCP4_SERVER_PORT : DHCP6_SERVER_PORT;
	uint16_t client = h->version == 4 ? DHCP4_CLIENT_PORT : DHCP6_CLIENT_PORT;

	if (!headers_l4_holds(p, h, UDP_HEADER_LEN))
		return DROP_GUARD_DHCP;
	if (load_be16(p->hdr + h->l4) == server || load_be16(p->hdr + h->l4 + 2) == client)
		return DROP_GUARD_DHCP;
	return DROP_REASONS;
}

/* True for what a DHCP client sends before it has an address. */
static bool
is_dhcp_request(const struct packet *p, const struct headers *h)
{
	return h->proto == IPPROTO_NUM_UDP && !h->fragment &&
	       headers_l4_holds(p, h, UDP_HEADER_LEN) &&
	       load_be16(p->hdr + h->l4) == DHCP4_CLIENT_PORT &&
	       load_be16(p->hdr + h->l4 + 2) == DHCP4_SERVER_PORT;
}

static enum packet_drop
check_ipv4(const struct guard *g, const struct packet *p, const struct headers *h)
{
	const uint8_t *source = p->hdr + h->l3 + 12;

	/* With no ip list any source is free, 0.0.0.0 among them. */
	if (!guard_ip_allowed(g, 4, source) &&
		!(guard_unspecified(source, 4) && is_dhcp_request(p, h)))
		return DROP_GUARD_IP;
	if (h->later_fragment)
		return DROP_REASONS;
	if (h->proto == IPPROTO_NUM_UDP)
		return check_udp(p, h);
	if (h->proto == IPPROTO_NUM_ICMP) {
		uint8_t type;

		if (!headers_l4_holds(p, h, 1))
			return DROP_GUARD_RA;
		type = p->hdr[h->l4];
		if (type == ICMP_REDIRECT || type == ICMP_ROUTER_ADV)
			return DROP_GUARD_RA;
	}
	return DROP_REASONS;
}

static enum packet_drop
check_ipv6(const struct guard *g, const struct packet *p, const struct headers *h)
{
	const uint8_t *source = p->hdr + h->l3 + 8;

	if (!guard_ip_allowed(g, 6, source) &&
		!(guard_unspecified(source, 16) && guard_icmpv6_from_nobody(p, h)))
		return DROP_GUARD_IP;
	/* A later fragment could replace what an extension header hides. */
	if (h->hidden_by_option)
		return DROP_GUARD_IP;
	if (h->later_fragment)
		return DROP_REASONS;
	if (h->proto == IPPROTO_NUM_UDP)
		return check_udp(p, h);
	if (h->proto == IPPROTO_NUM_ICMPV6)
		return guard_check_icmpv6(g, p, h);
	return DROP_REASONS;
}

/* True for an LLC service that some receivers unwrap to IP or ARP. */
static bool
sap_hides_ip(uint8_t sap)
{
	sap &= ~LLC_SAP_GROUP; /* no part of the number */
	return sap == LLC_SAP_SNAP || sap == LLC_SAP_IP || sap == LLC_SAP_ARP;
}

/* What is neither IP nor ARP: 802.3 with LLC (802.2) below ETHER_TYPE_MIN. */
static enum packet_drop
check_other(const struct guard *g, const struct packet *p, const struct headers *h)
{
	if (g->nip != 0)
		return DROP_GUARD_IP;
	if (h->ether_type >= ETHER_TYPE_MIN)
		return DROP_REASONS;
	if (h->l3 + 2 > p->hdr_len)
		return DROP_GUARD_IP;
	if (sap_hides_ip(p->hdr[h->l3]) || sap_hides_ip(p->hdr[h->l3 + 1]))
		return DROP_GUARD_IP;
	return DROP_REASONS;
}

enum packet_drop
guard_check(const struct guard *g, const struct packet *p)
{
	enum headers_kind kind;
	struct headers h;

	if (g->nmac == 0)
		return DROP_REASONS;
	if (p->hdr_len < ETHER_HEADER_LEN || !mac_allowed(g, p->hdr + 6))
		return DROP_GUARD_MAC;
	if (headers_is_tag(load_be16(p->hdr + 12)))
		return DROP_VLAN;
	kind = headers_find(p, &h);
	if (kind == HEADERS_BAD)
		return DROP_GUARD_IP;
	if (kind == HEADERS_IP)
		return h.version == 4 ? check_ipv4(g, p, &h) : check_ipv6(g, p, &h);
	if (h.ether_type == ETHER_ARP || h.ether_type == ETHER_RARP)
		return check_arp(g, p, &h);
	return check_other(g, p, &h);
}
