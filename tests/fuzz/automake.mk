# SPDX-License-Identifier: BSD-3-Clause
# libFuzzer targets: configure with CC=clang --enable-fuzz
# --enable-sanitizers=address,undefined, then "make fuzz FUZZ_SECONDS=60" runs
# each for that long from its seeds in tests/fuzz/corpus/NAME. An input that
# once broke something stays there. To declare one:
#
#	FUZZERS += %D%/fuzz-WHAT          (and the seeds to EXTRA_DIST)
#	%C%_fuzz_WHAT_SOURCES = %D%/fuzz-WHAT.c
#	%C%_fuzz_WHAT_CFLAGS = $(FUZZ_CFLAGS)
#	%C%_fuzz_WHAT_LDFLAGS = $(FUZZ_LINK)
#	%C%_fuzz_WHAT_LDADD = the libraries it drives

FUZZERS =
FUZZ_SECONDS = 60
FUZZ_CFLAGS = $(AM_CFLAGS) $(DPDK_CFLAGS)
FUZZ_LINK = $(AM_LDFLAGS) -fsanitize=fuzzer

FUZZERS += %D%/fuzz-packet
%C%_fuzz_packet_SOURCES = %D%/fuzz-packet.c
%C%_fuzz_packet_CFLAGS = $(FUZZ_CFLAGS)
%C%_fuzz_packet_LDFLAGS = $(FUZZ_LINK)
%C%_fuzz_packet_LDADD = src/packet/libnvpacket.a
EXTRA_DIST += \
	%D%/corpus/packet/arp \
	%D%/corpus/packet/dhcp \
	%D%/corpus/packet/nd-options \
	%D%/corpus/packet/tcp4-gso \
	%D%/corpus/packet/tcp6-gso-tag \
	%D%/corpus/packet/udp6-fragment

FUZZERS += %D%/fuzz-vring
%C%_fuzz_vring_SOURCES = %D%/fuzz-vring.c
%C%_fuzz_vring_CFLAGS = $(FUZZ_CFLAGS)
%C%_fuzz_vring_LDFLAGS = $(FUZZ_LINK)
%C%_fuzz_vring_LDADD = vhost/libnvvhost.a src/packet/libnvpacket.a
EXTRA_DIST += \
	%D%/corpus/vring/fault \
	%D%/corpus/vring/packed-endless \
	%D%/corpus/vring/packed-put-merge \
	%D%/corpus/vring/packed-resume \
	%D%/corpus/vring/packed-take \
	%D%/corpus/vring/packed-take-indirect \
	%D%/corpus/vring/packed-take-two-in-order \
	%D%/corpus/vring/put-bad \
	%D%/corpus/vring/put-chain \
	%D%/corpus/vring/put-merge \
	%D%/corpus/vring/put-one \
	%D%/corpus/vring/take-indirect \
	%D%/corpus/vring/take-loop \
	%D%/corpus/vring/take-one \
	%D%/corpus/vring/take-two

# A running backend: ports, rte_vhost's thread and a worker in the process.
FUZZERS += %D%/fuzz-vhost
%C%_fuzz_vhost_SOURCES = %D%/fuzz-vhost.c %D%/vhost-peer.c %D%/vhost-peer.h \
	%D%/vhost-peer-message.c tests/unit/vhost-rig.c tests/unit/vhost-rig.h
%C%_fuzz_vhost_CFLAGS = $(FUZZ_CFLAGS)
%C%_fuzz_vhost_LDFLAGS = $(FUZZ_LINK)
%C%_fuzz_vhost_LDADD = tests/frontend/libnvfrontend.a vhost/libnvvhost.a \
	src/packet/libnvpacket.a $(DPDK_LIBS)
EXTRA_DIST += \
	%D%/corpus/vhost/avail-jump \
	%D%/corpus/vhost/bad-second-fd \
	%D%/corpus/vhost/fds \
	%D%/corpus/vhost/features \
	%D%/corpus/vhost/half \
	%D%/corpus/vhost/half-payload \
	%D%/corpus/vhost/in-order \
	%D%/corpus/vhost/log \
	%D%/corpus/vhost/packed \
	%D%/corpus/vhost/rings-moved \
	%D%/corpus/vhost/seal-race \
	%D%/corpus/vhost/second \
	%D%/corpus/vhost/shrink \
	%D%/corpus/vhost/shrink-before-start \
	%D%/corpus/vhost/shrink-data \
	%D%/corpus/vhost/sizes \
	%D%/corpus/vhost/storm \
	%D%/corpus/vhost/traffic \
	%D%/corpus/vhost/two-tables \
	%D%/corpus/vhost/unoffered

