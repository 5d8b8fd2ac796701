# SPDX-License-Identifier: BSD-3-Clause
# The packet view and everything that is decided on it. A leaf: libc only.
noinst_LIBRARIES += src/packet/libnvpacket.a
src_packet_libnvpacket_a_SOURCES = \
	%D%/packet.h %D%/packet.c \
	%D%/bell.h %D%/bell.c \
	%D%/fault.h %D%/fault.c \
	%D%/headers.h %D%/headers.c \
	%D%/refuse.h %D%/refuse.c \
	%D%/checksum.h %D%/checksum.c \
	%D%/offload.c \
	%D%/gso.c \
	%D%/flow-hash.c \
	%D%/wide.h %D%/wide.c %D%/wide-copy.h \
	%D%/guard.h %D%/guard-internal.h \
	%D%/guard.c \
	%D%/guard-ipv6.c \
	%D%/guard-text.c
