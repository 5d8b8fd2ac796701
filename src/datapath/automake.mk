# SPDX-License-Identifier: BSD-3-Clause
# The data path. Programs link this, then vhost/libnvvhost.a, then
# src/packet/libnvpacket.a, then $(DPDK_LIBS) and $(PCAP_LIBS).
noinst_LIBRARIES += src/datapath/libnvdatapath.a
src_datapath_libnvdatapath_a_CFLAGS = $(AM_CFLAGS) $(DPDK_CFLAGS) $(PCAP_CFLAGS)
src_datapath_libnvdatapath_a_SOURCES = \
	%D%/bucket.c %D%/bucket.h \
	%D%/capture.c %D%/capture.h \
	%D%/capture-filter.c \
	%D%/capture-ring.c %D%/capture-ring.h \
	%D%/clock.c %D%/clock.h \
	%D%/datapath.c %D%/datapath.h \
	%D%/deliver.c \
	%D%/eal.c %D%/eal.h \
	%D%/forward.c %D%/forward.h \
	%D%/group.c %D%/group.h \
	%D%/ingress.c \
	%D%/l2.c %D%/l2.h \
	%D%/machine.c %D%/machine.h \
	%D%/mail.c %D%/mail.h \
	%D%/mirror.c \
	%D%/network.c %D%/network.h \
	%D%/nic.h %D%/nic-bond.c %D%/nic-dma.c %D%/nic-group.c %D%/nic-io.c %D%/nic-lent.c %D%/nic-mtu.c %D%/nic-pool.c \
	%D%/nic-probe.c %D%/nic-wake.c \
	%D%/police.c %D%/police.h \
	%D%/port.c %D%/port.h \
	%D%/port-nic.c \
	%D%/port-shm.c \
	%D%/port-stats.c \
	%D%/port-vhost.c \
	%D%/rcu.c %D%/rcu.h \
	%D%/sleep.c %D%/sleep.h \
	%D%/steer.c %D%/steer.h \
	%D%/table.c %D%/table.h \
	%D%/tap.c %D%/tap.h \
	%D%/telemetry.c %D%/telemetry.h \
	%D%/rounds.c %D%/rounds.h \
	%D%/worker.c %D%/worker.h
