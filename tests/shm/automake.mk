# SPDX-License-Identifier: BSD-3-Clause
# What bench and fuzzers share with it.
SHM_CLIENT = %D%/client.h %D%/client.c %D%/client-ring.c

# A network function on the command line, for the system tests.
check_PROGRAMS += %D%/shmpeer
%C%_shmpeer_SOURCES = %D%/shmpeer.h %D%/shmpeer.c %D%/shmpeer-frame.c %D%/shmpeer-modes.c \
	%D%/shmpeer-hostile.c %D%/shmpeer-memory.c $(SHM_CLIENT)
