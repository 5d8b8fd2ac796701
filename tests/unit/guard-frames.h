/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The frames of test-guard.c, as bytes, and the verdict on each. Written by
 * hand from the standards, not by code that could share the guard's mistakes.
 */
#ifndef NETVM_TEST_GUARD_FRAMES_H
#define NETVM_TEST_GUARD_FRAMES_H

#include "src/packet/guard.h"

/* The guest: MAC ..:01, 10.0.0.1 and 2001:db8::1. Its neighbour: ..:02, 2. */
#define ME         "525400000001"
#define OTHER      "525400000002"
#define ME4        "0a000001"
#define OTHER4     "0a000002"
#define NOBODY4    "00000000"
#define ME6        "20010db8000000000000000000000001"
#define OTHER6     "20010db8000000000000000000000002"
#define NOBODY6    "00000000000000000000000000000000"
#define LINK_ME    "fe80000000000000505400fffe000001"
#define LINK_OTHER "fe80000000000000505400fffe000002"
#define LINK_FREE  "fe800000000000000000000000001234"
#define ALL_NODES  "ff020000000000000000000000000001"

#define ETH(from, type) "ffffffffffff" from type
#define ME_IP4          ETH(ME, "0800")
#define ME_IP6          ETH(ME, "86dd")
/* IPv4 with an IHL byte, total length, fragment field and protocol. */
#define IP4X(ihl, total, frag, proto, from) ihl "00" total "0001" frag "40" proto "0000" from OTHER4
#define IP4(total, proto, from)             IP4X("45", total, "0000", proto, from)
#define IP6(payload, next, from)            "60000000" payload next "ff" from ALL_NODES
#define UDP(from, to)                       from to "00080000"
#define ARP(op, mac, ip, target)            "0001080006 04" op mac ip "000000000000" target
#define ND(type, target)                    type "00000000000000" target
#define SOURCE(mac)                         "0101" mac
#define TARGET(mac)                         "0201" mac
#define FRAG(next, offset)                  next "00" offset "00000007"
#define DSTOPTS(next)                       next "00010400000000"
#define DHCP4                               UDP("0044", "0043")
#define Z8                                  "0000000000000000"

#define PASS DROP_REASONS

/* Verdict with ip=10.0.0.1,ip=2001:db8::1, and with no ip list. */
struct verdict {
	const char *name;
	const char *frame;
	enum packet_drop with_ips, without;
};

static const struct verdict ethernet[] = {
	{"somebody else's MAC", ETH(OTHER, "0800") IP4("0018", "06", ME4) "00000000",
		DROP_GUARD_MAC, DROP_GUARD_MAC},
	{"a second MAC of the port", ETH("525400000009", "0800") IP4("0014", "06", ME4), PASS,
		PASS},
	{"a broadcast MAC", ETH("ffffffffffff", "0800") IP4("0014", "06", ME4), DROP_GUARD_MAC,
		DROP_GUARD_MAC},
	{"a second tag",
		ETH(ME, "8100") "0005"
				"0800" IP4("0014", "06", ME4),
		DROP_VLAN, DROP_VLAN},
	{"a priority tag",
		ETH(ME, "8100") "0000"
				"86dd",
		DROP_VLAN, DROP_VLAN},
	{"a service tag",
		ETH(ME, "88a8") "0005"
				"0800",
		DROP_VLAN, DROP_VLAN},
	{"an old service tag",
		ETH(ME, "9100") "0005"
				"0800",
		DROP_VLAN, DROP_VLAN},
	{"a tag cut off", ETH(ME, "8100"), DROP_VLAN, DROP_VLAN},
	{"LLC of spanning tree", ETH(ME, "0026") "424203", DROP_GUARD_IP, PASS},
	{"IP in SNAP",
		ETH(ME, "0030") "aaaa03000000"
				"0800",
		DROP_GUARD_IP, DROP_GUARD_IP},
	{"IPv6 in SNAP by a group SAP",
		ETH(ME, "0030") "abaa03000000"
				"86dd",
		DROP_GUARD_IP, DROP_GUARD_IP},
	{"SNAP as source only", ETH(ME, "0000") "42aa03", DROP_GUARD_IP, DROP_GUARD_IP},
	{"IP in LLC", ETH(ME, "0030") "060603", DROP_GUARD_IP, DROP_GUARD_IP},
	{"LLC cut off", ETH(ME, "0030") "42", DROP_GUARD_IP, DROP_GUARD_IP},
	{"an experimental EtherType", ETH(ME, "88b5") "00", DROP_GUARD_IP, PASS},
	{"PPPoE", ETH(ME, "8864") "11000001", DROP_GUARD_IP, PASS},
};

