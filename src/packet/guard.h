/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Per-port guard: a guest may speak only for the MACs and IPs that the
 * operator gave its port. libvirt's nwfilter does not reach vhost-user, so
 * this is where spoofing stops. Pure functions on a view's private header.
 */
#ifndef NETVM_GUARD_H
#define NETVM_GUARD_H

#include "src/packet/packet.h"

#define GUARD_MACS_MAX 8
#define GUARD_IPS_MAX  16
#define GUARD_TEXT_MAX 1024 /* guard_format() never needs more, with its 0 */

/* An address or prefix, network byte order; IPv4 in the first 4 bytes. */
struct guard_ip {
	uint8_t family; /* 4 or 6 */
	uint8_t prefix; /* bits */
	uint8_t addr[16];
};

/* Written by the control thread before it is published, then read-only. */
struct guard {
	uint8_t nmac; /* 0: the guard is off */
	uint8_t nip;  /* 0: any IP source is allowed, the rest of the guard holds */
	uint8_t mac[GUARD_MACS_MAX][6];
	struct guard_ip ip[GUARD_IPS_MAX];
};

/*
 * Parses "mac=MAC,ip=ADDR[/LEN],...": any number of mac= and ip= up to the
 * limits above, at least one mac. Returns 0, or -EINVAL with a sentence in err
 * (and *g as it was).
 */
int guard_parse(struct guard *g, const char *text, char *err, unsigned int errlen);
/* The canonical text of g (what guard_parse takes); always terminates buf. */
void guard_format(const struct guard *g, char *buf, unsigned int len);

/*
 * Judges a frame that a guest sends (after the VLAN tag was popped).
 * Returns DROP_REASONS when it may pass, else the reason:
 *
 *	GUARD_MAC   the source MAC is not in mac
 *	VLAN        another VLAN tag
 *	GUARD_ARP   ARP and RARP whose sender MAC is not the frame's own, or whose
 *	            sender IP (for a probe from 0.0.0.0: target IP) is not in ip;
 *	            ND solicitations and advertisements whose link-layer option is
 *	            not the frame's source MAC, or which claim a target outside ip
 *	GUARD_IP    an IPv4 or IPv6 source outside ip. Allowed besides: 0.0.0.0 for
 *	            DHCP requests, :: for duplicate address detection, RS and MLD
 *	            reports, and fe80::/64 with the EUI-64 of an allowed MAC.
 *	            IP in LLC; with an ip list, any EtherType but ARP, RARP, IP
 *	GUARD_DHCP  UDP from port 67 or to 68 (IPv6: from 547 or to 546)
 *	GUARD_RA    router advertisements, redirects, router renumbering; ICMP
 *	            redirects and router discovery of IPv4
 *
 * What cannot be judged does not pass, with the reason of what it could be:
 * headers that are cut off or lie, extension headers that hide the L4 header
 * beyond the private bytes or in another fragment, fragmented ND.
 */
enum packet_drop guard_check(const struct guard *g, const struct packet *p);

#endif
