# SPDX-License-Identifier: BSD-3-Clause
# Programs link vhost/libnvvhost.a and src/packet's library behind it.

noinst_LIBRARIES += %D%/libnvvhost.a
%C%_libnvvhost_a_CFLAGS = $(AM_CFLAGS) $(DPDK_CFLAGS)
%C%_libnvvhost_a_SOURCES = \
	%D%/guest-mem.c \
	%D%/guest-mem.h \
	%D%/vring.h