static const struct verdict arp[] = {
	{"request", ETH(ME, "0806") ARP("0001", ME, ME4, OTHER4), PASS, PASS},
	{"reply", ETH(ME, "0806") ARP("0002", ME, ME4, OTHER4), PASS, PASS},
	{"gratuitous", ETH(ME, "0806") ARP("0001", ME, ME4, ME4), PASS, PASS},
	{"padded to 60 bytes", ETH(ME, "0806") ARP("0001", ME, ME4, OTHER4) Z8 Z8, PASS, PASS},
	{"probe for its own", ETH(ME, "0806") ARP("0001", ME, NOBODY4, ME4), PASS, PASS},
	{"probe for another's", ETH(ME, "0806") ARP("0001", ME, NOBODY4, OTHER4), DROP_GUARD_ARP,
		PASS},
	{"reply from nobody", ETH(ME, "0806") ARP("0002", ME, NOBODY4, ME4), DROP_GUARD_ARP,
		DROP_GUARD_ARP},
	{"another's IP", ETH(ME, "0806") ARP("0001", ME, OTHER4, ME4), DROP_GUARD_ARP, PASS},
	{"another's IP, reply", ETH(ME, "0806") ARP("0002", ME, OTHER4, ME4), DROP_GUARD_ARP, PASS},
	{"another's MAC", ETH(ME, "0806") ARP("0002", OTHER, ME4, OTHER4), DROP_GUARD_ARP,
		DROP_GUARD_ARP},
	{"the port's other MAC", ETH(ME, "0806") ARP("0002", "525400000009", ME4, OTHER4),
		DROP_GUARD_ARP, DROP_GUARD_ARP},
	{"inverse ARP", ETH(ME, "0806") ARP("0008", ME, ME4, OTHER4), DROP_GUARD_ARP,
		DROP_GUARD_ARP},
	{"RARP in ARP", ETH(ME, "0806") ARP("0003", ME, ME4, OTHER4), DROP_GUARD_ARP,
		DROP_GUARD_ARP},
	{"a byte short", ETH(ME, "0806") "0001080006040001" ME ME4 ME "0a0000", DROP_GUARD_ARP,
		DROP_GUARD_ARP},
	{"other hardware", ETH(ME, "0806") "0006080006040001" ME ME4 ME OTHER4, DROP_GUARD_ARP,
		DROP_GUARD_ARP},
	{"other protocol", ETH(ME, "0806") "000186dd06040001" ME ME4 ME OTHER4, DROP_GUARD_ARP,
		DROP_GUARD_ARP},
	{"other lengths", ETH(ME, "0806") "0001080004060001" ME ME4 ME OTHER4, DROP_GUARD_ARP,
		DROP_GUARD_ARP},
	{"RARP announcement", ETH(ME, "8035") ARP("0003", ME, NOBODY4, NOBODY4), PASS, PASS},
	{"RARP of another", ETH(ME, "8035") ARP("0003", OTHER, NOBODY4, NOBODY4), DROP_GUARD_ARP,
		DROP_GUARD_ARP},
	{"RARP reply", ETH(ME, "8035") ARP("0004", ME, ME4, OTHER4), DROP_GUARD_ARP,
		DROP_GUARD_ARP},
};

