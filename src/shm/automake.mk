# SPDX-License-Identifier: BSD-3-Clause
# Shared memory ports. Programs link this, then src/packet/libnvpacket.a, then
# $(DPDK_LIBS).
noinst_LIBRARIES += %D%/libnvshm.a
%C%_libnvshm_a_CFLAGS = $(AM_CFLAGS) $(DPDK_CFLAGS)
%C%_libnvshm_a_CPPFLAGS = $(AM_CPPFLAGS) -DNETVM_LIBEXECDIR='"$(pkglibexecdir)"'
%C%_libnvshm_a_SOURCES = \
	%D%/keeper-message.c %D%/keeper-message.h \
	%D%/keeper-store.c %D%/keeper-store.h \
	%D%/shm-begin.c \
	%D%/shm-client.c \
	%D%/shm-copy.c \
	%D%/shm-door.c \
	%D%/shm-held.c %D%/shm-held.h \
	%D%/shm-keeper.c %D%/shm-keeper.h \
	%D%/shm-memory.c %D%/shm-memory.h \
	%D%/shm-hop.c \
	%D%/shm-loan.c %D%/shm-loan.h \
	%D%/shm-notify.c \
	%D%/shm-page.c \
	%D%/shm-plain.c %D%/shm-plain.h \
	%D%/shm-plain-copy.h \
	%D%/shm-plain-rx.h \
	%D%/shm-plain-sse.c \
	%D%/shm-pool.c %D%/shm-pool.h \
	%D%/shm-pool-memory.c \
	%D%/shm-port.c %D%/shm-port.h %D%/shm-private.h \
	%D%/shm-port-state.c \
	%D%/shm-resume.c \
	%D%/shm-ring.c %D%/shm-ring.h \
	%D%/shm-rx.c \
	%D%/shm-settle.c \
	%D%/shm-server.c %D%/shm-server.h \
	%D%/shm-tx.c %D%/shm-tx.h \
	%D%/shm-view.h

# As vhost/automake.mk has them.
if HAVE_AVX
noinst_LIBRARIES += %D%/libnvshm-avx2.a %D%/libnvshm-avx512.a
%C%_libnvshm_avx2_a_CFLAGS = $(AM_CFLAGS) $(DPDK_CFLAGS) -mavx2 -mbmi2
%C%_libnvshm_avx2_a_SOURCES = %D%/shm-plain-avx2.c
%C%_libnvshm_avx512_a_CFLAGS = $(AM_CFLAGS) $(DPDK_CFLAGS) -mavx2 -mbmi2 \
	-mavx512f -mavx512bw -mavx512vl
%C%_libnvshm_avx512_a_SOURCES = %D%/shm-plain-avx512.c
%C%_libnvshm_a_LIBADD = $(%C%_libnvshm_avx2_a_OBJECTS) $(%C%_libnvshm_avx512_a_OBJECTS)
%C%_libnvshm_a_DEPENDENCIES = $(%C%_libnvshm_a_LIBADD)
endif

# Beside netvmd in the build folder, where it looks first.
pkglibexec_PROGRAMS = netvm-keeper
netvm_keeper_SOURCES = %D%/keeper.c %D%/keeper-message.c %D%/keeper-message.h %D%/shm-keeper.h
netvm_keeper_CFLAGS = $(AM_CFLAGS)
