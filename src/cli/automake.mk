# SPDX-License-Identifier: BSD-3-Clause
bin_PROGRAMS += netvmctl
netvmctl_SOURCES = \
	%D%/args.c %D%/args.h \
	%D%/capture.c \
	%D%/cli.h \
	%D%/client.c %D%/client.h \
	%D%/complete.c \
	%D%/config.c \
	%D%/domain.c \
	%D%/group.c \
	%D%/help.c \
	%D%/main.c \
	%D%/messages.c \
	%D%/network.c \
	%D%/port.c \
	%D%/say.c %D%/say.h \
	%D%/stats.c \
	%D%/status.c \
	%D%/table.c %D%/table.h \
	%D%/value.c %D%/value.h \
	%D%/watch.c %D%/watch.h \
	%D%/words.c %D%/words.h \
	%D%/worker.c %D%/worker.h
netvmctl_CPPFLAGS = $(AM_CPPFLAGS)
netvmctl_CFLAGS = $(AM_CFLAGS) $(GLIB_CFLAGS) $(JSON_CFLAGS) $(SMARTCOLS_CFLAGS) $(PCAP_CFLAGS)
netvmctl_LDADD = src/control/libnvconf.a src/packet/libnvpacket.a \
	$(SMARTCOLS_LIBS) $(PCAP_LIBS) $(JSON_LIBS) $(GLIB_LIBS)

bashcompdir = @bashcompdir@
dist_bashcomp_DATA = %D%/completions/netvmctl
