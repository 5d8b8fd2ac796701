/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The hot loops, compiled for the baseline that every machine has.
 * vring-select.c decides at run time who uses them.
 */
#include "vhost/vring-loops.h"
#include "vhost/vring-select.h"

const struct vring_ops vring_ops_sse = VRING_OPS("sse");
