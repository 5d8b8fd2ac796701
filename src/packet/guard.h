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
 * limits above, at least one mac. Returns 0, or -EINVAL with a sentence in err.
 */
int guard_parse(struct guard *g, const char *text, char *err, unsigned int errlen);
/* The canonical text of g (what guard_parse takes); always terminates buf. */
void guard_format(const struct guard *g, char *buf, unsigned int len);

/*
 * Judges a frame that a guest sends (after the VLAN tag was popped).
 * Returns DROP_REASONS when it may pass, else the reason. What is judged:
 * the source MAC; IPv4 and IPv6 source against ip (the unspecified address
 * is allowed for DHCP and duplicate address detection, link-local fe80::/10
 * derived from an allowed MAC is allowed); ARP sender MAC and IP; ND
 * neighbour solicitations and advertisements (source/target link-layer option
 * and target address); DHCPv4 and DHCPv6 server replies; router
 * advertisements and redirects. Headers that are cut off, IPv6 extension
 * headers that hide ICMPv6 beyond the private header, and fragments of these
 * are dropped, because they cannot be judged. A second VLAN tag is dropped.
 */
enum packet_drop guard_check(const struct guard *g, const struct packet *p);

#endif
