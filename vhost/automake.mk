# SPDX-License-Identifier: BSD-3-Clause
# Programs link vhost/libnvvhost.a and src/packet's library behind it.

noinst_LIBRARIES += %D%/libnvvhost.a
%C%_libnvvhost_a_CFLAGS = $(AM_CFLAGS) $(DPDK_CFLAGS)
%C%_libnvvhost_a_SOURCES = \
	%D%/guest-mem.c \
	%D%/guest-mem.h \
	%D%/vhost-answer.c \
	%D%/vhost-base.c \
	%D%/vhost-call.c \
	%D%/vhost-conn.c \
	%D%/vhost-explain.c \
	%D%/vhost-fault.c \
	%D%/vhost-feature.c \
	%D%/vhost-lend.c \
	%D%/vhost-log.c \
	%D%/vhost-memory.c \
	%D%/vhost-msg.c \
	%D%/vhost-msg.h \
	%D%/vhost-port.c \
	%D%/vhost-port.h \
	%D%/vhost-position.c \
	%D%/vhost-position-file.c \
	%D%/vhost-position-file.h \
	%D%/vhost-position.h \
	%D%/vhost-private.h \
	%D%/vhost-queue.c \
	%D%/vhost-receive.c \
	%D%/vhost-socket.c \
	%D%/vhost-thread.c \
	%D%/vhost-worker.c \
	%D%/vring.c \
	%D%/vring.h \
	%D%/vring-chain.c \
	%D%/vring-chain.h \
	%D%/vring-frame.h \
	%D%/vring-hold.c \
	%D%/vring-hold.h \
	%D%/vring-inline.h \
	%D%/vring-log.c \
	%D%/vring-log.h \
	%D%/vring-loops.h \
	%D%/vring-loops-packed.h \
	%D%/vring-notify.c \
	%D%/vring-packed.c \
	%D%/vring-packed.h \
	%D%/vring-position.c \
	%D%/vring-position.h \
	%D%/vring-put.c \
	%D%/vring-select.c \
	%D%/vring-select.h \
	%D%/vring-sse.c \
	%D%/vring-take.c

# The hot loops again with wider instructions; their objects join the library,
# so that nobody else has to know of them.
if HAVE_AVX
noinst_LIBRARIES += %D%/libnvring-avx2.a %D%/libnvring-avx512.a
%C%_libnvring_avx2_a_CFLAGS = $(AM_CFLAGS) $(DPDK_CFLAGS) -mavx2 -mbmi2
%C%_libnvring_avx2_a_SOURCES = %D%/vring-avx2.c
%C%_libnvring_avx512_a_CFLAGS = $(AM_CFLAGS) $(DPDK_CFLAGS) -mavx2 -mbmi2 \
	-mavx512f -mavx512bw -mavx512vl
%C%_libnvring_avx512_a_SOURCES = %D%/vring-avx512.c
%C%_libnvvhost_a_LIBADD = $(%C%_libnvring_avx2_a_OBJECTS) $(%C%_libnvring_avx512_a_OBJECTS)
%C%_libnvvhost_a_DEPENDENCIES = $(%C%_libnvvhost_a_LIBADD)
endif
