# SPDX-License-Identifier: BSD-3-Clause
check_LIBRARIES += %D%/libnvfrontend.a
%C%_libnvfrontend_a_SOURCES = %D%/frontend.h %D%/conn.c %D%/memory.c %D%/device.c %D%/ring.c
