/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A slow and simple reading of a chain that the guest sends, in a ring of
 * either kind, to compare the real one with.
 */
#ifndef NETVM_RING_REFERENCE_H
#define NETVM_RING_REFERENCE_H

#include "tests/unit/ring-guest.h"

#define REF_MAX (1 << 17) /* bytes of the longest chain that is looked at */

/*
 * The bytes of the chain that begins at head, virtio_net_hdr first, go to
 * want[REF_MAX]. Returns why its frame must be dropped, or DROP_REASONS and the
 * frame's length in *len.
 */
enum packet_drop ref_take(const struct ring_guest *g, uint32_t head, uint8_t *want, uint32_t *len);

#endif