static const struct verdict ipv4[] = {
	{"TCP", ME_IP4 IP4("0028", "06", ME4) Z8 Z8 "00000000", PASS, PASS},
	{"another's address", ME_IP4 IP4("0028", "06", OTHER4), DROP_GUARD_IP, PASS},
	{"nobody's address", ME_IP4 IP4("0028", "06", NOBODY4), DROP_GUARD_IP, PASS},
	{"DHCP request from nobody", ME_IP4 IP4("001c", "11", NOBODY4) DHCP4, PASS, PASS},
	{"DHCP renewal", ME_IP4 IP4("001c", "11", ME4) DHCP4, PASS, PASS},
	{"DNS from nobody", ME_IP4 IP4("001c", "11", NOBODY4) UDP("0044", "0035"), DROP_GUARD_IP,
		PASS},
	{"fragmented DHCP from nobody", ME_IP4 IP4X("45", "001c", "2000", "11", NOBODY4) DHCP4,
		DROP_GUARD_IP, PASS},
	{"DHCP server", ME_IP4 IP4("001c", "11", ME4) UDP("0043", "0044"), DROP_GUARD_DHCP,
		DROP_GUARD_DHCP},
	{"DHCP server, odd port", ME_IP4 IP4("001c", "11", ME4) UDP("1234", "0044"),
		DROP_GUARD_DHCP, DROP_GUARD_DHCP},
	{"DHCP server to relay", ME_IP4 IP4("001c", "11", ME4) UDP("0043", "0043"), DROP_GUARD_DHCP,
		DROP_GUARD_DHCP},
	{"DHCP server behind options",
		ME_IP4 IP4X("46", "0020", "0000", "11", ME4) "01010100" UDP("0043", "0044"),
		DROP_GUARD_DHCP, DROP_GUARD_DHCP},
	{"UDP behind options",
		ME_IP4 IP4X("46", "0020", "0000", "11", ME4) "01010100" UDP("0400", "0035"), PASS,
		PASS},
	{"UDP cut by the frame", ME_IP4 IP4("001c", "11", ME4) "04000035", DROP_GUARD_DHCP,
		DROP_GUARD_DHCP},
	{"UDP cut by the length", ME_IP4 IP4("0018", "11", ME4) UDP("0400", "0035"),
		DROP_GUARD_DHCP, DROP_GUARD_DHCP},
	{"header cut off", ME_IP4 "45000014000100004006", DROP_GUARD_IP, DROP_GUARD_IP},
	{"IHL of 16 bytes", ME_IP4 IP4X("44", "0028", "0000", "06", ME4), DROP_GUARD_IP,
		DROP_GUARD_IP},
	{"IHL beyond the frame", ME_IP4 IP4X("4f", "0050", "0000", "06", ME4), DROP_GUARD_IP,
		DROP_GUARD_IP},
	{"length below IHL", ME_IP4 IP4("0013", "06", ME4), DROP_GUARD_IP, DROP_GUARD_IP},
	{"version 6 in IPv4", ME_IP4 IP4X("65", "0028", "0000", "06", ME4), DROP_GUARD_IP,
		DROP_GUARD_IP},
	{"first fragment of UDP", ME_IP4 IP4X("45", "001c", "2000", "11", ME4) UDP("0400", "0035"),
		PASS, PASS},
	{"first fragment of a DHCP server",
		ME_IP4 IP4X("45", "001c", "2000", "11", ME4) UDP("0043", "0044"), DROP_GUARD_DHCP,
		DROP_GUARD_DHCP},
	{"tiny first fragment", ME_IP4 IP4X("45", "0018", "2000", "11", ME4) "00430044",
		DROP_GUARD_DHCP, DROP_GUARD_DHCP},
	{"later fragment", ME_IP4 IP4X("45", "001c", "0001", "11", ME4) UDP("0043", "0044"), PASS,
		PASS},
	{"later fragment of another", ME_IP4 IP4X("45", "001c", "0001", "11", OTHER4) Z8,
		DROP_GUARD_IP, PASS},
	{"ping", ME_IP4 IP4("001c", "01", ME4) "0800000000000000", PASS, PASS},
	{"redirect", ME_IP4 IP4("001c", "01", ME4) "0501000000000000", DROP_GUARD_RA,
		DROP_GUARD_RA},
	{"router discovery", ME_IP4 IP4("001c", "01", ME4) "0900000000000000", DROP_GUARD_RA,
		DROP_GUARD_RA},
	{"ICMP cut off", ME_IP4 IP4("0014", "01", ME4), DROP_GUARD_RA, DROP_GUARD_RA},
};

