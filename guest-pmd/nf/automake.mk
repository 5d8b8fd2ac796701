# SPDX-License-Identifier: BSD-3-Clause
# The network functions: cores in a library, for programs, unit tests and the fuzzer;
# programs in LIBEXECDIR/netvm/nf, as their names are short. Linked statically where the
# compiler can, so that a guest needs nothing but the program.

noinst_LIBRARIES += %D%/libnvnf.a
%C%_libnvnf_a_SOURCES = \
	%D%/nf-packet.h %D%/nf-packet.c %D%/nf-edit.c \
	%D%/nf-flow.h %D%/nf-key.c %D%/nf-table.c \
	%D%/nf-state.h %D%/nf-state.c \
	%D%/nf-text.h %D%/nf-text.c %D%/nf-words.c \
	%D%/nf-program.h %D%/nf-program.c %D%/nf-options.c \
	%D%/nf-rules.h %D%/nf-rules.c \
	%D%/nf-lpm.h %D%/nf-lpm.c \
	%D%/nf-patterns.h %D%/nf-patterns.c \
	%D%/nf-reply.h %D%/nf-reply.c \
	%D%/balancer.h %D%/balancer.c \
	%D%/bridge.h %D%/bridge.c \
	%D%/firewall.h %D%/firewall.c \
	%D%/generator.h %D%/generator.c \
	%D%/l3fwd.h %D%/l3fwd.c %D%/l3-routes.c %D%/l3-error.c \
	%D%/limit.h %D%/limit.c \
	%D%/monitor.h %D%/monitor.c \
	%D%/nat.h %D%/nat.c %D%/nat-ports.c \
	%D%/router.h %D%/router.c \
	%D%/scan.h %D%/scan.c \
	%D%/tracker.h %D%/tracker.c

NF_LINK = $(AM_LDFLAGS) $(NF_STATIC)
NF_LIBS = %D%/libnvnf.a guest-pmd/libnetvm.a -lm

nfdir = $(libexecdir)/netvm/nf
nf_PROGRAMS = \
	%D%/basic-monitor \
	%D%/bridge \
	%D%/firewall \
	%D%/flow-tracker \
	%D%/l3fwd \
	%D%/load-balancer \
	%D%/load-generator \
	%D%/nat \
	%D%/nf-router \
	%D%/payload-scan \
	%D%/rate-limit \
	%D%/simple-forward \
	%D%/speed-tester

%C%_basic_monitor_SOURCES = %D%/basic-monitor-main.c
%C%_basic_monitor_LDFLAGS = $(NF_LINK)
%C%_basic_monitor_LDADD = $(NF_LIBS)
%C%_bridge_SOURCES = %D%/bridge-main.c
%C%_bridge_LDFLAGS = $(NF_LINK)
%C%_bridge_LDADD = $(NF_LIBS)
%C%_firewall_SOURCES = %D%/firewall-main.c
%C%_firewall_LDFLAGS = $(NF_LINK)
%C%_firewall_LDADD = $(NF_LIBS)
%C%_flow_tracker_SOURCES = %D%/flow-tracker-main.c
%C%_flow_tracker_LDFLAGS = $(NF_LINK)
%C%_flow_tracker_LDADD = $(NF_LIBS)
%C%_l3fwd_SOURCES = %D%/l3fwd-main.c
%C%_l3fwd_LDFLAGS = $(NF_LINK)
%C%_l3fwd_LDADD = $(NF_LIBS)
%C%_load_balancer_SOURCES = %D%/load-balancer-main.c
%C%_load_balancer_LDFLAGS = $(NF_LINK)
%C%_load_balancer_LDADD = $(NF_LIBS)
%C%_load_generator_SOURCES = %D%/load-generator-main.c
%C%_load_generator_LDFLAGS = $(NF_LINK)
%C%_load_generator_LDADD = $(NF_LIBS)
%C%_nat_SOURCES = %D%/nat-main.c
%C%_nat_LDFLAGS = $(NF_LINK)
%C%_nat_LDADD = $(NF_LIBS)
%C%_nf_router_SOURCES = %D%/nf-router-main.c
%C%_nf_router_LDFLAGS = $(NF_LINK)
%C%_nf_router_LDADD = $(NF_LIBS)
%C%_payload_scan_SOURCES = %D%/payload-scan-main.c
%C%_payload_scan_LDFLAGS = $(NF_LINK)
%C%_payload_scan_LDADD = $(NF_LIBS)
%C%_rate_limit_SOURCES = %D%/rate-limit-main.c
%C%_rate_limit_LDFLAGS = $(NF_LINK)
%C%_rate_limit_LDADD = $(NF_LIBS)
%C%_simple_forward_SOURCES = %D%/simple-forward.c
%C%_simple_forward_LDFLAGS = $(NF_LINK)
%C%_simple_forward_LDADD = $(NF_LIBS)
%C%_speed_tester_SOURCES = %D%/speed-tester-main.c
%C%_speed_tester_LDFLAGS = $(NF_LINK)
%C%_speed_tester_LDADD = $(NF_LIBS)

# The two that need OpenSSL.
if HAVE_CRYPTO
noinst_LIBRARIES += %D%/libnvaes.a
%C%_libnvaes_a_SOURCES = %D%/aes.h %D%/aes.c %D%/aes-program.c
%C%_libnvaes_a_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS)
nf_PROGRAMS += %D%/aes-encrypt %D%/aes-decrypt
%C%_aes_encrypt_SOURCES = %D%/aes-encrypt-main.c
%C%_aes_encrypt_LDFLAGS = $(NF_LINK)
%C%_aes_encrypt_LDADD = %D%/libnvaes.a $(NF_LIBS) $(NF_CRYPTO_LIBS)
%C%_aes_decrypt_SOURCES = %D%/aes-decrypt-main.c
%C%_aes_decrypt_LDFLAGS = $(NF_LINK)
%C%_aes_decrypt_LDADD = %D%/libnvaes.a $(NF_LIBS) $(NF_CRYPTO_LIBS)
endif