FUZZERS += %D%/fuzz-shm
%C%_fuzz_shm_SOURCES = %D%/fuzz-shm.c %D%/shm-rig.c %D%/shm-rig.h
%C%_fuzz_shm_CFLAGS = $(FUZZ_CFLAGS)
%C%_fuzz_shm_LDFLAGS = $(FUZZ_LINK)
%C%_fuzz_shm_LDADD = src/shm/libnvshm.a src/packet/libnvpacket.a $(DPDK_LIBS)
EXTRA_DIST += \
	%D%/corpus/shm/hop \
	%D%/corpus/shm/mixed \
	%D%/corpus/shm/views

FUZZERS += %D%/fuzz-config
%C%_fuzz_config_SOURCES = %D%/fuzz-config.c
%C%_fuzz_config_CFLAGS = $(FUZZ_CFLAGS) $(GLIB_CFLAGS)
%C%_fuzz_config_LDFLAGS = $(FUZZ_LINK)
%C%_fuzz_config_LDADD = src/control/libnvconf.a src/packet/libnvpacket.a $(GLIB_LIBS)
EXTRA_DIST += \
	%D%/corpus/config/example \
	%D%/corpus/config/port \
	%D%/corpus/config/whole

FUZZERS += %D%/fuzz-rpc
%C%_fuzz_rpc_SOURCES = %D%/fuzz-rpc.c $(FAKE_DATAPATH)
%C%_fuzz_rpc_CFLAGS = $(FUZZ_CFLAGS) $(GLIB_CFLAGS) $(JSON_CFLAGS)
%C%_fuzz_rpc_LDFLAGS = $(FUZZ_LINK)
%C%_fuzz_rpc_LDADD = $(CONTROL_LIBS)
EXTRA_DIST += \
	%D%/corpus/rpc/capture \
	%D%/corpus/rpc/ports \
	%D%/corpus/rpc/rest

# Network functions; with OpenSSL aes-encrypt and aes-decrypt, too.
FUZZERS += %D%/fuzz-nf
%C%_fuzz_nf_SOURCES = %D%/fuzz-nf.c
%C%_fuzz_nf_CFLAGS = $(AM_CFLAGS)
%C%_fuzz_nf_LDFLAGS = $(FUZZ_LINK)
if HAVE_CRYPTO
%C%_fuzz_nf_CFLAGS += -DNF_FUZZ_AES
%C%_fuzz_nf_LDADD = guest-pmd/nf/libnvaes.a guest-pmd/nf/libnvnf.a guest-pmd/libnetvm.a \
	$(CRYPTO_LIBS) -lm
else
%C%_fuzz_nf_LDADD = guest-pmd/nf/libnvnf.a guest-pmd/libnetvm.a -lm
endif
EXTRA_DIST += \
	%D%/corpus/nf/arp \
	%D%/corpus/nf/generated \
	%D%/corpus/nf/icmp4-echo \
	%D%/corpus/nf/l3-partial \
	%D%/corpus/nf/l3-right \
	%D%/corpus/nf/lies \
	%D%/corpus/nf/nat-echo \
	%D%/corpus/nf/nat-partial \
	%D%/corpus/nf/nat-right \
	%D%/corpus/nf/nd6-solicit \
	%D%/corpus/nf/tcp4-flow \
	%D%/corpus/nf/tcp4-gso \
	%D%/corpus/nf/tcp4-partial \
	%D%/corpus/nf/tcp4-pieces \
	%D%/corpus/nf/tcp4-two-tags \
	%D%/corpus/nf/tcp6 \
	%D%/corpus/nf/udp4-expired \
	%D%/corpus/nf/udp4-fragment \
	%D%/corpus/nf/udp4-nat-error \
	%D%/corpus/nf/udp4-options \
	%D%/corpus/nf/udp6-extensions

EXTRA_PROGRAMS += $(FUZZERS)
EXTRA_DIST += %D%/run

# Found inputs go to a folder that is thrown away; a crash leaves its input in
# the build folder, and the run says where.
if ENABLE_FUZZ
fuzz: $(FUZZERS)
	$(SHELL) $(srcdir)/tests/fuzz/run $(srcdir)/tests/fuzz/corpus $(FUZZ_SECONDS) $(FUZZERS)
else
fuzz:
	@echo "make fuzz: this tree was configured without --enable-fuzz (needs CC=clang)" >&2
	@exit 1
endif
