/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which VLAN of its network a frame is in that a port sent. The worker's.
 * Neighbours: forward.c and steer.c call.
 */
#include "src/datapath/forward.h"

#define VID_NONE 4095 /* 802.1Q: reserved, never on a wire */

static bool
tag_type(const struct packet *p)
{
	return p->hdr[12] == 0x81 && p->hdr[13] == 0x00;
}

/*
 * VID 0 is a priority tag: the frame is untagged but for its priority. If
 * another tag followed, it would become the frame's VLAN on a trunk, past
 * what is allowed: refused, as is a tag that is cut off.
 */
bool
ingress_vlan(const struct dp_port_settings *s, struct packet *p, uint16_t *vlan, bool *tagged,
	bool *again)
{
	uint16_t vid = 0;

	p->pcp = 0;
	*tagged = packet_has_tag(p);
	if (*tagged) {
		uint16_t tci = packet_vlan_pop(p);

		vid = tci & 0xfff;
		p->pcp = (uint8_t)(tci >> 12);
		/* What follows the tag is not in the head that frames are compared by. */
		*again = vid != 0;
	}
	if (vid == 0 && tag_type(p)) {
		*again = false;
		return false;
	}
	if (!s->vlan.trunk) {
		*vlan = s->vlan.access;
		return vid == 0;
	}
	*vlan = vid;
	return vid != VID_NONE && forward_admits(s, vid);
}
