/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What guard.c and guard-ipv6.c share. Internal to src/packet; workers run it.
 */
#ifndef NETVM_GUARD_INTERNAL_H
#define NETVM_GUARD_INTERNAL_H

#include "src/packet/guard.h"
#include "src/packet/headers.h"

/* Whether the guest may speak for addr (family 4 or 6). */
bool guard_ip_allowed(const struct guard *g, uint8_t family, const uint8_t *addr);
/* 0.0.0.0 or ::. */
bool guard_unspecified(const uint8_t *addr, unsigned int len);

/* Judges an ICMPv6 message, or the first fragment of one. */
enum packet_drop guard_check_icmpv6(
	const struct guard *g, const struct packet *p, const struct headers *h);
/* True for what a host sends from :: before it has an address. */
bool guard_icmpv6_from_nobody(const struct packet *p, const struct headers *h);

#endif
