# SPDX-License-Identifier: BSD-3-Clause
# The words and the config, GLib only: netvmctl links this too. Programs link
# src/packet's library behind it.
noinst_LIBRARIES += %D%/libnvconf.a
%C%_libnvconf_a_CFLAGS = $(AM_CFLAGS) $(GLIB_CFLAGS)
%C%_libnvconf_a_SOURCES = \
	%D%/error.c %D%/error.h \
	%D%/values.c %D%/values.h \
	%D%/settings.c %D%/settings.h \
	%D%/ini.c %D%/ini.h \
	%D%/conf.c %D%/conf.h
