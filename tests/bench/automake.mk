# SPDX-License-Identifier: BSD-3-Clause
# The bench: `make tests/bench/lean` builds its frontend, `.../hop` its NFs; tests/bench/run uses it.
check_PROGRAMS += %D%/lean
%C%_lean_SOURCES = %D%/lean.h %D%/lean.c %D%/lean-device.c %D%/lean-rate.c \
	%D%/lean-latency.c %D%/lean-limit.c %D%/lean-clock.c %D%/lean-relay.c $(SHM_CLIENT)
%C%_lean_LDADD = tests/frontend/libnvfrontend.a

check_PROGRAMS += %D%/hop
%C%_hop_SOURCES = %D%/hop.c %D%/lean.h %D%/lean-clock.c %D%/lean-relay.c $(SHM_CLIENT)

EXTRA_DIST += %D%/run %D%/targets.jq %D%/lib-backend.sh %D%/lib-frontend.sh %D%/lib-rows.sh \
	%D%/lib-guest.sh %D%/lib-report.sh \
	%D%/lib-shm.sh

check_PROGRAMS += %D%/stages
%C%_stages_SOURCES = %D%/stages.c
%C%_stages_CFLAGS = $(AM_CFLAGS) $(DPDK_CFLAGS)
%C%_stages_LDADD = src/datapath/libnvdatapath.a vhost/libnvvhost.a src/shm/libnvshm.a src/packet/libnvpacket.a \
	$(DPDK_LIBS) $(PCAP_LIBS)

check_PROGRAMS += %D%/shm-stages
%C%_shm_stages_SOURCES = %D%/shm-stages.c tests/unit/shm-rig.c tests/unit/shm-rig-guest.c \
	tests/unit/shm-rig.h
%C%_shm_stages_CFLAGS = $(AM_CFLAGS) $(DPDK_CFLAGS)
%C%_shm_stages_LDADD = src/shm/libnvshm.a src/packet/libnvpacket.a $(DPDK_LIBS)
