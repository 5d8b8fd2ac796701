/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The guard's eye on ICMPv6: neighbour discovery (RFC 4861) is IPv6's ARP, and
 * a router advertisement moves the default route of a whole network. Workers
 * run it, called by guard.c.
 */
#include <string.h>

#include "src/packet/guard-internal.h"

enum {
	MLD_REPORT = 131,
	MLD_DONE = 132,
	ND_ROUTER_SOLICIT = 133,
	ND_ROUTER_ADVERT = 134,
	ND_NEIGHBOR_SOLICIT = 135,
	ND_NEIGHBOR_ADVERT = 136,
	ND_REDIRECT = 137,
	ROUTER_RENUMBERING = 138,
	INVERSE_ND_SOLICIT = 141,
	INVERSE_ND_ADVERT = 142,
	MLD2_REPORT = 143,
};

#define ND_TARGET               8
#define ND_SOLICIT_LEN          8
#define ND_NEIGHBOR_LEN         24
#define ND_OPT_SOURCE_LINK_ADDR 1
#define ND_OPT_TARGET_LINK_ADDR 2

bool
guard_icmpv6_from_nobody(const struct packet *p, const struct headers *h)
{
	if (h->proto != IPPROTO_NUM_ICMPV6 || h->fragment || !headers_l4_holds(p, h, 1))
		return false;
	switch (p->hdr[h->l4]) {
	case ND_NEIGHBOR_SOLICIT: /* duplicate address detection, RFC 4862 */
	case ND_ROUTER_SOLICIT:   /* RFC 4861, 4.1 */
	case MLD_REPORT:          /* joins the group of the address it probes, RFC 3590 */
	case MLD_DONE:
	case MLD2_REPORT:
		return true;
	default:
		return false;
	}
}

/*
 * The options of an ND message, which begin `fixed` bytes into it. Each
 * link-layer address has to be the frame's own source, whichever message
 * carries it; none may be there when the sender has no address yet. Options
 * that are cut off or lie about their length cannot be judged.
 */
static bool
options_allowed(const struct packet *p, const struct headers *h, uint16_t fixed, bool from_nobody)
{
	uint32_t at = h->l4 + fixed;

	if (h->end > p->hdr_len)
		return false;
	while (at < h->end) {
		const uint8_t *option = p->hdr + at;
		uint32_t len;

		if (at + 8 > h->end)
			return false;
		len = option[1] * 8;
		if (len == 0 || at + len > h->end)
			return false;
		if (option[0] == ND_OPT_SOURCE_LINK_ADDR || option[0] == ND_OPT_TARGET_LINK_ADDR) {
			if (len != 8 || memcmp(option + 2, p->hdr + 6, 6) != 0)
				return false;
			if (from_nobody && option[0] == ND_OPT_SOURCE_LINK_ADDR)
				return false;
		}
		at += len;
	}
	return true;
}

/* An advertisement claims its target; so does a solicitation from ::. */
static enum packet_drop
check_neighbor(const struct guard *g, const struct packet *p, const struct headers *h, bool advert)
{
	bool from_nobody = guard_unspecified(p->hdr + h->l3 + 8, 16);

	if (h->fragment || !headers_l4_holds(p, h, ND_NEIGHBOR_LEN))
		return DROP_GUARD_ARP;
	if (advert && from_nobody)
		return DROP_GUARD_ARP;
	if ((advert || from_nobody) && !guard_ip_allowed(g, 6, p->hdr + h->l4 + ND_TARGET))
		return DROP_GUARD_ARP;
	return options_allowed(p, h, ND_NEIGHBOR_LEN, from_nobody) ? DROP_REASONS : DROP_GUARD_ARP;
}

static enum packet_drop
check_router_solicit(const struct packet *p, const struct headers *h)
{
	if (h->fragment || !headers_l4_holds(p, h, ND_SOLICIT_LEN))
		return DROP_GUARD_ARP;
	return options_allowed(p, h, ND_SOLICIT_LEN, guard_unspecified(p->hdr + h->l3 + 8, 16))
		       ? DROP_REASONS
		       : DROP_GUARD_ARP;
}

enum packet_drop
guard_check_icmpv6(const struct guard *g, const struct packet *p, const struct headers *h)
{
	if (!headers_l4_holds(p, h, 1))
		return DROP_GUARD_ARP;
	switch (p->hdr[h->l4]) {
	case ND_ROUTER_ADVERT:
	case ND_REDIRECT:
	case ROUTER_RENUMBERING:
		return DROP_GUARD_RA;
	case ND_NEIGHBOR_SOLICIT:
		return check_neighbor(g, p, h, false);
	case ND_NEIGHBOR_ADVERT:
		return check_neighbor(g, p, h, true);
	case ND_ROUTER_SOLICIT:
		return check_router_solicit(p, h);
	case INVERSE_ND_SOLICIT: /* no guest on Ethernet asks this way round */
	case INVERSE_ND_ADVERT:
		return DROP_GUARD_ARP;
	default:
		return DROP_REASONS;
	}
}
