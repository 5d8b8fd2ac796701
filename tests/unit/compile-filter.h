/* SPDX-License-Identifier: BSD-3-Clause */
/* Filters for tests of captures. */
#ifndef NETVM_COMPILE_FILTER_H
#define NETVM_COMPILE_FILTER_H

#include "src/datapath/datapath.h"

/* Compiles text as netvmctl does; the caller frees the instructions. */
struct dp_filter_insn *compile_filter(const char *text, uint32_t *n);

#endif
