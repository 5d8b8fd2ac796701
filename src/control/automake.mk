# SPDX-License-Identifier: BSD-3-Clause
# The words and the config, GLib only: netvmctl links this too. Programs link
# src/packet's library behind it.
noinst_LIBRARIES += %D%/libnvconf.a
%C%_libnvconf_a_CFLAGS = $(AM_CFLAGS) $(GLIB_CFLAGS)
%C%_libnvconf_a_SOURCES = \
	%D%/error.c %D%/error.h \
	%D%/values.c %D%/values.h \
	%D%/settings.c %D%/settings.h %D%/settings-table.c \
	%D%/settings-nic.c %D%/settings-nic.h \
	%D%/settings-objects.c \
	%D%/settings-rates.c %D%/settings-rates.h \
	%D%/settings-shm.c %D%/settings-shm.h \
	%D%/ini.c %D%/ini.h \
	%D%/stdfds.c %D%/stdfds.h \
	%D%/conf.c %D%/conf.h %D%/conf-names.c

# The daemon's control plane without main(): tests link it with a data path of
# their own. Needs libnvconf.a and dp_*().
noinst_LIBRARIES += %D%/libnvcontrol.a
%C%_libnvcontrol_a_CFLAGS = $(AM_CFLAGS) $(GLIB_CFLAGS) $(JSON_CFLAGS)
%C%_libnvcontrol_a_SOURCES = \
	%D%/json.c %D%/json.h \
	%D%/log.c %D%/log.h \
	%D%/state.c %D%/state.h \
	%D%/rundir.c %D%/rundir.h \
	%D%/capture.c %D%/capture.h \
	%D%/capture-call.c \
	%D%/pcapng.c %D%/pcapng.h \
	%D%/rpc.c %D%/rpc.h \
	%D%/jsonrpc.c %D%/jsonrpc.h \
	%D%/control.c %D%/control.h \
	%D%/group.c \
	%D%/links.c \
	%D%/messages.c \
	%D%/network.c \
	%D%/port.c \
	%D%/reload.c \
	%D%/show.c %D%/show.h \
	%D%/show-port.c \
	%D%/methods.c %D%/methods.h

sbin_PROGRAMS += netvmd
netvmd_SOURCES = %D%/main.c
netvmd_CFLAGS = $(AM_CFLAGS) $(GLIB_CFLAGS) $(JSON_CFLAGS) $(SYSTEMD_CFLAGS)
netvmd_LDADD = %D%/libnvcontrol.a %D%/libnvconf.a src/datapath/libnvdatapath.a \
	vhost/libnvvhost.a src/shm/libnvshm.a src/packet/libnvpacket.a \
	$(DPDK_LIBS) $(PCAP_LIBS) $(JSON_LIBS) $(GLIB_LIBS) $(SYSTEMD_LIBS)
