# SPDX-License-Identifier: BSD-3-Clause
check_LIBRARIES += %D%/libnvfrontend.a
%C%_libnvfrontend_a_SOURCES = %D%/frontend.h %D%/conn.c %D%/memory.c %D%/device.c \
	%D%/ring.c %D%/ring-format.h %D%/ring-split.c %D%/ring-packed.c %D%/log.c

# A guest on the command line, for the system tests.
check_PROGRAMS += %D%/nvpeer
%C%_nvpeer_SOURCES = %D%/nvpeer.h %D%/nvpeer.c %D%/nvpeer-frame.c \
	%D%/nvpeer-traffic.c %D%/nvpeer-endure.c %D%/nvpeer-bend.c %D%/nvpeer-hostile.c \
	%D%/nvpeer-hostile-ring.c %D%/nvpeer-hostile-packed.c %D%/nvpeer-hostile-wrap.c \
	%D%/nvpeer-hostile-memory.c
%C%_nvpeer_LDADD = %D%/libnvfrontend.a