static const struct verdict ipv6[] = {
	{"TCP", ME_IP6 IP6("0014", "06", ME6) Z8 Z8 "00000000", PASS, PASS},
	{"another's address", ME_IP6 IP6("0014", "06", OTHER6), DROP_GUARD_IP, PASS},
	{"its link-local address", ME_IP6 IP6("0014", "06", LINK_ME), PASS, PASS},
	{"another's link-local address", ME_IP6 IP6("0014", "06", LINK_OTHER), DROP_GUARD_IP, PASS},
	{"a link-local address of no MAC", ME_IP6 IP6("0014", "06", LINK_FREE), DROP_GUARD_IP,
		PASS},
	{"its link-local address in another prefix",
		ME_IP6 IP6("0014", "06", "fe80000000000001505400fffe000001"), DROP_GUARD_IP, PASS},
	{"its link-local address without ff",
		ME_IP6 IP6("0014", "06", "fe8000000000000050540000fe000001"), DROP_GUARD_IP, PASS},
	{"its link-local address without fe",
		ME_IP6 IP6("0014", "06", "fe80000000000000505400ff00000001"), DROP_GUARD_IP, PASS},
	{"a link-local address of another vendor",
		ME_IP6 IP6("0014", "06", "fe80000000000000505401fffe000001"), DROP_GUARD_IP, PASS},
	{"TCP from nobody", ME_IP6 IP6("0014", "06", NOBODY6), DROP_GUARD_IP, PASS},
	{"header cut off", ME_IP6 "6000000000", DROP_GUARD_IP, DROP_GUARD_IP},
	{"version 4 in IPv6",
		ME_IP6 "40000000"
		       "0000"
		       "3bff" ME6 ALL_NODES,
		DROP_GUARD_IP, DROP_GUARD_IP},
	{"DHCPv6 client", ME_IP6 IP6("0008", "11", LINK_ME) UDP("0222", "0223"), PASS, PASS},
	{"DHCPv6 server", ME_IP6 IP6("0008", "11", LINK_ME) UDP("0223", "0222"), DROP_GUARD_DHCP,
		DROP_GUARD_DHCP},
	{"DHCPv6 server, odd port", ME_IP6 IP6("0008", "11", LINK_ME) UDP("1234", "0222"),
		DROP_GUARD_DHCP, DROP_GUARD_DHCP},
	{"DHCPv6 server behind options",
		ME_IP6 IP6("0010", "3c", LINK_ME) DSTOPTS("11") UDP("0223", "0222"),
		DROP_GUARD_DHCP, DROP_GUARD_DHCP},
	{"IPv4's DHCP ports mean nothing", ME_IP6 IP6("0008", "11", ME6) UDP("0043", "0044"), PASS,
		PASS},
	{"no next header", ME_IP6 IP6("0000", "3b", ME6), PASS, PASS},
	{"first fragment of UDP",
		ME_IP6 IP6("0010", "2c", ME6) FRAG("11", "0001") UDP("0400", "0035"), PASS, PASS},
	{"later fragment", ME_IP6 IP6("0010", "2c", ME6) FRAG("11", "0008") Z8, PASS, PASS},
	{"later fragment that claims options", ME_IP6 IP6("0010", "2c", ME6) FRAG("3c", "0008") Z8,
		PASS, PASS},
	{"first fragment that hides its header",
		ME_IP6 IP6("0018", "2c", ME6) FRAG("3c", "0001") DSTOPTS("11") UDP("0400", "0035"),
		DROP_GUARD_IP, DROP_GUARD_IP},
	{"first fragment of half a header",
		ME_IP6 IP6("0010", "2c", ME6) FRAG("3c", "0001") "3a01010400000000", DROP_GUARD_IP,
		DROP_GUARD_IP},
	{"fragment in fragment",
		ME_IP6 IP6("0018", "2c", ME6) FRAG("2c", "0001") FRAG("3a", "0001") Z8,
		DROP_GUARD_IP, DROP_GUARD_IP},
	{"extension cut off", ME_IP6 IP6("0010", "00", ME6) "3a05050200000000" Z8, DROP_GUARD_IP,
		DROP_GUARD_IP},
	{"extension beyond the length", ME_IP6 IP6("0008", "00", ME6) "3a01010c0000000000" Z8 Z8,
		DROP_GUARD_IP, DROP_GUARD_IP},
	{"nine extensions",
		ME_IP6 IP6("0050", "3c", ME6) DSTOPTS("3c") DSTOPTS("3c") DSTOPTS("3c") DSTOPTS(
			"3c") DSTOPTS("3c") DSTOPTS("3c") DSTOPTS("3c") DSTOPTS("3c") DSTOPTS("06"),
		DROP_GUARD_IP, DROP_GUARD_IP},
};

