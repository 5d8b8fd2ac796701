# SPDX-License-Identifier: BSD-3-Clause
# The DPDK driver for guests: one shared object that EAL loads (-d), which has its own
# copy of libnetvm and exports nothing.
if HAVE_DPDK_SDK
pmd_PROGRAMS = %D%/librte_net_netvm.so
%C%_librte_net_netvm_so_SOURCES = %D%/pmd.h %D%/probe.c %D%/device.c %D%/queues.c \
	%D%/interrupts.c %D%/watch.c %D%/stats.c %D%/buffers.h %D%/buffers.c %D%/rx.c %D%/tx.c \
	%D%/tx-copy.h %D%/tx-copy.c %D%/tx-short.c %D%/release.h %D%/release.c
%C%_librte_net_netvm_so_CFLAGS = $(AM_CFLAGS) $(DPDK_CFLAGS) $(SDK_CFLAGS) -fPIC \
	-fvisibility=hidden -DALLOW_INTERNAL_API -DALLOW_EXPERIMENTAL_API
%C%_librte_net_netvm_so_LDFLAGS = $(AM_LDFLAGS) -shared -Wl,--exclude-libs,ALL
%C%_librte_net_netvm_so_LDADD = guest-pmd/libnetvm.a $(DPDK_LIBS) -lrte_bus_vdev
endif
