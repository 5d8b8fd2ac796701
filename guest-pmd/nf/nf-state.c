/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The stages of nf-state.h.
 */
#include "guest-pmd/nf/nf-state.h"

#define SECOND UINT64_C(1000000000)

const uint64_t nf_class_timeouts[NF_CLASSES] = {[NF_CLASS_TCP] = 60 * SECOND,
	[NF_CLASS_ICMP] = 60 * SECOND,
	[NF_CLASS_ASKED] = 60 * SECOND,
	[NF_CLASS_ANSWERED] = 180 * SECOND,
	[NF_CLASS_OPEN] = 7440 * SECOND};

bool
nf_begins(const struct nf_headers *h)
{
	if (h->proto != NF_PROTO_TCP)
		return true;
	return h->l4_len != 0 && (nf_tcp_flags(h) & (NF_TCP_SYN | NF_TCP_ACK | NF_TCP_RST |
							    NF_TCP_FIN)) == NF_TCP_SYN;
}

static void
step_tcp(struct nf_connection *c, uint8_t flags, bool reply)
{
	uint8_t side = reply ? 2 : 1;

	if ((flags & NF_TCP_RST) != 0) {
		c->stage = NF_CLOSED;
		return;
	}
	switch (c->stage) {
	case NF_NEW:
		if (reply && (flags & (NF_TCP_SYN | NF_TCP_ACK)) == (NF_TCP_SYN | NF_TCP_ACK))
			c->stage = NF_OPEN;
		break;
	case NF_OPEN:
		if ((flags & NF_TCP_FIN) != 0) {
			c->stage = NF_HALF;
			c->ended = side;
		}
		break;
	case NF_HALF:
		if ((flags & NF_TCP_FIN) != 0 && c->ended != side)
			c->stage = NF_CLOSED;
		break;
	default:
		if (!reply && (flags & (NF_TCP_SYN | NF_TCP_ACK)) == NF_TCP_SYN)
			*c = (struct nf_connection){.stage = NF_NEW};
		break;
	}
}

enum nf_class
nf_connection_step(struct nf_connection *c, const struct nf_headers *h, bool reply)
{
	if (h->proto == NF_PROTO_TCP) {
		if (h->l4_len != 0)
			step_tcp(c, nf_tcp_flags(h), reply);
		return c->stage == NF_OPEN || c->stage == NF_HALF ? NF_CLASS_OPEN : NF_CLASS_TCP;
	}
	if (reply)
		c->stage = NF_OPEN;
	if (h->proto == NF_PROTO_ICMP || h->proto == NF_PROTO_ICMP6)
		return NF_CLASS_ICMP;
	return c->stage == NF_OPEN ? NF_CLASS_ANSWERED : NF_CLASS_ASKED;
}
