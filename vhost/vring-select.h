/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The variants of the hot loops. Internal to vring*.c: others ask
 * vring_ops_select().
 */
#ifndef NETVM_VRING_SELECT_H
#define NETVM_VRING_SELECT_H

#include "vhost/vring.h"

extern const struct vring_ops vring_ops_sse;
extern const struct vring_ops vring_ops_avx2;   /* only with HAVE_AVX */
extern const struct vring_ops vring_ops_avx512; /* only with HAVE_AVX */

#endif
