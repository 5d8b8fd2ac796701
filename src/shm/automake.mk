# SPDX-License-Identifier: BSD-3-Clause
# Shared memory ports. Programs link this, then src/packet/libnvpacket.a, then
# $(DPDK_LIBS).
noinst_LIBRARIES += %D%/libnvshm.a
%C%_libnvshm_a_CFLAGS = $(AM_CFLAGS) $(DPDK_CFLAGS)
%C%_libnvshm_a_SOURCES = \
	%D%/shm-fault.c \
	%D%/shm-keeper.h \
	%D%/shm-memory.c %D%/shm-memory.h \
	%D%/shm-pool.h \
	%D%/shm-port.h