static const struct verdict icmpv6[] = {
	{"ping", ME_IP6 IP6("0008", "3a", ME6) "8000000000000000", PASS, PASS},
	{"cut off", ME_IP6 IP6("0000", "3a", ME6), DROP_GUARD_ARP, DROP_GUARD_ARP},
	{"router advertisement", ME_IP6 IP6("0010", "3a", LINK_ME) "8600000000000000" Z8,
		DROP_GUARD_RA, DROP_GUARD_RA},
	{"router advertisement behind options",
		ME_IP6 IP6("0018", "00", LINK_ME) DSTOPTS("3a") "8600000000000000" Z8,
		DROP_GUARD_RA, DROP_GUARD_RA},
	{"router advertisement behind mobility",
		ME_IP6 IP6("0018", "87", LINK_ME) DSTOPTS("3a") "8600000000000000" Z8,
		DROP_GUARD_RA, DROP_GUARD_RA},
	{"router advertisement behind AH",
		ME_IP6 IP6("0020", "33", LINK_ME) "3a02000000000000" Z8 "8600000000000000" Z8,
		DROP_GUARD_RA, DROP_GUARD_RA},
	{"router advertisement in a fragment",
		ME_IP6 IP6("0010", "2c", LINK_ME) FRAG("3a", "0001") "8600000000000000",
		DROP_GUARD_RA, DROP_GUARD_RA},
	{"redirect", ME_IP6 IP6("0028", "3a", LINK_ME) "8900000000000000" ME6 OTHER6, DROP_GUARD_RA,
		DROP_GUARD_RA},
	{"router renumbering", ME_IP6 IP6("0010", "3a", LINK_ME) "8a00000000000000" Z8,
		DROP_GUARD_RA, DROP_GUARD_RA},
	{"router solicitation in a fragment",
		ME_IP6 IP6("0010", "2c", LINK_ME) FRAG("3a", "0001") "8500000000000000",
		DROP_GUARD_ARP, DROP_GUARD_ARP},
	{"solicitation", ME_IP6 IP6("0020", "3a", ME6) ND("87", OTHER6) SOURCE(ME), PASS, PASS},
	{"solicitation with another's MAC",
		ME_IP6 IP6("0020", "3a", ME6) ND("87", OTHER6) SOURCE(OTHER), DROP_GUARD_ARP,
		DROP_GUARD_ARP},
	{"another's MAC in the second option",
		ME_IP6 IP6("0028", "3a", ME6) ND("87", OTHER6) SOURCE(ME) SOURCE(OTHER),
		DROP_GUARD_ARP, DROP_GUARD_ARP},
	{"another's MAC behind a nonce",
		ME_IP6 IP6("0028", "3a", ME6) ND("87", OTHER6) "0e01aabbccddeeff" SOURCE(OTHER),
		DROP_GUARD_ARP, DROP_GUARD_ARP},
	{"an option of no length", ME_IP6 IP6("0020", "3a", ME6) ND("87", OTHER6) "0100" ME,
		DROP_GUARD_ARP, DROP_GUARD_ARP},
	{"an option that is too long", ME_IP6 IP6("0020", "3a", ME6) ND("87", OTHER6) "0102" ME,
		DROP_GUARD_ARP, DROP_GUARD_ARP},
	{"half an option", ME_IP6 IP6("001c", "3a", ME6) ND("87", OTHER6) "01015254",
		DROP_GUARD_ARP, DROP_GUARD_ARP},
	{"options beyond the frame", ME_IP6 IP6("0020", "3a", ME6) ND("87", OTHER6), DROP_GUARD_ARP,
		DROP_GUARD_ARP},
	{"duplicate address detection", ME_IP6 IP6("0018", "3a", NOBODY6) ND("87", ME6), PASS,
		PASS},
	{"the same for link-local", ME_IP6 IP6("0018", "3a", NOBODY6) ND("87", LINK_ME), PASS,
		PASS},
	{"the same with a nonce",
		ME_IP6 IP6("0020", "3a", NOBODY6) ND("87", ME6) "0e01aabbccddeeff", PASS, PASS},
	{"the same for another's", ME_IP6 IP6("0018", "3a", NOBODY6) ND("87", OTHER6),
		DROP_GUARD_ARP, PASS},
	{"the same with a MAC", ME_IP6 IP6("0020", "3a", NOBODY6) ND("87", ME6) SOURCE(ME),
		DROP_GUARD_ARP, DROP_GUARD_ARP},
	{"advertisement", ME_IP6 IP6("0020", "3a", ME6) ND("88", ME6) TARGET(ME), PASS, PASS},
	{"advertisement of link-local", ME_IP6 IP6("0020", "3a", ME6) ND("88", LINK_ME) TARGET(ME),
		PASS, PASS},
	{"advertisement of another's", ME_IP6 IP6("0020", "3a", ME6) ND("88", OTHER6) TARGET(ME),
		DROP_GUARD_ARP, PASS},
	{"advertisement of another MAC", ME_IP6 IP6("0020", "3a", ME6) ND("88", ME6) TARGET(OTHER),
		DROP_GUARD_ARP, DROP_GUARD_ARP},
	{"advertisement from nobody", ME_IP6 IP6("0018", "3a", NOBODY6) ND("88", ME6),
		DROP_GUARD_IP, DROP_GUARD_ARP},
	{"advertisement in an atomic fragment",
		ME_IP6 IP6("0028", "2c", ME6) FRAG("3a", "0000") ND("88", ME6) TARGET(ME),
		DROP_GUARD_ARP, DROP_GUARD_ARP},
	{"advertisement cut off", ME_IP6 IP6("0018", "3a", ME6) "8800000000000000" Z8,
		DROP_GUARD_ARP, DROP_GUARD_ARP},
	{"router solicitation", ME_IP6 IP6("0010", "3a", LINK_ME) "8500000000000000" SOURCE(ME),
		PASS, PASS},
	{"router solicitation, another's MAC",
		ME_IP6 IP6("0010", "3a", LINK_ME) "8500000000000000" SOURCE(OTHER), DROP_GUARD_ARP,
		DROP_GUARD_ARP},
	{"router solicitation from nobody", ME_IP6 IP6("0008", "3a", NOBODY6) "8500000000000000",
		PASS, PASS},
	{"MLD report from nobody",
		ME_IP6 IP6("0010", "00", NOBODY6) "3a00050200000100"
						  "8f00000000000000",
		PASS, PASS},
	{"ping from nobody", ME_IP6 IP6("0008", "3a", NOBODY6) "8000000000000000", DROP_GUARD_IP,
		PASS},
	{"inverse solicitation", ME_IP6 IP6("0008", "3a", ME6) "8d00000000000000", DROP_GUARD_ARP,
		DROP_GUARD_ARP},
};

#endif
