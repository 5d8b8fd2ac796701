/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writes pcapng, the file format of Wireshark (draft-ietf-opsawg-pcapng):
 * blocks that are appended to a byte array. libpcap reads the format and
 * cannot write it. One section, one Ethernet interface, times in nanoseconds.
 * Pure functions.
 */
#ifndef NETVM_CONTROL_PCAPNG_H
#define NETVM_CONTROL_PCAPNG_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

/* Section Header and Interface Description. filter: its text, or NULL. */
void pcapng_begin(GByteArray *out, const char *interface, uint32_t snaplen, const char *filter);

/* Enhanced Packet. data has `captured` bytes of a frame of len. in: received. */
void pcapng_frame(GByteArray *out, uint64_t ns, bool in, const uint8_t *data, uint32_t captured,
	uint32_t len);

struct pcapng_end {
	uint64_t start_ns, end_ns; /* since 1970 */
	uint64_t received, chosen, lost;
	const char *comment;
};
/* Interface Statistics. */
void pcapng_finish(GByteArray *out, const struct pcapng_end *end);

#endif
