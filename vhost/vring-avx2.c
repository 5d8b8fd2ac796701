/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The hot loops, compiled for AVX2 and BMI2.
 * vring-select.c decides at run time who uses them.
 */
#include "vhost/vring-loops.h"
#include "vhost/vring-select.h"

const struct vring_ops vring_ops_avx2 = VRING_OPS("avx2");
