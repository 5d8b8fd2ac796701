# SPDX-License-Identifier: BSD-3-Clause
# libnetvm, static and shared, of the same objects. It stands on libc alone.
# Programs of this tree link guest-pmd/libnetvm.a.

include_HEADERS = %D%/netvm.h %D%/netvm-abi.h

lib_LIBRARIES = %D%/libnetvm.a
%C%_libnetvm_a_CPPFLAGS = $(AM_CPPFLAGS) -DNETVM_VERSION='"$(PACKAGE_VERSION)"'
%C%_libnetvm_a_CFLAGS = $(AM_CFLAGS) -fPIC -fvisibility=hidden
%C%_libnetvm_a_SOURCES = \
	%D%/buffers.c \
	%D%/burst.c \
	%D%/error.c \
	%D%/nf.c \
	%D%/nf.h \
	%D%/nf-message.c \
	%D%/nf-options.c \
	%D%/nf-report.c \
	%D%/nf-thread.c \
	%D%/packet.c \
	%D%/pci.c \
	%D%/pci.h \
	%D%/port.c \
	%D%/port-check.c \
	%D%/private.h \
	%D%/short.c \
	%D%/short.h \
	%D%/stats.c \
	%D%/transport-ivshmem.c \
	%D%/transport-memory.c \
	%D%/transport-pci.c \
	%D%/transport-unix.c \
	%D%/transport-unix.h \
	%D%/wait.c

# A shared object is a program to automake, which links and installs it without
# libtool. The number changes when netvm.h stops to be compatible.
netvmlibdir = $(libdir)
netvmlib_PROGRAMS = %D%/libnetvm.so.0
%C%_libnetvm_so_0_SOURCES =
%C%_libnetvm_so_0_LDFLAGS = $(AM_LDFLAGS) -shared -Wl,-soname,libnetvm.so.0
%C%_libnetvm_so_0_LDADD = $(%C%_libnetvm_a_OBJECTS)

install-exec-hook: netvm-install-link
uninstall-hook: netvm-uninstall-link
netvm-install-link:
	cd '$(DESTDIR)$(libdir)' && ln -sf libnetvm.so.0 libnetvm.so
netvm-uninstall-link:
	rm -f '$(DESTDIR)$(libdir)/libnetvm.so'

pkgconfigdir = $(libdir)/pkgconfig
pkgconfig_DATA = %D%/libnetvm.pc
